// Options of sockets: what they begin as, their bounds, and what is accepted.
#include "show.h"
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef TCP_USER_TIMEOUT
#define TCP_USER_TIMEOUT 18
#endif

static int fd;

static void show(int level, int option) {
    int value = -1;
    socklen_t length = sizeof value;
    int result = getsockopt(fd, level, option, &value, &length);
    printf("  is %s %d length %d\n", error_name(result ? errno : 0), value, (int)length);
}
static void set(int level, int option, int value) {
    int result = setsockopt(fd, level, option, &value, sizeof value);
    printf("  %d: %s\n", value, error_name(result ? errno : 0));
    show(level, option);
}
static void sized(int level, int option, int value, int size) {
    char bytes[8];
    socklen_t length = size;
    memset(bytes, 0, sizeof bytes);
    memcpy(bytes, &value, sizeof value);
    int result = setsockopt(fd, level, option, bytes, size);
    printf("  %d bytes of %d: %s\n", size, value, error_name(result ? errno : 0));
    memset(bytes, 0x55, sizeof bytes);
    result = getsockopt(fd, level, option, bytes, &length);
    printf("  gives %s %d", error_name(result ? errno : 0), (int)length);
    for (int i = 0; i < 5; i++) printf(" %02x", bytes[i] & 0xff);
    printf("\n");
}

static const struct {
    const char *name;
    int level, option;
} options[] = {
    {"SO_DEBUG", SOL_SOCKET, SO_DEBUG},
    {"SO_PRIORITY", SOL_SOCKET, SO_PRIORITY},
    {"SO_KEEPALIVE", SOL_SOCKET, SO_KEEPALIVE},
    {"TCP_KEEPIDLE", IPPROTO_TCP, TCP_KEEPIDLE},
    {"TCP_KEEPINTVL", IPPROTO_TCP, TCP_KEEPINTVL},
    {"TCP_KEEPCNT", IPPROTO_TCP, TCP_KEEPCNT},
    {"TCP_SYNCNT", IPPROTO_TCP, TCP_SYNCNT},
    {"TCP_USER_TIMEOUT", IPPROTO_TCP, TCP_USER_TIMEOUT},
    {"IP_TTL", IPPROTO_IP, IP_TTL},
    {"IP_TOS", IPPROTO_IP, IP_TOS},
    {"IPV6_UNICAST_HOPS", IPPROTO_IPV6, IPV6_UNICAST_HOPS},
    {"IPV6_TCLASS", IPPROTO_IPV6, IPV6_TCLASS},
};
static const int values[] = {1, 0, 127, 128, 255, 256, 32767, 32768, -1, -2, 300000, 3};

static void all(int family, int kind) {
    fd = socket(family, kind, 0);
    for (unsigned i = 0; i < sizeof options / sizeof *options; i++) {
        printf("%s\n", options[i].name);
        show(options[i].level, options[i].option);
        for (unsigned v = 0; v < sizeof values / sizeof *values; v++) set(options[i].level, options[i].option, values[v]);
        for (int size = 0; size < 6; size++) sized(options[i].level, options[i].option, 4, size);
    }
    close(fd);
}

// What a connection inherits, and what is told of it.
static void inherited(void) {
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t length = sizeof address;
    struct tcp_info info;
    int server = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    SHOW(bind(server, (void *)&address, sizeof address));
    SHOW(listen(server, 5));
    fd = server;
    set(IPPROTO_TCP, TCP_KEEPINTVL, 11);
    set(IPPROTO_TCP, TCP_KEEPCNT, 12);
    set(IPPROTO_TCP, TCP_USER_TIMEOUT, 13000);
    set(SOL_SOCKET, SO_KEEPALIVE, 1);
    getsockname(server, (void *)&address, &length);
    SHOW(connect(client, (void *)&address, sizeof address));
    fd = accept(server, 0, 0);
    show(IPPROTO_TCP, TCP_KEEPINTVL);
    show(IPPROTO_TCP, TCP_KEEPCNT);
    show(IPPROTO_TCP, TCP_USER_TIMEOUT);
    show(SOL_SOCKET, SO_KEEPALIVE);
    fd = client;
    set(IPPROTO_TCP, TCP_QUICKACK, 0);
    set(IPPROTO_TCP, TCP_QUICKACK, 1);
    for (int size = 0; size < 3; size++) {
        length = size;
        SHOW(getsockopt(client, IPPROTO_TCP, TCP_INFO, &info, &length));
        SHOW(length);
    }
    length = sizeof info;
    SHOW(getsockopt(client, IPPROTO_TCP, TCP_INFO, &info, &length));
    SHOW(length == sizeof info);
    SHOW(info.tcpi_state);
    SHOW(info.tcpi_snd_mss > 0);
    SHOW(getsockopt(server, IPPROTO_TCP, TCP_INFO, &info, &length));
    SHOW(info.tcpi_state);
    SHOW(info.tcpi_unacked);
    SHOW(info.tcpi_sacked);
}

int main(void) {
    printf("# streams\n");
    all(AF_INET, SOCK_STREAM);
    printf("# streams of IPv6\n");
    all(AF_INET6, SOCK_STREAM);
    printf("# datagrams\n");
    all(AF_INET, SOCK_DGRAM);
    printf("# local\n");
    all(AF_UNIX, SOCK_STREAM);
    printf("# connections\n");
    inherited();
    return 0;
}
