/* Calls every row of a list with arguments of its types, drawn from a seed.

   fuzz ROWS SEED SECONDS [ROUND]

   A line of ROWS is a number, a name and the kinds of the arguments (see compat-tests/src/fuzz.rs, which makes it from
   the table of system calls). A round is a child process that makes a few dozen calls; the same seed and round make
   the same ones. Whatever they do to the child is its own affair: it may die of it, and it is killed when it gets
   nowhere. What must not happen is that the machine stops or that a killed child stays. Every other round runs without
   privileges. With ROUND only that one runs. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <netinet/in.h>
#include <time.h>
#include <unistd.h>

enum { CALLS = 40, ROWS_MAX = 512, ARGS_MAX = 6, VALUES_MAX = 64, SCRATCH = 4 * 4096 };
/* Where the child's own memory lies, so that a seed means the same each time. */
#define SCRATCH_AT ((unsigned char *)0x100000000000)
#define READ_ONLY_AT ((unsigned char *)0x100000100000)
/* Patience with a child that makes no call, and with the end of one that was killed. */
enum { STUCK_MS = 400, BURIAL_MS = 30000 };
#define WORK "/tmp/fuzz"

struct arg {
    char kind[8];
    int count;
    uint64_t values[VALUES_MAX];
};

struct row {
    int nr, count;
    char name[32];
    struct arg args[ARGS_MAX];
};

static struct row rows[ROWS_MAX];
static int row_count;

/* What the child is doing, for the parent. */
static struct shared {
    volatile uint64_t calls, refused;
    volatile int row;
    volatile uint64_t regs[6];
    volatile int segments[16], segment_count;
} *shared;

static uint64_t state;
static int privileged;
static int fds[64], fd_count;
static pid_t self;

