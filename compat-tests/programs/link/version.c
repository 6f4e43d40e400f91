// Wants a version of strlen that is not there yet.
#include <stdio.h>
#include <string.h>
int main(int argc, char **argv) {
    (void)argv;
    printf("%d\n", (int)strlen(argc > 99 ? argv[1] : "four"));
    return 0;
}
