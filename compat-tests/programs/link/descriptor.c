// The first use of a TLS descriptor keeps every register: vector registers hold values across it.
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

// From the library: reads its thread-local by descriptor with all of these registers full; non-zero when one changed.
typedef int (*check)(void);

static void *thread(void *function) { return (void *)(long)((check)function)(); }

int main(int argc, char **argv) {
    (void)argc;
    char path[4096];
    snprintf(path, sizeof path, "%s/libkeeps.so", argv[1]);
    void *handle = dlopen(path, RTLD_NOW);
    if (!handle) return puts(dlerror()), 1;
    check keeps = (check)dlsym(handle, "keeps");
    printf("main: %d", keeps());
    printf(" %d\n", keeps());
    for (int i = 0; i < 3; i++) {
        pthread_t id;
        void *result;
        pthread_create(&id, 0, thread, keeps);
        pthread_join(id, &result);
        printf("thread: %ld\n", (long)result);
    }
    return 0;
}
