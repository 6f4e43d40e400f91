// Law 8: what munmap and mprotect take away is gone on every CPU when they return. One thread takes away, others access
// as fast as they can. To be run with two CPUs.
#include "law.h"
#include <setjmp.h>

static volatile long *page;
static volatile int stop;
static volatile long faults;
static __thread sigjmp_buf back;

static void fault(int signo, siginfo_t *info, void *context) {
    (void)signo, (void)context;
    CHECK((char *)info->si_addr >= (char *)page && (char *)info->si_addr < (char *)page + PAGE, "a fault at %p", info->si_addr);
    __sync_fetch_and_add(&faults, 1);
    siglongjmp(back, 1);
}
static void *write_always(void *unused) {
    while (!stop) {
        if (!sigsetjmp(back, 1))
            for (;;) {
                if (stop) return unused;
                page[0]++;
            }
    }
    return unused;
}
static void linger(void) {
    for (volatile int i = 0; i < 3000; i++) {}
}

int main(void) {
    handle(SIGSEGV, fault, SA_NODEFER);
    page = (long *)map(PAGE, PROT_READ | PROT_WRITE);
    pthread_t threads[2];
    for (int i = 0; i < 2; i++) pthread_create(&threads[i], 0, write_always, 0);
    while (!page[0]) {}
    for (int round = 0; round < 150 || faults < 5; round++) {
        mprotect((void *)page, PAGE, PROT_READ);
        long before = page[0];
        linger();
        CHECK(page[0] == before, "written after mprotect had returned, in round %d", round);
        mprotect((void *)page, PAGE, PROT_READ | PROT_WRITE);
        linger();
    }
    for (int round = 0; round < 60 || faults < 10; round++) {
        // The frame goes back to the kernel and comes again for somebody else: a late write would be seen there.
        munmap((void *)page, PAGE);
        volatile long *other = (long *)map(PAGE, PROT_READ | PROT_WRITE);
        other[1] = 1;
        linger();
        CHECK(other != page ? other[0] == 0 : 1, "a write to an unmapped page reached another one, in round %d", round);
        if (other != page) {
            CHECK(mmap((void *)page, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == (void *)page, "mmap");
            munmap((void *)other, PAGE);
        }
        linger();
    }
    // fork takes write permission away, too: what the parent writes later is not the child's.
    for (int round = 0; round < 6; round++) {
        pid_t child = fork();
        CHECK(child >= 0, "fork: %s", strerror(errno));
        if (!child) {
            long before = page[0];
            for (int i = 0; i < 20; i++) linger();
            _exit(page[0] != before);
        }
        int status;
        waitpid(child, &status, 0);
        CHECK(status == 0, "a child saw its parent write, in round %d: %#x", round, status);
    }
    stop = 1;
    for (int i = 0; i < 2; i++) pthread_join(threads[i], 0);
    puts("law 8 holds");
    return 0;
}
