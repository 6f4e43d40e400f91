// Opens argv[1] and stops where a debugger may look.
#include <dlfcn.h>
int get_shared(void);
__attribute__((noinline)) int stop_here(int value) {
    __asm__ volatile("");
    return value;
}
int main(int argc, char **argv) {
    void *handle = argc > 1 ? dlopen(argv[1], RTLD_NOW) : 0;
    int result = stop_here(get_shared() != 5);
    return !handle || dlclose(handle) || result;
}
