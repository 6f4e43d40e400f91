// A function with a resolver that uses what must be relocated by then.
static int plain(void) { return 10; }
static int better(void) { return 20; }
static int (*choices[])(void) = {plain, better};
static void *resolve(void) { return (void *)choices[1]; }
int from_library(void) __attribute__((ifunc("resolve")));
int (*library_pointer(void))(void) { return from_library; }
