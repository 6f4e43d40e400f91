// Signals: delivery, masks, queues, waits, stacks, timers, faults.
#include "show.h"
#include <sys/mman.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

static volatile int count;
static siginfo_t last;
static int ends[2];

static void note(int signo, siginfo_t *info, void *context) {
    (void)signo, (void)context;
    last = *info;
    count++;
}
// Goes on two bytes further: behind ud2 or div ebx.
static void skip(int signo, siginfo_t *info, void *context) {
    ucontext_t *at = context;
    at->uc_mcontext.gregs[REG_RIP] += 2;
    at->uc_mcontext.gregs[REG_R12] = 77;
    note(signo, info, context);
}
static void set(int signo, void (*handler)(int, siginfo_t *, void *), int flags) {
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = flags | SA_SIGINFO};
    sigaction(signo, &action, 0);
    count = 0;
}

static void *disturb(void *reader) {
    usleep(50000);
    pthread_kill(*(pthread_t *)reader, SIGUSR1);
    usleep(50000);
    return (void *)write(ends[1], "x", 1);
}

static void interrupted_reads(void) {
    pthread_t self = pthread_self(), thread;
    char byte;
    set(SIGUSR1, note, 0);
    pthread_create(&thread, 0, disturb, &self);
    SHOW(read(ends[0], &byte, 1));
    pthread_join(thread, 0);
    SHOW(read(ends[0], &byte, 1));
    printf("handled: %d code %d\n", count, last.si_code);
    set(SIGUSR1, note, SA_RESTART);
    pthread_create(&thread, 0, disturb, &self);
    SHOW(read(ends[0], &byte, 1));
    pthread_join(thread, 0);
    SHOW(count);
}

static void queues(void) {
    union sigval value = {.sival_int = 1234};
    set(SIGUSR1, note, SA_RESTART);
    SHOW(sigqueue(getpid(), SIGUSR1, value));
    printf("queued: code %d value %d from here %d\n", last.si_code, last.si_value.sival_int, last.si_pid == getpid());
    sigset_t some, old, pending;
    sigemptyset(&some);
    sigaddset(&some, SIGUSR1);
    sigaddset(&some, SIGRTMIN);
    SHOW(sigprocmask(SIG_BLOCK, &some, &old));
    count = 0;
    raise(SIGUSR1);
    raise(SIGUSR1);
    for (value.sival_int = 1; value.sival_int <= 2; value.sival_int++) SHOW(sigqueue(getpid(), SIGRTMIN, value));
    SHOW(sigpending(&pending));
    printf("pending: %d %d handled %d\n", sigismember(&pending, SIGUSR1), sigismember(&pending, SIGRTMIN), count);
    siginfo_t info;
    SHOW(sigwaitinfo(&some, &info) == SIGUSR1);
    for (int i = 0; i < 2; i++) {
        SHOW(sigwaitinfo(&some, &info) == SIGRTMIN);
        SHOW(info.si_value.sival_int);
    }
    struct timespec limit = {0, 10000000};
    SHOW(sigtimedwait(&some, &info, &limit));
    raise(SIGUSR1);
    SHOW(sigsuspend(&old));
    SHOW(count);
    SHOW(sigprocmask(SIG_SETMASK, &old, 0));
}

static void faults(void) {
    register long kept __asm__("r12") = 1;
    set(SIGILL, skip, 0);
    __asm__ volatile("ud2" : "+r"(kept) : : "memory");
    printf("ud2: handled %d code %d register %ld\n", count, last.si_code, kept);
    set(SIGFPE, skip, 0);
    __asm__ volatile("div %%ebx" : "+r"(kept) : "a"(1), "b"(0), "d"(0) : "memory");
    printf("div: handled %d code %d\n", count, last.si_code);
}

