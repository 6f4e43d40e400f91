// Native asynchronous input and output, as a program without libaio makes it.
#include "show.h"
#include <fcntl.h>
#include <poll.h>
#include <linux/aio_abi.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static aio_context_t context;
static struct io_event events[8];

static int submit(struct iocb *one) { return syscall(SYS_io_submit, context, 1, &one); }

static int collect(long least, long most, struct timespec *timeout) {
    memset(events, 0, sizeof events);
    return syscall(SYS_io_getevents, context, least, most, events, timeout);
}

static void show_events(int count) {
    for (int i = 0; i < count; i++)
        printf("  data %llu result %lld\n", (unsigned long long)events[i].data, (long long)events[i].res);
}

static void on_alarm(int signal) { (void)signal; }

static void *submits(void *iocb) {
    usleep(20000);
    submit(iocb);
    return 0;
}

int main(void) {
    char directory[] = "/tmp/asynchronous-XXXXXX", text[32] = "";
    if (!mkdtemp(directory) || chdir(directory)) abort();
    int file = open("a", O_CREAT | O_RDWR, 0644), only = open("a", O_RDONLY);
    SHOW(syscall(SYS_io_setup, 0, &context));
    SHOW(syscall(SYS_io_setup, 4, 8));
    SHOW(syscall(SYS_io_setup, 4, &context));
    SHOW(syscall(SYS_io_setup, 4, &context));
    struct iocb write_it = {.aio_data = 1, .aio_lio_opcode = IOCB_CMD_PWRITE, .aio_fildes = file, .aio_buf = (uintptr_t)"hello, world",
                            .aio_nbytes = 12, .aio_offset = 3};
    SHOW(submit(&write_it));
    struct iocb read_it = {.aio_data = 2, .aio_lio_opcode = IOCB_CMD_PREAD, .aio_fildes = file, .aio_buf = (uintptr_t)text,
                           .aio_nbytes = 5, .aio_offset = 10};
    struct iovec parts[2] = {{text + 10, 2}, {text + 20, 3}};
    struct iocb scatter = {.aio_data = 3, .aio_lio_opcode = IOCB_CMD_PREADV, .aio_fildes = file, .aio_buf = (uintptr_t)parts,
                           .aio_nbytes = 2, .aio_offset = 3};
    struct iocb sync_it = {.aio_data = 4, .aio_lio_opcode = IOCB_CMD_FSYNC, .aio_fildes = file};
    struct iocb *list[] = {&read_it, &scatter, &sync_it};
    SHOW(syscall(SYS_io_submit, context, 3, list));
    SHOW(collect(4, 8, 0));
    int seen = 0;
    for (int i = 0; i < 4; i++) seen |= 1 << events[i].data;
    printf("seen %x, %s %.2s %.3s\n", seen, text, text + 10, text + 20);
    printf("results %lld %lld\n", (long long)events[0].res, (long long)events[0].res2);
    printf("of the right one %d\n", events[0].obj == (uintptr_t)&write_it);
    struct timespec now = {0, 0}, soon = {0, 10000000};
    SHOW(collect(1, 8, &now));
    SHOW(collect(1, 8, &soon));
    SHOW(collect(2, 1, &now));
    SHOW(collect(-1, 1, &now));
    SHOW(syscall(SYS_io_getevents, context + 8, 0, 1, events, &now));
    // What is wrong is said at once.
    write_it.aio_fildes = only;
    SHOW(submit(&write_it));
    write_it.aio_fildes = 999;
    SHOW(submit(&write_it));
    write_it.aio_fildes = file;
    write_it.aio_lio_opcode = 99;
    SHOW(submit(&write_it));
    write_it.aio_lio_opcode = IOCB_CMD_PWRITE;
    write_it.aio_reserved2 = 1;
    SHOW(submit(&write_it));
    write_it.aio_reserved2 = 0;
    write_it.aio_offset = -5;
    SHOW(submit(&write_it));
    write_it.aio_offset = 0;
    struct iocb *bad[] = {&read_it, (struct iocb *)8};
    SHOW(syscall(SYS_io_submit, context, 2, bad));
    SHOW(syscall(SYS_io_submit, context, 1, bad + 1));
    SHOW(syscall(SYS_io_submit, context, -1, bad));
    SHOW(syscall(SYS_io_submit, context, 0, bad));
    SHOW(syscall(SYS_io_submit, context, 1, 8));
    SHOW(syscall(SYS_io_submit, 8, 1, bad));
    SHOW(collect(1, 1, 0));
    show_events(1);
    // What goes wrong later is said in the event.
    read_it.aio_buf = 8;
    SHOW(submit(&read_it));
    SHOW(collect(1, 1, 0));
    printf("  %s\n", error_name(-events[0].res));
    read_it.aio_buf = (uintptr_t)text;
    // Told by a counter as well.
    int counter = eventfd(0, EFD_NONBLOCK);
    read_it.aio_flags = IOCB_FLAG_RESFD;
    read_it.aio_resfd = counter;
    SHOW(submit(&read_it));
    uint64_t count = 0;
    SHOW(read(counter, &count, 8));
    printf("counted %llu\n", (unsigned long long)count);
    // A counter that is full shows that it was too much.
    count = UINT64_MAX - 1;
    SHOW(write(counter, &count, 8));
    struct pollfd full = {counter, POLLIN | POLLOUT, 0};
    SHOW(poll(&full, 1, 0));
    printf("events %x\n", full.revents);
    SHOW(submit(&read_it));
    SHOW(poll(&full, 1, 0));
    printf("events %x\n", full.revents);
    SHOW(read(counter, &count, 8));
    printf("%d\n", count == UINT64_MAX);
    SHOW(collect(1, 1, 0));
    read_it.aio_resfd = file;
    SHOW(submit(&read_it));
    read_it.aio_flags = 0;
    SHOW(collect(1, 1, 0));
    // Pipes have no places.
    int ends[2];
    if (pipe(ends)) abort();
    struct iocb put = {.aio_data = 6, .aio_lio_opcode = IOCB_CMD_PWRITE, .aio_fildes = ends[1], .aio_buf = (uintptr_t)"pipe", .aio_nbytes = 4};
    struct iocb get = {.aio_data = 7, .aio_lio_opcode = IOCB_CMD_PREAD, .aio_fildes = ends[0], .aio_buf = (uintptr_t)text, .aio_nbytes = 20};
    SHOW(submit(&put));
    SHOW(submit(&get));
    SHOW(collect(2, 2, 0));
    show_events(2);
    printf("%.4s\n", text);
    // One that waits is woken, or interrupted.
    pthread_t thread;
    pthread_create(&thread, 0, submits, &put);
    SHOW(collect(1, 1, 0));
    pthread_join(thread, 0);
    struct sigaction action = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
    sigaction(SIGALRM, &action, 0);
    ualarm(200000, 0);
    SHOW(collect(1, 1, 0));
    struct {
        uint64_t mask, size;
    } set = {0, 8};
    sigset_t blocked;
    sigemptyset(&blocked);
    set.mask = (uintptr_t)&blocked;
    SHOW(syscall(SYS_io_pgetevents, context, 0, 1, events, &now, &set));
    set.size = 7;
    SHOW(syscall(SYS_io_pgetevents, context, 0, 1, events, &now, &set));
    struct io_event unused;
    SHOW(syscall(SYS_io_cancel, context, &read_it, &unused));
    SHOW(syscall(SYS_io_cancel, context, 8, &unused));
    SHOW(syscall(SYS_io_destroy, context));
    SHOW(syscall(SYS_io_destroy, context));
    SHOW(submit(&put));
    unlink("a");
    chdir("/");
    rmdir(directory);
    return 0;
}
