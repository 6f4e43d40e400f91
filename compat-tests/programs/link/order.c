// Constructors and destructors of a program, what it needs and what it opens; argv[1] is where plug-ins are.
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void use_low(void);
void chain_high(void);

__attribute__((constructor)) static void begin(void) { puts("program constructor"); }
__attribute__((destructor)) static void end(void) { puts("program destructor"); }
static void at_exit(void) { puts("program atexit"); }

static void *open_in(const char *folder, const char *name) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!handle) printf("not opened: %s\n", name);
    return handle;
}

int main(int argc, char **argv) {
    atexit(at_exit);
    use_low();
    chain_high();
    void *first = open_in(argv[1], "libfirst.so");
    void *second = open_in(argv[1], "libsecond.so");
    void *third = open_in(argv[1], "libfirst.so");
    printf("one handle: %d\n", first == third);
    ((void (*)(void))dlsym(second, "use_second"))();
    ((void (*)(void))dlsym(first, "use_first"))();
    printf("close 1: %d\n", dlclose(first));
    printf("close 2: %d\n", dlclose(third));
    puts("reopen");
    first = open_in(argv[1], "libfirst.so");
    ((void (*)(void))dlsym(first, "use"))();
    puts("exit");
    return argc == 2 ? 0 : 1;
}
