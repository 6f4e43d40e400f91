// Thread-local storage in a library: in which model, the compiler's flags say.
#include <stdalign.h>
static _Thread_local char small = 3;
_Thread_local long counter = 40;
_Thread_local long zeroed;
alignas(64) _Thread_local char aligned[64] = {7};
long *address_of_counter(void) { return &counter; }
long next(void) {
    small++;
    zeroed += 2;
    return ++counter * 1000 + zeroed * 10 + small + (((unsigned long)aligned & 63) ? 100000 : aligned[0]);
}
