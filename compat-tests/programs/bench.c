/* Micro benchmarks: `name value` lines, a value being TSC ticks for one operation. Under QEMU's -icount one tick
 * is one instruction. Each figure is the difference of the clock over N rounds, divided by N.
 * `bench [PREFIX...]` runs the rows whose name begins with one of these; `boot.main` only when it is named: the clock
 * at the first line of main, which is the machine's age. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>

static void die(const char *what)
{
    fprintf(stderr, "bench: %s: %s\n", what, strerror(errno));
    exit(1);
}

static long trapped(long number, long argument)
{
    long result;
    __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(argument) : "rcx", "r11", "memory");
    return result;
}

#define LOOP(n, body) \
    do { \
        for (int warm = 0; warm < 3; warm++) { body; } \
        uint64_t start = __rdtsc(); \
        for (int i = 0; i < (n); i++) { body; } \
        return (double)(__rdtsc() - start) / (n); \
    } while (0)

static double getpid_bound(void) { LOOP(2000, getpid()); }
static double getpid_trapped(void) { LOOP(2000, trapped(SYS_getpid, 0)); }
static double getppid_bound(void) { LOOP(2000, getppid()); }
static double getppid_trapped(void) { LOOP(2000, trapped(SYS_getppid, 0)); }
static double close_bound(void) { LOOP(2000, close(-1)); }
static double close_trapped(void) { LOOP(2000, trapped(SYS_close, -1)); }
static double clock_monotonic(void) { struct timespec now; LOOP(2000, clock_gettime(CLOCK_MONOTONIC, &now)); }

static double write_null(void)
{
    int fd = open("/dev/null", O_WRONLY);
    if (fd < 0) die("/dev/null");
    LOOP(2000, if (write(fd, "x", 1) != 1) die("write"));
}

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static double mutex_uncontended(void) { LOOP(2000, pthread_mutex_lock(&mutex); pthread_mutex_unlock(&mutex)); }

static double malloc_64(void)
{
    LOOP(2000, void *p = malloc(64); __asm__ volatile("" : : "r"(p) : "memory"); free(p));
}

/* Two threads in turn. Each kind says how the token goes over and comes back; the figure is for one switch. */
enum { ROUNDS = 500 };
static int token;
static pthread_cond_t turned = PTHREAD_COND_INITIALIZER;
static int pipes[2][2];

static void hand_condvar(int me)
{
    pthread_mutex_lock(&mutex);
    while (token != me) pthread_cond_wait(&turned, &mutex);
    token = !me;
    pthread_cond_signal(&turned);
    pthread_mutex_unlock(&mutex);
}

