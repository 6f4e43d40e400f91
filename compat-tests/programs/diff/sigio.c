// Signals for input and output: F_SETOWN, F_SETSIG, O_ASYNC.
#include "show.h"
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>
#include <sys/socket.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
static volatile int count; static siginfo_t last;
static void h(int s, siginfo_t *i, void *c) { (void)c; if (s) count++; last = *i; }
int main(void) {
    struct sigaction a = { .sa_sigaction = h, .sa_flags = SA_SIGINFO };
    int p[2], s[2];
    sigaction(SIGIO, &a, 0);
    sigaction(SIGRTMIN + 1, &a, 0);
    pipe(p);
    socketpair(AF_UNIX, SOCK_STREAM, 0, s);
    SHOW(fcntl(p[0], F_GETOWN));
    SHOW(fcntl(p[0], F_GETSIG));
    SHOW(fcntl(p[0], F_SETOWN, 99999));
    SHOW(fcntl(p[0], F_SETOWN, -99999));
    SHOW(fcntl(p[0], F_SETSIG, 65));
    SHOW(fcntl(p[0], F_SETSIG, -1));
    SHOW(fcntl(p[0], F_SETOWN, getpid()));
    SHOW(fcntl(p[0], F_GETOWN) == getpid());
    SHOW(fcntl(p[0], F_SETFL, O_ASYNC | O_NONBLOCK));
    SHOW((fcntl(p[0], F_GETFL) & O_ASYNC) != 0);
    write(p[1], "x", 1);
    printf("count %d signo %d code %d\n", count, last.si_signo, last.si_code);
    SHOW(fcntl(p[0], F_SETSIG, SIGRTMIN + 1));
    SHOW(fcntl(p[0], F_GETSIG));
    write(p[1], "x", 1);
    printf("count %d signo %d code %d band %ld fd %d\n", count, last.si_signo, last.si_code, last.si_band, last.si_fd == p[0]);
    SHOW(fcntl(p[0], F_SETFL, O_NONBLOCK));
    write(p[1], "x", 1);
    printf("count %d\n", count);
    struct f_owner_ex o = { F_OWNER_TID, syscall(SYS_gettid) };
    SHOW(fcntl(s[0], F_SETOWN_EX, &o));
    memset(&o, 0, sizeof o);
    SHOW(fcntl(s[0], F_GETOWN_EX, &o));
    printf("%d %d\n", o.type, o.pid == syscall(SYS_gettid));
    o.type = 7;
    SHOW(fcntl(s[0], F_SETOWN_EX, &o));
    SHOW(fcntl(s[0], F_SETOWN_EX, 8));
    int on = 1;
    SHOW(ioctl(s[0], FIOASYNC, &on));
    count = 0;
    write(s[1], "y", 1);
    printf("count %d signo %d\n", count > 0, last.si_signo);
    count = 0;
    close(s[1]);
    printf("count %d\n", count > 0);
    SHOW(fcntl(p[0], F_SETOWN, 0));
    SHOW(fcntl(p[0], F_GETOWN));
    SHOW(fcntl(p[0], F_SETOWN, -getpgrp()));
    SHOW(fcntl(p[0], F_GETOWN_EX, &o));
    printf("%d %d\n", o.type, o.pid == getpgrp());
    return 0;
}
