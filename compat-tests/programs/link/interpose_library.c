// To be preloaded: counts allocations, and hides a variable, by what comes next in the scope.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stddef.h>
#include <string.h>

static int counted;
int allocations(void) { return counted; }
void *malloc(size_t size) {
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
