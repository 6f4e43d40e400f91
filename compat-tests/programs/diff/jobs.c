// Sessions, process groups and their controlling terminal: who may read, who is stopped, who hears of what.
#include "show.h"
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

static int master;
static char name[64];

static void nothing(int signo) { (void)signo; }

// How a child ended, was stopped or goes on.
static void status(const char *what, pid_t pid) {
    int s = 0;
    if (waitpid(pid, &s, WUNTRACED | WCONTINUED) != pid) { printf("%s: %s\n", what, error_name(errno)); return; }
    if (WIFEXITED(s)) printf("%s: exited %d\n", what, WEXITSTATUS(s));
    else if (WIFSTOPPED(s)) printf("%s: stopped %s\n", what, strsignal(WSTOPSIG(s)));
    else if (WIFCONTINUED(s)) printf("%s: continued\n", what);
    else printf("%s: killed %s\n", what, strsignal(WTERMSIG(s)));
}

// The value, or the error where it is -1: small enough for an exit status.
static int outcome(long value) { return value == -1 ? 100 + errno : (int)value; }

// A child in a process group of its own that runs `body`.
static pid_t job(int (*body)(int), int slave) {
    int go[2];
    pipe(go);
    pid_t pid = fork();
    if (pid == 0) {
        char b;
        close(go[1]);
        read(go[0], &b, 1);
        close(go[0]);
        close(master);
        _exit(body(slave));
    }
    setpgid(pid, pid);
    close(go[0]);
    close(go[1]);
    return pid;
}

static int reads(int slave) { char buf[100]; return outcome(read(slave, buf, sizeof buf)); }
static int writes(int slave) { return outcome(write(slave, "out", 3)); }
static int sets(int slave) { struct termios t; tcgetattr(slave, &t); return outcome(tcsetattr(slave, TCSANOW, &t)); }
static int grabs(int slave) { return outcome(tcsetpgrp(slave, getpgrp())); }
static int waits(int slave) { (void)slave; for (;;) pause(); }
static int ignoring(int slave) { signal(SIGTTIN, SIG_IGN); signal(SIGTTOU, SIG_IGN); return reads(slave) * 10 + grabs(slave); }
static int blocking(int slave) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTTIN);
    sigaddset(&set, SIGTTOU);
    sigprocmask(SIG_BLOCK, &set, 0);
    return outcome(reads(slave) == 100 + EIO ? grabs(slave) : 99);
}
static int handled(int slave) {
    struct sigaction a = { .sa_handler = nothing };
    sigaction(SIGTTIN, &a, 0);
    return reads(slave);
}

// Runs as the leader of a session of its own; what it exits with is printed.
static void in_session(const char *what, int (*body)(void)) {
    printf("-- %s\n", what);
    fflush(stdout);
    master = posix_openpt(O_RDWR | O_NOCTTY);
    unlockpt(master);
    ptsname_r(master, name, sizeof name);
    pid_t pid = fork();
    if (pid == 0) {
        setsid();
        int r = body();
        fflush(stdout);
        _exit(r);
    }
    status("leader", pid);
    close(master);
}

