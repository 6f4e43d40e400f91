/* Makes calls whose lines in a trace are known; seeing.rs looks for them. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static int pipes[2];

static void on_signal(int signo) { (void)signo; }

static void *reader(void *unused)
{
    char byte;
    if (read(pipes[0], &byte, 1) != 1)
        abort();
    return unused;
}

int main(void)
{
    struct stat st;
    struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = "/tmp/no such socket"};
    pthread_t thread;
    int status, fd;

    if (openat(AT_FDCWD, "/no\tsuch", O_RDWR | O_CLOEXEC | O_NOFOLLOW) >= 0)
        return 10;
    fd = open("/tmp/made", O_CREAT | O_EXCL | O_WRONLY, 0640);
    if (fd < 0 || write(fd, "a line\n", 7) != 7 || fstat(fd, &st) != 0)
        return 11;
    /* Bad pointers: the call says EFAULT, the trace shows the address. */
    if (syscall(SYS_write, fd, (void *)0xdead000, 5) != -1 || errno != EFAULT)
        return 12;
    if (syscall(SYS_open, (void *)0xbeef000, O_RDONLY) != -1 || errno != EFAULT)
        return 13;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd, (struct sockaddr *)&name, sizeof name) != -1)
        return 14;
    /* A call of one thread that lasts while another makes its own. */
    if (pipe(pipes) != 0 || pthread_create(&thread, NULL, reader, NULL) != 0)
        return 15;
    usleep(50000);
    if (write(pipes[1], "!", 1) != 1 || pthread_join(thread, NULL) != 0)
        return 16;
    signal(SIGCHLD, on_signal);
    signal(SIGUSR1, on_signal);
    raise(SIGUSR1);
    if (fork() == 0)
        _exit(7);
    if (wait(&status) < 0 || WEXITSTATUS(status) != 7)
        return 17;
    puts("traced");
    return 3;
}
