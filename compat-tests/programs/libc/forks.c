// fork while other threads are in the middle of everything: each child finds libc's locks free and what they guard whole.
#define _GNU_SOURCE
#include <errno.h>
#include <libintl.h>
#include <locale.h>
#include <netdb.h>
#include <pthread.h>
#include <pwd.h>
#include <semaphore.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

static volatile int over;
static int handlers[3];

static void in_malloc(void) {
    void *held[16];
    for (int index = 0; index < 16; index++) held[index] = malloc(16 << index);
    for (int index = 0; index < 16; index++) free(held[index]);
}
static void in_stdio(void) {
    char line[32];
    FILE *file = fopen("/dev/null", "r+");
    setvbuf(file, 0, _IOFBF, 64);
    fprintf(file, "%d and more than fits into its buffer, so that it is written\n", 42);
    fflush(0);
    fclose(file);
    FILE *memory = fmemopen(line, sizeof line, "w");
    fprintf(memory, "%s", "x");
    fclose(memory);
}
static void in_keys(void) {
    pthread_key_t key;
    if (pthread_key_create(&key, free)) return;
    pthread_setspecific(key, malloc(8));
    free(pthread_getspecific(key));
    pthread_setspecific(key, 0);
    pthread_key_delete(key);
}
static void in_random(void) { for (int turn = 0; turn < 50; turn++) random(), rand(); }
static void in_locale(void) {
    setlocale(LC_ALL, "C");
    freelocale(newlocale(LC_ALL_MASK, "C.UTF-8", 0));
    bindtextdomain("none", "/nowhere");
    gettext("text");
}
static void in_time(void) {
    time_t now = 86400;
    struct tm parts;
    tzset();
    localtime_r(&now, &parts);
    mktime(&parts);
}
static void in_netdb(void) {
    struct protoent entry, *found;
    struct passwd account, *user;
    char room[4096];
    getprotobyname_r("tcp", &entry, room, sizeof room, &found);
    getpwnam_r("root", &account, room, sizeof room, &user);
}
static void in_log(void) { setlogmask(LOG_UPTO(LOG_ERR)); syslog(LOG_DEBUG, "not sent"); }
static void nothing(void) {}
static void in_exit(void) { if (handlers[0] < 200) pthread_atfork(0, 0, 0), handlers[0]++; }
static void in_threads(void) {
    pthread_t thread;
    if (pthread_create(&thread, 0, (void *(*)(void *))in_malloc, 0) == 0) pthread_join(thread, 0);
}
static void in_stdout(void) { flockfile(stdin); usleep(100); funlockfile(stdin); }

static void (*const areas[])(void) = {in_malloc, in_stdio, in_keys, in_random, in_locale, in_time, in_netdb, in_log, in_exit, in_threads, in_stdout};
enum { AREAS = sizeof areas / sizeof *areas };

static void *hammer(void *area) {
    while (!over) areas[(long)area](), usleep(50);
    return 0;
}
static void before(void) { handlers[1]++; }
static void in_parent(void) { handlers[2]++; }
// A handler that registers another must not wait for the list that it stands in.
static void registers(void) { static int done; if (!done) done = 1, pthread_atfork(nothing, nothing, nothing); }

int main(void) {
    pthread_t threads[AREAS];
    pthread_atfork(before, in_parent, nothing);
    pthread_atfork(registers, registers, registers);
    for (long area = 0; area < AREAS; area++) pthread_create(&threads[area], 0, hammer, (void *)area);
    enum { FORKS = 60 };
    int wrong = 0;
    for (int round = 0; round < FORKS; round++) {
        pid_t child = fork();
        if (child == 0) {
            // A lock that stays held ends the child by this signal.
            alarm(20);
            for (int area = 0; area < AREAS; area++) areas[area]();
            flockfile(stdin), funlockfile(stdin);
            flockfile(stdout), funlockfile(stdout);
            atexit(nothing);
            if (round % 10 == 0) {
                // And it may fork, and make threads, again.
                pid_t grandchild = fork();
                if (grandchild == 0) _exit(7);
                int status;
                if (waitpid(grandchild, &status, 0) != grandchild || WEXITSTATUS(status) != 7) _exit(1);
            }
            _exit(0);
        }
        int status = -1;
        if (waitpid(child, &status, 0) != child || status != 0) wrong++, printf("round %d: status %x\n", round, status);
    }
    over = 1;
    for (int area = 0; area < AREAS; area++) pthread_join(threads[area], 0);
    printf("%d of %d children failed; handlers ran %d and %d times\n", wrong, FORKS, handlers[1], handlers[2]);
    return 0;
}
