// Functions whose addresses resolvers give, and packed relative relocations.
#include <dlfcn.h>
#include <stdio.h>

static int first(void) { return 1; }
static int second(void) { return 2; }
static int calls;
static int (*const functions[])(void) = {first, second, first, second, first};
static const char *const texts[] = {"a", "b", "c", "d", "e", "f", "g", "h"};
static const char *const *const pointers[] = {texts, texts + 3, texts + 7};

static void *resolve(void) {
    __builtin_cpu_init();
    return __builtin_cpu_supports("sse2") ? (void *)second : (void *)first;
}
int chosen(void) __attribute__((ifunc("resolve")));
int from_library(void);
int (*library_pointer(void))(void);

int main(int argc, char **argv) {
    (void)argc;
    for (int i = 0; i < 5; i++) calls += functions[i]();
    printf("%d %s %s %s\n", calls, *pointers[0], *pointers[1], *pointers[2]);
    int (*pointer)(void) = chosen;
    printf("%d %d\n", chosen(), pointer());
    printf("%d %d %d\n", from_library(), library_pointer()(), library_pointer() == from_library);
    int (*found)(void) = (int (*)(void))dlsym(RTLD_DEFAULT, "from_library");
    printf("%d\n", found == 0 ? -1 : found());
    char path[4096];
    snprintf(path, sizeof path, "%s/libindirect_plugin.so", argv[1]);
    void *handle = dlopen(path, RTLD_NOW);
    int (*plugin)(void) = handle ? (int (*)(void))dlsym(handle, "from_library") : 0;
    printf("%d\n", plugin ? plugin() : -1);
    return 0;
}
