// System V semaphores and message queues, POSIX message queues.
#include "show.h"
#include <sys/socket.h>
#include <fcntl.h>
#include <mqueue.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

union semun {
    int val;
    struct semid_ds *buf;
    unsigned short *array;
    struct seminfo *info;
};

static void values(int id) {
    unsigned short array[3] = {9, 9, 9};
    semctl(id, 0, GETALL, (union semun){.array = array});
    printf("values %d %d %d\n", array[0], array[1], array[2]);
}

static int op(int id, int number, int change, int flags) {
    struct sembuf operation = {number, change, flags};
    return semop(id, &operation, 1);
}

// Until somebody waits for semaphore 0 of the set.
static void until_waiting(int id, int command) {
    while (semctl(id, 0, command) < 1) usleep(1000);
}

static void child_ends(pid_t child) {
    int status;
    waitpid(child, &status, 0);
    printf("child ended %d\n", WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status));
}

static void alarmed(int signal) { (void)signal; }

static void semaphores(void) {
    key_t key = 0x5e3a0000 + getpid();
    WORKS(semget(key, 3, 0600));
    int id = semget(key, 3, IPC_CREAT | 0600);
    printf("id %d\n", id >= 0);
    WORKS(semget(key, 3, IPC_CREAT | IPC_EXCL | 0600));
    WORKS(semget(key, 4, 0600));
    printf("same %d\n", semget(key, 0, 0) == id);
    values(id);
    SHOW(semctl(id, 1, SETVAL, (union semun){.val = 5}));
    SHOW(semctl(id, 3, SETVAL, (union semun){.val = 5}));
    SHOW(semctl(id, 0, SETVAL, (union semun){.val = 32768}));
    SHOW(semctl(id, 1, GETVAL));
    printf("pid is mine %d\n", semctl(id, 1, GETPID) == getpid());
    SHOW(op(id, 1, -6, IPC_NOWAIT));
    SHOW(op(id, 1, 32767, 0));
    SHOW(op(id, 3, 1, 0));
    SHOW(op(id, 1, 0, IPC_NOWAIT));
    struct sembuf both[] = {{0, 2, 0}, {1, -9, IPC_NOWAIT}};
    SHOW(semop(id, both, 2));
    values(id);
    both[1].sem_op = -1;
    SHOW(semop(id, both, 2));
    values(id);
    SHOW(semop(id, both, 0));
    SHOW(semop(id, both, 501));
    struct timespec soon = {0, 20000000};
    struct sembuf much = {0, -9, 0};
    SHOW(semtimedop(id, &much, 1, &soon));
    soon.tv_nsec = -1;
    SHOW(semtimedop(id, &much, 1, &soon));
    fflush(stdout);
    // A child waits for more, and takes what it undoes at its end.
    pid_t child = fork();
    if (!child) _exit(op(id, 0, -4, SEM_UNDO) ? errno : 0);
    until_waiting(id, GETNCNT);
    SHOW(op(id, 0, 3, 0));
    child_ends(child);
    values(id);
    // For zero.
    child = fork();
    if (!child) _exit(op(id, 0, 0, 0) ? errno : 0);
    until_waiting(id, GETZCNT);
    SHOW(op(id, 0, -5, 0));
    child_ends(child);
    // Interrupted, and never made again.
    signal(SIGALRM, alarmed);
    struct sigaction action = {.sa_handler = alarmed, .sa_flags = SA_RESTART};
    sigaction(SIGALRM, &action, 0);
    ualarm(200000, 0);
    SHOW(op(id, 0, -1, 0));
    // What is adjusted is bounded, and forgotten where a value is set.
    SHOW(op(id, 2, 3, SEM_UNDO));
    SHOW(semctl(id, 2, SETVAL, (union semun){.val = 7}));
    child = fork();
    if (!child) {
        op(id, 2, -2, SEM_UNDO);
        semctl(id, 0, SETALL, (union semun){.array = (unsigned short[]){1, 2, 3}});
        op(id, 2, 4, SEM_UNDO);
        _exit(0);
    }
    child_ends(child);
    values(id);
    struct semid_ds ds;
    SHOW(semctl(id, 0, IPC_STAT, (union semun){.buf = &ds}));
    printf("nsems %lu mode %o\n", (unsigned long)ds.sem_nsems, ds.sem_perm.mode);
    ds.sem_perm.mode = 0400;
    SHOW(semctl(id, 0, IPC_SET, (union semun){.buf = &ds}));
    fflush(stdout);
    if (fork() == 0) {
        if (setgid(7) || setuid(7)) _exit(1);
        SHOW(semctl(id, 0, GETVAL));
        SHOW(op(id, 0, 1, IPC_NOWAIT));
        SHOW(semctl(id, 0, IPC_RMID));
        fflush(stdout);
        _exit(0);
    }
    wait(0);
    struct seminfo info;
    WORKS(semctl(0, 0, IPC_INFO, (union semun){.info = &info}));
    printf("limits %d %d %d %d %d\n", info.semmni, info.semmsl, info.semmns, info.semopm, info.semvmx);
    fflush(stdout);
    child = fork();
    if (!child) _exit(op(id, 0, -30, 0) ? errno == EIDRM : 2);
    until_waiting(id, GETNCNT);
    SHOW(semctl(id, 0, IPC_RMID));
    child_ends(child);
    SHOW(semctl(id, 0, GETVAL));
    SHOW(op(id, 0, 1, 0));
}

