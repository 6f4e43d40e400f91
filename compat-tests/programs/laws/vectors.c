// Law 4: vector state. A trap keeps all of it, through a switch to another thread, a signal and preemption; a call
// keeps the control words.
#include "law.h"
#include <immintrin.h>

static volatile int stop;
static int ends[2];

__attribute__((target("avx"))) static void spoil(void) {
    __asm__ volatile("vpcmpeqd %%xmm0, %%xmm0, %%xmm0\n vinsertf128 $1, %%xmm0, %%ymm0, %%ymm0\n vmovaps %%ymm0, %%ymm7\n"
                     "vmovaps %%ymm0, %%ymm9\n vmovaps %%ymm0, %%ymm15" ::: "xmm0", "xmm7", "xmm9", "xmm15");
}
static void handler(int signo, siginfo_t *info, void *context) {
    (void)signo, (void)info, (void)context;
    spoil();
}
// Rounding, in MXCSR and in the x87 control word: 0 to nearest, 1 down, 2 up, 3 to zero.
static void set_rounding(unsigned mode) {
    unsigned short control;
    _mm_setcsr((_mm_getcsr() & ~0x6000u) | mode << 13);
    __asm__ volatile("fnstcw %0" : "=m"(control));
    control = (control & ~0x0c00) | mode << 10;
    __asm__ volatile("fldcw %0" : : "m"(control));
}
static unsigned rounding(void) {
    unsigned short control;
    __asm__ volatile("fnstcw %0" : "=m"(control));
    return (_mm_getcsr() >> 13 & 3) << 4 | (control >> 10 & 3);
}
static void *rival(void *unused) {
    set_rounding(1);
    while (!stop) {
        spoil();
        CHECK(write(ends[1], "x", 1) == 1, "write: %s", strerror(errno));
        for (volatile int i = 0; i < 20000; i++) {}
    }
    return unused;
}

// Fills ymm0, ymm7, ymm9 and ymm15 from `from`, traps with call `number`, spins, and puts them to `to`.
__attribute__((target("avx"), noinline)) static long keep(const float *from, float *to, long number, long a, long b, long c, long spin) {
    long result = number;
    __asm__ volatile(
        "vmovups (%[from]), %%ymm0\n vmovups 32(%[from]), %%ymm7\n vmovups 64(%[from]), %%ymm9\n vmovups 96(%[from]), %%ymm15\n"
        "syscall\n"
        "1: dec %[spin]\n jnz 1b\n"
        "vmovups %%ymm0, (%[to])\n vmovups %%ymm7, 32(%[to])\n vmovups %%ymm9, 64(%[to])\n vmovups %%ymm15, 96(%[to])\n"
        : "+a"(result), [spin] "+r"(spin)
        : [from] "r"(from), [to] "r"(to), "D"(a), "S"(b), "d"(c)
        : "rcx", "r11", "xmm0", "xmm7", "xmm9", "xmm15", "memory");
    return result;
}

int main(void) {
    if (!__builtin_cpu_supports("avx")) {
        puts("law 4 cannot be shown: no AVX");
        return 1;
    }
    CHECK(!pipe(ends), "pipe: %s", strerror(errno));
    pthread_t threads[2];
    for (int i = 0; i < 2; i++) pthread_create(&threads[i], 0, rival, 0);
    handle(SIGALRM, handler, SA_RESTART);
    handle(SIGUSR1, handler, 0);
    tick(2000);
    set_rounding(2);
    float from[32], to[32];
    for (int i = 0; i < 32; i++) from[i] = i + 0.5f;
    for (int round = 0; round < 200; round++) {
        char byte;
        // A call that blocks and switches; a call that sends a signal to itself; a call that does nothing.
        memset(to, 0, sizeof to);
        CHECK(keep(from, to, SYS_read, ends[0], (long)&byte, 1, 1) == 1, "read");
        CHECK(!memcmp(from, to, sizeof to), "a trap that switched lost vector state in round %d", round);
        memset(to, 0, sizeof to);
        keep(from, to, SYS_tgkill, getpid(), syscall(SYS_gettid), SIGUSR1, 1);
        CHECK(!memcmp(from, to, sizeof to), "a signal lost vector state in round %d", round);
        memset(to, 0, sizeof to);
        keep(from, to, SYS_getppid, 0, 0, 0, 200000);
        CHECK(!memcmp(from, to, sizeof to), "preemption lost vector state in round %d", round);
        if (vector()) {
            CHECK(vector()[SYS_read](ends[0], (long)&byte, 1, 0, 0, 0) == 1, "read by call");
        }
        CHECK(rounding() == 0x22, "the rounding mode changed in round %d", round);
    }
    stop = 1;
    tick(0);
    for (int i = 0; i < 2; i++) pthread_join(threads[i], 0);
    puts("law 4 holds");
    return 0;
}
