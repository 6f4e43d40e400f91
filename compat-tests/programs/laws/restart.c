// Law 3: what a signal handler sees of an interrupted call, what becomes of the call, and that no return goes through
// the application's memory.
#include "law.h"
#include <ucontext.h>

static int ends[2];
static volatile unsigned long seen_rip, seen_rax;
static volatile int handled;
static void note(int signo, siginfo_t *info, void *context) {
    (void)signo, (void)info;
    ucontext_t *at = context;
    seen_rip = at->uc_mcontext.gregs[REG_RIP];
    seen_rax = at->uc_mcontext.gregs[REG_RAX];
    handled++;
}

// read(fd, buffer, 1) by trap with the instruction's address in trapped_at, or by call.
extern char trapped_at[], trapped_to[];
long trap_read(int fd, char *buffer);
__asm__("trap_read: xor %eax, %eax\n mov $1, %edx\n trapped_at: syscall\n trapped_to: ret\n");

// As trap_read, by call: *where is where the return address stands, which another thread spoils.
long call_read(void *entry, int fd, char *buffer, char **where);
__asm__(
    "call_read: push %rbp\n mov %rsp, %rbp\n sub $64, %rsp\n and $-16, %rsp\n"
    "lea -8(%rsp), %rax\n mov %rax, (%rcx)\n"
    "mov %rdi, %rax\n mov %esi, %edi\n mov %rdx, %rsi\n mov $1, %edx\n call *%rax\n"
    "leave\n ret\n");

static pthread_t reader;
static char *volatile return_slot;
static volatile int spoil;

static void *disturb(void *unused) {
    usleep(100000);
    if (spoil) {
        memset(return_slot, 0x11, 8);
        usleep(20000);
    } else {
        pthread_kill(reader, SIGUSR1);
        usleep(100000);
    }
    CHECK(write(ends[1], "x", 1) == 1, "write: %s", strerror(errno));
    return unused;
}

static long disturbed(int call, int flags, int spoiled) {
    pthread_t other;
    char byte;
    handle(SIGUSR1, note, flags);
    handled = 0;
    spoil = spoiled;
    reader = pthread_self();
    pthread_create(&other, 0, disturb, 0);
    long got = call ? call_read((void *)vector()[SYS_read], ends[0], &byte, (char **)&return_slot) : trap_read(ends[0], &byte);
    pthread_join(other, 0);
    if (got < 0) CHECK(read(ends[0], &byte, 1) == 1, "read: %s", strerror(errno));
    return got;
}

int main(void) {
    CHECK(!pipe(ends), "pipe: %s", strerror(errno));
    long got = disturbed(0, 0, 0);
    CHECK(got == -EINTR && handled == 1, "without SA_RESTART read gave %ld after %d signals", got, handled);
    CHECK(seen_rip == (uintptr_t)trapped_to && (long)seen_rax == -EINTR, "EINTR: rip %#lx rax %ld", seen_rip, seen_rax);
    got = disturbed(0, SA_RESTART, 0);
    CHECK(got == 1 && handled == 1, "with SA_RESTART read gave %ld after %d signals", got, handled);
    CHECK(seen_rip == (uintptr_t)trapped_at && seen_rax == SYS_read, "restart: rip %#lx rax %ld", seen_rip, seen_rax);
    if (vector()) {
        got = disturbed(1, 0, 0);
        CHECK(got == -EINTR && handled == 1, "by call, without SA_RESTART read gave %ld after %d signals", got, handled);
        got = disturbed(1, SA_RESTART, 0);
        CHECK(got == 1 && handled == 1, "by call, with SA_RESTART read gave %ld after %d signals", got, handled);
        CHECK(seen_rip == (uintptr_t)vector()[SYS_read], "by call, restart: rip %#lx is not the row's start", seen_rip);
        got = disturbed(1, 0, 1);
        CHECK(got == 1, "a call whose return address was spoilt meanwhile gave %ld", got);
    }
    puts("law 3 holds for restarts");
    return 0;
}
