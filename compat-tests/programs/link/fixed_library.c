// Data that a program copies.
int shared = 5;
extern int shared_alias __attribute__((alias("shared")));
static const char one[] = "one", two[] = "two";
const char *table[] = {one, two};
int get_shared(void) { return shared; }
void set_shared(int value) { shared = value; }
int (*pointer_to_function(void))(void) { return get_shared; }
