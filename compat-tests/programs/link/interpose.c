// Memory of libc's own, taken from and given back to the malloc that the program's scope has.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(void) {
    int (*count)(void) = (int (*)(void))dlsym(RTLD_DEFAULT, "allocations");
    printf("interposed %d\n", count != 0);
    int before = count ? count() : 0;
    char *copy = strdup("text");
    char *line = 0;
    if (asprintf(&line, "%s-%d", copy, 5) < 0) return 1;
    printf("%s %s\n", copy, line);
    printf("strdup and asprintf came from it: %d\n", count ? count() - before >= 2 : 0);
    free(copy);
    free(line);
    int (*nested)(void) = (int (*)(void))dlsym(RTLD_DEFAULT, "nested_allocations");
    printf("allocations for a thread's values: %d\n", nested ? nested() : 0);
    void *aligned = 0;
    printf("%d %d\n", posix_memalign(&aligned, 256, 100), ((unsigned long)aligned & 255) == 0);
    free(aligned);
    printf("getenv through the library: %s\n", getenv("HIDDEN") ? getenv("HIDDEN") : "none");
    return 0;
}
