// Pipes and readiness: pipe, poll, select, epoll, eventfd, timerfd.
#include "show.h"
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

static char buffer[4096];
static volatile int caught;
static void note(int signo) { caught = signo; }

static void *write_late(void *end) {
    usleep(20000);
    return (void *)write(*(int *)end, "late", 4);
}

static void pipes(void) {
    int ends[2], left;
    SHOW(pipe(ends));
    SHOW(write(ends[1], "abc", 3));
    SHOW(ioctl(ends[0], FIONREAD, &left));
    SHOW(left);
    SHOW(read(ends[0], buffer, 2));
    SHOW(read(ends[0], buffer, 2));
    SHOW(lseek(ends[0], 0, SEEK_SET));
    SHOW(pread(ends[0], buffer, 1, 0));
    SHOW(write(ends[0], "x", 1));
    SHOW(read(ends[1], buffer, 1));
    SHOW(fcntl(ends[0], F_GETPIPE_SZ));
    SHOW(fcntl(ends[0], F_SETPIPE_SZ, 5000));
    SHOW(fcntl(ends[0], F_GETFL));
    SHOW(fcntl(ends[1], F_GETFL));
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    fcntl(ends[1], F_SETFL, O_NONBLOCK);
    SHOW(read(ends[0], buffer, 1));
    long total = 0, wrote;
    while ((wrote = write(ends[1], buffer, sizeof buffer)) > 0) total += wrote;
    printf("filled with %ld: %s\n", total, error_name(errno));
    SHOW(write(ends[1], buffer, 1));
    while (read(ends[0], buffer, sizeof buffer) > 0) {}
    SHOW(close(ends[0]));
    SHOW(write(ends[1], "x", 1));
    SHOW(caught);
    struct stat s;
    SHOW(fstat(ends[1], &s));
    SHOW(s.st_mode);
    SHOW(close(ends[1]));
    SHOW(pipe((int *)1));
    SHOW(pipe2(ends, 0x123456));
}

static void polling(void) {
    int ends[2];
    pthread_t thread;
    pipe(ends);
    pthread_create(&thread, 0, write_late, &ends[1]);
    SHOW(read(ends[0], buffer, 10));
    pthread_join(thread, 0);
    struct pollfd set[4] = {{ends[0], POLLIN, 0}, {ends[1], POLLOUT, 0}, {-1, POLLIN, 0}, {999, POLLIN, 0}};
    SHOW(poll(set, 4, 0));
    printf("events: %x %x %x %x\n", set[0].revents, set[1].revents, set[2].revents, set[3].revents);
    SHOW(poll(set, 1, 10));
    SHOW(poll((void *)1, 1, 0));
    pthread_create(&thread, 0, write_late, &ends[1]);
    SHOW(poll(set, 1, -1));
    printf("events: %x\n", set[0].revents);
    pthread_join(thread, 0);
    fd_set reads, writes;
    FD_ZERO(&reads);
    FD_ZERO(&writes);
    FD_SET(ends[0], &reads);
    FD_SET(ends[1], &writes);
    struct timeval limit = {0, 0};
    SHOW(select(ends[1] + 1, &reads, &writes, 0, &limit));
    SHOW(FD_ISSET(ends[0], &reads) != 0);
    SHOW(FD_ISSET(ends[1], &writes) != 0);
    FD_ZERO(&reads);
    FD_SET(500, &reads);
    SHOW(select(501, &reads, 0, 0, &limit));
    SHOW(select(-1, 0, 0, 0, &limit));
    SHOW(read(ends[0], buffer, 100));
    FD_ZERO(&reads);
    FD_SET(ends[0], &reads);
    limit.tv_usec = 5000;
    SHOW(select(ends[0] + 1, &reads, 0, 0, &limit));
    SHOW(FD_ISSET(ends[0], &reads) != 0);
    SHOW(close(ends[1]));
    SHOW(poll(set, 1, -1));
    printf("events: %x\n", set[0].revents);
    SHOW(read(ends[0], buffer, 1));
    SHOW(close(ends[0]));
}

static void show_events(int epoll, int timeout) {
    struct epoll_event events[8] = {0};
    int count = epoll_wait(epoll, events, 8, timeout);
    printf("epoll_wait: %d", count);
    for (int i = 0; i < count; i++) printf(" %x/%lu", events[i].events, (unsigned long)events[i].data.u64);
    puts("");
}

