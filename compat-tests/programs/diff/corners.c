// Corners of calls that conformance suites look into.
#include "show.h"
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile int handled;
static int last_code;
static void note(int signo, siginfo_t *info, void *context) {
    (void)signo, (void)context;
    handled++;
    last_code = info->si_code;
}
static void handle(int signo) {
    struct sigaction action = {.sa_sigaction = note, .sa_flags = SA_SIGINFO};
    sigaction(signo, &action, 0);
    handled = 0;
}

static void packets(void) {
    int ends[2], flags;
    char bytes[100];
    SHOW(pipe2(ends, O_DIRECT | O_NONBLOCK));
    flags = fcntl(ends[0], F_GETFL);
    printf("reading end %d", flags & O_DIRECT);
    flags = fcntl(ends[1], F_GETFL);
    printf(" writing end %d\n", flags & O_DIRECT);
    SHOW(write(ends[1], "hello", 5));
    SHOW(write(ends[1], "world", 5));
    SHOW(read(ends[0], bytes, 2));
    SHOW(read(ends[0], bytes, sizeof bytes));
    SHOW(read(ends[0], bytes, sizeof bytes));
    int count = 0;
    while (write(ends[1], "x", 1) == 1) count++;
    printf("packets that fit: %d\n", count);
    close(ends[0]), close(ends[1]);
    SHOW(pipe(ends));
    SHOW(fcntl(ends[1], F_SETPIPE_SZ, (1u << 31) + 1));
    SHOW(fcntl(ends[1], F_SETPIPE_SZ, 5000));
    close(ends[0]), close(ends[1]);
}

