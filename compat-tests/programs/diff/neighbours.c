// Calls about other processes' memory, about what memory and time are, and others of their kind that libcs wrap late
// or never: made by number.
#include "show.h"
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define P 4096ul
#define CALL(...) syscall(__VA_ARGS__)

static char *map(size_t pages, int prot, int flags) { return mmap(0, pages * P, prot, flags | MAP_ANONYMOUS, -1, 0); }

static void remote_memory(void) {
    static char text[64] = "of the parent";
    int go[2], done[2];
    if (pipe(go) || pipe(done)) abort();
    char *two = map(2, PROT_READ | PROT_WRITE, MAP_PRIVATE);
    mprotect(two + P, P, PROT_NONE);
    pid_t child = fork();
    if (!child) {
        strcpy(text, "of the child");
        strcpy(two + P - 4, "end");
        if (write(done[1], "x", 1) != 1 || read(go[0], text + 32, 1) != 1) _exit(1);
        _exit(strcmp(text, "by the parent") ? 2 : 0);
    }
    char byte, got[64] = "";
    if (read(done[0], &byte, 1) != 1) abort();
    struct iovec local = {got, 20}, remote = {text, 20};
    SHOW(CALL(SYS_process_vm_readv, child, &local, 1, &remote, 1, 0));
    printf("%s, mine is %s\n", got, text);
    struct iovec pieces[] = {{got, 3}, {got + 10, 5}}, parts[] = {{text, 6}, {text + 7, 2}};
    memset(got, '.', 20);
    SHOW(CALL(SYS_process_vm_readv, child, pieces, 2, parts, 2, 0));
    printf("%.20s\n", got);
    struct iovec beyond = {two + P - 4, 100};
    local.iov_len = 60;
    SHOW(CALL(SYS_process_vm_readv, child, &local, 1, &beyond, 1, 0));
    struct iovec nowhere = {(void *)8, 8};
    SHOW(CALL(SYS_process_vm_readv, child, &local, 1, &nowhere, 1, 0));
    SHOW(CALL(SYS_process_vm_readv, child, &nowhere, 1, &remote, 1, 0));
    SHOW(CALL(SYS_process_vm_readv, child, &local, 1, &remote, 1, 1));
    SHOW(CALL(SYS_process_vm_readv, child, &local, 1025, &remote, 1, 0));
    SHOW(CALL(SYS_process_vm_readv, 0x3fffff, &local, 1, &remote, 1, 0));
    struct iovec new = {"by the parent", 14};
    SHOW(CALL(SYS_process_vm_writev, child, &new, 1, &remote, 1, 0));
    SHOW(CALL(SYS_kcmp, getpid(), child, 0, go[0], go[0]));
    SHOW(CALL(SYS_kcmp, getpid(), child, 0, go[0], 999));
    SHOW(CALL(SYS_kcmp, getpid(), getpid(), 1, 0, 0));
    SHOW(CALL(SYS_kcmp, getpid(), child, 1, 0, 0) != 0);
    SHOW(CALL(SYS_kcmp, getpid(), child, 2, 0, 0) != 0);
    SHOW(CALL(SYS_kcmp, getpid(), child, 99, 0, 0));
    SHOW(CALL(SYS_kcmp, getpid(), child, 6, 0, 0));
    int same = dup(go[0]);
    SHOW(CALL(SYS_kcmp, getpid(), getpid(), 0, go[0], same));
    int process = CALL(SYS_pidfd_open, child, 0);
    SHOW(CALL(SYS_process_mrelease, process, 0));
    struct iovec all = {two, P};
    SHOW(CALL(SYS_process_madvise, process, &all, 1, MADV_WILLNEED, 0));
    SHOW(CALL(SYS_process_madvise, process, &all, 1, MADV_WILLNEED, 1));
    if (write(go[1], "x", 1) != 1) abort();
    int status;
    waitpid(child, &status, 0);
    printf("child ended %d\n", WEXITSTATUS(status));
    SHOW(CALL(SYS_process_vm_readv, child, &local, 1, &remote, 1, 0));
    SHOW(CALL(SYS_process_mrelease, process, 0));
    struct iovec own = {two, P};
    int me = CALL(SYS_pidfd_open, getpid(), 0);
    strcpy(two, "gone");
    SHOW(CALL(SYS_process_madvise, me, &own, 1, MADV_DONTNEED, 0));
    printf("[%s]\n", two);
}