static void hand_futex(int me)
{
    while (__atomic_load_n(&token, __ATOMIC_ACQUIRE) != me)
        syscall(SYS_futex, &token, FUTEX_WAIT_PRIVATE, !me, NULL, NULL, 0);
    __atomic_store_n(&token, !me, __ATOMIC_RELEASE);
    syscall(SYS_futex, &token, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static void hand_pipe(int me)
{
    char byte = 0;
    if (read(pipes[me][0], &byte, 1) != 1 || write(pipes[!me][1], &byte, 1) != 1) die("pipe");
}

static void *partner(void *hand)
{
    for (int i = 0; i < ROUNDS; i++) ((void (*)(int))hand)(1);
    return NULL;
}

static double switches(void (*hand)(int))
{
    pthread_t thread;
    token = 0;
    if (pthread_create(&thread, NULL, partner, (void *)hand) != 0) die("thread");
    sched_yield();
    uint64_t start = __rdtsc();
    for (int i = 0; i < ROUNDS; i++) hand(0);
    uint64_t ticks = __rdtsc() - start;
    pthread_join(thread, NULL);
    return (double)ticks / ROUNDS / 2;
}

static double condvar_switch(void) { return switches(hand_condvar); }
static double futex_switch(void) { return switches(hand_futex); }
static double pipe_switch(void)
{
    if (pipe(pipes[0]) != 0 || pipe(pipes[1]) != 0 || write(pipes[0][1], "", 1) != 1) die("pipe");
    return switches(hand_pipe);
}

/* Two threads that do nothing but yield: a call of either counts, whether or not the scheduler then switches. */
static volatile int yielding;
static volatile long yields[2];

static void *yielder(void *argument)
{
    for (; yielding; yields[1]++) sched_yield();
    return argument;
}

static double yield_switch(void)
{
    pthread_t thread;
    yielding = 1;
    yields[0] = yields[1] = 0;
    if (pthread_create(&thread, NULL, yielder, NULL) != 0) die("thread");
    while (yields[1] == 0) sched_yield();
    long before = yields[1];
    uint64_t start = __rdtsc();
    for (; yields[0] < 2 * ROUNDS; yields[0]++) sched_yield();
    uint64_t ticks = __rdtsc() - start;
    long calls = yields[0] + yields[1] - before;
    yielding = 0;
    pthread_join(thread, NULL);
    return (double)ticks / calls;
}

static double eventfd_epoll(void)
{
    struct epoll_event event = { .events = EPOLLIN };
    uint64_t one = 1, got;
    int fd = eventfd(0, EFD_NONBLOCK), poll = epoll_create1(0);
    if (fd < 0 || poll < 0 || epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event) != 0) die("epoll");
    LOOP(1000, if (write(fd, &one, 8) != 8 || epoll_wait(poll, &event, 1, -1) != 1 || read(fd, &got, 8) != 8) die("eventfd"));
}

static void *nothing(void *argument) { return argument; }
static double thread_create_join(void)
{
    pthread_t thread;
    LOOP(200, if (pthread_create(&thread, NULL, nothing, NULL) != 0 || pthread_join(thread, NULL) != 0) die("thread"));
}

static double fault_4k(void)
{
    enum { PAGES = 64, TIMES = 20 };
    uint64_t start = __rdtsc();
    for (int i = 0; i < TIMES; i++) {
        char *area = mmap(NULL, PAGES * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (area == MAP_FAILED) die("mmap");
        for (int page = 0; page < PAGES; page++) ((volatile char *)area)[page * 4096] = 1;
        munmap(area, PAGES * 4096);
    }
    return (double)(__rdtsc() - start) / TIMES / PAGES;
}

static double mmap_munmap_4k(void)
{
    LOOP(500, void *area = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
         if (munmap(area, 4096) != 0) die("munmap"));
}

static double open_close(void) { LOOP(500, int fd = open("/etc/passwd", O_RDONLY); if (close(fd) != 0) die("/etc/passwd")); }

static double pread_4k(void)
{
    static char page[4096];
    int fd = open("/proc/self/exe", O_RDONLY);
    if (fd < 0) die("/proc/self/exe");
    LOOP(500, if (pread(fd, page, sizeof page, 4096) != sizeof page) die("pread"));
}

static void exchange(int fd, char *buffer, int write_first)
{
    if (write_first && write(fd, buffer, 32) != 32) die("send");
    for (int got = 0, n; got < 32; got += n)
        if ((n = read(fd, buffer + got, 32 - got)) <= 0) { if (!write_first) pthread_exit(NULL); die("receive"); }
    if (!write_first && write(fd, buffer, 32) != 32) die("echo");
}

static void *echo(void *argument)
{
    char buffer[32];
    int one = 1, fd = accept(*(int *)argument, NULL, NULL);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    for (;;) exchange(fd, buffer, 0);
    return NULL;
}

static double tcp_round_trip(void)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t length = sizeof address;
    char buffer[32] = "";
    static int listener;
    int one = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
    pthread_t thread;
    listener = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listener, (void *)&address, sizeof address) != 0 || listen(listener, 1) != 0) die("listen");
    getsockname(listener, (void *)&address, &length);
    if (pthread_create(&thread, NULL, echo, &listener) != 0) die("thread");
    if (connect(fd, (void *)&address, sizeof address) != 0) die("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    LOOP(300, exchange(fd, buffer, 1));
}

