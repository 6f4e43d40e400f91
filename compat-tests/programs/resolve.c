/* getaddrinfo(3) and getnameinfo(3) against a DNS server that is a thread of this program: no other network is needed.
 * It writes /etc/resolv.conf, so it is for a guest. Prints one line for each question. */
#include <arpa/inet.h>
#include <netdb.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HEADER = 12, TYPE_A = 1, TYPE_PTR = 12, TYPE_AAAA = 28 };

/* Writes the question's name with dots; returns the bytes it took. */
static size_t name_of(const uint8_t *at, char *name) {
    size_t used = 0;
    *name = 0;
    while (at[used]) {
        strncat(name, (const char *)at + used + 1, at[used]);
        strcat(name, ".");
        used += 1 + at[used];
    }
    return used + 1;
}

static size_t answer(uint8_t *packet, size_t len) {
    static const uint8_t v4[] = {192, 0, 2, 7};
    static const uint8_t v6[] = {0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7};
    static const uint8_t pointer[] = "\3svc\7example\4test";
    char name[256];
    size_t used = HEADER + name_of(packet + HEADER, name);
    int type = packet[used] << 8 | packet[used + 1];
    len = used + 4;
    const void *data = NULL;
    size_t size = 0;
    int known = 1;
    if (!strcmp(name, "svc.example.test.")) {
        if (type == TYPE_A) data = v4, size = sizeof v4;
        if (type == TYPE_AAAA) data = v6, size = sizeof v6;
    } else if (!strcmp(name, "7.2.0.192.in-addr.arpa.")) {
        if (type == TYPE_PTR) data = pointer, size = sizeof pointer;
    } else {
        known = 0;
    }
    packet[2] = 0x81;
    packet[3] = known ? 0x80 : 0x83;
    memset(packet + 6, 0, 6);
    packet[7] = data != NULL;
    if (data) {
        const uint8_t head[] = {0xc0, HEADER, 0, (uint8_t)type, 0, 1, 0, 0, 0, 60, 0, (uint8_t)size};
        memcpy(packet + len, head, sizeof head);
        memcpy(packet + len + sizeof head, data, size);
        len += sizeof head + size;
    }
    return len;
}

static void *serve(void *socket) {
    for (;;) {
        uint8_t packet[512];
        struct sockaddr_storage from;
        socklen_t size = sizeof from;
        ssize_t n = recvfrom(*(int *)socket, packet, 400, 0, (struct sockaddr *)&from, &size);
        if (n > HEADER) sendto(*(int *)socket, packet, answer(packet, (size_t)n), 0, (struct sockaddr *)&from, size);
    }
    return NULL;
}

static void ask(const char *name, const char *service, int family, int flags) {
    struct addrinfo hints = {.ai_family = family, .ai_socktype = SOCK_STREAM, .ai_flags = flags}, *all, *one;
    int error = getaddrinfo(name, service, &hints, &all);
    printf("%s:%s", name ? name : "-", service ? service : "-");
    if (error) {
        printf(" %s\n", gai_strerror(error));
        return;
    }
    for (one = all; one; one = one->ai_next) {
        char address[64], port[8];
        getnameinfo(one->ai_addr, one->ai_addrlen, address, sizeof address, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV);
        printf(" %s#%s", address, port);
    }
    printf("\n");
    freeaddrinfo(all);
}

int main(void) {
    int udp = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(53)};
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    FILE *conf = fopen("/etc/resolv.conf", "w");
    pthread_t server;
    if (bind(udp, (struct sockaddr *)&at, sizeof at) || !conf || pthread_create(&server, NULL, serve, &udp)) {
        perror("setting up");
        return 1;
    }
    fputs("nameserver 127.0.0.1\n", conf);
    fclose(conf);
    ask("localhost", "80", AF_INET, 0);
    ask("svc.example.test", "http", AF_INET, 0);
    ask("svc.example.test", "443", AF_INET6, 0);
    ask("nobody.example.test", "80", AF_INET, 0);
    ask("192.0.2.9", "80", AF_UNSPEC, AI_NUMERICHOST);
    ask("::1", "80", AF_UNSPEC, AI_NUMERICHOST);
    ask(NULL, "80", AF_INET, AI_PASSIVE);
    struct sockaddr_in known = {.sin_family = AF_INET};
    inet_pton(AF_INET, "192.0.2.7", &known.sin_addr);
    char name[256];
    int error = getnameinfo((struct sockaddr *)&known, sizeof known, name, sizeof name, NULL, 0, NI_NAMEREQD);
    printf("192.0.2.7 is %s\n", error ? gai_strerror(error) : name);
    return 0;
}