static uint32_t words[3];
static volatile int woken = -9;

static void *waits(void *unused) {
    (void)unused;
    struct futex_waitv waiters[3];
    for (int i = 0; i < 3; i++) waiters[i] = (struct futex_waitv){0, (uintptr_t)&words[i], FUTEX_32 | FUTEX_PRIVATE_FLAG, 0};
    woken = CALL(SYS_futex_waitv, waiters, 3, 0, 0, 0);
    return 0;
}

static void futexes(void) {
    enum { FLAGS = 2 | 128 };
    struct timespec now, past = {1, 0};
    clock_gettime(CLOCK_MONOTONIC, &now);
    now.tv_nsec += 5000000;
    now.tv_sec += now.tv_nsec / 1000000000;
    now.tv_nsec %= 1000000000;
    SHOW(CALL(454, words, ~0u, 1, FLAGS));
    SHOW(CALL(454, words, 0, 1, FLAGS));
    SHOW(CALL(454, words, ~0u, 1, 1));
    SHOW(CALL(455, words, 1, ~0u, FLAGS, 0, CLOCK_MONOTONIC));
    SHOW(CALL(455, words, 0, ~0u, FLAGS, &now, CLOCK_MONOTONIC));
    SHOW(CALL(455, words, 0, ~0u, FLAGS, &past, CLOCK_REALTIME));
    SHOW(CALL(455, words, 0, ~0u, FLAGS, &past, CLOCK_BOOTTIME));
    SHOW(CALL(455, words, 0x100000000, ~0u, FLAGS, 0, CLOCK_MONOTONIC));
    struct futex_waitv pair[2] = {{0, (uintptr_t)words, FLAGS, 0}, {0, (uintptr_t)(words + 1), FLAGS, 0}};
    SHOW(CALL(456, pair, 0, 1, 1));
    pair[0].val = 1;
    SHOW(CALL(456, pair, 0, 1, 1));
    SHOW(CALL(SYS_futex_waitv, pair, 2, 0, 0, 0));
    pair[0].val = 0;
    SHOW(CALL(SYS_futex_waitv, pair, 2, 0, &past, CLOCK_REALTIME));
    SHOW(CALL(SYS_futex_waitv, pair, 0, 0, 0, 0));
    SHOW(CALL(SYS_futex_waitv, pair, 129, 0, 0, 0));
    SHOW(CALL(SYS_futex_waitv, pair, 2, 1, 0, 0));
    pair[1].__reserved = 1;
    SHOW(CALL(SYS_futex_waitv, pair, 2, 0, 0, 0));
    pair[1] = (struct futex_waitv){0, 8, FLAGS, 0};
    SHOW(CALL(SYS_futex_waitv, pair, 2, 0, 0, 0));
    for (int at = 0; at < 3; at++) {
        pthread_t thread;
        woken = -9;
        pthread_create(&thread, 0, waits, 0);
        while (!CALL(454, &words[at], ~0u, 1, FLAGS)) usleep(500);
        pthread_join(thread, 0);
        printf("woken by %d\n", woken);
    }
}

