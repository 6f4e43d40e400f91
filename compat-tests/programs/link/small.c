// Small libraries; WHAT says which.
#include <dlfcn.h>
#define other 1
#define needy 2
#define undefined 3
#define deep 4
#define asks 5
#define hidden 6
#define provider 7
#define user 8
#if WHAT == other
int other_value = 3;
#elif WHAT == needy
int from_nowhere(void);
int needs(void) { return from_nowhere(); }
#elif WHAT == undefined
int defined_nowhere(void);
int calls(void) { return defined_nowhere(); }
#elif WHAT == deep
int exported(void) { return 5; }
int which(void) { return exported(); }
#elif WHAT == asks
int ask(void) {
    void *found = dlopen("libhidden.so", RTLD_NOW);
    int (*value)(void) = found ? (int (*)(void))dlsym(found, "hidden_value") : 0;
    return value ? value() : -2;
}
#elif WHAT == hidden
int hidden_value(void) { return 66; }
#elif WHAT == provider
int provided(void) { return 12; }
#elif WHAT == user
int provided(void);
int use_provided(void) { return provided(); }
#endif
