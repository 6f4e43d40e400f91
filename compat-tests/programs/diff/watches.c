// inotify: what is told of files, directories and their end, in order.
#include "show.h"
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

static int instance;
static unsigned cookie;

static void show_mask(unsigned mask) {
    static const char *const names[] = {"ACCESS", "MODIFY", "ATTRIB", "CLOSE_WRITE", "CLOSE_NOWRITE", "OPEN", "MOVED_FROM",
                                        "MOVED_TO", "CREATE", "DELETE", "DELETE_SELF", "MOVE_SELF"};
    for (int bit = 0; bit < 12; bit++)
        if (mask & 1u << bit) printf(" %s", names[bit]);
    if (mask & IN_ISDIR) printf(" ISDIR");
    if (mask & IN_IGNORED) printf(" IGNORED");
    if (mask & IN_Q_OVERFLOW) printf(" Q_OVERFLOW");
}

// All that has been told since the last time.
static void told(const char *what) {
    char buffer[8192];
    ssize_t got = read(instance, buffer, sizeof buffer);
    printf("%s:%s\n", what, got < 0 ? " nothing" : "");
    for (char *at = buffer; got > 0 && at < buffer + got;) {
        struct inotify_event *event = (struct inotify_event *)at;
        printf("  %d", event->wd);
        show_mask(event->mask);
        if (event->cookie) {
            printf(cookie == event->cookie ? " same cookie" : " new cookie");
            cookie = event->cookie;
        }
        if (event->len) printf(" %s (%u)", event->name, event->len);
        puts("");
        at += sizeof *event + event->len;
    }
}

static volatile int told_of, tellings;

static void on_notice(int signal, siginfo_t *info, void *context) {
    (void)context;
    told_of = info->si_fd;
    tellings++;
    (void)signal;
}

