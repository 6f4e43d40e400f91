// What the programs of the laws share. Each checks one law of docs/architecture.md as far as an application can see
// it, by trap and, where the kernel gives a call vector, by call; it says what it checked and ends with 0, or says what
// was broken and ends with 1. All of them pass on Linux, too, where there is only the trap.
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096ul
// The private entry of the auxiliary vector that leads to the call vector (abi/src/shared.rs).
#define AT_OSV_VECTOR 0x4f535600

typedef long (*row)(long, long, long, long, long, long);

__attribute__((unused)) static row *vector(void) { return (row *)getauxval(AT_OSV_VECTOR); }

#define CHECK(holds, ...)                                  \
    do {                                                   \
        if (!(holds)) {                                    \
            printf("broken at line %d: ", __LINE__);       \
            printf(__VA_ARGS__);                           \
            puts("");                                      \
            exit(1);                                       \
        }                                                  \
    } while (0)

__attribute__((unused)) static char *map(size_t length, int protection) {
    char *at = mmap(0, length, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(at != MAP_FAILED, "mmap: %s", strerror(errno));
    return at;
}

__attribute__((unused)) static void handle(int signo, void (*handler)(int, siginfo_t *, void *), int flags) {
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | flags};
    sigaction(signo, &action, 0);
}

// A signal every so many microseconds of real time.
__attribute__((unused)) static void tick(long microseconds) {
    struct itimerval every = {{0, microseconds}, {0, microseconds}};
    setitimer(ITIMER_REAL, &every, 0);
}
