// To be preloaded: counts allocations, and hides a variable, by what comes next in the scope.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stddef.h>
#include <string.h>

static int counted;
int allocations(void) { return counted; }
// An allocator keeps what it knows of a thread under a key, and is not to be entered again for that.
static int in_specific, nested;
int nested_allocations(void) { return nested; }
static void remember_thread(void) {
    static int made;
    static pthread_key_t key;
    if (in_specific) {
        nested++;
        return;
    }
    in_specific = 1;
    if (!made) made = pthread_key_create(&key, 0) == 0;
    pthread_setspecific(key, &counted);
    in_specific = 0;
}
void *calloc(size_t count, size_t size) {
    static void *(*next)(size_t, size_t);
    if (!next) next = (void *(*)(size_t, size_t))dlsym(RTLD_NEXT, "calloc");
    remember_thread();
    return next(count, size);
}
void *malloc(size_t size) {
    remember_thread();
    static void *(*next)(size_t);
    if (!next) next = (void *(*)(size_t))dlsym(RTLD_NEXT, "malloc");
    counted++;
    return next(size);
}
void *realloc(void *block, size_t size) {
    static void *(*next)(void *, size_t);
    if (!next) next = (void *(*)(void *, size_t))dlsym(RTLD_NEXT, "realloc");
    counted++;
    return next(block, size);
}
char *getenv(const char *name) {
    static char *(*next)(const char *);
    if (!next) next = (char *(*)(const char *))dlsym(RTLD_NEXT, "getenv");
    return strcmp(name, "HIDDEN") ? next(name) : "hidden";
}
