// Connections and datagrams between named sockets: who is found, who waits, and which error tells of what.
#include "show.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static volatile int pipes;

static void on_pipe(int s) {
    pipes++;
}

static void *drain(void *a) {
    int fd = *(int *)a;
    char b[10];
    usleep(50000);
    for (int i = 0; i < 30; i++) recv(fd, b, 10, 0);
    return 0;
}

static void named(void) {
    struct sockaddr_un a = {AF_UNIX}, b = {AF_UNIX}, got;
    socklen_t l;
    char buf[10];
    strcpy(a.sun_path, "s.sock");
    int d = socket(AF_UNIX, SOCK_DGRAM, 0), e = socket(AF_UNIX, SOCK_DGRAM, 0);
    SHOW(bind(d, (void *)&a, sizeof a));
    SHOW(bind(d, (void *)&a, sizeof a));
    struct stat st;
    SHOW(stat(a.sun_path, &st));
    printf("%o\n", st.st_mode & ~022);
    SHOW(bind(e, (void *)&a, sizeof a));
    SHOW(sendto(e, "x", 1, 0, (void *)&a, sizeof a));
    l = sizeof got;
    SHOW(recvfrom(d, buf, 10, 0, (void *)&got, &l));
    printf("len %u\n", l);
    SHOW(open(a.sun_path, O_RDWR));
    strcpy(b.sun_path, "none");
    SHOW(sendto(e, "x", 1, 0, (void *)&b, sizeof b));
    strcpy(b.sun_path, ".");
    SHOW(sendto(e, "x", 1, 0, (void *)&b, sizeof b));
    strcpy(b.sun_path, "s.sock/x");
    SHOW(connect(e, (void *)&b, sizeof b));
    SHOW(connect(e, (void *)&a, sizeof a));
    int n = 0;
    while (send(e, "x", 1, MSG_DONTWAIT) == 1) n++;
    printf("queue %d %s\n", n, error_name(errno));
    struct pollfd pf = {e, POLLOUT};
    SHOW(poll(&pf, 1, 0));
    pthread_t t;
    pthread_create(&t, 0, drain, &d);
    for (int i = 0; i < 30 - n; i++) if (send(e, "y", 1, 0) != 1) SHOW(-1);
    pthread_join(t, 0);
    SHOW(poll(&pf, 1, 0));
    struct timeval tv = {0, 20000};
    setsockopt(e, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof tv);
    while (send(e, "x", 1, 0) == 1);
    printf("sndtimeo: %s\n", error_name(errno));
    close(d);
    SHOW(send(e, "x", 1, 0));
    SHOW(send(e, "x", 1, 0));
    SHOW(sendto(e, "x", 1, 0, (void *)&a, sizeof a));
    SHOW(unlink(a.sun_path));
    SHOW(sendto(e, "x", 1, 0, (void *)&a, sizeof a));
    close(e);
    int s = socket(AF_UNIX, SOCK_STREAM, 0), c = socket(AF_UNIX, SOCK_STREAM, 0);
    SHOW(listen(s, 1));
    SHOW(bind(s, (void *)&a, sizeof a));
    SHOW(connect(c, (void *)&a, sizeof a));
    SHOW(listen(s, 1));
    SHOW(connect(c, (void *)&a, sizeof a));
    SHOW(connect(c, (void *)&a, sizeof a));
    l = sizeof got;
    SHOW(getpeername(c, (void *)&got, &l));
    printf("%u %s\n", l, got.sun_path);
    l = sizeof got;
    SHOW(getsockname(c, (void *)&got, &l));
    printf("%u\n", l);
    l = sizeof got;
    int k = accept(s, (void *)&got, &l);
    printf("%d %u\n", k > 0, l);
    struct ucred u;
    l = sizeof u;
    SHOW(getsockopt(k, SOL_SOCKET, SO_PEERCRED, &u, &l));
    printf("%d %d\n", u.pid == getpid(), u.uid == getuid());
    SHOW(getsockopt(c, SOL_SOCKET, SO_PEERCRED, &u, &l));
    printf("%d %d\n", u.pid == getpid(), u.uid == getuid());
    int dd = socket(AF_UNIX, SOCK_DGRAM, 0), q = socket(AF_UNIX, SOCK_SEQPACKET, 0);
    SHOW(connect(dd, (void *)&a, sizeof a));
    SHOW(connect(q, (void *)&a, sizeof a));
    SHOW(sendto(dd, "x", 1, 0, (void *)&a, sizeof a));
    SHOW(sendto(c, "x", 1, 0, (void *)&a, sizeof a));
    // a bad address pointer: the connection is closed
    int c2 = socket(AF_UNIX, SOCK_STREAM, 0);
    SHOW(connect(c2, (void *)&a, sizeof a));
    l = sizeof got;
    SHOW(accept(s, (void *)8, &l));
    SHOW(read(c2, buf, 1));
    int c3 = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    SHOW(connect(c3, (void *)&a, sizeof a));
    struct rlimit old, few;
    getrlimit(RLIMIT_NOFILE, &old);
    few = old;
    few.rlim_cur = dup(0);
    close(few.rlim_cur);
    setrlimit(RLIMIT_NOFILE, &few);
    SHOW(accept(s, 0, 0));
    setrlimit(RLIMIT_NOFILE, &old);
    k = accept(s, 0, 0);
    SHOW(k > 0);
    SHOW(write(k, "z", 1));
    SHOW(read(c3, buf, 10));
    n = 0;
    for (;;) {
        int x = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
        if (connect(x, (void *)&a, sizeof a)) break;
        n++;
    }
    printf("backlog %d %s\n", n, error_name(errno));
    close(s);
    int c4 = socket(AF_UNIX, SOCK_STREAM, 0);
    SHOW(connect(c4, (void *)&a, sizeof a));
    unlink(a.sun_path);
    SHOW(connect(c4, (void *)&a, sizeof a));
    // abstract
    struct sockaddr_un ab = {AF_UNIX, "\0name"};
    s = socket(AF_UNIX, SOCK_SEQPACKET, 0);
    SHOW(bind(s, (void *)&ab, 7));
    l = sizeof got;
    SHOW(getsockname(s, (void *)&got, &l));
    printf("%u\n", l);
    SHOW(listen(s, 5));
    q = socket(AF_UNIX, SOCK_SEQPACKET, 0);
    SHOW(connect(q, (void *)&ab, 7));
    SHOW(connect(q, (void *)&ab, 7));
    ab.sun_path[5] = 'x';
    c = socket(AF_UNIX, SOCK_SEQPACKET, 0);
    SHOW(connect(c, (void *)&ab, 8));
    k = accept(s, 0, 0);
    SHOW(send(q, "abc", 3, 0));
    SHOW(send(q, "de", 2, 0));
    struct iovec iov = {buf, 2};
    struct msghdr m = {0, 0, &iov, 1};
    SHOW(recvmsg(k, &m, 0));
    printf("%x\n", m.msg_flags);
    SHOW(recvmsg(k, &m, 0));
    printf("%x\n", m.msg_flags);
    SHOW(send(q, "", 0, 0));
    SHOW(recv(k, buf, 5, 0));
    SHOW(shutdown(q, SHUT_WR));
    SHOW(recv(k, buf, 5, 0));
    SHOW(send(q, "x", 1, 0));
    SHOW(send(k, "x", 1, 0));
    close(q);
    SHOW(send(k, "x", 1, 0));
    printf("pipes %d\n", pipes);
    pipes = 0;
    s = socket(AF_UNIX, SOCK_DGRAM, 0);
    SHOW(bind(s, (void *)&ab, 2));
    l = sizeof got;
    SHOW(getsockname(s, (void *)&got, &l));
    printf("%u\n", l);
    SHOW(recv(c4, buf, 1, 0));
    SHOW(send(c4, "x", 1, 0));
    SHOW(recv(c, buf, 1, 0));
    SHOW(send(c, "x", 1, 0));
    printf("pipes %d\n", pipes);
    pipes = 0;
    SHOW(bind(c4, (void *)&ab, 1));
    SHOW(bind(c4, (void *)&ab, 200));
    SHOW(bind(c4, (void *)1, 20));
    SHOW(connect(c4, (void *)&ab, 0));
    struct stat ss;
    SHOW(fstat(c4, &ss));
    printf("%d\n", S_ISSOCK(ss.st_mode));
}

