/* Objects that programs may hold a copy of, and whose functions are Rust: C code reaches them through the GOT, where the
 * linker puts the program's copy. */

unsigned error_message_count;
int error_one_per_line;
void (*error_print_progname)(void);

void (*obstack_alloc_failed_handler)(void);
int obstack_exit_failure = 1;

void *__libc_stack_end;

unsigned long re_syntax_options;

const char _libc_intl_domainname[] = "libc";
