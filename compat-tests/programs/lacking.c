// Asks for a function of glibc's that osv-rs's table does not have, so that the image's own libc must run.
#include <stdio.h>

int __profile_frequency(void);

int main(void) {
    printf("frequency %d\n", __profile_frequency());
    return 0;
}
