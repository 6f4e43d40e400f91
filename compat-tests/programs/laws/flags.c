// Law 3: a call applies no flag mask, so the kernel must treat DF, NT and TF on entry; a trap restores them. A copy by
// the kernel with DF set would run backwards, an interrupt's return with NT set would fault, and with TF set every
// instruction of the kernel would trap.
#include "law.h"

static int ends[2];
static volatile long steps;
static void step(int signo, siginfo_t *info, void *context) {
    (void)signo, (void)info, (void)context;
    steps++;
}

// read(fd, buffer, 4096) with `flags` set, by call or, where `entry` is null, by trap. The flags after it go to `after`.
long flagged_read(void *entry, int fd, char *buffer, unsigned long flags, unsigned long *after);
__asm__(
    "flagged_read:\n"
    "push %rbx\n push %rbp\n push %r12\n sub $16, %rsp\n"
    "mov %rdi, %rbx\n mov %r8, %rbp\n mov %rcx, %r12\n"
    "mov %esi, %edi\n mov %rdx, %rsi\n mov $4096, %edx\n xor %eax, %eax\n"
    "test %rbx, %rbx\n"
    "push %r12\n jz 1f\n popfq\n call *%rbx\n jmp 2f\n"
    "1: popfq\n syscall\n"
    "2: pushfq\n push $0x202\n popfq\n pop (%rbp)\n"
    "add $16, %rsp\n pop %r12\n pop %rbp\n pop %rbx\n ret\n");

int main(void) {
    static char out[PAGE], in[PAGE];
    static const struct {
        const char *name;
        unsigned long bits;
    } cases[] = {{"none", 0}, {"DF", 0x400}, {"NT", 0x4000}, {"DF and NT", 0x4400}, {"TF", 0x100}, {"AC", 0x40000}};
    CHECK(!pipe(ends), "pipe: %s", strerror(errno));
    handle(SIGTRAP, step, 0);
    for (size_t i = 0; i < PAGE; i++) out[i] = i * 7 + i / 256;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (int call = 0; call <= (vector() != 0); call++) {
            unsigned long after = 0;
            memset(in, 0, PAGE);
            CHECK(write(ends[1], out, PAGE) == (long)PAGE, "write: %s", strerror(errno));
            void *entry = call ? (void *)vector()[SYS_read] : 0;
            long got = flagged_read(entry, ends[0], in, 0x202 | cases[i].bits, &after);
            CHECK(got == (long)PAGE, "%s, %s: read gave %ld", cases[i].name, call ? "call" : "trap", got);
            CHECK(!memcmp(in, out, PAGE), "%s, %s: the copy is wrong", cases[i].name, call ? "call" : "trap");
            CHECK(after & 0x200, "%s, %s: interrupts are off", cases[i].name, call ? "call" : "trap");
            CHECK(call || (after & 0x4400) == (cases[i].bits & 0x4400), "%s: a trap left flags %#lx", cases[i].name, after);
        }
    }
    CHECK(steps > 0, "TF trapped nowhere");
    puts("law 3 holds for flags");
    return 0;
}
