// Pseudo-terminals: the functions around them, the line discipline, packet mode, what is left after a close.
#include "show.h"
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

static int master, slave;

// Prints bytes as C has them.
static void print(const char *what, const char *bytes, long n) {
    printf("%s: ", what);
    if (n < 0) { printf("%s\n", error_name(errno)); return; }
    for (long i = 0; i < n; i++) {
        unsigned char b = bytes[i];
        if (b >= 32 && b < 127 && b != '\\') putchar(b); else printf("\\%03o", b);
    }
    printf(" (%ld)\n", n);
}

// Reads exactly n bytes, which are on their way.
static void take(const char *what, int fd, long n) {
    char buf[8192];
    long done = 0, r = 0;
    while (done < n && (r = read(fd, buf + done, n - done)) > 0) done += r;
    print(what, buf, done ? done : r);
}

static void once(const char *what, int fd, size_t n) {
    char buf[8192];
    errno = 0;
    print(what, buf, read(fd, buf, n));
}

static void type(const char *keys, size_t n) { write(master, keys, n); }
#define TYPE(keys) type(keys, sizeof keys - 1)

static short ready(int fd) {
    struct pollfd p = { fd, POLLIN | POLLOUT | POLLPRI, 0 };
    poll(&p, 1, 0);
    return p.revents;
}

static void names(void) {
    char name[64] = "", found[64];
    struct stat st, node;
    printf("-- names\n");
    WORKS(master = posix_openpt(O_RDWR | O_NOCTTY));
    SHOW(ptsname_r(master, name, sizeof name));
    SHOW(open(name, O_RDWR | O_NOCTTY));
    SHOW(grantpt(master));
    SHOW(unlockpt(master));
    WORKS(slave = open(name, O_RDWR | O_NOCTTY));
    SHOW(strncmp(name, "/dev/pts/", 9));
    SHOW(strcmp(ptsname(master), name));
    SHOW(ptsname_r(master, found, 3));
    SHOW(ptsname_r(slave, found, sizeof found));
    SHOW(isatty(master));
    SHOW(isatty(slave));
    SHOW(isatty(99));
    SHOW(ttyname_r(slave, found, sizeof found));
    SHOW(strcmp(found, name));
    SHOW(ttyname_r(slave, found, 4));
    SHOW(fstat(slave, &st));
    SHOW(stat(name, &node));
    printf("%d %d %d %d %d\n", st.st_ino == node.st_ino, st.st_dev == node.st_dev, S_ISCHR(st.st_mode),
           major(st.st_rdev), minor(st.st_rdev) == atoi(name + 9));
    SHOW(fstat(master, &st));
    printf("%d %d\n", S_ISCHR(st.st_mode), st.st_rdev == makedev(5, 2));
    SHOW(access("/dev/pts/4000", F_OK));
    SHOW(access("/dev/pts/00", F_OK));
    SHOW(mkdir("/dev/pts/x", 0700));
    SHOW(unlink(name));
    SHOW(chmod(name, 0600));
    SHOW(stat(name, &node));
    printf("%o\n", node.st_mode);
    int peer = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY);
    SHOW(peer != -1);
    SHOW(ttyname_r(peer, found, sizeof found));
    SHOW(strcmp(found, name));
    close(peer);
    SHOW(lseek(slave, 0, SEEK_CUR));
    SHOW(pread(slave, found, 1, 0));
    SHOW(ftruncate(slave, 0));
    SHOW(tcgetpgrp(slave));
    SHOW(tcgetsid(slave));
    SHOW(tcsetpgrp(slave, getpgrp()));
}

