// A library that tells of its constructors and destructors. NAME is its name; TAIL is a library that it needs.
#include <stdio.h>
#include <stdlib.h>

#define TEXT2(x) #x
#define TEXT(x) TEXT2(x)
#define JOIN2(a, b) a##_##b
#define JOIN(a, b) JOIN2(a, b)

static void say(const char *what) { printf("%s %s\n", TEXT(NAME), what); }

static void with_arguments(int argc, char **argv, char **envp) {
    printf("%s init_array argc=%d argv=%d envp=%d\n", TEXT(NAME), argc, argv != 0 && argv[argc] == 0, envp != 0);
}
__attribute__((section(".init_array"), used)) static void *entry = with_arguments;

__attribute__((constructor(101))) static void early(void) { say("constructor 101"); }
__attribute__((constructor(102))) static void later(void) { say("constructor 102"); }
__attribute__((destructor(101))) static void last(void) { say("destructor 101"); }
__attribute__((destructor(102))) static void first(void) { say("destructor 102"); }
static void at_exit(void) { say("atexit"); }
void JOIN(use, NAME)(void) {
    say("used");
    atexit(at_exit);
}
void use(void) { say("used by its common name"); }
#ifdef TAIL
void JOIN(use, TAIL)(void);
void JOIN(chain, NAME)(void) { JOIN(use, TAIL)(); }
#endif
