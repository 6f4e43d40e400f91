// Time: that clocks go forward and together, that sleeps are long enough, and what is refused. Nothing here asks how
// long something took at most.
#include "show.h"
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/times.h>
#include <time.h>
#include <unistd.h>

static long long now(clockid_t clock) {
    struct timespec at;
    clock_gettime(clock, &at);
    return at.tv_sec * 1000000000LL + at.tv_nsec;
}
static void nothing(int signo) { (void)signo; }

int main(void) {
    static const clockid_t clocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID,
        CLOCK_MONOTONIC_RAW, CLOCK_REALTIME_COARSE, CLOCK_MONOTONIC_COARSE, CLOCK_BOOTTIME, CLOCK_TAI, 99, -1};
    setvbuf(stdout, 0, _IONBF, 0);
    for (size_t i = 0; i < sizeof clocks / sizeof *clocks; i++) {
        struct timespec at;
        int by_libc = clock_gettime(clocks[i], &at) ? errno : 0;
        int by_kernel = syscall(SYS_clock_gettime, clocks[i], &at) ? errno : 0;
        printf("clock %d: %s %s", clocks[i], error_name(by_libc), error_name(by_kernel));
        long long before = now(clocks[i]), back = 0;
        for (int n = 0; n < 1000; n++) {
            long long after = now(clocks[i]);
            back += after < before;
            before = after;
        }
        printf(" went back %lld\n", back);
    }
    struct timespec short_time = {0, 20000000}, left, negative = {-1, 0}, long_ns = {0, 1000000000};
    long long start = now(CLOCK_MONOTONIC);
    SHOW(nanosleep(&short_time, 0));
    SHOW(now(CLOCK_MONOTONIC) - start >= 20000000);
    start = now(CLOCK_MONOTONIC);
    struct timespec until = {(start + 20000000) / 1000000000, (start + 20000000) % 1000000000};
    SHOW(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, 0));
    SHOW(now(CLOCK_MONOTONIC) >= start + 20000000);
    SHOW(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, 0));
    SHOW(nanosleep(&negative, 0));
    SHOW(nanosleep(&long_ns, 0));
    SHOW(nanosleep((void *)1, 0));
    SHOW(clock_nanosleep(99, 0, &short_time, 0));
    SHOW(clock_nanosleep(CLOCK_THREAD_CPUTIME_ID, 0, &short_time, 0));
    struct sigaction action = {.sa_handler = nothing};
    sigaction(SIGALRM, &action, 0);
    SHOW(alarm(100));
    SHOW(alarm(1));
    struct timespec minute = {60, 0};
    SHOW(nanosleep(&minute, &left));
    SHOW(left.tv_sec > 30 && left.tv_sec < 60);
    SHOW(alarm(0));
    struct itimerval none = {{0, 0}, {0, 0}}, bad = {{0, 0}, {0, 1000000}}, old;
    SHOW(setitimer(ITIMER_REAL, &bad, 0));
    SHOW(setitimer(ITIMER_REAL, &none, &old));
    SHOW(old.it_value.tv_sec);
    SHOW(setitimer(99, &none, 0));
    // The calls agree with each other.
    struct timeval day;
    SHOW(gettimeofday(&day, 0));
    SHOW(llabs(now(CLOCK_REALTIME) / 1000000000 - day.tv_sec) <= 1);
    SHOW(llabs(time(0) - (long long)day.tv_sec) <= 1);
    SHOW(day.tv_sec > 1700000000);
    struct timespec resolution;
    SHOW(clock_getres(CLOCK_MONOTONIC, &resolution));
    SHOW(resolution.tv_sec);
    SHOW(resolution.tv_nsec);
    SHOW(clock_getres(99, &resolution));
    SHOW(sysconf(_SC_CLK_TCK));
    long long worked = now(CLOCK_PROCESS_CPUTIME_ID);
    for (volatile int i = 0; i < 3000000; i++) {}
    SHOW(now(CLOCK_PROCESS_CPUTIME_ID) > worked);
    struct tms used;
    WORKS(times(&used));
    struct tm parts;
    time_t moment = 1000000000;
    char text[100];
    strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S %j %a", gmtime_r(&moment, &parts));
    printf("a moment: %s\n", text);
    puts("end");
    return 0;
}
