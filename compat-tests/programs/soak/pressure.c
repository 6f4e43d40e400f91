/* Fills memory, and looks who pays for it.

   pressure CASE: heap, files, sockets or processes

   Each case does so in a process of its own. The one that looks on has memory that it must find unchanged, must go on
   being served, and must find the memory free again afterwards. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAGE = 4096, OWN = 256, FILES_MAX = 20000, SPARE_KIB = 4096 };

#define MUST(condition)                                                                    \
    do {                                                                                   \
        if (!(condition)) {                                                                \
            printf("%s:%d: %s: %s\n", __FILE__, __LINE__, #condition, strerror(errno));    \
            fflush(stdout);                                                                \
            _exit(1);                                                                      \
        }                                                                                  \
    } while (0)

static char name[] = "/tmp/pressure";

static long free_kib(void)
{
    static char text[4096];
    /* Stacks of threads that ended are kept for others. */
    int caches = open("/proc/sys/vm/drop_caches", O_WRONLY);
    MUST(caches >= 0 && write(caches, "3", 1) == 1 && close(caches) == 0);
    int file = open("/proc/meminfo", O_RDONLY);
    MUST(file >= 0);
    ssize_t len = read(file, text, sizeof text - 1);
    MUST(len > 0);
    text[len] = 0;
    close(file);
    return atol(strstr(text, "MemFree:") + 8);
}

/* Ends by a kill, or finds out in another way that there is no more: mmap says so. */
static void heap(void)
{
    for (;;) {
        char *at = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (at == MAP_FAILED) {
            MUST(errno == ENOMEM);
            _exit(0);
        }
        for (int i = 0; i < 1 << 20; i += PAGE)
            at[i] = 1;
    }
}

/* A writer is told; nobody is killed for its file. */
static void files(void)
{
    static char page[16 * PAGE];
    memset(page, 'x', sizeof page);
    int file = open(name, O_RDWR | O_CREAT | O_TRUNC, 0600);
    MUST(file >= 0);
    for (;;) {
        ssize_t n = write(file, page, sizeof page);
        if (n < 0) {
            MUST(errno == ENOSPC || errno == ENOMEM);
            break;
        }
    }
    /* What was written is there. */
    MUST(pread(file, page, 16, 0) == 16 && page[15] == 'x');
    MUST(close(file) == 0 && unlink(name) == 0);
    _exit(0);
}

/* Whoever asks for one more socket, or for room in one, is told. */
static void sockets(void)
{
    static char bytes[16 * PAGE];
    struct rlimit many = {FILES_MAX, FILES_MAX};
    int pair[2], made = 0;
    MUST(setrlimit(RLIMIT_NOFILE, &many) == 0);
    while (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) == 0) {
        made++;
        ssize_t n;
        while ((n = write(pair[0], bytes, sizeof bytes)) > 0)
            ;
        MUST(n < 0 && (errno == EAGAIN || errno == ENOMEM || errno == ENOBUFS));
    }
    MUST(errno == ENOMEM || errno == ENOBUFS || errno == EMFILE || errno == ENFILE);
    MUST(made > 10);
    _exit(0);
}

/* fork says no before there is nothing left; a child that asks for too much may be killed. */
static void processes(void)
{
    static pid_t children[FILES_MAX];
    int count = 0, status;
    while (count < FILES_MAX) {
        pid_t child = fork();
        if (child < 0) {
            MUST(errno == ENOMEM || errno == EAGAIN);
            break;
        }
        if (child == 0) {
            char *at = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
            if (at == MAP_FAILED)
                _exit(3);
            for (int i = 0; i < 1 << 20; i += PAGE)
                at[i] = 1;
            pause();
            _exit(4);
        }
        children[count++] = child;
        /* Let it have its memory. */
        if (count % 8 == 0)
            usleep(10000);
    }
    MUST(count > 10);
    for (int i = 0; i < count; i++)
        kill(children[i], SIGKILL);
    for (int i = 0; i < count; i++)
        MUST(waitpid(children[i], &status, 0) == children[i]);
    _exit(0);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*fill)(void);
        int may_be_killed;
    } cases[] = {{"heap", heap, 1}, {"files", files, 0}, {"sockets", sockets, 0}, {"processes", processes, 0}};
    static unsigned char own[OWN][PAGE];
    mkdir("/tmp", 01777);
    for (int i = 0; i < OWN; i++)
        memset(own[i], i, PAGE);
    for (unsigned at = 0; at < sizeof cases / sizeof *cases; at++) {
        if (argc < 2 || strcmp(argv[1], cases[at].name) != 0)
            continue;
        free_kib();
        long before = free_kib();
        for (int round = 0; round < 3; round++) {
            int status, again = 0;
            pid_t child = fork();
            MUST(child >= 0);
            if (child == 0)
                cases[at].fill();
            MUST(waitpid(child, &status, 0) == child);
            printf("%s: status %#x\n", cases[at].name, status);
            if (WIFSIGNALED(status))
                MUST(cases[at].may_be_killed && WTERMSIG(status) == SIGKILL);
            else
                MUST(WEXITSTATUS(status) == 0);
            unlink(name);
            for (int i = 0; i < OWN; i++)
                for (int byte = 0; byte < PAGE; byte++)
                    MUST(own[i][byte] == (unsigned char)i);
            /* Frames come back when the reaper has been there. */
            while (free_kib() < before - SPARE_KIB && again++ < 200)
                usleep(20000);
            printf("free before: %ld KiB, after: %ld KiB\n", before, free_kib());
            MUST(free_kib() >= before - SPARE_KIB);
        }
        puts("the machine survived, and the right one paid");
        return 0;
    }
    return 2;
}
