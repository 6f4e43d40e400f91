// Restartable sequences.
#include "show.h"
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define SIGNATURE 0x53053053

struct area {
    uint32_t cpu_start, cpu;
    uint64_t section;
    uint32_t flags, node, concurrency, rest;
} __attribute__((aligned(32)));

static struct area area;
// The area that libc registered for each thread, if it did so.
extern const ptrdiff_t __rseq_offset __attribute__((weak));
extern const unsigned int __rseq_size __attribute__((weak));

static int rseq(void *at, uint32_t length, int flags, uint32_t signature) {
    return syscall(SYS_rseq, at, length, flags, signature);
}

static void free_from_libc(void) {
    if (&__rseq_offset && &__rseq_size && __rseq_size)
        rseq((char *)__builtin_thread_pointer() + __rseq_offset, 32, 1, SIGNATURE);
}

// Announces a section and stays in it until it is aborted.
static void spin(struct area *at) {
    __asm__ volatile(
        ".pushsection __rseq_sections, \"aw\"\n"
        ".balign 32\n"
        "1: .long 0, 0\n"
        ".quad 2f, 3f - 2f, 4f\n"
        ".popsection\n"
        "lea 1b(%%rip), %%rax\n"
        "mov %%rax, 8(%0)\n"
        "2: pause\n"
        "jmp 2b\n"
        "3: ud2\n"
        ".long %c1\n"
        "4:\n"
        :
        : "r"(at), "i"(SIGNATURE)
        : "rax", "memory", "cc");
}

// As spin, with what stands before the abort handler wrong.
static void spin_wrong(struct area *at) {
    __asm__ volatile(
        ".pushsection __rseq_sections, \"aw\"\n"
        ".balign 32\n"
        "1: .long 0, 0\n"
        ".quad 2f, 3f - 2f, 4f\n"
        ".popsection\n"
        "lea 1b(%%rip), %%rax\n"
        "mov %%rax, 8(%0)\n"
        "2: pause\n"
        "jmp 2b\n"
        "3: ud2\n"
        ".long 0x12345678\n"
        "4:\n"
        :
        : "r"(at)
        : "rax", "memory", "cc");
}

static volatile int signals;
static void on_signal(int signal) {
    (void)signal;
    signals++;
}

static void soon(void) {
    struct itimerval timer = {{0, 0}, {0, 20000}};
    setitimer(ITIMER_REAL, &timer, 0);
}

static volatile int stop;
static void *competes(void *unused) {
    (void)unused;
    while (!stop) sched_yield();
    return 0;
}

static void *has_none(void *unused) {
    (void)unused;
    free_from_libc();
    static struct area own;
    SHOW(rseq(&own, 32, 1, SIGNATURE));
    SHOW(rseq(&own, 32, 0, SIGNATURE));
    return 0;
}

int main(void) {
    free_from_libc();
    SHOW(rseq(&area, 32, 1, SIGNATURE));
    SHOW(rseq(&area, 31, 0, SIGNATURE));
    SHOW(rseq((char *)&area + 8, 32, 0, SIGNATURE));
    SHOW(rseq(&area, 32, 2, SIGNATURE));
    SHOW(rseq((void *)0xffff800000000000, 32, 0, SIGNATURE));
    area.cpu = area.cpu_start = 77;
    SHOW(rseq(&area, 32, 0, SIGNATURE));
    unsigned cpu = 99;
    syscall(SYS_getcpu, &cpu, 0, 0);
    // Between the two nothing has moved the thread, or it is read anew.
    for (int again = 0; again < 10 && area.cpu != cpu; again++) syscall(SYS_getcpu, &cpu, 0, 0);
    printf("cpu known %d node %u\n", area.cpu == cpu && area.cpu_start == cpu, area.node);
    SHOW(rseq(&area, 32, 0, SIGNATURE));
    SHOW(rseq(&area, 32, 0, SIGNATURE + 1));
    SHOW(rseq(&area, 64, 0, SIGNATURE));
    SHOW(rseq(&area, 32, 1, SIGNATURE + 1));
    SHOW(rseq(&area, 64, 1, SIGNATURE));
    // A signal in the middle.
    signal(SIGALRM, on_signal);
    soon();
    // Others on the machine may preempt it before.
    while (!signals) spin(&area);
    printf("aborted by a signal %d, announced %d\n", signals, area.section != 0);
    // One that is not handled, but lets another thread run on the only CPU there is for both.
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(area.cpu, &one);
    SHOW(sched_setaffinity(0, sizeof one, &one));
    pthread_t thread;
    pthread_create(&thread, 0, competes, 0);
    for (int i = 0; i < 3; i++) {
        spin(&area);
        printf("aborted by a preemption\n");
    }
    stop = 1;
    pthread_join(thread, 0);
    pthread_create(&thread, 0, has_none, 0);
    pthread_join(thread, 0);
    // On every CPU there is.
    cpu_set_t all;
    CPU_ZERO(&all);
    int right = 1;
    for (int i = 0; i < 64; i++) {
        CPU_ZERO(&one);
        CPU_SET(i, &one);
        if (sched_setaffinity(0, sizeof one, &one) == 0) right &= area.cpu == (unsigned)i;
    }
    printf("right everywhere %d\n", right);
    fflush(stdout);
    // A child has its own copy, and is registered.
    pid_t child = fork();
    if (!child) {
        int busy = rseq(&area, 32, 0, SIGNATURE) == -1 && errno == EBUSY;
        soon();
        spin(&area);
        _exit(busy ? 0 : 1);
    }
    int status;
    waitpid(child, &status, 0);
    printf("child ended %d\n", WEXITSTATUS(status));
    child = fork();
    if (!child) {
        soon();
        spin_wrong(&area);
        _exit(1);
    }
    waitpid(child, &status, 0);
    printf("child killed by %d\n", WTERMSIG(status));
    SHOW(rseq(&area, 32, 1, SIGNATURE));
    printf("cpu %x start %u\n", area.cpu, area.cpu_start);
    SHOW(rseq(&area, 32, 1, SIGNATURE));
    return 0;
}
