// Makes system calls as a list of cases says, in children, and prints how each ended. The harness makes
// the list from the table of system calls (src/diff/arguments.rs), runs this program with it on Linux and in the
// guest, and compares line by line.
//
// A line of the list: key, tab, number, then six arguments. An argument is
//   =HEX      a number                       @KIND     a descriptor of that kind, opened for this case
//   $TEXT     the address of a string        anything else: an address from places() below, good or hostile
// and a trailing ! sets bits in the upper half of the register, which an int must ignore.
//
// What a case may spoil is its own: the child's memory and descriptors, and a directory that is made anew for each
// child. A call that failed has spoilt nothing, so the child goes on to the next case until a call succeeds.
#include "show.h"
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096ul
#define AREA (2 * PAGE)
#define FILL 0xa5

// Two areas with nothing mapped behind them: one of zeros, one to see what was written.
static char *good, *out;
static char *readonly, *forbidden, *unmapped;
static char strings[8192];

// How the cases ended, as children say.
struct result {
    int done;
    int error;
    long value;
    long wrote;
};
static volatile struct result *results;

// The areas of one mapping that takes more room than anything else, with holes between them in which nothing else
// comes to lie.
static void lay_out(void) {
    enum { HOLE = 64 };
    char *at = mmap(0, 6 * HOLE * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) abort();
    munmap(at, HOLE * PAGE);
    unmapped = at + HOLE / 2 * PAGE;
    char **areas[] = {&good, &out, &readonly, &forbidden};
    for (int i = 0; i < 4; i++) {
        *areas[i] = at + (i + 1) * HOLE * PAGE;
        mprotect(*areas[i], AREA, i < 2 ? PROT_READ | PROT_WRITE : i == 2 ? PROT_READ : PROT_NONE);
        munmap(*areas[i] + AREA, HOLE * PAGE - AREA);
    }
    munmap(at + 5 * HOLE * PAGE, HOLE * PAGE);
}

static void fail(const char *what, const char *why) {
    fprintf(stderr, "arguments: %s: %s\n", what, why);
    exit(3);
}

static uint64_t place(const char *name) {
    struct {
        const char *name;
        uint64_t at;
    } places[] = {
        {"good", (uintptr_t)good},
        {"out", (uintptr_t)out},
        {"null", 0},
        {"one", 1},
        {"unmapped", (uintptr_t)unmapped},
        {"readonly", (uintptr_t)readonly},
        {"forbidden", (uintptr_t)forbidden},
        // Three bytes before the end of what is mapped.
        {"edge", (uintptr_t)good + AREA - 3},
        {"misaligned", (uintptr_t)good + 1},
        {"last_page", 0x7ffffffff000},
        {"noncanonical", 0x0000800000000000},
        {"wild", 0x8000000000000000},
        {"upper", 0xffff888000000000},
        {"kernel", 0xffffffff80000000},
        {"minus_one", ~0ul},
        // No addresses: the case's own process and its parent.
        {"self", getpid()},
        {"parent", getppid()},
    };
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        if (!strcmp(places[i].name, name)) return places[i].at;
    fail("no such place", name);
    return 0;
}

static int opened(const char *kind) {
    if (!strcmp(kind, "other")) return open("b", O_RDWR);
    if (!strcmp(kind, "file")) return open("a", O_RDWR);
    if (!strcmp(kind, "readonly")) return open("a", O_RDONLY);
    if (!strcmp(kind, "writeonly")) return open("a", O_WRONLY);
    if (!strcmp(kind, "directory")) return open(".", O_RDONLY | O_DIRECTORY);
    if (!strcmp(kind, "path")) return open("a", O_PATH);
    if (!strcmp(kind, "null")) return open("null", O_RDWR);
    if (!strcmp(kind, "event")) return eventfd(1, EFD_NONBLOCK);
    if (!strcmp(kind, "timer")) return timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    if (!strcmp(kind, "queue")) return syscall(SYS_mq_open, "queue", O_CREAT | O_RDWR | O_NONBLOCK, 0600, 0);
    if (!strcmp(kind, "watcher")) return syscall(SYS_inotify_init1, O_NONBLOCK);
    if (!strcmp(kind, "pidfd")) return syscall(SYS_pidfd_open, getpid(), 0);
    if (!strcmp(kind, "memory")) return memfd_create("memory", 0);
    int pair[2];
    if (!strcmp(kind, "pipe_read") || !strcmp(kind, "pipe_write") || !strcmp(kind, "epoll")) {
        if (pipe2(pair, O_NONBLOCK)) return -1;
        if (write(pair[1], "hi", 2) != 2) return -1;
        if (kind[0] == 'p') return pair[kind[5] == 'w'];
        int epoll = epoll_create1(0);
        struct epoll_event event = {EPOLLIN, {.u64 = 42}};
        return epoll_ctl(epoll, EPOLL_CTL_ADD, pair[0], &event) ? -1 : epoll;
    }
    if (!strcmp(kind, "stream")) {
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair)) return -1;
        return write(pair[1], "hi", 2) == 2 ? pair[0] : -1;
    }
    if (!strcmp(kind, "tcp")) return socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (!strcmp(kind, "udp")) return socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    fail("no such kind of descriptor", kind);
    return -1;
}

