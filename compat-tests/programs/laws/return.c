// Law 7: rt_sigreturn forces interrupts on and privilege for ports off, whatever a handler wrote into its frame; and an
// application that executes what only a kernel may is stopped by a signal where the machine can tell.
#include "law.h"
#include <ucontext.h>

static unsigned long forged;
static void forge(int signo, siginfo_t *info, void *context) {
    (void)signo, (void)info;
    ((ucontext_t *)context)->uc_mcontext.gregs[REG_EFL] = forged;
}

static unsigned long flags_after(unsigned long flags) {
    forged = flags;
    raise(SIGUSR1);
    unsigned long now;
    __asm__ volatile("pushfq\n pop %0\n push $0x202\n popfq" : "=r"(now) : : "memory", "cc");
    return now;
}

static volatile int stop;
static void *spin(void *unused) {
    while (!stop) {}
    return unused;
}

int main(void) {
    handle(SIGUSR1, forge, 0);
    for (unsigned long flags = 0; flags < 0x8000; flags += 0x1000) {
        unsigned long now = flags_after(flags | 2);
        CHECK(now & 0x200, "a frame with flags %#lx turned interrupts off", flags);
        CHECK(!(now & 0x7000), "a frame with flags %#lx left IOPL or NT: %#lx", flags, now);
    }
    // With interrupts off nobody else would run on this CPU any more.
    pthread_t thread;
    pthread_create(&thread, 0, spin, 0);
    flags_after(2);
    for (volatile long i = 0; i < 20000000; i++) {}
    stop = 1;
    pthread_join(thread, 0);
    puts("law 7 holds");
    return 0;
}
