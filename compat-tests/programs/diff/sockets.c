// Sockets within the machine: local and over the loopback, streams and datagrams.
#include "show.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

static char buffer[70000];

static struct sockaddr_in loopback(int port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}
// Where a socket is bound to: the port was the system's choice.
static struct sockaddr_in bound_to(int fd) {
    struct sockaddr_in address;
    socklen_t length = sizeof address;
    getsockname(fd, (void *)&address, &length);
    return address;
}
static void show_option(int fd, int level, int option, const char *name) {
    int value = -1;
    socklen_t length = sizeof value;
    int result = getsockopt(fd, level, option, &value, &length);
    printf("option %s: %s %d length %d\n", name, error_name(result ? errno : 0), value, (int)length);
}

static void pairs(void) {
    int pair[2], left;
    static const int kinds[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET};
    for (int i = 0; i < 3; i++) {
        printf("kind %d\n", kinds[i]);
        SHOW(socketpair(AF_UNIX, kinds[i] | SOCK_NONBLOCK, 0, pair));
        SHOW(read(pair[0], buffer, 10));
        SHOW(send(pair[1], "hello", 5, 0));
        SHOW(send(pair[1], "world", 5, 0));
        SHOW(ioctl(pair[0], FIONREAD, &left));
        SHOW(recv(pair[0], buffer, 3, MSG_PEEK));
        SHOW(recv(pair[0], buffer, 3, 0));
        SHOW(recv(pair[0], buffer, 100, 0));
        SHOW(recv(pair[0], buffer, 100, 0));
        struct iovec parts[2] = {{"ab", 2}, {"cd", 2}};
        struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
        SHOW(sendmsg(pair[1], &message, 0));
        struct iovec room = {buffer, 3};
        message = (struct msghdr){.msg_iov = &room, .msg_iovlen = 1};
        SHOW(recvmsg(pair[0], &message, 0));
        SHOW(message.msg_flags);
        SHOW(shutdown(pair[1], SHUT_WR));
        SHOW(send(pair[1], "x", 1, MSG_NOSIGNAL));
        SHOW(close(pair[1]));
        SHOW(recv(pair[0], buffer, 100, 0));
        SHOW(recv(pair[0], buffer, 100, 0));
        SHOW(send(pair[0], "x", 1, MSG_NOSIGNAL));
        SHOW(close(pair[0]));
    }
}

static void streams(void) {
    int server = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in any = loopback(0), at;
    socklen_t length = sizeof at;
    SHOW(accept(server, 0, 0));
    SHOW(bind(server, (void *)&any, sizeof any));
    SHOW(bind(server, (void *)&any, sizeof any));
    SHOW(listen(server, 5));
    at = bound_to(server);
    SHOW(at.sin_port != 0);
    SHOW(getpeername(client, (void *)&any, &length));
    SHOW(send(client, "x", 1, MSG_NOSIGNAL));
    SHOW(connect(client, (void *)&at, 3));
    SHOW(connect(client, (void *)&at, sizeof at));
    SHOW(connect(client, (void *)&at, sizeof at));
    length = sizeof any;
    int peer = accept4(server, (void *)&any, &length, SOCK_NONBLOCK);
    SHOW(length);
    SHOW(any.sin_port == bound_to(client).sin_port);
    SHOW(read(peer, buffer, 10));
    SHOW(write(client, "hello", 5));
    struct pollfd set = {peer, POLLIN | POLLOUT, 0};
    SHOW(poll(&set, 1, 5000));
    while (!(set.revents & POLLIN)) poll(&set, 1, 5000);
    SHOW(set.revents);
    SHOW(recv(peer, buffer, 100, MSG_PEEK));
    SHOW(read(peer, buffer, 100));
    long total = 0, got;
    for (int i = 0; i < 4; i++) total += write(client, buffer, 10000);
    SHOW(total);
    fcntl(peer, F_SETFL, 0);
    for (total = 0; total < 40000 && (got = read(peer, buffer, sizeof buffer)) > 0;) total += got;
    SHOW(total);
    int one = 1;
    SHOW(setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one));
    show_option(client, IPPROTO_TCP, TCP_NODELAY, "TCP_NODELAY");
    SHOW(setsockopt(client, IPPROTO_TCP, TCP_CORK, &one, sizeof one));
    show_option(client, IPPROTO_TCP, TCP_CORK, "TCP_CORK");
    SHOW(setsockopt(client, IPPROTO_TCP, TCP_CONGESTION, "reno", 4));
    SHOW(setsockopt(client, IPPROTO_TCP, TCP_CONGESTION, "nonesuch", 8));
    show_option(server, SOL_SOCKET, SO_ACCEPTCONN, "SO_ACCEPTCONN");
    show_option(client, SOL_SOCKET, SO_TYPE, "SO_TYPE");
    show_option(client, SOL_SOCKET, SO_DOMAIN, "SO_DOMAIN");
    show_option(client, SOL_SOCKET, SO_ERROR, "SO_ERROR");
    show_option(client, SOL_SOCKET, SO_KEEPALIVE, "SO_KEEPALIVE");
    show_option(client, SOL_SOCKET, 9999, "none such");
    SHOW(shutdown(client, SHUT_WR));
    SHOW(read(peer, buffer, 10));
    SHOW(write(peer, "bye", 3));
    SHOW(read(client, buffer, 10));
    SHOW(close(peer));
    SHOW(read(client, buffer, 10));
    SHOW(close(client));
    client = socket(AF_INET, SOCK_STREAM, 0);
    SHOW(close(server));
    SHOW(connect(client, (void *)&at, sizeof at));
    SHOW(close(client));
    client = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    SHOW(fcntl(client, F_GETFL));
    SHOW(shutdown(client, SHUT_RD));
    SHOW(listen(client, 5));
}