// F_NOTIFY: a signal for each directory that something happened in.
static void signals(void) {
    struct sigaction action = {.sa_sigaction = on_notice, .sa_flags = SA_SIGINFO};
    sigaction(SIGRTMIN, &action, 0);
    sigaction(SIGIO, &action, 0);
    mkdir("signals", 0755);
    mkdir("signals/below", 0755);
    close(open("signals/file", O_CREAT | O_WRONLY, 0644));
    int up = open("signals", O_RDONLY), down = open("signals/below", O_RDONLY), file = open("signals/file", O_RDWR);
    SHOW(fcntl(file, F_NOTIFY, DN_CREATE));
    SHOW(fcntl(up, F_SETSIG, SIGRTMIN));
    SHOW(fcntl(down, F_SETSIG, SIGRTMIN));
    SHOW(fcntl(up, F_NOTIFY, DN_RENAME | DN_ATTRIB | DN_MULTISHOT));
    SHOW(fcntl(up, F_GETOWN) == getpid());
    SHOW(fcntl(down, F_NOTIFY, DN_CREATE));
#define TOLD(what)                                                                              \
    do {                                                                                        \
        told_of = -1, tellings = 0;                                                             \
        what;                                                                                   \
        printf("%s: %s %d\n", #what, told_of == up ? "up" : told_of == down ? "down" : "none", tellings); \
    } while (0)
    TOLD(rename("signals/file", "signals/below/file"));
    TOLD(rename("signals/below/file", "signals/file"));
    TOLD(rename("signals/file", "signals/other"));
    TOLD(chmod("signals/other", 0600));
    TOLD(chmod("signals/below", 0700));
    TOLD(close(open("signals/below/a", O_CREAT | O_WRONLY, 0644)));
    SHOW(fcntl(down, F_NOTIFY, DN_MODIFY | DN_DELETE));
    TOLD(close(open("signals/below/b", O_CREAT | O_WRONLY, 0644)));
    TOLD(unlink("signals/below/b"));
    TOLD(unlink("signals/below/a"));
    SHOW(fcntl(up, F_NOTIFY, 0));
    TOLD(chmod("signals/other", 0640));
    SHOW(fcntl(down, F_SETSIG, 0));
    SHOW(fcntl(down, F_NOTIFY, DN_CREATE | DN_MULTISHOT));
    TOLD(mkdir("signals/below/c", 0755); told_of = down);
    close(down);
    TOLD(mkdir("signals/below/d", 0755));
    unlink("signals/other");
    rmdir("signals/below/c");
    rmdir("signals/below/d");
    rmdir("signals/below");
    rmdir("signals");
    close(up);
    close(file);
}

// F_SETLEASE: who holds one is told of others, who wait.
static void leases(void) {
    close(open("leased", O_CREAT | O_WRONLY, 0644));
    int file = open("leased", O_RDONLY), folder = open(".", O_RDONLY), other;
    SHOW(fcntl(file, F_GETLEASE));
    SHOW(fcntl(file, F_SETLEASE, 7));
    SHOW(fcntl(file, F_SETLEASE, F_UNLCK));
    other = open("leased", O_RDWR);
    SHOW(fcntl(other, F_SETLEASE, F_RDLCK));
    SHOW(fcntl(file, F_SETLEASE, F_RDLCK));
    SHOW(fcntl(file, F_SETLEASE, F_WRLCK));
    close(other);
    SHOW(fcntl(file, F_SETSIG, SIGRTMIN));
    SHOW(fcntl(file, F_SETLEASE, F_WRLCK));
    SHOW(fcntl(file, F_GETLEASE));
    SHOW(fcntl(file, F_GETOWN) == getpid());
    told_of = -1, tellings = 0;
    SHOW(open("leased", O_RDONLY | O_NONBLOCK));
    printf("told %d %d\n", told_of == file, tellings);
    SHOW(fcntl(file, F_GETLEASE));
    SHOW(open("leased", O_WRONLY | O_NONBLOCK));
    SHOW(open("leased", O_WRONLY | O_NONBLOCK));
    printf("told %d %d\n", told_of == file, tellings);
    SHOW(fcntl(file, F_GETLEASE));
    SHOW(fcntl(file, F_SETLEASE, F_UNLCK));
    WORKS(other = open("leased", O_RDONLY | O_NONBLOCK));
    SHOW(fcntl(file, F_SETLEASE, F_WRLCK));
    SHOW(fcntl(file, F_SETLEASE, F_RDLCK));
    SHOW(fcntl(other, F_SETLEASE, F_RDLCK));
    close(other);
    // One that waits goes on when the holder lets go.
    fflush(stdout);
    tellings = 0;
    int child = fork(), status;
    if (!child) {
        close(file);
        int opened = open("leased", O_WRONLY | O_TRUNC);
        _exit(opened < 0);
    }
    while (!tellings) usleep(1000);
    SHOW(fcntl(file, F_SETLEASE, F_UNLCK));
    waitpid(child, &status, 0);
    printf("child %x\n", status);
    SHOW(fcntl(file, F_SETLEASE, F_RDLCK));
    close(file);
    WORKS(other = open("leased", O_WRONLY | O_NONBLOCK));
    close(other);
    unlink("leased");
    close(folder);
}

int main(void) {
    char directory[] = "/tmp/watches-XXXXXX";
    if (!mkdtemp(directory) || chdir(directory)) abort();
    signals();
    leases();
    SHOW(inotify_init1(1));
    instance = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    WORKS(instance);
    SHOW(inotify_add_watch(instance, ".", 0));
    SHOW(inotify_add_watch(instance, "missing", IN_ALL_EVENTS));
    SHOW(inotify_add_watch(0, ".", IN_ALL_EVENTS));
    SHOW(inotify_add_watch(-1, ".", IN_ALL_EVENTS));
    SHOW(inotify_add_watch(instance, ".", IN_ALL_EVENTS));
    int file = open("a", O_CREAT | O_RDWR, 0644);
    told("created");
    SHOW(inotify_add_watch(instance, "a", IN_ALL_EVENTS | IN_ONLYDIR));
    SHOW(inotify_add_watch(instance, "a", IN_ALL_EVENTS));
    SHOW(inotify_add_watch(instance, "a", IN_ALL_EVENTS | IN_MASK_CREATE));
    SHOW(write(file, "hello", 5));
    told("written");
    char byte;
    SHOW(pread(file, &byte, 1, 0));
    SHOW(pread(file, &byte, 1, 100));
    told("read");
    SHOW(fchmod(file, 0600));
    told("chmod");
    SHOW(ftruncate(file, 2));
    SHOW(ftruncate(file, 1));
    told("truncated");
    struct timespec times[2] = {{5, 0}, {6, 0}};
    SHOW(futimens(file, times));
    told("times");
    SHOW(fsetxattr(file, "user.x", "y", 1, 0));
    told("attribute");
    SHOW(close(file));
    told("closed");
    file = open("a", O_RDONLY);
    close(file);
    told("read only");
    file = open("a", O_WRONLY | O_TRUNC);
    close(file);
    told("made empty");
    SHOW(link("a", "b"));
    told("linked");
    SHOW(rename("b", "c"));
    told("renamed");
    SHOW(mkdir("d", 0755));
    told("directory");
    SHOW(inotify_add_watch(instance, "d", IN_ALL_EVENTS));
    SHOW(rename("c", "d/e"));
    told("moved");
    SHOW(rename("d", "f"));
    told("directory renamed");
    SHOW(symlink("a", "l"));
    SHOW(mkfifo("p", 0600));
    told("others");
    SHOW(unlink("l"));
    SHOW(unlink("p"));
    SHOW(unlink("f/e"));
    told("removed");
    SHOW(rmdir("f"));
    told("directory removed");
    file = open("a", O_RDONLY);
    told("held");
    SHOW(unlink("a"));
    told("removed while open");
    close(file);
    told("gone");
    // Replaced by another.
    close(open("x", O_CREAT | O_WRONLY, 0600));
    close(open("y", O_CREAT | O_WRONLY, 0600));
    SHOW(inotify_add_watch(instance, "y", IN_ALL_EVENTS));
    told("two files");
    SHOW(rename("x", "y"));
    told("replaced");
    SHOW(inotify_add_watch(instance, "y", IN_OPEN | IN_ONESHOT));
    close(open("y", O_RDONLY));
    close(open("y", O_RDONLY));
    told("once");
    SHOW(inotify_add_watch(instance, ".", IN_CREATE));
    SHOW(inotify_add_watch(instance, ".", IN_DELETE | IN_MASK_ADD));
    close(open("a-name-of-more-than-sixteen-bytes", O_CREAT | O_WRONLY, 0600));
    unlink("a-name-of-more-than-sixteen-bytes");
    int waiting = -1;
    SHOW(ioctl(instance, FIONREAD, &waiting));
    printf("%d bytes\n", waiting);
    struct pollfd poll_for = {instance, POLLIN, 0};
    SHOW(poll(&poll_for, 1, 0));
    char little[20];
    SHOW(read(instance, little, sizeof little));
    told("name");
    SHOW(inotify_rm_watch(instance, 1));
    told("removed watch");
    SHOW(inotify_rm_watch(instance, 1));
    SHOW(inotify_rm_watch(0, 1));
    SHOW(write(instance, "x", 1));
    SHOW(poll(&poll_for, 1, 0));
    SHOW(inotify_add_watch(instance, ".", IN_CREATE | IN_ONESHOT));
    char name[64], line[256];
    snprintf(name, sizeof name, "/proc/self/fdinfo/%d", instance);
    FILE *info = fopen(name, "r");
    unsigned long inode;
    unsigned watch, device, mask;
    struct stat here;
    stat(".", &here);
    while (fgets(line, sizeof line, info))
        if (sscanf(line, "inotify wd:%x ino:%lx sdev:%x mask:%x", &watch, &inode, &device, &mask) == 4)
            printf("watch %u of the right one %d mask %x\n", watch, inode == here.st_ino, mask);
    fclose(info);
    // One that waits is woken.
    fcntl(instance, F_SETFL, 0);
    SHOW(inotify_add_watch(instance, ".", IN_CREATE));
    fflush(stdout);
    pid_t child = fork();
    if (!child) {
        char buffer[256];
        ssize_t got = read(instance, buffer, sizeof buffer);
        _exit(got == 32 && !strcmp(((struct inotify_event *)buffer)->name, "z") ? 0 : 1);
    }
    usleep(20000);
    close(open("z", O_CREAT | O_WRONLY, 0600));
    int status;
    waitpid(child, &status, 0);
    printf("child ended %d\n", WEXITSTATUS(status));
    SHOW(close(instance));
    unlink("z");
    unlink("y");
    chdir("/");
    rmdir(directory);
    return 0;
}
