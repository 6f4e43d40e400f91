// Laws 2 and 5: a call runs on the kernel's stack and an interrupt below the red zone, so the smallest of application
// stacks will do, whatever happens while it is in use: calls, traps, page faults, preemption. Here a stack pointer
// stands so low that the red zone ends where the page does, and what lies below is not there; then it points at nothing.
#include "law.h"

static volatile int stop;
static void *spin(void *unused) {
    while (!stop) {}
    return unused;
}

// On a stack of 136 bytes, of which 128 are red zone: getppid by trap and by call (`entry`), a write to the page at
// `fresh`, and `rounds` rounds of doing nothing, in which the thread is preempted. Gives what differed.
long on_tiny_stack(char *bottom, void *entry, volatile char *fresh, long rounds);
__asm__(
    "on_tiny_stack:\n"
    "push %rbx\n push %rbp\n push %r12\n push %r13\n push %r14\n push %r15\n"
    "mov %rsp, %rbp\n mov %rsi, %r12\n mov %rdx, %r13\n mov %rcx, %r14\n xor %ebx, %ebx\n"
    "lea 136(%rdi), %rsp\n mov %rdi, %r15\n"
    "mov $-8, %rcx\n"
    // Fill the red zone, all of it.
    "1: mov %rcx, (%rsp,%rcx)\n sub $8, %rcx\n cmp $-136, %rcx\n jne 1b\n"
    "mov $110, %eax\n syscall\n"
    "movb $1, (%r13)\n"
    "2: dec %r14\n jnz 2b\n"
    "mov $-8, %rcx\n"
    "3: cmp %rcx, (%rsp,%rcx)\n je 4f\n or $1, %rbx\n"
    "4: sub $8, %rcx\n cmp $-136, %rcx\n jne 3b\n"
    "test %r12, %r12\n jz 5f\n"
    // A return address is all that a call may add to the application's stack.
    "movq $0x7777, 120(%r15)\n"
    "call *%r12\n"
    "cmpq $0x7777, 120(%r15)\n je 5f\n or $2, %rbx\n"
    // No stack at all: faults and preemption find another.
    "5: mov $16, %esp\n mov $1000000, %r14d\n movb $1, 4096(%r13)\n"
    "6: dec %r14\n jnz 6b\n"
    "mov $0x800000000000, %rsp\n mov $1000000, %r14d\n movb $1, 8192(%r13)\n"
    "7: dec %r14\n jnz 7b\n"
    "cmpb $1, 4096(%r13)\n je 8f\n or $4, %rbx\n"
    "8: mov %rbx, %rax\n mov %rbp, %rsp\n"
    "pop %r15\n pop %r14\n pop %r13\n pop %r12\n pop %rbp\n pop %rbx\n ret\n");

int main(void) {
    pthread_t threads[3];
    for (int i = 0; i < 3; i++) pthread_create(&threads[i], 0, spin, 0);
    void *entry = vector() ? (void *)vector()[SYS_getppid] : 0;
    char *stack = map(3 * PAGE, PROT_READ | PROT_WRITE);
    mprotect(stack, PAGE, PROT_NONE);
    for (int round = 0; round < 6; round++) {
        char *fresh = map(3 * PAGE, PROT_READ | PROT_WRITE);
        long bad = on_tiny_stack(stack + PAGE, entry, fresh, 4000000);
        CHECK(!bad, "round %d differs by %#lx", round, bad);
        munmap(fresh, 3 * PAGE);
    }
    stop = 1;
    for (int i = 0; i < 3; i++) pthread_join(threads[i], 0);
    puts("law 2 holds");
    return 0;
}
