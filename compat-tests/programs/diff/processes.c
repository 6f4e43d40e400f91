// Processes: fork, exec, wait, groups, descriptors and memory of children.
#include "show.h"
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void show_status(const char *what, int status) {
    if (WIFEXITED(status)) printf("%s: exited %d\n", what, WEXITSTATUS(status));
    else if (WIFSIGNALED(status)) printf("%s: signal %d\n", what, WTERMSIG(status));
    else if (WIFSTOPPED(status)) printf("%s: stopped %d\n", what, WSTOPSIG(status));
    else if (WIFCONTINUED(status)) printf("%s: continued\n", what);
    else printf("%s: %#x\n", what, status);
}

// Runs `body` in a child and shows how that ended.
#define CHILD(what, body)                     \
    do {                                      \
        int status_;                          \
        pid_t child_ = fork();                \
        if (!child_) {                        \
            body;                             \
            _exit(99);                        \
        }                                     \
        waitpid(child_, &status_, 0);         \
        show_status(what, status_);           \
    } while (0)

static void *exec_itself(void *program) {
    execl(program, program, "7", (char *)0);
    _exit(98);
}
static void *wait_for_ever(void *unused) {
    for (;;) pause();
    return unused;
}

// Deeper than the stack may get.
static __attribute__((noinline)) long overflow(void) {
    volatile char room[9 << 20];
    for (long i = sizeof room - 1; i >= 0; i -= 4096) room[i] = 1;
    return room[0];
}

int main(int count, char **arguments) {
    setvbuf(stdout, 0, _IONBF, 0);
    // Started anew: its argument is its status.
    if (count > 1) return atoi(arguments[1]);
    const char *self = arguments[0];
    int status, ends[2];
    volatile int value = 1;
    volatile int *volatile nowhere = (int *)8;
    CHILD("exit", _exit(42));
    CHILD("exit with more than a byte", _exit(0x1234));
    CHILD("SIGKILL", raise(SIGKILL));
    CHILD("SIGTERM", raise(SIGTERM));
    CHILD("abort", abort());
    CHILD("write to 8", *nowhere = 1);
    CHILD("exec", execl(self, self, "5", (char *)0));
    CHILD("exec of nothing", execl("/nope", "nope", (char *)0); _exit(errno));
    CHILD("exec of a directory", execl("/tmp", "tmp", (char *)0); _exit(errno));
    CHILD("exec with bad arguments", syscall(SYS_execve, self, (char **)1, 0); _exit(errno));
    CHILD("exec from a thread", pthread_t t; pthread_create(&t, 0, exec_itself, (void *)self); pause());
    CHILD("exit with threads", pthread_t t; for (int i = 0; i < 4; i++) pthread_create(&t, 0, wait_for_ever, 0); exit(8));
    CHILD("own memory", _exit(value + 1); value = 3);
    SHOW(value);
    pid_t child = vfork();
    if (!child) {
        value = 2;
        _exit(6);
    }
    waitpid(child, &status, 0);
    show_status("vfork", status);
    SHOW(value);

    // Offsets are shared between parent and child, descriptors are not.
    int fd = open("/tmp/processes", O_RDWR | O_CREAT | O_TRUNC, 0600);
    CHILD("writes", _exit(write(fd, "abc", 3)));
    SHOW(lseek(fd, 0, SEEK_CUR));
    CHILD("closes", _exit(close(fd)));
    SHOW(fcntl(fd, F_GETFD));
    SHOW(pipe2(ends, O_CLOEXEC));
    CHILD("pipe", _exit(write(ends[1], "x", 1)));
    char byte;
    SHOW(read(ends[0], &byte, 1));

    // Stops and continuations.
    int goes_on[2];
    SHOW(pipe(goes_on));
    child = fork();
    if (!child) {
        raise(SIGSTOP);
        read(goes_on[0], &byte, 1);
        _exit(3);
    }
    SHOW(waitpid(child, &status, WUNTRACED) == child);
    show_status("stop", status);
    SHOW(kill(child, SIGCONT));
    SHOW(waitpid(child, &status, WCONTINUED) == child);
    show_status("continue", status);
    // Only now does it end: an end is told before a continuation.
    SHOW(write(goes_on[1], "x", 1));
    SHOW(waitpid(child, &status, 0) == child);
    show_status("end", status);
    SHOW(waitpid(child, &status, 0));
    SHOW(waitpid(-1, &status, WNOHANG));
    siginfo_t info;
    child = fork();
    if (!child) _exit(4);
    SHOW(waitid(P_PID, child, &info, WEXITED | WNOWAIT));
    printf("waitid: code %d status %d pid %d\n", info.si_code, info.si_status, info.si_pid == child);
    SHOW(waitid(P_PID, child, &info, WEXITED));
    SHOW(waitid(P_PID, child, &info, WEXITED));
    signal(SIGCHLD, SIG_IGN);
    child = fork();
    if (!child) _exit(0);
    SHOW(waitpid(child, &status, 0));
    signal(SIGCHLD, SIG_DFL);

    // Groups, sessions, orphans.
    CHILD("setsid", _exit(setsid() != getpid()));
    CHILD("setpgid", _exit(setpgid(0, 0) || getpgrp() != getpid()));
    SHOW(setpgid(0, 99999));
    CHILD("death signal of the parent", prctl(PR_SET_PDEATHSIG, SIGKILL); int s = 0; prctl(PR_GET_PDEATHSIG, &s); _exit(s));
    struct rlimit limit = {10, 10};
    CHILD("descriptor limit", setrlimit(RLIMIT_NOFILE, &limit); int n = 0; while (dup(0) >= 0) n++; _exit(errno == EMFILE ? n : 97));
    CHILD("stack overflow", _exit(overflow()));
    CHILD("umask", umask(077); _exit(umask(0)));
    CHILD("user", SHOW(setresuid(1, 2, 3)); SHOW(getuid()); SHOW(geteuid()); SHOW(setuid(0)); SHOW(setuid(3)); _exit(0));
    CHILD("mask over exec", sigset_t all; sigfillset(&all); sigprocmask(SIG_SETMASK, &all, 0); execl(self, self, "9", (char *)0));
    puts("end");
    return 0;
}