static void futexes(void) {
    char *gone = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(gone, 4096);
    char *shut = mmap(gone, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int word = 0;
    SHOW(syscall(SYS_futex, shut, FUTEX_WAKE, 1, 0, 0, 0));
    SHOW(syscall(SYS_futex, shut, FUTEX_WAKE_PRIVATE, 1, 0, 0, 0));
    SHOW(syscall(SYS_futex, &word, FUTEX_CMP_REQUEUE, 1, 1, shut, 0));
    munmap(shut, 4096);
    SHOW(syscall(SYS_futex, gone, FUTEX_WAKE, 1, 0, 0, 0));
}

static int thread_id, go_on;
static void *wait_here(void *none) {
    thread_id = syscall(SYS_gettid);
    while (!__atomic_load_n(&go_on, __ATOMIC_SEQ_CST)) usleep(1000);
    return none;
}
static void signals_by_thread(void) {
    pthread_t thread;
    siginfo_t info = {.si_code = SI_QUEUE};
    handle(SIGUSR1);
    pthread_create(&thread, 0, wait_here, 0);
    while (!__atomic_load_n(&thread_id, __ATOMIC_SEQ_CST)) usleep(1000);
    SHOW(kill(thread_id, SIGUSR1));
    while (handled < 1) usleep(1000);
    SHOW(syscall(SYS_rt_sigqueueinfo, thread_id, SIGUSR1, &info));
    while (handled < 2) usleep(1000);
    go_on = 1;
    pthread_join(thread, 0);
    printf("handled %d, last code %d\n", handled, last_code);
}

static void size_limit(void) {
    struct rlimit limit = {10, 100}, before;
    getrlimit(RLIMIT_FSIZE, &before);
    int fd = open("corner_limit", O_RDWR | O_CREAT | O_TRUNC, 0644);
    handle(SIGXFSZ);
    limit.rlim_max = before.rlim_max;
    SHOW(setrlimit(RLIMIT_FSIZE, &limit));
    SHOW(write(fd, "12345678", 8));
    SHOW(write(fd, "12345678", 8));
    printf("signals %d\n", handled);
    SHOW(write(fd, "12345678", 8));
    printf("signals %d\n", handled);
    SHOW(write(fd, "", 0));
    SHOW(pwrite(fd, "1", 1, 100));
    SHOW(pwrite(fd, "123", 3, 8));
    SHOW(ftruncate(fd, 11));
    SHOW(ftruncate(fd, 5));
    SHOW(truncate("corner_limit", 100));
    SHOW(fallocate(fd, 0, 0, 100));
    printf("signals %d\n", handled);
    SHOW(setrlimit(RLIMIT_FSIZE, &before));
    SHOW(lseek(fd, 0, SEEK_END));
    unlink("corner_limit");
    close(fd);
}

static void wild_address(void) {
    handle(SIGSEGV);
    fflush(stdout);
    int status;
    if (fork() == 0) {
        signal(SIGSEGV, SIG_DFL);
        *(volatile char *)-1 = 0;
        _exit(3);
    }
    wait(&status);
    printf("ended by %d\n", WTERMSIG(status));
}

static void seals(void) {
    int fd = syscall(SYS_memfd_create, "corner", 2);
    SHOW(ftruncate(fd, 8192));
    SHOW(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
    WORKS((long)mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
    WORKS((long)mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0));
    char path[40];
    sprintf(path, "/proc/self/fd/%d", fd);
    WORKS(open(path, O_RDWR | O_TRUNC));
    SHOW(lseek(fd, 0, SEEK_END));
    close(fd);
    // What is mapped for writing is not sealed against it; what only might be is neither.
    fd = syscall(SYS_memfd_create, "corner", 2);
    SHOW(ftruncate(fd, 4096));
    char *shared = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    SHOW(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
    SHOW(mprotect(shared, 4096, PROT_READ));
    SHOW(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW));
    SHOW(fcntl(fd, F_GET_SEALS));
    SHOW(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK));
    SHOW(munmap(shared, 4096));
    sprintf(path, "/proc/self/fd/%d", fd);
    int reader = open(path, O_RDONLY);
    mmap(0, 4096, PROT_READ, MAP_SHARED, reader, 0);
    mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    SHOW(fcntl(reader, F_ADD_SEALS, F_SEAL_WRITE));
    SHOW(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
    SHOW(fcntl(fd, F_GET_SEALS));
    close(reader);
    close(fd);
}

static void zeros(void) {
    int fd = open("/dev/zero", O_RDWR), status;
    volatile char *own = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 4096);
    volatile char *common = mmap(0, 5000, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    printf("%d %d\n", own[8191], common[8191]);
    fflush(stdout);
    if (fork() == 0) {
        own[0] = 1;
        common[0] = 2;
        _exit(0);
    }
    wait(&status);
    printf("own %d common %d\n", own[0], common[0]);
    close(fd);
    fd = open("/dev/zero", O_RDONLY);
    WORKS((long)mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
    void *only = mmap(0, 4096, PROT_READ, MAP_SHARED, fd, 0);
    SHOW(mprotect(only, 4096, PROT_READ | PROT_WRITE));
    close(fd);
}

static void splices(void) {
    int ends[2], folder = open(".", O_RDONLY), event = eventfd(0, 0), polls = epoll_create1(0);
    pipe(ends);
    SHOW(splice(folder, 0, ends[1], 0, 1, 0));
    SHOW(splice(event, 0, ends[1], 0, 1, 0));
    SHOW(splice(polls, 0, ends[1], 0, 1, 0));
    SHOW(splice(ends[0], 0, event, 0, 1, 0));
    close(ends[0]), close(ends[1]), close(folder), close(event), close(polls);
}

static int resolve(int folder, const char *path, unsigned long long how) {
    struct open_how asked = {.flags = O_RDONLY, .resolve = how};
    int fd = syscall(SYS_openat2, folder, path, &asked, sizeof asked);
    if (fd < 0) return -1;
    close(fd);
    return 0;
}
static void resolutions(void) {
    mkdir("corner_dir", 0755);
    mkdir("corner_dir/in", 0755);
    close(open("corner_dir/file", O_CREAT, 0644));
    symlink("../file", "corner_dir/in/up");
    symlink("/etc", "corner_dir/away");
    int folder = open("corner_dir", O_PATH);
    SHOW(resolve(folder, "in/up", RESOLVE_BENEATH));
    SHOW(resolve(folder, "in/../..", RESOLVE_BENEATH));
    SHOW(resolve(folder, "..", RESOLVE_IN_ROOT));
    SHOW(resolve(folder, "/file", RESOLVE_IN_ROOT));
    SHOW(resolve(folder, "/file", RESOLVE_BENEATH));
    SHOW(resolve(folder, "away", RESOLVE_BENEATH));
    SHOW(resolve(folder, "away", RESOLVE_IN_ROOT));
    SHOW(resolve(folder, "away", RESOLVE_NO_SYMLINKS));
    SHOW(resolve(folder, "in/up", RESOLVE_NO_SYMLINKS));
    SHOW(resolve(folder, "file", RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV));
    SHOW(resolve(AT_FDCWD, "/proc/self/exe", RESOLVE_NO_MAGICLINKS));
    SHOW(resolve(AT_FDCWD, "/proc/version", RESOLVE_NO_XDEV));
    SHOW(resolve(folder, "file", RESOLVE_BENEATH | RESOLVE_IN_ROOT));
    SHOW(resolve(folder, "file", 64));
    unlink("corner_dir/in/up"), unlink("corner_dir/away"), unlink("corner_dir/file");
    rmdir("corner_dir/in"), rmdir("corner_dir");
    close(folder);
}

static void inherited(void) {
    int status;
    char score[20] = "";
    fflush(stdout);
    if (fork() == 0) {
        int fd = open("/proc/self/oom_score_adj", O_RDWR);
        SHOW(write(fd, "500", 3));
        SHOW(write(fd, "1001", 4));
        SHOW(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
        SHOW(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0));
        SHOW(prctl(PR_SET_DUMPABLE, 0, 0, 0, 0));
        fflush(stdout);
        if (fork() == 0) {
            int reaper = -1;
            fd = open("/proc/self/oom_score_adj", O_RDONLY);
            SHOW(read(fd, score, sizeof score));
            printf("score %s", score);
            SHOW(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
            SHOW(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0));
            SHOW(prctl(PR_GET_CHILD_SUBREAPER, &reaper, 0, 0, 0));
            printf("reaper %d\n", reaper);
            fflush(stdout);
            _exit(0);
        }
        wait(&status);
        _exit(0);
    }
    wait(&status);
}

int main(void) {
    packets();
    futexes();
    signals_by_thread();
    size_limit();
    wild_address();
    seals();
    zeros();
    splices();
    resolutions();
    inherited();
    return 0;
}