// Turns a word of the list into a register's value. Strings go to `strings`, one behind the other.
static uint64_t argument(char *word, char **free_string) {
    size_t length = strlen(word);
    uint64_t high = 0;
    if (length && word[length - 1] == '!') {
        word[length - 1] = 0;
        high = 0xdeadbeef00000000;
    }
    if (*word == '=') return high | strtoull(word + 1, 0, 16);
    if (*word == '@') {
        int fd = opened(word + 1);
        if (fd < 0) fail("cannot open", word);
        return high | (unsigned)fd;
    }
    if (*word == '$') {
        char *at = *free_string;
        // $TEXT*N stands for TEXT N times.
        char *star = strchr(word, '*');
        int times = star ? atoi(star + 1) : 1;
        if (star) *star = 0;
        while (times-- > 0) *free_string = stpcpy(*free_string, word + 1);
        ++*free_string;
        return (uintptr_t)at;
    }
    return high | place(word);
}

static void interrupt(int signal) { (void)signal; }

// The directory of each case: file a of ten bytes, empty file b, empty
// directory d, program x that is none, symbolic links l and loop, character device null.
static void furnish(void) {
    umask(022);
    int fd = open("a", O_CREAT | O_RDWR, 0644);
    if (write(fd, "0123456789", 10) != 10) fail("a", strerror(errno));
    close(fd);
    close(open("b", O_CREAT | O_RDWR, 0644));
    mkdir("d", 0755);
    fd = open("x", O_CREAT | O_RDWR, 0755);
    if (write(fd, "no program", 10) != 10) fail("x", strerror(errno));
    close(fd);
    if (mknod("null", S_IFCHR | 0666, makedev(1, 3))) fail("null", strerror(errno));
    if (symlink("a", "l") || symlink("loop", "loop")) fail("links", strerror(errno));
}

static void clear(void) {
    DIR *directory = opendir(".");
    if (!directory) fail("opendir", strerror(errno));
    struct dirent *entry;
    while ((entry = readdir(directory)))
        if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..") && unlink(entry->d_name))
            rmdir(entry->d_name);
    closedir(directory);
}

// One case, in the child. Gives whether the call failed.
static int make(const char *line, volatile struct result *result) {
    char copy[512], *words[7];
    strcpy(copy, line);
    strtok(copy, "\t");
    for (int i = 0; i < 7; i++)
        if (!(words[i] = strtok(0, "\t\n"))) fail("bad line", line);
    for (int fd = 3; fd < 10; fd++) close(fd);
    char *free_string = strings;
    uint64_t a[6];
    for (int i = 0; i < 6; i++) a[i] = argument(words[1 + i], &free_string);
    memset(good, 0, AREA);
    memset(out, FILL, AREA);
    long number = atol(words[0]);
    // What waits is interrupted after a while. alarm and the interval timers are about this very timer.
    struct itimerval soon = {{0, 200000}, {0, 200000}};
    if (number == SYS_alarm || number == SYS_setitimer || number == SYS_getitimer) memset(&soon, 0, sizeof soon);
    setitimer(ITIMER_REAL, &soon, 0);
    errno = 0;
    long value = syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
    int error = errno;
    long wrote = 0;
    for (size_t i = 0; i < AREA; i++)
        if ((unsigned char)out[i] != FILL) wrote = i + 1;
    result->value = value;
    result->error = value == -1 ? error : 0;
    result->wrote = wrote;
    result->done = 1;
    return value == -1;
}

static void child(char **lines, int first, int count) {
    // Cases change and close these three: they must not be what the program was started with.
    int null = open("/dev/null", O_RDWR);
    if (null < 0) fail("/dev/null", strerror(errno));
    for (int fd = 0; fd < 3; fd++) dup2(null, fd);
    struct sigaction action = {.sa_handler = interrupt};
    sigaction(SIGALRM, &action, 0);
    signal(SIGPIPE, SIG_IGN);
    for (int at = first; at < count && make(lines[at], &results[at]); at++) {}
    _exit(0);
}

static void show(const char *line, volatile struct result *result, int status) {
    printf("%.*s: ", (int)strcspn(line, "\t"), line);
    if (!result->done)
        WIFSIGNALED(status) ? printf("killed by %d", WTERMSIG(status)) : printf("ended %d", WEXITSTATUS(status));
    else if (result->error)
        printf("%s", error_name(result->error));
    else
        printf("%ld", result->value);
    if (result->wrote) printf(", wrote %ld", result->wrote);
    puts("");
}

int main(int argc, char **argv) {
    if (argc != 3) fail("usage", "arguments CASES DIRECTORY");
    FILE *list = fopen(argv[1], "r");
    if (!list) fail(argv[1], strerror(errno));
    mkdir(argv[2], 0755);
    if (chdir(argv[2])) fail(argv[2], strerror(errno));
    static char *lines[20000], line[512];
    int count = 0;
    while (count < 20000 && fgets(line, sizeof line, list)) lines[count++] = strdup(line);
    results = mmap(0, count * sizeof *results, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    setvbuf(stdout, 0, _IOFBF, 1 << 16);
    lay_out();
    for (int at = 0; at < count;) {
        clear();
        furnish();
        fflush(stdout);
        pid_t pid = fork();
        if (pid < 0) fail("fork", strerror(errno));
        if (!pid) child(lines, at, count);
        int status;
        while (waitpid(pid, &status, 0) != pid) {}
        // Up to the last one that it made; if it died of one, that one as well.
        int died = WIFSIGNALED(status) || WEXITSTATUS(status);
        for (; at < count && (results[at].done || died); at++) {
            show(lines[at], &results[at], status);
            if (!results[at].done) died = 0;
        }
    }
    puts("end of cases");
    return 0;
}
