// Messages: over pages that are not there yet, with files and credentials beside them, several in one call.
#include "show.h"
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static char *fresh(size_t n) {
    return mmap(0, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void whole(void) {
    int s[2];
    socketpair(AF_UNIX, SOCK_DGRAM, 0, s);
    char *from = fresh(16384), *to = fresh(16384);
    for (int i = 0; i < 16384; i += 4096) if (i != 4096) memset(from + i, 'a' + i / 4096, 4096);
    SHOW(send(s[0], from, 12000, 0));
    SHOW(recv(s[1], to, 16384, MSG_PEEK));
    to = fresh(16384);
    SHOW(read(s[1], to, 16384));
    printf("%d %c %d %c\n", memcmp(from, to, 12000), to[0], to[5000], to[9000]);
    SHOW(recv(s[1], to, 100, MSG_DONTWAIT));
    SHOW(write(s[0], from, 12000));
    to = fresh(16384);
    SHOW(recv(s[1], to, 100, MSG_TRUNC));
    SHOW(recv(s[1], to, 100, MSG_DONTWAIT));
    struct iovec iov[3] = {{from, 5000}, {from + 8000, 10}, {from, 3}};
    SHOW(writev(s[0], iov, 3));
    char *to2 = fresh(8192);
    struct iovec iov2[2] = {{to2 + 4000, 200}, {to, 16000}};
    SHOW(readv(s[1], iov2, 2));
    SHOW(write(s[0], 0, 0));
    SHOW(recv(s[1], to, 10, 0));
    SHOW(send(s[0], (char *)1, 10, 0));
    SHOW(send(s[0], "abc", 3, 0));
    SHOW(recv(s[1], (char *)1, 10, 0));
    close(s[0]);
    close(s[1]);
    socketpair(AF_UNIX, SOCK_STREAM, 0, s);
    SHOW(send(s[0], from, 12000, 0));
    to = fresh(16384);
    SHOW(recv(s[1], to, 12000, MSG_PEEK));
    to = fresh(16384);
    SHOW(recv(s[1], to, 12000, MSG_WAITALL));
    printf("%d\n", memcmp(from, to, 12000));
    SHOW(recv(s[1], to, 1, MSG_DONTWAIT));
    // a blocking write of much more than the buffer, from pages that are not there
    if (!fork()) {
        long n = 0, r;
        char b[65536];
        close(s[0]);
        while ((r = read(s[1], b, sizeof b)) > 0) n += r;
        printf("child read %ld\n", n);
        fflush(stdout);
        _exit(0);
    }
    close(s[1]);
    char *big = fresh(3 << 20);
    SHOW(write(s[0], big, 3 << 20));
    close(s[0]);
    wait(0);
}

static int passed(int s, int flags, char *data, int room, int *ctl, int *fdn, int *fds, int *creds) {
    char c[1200];
    struct iovec iov = {data, room};
    struct msghdr m = {0, 0, &iov, 1, c, *ctl, 0};
    long r = recvmsg(s, &m, flags);
    *fdn = 0;
    *creds = 0;
    if (r < 0) return r;
    for (struct cmsghdr *h = CMSG_FIRSTHDR(&m); h; h = CMSG_NXTHDR(&m, h)) {
        if (h->cmsg_type == SCM_RIGHTS) {
            *fdn = (h->cmsg_len - CMSG_LEN(0)) / 4;
            memcpy(fds, CMSG_DATA(h), *fdn * 4);
        }
        if (h->cmsg_type == SCM_CREDENTIALS) {
            struct ucred u;
            memcpy(&u, CMSG_DATA(h), sizeof u);
            *creds = (u.pid == getpid() ? 1 : u.pid == 0 ? 2 : 3) + (u.uid == getuid() ? 10 : 0);
        }
    }
    *ctl = m.msg_controllen;
    return (int)r | m.msg_flags << 16;
}

static long pass(int s, int n, int *fds, const char *data) {
    char c[1200] = {0};
    struct iovec iov = {(char *)data, strlen(data)};
    struct msghdr m = {0, 0, &iov, 1, c, CMSG_SPACE(n * 4), 0};
    struct cmsghdr *h = CMSG_FIRSTHDR(&m);
    h->cmsg_len = CMSG_LEN(n * 4);
    h->cmsg_level = SOL_SOCKET;
    h->cmsg_type = SCM_RIGHTS;
    memcpy(CMSG_DATA(h), fds, n * 4);
    return sendmsg(s, &m, 0);
}

static void rights(int type) {
    int s[2], fds[300], n, creds, ctl;
    char b[100];
    printf("rights over type %d\n", type);
    SHOW(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, s));
    int p[2];
    pipe(p);
    SHOW(pass(s[0], 1, &p[1], "x"));
    ctl = 1000;
    int r = passed(s[1], MSG_CMSG_CLOEXEC, b, 100, &ctl, &n, fds, &creds);
    printf("%x ctl %d n %d creds %d cloexec %d\n", r, ctl, n, creds, n ? fcntl(fds[0], F_GETFD) : -1);
    SHOW(write(fds[0], "hello", 5));
    SHOW(read(p[0], b, 100));
    close(fds[0]);
    // several, too little room
    int three[3] = {p[0], p[1], 1};
    SHOW(pass(s[0], 3, three, "abc"));
    ctl = CMSG_LEN(8);
    r = passed(s[1], 0, b, 100, &ctl, &n, fds, &creds);
    printf("%x ctl %d n %d\n", r, ctl, n);
    for (int i = 0; i < n; i++) close(fds[i]);
    SHOW(pass(s[0], 1, p, "abc"));
    ctl = 10;
    r = passed(s[1], 0, b, 100, &ctl, &n, fds, &creds);
    printf("%x ctl %d n %d\n", r, ctl, n);
    SHOW(pass(s[0], 1, p, "abc"));
    ctl = 0;
    r = passed(s[1], 0, b, 100, &ctl, &n, fds, &creds);
    printf("%x ctl %d n %d\n", r, ctl, n);
    SHOW(pass(s[0], 1, p, "abc"));
    SHOW(read(s[1], b, 100));
    // order with plain bytes
    send(s[0], "11", 2, 0);
    pass(s[0], 1, p, "22");
    send(s[0], "33", 2, 0);
    pass(s[0], 1, p, "44");
    for (int i = 0; i < 4; i++) {
        ctl = 1000;
        r = passed(s[1], MSG_DONTWAIT, b, 100, &ctl, &n, fds, &creds);
        printf("%x n %d %.*s\n", r, n, r > 0 ? r & 0xffff : 0, b);
        for (int k = 0; k < n; k++) close(fds[k]);
    }
    // part of the bytes
    pass(s[0], 1, p, "abcdef");
    ctl = 1000;
    r = passed(s[1], MSG_PEEK, b, 2, &ctl, &n, fds, &creds);
    printf("peek %x n %d\n", r, n);
    if (n) close(fds[0]);
    ctl = 1000;
    r = passed(s[1], 0, b, 2, &ctl, &n, fds, &creds);
    printf("part %x n %d\n", r, n);
    if (n) close(fds[0]);
    ctl = 1000;
    r = passed(s[1], MSG_DONTWAIT, b, 20, &ctl, &n, fds, &creds);
    printf("rest %x n %d\n", r, n);
    int bad = 77;
    SHOW(pass(s[0], 1, &bad, "x"));
    for (int i = 0; i < 250; i++) fds[i] = p[0];
    SHOW(pass(s[0], 250, fds, "x"));
    ctl = 1100;
    r = passed(s[1], 0, b, 20, &ctl, &n, fds, &creds);
    printf("%x ctl %d n %d\n", r, ctl, n);
    for (int i = 0; i < n; i++) close(fds[i]);
    // descriptors run out
    struct rlimit old, few;
    getrlimit(RLIMIT_NOFILE, &old);
    few = old;
    few.rlim_cur = dup(0) + 2;
    close(few.rlim_cur - 2);
    setrlimit(RLIMIT_NOFILE, &few);
    SHOW(pass(s[0], 3, three, "abc"));
    ctl = 1000;
    r = passed(s[1], 0, b, 100, &ctl, &n, fds, &creds);
    printf("%x ctl %d n %d\n", r, ctl, n);
    for (int i = 0; i < n; i++) close(fds[i]);
    setrlimit(RLIMIT_NOFILE, &old);
    // creds
    int one = 1;
    SHOW(setsockopt(s[1], SOL_SOCKET, SO_PASSCRED, &one, sizeof one));
    SHOW(send(s[0], "c", 1, 0));
    ctl = 1000;
    r = passed(s[1], 0, b, 100, &ctl, &n, fds, &creds);
    printf("%x ctl %d creds %d\n", r, ctl, creds);
    struct ucred u;
    socklen_t l = sizeof u;
    SHOW(getsockopt(s[0], SOL_SOCKET, SO_PEERCRED, &u, &l));
    printf("%d %d %d %u\n", u.pid == getpid(), u.uid == getuid(), u.gid == getgid(), l);
    if (!fork()) {
        send(s[0], "k", 1, 0);
        _exit(0);
    }
    wait(0);
    ctl = 1000;
    r = passed(s[1], 0, b, 100, &ctl, &n, fds, &creds);
    printf("child %x ctl %d creds %d\n", r, ctl, creds);
    // a malformed control
    char c[64] = {0};
    struct iovec iov = {"x", 1};
    struct msghdr m = {0, 0, &iov, 1, c, 24, 0};
    struct cmsghdr *h = (void *)c;
    h->cmsg_len = 8;
    h->cmsg_level = SOL_SOCKET;
    h->cmsg_type = SCM_RIGHTS;
    SHOW(sendmsg(s[0], &m, 0));
    h->cmsg_len = 100;
    SHOW(sendmsg(s[0], &m, 0));
    h->cmsg_len = 20;
    h->cmsg_type = 99;
    SHOW(sendmsg(s[0], &m, 0));
    m.msg_controllen = 8;
    SHOW(sendmsg(s[0], &m, 0));
    // cycle
    for (int i = 0; i < 3000; i++) {
        int q[2];
        if (socketpair(AF_UNIX, type, 0, q)) {
            SHOW(-1);
            break;
        }
        if (pass(q[0], 2, q, "x") != 1) {
            SHOW(-1);
            break;
        }
        close(q[0]);
        close(q[1]);
    }
    close(s[0]);
    close(s[1]);
    close(p[0]);
    close(p[1]);
}

static void mm(void) {
    int s[2];
    socketpair(AF_UNIX, SOCK_DGRAM, 0, s);
    struct mmsghdr m[5];
    struct iovec iov[5];
    char data[5][10];
    memset(m, 0, sizeof m);
    for (int i = 0; i < 5; i++) {
        iov[i] = (struct iovec){"abcde", i + 1};
        m[i].msg_hdr.msg_iov = &iov[i];
        m[i].msg_hdr.msg_iovlen = 1;
    }
    SHOW(sendmmsg(s[0], m, 5, 0));
    for (int i = 0; i < 5; i++) printf("%u ", m[i].msg_len);
    for (int i = 0; i < 5; i++) iov[i] = (struct iovec){data[i], 3};
    SHOW(recvmmsg(s[1], m, 3, 0, 0));
    for (int i = 0; i < 3; i++) printf("%u %x, ", m[i].msg_len, m[i].msg_hdr.msg_flags);
    SHOW(recvmmsg(s[1], m, 5, MSG_WAITFORONE, 0));
    for (int i = 0; i < 2; i++) printf("%u %x, ", m[i].msg_len, m[i].msg_hdr.msg_flags);
    SHOW(recvmmsg(s[1], m, 5, MSG_DONTWAIT, 0));
    SHOW(sendmmsg(s[0], m, 0, 0));
    struct timespec ts = {0, 1000000000};
    SHOW(recvmmsg(s[1], m, 5, 0, &ts));
    ts = (struct timespec){0, 1};
    send(s[0], "x", 1, 0);
    send(s[0], "x", 1, 0);
    SHOW(recvmmsg(s[1], m, 5, 0, &ts));
    SHOW(sendmmsg(1, m, 1, 0));
    SHOW(sendmmsg(-1, m, 1, 0));
}

int main(void) {
    setvbuf(stdout, NULL, _IOLBF, 0);
    signal(SIGPIPE, SIG_IGN);
    whole();
    rights(SOCK_STREAM);
    rights(SOCK_DGRAM);
    rights(SOCK_SEQPACKET);
    mm();
    puts("done");
    return 0;
}