static void sealed(void) {
    char *at = map(4, PROT_READ, MAP_PRIVATE);
    SHOW(CALL(462, at + P, 2 * P, 0));
    SHOW(munmap(at, 4 * P));
    SHOW(mprotect(at + 2 * P, P, PROT_READ | PROT_WRITE));
    WORKS(mmap(at + P, P, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED);
    WORKS((long)mremap(at + P, P, 2 * P, MREMAP_MAYMOVE));
    SHOW(madvise(at + P, P, MADV_DONTNEED));
    SHOW(munmap(at, P));
    SHOW(CALL(462, at, 3 * P, 0));
    SHOW(CALL(462, at + P + 1, P, 0));
    SHOW(CALL(462, at + P, P, 1));
    SHOW(CALL(462, at + P, 0, 0));
    char *pages = map(4, PROT_READ | PROT_WRITE, MAP_SHARED);
    for (int i = 0; i < 4; i++) pages[i * P] = 'a' + i;
    SHOW(CALL(SYS_remap_file_pages, pages, P, 0, 3, 0));
    SHOW(CALL(SYS_remap_file_pages, pages + 2 * P, 2 * P, 0, 0, 0));
    printf("%c%c%c%c\n", pages[0], pages[P], pages[2 * P], pages[3 * P]);
    SHOW(CALL(SYS_remap_file_pages, pages, P, 1, 3, 0));
    SHOW(CALL(SYS_remap_file_pages, at + P, P, 0, 0, 0));
}

static void policies(void) {
    int mode = -1;
    unsigned long nodes = 9, one = 1, two = 2, none = 0;
    SHOW(CALL(SYS_get_mempolicy, &mode, &nodes, 64, 0, 0));
    printf("mode %d nodes %lx\n", mode, nodes);
    SHOW(CALL(SYS_set_mempolicy, 2, &one, 64));
    SHOW(CALL(SYS_get_mempolicy, &mode, &nodes, 64, 0, 0));
    printf("mode %d nodes %lx\n", mode, nodes);
    SHOW(CALL(SYS_set_mempolicy, 2, &none, 64));
    SHOW(CALL(SYS_set_mempolicy, 2, &two, 64));
    SHOW(CALL(SYS_set_mempolicy, 0, &one, 64));
    SHOW(CALL(SYS_set_mempolicy, 99, &one, 64));
    SHOW(CALL(SYS_set_mempolicy, 1, &none, 64));
    SHOW(CALL(SYS_get_mempolicy, &mode, 0, 0, 0, 0));
    printf("mode %d\n", mode);
    SHOW(CALL(SYS_set_mempolicy, 3, &one, 64));
    SHOW(CALL(SYS_get_mempolicy, &mode, 0, 0, 0, 1));
    printf("node %d\n", mode);
    SHOW(CALL(SYS_set_mempolicy, 0, 0, 0));
    SHOW(CALL(SYS_get_mempolicy, &mode, 0, 0, 0, 1));
    SHOW(CALL(SYS_get_mempolicy, 0, &nodes, 64, 0, 4));
    printf("allowed %lx\n", nodes & 1);
    char *at = map(3, PROT_READ | PROT_WRITE, MAP_PRIVATE);
    SHOW(CALL(SYS_mbind, at + P, P, 2, &one, 64, 0));
    for (int i = 0; i < 3; i++) {
        SHOW(CALL(SYS_get_mempolicy, &mode, &nodes, 64, at + i * P, 2));
        printf("page %d: mode %d nodes %lx\n", i, mode, nodes);
    }
    SHOW(CALL(SYS_get_mempolicy, &mode, 0, 0, at, 3));
    printf("node %d\n", mode);
    SHOW(CALL(SYS_get_mempolicy, &mode, 0, 0, 8, 2));
    SHOW(CALL(SYS_mbind, at + 1, P, 2, &one, 64, 0));
    SHOW(CALL(SYS_mbind, at, P, 2, &one, 64, 8));
    SHOW(CALL(450, at + P, P, 0, 0));
    SHOW(CALL(450, at, P, 0, 0));
    SHOW(CALL(450, at, P, 0, 1));
    SHOW(CALL(SYS_migrate_pages, 0, 64, &one, &one));
    munmap(at + 2 * P, P);
    at[0] = 1;
    void *pages[] = {at, at + P, at + 2 * P};
    int state[3] = {77, 77, 77}, zero[3] = {0};
    SHOW(CALL(SYS_move_pages, 0, 3, pages, 0, state, 0));
    printf("%d %s %s\n", state[0], error_name(-state[1]), error_name(-state[2]));
    SHOW(CALL(SYS_move_pages, 0, 1, pages, zero, state, 2));
    printf("%d\n", state[0]);
    zero[0] = -1;
    SHOW(CALL(SYS_move_pages, 0, 1, pages, zero, state, 2));
}

struct attributes {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period;
    uint32_t least, most;
};

static void scheduling(void) {
    struct attributes attributes = {.size = 48, .policy = SCHED_BATCH, .nice = 5};
    SHOW(CALL(SYS_sched_setattr, 0, &attributes, 0));
    SHOW(sched_getscheduler(0));
    SHOW(getpriority(PRIO_PROCESS, 0));
    memset(&attributes, 0, sizeof attributes);
    SHOW(CALL(SYS_sched_getattr, 0, &attributes, sizeof attributes, 0));
    printf("%u %u %llu %d %u\n", attributes.size, attributes.policy, (unsigned long long)attributes.flags,
           attributes.nice, attributes.priority);
    SHOW(CALL(SYS_sched_getattr, 0, &attributes, 47, 0));
    SHOW(CALL(SYS_sched_getattr, 0, &attributes, 48, 1));
    SHOW(CALL(SYS_sched_getattr, -1, &attributes, 48, 0));
    attributes = (struct attributes){.size = 40};
    SHOW(CALL(SYS_sched_setattr, 0, &attributes, 0));
    printf("size %u\n", attributes.size);
    attributes = (struct attributes){.size = 48, .policy = SCHED_OTHER, .priority = 1};
    SHOW(CALL(SYS_sched_setattr, 0, &attributes, 0));
    attributes = (struct attributes){.size = 48, .policy = 77};
    SHOW(CALL(SYS_sched_setattr, 0, &attributes, 0));
    struct sched_param none = {0};
    SHOW(sched_setscheduler(0, SCHED_IDLE | SCHED_RESET_ON_FORK, &none));
    printf("%x\n", sched_getscheduler(0));
    fflush(stdout);
    if (!fork()) _exit(sched_getscheduler(0));
    int status;
    wait(&status);
    printf("child has %d\n", WEXITSTATUS(status));
    SHOW(sched_setscheduler(0, SCHED_OTHER, &none));
    SHOW(CALL(SYS_ioprio_get, 1, 0));
    SHOW(CALL(SYS_ioprio_set, 1, 0, 2 << 13 | 6));
    SHOW(CALL(SYS_ioprio_get, 1, 0));
    if (!fork()) _exit(CALL(SYS_ioprio_get, 1, 0) == (2 << 13 | 6));
    wait(&status);
    printf("child has it %d\n", WEXITSTATUS(status));
    SHOW(CALL(SYS_ioprio_set, 1, 0, 1));
    SHOW(CALL(SYS_ioprio_set, 1, 0, 4 << 13));
    SHOW(CALL(SYS_ioprio_get, 9, 0));
}

static void files(void) {
    char directory[] = "/tmp/neighbours-XXXXXX";
    if (!mkdtemp(directory) || chdir(directory)) abort();
    int file = open("a", O_CREAT | O_RDWR, 0644);
    SHOW(ftruncate(file, 10 * P));
    SHOW(pwrite(file, "x", 1, 0));
    SHOW(pwrite(file, "x", 1, 5 * P));
    uint64_t range[2] = {0, 0}, cache[5];
    SHOW(CALL(451, file, range, cache, 0));
    printf("%llu pages\n", (unsigned long long)cache[0]);
    range[0] = P, range[1] = 5 * P;
    SHOW(CALL(451, file, range, cache, 0));
    printf("%llu pages\n", (unsigned long long)cache[0]);
    SHOW(CALL(451, file, range, cache, 1));
    SHOW(CALL(451, -1, range, cache, 0));
    struct {
        uint64_t value;
        uint32_t size, flags;
    } attribute = {(uintptr_t)"value", 5, 0};
    SHOW(CALL(463, AT_FDCWD, "a", 0, "user.x", &attribute, 16));
    char text[64] = "";
    attribute.value = (uintptr_t)text, attribute.size = sizeof text;
    SHOW(CALL(464, file, "", AT_EMPTY_PATH, "user.x", &attribute, 16));
    printf("%s\n", text);
    SHOW(CALL(464, AT_FDCWD, "a", 0, "user.x", &attribute, 15));
    SHOW(CALL(464, AT_FDCWD, "a", 1, "user.x", &attribute, 16));
    SHOW(CALL(465, AT_FDCWD, "a", 0, text, sizeof text));
    SHOW(CALL(466, AT_FDCWD, "a", 0, "user.x"));
    SHOW(CALL(466, AT_FDCWD, "a", 0, "user.x"));
    struct {
        uint32_t bytes;
        int kind;
        char handle[128];
    } handle = {0};
    int mount;
    SHOW(CALL(SYS_name_to_handle_at, AT_FDCWD, "a", &handle, &mount, 0));
    printf("wants some %d\n", handle.bytes > 0);
    handle.bytes = 128;
    SHOW(CALL(SYS_name_to_handle_at, AT_FDCWD, "a", &handle, &mount, 0));
    // The mount as statx(2) and mountinfo number it.
    _Alignas(8) unsigned char status[256];
    SHOW(CALL(SYS_statx, AT_FDCWD, "a", 0, 0x1000, status));
    SHOW(*(uint64_t *)(status + 0x90) == (uint64_t)mount);
    int again = CALL(SYS_open_by_handle_at, AT_FDCWD, &handle, O_RDONLY);
    WORKS(again);
    SHOW(pread(again, text, 1, 5 * P));
    SHOW(CALL(SYS_name_to_handle_at, AT_FDCWD, "b", &handle, &mount, 0));
    handle.bytes = 129;
    SHOW(CALL(SYS_name_to_handle_at, AT_FDCWD, "a", &handle, &mount, 0));
    unlink("a");
    chdir("/");
    rmdir(directory);
}

static void pipes(void) {
    int one[2], two[2];
    if (pipe(one) || pipe(two)) abort();
    char text[32] = "";
    SHOW(write(one[1], "hello", 5));
    SHOW(tee(one[0], two[1], 3, 0));
    SHOW(tee(one[0], two[1], 100, SPLICE_F_NONBLOCK));
    SHOW(read(two[0], text, 20));
    printf("%s\n", text);
    SHOW(read(one[0], text, 20));
    SHOW(tee(one[0], two[1], 100, SPLICE_F_NONBLOCK));
    SHOW(tee(one[0], one[1], 100, 0));
    SHOW(tee(one[1], two[1], 100, 0));
    SHOW(tee(one[0], two[1], 0, 0));
    struct iovec parts[] = {{"ab", 2}, {"cdef", 4}};
    SHOW(vmsplice(one[1], parts, 2, 0));
    struct iovec into[] = {{text, 3}, {text + 10, 20}};
    memset(text, '.', 31);
    SHOW(vmsplice(one[0], into, 2, 0));
    printf("%s\n", text);
    SHOW(vmsplice(one[0], into, 2, SPLICE_F_NONBLOCK));
    close(one[1]);
    SHOW(vmsplice(one[0], into, 2, 0));
    SHOW(tee(one[0], two[1], 100, 0));
    int null = open("/dev/null", O_RDWR);
    SHOW(vmsplice(null, parts, 2, 0));
    char *large = map(40, PROT_READ, MAP_PRIVATE);
    struct iovec much = {large, 40 * P};
    SHOW(vmsplice(two[1], &much, 1, 0));
    SHOW(vmsplice(two[1], &much, 1, SPLICE_F_NONBLOCK));
    close(two[0]);
    signal(SIGPIPE, SIG_IGN);
    SHOW(vmsplice(two[1], parts, 2, 0));
}

static void clocks(void) {
    struct timex clock = {0};
    WORKS(adjtimex(&clock));
    printf("tick %ld tolerance %ld\n", clock.tick, clock.tolerance);
    clock = (struct timex){.modes = ADJ_TICK, .tick = 1};
    SHOW(adjtimex(&clock));
    clock = (struct timex){.modes = ADJ_SETOFFSET, .time = {0, -1}};
    SHOW(adjtimex(&clock));
    clock = (struct timex){.modes = 0x8000};
    SHOW(adjtimex(&clock));
    clock = (struct timex){0};
    SHOW(clock_adjtime(CLOCK_MONOTONIC, &clock));
    SHOW(clock_adjtime(77, &clock));
    SHOW(adjtimex((void *)8));
    fflush(stdout);
    if (!fork()) {
        clock = (struct timex){.modes = ADJ_STATUS};
        if (setuid(7)) _exit(1);
        SHOW(adjtimex(&clock));
        SHOW(CALL(SYS_syslog, 5, 0, 0));
        SHOW(CALL(SYS_syslog, 77, 0, 0));
        SHOW(CALL(SYS_reboot, 0, 0, 0, 0));
        SHOW(CALL(SYS_ioprio_set, 1, 0, 1 << 13));
        SHOW(CALL(SYS_open_by_handle_at, AT_FDCWD, &clock, 0));
        fflush(stdout);
        _exit(0);
    }
    wait(0);
    SHOW(CALL(SYS_reboot, 0, 0, 0, 0));
    SHOW(CALL(SYS_syslog, 3, 0, 5));
    SHOW(CALL(SYS_syslog, 3, &clock, -1));
    SHOW(CALL(SYS_syslog, 77, 0, 0));
    SHOW(CALL(SYS_syslog, 8, 0, 9));
    WORKS(CALL(SYS_syslog, 10, 0, 0));
}

static void on_user(int signal) { (void)signal; }

static void descriptors_of_processes(void) {
    // The flags, then where the descriptor goes.
    struct {
        uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
    } request = {0};
    int fd = -1, again = -1;
    enum { PIDFD = 0x1000, PARENT_SETTID = 0x100000 };
    request.flags = PIDFD;
    request.pidfd = (uintptr_t)&fd;
    request.exit_signal = SIGCHLD;
    fflush(stdout);
    pid_t child = CALL(SYS_clone3, &request, sizeof request);
    if (!child) {
        // The child has no such descriptor.
        int missing = fcntl(fd, F_GETFD) == -1;
        pause();
        _exit(missing);
    }
    SHOW(fcntl(fd, F_GETFD));
    SHOW(CALL(SYS_pidfd_send_signal, fd, 0, 0, 0));
    SHOW(CALL(SYS_pidfd_send_signal, fd, 0, 0, 1));
    SHOW(CALL(SYS_pidfd_send_signal, fd, 0, 0, 2));
    SHOW(CALL(SYS_pidfd_send_signal, fd, 0, 0, 3));
    SHOW(CALL(SYS_pidfd_send_signal, fd, 0, 0, 8));
    SHOW(CALL(SYS_pidfd_send_signal, fd, 0, 0, 4));
    SHOW(CALL(SYS_pidfd_send_signal, fd, SIGKILL, 0, 1));
    int status;
    SHOW(waitpid(child, &status, 0) == child);
    printf("killed by %d\n", WTERMSIG(status));
    SHOW(CALL(SYS_pidfd_send_signal, fd, SIGKILL, 0, 1));
    close(fd);
    child = CALL(SYS_clone, PIDFD | SIGCHLD, 0, &again, 0, 0);
    if (!child) _exit(3);
    siginfo_t info;
    SHOW(waitid(P_PIDFD, again, &info, WEXITED));
    printf("exited with %d\n", info.si_status);
    SHOW(CALL(SYS_clone, PIDFD | PARENT_SETTID | SIGCHLD, 0, &again, 0, 0));
    request.pidfd = 8;
    SHOW(CALL(SYS_clone3, &request, sizeof request));
    // One's own thread.
    signal(SIGUSR1, on_user);
    int me = CALL(SYS_pidfd_open, getpid(), 0);
    SHOW(CALL(SYS_pidfd_send_signal, me, SIGUSR1, 0, 1));
    SHOW(CALL(SYS_unshare, 0));
    SHOW(CALL(SYS_unshare, 1));
    SHOW(CALL(SYS_unshare, CLONE_FILES | CLONE_FS));
    SHOW(CALL(SYS_setns, -1, 0));
}

int main(void) {
    remote_memory();
    descriptors_of_processes();
    futexes();
    sealed();
    policies();
    scheduling();
    files();
    pipes();
    clocks();
    return 0;
}