static int becomes(void) {
    SHOW(open("/dev/tty", O_RDWR));
    int other = posix_openpt(O_RDWR);
    unlockpt(other);
    WORKS(open(ptsname(other), O_RDWR | O_NOCTTY));
    SHOW(open("/dev/tty", O_RDWR));
    int writer = open(name, O_WRONLY);
    WORKS(writer);
    SHOW(tcgetpgrp(writer));
    int slave = open(name, O_RDWR);
    SHOW(tcgetsid(slave) == getpid());
    SHOW(tcgetpgrp(slave) == getpid());
    SHOW(tcgetpgrp(master) == getpid());
    SHOW(ioctl(slave, TIOCSCTTY, 0));
    int tty = open("/dev/tty", O_RDWR);
    SHOW(tcgetpgrp(tty) == getpid());
    SHOW(isatty(tty));
    int second = open(ptsname(other), O_RDWR);
    SHOW(ioctl(second, TIOCSCTTY, 0));
    SHOW(tcgetpgrp(second));
    SHOW(tcsetpgrp(second, getpgrp()));
    SHOW(tcsetpgrp(slave, 1));
    SHOW(tcsetpgrp(slave, 99999));
    SHOW(tcsetpgrp(slave, -5));
    SHOW(tcsetpgrp(master, getpgrp()));
    char text[512] = "";
    int fd = open("/proc/self/stat", O_RDONLY), nr = 0, group = 0;
    read(fd, text, sizeof text - 1);
    sscanf(strrchr(text, ')') + 2, "%*c %*d %*d %*d %d %d", &nr, &group);
    printf("stat %d %d\n", nr >> 8, group == getpgrp());
    pid_t pid = fork();
    if (pid == 0) {
        int r = tcgetpgrp(slave) == getppid();
        setsid();
        r = r * 10 + (tcgetpgrp(slave) == -1);
        r = r * 10 + (open("/dev/tty", O_RDWR) == -1 && errno == ENXIO);
        r = r * 10 + (ioctl(slave, TIOCSCTTY, 0) == -1 && errno == EPERM);
        _exit(r == 1111);
    }
    status("child", pid);
    signal(SIGHUP, SIG_IGN);
    SHOW(ioctl(slave, TIOCNOTTY));
    SHOW(open("/dev/tty", O_RDWR));
    SHOW(tcgetpgrp(slave));
    SHOW(ioctl(slave, TIOCSCTTY, 0));
    SHOW(tcgetpgrp(slave) == getpid());
    return 0;
}

static int background(void) {
    int slave = open(name, O_RDWR);
    pid_t pid = job(reads, slave);
    status("reader", pid);
    SHOW(tcsetpgrp(slave, pid));
    kill(-pid, SIGCONT);
    status("reader", pid);
    write(master, "line\n", 5);
    status("reader", pid);
    signal(SIGTTOU, SIG_IGN);
    SHOW(tcsetpgrp(slave, getpgrp()));
    signal(SIGTTOU, SIG_DFL);

    pid = job(handled, slave);
    usleep(50000);
    write(master, "line\n", 5);
    status("reader with a handler", pid);
    pid = job(writes, slave);
    status("writer", pid);
    struct termios t;
    tcgetattr(slave, &t);
    t.c_lflag |= TOSTOP;
    tcsetattr(slave, TCSAFLUSH, &t);
    pid = job(writes, slave);
    status("writer with TOSTOP", pid);
    kill(pid, SIGKILL);
    status("writer with TOSTOP", pid);
    pid = job(sets, slave);
    status("setter", pid);
    kill(pid, SIGKILL);
    status("setter", pid);
    pid = job(grabs, slave);
    status("grabber", pid);
    kill(pid, SIGKILL);
    status("grabber", pid);
    status("ignoring", job(ignoring, slave));
    signal(SIGTTOU, SIG_IGN);
    SHOW(tcsetpgrp(slave, getpgrp()));
    status("blocking", job(blocking, slave));
    SHOW(tcsetpgrp(slave, getpgrp()));
    return 0;
}

static int keys(void) {
    int slave = open(name, O_RDWR);
    signal(SIGTTOU, SIG_IGN);
    static const struct { const char *what, *key; } list[] = { { "Ctrl-C", "\3" }, { "Ctrl-\\", "\34" } };
    for (int i = 0; i < 2; i++) {
        pid_t pid = job(waits, slave);
        tcsetpgrp(slave, pid);
        write(master, list[i].key, 1);
        status(list[i].what, pid);
    }
    pid_t pid = job(waits, slave);
    tcsetpgrp(slave, pid);
    write(master, "\32", 1);
    status("Ctrl-Z", pid);
    kill(-pid, SIGCONT);
    status("Ctrl-Z", pid);
    write(master, "\3", 1);
    status("Ctrl-Z", pid);
    tcsetpgrp(slave, getpgrp());
    return 0;
}

