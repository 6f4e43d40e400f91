// Calls a function that its library had when it was linked, if there is an argument.
#include <stdio.h>
int gone_function(void);
int other_function(void);
int main(int argc, char **argv) {
    (void)argv;
    if (other_function() != 1) return 1;
    puts("not called");
    fflush(stdout);
    return argc > 1 ? gone_function() : 0;
}