static void epolling(void) {
    int event = eventfd(3, EFD_NONBLOCK), regular = open("/proc/self/exe", O_RDONLY);
    unsigned long value = 5;
    SHOW(write(event, &value, 8));
    SHOW(read(event, &value, 8));
    SHOW(value);
    SHOW(read(event, &value, 8));
    SHOW(read(event, &value, 7));
    value = -1;
    SHOW(write(event, &value, 8));
    SHOW(eventfd(0, 0x77));
    SHOW(lseek(event, 0, SEEK_SET));
    int epoll = epoll_create1(0);
    struct epoll_event wanted = {EPOLLIN, {.u64 = 42}}, *nowhere = (void *)1;
    SHOW(epoll_ctl(epoll, EPOLL_CTL_ADD, event, &wanted));
    SHOW(epoll_ctl(epoll, EPOLL_CTL_ADD, event, &wanted));
    SHOW(epoll_ctl(epoll, EPOLL_CTL_ADD, epoll, &wanted));
    SHOW(epoll_ctl(epoll, EPOLL_CTL_ADD, regular, &wanted));
    SHOW(epoll_ctl(epoll, EPOLL_CTL_ADD, 999, &wanted));
    SHOW(epoll_ctl(event, EPOLL_CTL_ADD, epoll, &wanted));
    SHOW(epoll_ctl(epoll, 77, event, &wanted));
    SHOW(epoll_ctl(epoll, EPOLL_CTL_ADD, event, nowhere));
    show_events(epoll, 0);
    value = 1;
    SHOW(write(event, &value, 8));
    show_events(epoll, 0);
    show_events(epoll, -1);
    SHOW(epoll_wait(epoll, nowhere, 1, 0));
    SHOW(epoll_wait(event, &wanted, 1, 0));
    SHOW(epoll_wait(epoll, &wanted, 0, 0));
    wanted.events = EPOLLIN | EPOLLET;
    SHOW(epoll_ctl(epoll, EPOLL_CTL_MOD, event, &wanted));
    show_events(epoll, 0);
    show_events(epoll, 0);
    SHOW(write(event, &value, 8));
    show_events(epoll, 0);
    wanted.events = EPOLLIN | EPOLLONESHOT;
    SHOW(epoll_ctl(epoll, EPOLL_CTL_MOD, event, &wanted));
    show_events(epoll, 0);
    SHOW(write(event, &value, 8));
    show_events(epoll, 0);
    SHOW(read(event, &value, 8));
    show_events(epoll, 5);
    SHOW(epoll_ctl(epoll, EPOLL_CTL_DEL, event, 0));
    SHOW(epoll_ctl(epoll, EPOLL_CTL_DEL, event, 0));
    SHOW(epoll_create(0));
    SHOW(epoll_create1(1));
    int outer = epoll_create1(0);
    wanted.events = EPOLLIN;
    SHOW(epoll_ctl(outer, EPOLL_CTL_ADD, epoll, &wanted));
    SHOW(epoll_ctl(epoll, EPOLL_CTL_ADD, outer, &wanted));
    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    // Later than the next read, however slow the machine.
    struct itimerspec soon = {{0, 0}, {0, 400000000}}, old;
    SHOW(timerfd_settime(timer, 0, &soon, &old));
    SHOW(read(timer, &value, 8));
    wanted.data.u64 = 7;
    SHOW(epoll_ctl(epoll, EPOLL_CTL_ADD, timer, &wanted));
    show_events(outer, 2000);
    show_events(epoll, 2000);
    SHOW(read(timer, &value, 8));
    SHOW(value);
    SHOW(timerfd_create(55, 0));
    soon.it_value.tv_nsec = 2000000000;
    SHOW(timerfd_settime(timer, 0, &soon, 0));
    SHOW(timerfd_settime(event, 0, &soon, 0));
    // A description that is closed leaves the set, unless another descriptor keeps it.
    int ends[2];
    pipe(ends);
    int other = dup(ends[0]);
    SHOW(write(ends[1], "x", 1));
    SHOW(epoll_ctl(epoll, EPOLL_CTL_ADD, ends[0], &wanted));
    SHOW(close(ends[0]));
    show_events(epoll, 0);
    SHOW(close(other));
    show_events(epoll, 0);
}

// One splice moves what there is, or what there is room for: it waits for some of either, and never for all.
static void splices(void) {
    static char much[48 << 10];
    int from[2], to[2], file = memfd_create("file", 0), zeros = open("/dev/zero", O_RDONLY), pair[2];
    pipe(from), pipe(to);
    SHOW(splice(from[0], 0, from[1], 0, 10, 0));
    SHOW(write(from[1], much, sizeof much));
    SHOW(splice(from[0], 0, to[1], 0, 1 << 20, 0));
    SHOW(splice(to[0], 0, file, 0, 1 << 20, 0));
    SHOW(lseek(file, 0, SEEK_END));
    lseek(file, 0, SEEK_SET);
    SHOW(splice(file, 0, to[1], 0, 1 << 20, 0));
    SHOW(splice(zeros, 0, to[1], 0, 1 << 20, 0));
    SHOW(splice(zeros, 0, to[1], 0, 1, SPLICE_F_NONBLOCK));
    fcntl(to[1], F_SETFL, O_NONBLOCK);
    SHOW(splice(zeros, 0, to[1], 0, 1, 0));
    SHOW(splice(from[0], 0, to[1], 0, 1, SPLICE_F_NONBLOCK));
    fcntl(from[0], F_SETFL, O_NONBLOCK);
    SHOW(splice(from[0], 0, file, 0, 1, 0));
    while (read(to[0], much, sizeof much) == sizeof much) {}
    // A socket gives what has come.
    SHOW(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    SHOW(write(pair[0], much, 100));
    SHOW(splice(pair[1], 0, to[1], 0, 1000, 0));
    close(to[0]);
    SHOW(splice(zeros, 0, to[1], 0, 1, 0));
    SHOW(caught);
    close(from[1]);
    SHOW(splice(from[0], 0, file, 0, 1, 0));
    close(from[0]), close(to[1]), close(file), close(zeros), close(pair[0]), close(pair[1]);
}

int main(void) {
    setvbuf(stdout, 0, _IONBF, 0);
    signal(SIGPIPE, note);
    pipes();
    polling();
    epolling();
    caught = 0;
    splices();
    puts("end");
    return 0;
}