static void requests(void) {
    static const struct { const char *name; unsigned long number; } list[] = {
        { "TIOCMGET", TIOCMGET }, { "TIOCGETD", TIOCGETD }, { "TIOCOUTQ", TIOCOUTQ }, { "FIONREAD", FIONREAD },
        { "TIOCGEXCL", TIOCGEXCL }, { "TIOCGPTLCK", TIOCGPTLCK }, { "TIOCGPKT", TIOCGPKT }, { "TIOCNOTTY", TIOCNOTTY },
        { "TIOCGSID", TIOCGSID }, { "unknown", 0x5499 }, { "TIOCGSERIAL", TIOCGSERIAL }, { "TIOCCBRK", TIOCCBRK },
    };
    printf("-- requests\n");
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        for (int side = 0; side < 2; side++) {
            int value = -7;
            errno = 0;
            int r = ioctl(side ? slave : master, list[i].number, &value);
            printf("%s %s: %s %d\n", list[i].name, side ? "slave" : "master", r ? error_name(errno) : "ok", value);
        }
    }
    // Settings that are fixed stay as they are, whichever side says so. The kernel's termios is shorter than libc's.
    struct termios fixed = { .c_lflag = ECHO }, set;
    SHOW(ioctl(slave, TIOCGLCKTRMIOS, &set));
    SHOW(set.c_lflag);
    SHOW(ioctl(master, TIOCSLCKTRMIOS, &fixed));
    SHOW(ioctl(slave, TIOCGLCKTRMIOS, &set));
    SHOW(set.c_lflag == ECHO);
    SHOW(tcgetattr(slave, &set));
    tcflag_t before = set.c_lflag;
    set.c_lflag ^= ECHO | TOSTOP;
    SHOW(tcsetattr(slave, TCSANOW, &set));
    SHOW(tcgetattr(slave, &set));
    SHOW((set.c_lflag ^ before) == TOSTOP);
    fixed.c_lflag = 0;
    SHOW(ioctl(slave, TIOCSLCKTRMIOS, &fixed));
    set.c_lflag = before;
    SHOW(tcsetattr(slave, TCSANOW, &set));
    struct winsize w;
    SHOW(ioctl(slave, TIOCGWINSZ, &w));
    printf("%d %d %d %d\n", w.ws_row, w.ws_col, w.ws_xpixel, w.ws_ypixel);
    w = (struct winsize){ 7, 8, 9, 10 };
    SHOW(ioctl(master, TIOCSWINSZ, &w));
    memset(&w, 0, sizeof w);
    SHOW(ioctl(slave, TIOCGWINSZ, &w));
    printf("%d %d %d %d\n", w.ws_row, w.ws_col, w.ws_xpixel, w.ws_ypixel);
    SHOW(ioctl(slave, TIOCGWINSZ, 8));
    int n = 3;
    SHOW(ioctl(slave, TIOCSETD, &n));
    SHOW(ioctl(slave, TIOCSIG, SIGINT));
    SHOW(ioctl(master, TIOCSIG, SIGKILL));
    SHOW(ioctl(master, TIOCSIG, SIGINT));
    SHOW(tcflush(slave, 9));
    SHOW(tcflow(slave, 9));
    SHOW(tcsendbreak(slave, 0));
    SHOW(tcdrain(slave));
    SHOW(tcflush(slave, TCIOFLUSH));
}

static void print_modes(int fd) {
    struct termios t;
    int r = tcgetattr(fd, &t);
    printf("tcgetattr: %s\n", r ? error_name(errno) : "ok");
    if (r) return;
    printf("%o %o %o %o %d speeds %o %o", t.c_iflag, t.c_oflag, t.c_cflag, t.c_lflag, t.c_line, cfgetispeed(&t),
           cfgetospeed(&t));
    for (int i = 0; i < 19; i++) printf(" %d", t.c_cc[i]);
    printf("\n");
}

static void modes(void) {
    struct termios t;
    printf("-- modes\n");
    print_modes(slave);
    print_modes(master);
    SHOW(tcgetattr(slave, &t));
    cfmakeraw(&t);
    SHOW(tcsetattr(slave, TCSANOW, &t));
    print_modes(slave);
    t.c_cflag = CS5 | PARENB;
    SHOW(cfsetospeed(&t, B9600));
    SHOW(cfsetispeed(&t, B9600));
    SHOW(cfsetospeed(&t, 12345));
    SHOW(tcsetattr(slave, TCSADRAIN, &t));
    print_modes(slave);
    SHOW(tcsetattr(slave, 77, &t));
    SHOW(tcsetattr(99, TCSANOW, &t));
    int p[2];
    pipe(p);
    SHOW(tcsetattr(p[0], TCSANOW, &t));
    SHOW(tcgetattr(p[0], &t));
    close(p[0]);
    close(p[1]);
}

static void sane(tcflag_t on, tcflag_t off) {
    struct termios t;
    tcgetattr(slave, &t);
    t.c_iflag = ICRNL | IXON;
    t.c_oflag = OPOST | ONLCR;
    t.c_lflag = ((ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN) | on) & ~off;
    t.c_cc[VMIN] = 1;
    t.c_cc[VTIME] = 0;
    tcsetattr(slave, TCSAFLUSH, &t);
}