static volatile int seen[65];
static void count(int signo) { seen[signo]++; }

static int window(void) {
    struct winsize w = { 5, 6, 0, 0 };
    int slave = open(name, O_RDWR);
    signal(SIGWINCH, count);
    SHOW(ioctl(master, TIOCSWINSZ, &w));
    SHOW(seen[SIGWINCH]);
    SHOW(ioctl(slave, TIOCSWINSZ, &w));
    SHOW(seen[SIGWINCH]);
    w.ws_row = 9;
    SHOW(ioctl(slave, TIOCSWINSZ, &w));
    SHOW(seen[SIGWINCH]);
    return 0;
}

static int orphan(void) {
    int slave = open(name, O_RDWR), p[2];
    pipe(p);
    pid_t pid = fork();
    if (pid == 0) {
        if (fork() == 0) {
            setpgid(0, 0);
            while (getppid() != 1) usleep(1000);
            int r[2] = { reads(slave), grabs(slave) };
            write(p[1], r, sizeof r);
            _exit(0);
        }
        _exit(0);
    }
    waitpid(pid, 0, 0);
    int r[2] = { 0, 0 };
    read(p[0], r, sizeof r);
    printf("read %s, tcsetpgrp %s\n", error_name(r[0] - 100), error_name(r[1] - 100));
    return 0;
}

static int hang_up(void) {
    int slave = open(name, O_RDWR);
    char b;
    signal(SIGHUP, count);
    signal(SIGCONT, count);
    signal(SIGTTOU, SIG_IGN);
    pid_t pid = job(waits, slave);
    tcsetpgrp(slave, pid);
    close(master);
    // The other copy is the parent's.
    kill(getppid(), SIGUSR1);
    while (!seen[SIGHUP] || !seen[SIGCONT]) usleep(1000);
    printf("hung up: %d %d\n", seen[SIGHUP], seen[SIGCONT]);
    SHOW(read(slave, &b, 1));
    SHOW(write(slave, "x", 1));
    SHOW(tcgetpgrp(slave));
    SHOW(open("/dev/tty", O_RDWR));
    SHOW(kill(pid, 0));
    fflush(stdout);
    return pid == -1;
}

static void drop(int signo) { (void)signo; close(master); }

static int foreground(int slave) { (void)slave; for (;;) pause(); }

// A leader ends: its foreground group gets SIGHUP, and the terminal is free.
static int leader_ends(void) {
    int slave = open(name, O_RDWR);
    signal(SIGTTOU, SIG_IGN);
    pid_t pid = job(foreground, slave);
    tcsetpgrp(slave, pid);
    return 0;
}

static int steals(void) {
    int slave = open(name, O_RDWR | O_NOCTTY);
    SHOW(tcgetpgrp(slave));
    SHOW(ioctl(slave, TIOCSCTTY, 0));
    SHOW(tcgetpgrp(slave) == getpid());
    pid_t pid = fork();
    if (pid == 0) {
        setsid();
        int r = outcome(ioctl(slave, TIOCSCTTY, 0)) == 100 + EPERM;
        r = r * 10 + outcome(ioctl(slave, TIOCSCTTY, 1));
        _exit(r * 10 + (tcgetpgrp(slave) == getpid()));
    }
    status("thief", pid);
    SHOW(tcgetpgrp(slave));
    return 0;
}

int main(void) {
    setvbuf(stdout, 0, _IOLBF, 0);
    in_session("a terminal becomes controlling", becomes);
    in_session("the background", background);
    in_session("keys", keys);
    in_session("the window", window);
    in_session("orphans", orphan);
    signal(SIGUSR1, drop);
    in_session("a hang-up", hang_up);
    in_session("a leader ends", leader_ends);
    in_session("another session takes it", steals);
    return 0;
}
