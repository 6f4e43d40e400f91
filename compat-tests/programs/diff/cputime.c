// Timers and limits of the time that a process and its threads spend on the CPU. Nothing here says how long anything
// took, only that what must come comes, and what must not come does not.
#include "show.h"
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/times.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static volatile int got[65];
static void on_signal(int signal) { got[signal]++; }

// Computes until a signal has come.
static void until(int signal) {
    while (!got[signal]) {}
    printf("signal %d came\n", signal);
}

static long long nanoseconds(clockid_t clock) {
    struct timespec time;
    if (clock_gettime(clock, &time)) return -1;
    return time.tv_sec * 1000000000ll + time.tv_nsec;
}

static void intervals(void) {
    struct itimerval timer = {{0, 0}, {0, 30000}}, left;
    int signals[] = {SIGVTALRM, SIGPROF}, which[] = {ITIMER_VIRTUAL, ITIMER_PROF};
    for (int i = 0; i < 2; i++) {
        SHOW(setitimer(which[i], &timer, 0));
        until(signals[i]);
        SHOW(getitimer(which[i], &left));
        printf("left %d\n", left.it_value.tv_sec || left.it_value.tv_usec);
    }
    timer.it_interval.tv_usec = 10000;
    got[SIGPROF] = 0;
    SHOW(setitimer(ITIMER_PROF, &timer, 0));
    while (got[SIGPROF] < 3) {}
    memset(&timer, 0, sizeof timer);
    SHOW(setitimer(ITIMER_PROF, &timer, &left));
    printf("period %d\n", (int)left.it_interval.tv_usec);
    SHOW(setitimer(3, &timer, 0));
}

static void timers(void) {
    clockid_t process, clocks[3] = {CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID};
    clock_getcpuclockid(getpid(), &process);
    clocks[2] = process;
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
    for (int i = 0; i < 3; i++) {
        timer_t timer;
        SHOW(timer_create(clocks[i], &event, &timer));
        struct itimerspec setting = {{0, 0}, {0, 20000000}};
        SHOW(timer_settime(timer, 0, &setting, 0));
        until(SIGUSR1);
        // At a time of that clock.
        long long at = nanoseconds(clocks[i]) + 20000000;
        setting.it_value = (struct timespec){at / 1000000000, at % 1000000000};
        got[SIGUSR1] = 0;
        SHOW(timer_settime(timer, TIMER_ABSTIME, &setting, 0));
        until(SIGUSR1);
        printf("late enough %d\n", nanoseconds(clocks[i]) >= at);
        SHOW(timer_gettime(timer, &setting));
        printf("left %ld\n", (long)setting.it_value.tv_nsec);
        SHOW(timer_delete(timer));
    }
    timer_t timer;
    SHOW(timer_create(77, &event, &timer));
}

static volatile int stop;
static void *computes(void *unused) {
    (void)unused;
    while (!stop) {}
    return 0;
}

static void other_threads(void) {
    pthread_t thread;
    clockid_t clock;
    pthread_create(&thread, 0, computes, 0);
    pthread_getcpuclockid(thread, &clock);
    // A thread that does not stop is seen to go on.
    long long first = nanoseconds(clock);
    while (nanoseconds(clock) < first + 5000000) sched_yield();
    printf("another thread's clock goes on\n");
    long long before = nanoseconds(CLOCK_PROCESS_CPUTIME_ID);
    while (nanoseconds(CLOCK_PROCESS_CPUTIME_ID) < before + 5000000) usleep(1000);
    printf("the process's clock goes on\n");
    stop = 1;
    pthread_join(thread, 0);
    struct rusage usage;
    SHOW(getrusage(RUSAGE_SELF, &usage));
    printf("used some %d\n", usage.ru_utime.tv_sec * 1000000 + usage.ru_utime.tv_usec > 0);
    struct tms times_used;
    printf("ticks %d\n", times(&times_used) != (clock_t)-1 && times_used.tms_utime > 0);
}

static void limits(void) {
    fflush(stdout);
    pid_t child = fork();
    if (!child) {
        struct rlimit limit = {1, 2};
        setrlimit(RLIMIT_CPU, &limit);
        // What is inherited counts for the child's own time.
        if (fork() == 0) {
            until(SIGXCPU);
            fflush(stdout);
            for (;;) {}
        }
        int status;
        wait(&status);
        printf("grandchild killed by %d\n", WIFSIGNALED(status) ? WTERMSIG(status) : 0);
        fflush(stdout);
        signal(SIGXCPU, SIG_DFL);
        for (;;) {}
    }
    int status;
    waitpid(child, &status, 0);
    printf("child killed by %d\n", WIFSIGNALED(status) ? WTERMSIG(status) : 0);
}

int main(void) {
    int signals[] = {SIGVTALRM, SIGPROF, SIGUSR1, SIGXCPU};
    for (int i = 0; i < 4; i++) signal(signals[i], on_signal);
    intervals();
    timers();
    other_threads();
    limits();
    return 0;
}
