// Signals and processes as descriptors: signalfd, pidfd_open and kin.
#include "show.h"
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <pthread.h>
#define P_PIDFD_ 3
static int sfd;
static void *sender(void *p) { usleep(20000); kill(getpid(), SIGUSR2); return p; }
int main(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGRTMIN);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGUSR2);
    sigprocmask(SIG_BLOCK, &set, 0);
    uint64_t m = 0;
    SHOW(syscall(SYS_signalfd4, -1, &m, 4, 0));
    SHOW(syscall(SYS_signalfd4, -1, &m, 8, 1));
    SHOW(syscall(SYS_signalfd4, -1, 8, 8, 0));
    SHOW(syscall(SYS_signalfd4, 0, &m, 8, 0) < 0);
    SHOW(syscall(SYS_signalfd4, 99, &m, 8, 0));
    sfd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    printf("fd ok %d\n", sfd > 2);
    struct signalfd_siginfo i[4];
    SHOW(read(sfd, i, sizeof i));
    SHOW(read(sfd, i, 127));
    SHOW(write(sfd, i, 128));
    struct pollfd p = { sfd, POLLIN | POLLOUT, 0 };
    SHOW(poll(&p, 1, 0));
    int ep = epoll_create1(0);
    struct epoll_event e = { EPOLLIN, { .u32 = 7 } };
    SHOW(epoll_ctl(ep, EPOLL_CTL_ADD, sfd, &e));
    raise(SIGUSR1);
    union sigval v = { .sival_int = 77 };
    sigqueue(getpid(), SIGRTMIN, v);
    v.sival_int = 78;
    sigqueue(getpid(), SIGRTMIN, v);
    SHOW(poll(&p, 1, 0));
    printf("revents %d\n", p.revents);
    memset(&e, 0, sizeof e);
    SHOW(epoll_wait(ep, &e, 1, 100));
    printf("%x %u\n", e.events, e.data.u32);
    SHOW(read(sfd, i, sizeof i));
    for (int k = 0; k < 3; k++) printf("signo %u code %d pid %d uid %u int %d\n", i[k].ssi_signo, i[k].ssi_code, i[k].ssi_pid == (unsigned)getpid(), i[k].ssi_uid, i[k].ssi_int);
    SHOW(read(sfd, i, sizeof i));
    /* a page that is not there yet */
    struct signalfd_siginfo *fresh = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    fresh = (void *)((char *)fresh + 4096 - 64);
    raise(SIGUSR1);
    SHOW(read(sfd, fresh, 128));
    printf("signo %u\n", fresh->ssi_signo);
    pid_t c = fork();
    if (c == 0) { _exit(5); }
    p.events = POLLIN;
    SHOW(poll(&p, 1, 5000));
    SHOW(read(sfd, i, sizeof i));
    printf("signo %u status %d pid %d code %d\n", i[0].ssi_signo, i[0].ssi_status, i[0].ssi_pid == (unsigned)c, i[0].ssi_code);
    waitpid(c, 0, 0);
    c = fork();
    if (c == 0) { raise(SIGUSR1); int n = read(sfd, i, sizeof i); _exit(n == 128 && i[0].ssi_pid == (unsigned)getpid() ? 9 : 1); }
    int st;
    waitpid(c, &st, 0);
    printf("child %d\n", WEXITSTATUS(st));
    read(sfd, i, sizeof i);
    int blocking = signalfd(-1, &set, 0);
    pthread_t t;
    pthread_create(&t, 0, sender, 0);
    SHOW(read(blocking, i, 128));
    printf("signo %u\n", i[0].ssi_signo);
    pthread_join(t, 0);
    sigemptyset(&set);
    SHOW(signalfd(sfd, &set, 0) == sfd);
    raise(SIGUSR1);
    SHOW(read(sfd, i, sizeof i));
    /* pidfd */
    SHOW(syscall(SYS_pidfd_open, -1, 0));
    SHOW(syscall(SYS_pidfd_open, 0, 0));
    SHOW(syscall(SYS_pidfd_open, getpid(), 1));
    SHOW(syscall(SYS_pidfd_open, 4000000, 0));
    int pp[2];
    pipe(pp);
    c = fork();
    if (c == 0) { close(pp[1]); pause(); _exit(0); }
    int pf = syscall(SYS_pidfd_open, c, 0);
    printf("pidfd %d\n", pf > 2);
    struct pollfd q = { pf, POLLIN, 0 };
    SHOW(poll(&q, 1, 0));
    SHOW(syscall(SYS_pidfd_getfd, pf, 12345, 0));
    SHOW(syscall(SYS_pidfd_getfd, pf, 1, 1));
    int dup = syscall(SYS_pidfd_getfd, pf, pp[0], 0);
    printf("got %d\n", dup > 2);
    SHOW(write(pp[1], "z", 1));
    char b = 0;
    SHOW(read(dup, &b, 1));
    printf("%c\n", b);
    SHOW(syscall(SYS_pidfd_send_signal, pf, 0, 0, 0));
    SHOW(syscall(SYS_pidfd_send_signal, pf, 99, 0, 0));
    char folder[32];
    sprintf(folder, "/proc/%d", c);
    int by_folder = open(folder, O_RDONLY | O_DIRECTORY), of_all = open("/proc", O_RDONLY | O_DIRECTORY);
    SHOW(syscall(SYS_pidfd_send_signal, by_folder, 0, 0, 0));
    SHOW(syscall(SYS_pidfd_send_signal, of_all, 0, 0, 0));
    SHOW(syscall(SYS_pidfd_getfd, by_folder, 0, 0));
    close(by_folder), close(of_all);
    SHOW(syscall(SYS_pidfd_send_signal, 1, 0, 0, 0));
    SHOW(syscall(SYS_pidfd_send_signal, pf, SIGTERM, 0, 0));
    SHOW(poll(&q, 1, 5000));
    printf("revents %d\n", q.revents);
    siginfo_t si;
    SHOW(waitid(P_PIDFD_, pf, &si, WEXITED));
    printf("code %d status %d\n", si.si_code, si.si_status);
    SHOW(syscall(SYS_pidfd_send_signal, pf, 0, 0, 0));
    SHOW(read(pf, &b, 1));
    return 0;
}