struct message {
    long type;
    char text[64];
};

static void messages(void) {
    key_t key = 0x3e550000 + getpid();
    WORKS(msgget(key, 0));
    int id = msgget(key, IPC_CREAT | 0600);
    printf("id %d\n", id >= 0);
    struct message in = {3, "three"}, out;
    SHOW(msgsnd(id, &in, 6, 0));
    in.type = 0;
    SHOW(msgsnd(id, &in, 6, 0));
    in.type = 1;
    SHOW(msgsnd(id, &in, 8193, 0));
    SHOW(msgsnd(id, &in, -1, 0));
    for (int type = 5; type > 0; type--) {
        in.type = type;
        snprintf(in.text, sizeof in.text, "type %d", type);
        msgsnd(id, &in, 7, 0);
    }
    SHOW(msgrcv(id, &out, sizeof out.text, 9, IPC_NOWAIT));
    SHOW(msgrcv(id, &out, 3, 0, 0));
    SHOW(msgrcv(id, &out, 3, 0, MSG_NOERROR));
    printf("%ld %.3s\n", out.type, out.text);
    SHOW(msgrcv(id, &out, sizeof out.text, -3, 0));
    printf("%ld %s\n", out.type, out.text);
    SHOW(msgrcv(id, &out, sizeof out.text, 5, MSG_EXCEPT));
    printf("%ld %s\n", out.type, out.text);
#ifndef MSG_COPY
#define MSG_COPY 040000
#endif
    SHOW(msgrcv(id, &out, sizeof out.text, 1, MSG_COPY | IPC_NOWAIT));
    printf("%ld %s\n", out.type, out.text);
    SHOW(msgrcv(id, &out, sizeof out.text, 7, MSG_COPY | IPC_NOWAIT));
    SHOW(msgrcv(id, &out, sizeof out.text, 1, MSG_COPY));
    SHOW(msgrcv(id, &out, sizeof out.text, 1, MSG_COPY | MSG_EXCEPT | IPC_NOWAIT));
    struct msqid_ds ds;
    SHOW(msgctl(id, IPC_STAT, &ds));
    printf("%lu messages, %lu bytes at most, last by me %d %d\n", (unsigned long)ds.msg_qnum,
           (unsigned long)ds.msg_qbytes, ds.msg_lspid == getpid(), ds.msg_lrpid == getpid());
    ds.msg_qbytes = 100;
    SHOW(msgctl(id, IPC_SET, &ds));
    int sent = 0;
    while (!msgsnd(id, &in, 20, IPC_NOWAIT)) sent++;
    printf("%d more, then %s\n", sent, error_name(errno));
    fflush(stdout);
    pid_t child = fork();
    if (!child) {
        in.type = 77;
        _exit(msgsnd(id, &in, 30, 0) ? errno : 0);
    }
    usleep(20000);
    while (msgrcv(id, &out, sizeof out.text, 0, 0) >= 0 && out.type != 77) {}
    printf("the last is %ld\n", out.type);
    child_ends(child);
    ualarm(200000, 0);
    SHOW(msgrcv(id, &out, sizeof out.text, 0, 0));
    fflush(stdout);
    child = fork();
    if (!child) _exit(msgrcv(id, &out, sizeof out.text, 0, 0) == -1 ? errno == EIDRM : 2);
    usleep(20000);
    SHOW(msgctl(id, IPC_RMID, 0));
    child_ends(child);
    SHOW(msgsnd(id, &in, 1, 0));
    SHOW(msgctl(id, IPC_STAT, &ds));
}

static volatile int told, told_value;
static void on_message(int signal, siginfo_t *info, void *context) {
    (void)signal, (void)context;
    told = info->si_code == SI_MESGQ && info->si_pid == getpid();
    told_value = info->si_value.sival_int;
}

static volatile int told_in_thread;

static void in_thread(union sigval value) { told_in_thread = value.sival_int; }

