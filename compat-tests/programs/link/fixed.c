// A program at a fixed address that holds copies of libc's and a library's data, under more than one name.
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern char **environ;
extern char **__environ;
extern int shared, shared_alias;
extern const char *table[];
int get_shared(void);
void set_shared(int value);
int (*pointer_to_function(void))(void);

int main(int argc, char **argv) {
    (void)argc;
    printf("environ %d\n", environ == __environ && getenv("PATH") != 0);
    setenv("LINK_TEST", "set", 1);
    int seen = 0;
    for (char **entry = environ; *entry; entry++) seen |= !strcmp(*entry, "LINK_TEST=set");
    printf("setenv is seen in the copy: %d\n", seen);
    printf("name %d %d\n", !strcmp(program_invocation_name, argv[0]), !strcmp(program_invocation_short_name, strrchr(argv[0], '/') + 1));
    printf("copy %d %d\n", shared, shared_alias);
    set_shared(7);
    printf("written by the library %d, by an alias %d\n", shared, &shared == &shared_alias ? 7 : shared_alias);
    shared = 9;
    printf("written by the program %d\n", get_shared());
    printf("relocated copy %s %s\n", table[0], table[1]);
    printf("one address of a function %d\n", pointer_to_function() == get_shared);
    fprintf(stdout, "stdout %d\n", fileno(stdout));
    return 0;
}
