// backtrace: in deep calls, through libc, in a signal handler; on stdout are the names that are the program's own.
#include <execinfo.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void show(const char *title) {
    void *addresses[64];
    int count = backtrace(addresses, 64);
    char **lines = backtrace_symbols(addresses, count);
    printf("%s:", title);
    for (int i = 0; i < count; i++) {
        char *open = strchr(lines[i], '('), *plus = open ? strchr(open, '+') : 0;
        if (plus > open + 1 && (!strncmp(open + 1, "step_", 5) || !strncmp(open + 1, "main", 4))) printf(" %.*s", (int)(plus - open - 1), open + 1);
    }
    printf(" whole %d\n", strstr(lines[0], " [0x") != 0 && strchr(lines[0], ']')[1] == 0);
    free(lines);
    printf("%s limited: %d\n", title, backtrace(addresses, 2));
}

__attribute__((noinline)) int step_compare(const void *a, const void *b) {
    static int shown;
    if (!shown++) show("qsort");
    return *(const int *)a - *(const int *)b;
}
__attribute__((noinline)) void step_three(int depth) {
    if (depth == 0) show("deep");
    else step_three(depth - 1);
    __asm__ volatile("");
}
__attribute__((noinline)) void step_two(void) {
    char buffer[100];
    memset(buffer, 0, sizeof buffer);
    step_three(3);
    __asm__ volatile("" : : "r"(buffer) : "memory");
}
void step_handler(int signal) {
    (void)signal;
    show("signal");
}
__attribute__((noinline)) void step_raise(void) {
    raise(SIGUSR1);
    __asm__ volatile("");
}
void *step_thread(void *unused) {
    show("thread");
    return unused;
}

int main(void) {
    int numbers[] = {3, 1, 2};
    pthread_t id;
    step_two();
    qsort(numbers, 3, sizeof(int), step_compare);
    signal(SIGUSR1, step_handler);
    step_raise();
    pthread_create(&id, 0, step_thread, 0);
    pthread_join(id, 0);
    void *here[1];
    backtrace(here, 1);
    fflush(stdout);
    int ends[2];
    char text[4096] = "";
    if (pipe(ends)) return 1;
    backtrace_symbols_fd(here, 1, ends[1]);
    if (read(ends[0], text, sizeof text - 1) <= 0) return 2;
    printf("fd: %d %d\n", strstr(text, "(main+0x") != 0, text[strlen(text) - 1] == '\n');
    return 0;
}
