// Messages, sockets and descriptors: what the wrappers themselves could change on the way to the kernel.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

static void said(const char *what, long result) {
    printf("%s %ld %s\n", what, result, result < 0 ? strerrorname_np(errno) : "");
}
#define SAY(call) do { errno = 0; said(#call, (long)(call)); } while (0)

// Descriptors in a control message of any length: musl's sendmsg had room for a kilobyte.
static void descriptors(int from, int to, int count) {
    size_t space = CMSG_SPACE(sizeof(int) * count);
    char *control = calloc(1, space), byte = 'x';
    struct iovec piece = {&byte, 1};
    struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1, .msg_control = control, .msg_controllen = space};
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET, head->cmsg_type = SCM_RIGHTS, head->cmsg_len = CMSG_LEN(sizeof(int) * count);
    for (int index = 0; index < count; index++) ((int *)CMSG_DATA(head))[index] = from;
    printf("%d descriptors: ", count);
    said("sent", sendmsg(from, &message, 0));
    memset(control, 0, space);
    message.msg_flags = 0x1234;
    ssize_t got = recvmsg(to, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    head = CMSG_FIRSTHDR(&message);
    int received = got > 0 && head ? (int)((head->cmsg_len - CMSG_LEN(0)) / sizeof(int)) : 0;
    printf("got %zd, %d descriptors, flags %x\n", got, received, message.msg_flags & ~MSG_CMSG_CLOEXEC);
    for (int index = 0; index < received; index++) close(((int *)CMSG_DATA(head))[index]);
    free(control);
}

int main(void) {
    int pair[2], other[2];
    socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    socketpair(AF_UNIX, SOCK_DGRAM, 0, other);
    for (int count = 1; count <= 254; count *= 4) descriptors(pair[0], pair[1], count);
    descriptors(pair[0], pair[1], 253);
    descriptors(pair[0], pair[1], 254);

    // An address that is none is EFAULT.
    void *nowhere = (void *)16;
    struct iovec bad = {nowhere, 5}, good = {"hello", 5};
    struct msghdr of_bad = {.msg_iov = &bad, .msg_iovlen = 1}, no_vector = {.msg_iov = nowhere, .msg_iovlen = 1};
    struct msghdr bad_control = {.msg_iov = &good, .msg_iovlen = 1, .msg_control = nowhere, .msg_controllen = 64};
    struct msghdr bad_name = {.msg_iov = &good, .msg_iovlen = 1, .msg_name = nowhere, .msg_namelen = 64};
    struct msghdr many = {.msg_iov = &good, .msg_iovlen = 5000};
    SAY(sendmsg(other[0], nowhere, 0));
    SAY(recvmsg(other[0], nowhere, MSG_DONTWAIT));
    SAY(sendmsg(other[0], &of_bad, 0));
    SAY(sendmsg(other[0], &no_vector, 0));
    SAY(sendmsg(other[0], &bad_control, 0));
    SAY(sendmsg(other[0], &bad_name, 0));
    SAY(sendmsg(other[0], &many, 0));
    SAY(sendmsg(-1, &many, 0));
    SAY(sendmmsg(other[0], nowhere, 1, 0));
    SAY(recvmmsg(other[0], nowhere, 1, MSG_DONTWAIT, 0));

    // Several at once, with what each one was.
    char text[3][8] = {{0}};
    struct iovec out[3] = {{"one", 3}, {"three", 5}, {"", 0}}, in[3] = {{text[0], 8}, {text[1], 2}, {text[2], 8}};
    struct mmsghdr send[3] = {{0}}, receive[3] = {{0}};
    for (int index = 0; index < 3; index++) {
        send[index].msg_hdr.msg_iov = &out[index], send[index].msg_hdr.msg_iovlen = 1;
        receive[index].msg_hdr.msg_iov = &in[index], receive[index].msg_hdr.msg_iovlen = 1;
    }
    SAY(sendmmsg(other[0], send, 3, 0));
    SAY(recvmmsg(other[1], receive, 3, 0, 0));
    for (int index = 0; index < 3; index++)
        printf("%u %u %x %s\n", send[index].msg_len, receive[index].msg_len, receive[index].msg_hdr.msg_flags, text[index]);
    struct timespec odd = {1, 2000000000};
    SAY(recvmmsg(other[1], receive, 3, MSG_DONTWAIT, &odd));
    SAY(sendmmsg(other[0], send, 0, 0));

    // accept4 does not wait when its flags are none.
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    SAY(bind(listener, (void *)&name, sizeof(sa_family_t)));
    SAY(accept4(listener, 0, 0, SOCK_CLOEXEC));
    SAY(listen(listener, 1));
    SAY(accept4(listener, 0, 0, 0x40000000));
    SAY(accept4(listener, 0, 0, SOCK_NONBLOCK | SOCK_CLOEXEC));
    SAY(accept(listener, 0, 0));

    // Flags and sizes that the kernel judges, not libc.
    SAY(epoll_create(0));
    SAY(epoll_create(-1));
    SAY(epoll_create1(1));
    SAY(dup3(0, 100, O_CLOEXEC | 1));
    SAY(dup3(0, 0, 0));
    SAY(dup3(0, 0, 1));
    SAY(dup3(99, 100, 0));
    SAY(dup3(0, 100, O_CLOEXEC));
    SAY(fcntl(100, F_GETFD));
    SAY(dup2(99, 99));
    SAY(dup2(0, 0));
    int ends[2];
    SAY(pipe2(ends, 1));
    SAY(eventfd(0, 8));
    SAY(timerfd_create(99, 0));
    SAY(inotify_init1(1));
    SAY(signalfd(-1, 0, 0));
    SAY(socket(AF_UNIX, 99, 0));
    SAY(socketpair(AF_UNIX, SOCK_STREAM, 99, ends));
    SAY(symlink("target", "link"));
    char buffer[8] = "";
    SAY(readlink("link", buffer, 0));
    SAY(readlink("link", buffer, -1));
    SAY(readlink("link", buffer, 3));
    SAY(readlinkat(AT_FDCWD, "link", buffer, 0));
    SAY(readlink("absent", buffer, 0));
    SAY(unlink("link"));
    SAY(getcwd(buffer, 0));
    SAY(getcwd(buffer, 1));
    printf("%d\n", (errno = 0, getcwd(0, 2) == 0) ? errno : -1);
    SAY(preadv2(0, &good, 1, 0, 0x4000));
    SAY(pwritev2(0, &good, 1, 0, 0x4000));
    int file = open("file", O_RDWR | O_CREAT | O_TRUNC, 0600);
    SAY(pwritev2(file, &good, 1, 2, 0));
    SAY(pwritev2(file, &good, 1, -1, 0));
    SAY(lseek(file, 0, SEEK_CUR));
    SAY(preadv2(file, in, 1, 3, 0));
    printf("%.8s\n", text[0]);
    SAY(unlink("file"));
    return 0;
}
