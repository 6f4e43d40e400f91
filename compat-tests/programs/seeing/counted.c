/* Calls libc in ways that a count of its functions could disturb; seeing.rs knows how often it calls which. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <math.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static jmp_buf out;
static int compared;

static int compare(const void *a, const void *b)
{
    if (++compared == 3)
        longjmp(out, 7);
    return *(const int *)a - *(const int *)b;
}

static void *looks_up(void *name)
{
    return getenv(name);
}

int main(void)
{
    char text[256], host[64], port[16];
    int a, b, c, d, e, f, g, status;
    int numbers[] = {5, 4, 3, 2, 1};
    struct sockaddr_in loopback = {.sin_family = AF_INET, .sin_port = htons(80), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    pthread_t thread;
    void *found = "";
    pid_t pid;
    long double (*volatile sign)(long double, long double) = copysignl;
    char *(*volatile by_name)(const char *);

    /* Arguments in registers of both kinds and on the stack. */
    snprintf(text, sizeof text, "%d %s %.1f %d %d %d %.2f %d %d %.1Lf %c", 1, "two", 3.0, 4, 5, 6, 7.25, 8, 9, 10.5L, 'z');
    if (strcmp(text, "1 two 3.0 4 5 6 7.25 8 9 10.5 z") != 0)
        return 10;
    if (sscanf("1 2 3 4 5 6 7", "%d %d %d %d %d %d %d", &a, &b, &c, &d, &e, &f, &g) != 7 || a != 1 || e != 5 || g != 7)
        return 11;
    if (sign(4, -1) != -4 || syscall(SYS_getppid, 0, 0, 0, 0, 0, 0) != getppid())
        return 12;
    if (getnameinfo((void *)&loopback, sizeof loopback, host, sizeof host, port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV) != 0
        || strcmp(host, "127.0.0.1") != 0 || strcmp(port, "80") != 0)
        return 13;
    /* Out of a function that calls back, and of one that returns twice. */
    if (setjmp(out) == 0) {
        qsort(numbers, 5, sizeof *numbers, compare);
        return 14;
    }
    if (compared != 3)
        return 15;
    if ((pid = vfork()) == 0)
        _exit(5);
    if (waitpid(pid, &status, 0) != pid || WEXITSTATUS(status) != 5)
        return 16;
    /* By name, on a thread, in a child: nine calls of getenv. */
    by_name = (char *(*)(const char *))dlsym(RTLD_DEFAULT, "getenv");
    if (by_name == NULL || by_name("no such variable") != NULL || by_name != getenv)
        return 17;
    if (pthread_create(&thread, NULL, looks_up, "no such variable") != 0 || pthread_join(thread, &found) != 0 || found != NULL)
        return 18;
    if ((pid = fork()) == 0) {
        for (a = 0; a < 6; a++)
            getenv("no such variable");
        _exit(0);
    }
    if (waitpid(pid, &status, 0) != pid || status != 0)
        return 19;
    usleep(20000);
    printf("counted %s\n", getenv("no such variable") ? "wrongly" : "well");
    return 0;
}