static uint64_t next(void)
{
    uint64_t z = state += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

static uint64_t below(uint64_t n) { return next() % n; }

static void read_rows(const char *path)
{
    char line[2048];
    FILE *file = fopen(path, "r");
    if (!file)
        _exit(99);
    while (row_count < ROWS_MAX && fgets(line, sizeof line, file)) {
        struct row *row = &rows[row_count++];
        char *words, *word = strtok_r(line, " \n", &words);
        row->nr = atoi(word);
        snprintf(row->name, sizeof row->name, "%s", strtok_r(NULL, " \n", &words));
        while ((word = strtok_r(NULL, " \n", &words)) && row->count < ARGS_MAX) {
            struct arg *arg = &row->args[row->count++];
            char *values, *kind = strtok_r(word, ":,", &values), *value;
            snprintf(arg->kind, sizeof arg->kind, "%s", kind);
            while ((value = strtok_r(NULL, ":,", &values)) && arg->count < VALUES_MAX)
                arg->values[arg->count++] = strtoull(value, NULL, 16);
        }
    }
    fclose(file);
}

static uint64_t integer(void)
{
    static const uint64_t odd[] = {
        0, 1, 2, 3, 4, 7, 8, 16, 100, 4095, 4096, 4097, 65536, 0x7fffffff, 0x80000000, 0xffffffff, 0x100000000,
        0x7fffffffffff, 0x7fffffffffffffff, 0x8000000000000000, -1, -2, -4095, -4096, -100, 0x7ffff000,
    };
    switch (below(4)) {
    case 0: return below(10);
    case 1: return (uint64_t)1 << below(64);
    case 2: return below(8) ? odd[below(sizeof odd / sizeof *odd)] : next();
    default: return odd[below(sizeof odd / sizeof *odd)];
    }
}

static uint64_t length(void)
{
    return below(8) ? below(3) ? below(300) : below(SCRATCH) : integer();
}

static uint64_t address(void)
{
    switch (below(16)) {
    case 0: return 0;
    case 1: return (uint64_t)READ_ONLY_AT + below(4096);
    /* Close to the end, and what lies behind it. */
    case 2: return (uint64_t)SCRATCH_AT + SCRATCH - below(64);
    case 3: return (uint64_t)SCRATCH_AT + SCRATCH + below(8192);
    case 4:
        switch (below(6)) {
        case 0: return 1;
        case 1: return 0xffffffff80000000 + below(1 << 24);
        case 2: return 0xffff800000000000 + below(1 << 30);
        case 3: return 0x7ffffffff000 - below(16);
        case 4: return 0x800000000000 + below(64);
        default: return next();
        }
    case 5: return (uint64_t)SCRATCH_AT + below(SCRATCH);
    default: return (uint64_t)SCRATCH_AT + below(SCRATCH / 64) * 64;
    }
}

/* Structures are made of words like these. */
static uint64_t word(void)
{
    switch (below(4)) {
    case 0: return below(16);
    case 1: return address();
    case 2: return integer();
    default: return below(3) ? 0 : next();
    }
}

static uint64_t path(void)
{
    static const char *const names[] = {
        "a", "b", "d", "d/a", "d/../a", "l", "loop", "pipe", "./a", "..", ".", "", "/", "a/", "none", "none/none", "d/none",
        "/proc/self/maps", "/proc/self/fd/3", "/proc/self/exe", "/proc/self", "/proc/meminfo", "/sys", "/tmp", "security.x", "user.x",
        "unix", "\xff\xfe", "/dev/full", "/dev/zero", "/dev/shm/x", "/dev/tty", "/dev/ptmx",
    };
    enum { OF_DEVICES = 5, NAMES = sizeof names / sizeof *names };
    char *to = (char *)SCRATCH_AT + below(32) * 256;
    switch (below(12)) {
    case 0: return address();
    case 1: {
        /* Up to the end of the memory, with or without a NUL there. */
        size_t len = below(2) ? below(300) : 4096 + below(200);
        to = (char *)SCRATCH_AT + SCRATCH - len;
        memset(to, below(2) ? 'x' : '/', len);
        if (len && below(2))
            to[len - 1] = 0;
        return (uint64_t)to;
    }
    default:
        /* Who may remove the machine's devices must not be given them. */
        strcpy(to, names[below(privileged ? NAMES - OF_DEVICES : NAMES)]);
        return (uint64_t)to;
    }
}

static uint64_t descriptor(void)
{
    static const int odd[] = {-1, -100, -2, 1000, 1023, 1024, 1 << 20, INT32_MAX, INT32_MIN, 0, 1, 2};
    if (below(8) == 0)
        return odd[below(sizeof odd / sizeof *odd)];
    return fds[below(fd_count)];
}

static uint64_t process(void)
{
    /* Never the parent's or init's number; -1 means everybody, and is for those who may not. */
    const int64_t some[] = {0, self, self, -self, 99999, INT32_MAX, INT32_MIN, privileged ? self : -1};
    return some[below(sizeof some / sizeof *some)];
}

static uint64_t named(const struct arg *arg, int is_bits)
{
    uint64_t value = 0;
    if (arg->count == 0 || below(8) == 0)
        return integer();
    if (!is_bits)
        return arg->values[below(arg->count)];
    for (uint64_t n = below(4); n; n--)
        value |= arg->values[below(arg->count)];
    return value;
}

static int draw(const struct row *row, uint64_t regs[6])
{
    int at = 0;
    for (int i = 0; i < row->count && at < 6; i++) {
        const char *kind = row->args[i].kind;
        if (!strcmp(kind, "fd"))
            regs[at++] = descriptor();
        else if (!strcmp(kind, "addr"))
            regs[at++] = address();
        else if (!strcmp(kind, "path"))
            regs[at++] = path();
        else if (!strcmp(kind, "pid"))
            regs[at++] = process();
        else if (!strcmp(kind, "sig"))
            regs[at++] = below(4) ? below(66) : integer();
        else if (!strcmp(kind, "size"))
            regs[at++] = length();
        else if (!strcmp(kind, "bits"))
            regs[at++] = named(&row->args[i], 1);
        else if (!strcmp(kind, "value"))
            regs[at++] = named(&row->args[i], 0);
        else if (!strcmp(kind, "buf")) {
            regs[at++] = address();
            regs[at++] = length();
        } else
            regs[at++] = integer();
    }
    while (at < 6)
        regs[at++] = below(2) ? 0 : integer();
    return row->count;
}

/* By the instruction, with nothing of libc's: a call that makes a thread or a process on this very stack, or that takes
   the thread's TLS away. What is new ends at once. */
static long bare(long nr, const uint64_t *a)
{
    long ret = nr;
    register uint64_t r10 __asm__("r10") = a[3];
    register uint64_t r8 __asm__("r8") = a[4];
    register uint64_t r9 __asm__("r9") = a[5];
    __asm__ volatile("syscall\n\t"
                     "test %%rax, %%rax\n\t"
                     "jnz 1f\n\t"
                     "test %%ebx, %%ebx\n\t"
                     "jz 1f\n\t"
                     "xor %%edi, %%edi\n\t"
                     "mov $60, %%eax\n\t"
                     "syscall\n"
                     "1:"
                     : "+a"(ret)
                     : "D"(a[0]), "S"(a[1]), "d"(a[2]), "r"(r10), "r"(r8), "r"(r9),
                       "b"(nr == SYS_fork || nr == SYS_vfork || nr == SYS_clone || nr == SYS_clone3)
                     : "rcx", "r11", "memory");
    return ret;
}

static void on_alarm(int signo) { (void)signo; }

static void add(int fd)
{
    if (fd >= 0 && fd_count < 64)
        fds[fd_count++] = fd;
}

static void equip(void)
{
    int pair[2];
    struct sockaddr_in any = {.sin_family = AF_INET};
    sigset_t usr2;
    int null = open("/dev/null", O_RDWR);
    for (int fd = 0; fd < 3; fd++)
        dup2(null, fd);
    add(null);
    add(open("a", O_RDWR | O_CREAT, 0666));
    add(open("b", O_RDWR | O_CREAT | O_APPEND, 0666));
    mkdir("d", 0777);
    add(open("d", O_RDONLY | O_DIRECTORY));
    add(open(".", O_PATH));
    add(open("d/a", O_RDWR | O_CREAT, 0666));
    if (symlink("a", "l") || symlink("loop", "loop") || mkfifo("pipe", 0666))
        _exit(98);
    if (pipe(pair) == 0) {
        fcntl(pair[1], F_SETFL, O_NONBLOCK);
        add(pair[0]), add(pair[1]);
    }
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0)
        add(pair[0]), add(pair[1]);
    if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) == 0)
        add(pair[0]), add(pair[1]);
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    add(listener);
    if (listener >= 0 && bind(listener, (struct sockaddr *)&any, sizeof any) == 0) {
        socklen_t len = sizeof any;
        listen(listener, 4);
        getsockname(listener, (struct sockaddr *)&any, &len);
        int client = socket(AF_INET, SOCK_STREAM, 0);
        any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (connect(client, (struct sockaddr *)&any, sizeof any) == 0)
            add(client);
    }
    add(socket(AF_INET, SOCK_STREAM, 0));
    add(socket(AF_INET, SOCK_DGRAM, 0));
    add(socket(AF_INET6, SOCK_STREAM, 0));
    add(socket(AF_UNIX, SOCK_DGRAM, 0));
    add(socket(AF_NETLINK, SOCK_RAW, 0));
    add(epoll_create1(0));
    add(eventfd(1, 0));
    add(timerfd_create(CLOCK_MONOTONIC, 0));
    sigemptyset(&usr2);
    sigaddset(&usr2, SIGUSR2);
    add(signalfd(-1, &usr2, 0));
    add(memfd_create("m", MFD_ALLOW_SEALING));
    add(open("/proc/self/maps", O_RDONLY));
    add(open("/proc/self/mem", O_RDWR));
    add(open("/proc/meminfo", O_RDONLY));
    add(open("/proc", O_RDONLY | O_DIRECTORY));
    add(open("/dev/zero", O_RDWR));
    add(open("/dev/urandom", O_RDONLY));
    add(open("/dev/ptmx", O_RDWR | O_NOCTTY));
    add(open("pipe", O_RDWR));
    add(syscall(SYS_inotify_init1, 0));
    add(syscall(SYS_pidfd_open, getpid(), 0));
}

