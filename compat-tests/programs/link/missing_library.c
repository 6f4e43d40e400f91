// With a function, or without.
int other_function(void) { return 1; }
#ifdef WITH
int gone_function(void) { return 2; }
#endif
