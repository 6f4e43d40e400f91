/* Cancellation: a thread that sleeps in a call, one that was asked before it calls, one that had it disabled, one whose
 * handler runs above the call, and many that are asked at any moment of a busy loop. Prints `cancel ok`. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHECK(condition) \
    do { \
        if (!(condition)) { \
            printf("line %d: %s\n", __LINE__, #condition); \
            exit(1); \
        } \
    } while (0)

static int ends[2];
static volatile int cleaned, reached, handled;

static void clean(void *argument) { cleaned += *(int *)argument; }

static void *sleeper(void *argument)
{
    char byte;
    pthread_cleanup_push(clean, argument);
    reached = 1;
    read(ends[0], &byte, 1);
    pthread_cleanup_pop(0);
    return NULL;
}

static void *asked_before(void *argument)
{
    int one = 1;
    char byte = 0;
    pthread_cleanup_push(clean, &one);
    pthread_cancel(pthread_self());
    /* Not a cancellation point; then one that would not have to wait. */
    getppid();
    reached = 2;
    write(ends[1], &byte, 1);
    pthread_cleanup_pop(0);
    return argument;
}

static void *disabled(void *argument)
{
    char byte = 'd';
    int old;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old);
    pthread_cancel(pthread_self());
    CHECK(write(ends[1], &byte, 1) == 1 && read(ends[0], &byte, 1) == 1 && byte == 'd');
    CHECK(close(-1) == -1 && errno == EBADF);
    reached = 3;
    pthread_setcancelstate(old, NULL);
    pthread_testcancel();
    return argument;
}

static void on_signal(int number)
{
    (void)number;
    handled = 1;
    while (handled != 2) sched_yield();
}

static void *busy(void *argument)
{
    char byte = 0;
    for (;;) CHECK(pread(ends[0], &byte, 1, 0) == -1 && errno == ESPIPE);
    return argument;
}

static void *begin(pthread_t *thread, void *(*run)(void *), void *argument)
{
    reached = 0;
    CHECK(pthread_create(thread, NULL, run, argument) == 0);
    return thread;
}

static void expect(pthread_t thread, void *expected)
{
    void *result = NULL;
    CHECK(pthread_join(thread, &result) == 0);
    CHECK(result == expected);
}

static void until_asleep(void)
{
    while (!reached) sched_yield();
    usleep(20000);
}

int main(void)
{
    pthread_t thread;
    int one = 1;
    struct sigaction action = { .sa_handler = on_signal };
    CHECK(pipe(ends) == 0);
    sigaction(SIGUSR1, &action, NULL);

    begin(&thread, sleeper, &one);
    until_asleep();
    CHECK(pthread_cancel(thread) == 0);
    expect(thread, PTHREAD_CANCELED);
    CHECK(cleaned == 1);

    begin(&thread, asked_before, NULL);
    expect(thread, PTHREAD_CANCELED);
    CHECK(cleaned == 2 && reached == 2);

    begin(&thread, disabled, NULL);
    expect(thread, PTHREAD_CANCELED);
    CHECK(reached == 3);

    /* The request arrives while a handler runs above the call: it takes effect when the handler is left. */
    begin(&thread, sleeper, &one);
    until_asleep();
    CHECK(pthread_kill(thread, SIGUSR1) == 0);
    while (handled != 1) sched_yield();
    CHECK(pthread_cancel(thread) == 0);
    handled = 2;
    expect(thread, PTHREAD_CANCELED);
    CHECK(cleaned == 3);

    for (int i = 0; i < 200; i++) {
        begin(&thread, busy, NULL);
        for (int turns = 0; turns < i % 7; turns++) sched_yield();
        CHECK(pthread_cancel(thread) == 0);
        expect(thread, PTHREAD_CANCELED);
    }
    puts("cancel ok");
    return 0;
}