static void datagrams(void) {
    int one = socket(AF_INET, SOCK_DGRAM, 0), two = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in any = loopback(0), from, at;
    socklen_t length = sizeof from;
    SHOW(bind(one, (void *)&any, sizeof any));
    at = bound_to(one);
    SHOW(send(two, "x", 1, 0));
    SHOW(sendto(two, "datagram", 8, 0, (void *)&at, sizeof at));
    SHOW(recvfrom(one, buffer, 4, MSG_TRUNC, (void *)&from, &length));
    SHOW(from.sin_port == bound_to(two).sin_port);
    SHOW(sendto(two, "", 0, 0, (void *)&at, sizeof at));
    SHOW(recv(one, buffer, 100, 0));
    SHOW(recv(one, buffer, 100, MSG_DONTWAIT));
    SHOW(connect(two, (void *)&at, sizeof at));
    SHOW(send(two, "connected", 9, 0));
    SHOW(recv(one, buffer, 100, 0));
    SHOW(sendto(two, buffer, 66000, 0, (void *)&at, sizeof at));
    SHOW(listen(one, 5));
    SHOW(accept(one, 0, 0));
    SHOW(sendto(one, "x", 1, 0, (void *)&at, 5));
    SHOW(socket(AF_INET, 77, 0));
    SHOW(socket(77, SOCK_STREAM, 0));
}

static void local_names(void) {
    int server = socket(AF_UNIX, SOCK_STREAM, 0), client = socket(AF_UNIX, SOCK_STREAM, 0);
    struct sockaddr_un at = {.sun_family = AF_UNIX, .sun_path = "\0differential"};
    socklen_t length = offsetof(struct sockaddr_un, sun_path) + 13;
    SHOW(connect(client, (void *)&at, length));
    SHOW(bind(server, (void *)&at, length));
    SHOW(listen(server, 1));
    SHOW(bind(client, (void *)&at, length));
    SHOW(connect(client, (void *)&at, length));
    int peer = accept(server, 0, 0);
    SHOW(write(peer, "local", 5));
    SHOW(read(client, buffer, 10));
    SHOW(close(peer));
    SHOW(read(client, buffer, 10));
    SHOW(write(client, "x", 1));
}

int main(void) {
    setvbuf(stdout, 0, _IONBF, 0);
    signal(SIGPIPE, SIG_IGN);
    pairs();
    streams();
    datagrams();
    local_names();
    puts("end");
    return 0;
}
