/* The client of the memcached row, inside the server's process: LD_PRELOAD brings it in, a constructor starts its
 * thread. So one guest needs to run one program only, and Linux and osv-rs run the very same two files.
 * Eight connections (or the environment's ACTIVE) in lock step: a get goes out on each, then all answers are read. As
 * many connections as IDLE says stay open beside them and say nothing. Prints
 * `memcached.get VALUE`, TSC ticks for one get with client and server, and ends the process. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>

enum { PORT = 11211, CONNECTIONS = 8, VALUE = 100, WARM = 20, ROUNDS = 200 };

static void die(const char *what)
{
    fprintf(stderr, "memcached_get: %s: %s\n", what, strerror(errno));
    _exit(1);
}

static void say(int fd, const char *text, size_t length)
{
    if (send(fd, text, length, MSG_NOSIGNAL) != (ssize_t)length) die("send");
}

/* Reads `expected`, all of it and nothing else. */
static void hear(int fd, const char *expected, size_t length)
{
    char buffer[512];
    size_t got = 0;
    while (got < length) {
        ssize_t n = recv(fd, buffer + got, sizeof buffer - got, 0);
        if (n <= 0) die("receive");
        got += n;
    }
    if (got != length || memcmp(buffer, expected, length) != 0) {
        errno = EPROTO;
        die("answer");
    }
}

static int connection(void)
{
    struct sockaddr_in server = { .sin_family = AF_INET, .sin_port = htons(PORT) };
    server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    /* The server is about to listen: half a minute of patience. */
    for (int tries = 0; tries < 3000; tries++) {
        int one = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
        if (fd < 0) die("socket");
        if (connect(fd, (void *)&server, sizeof server) == 0) {
            setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
            return fd;
        }
        close(fd);
        nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
    }
    die("connect");
    return -1;
}

static int number(const char *name, int otherwise, int most)
{
    const char *text = getenv(name);
    int value = text ? atoi(text) : otherwise;
    return value < 0 || value > most ? otherwise : value;
}

static void *client(void *argument)
{
    static const char get[] = "get key\r\n";
    char set[256], answer[256];
    char value[VALUE + 1];
    int fd[CONNECTIONS];
    uint64_t start = 0;
    (void)argument;
    memset(value, 'v', VALUE);
    value[VALUE] = 0;
    int set_length = snprintf(set, sizeof set, "set key 0 0 %d\r\n%s\r\n", VALUE, value);
    int answer_length = snprintf(answer, sizeof answer, "VALUE key 0 %d\r\n%s\r\nEND\r\n", VALUE, value);
    int active = number("ACTIVE", CONNECTIONS, CONNECTIONS);
    for (int i = number("IDLE", 0, 10000); i > 0; i--) connection();
    for (int i = 0; i < active; i++) fd[i] = connection();
    say(fd[0], set, set_length);
    hear(fd[0], "STORED\r\n", 8);
    for (int round = -WARM; round < ROUNDS; round++) {
        if (round == 0) start = __rdtsc();
        for (int i = 0; i < active; i++) say(fd[i], get, sizeof get - 1);
        for (int i = 0; i < active; i++) hear(fd[i], answer, answer_length);
    }
    printf("memcached.get %.1f\n", (double)(__rdtsc() - start) / ROUNDS / active);
    fflush(stdout);
    _exit(0);
}

__attribute__((constructor)) static void begin(void)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, client, NULL) != 0) die("thread");
}
