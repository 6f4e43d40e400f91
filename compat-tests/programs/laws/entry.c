// Law 1: an interrupt at any instruction of the entry and exit code is completed or rolled back. A storm of timer
// signals over a loop of the shortest calls hits each of them sooner or later; results, callee-saved registers, stack
// pointer and red zone must stay what they were.
#include "law.h"

static volatile long signals;
static void count(int signo, siginfo_t *info, void *context) {
    (void)signo, (void)info, (void)context;
    signals++;
}

// getpid by trap, and by call where `entry` is not null. Gives what differed.
long round_trip(void *entry, long pid);
__asm__(
    "round_trip:\n"
    "push %rbx\n push %rbp\n push %r12\n push %r13\n push %r14\n push %r15\n"
    "sub $136, %rsp\n"
    "mov %rdi, %r12\n mov %rsi, %r13\n mov %rsp, %r14\n mov $0x1111, %r15\n mov $0x2222, %ebp\n xor %ebx, %ebx\n"
    // The red zone.
    "movq $0x5a5a, -8(%rsp)\n movq $0x6b6b, -128(%rsp)\n"
    "mov $39, %eax\n syscall\n"
    "cmp %r13, %rax\n je 1f\n or $1, %rbx\n"
    "1: cmpq $0x5a5a, -8(%rsp)\n je 1f\n or $2, %rbx\n"
    "1: cmpq $0x6b6b, -128(%rsp)\n je 1f\n or $4, %rbx\n"
    "1: test %r12, %r12\n jz 1f\n"
    "call *%r12\n"
    "cmp %r13, %rax\n je 1f\n or $8, %rbx\n"
    "1: cmpq $0x6b6b, -128(%rsp)\n je 1f\n or $16, %rbx\n"
    "1: cmp %r14, %rsp\n je 1f\n or $32, %rbx\n mov %r14, %rsp\n"
    "1: cmp $0x1111, %r15\n je 1f\n or $64, %rbx\n"
    "1: cmp $0x2222, %rbp\n je 1f\n or $128, %rbx\n"
    "1: mov %rbx, %rax\n"
    "add $136, %rsp\n"
    "pop %r15\n pop %r14\n pop %r13\n pop %r12\n pop %rbp\n pop %rbx\n ret\n");

int main(void) {
    long pid = getpid();
    void *entry = vector() ? (void *)vector()[SYS_getpid] : 0;
    handle(SIGALRM, count, SA_RESTART);
    tick(300);
    long rounds = 0;
    while (signals < 1500) {
        for (int i = 0; i < 100; i++, rounds++) {
            long bad = round_trip(entry, pid);
            CHECK(!bad, "round %ld after %ld signals differs by %#lx", rounds, signals, bad);
        }
    }
    puts("law 1 holds");
    return 0;
}
