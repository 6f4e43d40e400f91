// Threads and locks.
#include "show.h"
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static pthread_rwlock_t shared = PTHREAD_RWLOCK_INITIALIZER;
static pthread_barrier_t barrier;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static sem_t semaphore;
static long counter, turn, destroyed, inits, serials, readers;

#define RESULT(expression) printf("%s: %s\n", #expression, error_name(expression))

static void *count_up(void *unused) {
    for (int i = 0; i < 20000; i++) {
        pthread_mutex_lock(&lock);
        counter++;
        pthread_mutex_unlock(&lock);
    }
    return unused;
}
static void *take_turns(void *which) {
    long me = (long)which;
    for (int i = 0; i < 500; i++) {
        pthread_mutex_lock(&lock);
        while (turn != me) pthread_cond_wait(&changed, &lock);
        turn = !me;
        pthread_cond_signal(&changed);
        pthread_mutex_unlock(&lock);
    }
    return 0;
}
static void initialise(void) { inits++; }
static void destroy(void *value) { destroyed += (long)value; }
static void *meet(void *value) {
    pthread_once(&once, initialise);
    pthread_setspecific(key, value);
    for (int i = 0; i < 100; i++)
        if (pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD) __sync_fetch_and_add(&serials, 1);
    pthread_rwlock_rdlock(&shared);
    __sync_fetch_and_add(&readers, 1);
    pthread_rwlock_unlock(&shared);
    sem_post(&semaphore);
    return value;
}
static void *die_holding(void *mutex) {
    pthread_mutex_lock(mutex);
    return 0;
}
static void *wait_for_ever(void *unused) {
    for (;;) pause();
    return unused;
}
static long cleaned;
static void cleanup(void *value) { cleaned = (long)value; }
static void *be_cancelled(void *unused) {
    pthread_cleanup_push(cleanup, (void *)5);
    for (;;) sleep(1);
    pthread_cleanup_pop(0);
    return unused;
}

static struct timespec soon(clockid_t clock) {
    struct timespec at;
    clock_gettime(clock, &at);
    at.tv_nsec += 10000000;
    if (at.tv_nsec >= 1000000000) at.tv_sec++, at.tv_nsec -= 1000000000;
    return at;
}

static void together(void) {
    pthread_t threads[8];
    for (int i = 0; i < 8; i++) pthread_create(&threads[i], 0, count_up, 0);
    for (int i = 0; i < 8; i++) pthread_join(threads[i], 0);
    SHOW(counter);
    for (long i = 0; i < 2; i++) pthread_create(&threads[i], 0, take_turns, (void *)i);
    for (int i = 0; i < 2; i++) pthread_join(threads[i], 0);
    SHOW(turn);
    pthread_barrier_init(&barrier, 0, 4);
    pthread_key_create(&key, destroy);
    sem_init(&semaphore, 0, 0);
    pthread_rwlock_wrlock(&shared);
    for (long i = 0; i < 4; i++) pthread_create(&threads[i], 0, meet, (void *)(i + 1));
    usleep(20000);
    SHOW(readers);
    pthread_rwlock_unlock(&shared);
    long sum = 0;
    for (int i = 0; i < 4; i++) {
        void *value;
        sem_wait(&semaphore);
        pthread_join(threads[i], &value);
        sum += (long)value;
    }
    printf("sum: %ld destroyed %ld initialised %ld serial %ld readers %ld\n", sum, destroyed, inits, serials, readers);
}

static void kinds_of_locks(void) {
    pthread_mutexattr_t attributes;
    pthread_mutex_t mutex;
    pthread_t thread;
    struct timespec at;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ERRORCHECK);
    pthread_mutex_init(&mutex, &attributes);
    RESULT(pthread_mutex_unlock(&mutex));
    RESULT(pthread_mutex_lock(&mutex));
    RESULT(pthread_mutex_lock(&mutex));
    RESULT(pthread_mutex_trylock(&mutex));
    RESULT(pthread_mutex_destroy(&mutex));
    RESULT(pthread_mutex_unlock(&mutex));
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&mutex, &attributes);
    RESULT(pthread_mutex_lock(&mutex));
    RESULT(pthread_mutex_trylock(&mutex));
    RESULT(pthread_mutex_unlock(&mutex));
    RESULT(pthread_mutex_unlock(&mutex));
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_NORMAL);
    pthread_mutex_init(&mutex, &attributes);
    pthread_create(&thread, 0, die_holding, &mutex);
    pthread_join(thread, 0);
    RESULT(pthread_mutex_lock(&mutex));
    RESULT(pthread_mutex_consistent(&mutex));
    RESULT(pthread_mutex_unlock(&mutex));
    pthread_mutex_lock(&lock);
    at = soon(CLOCK_REALTIME);
    RESULT(pthread_mutex_timedlock(&lock, &at));
    at = soon(CLOCK_REALTIME);
    RESULT(pthread_cond_timedwait(&changed, &lock, &at));
    pthread_mutex_unlock(&lock);
    at = soon(CLOCK_REALTIME);
    SHOW(sem_timedwait(&semaphore, &at));
    SHOW(sem_trywait(&semaphore));
    RESULT(pthread_rwlock_rdlock(&shared));
    RESULT(pthread_rwlock_trywrlock(&shared));
    RESULT(pthread_rwlock_tryrdlock(&shared));
    pthread_rwlock_unlock(&shared);
    pthread_rwlock_unlock(&shared);
}

static void ends(void) {
    pthread_t thread;
    void *value;
    pthread_create(&thread, 0, be_cancelled, 0);
    usleep(10000);
    RESULT(pthread_cancel(thread));
    RESULT(pthread_join(thread, &value));
    SHOW(value == PTHREAD_CANCELED);
    SHOW(cleaned);
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    RESULT(pthread_attr_setstacksize(&attributes, 100));
    RESULT(pthread_attr_setstacksize(&attributes, 256 << 10));
    RESULT(pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED));
    RESULT(pthread_create(&thread, &attributes, wait_for_ever, 0));
    RESULT(pthread_kill(thread, 0));
    RESULT(pthread_kill(thread, 65));
    RESULT(pthread_kill(pthread_self(), 0));
}

static void raw_futex(void) {
    int word = 0;
    struct timespec limit = {0, 10000000}, bad = {0, 2000000000};
    SHOW(syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 1, 0, 0, 0));
    SHOW(syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, &limit, 0, 0));
    SHOW(syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, &bad, 0, 0));
    SHOW(syscall(SYS_futex, &word, FUTEX_WAIT_BITSET_PRIVATE, 0, &limit, 0, 0));
    SHOW(syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, INT_MAX, 0, 0, 0));
    SHOW(syscall(SYS_futex, (char *)&word + 1, FUTEX_WAKE_PRIVATE, 1, 0, 0, 0));
    SHOW(syscall(SYS_futex, &word, 99, 1, 0, 0, 0));
    SHOW(syscall(SYS_futex, &word, FUTEX_CMP_REQUEUE_PRIVATE, 1, 1L, &word + 1, 7));
    SHOW(syscall(SYS_set_robust_list, &word, 3));
}

int main(void) {
    setvbuf(stdout, 0, _IONBF, 0);
    together();
    kinds_of_locks();
    ends();
    raw_futex();
    SHOW(sched_yield());
    puts("end");
    // With a thread still waiting: the end of the process is the end of all.
    return 0;
}