static void lines(void) {
    printf("-- lines\n");
    sane(0, 0);
    TYPE("abc\177d\n");
    take("echo", master, 9);
    once("line", slave, 100);
    TYPE("one\ntwo\n");
    take("echo", master, 10);
    once("a part", slave, 2);
    once("the rest", slave, 100);
    once("the next", slave, 100);
    TYPE("ab\4\4cd\n");
    take("echo", master, 6);
    once("before the end", slave, 2);
    once("the end", slave, 100);
    once("behind it", slave, 100);
    TYPE("x\25y\26\3\n");
    take("echo", master, 11);
    once("killed and literal", slave, 100);
    sane(0, ECHO);
    TYPE("hidden\n");
    once("hidden", slave, 100);
    sane(ECHONL, ECHO);
    TYPE("pass\n");
    take("echo", master, 2);
    once("pass", slave, 100);
    write(slave, "a\nb\tc\r", 6);
    take("output", master, 7);
    printf("poll %x %x\n", ready(master), ready(slave));
    sane(0, 0);
    TYPE("half");
    take("echo", master, 4);
    printf("poll %x\n", ready(slave));
    sane(0, ICANON);
    TYPE("all");
    take("echo", master, 3);
    once("without lines", slave, 100);
}

static void minimum(cc_t min, cc_t time) {
    struct termios t;
    tcgetattr(slave, &t);
    cfmakeraw(&t);
    t.c_cc[VMIN] = min;
    t.c_cc[VTIME] = time;
    tcsetattr(slave, TCSANOW, &t);
}

static void timed(void) {
    printf("-- VMIN and VTIME\n");
    minimum(0, 0);
    once("0 0, nothing there", slave, 10);
    minimum(0, 1);
    once("0 1, nothing there", slave, 10);
    TYPE("ab");
    once("0 1, two there", slave, 10);
    minimum(3, 1);
    TYPE("cd");
    once("3 1, two there", slave, 10);
    minimum(3, 0);
    TYPE("efg");
    once("3 0, three there", slave, 10);
    TYPE("hi");
    once("3 0, two wanted", slave, 2);
    fcntl(slave, F_SETFL, O_NONBLOCK);
    once("O_NONBLOCK, nothing there", slave, 10);
    fcntl(slave, F_SETFL, 0);
}

static void packets(void) {
    int on = 1, off = 0;
    printf("-- packets\n");
    sane(0, ECHO);
    SHOW(ioctl(master, TIOCPKT, &on));
    write(slave, "data", 4);
    take("data", master, 5);
    SHOW(tcflow(slave, TCOOFF));
    printf("poll %x\n", ready(master) & ~POLLOUT);
    once("stopped", master, 100);
    SHOW(tcflow(slave, TCOON));
    once("started", master, 100);
    SHOW(tcflush(slave, TCIFLUSH));
    once("flushed", master, 100);
    struct termios t;
    tcgetattr(slave, &t);
    t.c_iflag &= ~IXON;
    tcsetattr(slave, TCSANOW, &t);
    once("no flow control", master, 100);
    SHOW(ioctl(master, TIOCPKT, &off));
}

static void ends(void) {
    char name[64];
    printf("-- ends\n");
    ptsname_r(master, name, sizeof name);
    sane(0, 0);
    write(slave, "last", 4);
    close(slave);
    take("last", master, 4);
    once("closed", master, 10);
    printf("poll %x\n", ready(master));
    TYPE("typed to nobody\n");
    WORKS(slave = open(name, O_RDWR | O_NOCTTY));
    once("read later", slave, 100);
    take("echo", master, 17);
    printf("poll %x\n", ready(master));
    close(master);
    once("without a master", slave, 10);
    SHOW(write(slave, "x", 1));
    printf("poll %x\n", ready(slave));
    print_modes(slave);
    SHOW(tcsetpgrp(slave, 1));
    SHOW(isatty(slave));
    SHOW(open(name, O_RDWR | O_NOCTTY));
    close(slave);
}

static void helpers(void) {
    struct winsize w = { 11, 22, 0, 0 };
    char name[64];
    printf("-- openpty and forkpty\n");
    SHOW(openpty(&master, &slave, name, 0, &w));
    SHOW(strncmp(name, "/dev/pts/", 9));
    memset(&w, 0, sizeof w);
    SHOW(ioctl(slave, TIOCGWINSZ, &w));
    printf("%d %d\n", w.ws_row, w.ws_col);
    close(slave);
    close(master);
    pid_t pid = forkpty(&master, name, 0, &w);
    if (pid == 0) {
        char own[64] = "";
        ttyname_r(0, own, sizeof own);
        printf("%d %d %d %d %d\n", isatty(0), isatty(1), isatty(2), tcgetsid(0) == getpid(), tcgetpgrp(1) == getpid());
        fflush(stdout);
        _exit(open("/dev/tty", O_RDWR) < 0);
    }
    take("child", master, 11);
    int status;
    waitpid(pid, &status, 0);
    printf("status %d\n", status);
    once("gone", master, 100);
    close(master);
}

int main(void) {
    setvbuf(stdout, 0, _IOLBF, 0);
    SHOW(open("/dev/tty", O_RDWR));
    names();
    requests();
    modes();
    lines();
    timed();
    packets();
    ends();
    helpers();
    return 0;
}