static int bound(int fam, int type, const char *ip, struct sockaddr_storage *a, socklen_t *l) {
    int s = socket(fam, type, 0);
    memset(a, 0, sizeof *a);
    a->ss_family = fam;
    if (fam == AF_INET) {
        inet_pton(fam, ip, &((struct sockaddr_in *)a)->sin_addr);
        *l = 16;
    } else {
        inet_pton(fam, ip, &((struct sockaddr_in6 *)a)->sin6_addr);
        *l = 28;
    }
    if (bind(s, (void *)a, *l)) SHOW(-1);
    *l = sizeof *a;
    getsockname(s, (void *)a, l);
    return s;
}

static void inet(void) {
    struct sockaddr_storage a, b;
    socklen_t l, k;
    char buf[100];
    int u = bound(AF_INET, SOCK_DGRAM, "127.0.0.1", &a, &l), v = socket(AF_INET, SOCK_DGRAM, 0);
    SHOW(send(v, "x", 1, 0));
    SHOW(sendto(v, "x", 1, 0, (void *)&a, l));
    SHOW(recvfrom(u, buf, 10, 0, (void *)&b, &k));
    k = sizeof b;
    SHOW(sendto(v, "xyz", 3, 0, (void *)&a, l));
    SHOW(recvfrom(u, buf, 2, MSG_TRUNC, (void *)&b, &k));
    printf("%u\n", k);
    SHOW(connect(v, (void *)&a, l));
    SHOW(send(v, "x", 1, 0));
    close(u);
    SHOW(send(v, "x", 1, 0));
    usleep(1000);
    SHOW(send(v, "x", 1, 0));
    SHOW(send(v, "x", 1, 0));
    usleep(1000);
    int e;
    k = sizeof e;
    SHOW(getsockopt(v, SOL_SOCKET, SO_ERROR, &e, &k));
    printf("%s\n", error_name(e));
    SHOW(send(v, "x", 1, 0));
    usleep(1000);
    SHOW(recv(v, buf, 1, 0));
    SHOW(shutdown(v, SHUT_WR));
    SHOW(send(v, "x", 1, 0));
    SHOW(write(v, "x", 1));
    printf("pipes %d\n", pipes);
    pipes = 0;
    v = socket(AF_INET, SOCK_DGRAM, 0);
    SHOW(shutdown(v, SHUT_WR));
    SHOW(sendto(v, "x", 1, 0, (void *)&a, 8));
    SHOW(sendto(v, buf, 70000, 0, (void *)&a, l));
    SHOW(listen(v, 1));
    SHOW(accept(v, 0, 0));
    a.ss_family = AF_INET6;
    SHOW(sendto(v, "x", 1, 0, (void *)&a, l));
    SHOW(connect(v, (void *)&a, l));
    SHOW(bind(v, (void *)&a, l));
    int s = bound(AF_INET, SOCK_STREAM, "0.0.0.0", &a, &l), c = socket(AF_INET, SOCK_STREAM, 0);
    SHOW(recv(c, buf, 1, 0));
    SHOW(send(c, "x", 1, 0));
    printf("pipes %d\n", pipes);
    pipes = 0;
    SHOW(getpeername(c, (void *)&b, &l));
    l = 16;
    SHOW(connect(c, (void *)&a, l));
    SHOW(listen(s, 1));
    SHOW(connect(c, (void *)&a, l));
    SHOW(connect(c, (void *)&a, l));
    SHOW(connect(s, (void *)&a, l));
    int p = accept(s, 0, 0);
    SHOW(send(c, "hello", 5, 0));
    close(p);
    usleep(1000);
    SHOW(send(c, "x", 1, 0));
    usleep(1000);
    SHOW(send(c, "x", 1, 0));
    SHOW(send(c, "x", 1, MSG_NOSIGNAL));
    printf("pipes %d\n", pipes);
    pipes = 0;
    // The peer has gone with nothing unread: TCP learns so by the answer to the first bytes.
    c = socket(AF_INET, SOCK_STREAM, 0);
    connect(c, (void *)&a, l);
    close(accept(s, 0, 0));
    usleep(1000);
    SHOW(send(c, "", 0, MSG_NOSIGNAL));
    SHOW(send(c, "xyz", 3, MSG_NOSIGNAL));
    usleep(1000);
    SHOW(send(c, "x", 1, MSG_NOSIGNAL));
    SHOW(recv(c, buf, 10, 0));
    close(c);
    c = socket(AF_INET, SOCK_STREAM, 0);
    connect(c, (void *)&a, l);
    p = accept(s, 0, 0);
    send(c, "12345", 5, 0);
    send(p, "abc", 3, 0);
    close(p);
    usleep(1000);
    SHOW(recv(c, buf, 10, 0));
    SHOW(recv(c, buf, 10, 0));
    SHOW(recv(c, buf, 10, 0));
    c = socket(AF_INET, SOCK_STREAM, 0);
    SHOW(connect(c, (void *)&a, l));
    p = accept(s, 0, 0);
    struct sockaddr un = {AF_UNSPEC};
    SHOW(connect(c, &un, sizeof un));
    usleep(1000);
    SHOW(recv(p, buf, 10, 0));
    SHOW(connect(c, (void *)&a, l));
    close(accept(s, 0, 0));
    SHOW(accept(c, 0, 0));
    SHOW(accept(0, 0, 0));
    SHOW(accept(-1, 0, 0));
    SHOW(shutdown(c, 3));
    SHOW(getsockopt(c, 99, 1, buf, &l));
    SHOW(setsockopt(c, SOL_SOCKET, 9999, buf, 4));
    int q[2];
    SHOW(socketpair(AF_INET, SOCK_STREAM, 0, q));
    SHOW(socketpair(AF_INET, SOCK_STREAM, 99, q));
    SHOW(socketpair(AF_UNIX, SOCK_STREAM, 0, (void *)1));
}

int main(void) {
    setvbuf(stdout, NULL, _IOLBF, 0);
    signal(SIGPIPE, on_pipe);
    // Names are relative, so that they are the same wherever this runs.
    char folder[] = "/tmp/connections.XXXXXX";
    if (!mkdtemp(folder) || chdir(folder)) return 1;
    named();
    if (chdir("/") || rmdir(folder)) return 1;
    inet();
    puts("done");
    return 0;
}
