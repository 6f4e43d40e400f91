// fork while other threads open, close, look up, and make threads; the child does the same. argv[1] is where plug-ins are.
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static char path[4096];
static int stop;

static void *nothing(void *unused) { return unused; }

static void *work(void *unused) {
    (void)unused;
    while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
        void *handle = dlopen(path, RTLD_NOW);
        long (*next)(void) = handle ? (long (*)(void))dlsym(handle, "next") : 0;
        pthread_t id;
        if (!next || next() == 0) abort();
        if (pthread_create(&id, 0, nothing, 0) == 0) pthread_join(id, 0);
        free(malloc(1000));
        dlsym(handle, "nothing");
        if (!dlerror()) abort();
        dlclose(handle);
    }
    return 0;
}

int main(int argc, char **argv) {
    (void)argc;
    pthread_t threads[2];
    int good = 0;
    snprintf(path, sizeof path, "%s/libdynamic.so", argv[1]);
    for (int i = 0; i < 2; i++) pthread_create(&threads[i], 0, work, 0);
    for (int i = 0; i < 60; i++) {
        int status = 0;
        pid_t child = fork();
        if (child == 0) {
            alarm(20);
            void *handle = dlopen(path, RTLD_NOW);
            long (*next)(void) = handle ? (long (*)(void))dlsym(handle, "next") : 0;
            pthread_t id;
            void *result = 0;
            int made = pthread_create(&id, 0, nothing, path);
            if (!made) pthread_join(id, &result);
            _exit(next && next() > 0 && dlclose(handle) == 0 && result == path ? 7 : 8);
        }
        waitpid(child, &status, 0);
        if (WIFEXITED(status) && WEXITSTATUS(status) == 7) good++;
        else printf("status %#x\n", status);
    }
    __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
    for (int i = 0; i < 2; i++) pthread_join(threads[i], 0);
    printf("%d children of 60\n", good);
    return 0;
}
