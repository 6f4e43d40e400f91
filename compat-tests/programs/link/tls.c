// Libraries with TLS, opened while threads live; argv[1] is where they are.
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

_Thread_local int own = 5;
static long (*next)(void);
static long *(*address)(void);
static pthread_barrier_t barrier;

static void *thread(void *argument) {
    long sum = 0;
    own += (int)(long)argument;
    for (int round = 0; round < 4; round++) {
        pthread_barrier_wait(&barrier);
        pthread_barrier_wait(&barrier);
        if (next) sum = sum * 7 + next() + next() + *address() + own;
        pthread_barrier_wait(&barrier);
    }
    return (void *)sum;
}

static void *late(void *argument) {
    (void)argument;
    return (void *)next();
}

int main(int argc, char **argv) {
    static const char *const names[] = {"libdynamic.so", "libdescriptor.so", "libinitial.so", "libdynamic.so"};
    pthread_t threads[3], other;
    (void)argc;
    pthread_barrier_init(&barrier, 0, 4);
    for (long i = 0; i < 3; i++) pthread_create(&threads[i], 0, thread, (void *)i);
    for (int round = 0; round < 4; round++) {
        char path[4096];
        void *result, *handle;
        snprintf(path, sizeof path, "%s/%s", argv[1], names[round]);
        handle = dlopen(path, RTLD_NOW);
        if (!handle) {
            printf("%s\n", dlerror());
            return 1;
        }
        next = (long (*)(void))dlsym(handle, "next");
        address = (long *(*)(void))dlsym(handle, "address_of_counter");
        pthread_barrier_wait(&barrier);
        pthread_barrier_wait(&barrier);
        pthread_barrier_wait(&barrier);
        pthread_create(&other, 0, late, 0);
        pthread_join(other, &result);
        long *counter = dlsym(handle, "counter");
        printf("%s main %ld new thread %ld dlsym %d\n", names[round], next(), (long)result, counter == address());
        next = 0;
        dlclose(handle);
    }
    for (int i = 0; i < 3; i++) {
        void *result;
        pthread_join(threads[i], &result);
        printf("thread %d: %ld\n", i, (long)result);
    }
    printf("own %d\n", own);
    return 0;
}