static void play(uint64_t seed, uint64_t round)
{
    const struct itimerval tick = {{0, 3000}, {0, 3000}};
    state = seed + round * 0x632be59bd9b4e019;
    next();
    setsid();
    self = getpid();
    privileged = round % 2 == 0;
    equip();
    if (!privileged && (setgid(65534) || setuid(65534)))
        _exit(97);
    if (mmap(SCRATCH_AT, SCRATCH, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED ||
        mmap(SCRATCH_AT + SCRATCH, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED ||
        mmap(READ_ONLY_AT, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
        _exit(96);
    struct sigaction action = {.sa_handler = on_alarm};
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &tick, NULL);
    for (int i = 0; i < CALLS; i++) {
        int index = (round * CALLS + i) % row_count;
        const struct row *row = &rows[index];
        uint64_t regs[6];
        for (uint64_t n = below(64); n; n--)
            ((uint64_t *)SCRATCH_AT)[below(SCRATCH / 8)] = word();
        /* Structures begin where addresses most often point. */
        for (uint64_t n = below(12), at = below(SCRATCH / 64) * 8; n && at + n < SCRATCH / 8; n--)
            ((uint64_t *)SCRATCH_AT)[at + n] = word();
        draw(row, regs);
        for (int at = 0; at < 6; at++)
            shared->regs[at] = regs[at];
        shared->row = index;
        shared->calls++;
        long ret;
        int by_libc = below(2) && row->nr != SYS_fork && row->nr != SYS_vfork && row->nr != SYS_clone && row->nr != SYS_clone3;
        if (by_libc) {
            ret = syscall(row->nr, regs[0], regs[1], regs[2], regs[3], regs[4], regs[5]);
        } else {
            ret = bare(row->nr, regs);
        }
        if (ret == -1 || (ret < 0 && ret > -4096))
            shared->refused++;
        else if (row->nr == SYS_shmget && shared->segment_count < 16)
            shared->segments[shared->segment_count++] = ret;
    }
    _exit(0);
}

static uint64_t now_ms(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

static void clear(const char *path, int depth)
{
    DIR *dir = opendir(path);
    struct dirent *entry;
    if (!dir)
        return;
    while ((entry = readdir(dir))) {
        char inner[4400];
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
            continue;
        snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name);
        if (unlink(inner) != 0 && depth < 8) {
            clear(inner, depth + 1);
            rmdir(inner);
        }
    }
    closedir(dir);
}

static void say_call(const char *what, uint64_t seed, uint64_t round)
{
    const struct row *row = &rows[shared->row];
    printf("%s: seed %llu round %llu, call %s(", what, (unsigned long long)seed, (unsigned long long)round, row->name);
    for (int at = 0; at < 6; at++)
        printf("%s%#llx", at ? ", " : "", (unsigned long long)shared->regs[at]);
    printf(")\n");
    fflush(stdout);
}

/* Waits until nothing of the round is left. */
static int bury(pid_t child, uint64_t seed, uint64_t round)
{
    uint64_t calls = -1, since = now_ms(), killed = 0;
    for (;;) {
        int status;
        pid_t gone = waitpid(-1, &status, WNOHANG | __WALL);
        if (gone < 0 && errno == ECHILD)
            return 0;
        if (gone == child)
            killed = killed ? killed : now_ms();
        if (gone > 0)
            continue;
        /* With the child gone, whatever it left behind goes too; or it gets nowhere. */
        if (killed == 0 && calls != shared->calls) {
            calls = shared->calls;
            since = now_ms();
        } else if (killed == 0 && now_ms() - since > STUCK_MS) {
            killed = now_ms();
        }
        if (killed) {
            kill(-1, SIGKILL);
            if (now_ms() - killed > BURIAL_MS) {
                say_call("HANG", seed, round);
                return 1;
            }
        }
        usleep(killed ? 1000 : 500);
    }
}

int main(int argc, char **argv)
{
    if (argc < 4)
        return 0; /* a child's execve found its own program */
    read_rows(argv[1]);
    uint64_t seed = strtoull(argv[2], NULL, 0), end = now_ms() + strtoull(argv[3], NULL, 0) * 1000;
    uint64_t first = argc > 4 ? strtoull(argv[4], NULL, 0) : 0, rounds = 0;
    if (row_count == 0)
        return 95;
    for (int signo = 1; signo < 65; signo++)
        signal(signo, SIG_IGN);
    signal(SIGCHLD, SIG_DFL);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        return 94;
    printf("fuzz: seed %llu, %d rows\n", (unsigned long long)seed, row_count);
    for (uint64_t round = first; now_ms() < end; round++) {
        /* Should the machine stop now, this is the line to look at. */
        printf("round %llu\n", (unsigned long long)round);
        fflush(stdout);
        mkdir("/tmp", 01777);
        mkdir(WORK, 0777);
        if (chmod("/", 0755) || chmod("/tmp", 01777) || chmod(WORK, 0777) || chdir(WORK)) {
            printf("the folder of the round cannot be made: %s\n", strerror(errno));
            return 1;
        }
        shared->segment_count = 0;
        pid_t child = fork();
        if (child == 0) {
            umask(0);
            play(seed, round);
        }
        if (child < 0) {
            say_call("no child any more after", seed, round);
            return 1;
        }
        if (bury(child, seed, round))
            return 1;
        for (int i = 0; i < shared->segment_count; i++)
            shmctl(shared->segments[i], IPC_RMID, NULL);
        if (chdir("/"))
            return 1;
        clear(WORK, 0);
        rounds++;
        if (argc > 4)
            break;
    }
    printf("fuzz: %llu rounds, %llu calls, %llu refused: no findings\n", (unsigned long long)rounds,
           (unsigned long long)shared->calls, (unsigned long long)shared->refused);
    return 0;
}