static void *unix_echo(void *argument)
{
    char buffer[32];
    for (;;) exchange(*(int *)argument, buffer, 0);
    return NULL;
}

static double unix_round_trip(void)
{
    static int pair[2];
    char buffer[32] = "";
    pthread_t thread;
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0) die("socketpair");
    if (pthread_create(&thread, NULL, unix_echo, &pair[1]) != 0) die("thread");
    LOOP(300, exchange(pair[0], buffer, 1));
}

static void reap(pid_t child)
{
    int status;
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0) die("child");
}

static double fork_exit(void)
{
    LOOP(100, pid_t child = fork(); if (child == 0) _exit(0); reap(child));
}

/* The program again, which ends in main: with its dynamic linker and libc. */
static double fork_exec_exit(void)
{
    LOOP(50, pid_t child = fork();
         if (child == 0) { execl("/proc/self/exe", "bench", "--exit", (char *)NULL); _exit(1); }
         reap(child));
}

/* A file in RAM, on both sides: 1 MiB, written and read from the start again and again. */
static int file_in_ram(void)
{
    static char page[4096];
    mkdir("/tmp", 01777);
    int fd = open("/tmp/bench.file", O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (fd < 0) die("/tmp/bench.file");
    for (int i = 0; i < 256; i++)
        if (write(fd, page, sizeof page) != sizeof page) die("write");
    return fd;
}

static double file_write_4k(void)
{
    static char page[4096];
    int fd = file_in_ram(), at = 0;
    LOOP(500, if (pwrite(fd, page, sizeof page, at++ % 256 * 4096) != sizeof page) die("pwrite"));
}

static double file_read_4k(void)
{
    static char page[4096];
    int fd = file_in_ram(), at = 0;
    LOOP(500, if (pread(fd, page, sizeof page, at++ % 256 * 4096) != sizeof page) die("pread"));
}

static const struct { const char *name; double (*run)(void); } rows[] = {
    { "getpid.bound", getpid_bound }, { "getpid.trapped", getpid_trapped },
    { "getppid.bound", getppid_bound }, { "getppid.trapped", getppid_trapped },
    { "close.bound", close_bound }, { "close.trapped", close_trapped },
    { "clock_gettime", clock_monotonic }, { "write.null", write_null },
    { "mutex", mutex_uncontended }, { "malloc.free.64", malloc_64 },
    { "sched_yield", yield_switch }, { "condvar.switch", condvar_switch },
    { "futex.switch", futex_switch }, { "pipe.switch", pipe_switch },
    { "eventfd.epoll.read", eventfd_epoll }, { "thread.create.join", thread_create_join },
    { "fault.4k", fault_4k }, { "mmap.munmap.4k", mmap_munmap_4k },
    { "open.close", open_close }, { "pread.4k", pread_4k }, { "tcp.round.trip", tcp_round_trip },
    { "unix.round.trip", unix_round_trip }, { "file.write.4k", file_write_4k }, { "file.read.4k", file_read_4k },
    { "fork.exit", fork_exit }, { "fork.exec.exit", fork_exec_exit },
};

static int wanted(const char *name, int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (strncmp(name, argv[i], strlen(argv[i])) == 0) return 1;
    return argc < 2;
}

int main(int argc, char **argv)
{
    uint64_t age = __rdtsc();
    if (argc == 2 && strcmp(argv[1], "--exit") == 0) return 0;
    if (argc > 1 && wanted("boot.main", argc, argv)) printf("boot.main %.1f\n", (double)age);
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++)
        if (wanted(rows[i].name, argc, argv)) {
            printf("%s %.1f\n", rows[i].name, rows[i].run());
            fflush(stdout);
        }
    return 0;
}
