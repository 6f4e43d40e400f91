/* A hundred processes and a thousand threads that start and end, for as long as is asked:

   coming_and_going SECONDS [PROCESSES [THREADS]]

   After a round to warm up it notes what the machine holds, and after the rest it holds it against that: free frames
   within 64 of the baseline, open files and threads equal to it. The figures are those of /proc, as on Linux, where
   others use memory too: there only files and threads of its own would be told apart, so it is not run there. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
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
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { TOLERANCE = 64 };

static int processes = 100, threads_each = 10;
static long ended_processes, ended_threads;

#define MUST(condition)                                                                    \
    do {                                                                                   \
        if (!(condition)) {                                                                \
            printf("%s:%d: %s: %s\n", __FILE__, __LINE__, #condition, strerror(errno));    \
            exit(1);                                                                       \
        }                                                                                  \
    } while (0)

static uint64_t now_ms(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000ull + time.tv_nsec / 1000000;
}

static long number_in(const char *path, const char *behind)
{
    static char text[8192];
    int file = open(path, O_RDONLY);
    MUST(file >= 0);
    ssize_t len = read(file, text, sizeof text - 1);
    MUST(len > 0);
    text[len] = 0;
    close(file);
    char *at = strstr(text, behind);
    MUST(at != NULL);
    return atol(at + strlen(behind));
}

struct state {
    long free_frames, files, threads, descriptors;
};

/* Files that killed processes left behind. */
static void sweep(void)
{
    struct dirent *entry;
    DIR *dir = opendir("/tmp");
    MUST(dir != NULL);
    while ((entry = readdir(dir)))
        if (strncmp(entry->d_name, "soak.", 5) == 0)
            unlinkat(dirfd(dir), entry->d_name, 0);
    closedir(dir);
}

static struct state state_now(void)
{
    struct state state = {0};
    sweep();
    int file = open("/proc/sys/vm/drop_caches", O_WRONLY);
    MUST(file >= 0 && write(file, "3\n", 2) == 2 && close(file) == 0);
    DIR *dir = opendir("/proc/self/fd");
    MUST(dir != NULL);
    while (readdir(dir))
        state.descriptors++;
    closedir(dir);
    state.files = number_in("/proc/sys/fs/file-nr", "");
    /* Load averages, then those that want to run and all threads. */
    state.threads = number_in("/proc/loadavg", "/");
    state.free_frames = number_in("/proc/meminfo", "MemFree:") / 4;
    return state;
}

/* What a thread does in its life: a bit of everything that is to be given back at its end. */
static void *life(void *argument)
{
    unsigned seed = (uintptr_t)argument;
    size_t size = 4096 * (1 + rand_r(&seed) % 16);
    char *pages = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *block = malloc(1 + rand_r(&seed) % 5000), name[64], byte = 1;
    int pair[2], file;
    MUST(pages != MAP_FAILED && block != NULL);
    for (size_t at = 0; at < size; at += 4096)
        pages[at] = 1;
    block[0] = 1;
    switch (rand_r(&seed) % 6) {
    case 0:
        MUST(pipe(pair) == 0 && write(pair[1], &byte, 1) == 1 && read(pair[0], &byte, 1) == 1);
        close(pair[0]), close(pair[1]);
        break;
    case 1:
        /* One end stays behind with something in it, for the end of the process. */
        MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0 && write(pair[0], pages, 100) == 100);
        close(pair[0]);
        break;
    case 2:
        snprintf(name, sizeof name, "/tmp/soak.%d.%d", getpid(), rand_r(&seed));
        MUST((file = open(name, O_RDWR | O_CREAT, 0600)) >= 0 && write(file, pages, size) == (ssize_t)size);
        MUST(unlink(name) == 0);
        break;
    case 3:
        MUST((file = epoll_create1(0)) >= 0 && (pair[0] = eventfd(1, 0)) >= 0);
        MUST(epoll_ctl(file, EPOLL_CTL_ADD, pair[0], &(struct epoll_event){.events = EPOLLIN}) == 0);
        MUST(epoll_wait(file, &(struct epoll_event){0}, 1, 1000) == 1);
        break;
    case 4:
        usleep(rand_r(&seed) % 3000);
        break;
    default:
        sched_yield();
    }
    if (rand_r(&seed) % 2) {
        free(block);
        munmap(pages, size);
    }
    return NULL;
}

/* A process's life: threads that it waits for, some that it does not, and an end of one kind or another. */
static void family(unsigned seed)
{
    pthread_t threads[64];
    int waits = 1 + rand_r(&seed) % 4;
    for (int round = 0; round < waits; round++) {
        for (int i = 0; i < threads_each; i++)
            MUST(pthread_create(&threads[i], NULL, life, (void *)(uintptr_t)rand_r(&seed)) == 0);
        for (int i = 0; i < threads_each; i++)
            if (rand_r(&seed) % 8)
                pthread_join(threads[i], NULL);
            else
                pthread_detach(threads[i]);
    }
    switch (rand_r(&seed) % 3) {
    case 0: exit(waits);
    case 1: _exit(waits);
    default: usleep(rand_r(&seed) % 2000); _exit(waits);
    }
}

/* Keeps so many processes alive for so long, then waits for all of them. Some are killed in the middle of life. */
static void round_of(unsigned seed, uint64_t seconds)
{
    uint64_t end = now_ms() + seconds * 1000;
    int alive = 0, status;
    pid_t some = 0;
    for (;;) {
        int going_on = now_ms() < end;
        while (going_on && alive < processes) {
            pid_t child = fork();
            MUST(child >= 0);
            unsigned its = rand_r(&seed);
            if (child == 0)
                family(its);
            alive++;
            if (its % 16 == 0)
                some = child;
        }
        if (alive == 0)
            return;
        pid_t gone = wait(&status);
        MUST(gone > 0);
        alive--;
        ended_processes++;
        if (WIFEXITED(status)) {
            MUST(WEXITSTATUS(status) > 0 && WEXITSTATUS(status) <= 4);
            ended_threads += WEXITSTATUS(status) * threads_each;
        } else {
            MUST(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        }
        if (some && some != gone) {
            kill(some, SIGKILL);
            some = 0;
        } else if (some == gone) {
            some = 0;
        }
    }
}

int main(int argc, char **argv)
{
    uint64_t seconds = argc > 1 ? strtoull(argv[1], NULL, 0) : 10;
    processes = argc > 2 ? atoi(argv[2]) : processes;
    threads_each = argc > 3 ? atoi(argv[3]) / processes : threads_each;
    setvbuf(stdout, NULL, _IOLBF, 0);
    mkdir("/tmp", 01777);
    round_of(1, seconds / 6 + 2);
    struct state before = state_now(), after;
    /* The first look needs memory of its own. */
    before = state_now();
    printf("baseline: %ld frames free, %ld files, %ld threads\n", before.free_frames, before.files, before.threads);
    ended_processes = ended_threads = 0;
    round_of(2, seconds);
    after = state_now();
    printf("after %ld processes and %ld threads: %ld frames free, %ld files, %ld threads\n", ended_processes,
           ended_threads, after.free_frames, after.files, after.threads);
    if (labs(after.free_frames - before.free_frames) > TOLERANCE || after.files != before.files ||
        after.threads != before.threads || after.descriptors != before.descriptors) {
        puts("something was not given back");
        return 1;
    }
    puts("everything was given back");
    return 0;
}