static void queues(void) {
    char name[32];
    snprintf(name, sizeof name, "/queue-%d", getpid());
    struct mq_attr attr = {0, 2, 16, 0, {0}};
    WORKS(mq_open(name, O_RDWR));
    mqd_t queue = mq_open(name, O_CREAT | O_EXCL | O_RDWR, 0600, &attr);
    WORKS(queue);
    WORKS(mq_open(name, O_CREAT | O_EXCL | O_RDWR, 0600, &attr));
    attr.mq_maxmsg = 0;
    WORKS(mq_open("/another", O_CREAT | O_RDWR, 0600, &attr));
    WORKS(mq_open("/a/b", O_CREAT | O_RDWR, 0600, 0));
    SHOW(mq_getattr(queue, &attr));
    printf("%ld %ld %ld %ld\n", attr.mq_flags, attr.mq_maxmsg, attr.mq_msgsize, attr.mq_curmsgs);
    SHOW(fcntl(queue, F_GETFD));
    SHOW(mq_send(queue, "low", 4, 1));
    SHOW(mq_send(queue, "high", 5, 7));
    SHOW(mq_send(queue, "too long for the queue", 22, 7));
    SHOW(mq_send(queue, "x", 1, 32768));
    struct timespec past = {1, 0}, bad = {1, -1};
    SHOW(mq_timedsend(queue, "x", 1, 0, &past));
    SHOW(mq_timedsend(queue, "x", 1, 0, &bad));
    struct pollfd waiting = {queue, POLLIN | POLLOUT, 0};
    SHOW(poll(&waiting, 1, 0));
    printf("events %x\n", waiting.revents);
    char text[16];
    unsigned priority;
    SHOW(mq_receive(queue, text, 15, &priority));
    SHOW(mq_receive(queue, text, 16, &priority));
    printf("%s %u\n", text, priority);
    SHOW(mq_receive(queue, text, 16, &priority));
    printf("%s %u\n", text, priority);
    SHOW(mq_timedreceive(queue, text, 16, &priority, &past));
    attr.mq_flags = O_NONBLOCK;
    SHOW(mq_setattr(queue, &attr, 0));
    SHOW(mq_receive(queue, text, 16, &priority));
    struct sigaction action = {.sa_sigaction = on_message, .sa_flags = SA_SIGINFO};
    sigaction(SIGUSR1, &action, 0);
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1, .sigev_value.sival_int = 42};
    SHOW(mq_notify(queue, &event));
    SHOW(mq_notify(queue, &event));
    SHOW(mq_send(queue, "a", 2, 0));
    printf("told %d %d\n", told, told_value);
    SHOW(mq_notify(queue, &event));
    SHOW(mq_notify(queue, 0));
    SHOW(mq_receive(queue, text, 16, 0));
    event = (struct sigevent){.sigev_notify = SIGEV_THREAD, .sigev_notify_function = in_thread, .sigev_value.sival_int = 43};
    SHOW(mq_notify(queue, &event));
    SHOW(mq_notify(queue, &event));
    SHOW(mq_send(queue, "t", 2, 0));
    while (!told_in_thread) usleep(1000);
    printf("told %d in a thread\n", told_in_thread);
    SHOW(mq_receive(queue, text, 16, 0));
    // As a libc does it: the bytes of its own come through a netlink socket.
    char cookie[32] = "cookie", came[40];
    int socket_of_it = socket(AF_NETLINK, SOCK_RAW, 0);
    event = (struct sigevent){.sigev_notify = SIGEV_THREAD, .sigev_signo = socket_of_it, .sigev_value.sival_ptr = cookie};
    SHOW(syscall(SYS_mq_notify, queue, &event));
    SHOW(syscall(SYS_mq_notify, queue, 0));
    SHOW(recv(socket_of_it, came, sizeof came, MSG_DONTWAIT));
    printf("%s %d\n", came, came[31]);
    event.sigev_signo = queue;
    SHOW(syscall(SYS_mq_notify, queue, &event));
    event.sigev_signo = 999;
    SHOW(syscall(SYS_mq_notify, queue, &event));
    event.sigev_value.sival_ptr = (void *)1;
    SHOW(syscall(SYS_mq_notify, queue, &event));
    close(socket_of_it);
    struct stat status;
    SHOW(fstat(queue, &status));
    printf("mode %o\n", status.st_mode);
    mqd_t reader = mq_open(name, O_RDONLY | O_NONBLOCK);
    SHOW(mq_send(reader, "a", 2, 0));
    char line[128] = "";
    mq_send(queue, "abc", 3, 0);
    SHOW(read(reader, line, sizeof line - 1) > 0);
    printf("%s", line);
    SHOW(mq_receive(reader, text, 16, 0));
    fflush(stdout);
    attr.mq_flags = 0;
    mq_setattr(queue, &attr, 0);
    pid_t child = fork();
    if (!child) _exit(mq_receive(queue, text, 16, 0) == 6 ? 0 : 1);
    SHOW(mq_send(queue, "child", 6, 0));
    child_ends(child);
    SHOW(mq_unlink(name));
    SHOW(mq_unlink(name));
    SHOW(mq_send(queue, "still", 6, 0));
    SHOW(close(queue));
    SHOW(close(reader));
    struct rlimit none = {100, 100};
    setrlimit(RLIMIT_MSGQUEUE, &none);
    WORKS(mq_open(name, O_CREAT | O_RDWR, 0600, 0));
}

int main(void) {
    semaphores();
    messages();
    queues();
    return 0;
}
