// What is held back because more is to come, and requests about urgent data, queued errors and interfaces.
#include "show.h"
#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <linux/sockios.h>
#include <unistd.h>

static struct sockaddr_in addr;
static socklen_t len = sizeof addr;
static char bytes[70000], into[140000];

// Whatever comes within two seconds.
static long later(int s) {
    struct pollfd p = {s, POLLIN, 0};
    if (poll(&p, 1, 2000) != 1) return -2;
    return recv(s, into, sizeof into, MSG_DONTWAIT);
}

static int bound(int type) {
    addr = (struct sockaddr_in){AF_INET, 0, {htonl(INADDR_LOOPBACK)}, {0}};
    int s = socket(AF_INET, type, 0);
    bind(s, (void *)&addr, len);
    getsockname(s, (void *)&addr, &len);
    return s;
}

static void cork(int s, int level, int name, int on) {
    setsockopt(s, level, name, &on, sizeof on);
}

static void streams(void) {
    int l = bound(SOCK_STREAM), a = socket(AF_INET, SOCK_STREAM, 0);
    listen(l, 1);
    connect(a, (void *)&addr, len);
    int b = accept(l, 0, 0);
    SHOW(send(a, bytes, 16, MSG_MORE));
    SHOW(recv(b, into, sizeof into, MSG_DONTWAIT));
    SHOW(send(a, bytes, 1, 0));
    SHOW(later(b));
    SHOW(send(a, bytes, 5, MSG_MORE));
    SHOW(later(b));
    cork(a, IPPROTO_TCP, TCP_CORK, 1);
    SHOW(write(a, bytes, 3));
    SHOW(write(a, bytes, 4));
    SHOW(recv(b, into, sizeof into, MSG_DONTWAIT));
    cork(a, IPPROTO_TCP, TCP_CORK, 0);
    SHOW(later(b));
    SHOW(send(a, bytes, 9, MSG_MORE));
    SHOW(shutdown(a, SHUT_WR));
    SHOW(later(b));
    SHOW(later(b));
    int mark = 7;
    SHOW(ioctl(b, SIOCATMARK, &mark));
    SHOW(mark);
    SHOW(ioctl(b, SIOCATMARK, 0));
    SHOW(recv(b, into, sizeof into, MSG_ERRQUEUE));
    struct msghdr m = {0};
    SHOW(recvmsg(b, &m, MSG_ERRQUEUE));
    socklen_t bad = -1;
    send(b, bytes, 1, 0);
    SHOW(recvfrom(a, into, 1, 0, (void *)&addr, &bad));
    int on = 1, got = 0;
    socklen_t four = 4;
    SHOW(setsockopt(a, SOL_SOCKET, SO_OOBINLINE, &on, 0));
    SHOW(setsockopt(a, SOL_SOCKET, SO_OOBINLINE, 0, 4));
    SHOW(setsockopt(a, SOL_SOCKET, SO_OOBINLINE, &on, 4));
    SHOW(getsockopt(a, SOL_SOCKET, SO_OOBINLINE, &got, &four));
    SHOW(got);
    SHOW(setsockopt(a, IPPROTO_UDP, UDP_CORK, &on, 4));
}

static void datagrams(void) {
    int a = socket(AF_INET, SOCK_DGRAM, 0), b = bound(SOCK_DGRAM);
    struct sockaddr_in other = addr;
    other.sin_port = htons(1);
    SHOW(sendto(a, bytes, 16, MSG_MORE, (void *)&addr, len));
    SHOW(recv(b, into, sizeof into, MSG_DONTWAIT));
    SHOW(sendto(a, bytes, 1, 0, (void *)&other, len));
    SHOW(later(b));
    SHOW(sendto(a, bytes, 60000, MSG_MORE, (void *)&addr, len));
    SHOW(sendto(a, bytes, 60000, 0, (void *)&addr, len));
    SHOW(recv(b, into, sizeof into, MSG_DONTWAIT));
    SHOW(connect(a, (void *)&addr, len));
    cork(a, IPPROTO_UDP, UDP_CORK, 1);
    SHOW(write(a, bytes, 3));
    SHOW(write(a, bytes, 4));
    SHOW(recv(b, into, sizeof into, MSG_DONTWAIT));
    cork(a, IPPROTO_UDP, UDP_CORK, 0);
    SHOW(later(b));
    SHOW(send(a, bytes, 3, 0));
    SHOW(later(b));
    int mark;
    SHOW(ioctl(a, SIOCATMARK, &mark));
    SHOW(recv(a, into, sizeof into, MSG_ERRQUEUE));
    struct ifreq request = {.ifr_name = "lo"};
    SHOW(ioctl(a, SIOCGIFFLAGS, &request));
    SHOW(ioctl(a, SIOCSIFFLAGS, &request));
    SHOW(ioctl(a, SIOCSIFFLAGS, 0));
    strcpy(request.ifr_name, "none");
    SHOW(ioctl(a, SIOCSIFFLAGS, &request));
    int u[2];
    socketpair(AF_UNIX, SOCK_STREAM, 0, u);
    SHOW(send(u[0], bytes, 4, MSG_MORE));
    SHOW(recv(u[1], into, sizeof into, MSG_DONTWAIT));
}

int main(void) {
    streams();
    datagrams();
    return 0;
}