static char *stack;
static volatile int on_stack;
static void look(int signo, siginfo_t *info, void *context) {
    char here;
    stack_t now;
    (void)signo, (void)info, (void)context;
    sigaltstack(0, &now);
    on_stack = (&here >= stack && &here < stack + 65536) + 2 * ((now.ss_flags & SS_ONSTACK) != 0);
}

static sigjmp_buf back;
static void escape(int signo, siginfo_t *info, void *context) {
    (void)context;
    last = *info;
    siglongjmp(back, signo);
}

static void stacks(void) {
    stack = malloc(65536);
    stack_t alternate = {.ss_sp = stack, .ss_size = 65536}, small = {.ss_sp = stack, .ss_size = 100};
    SHOW(sigaltstack(&small, 0));
    SHOW(sigaltstack(&alternate, 0));
    set(SIGUSR2, look, SA_ONSTACK);
    raise(SIGUSR2);
    SHOW(on_stack);
    set(SIGSEGV, escape, SA_ONSTACK);
    if (!sigsetjmp(back, 1)) {
        // A stack pointer that points nowhere: only the alternate stack can take the frame.
        __asm__ volatile("mov $16, %%esp\n push %%rax" : : : "memory");
    }
    printf("no stack: signal %d code %d\n", last.si_signo, last.si_code);
    // A frame that cannot be written is a fault, which has its handler on the other stack.
    char *closed = mmap(0, 65536, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    stack_t read_only = {.ss_sp = closed, .ss_size = 65536};
    sigaltstack(&read_only, 0);
    set(SIGSEGV, note, 0);
    set(SIGUSR2, look, SA_ONSTACK);
    volatile double kept = 1.5;
    SHOW(raise(SIGUSR2));
    printf("no frame: signal %d code %d, %g\n", last.si_signo, last.si_code, kept);
    alternate.ss_flags = 0;
    SHOW(sigaltstack(&alternate, 0));
}

static void timers(void) {
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1, .sigev_value.sival_int = 55};
    struct itimerspec every = {{0, 5000000}, {0, 5000000}};
    timer_t timer;
    set(SIGUSR1, note, 0);
    SHOW(timer_create(CLOCK_MONOTONIC, &event, &timer));
    SHOW(timer_settime(timer, 0, &every, 0));
    while (count < 3) usleep(1000);
    SHOW(timer_delete(timer));
    printf("timer: code %d value %d\n", last.si_code, last.si_value.sival_int);
    struct itimerval once = {{0, 0}, {0, 20000}};
    set(SIGALRM, note, 0);
    SHOW(setitimer(ITIMER_REAL, &once, 0));
    while (!count) usleep(1000);
    printf("itimer: handled %d code %d\n", count, last.si_code);
}

static void *nothing(void *unused) { return unused; }

static void refusals(void) {
    sigset_t set;
    SHOW(kill(99999, 0));
    SHOW(syscall(SYS_tgkill, getpid(), getpid(), 65));
    SHOW(syscall(SYS_rt_sigaction, SIGKILL, &set, 0, 8));
    SHOW(syscall(SYS_rt_sigaction, SIGUSR1, 0, 0, 4));
    SHOW(syscall(SYS_rt_sigprocmask, 99, &set, 0, 8));
    // What a mask cannot hold back.
    sigfillset(&set);
    SHOW(sigprocmask(SIG_SETMASK, &set, 0));
    SHOW(sigprocmask(SIG_SETMASK, 0, &set));
    SHOW(sigismember(&set, SIGKILL));
    SHOW(sigismember(&set, SIGSTOP));
    SHOW(sigismember(&set, SIGTERM));
    pthread_t thread;
    SHOW(pthread_create(&thread, 0, nothing, 0));
    SHOW(pthread_join(thread, 0));
}

int main(void) {
    setvbuf(stdout, 0, _IONBF, 0);
    SHOW(pipe(ends));
    interrupted_reads();
    queues();
    faults();
    stacks();
    timers();
    refusals();
    puts("end");
    return 0;
}
