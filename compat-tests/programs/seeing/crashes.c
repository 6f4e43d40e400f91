/* Dies of its own fault, three calls deep; seeing.rs reads what is said about it. */
#include <unistd.h>

__attribute__((noipa)) static int boom(volatile int *at)
{
    return *at + 1;
}

__attribute__((noipa)) static int middle(volatile int *at)
{
    return boom(at) + 1;
}

int main(int argc, char **argv)
{
    (void)argv;
    if (write(1, "crashing\n", 9) != 9)
        return 1;
    return middle((volatile int *)(argc * 0x1230ul)) + 1;
}
