// Fills registers, goes through a TLS descriptor, and compares.
#include <string.h>
_Thread_local long variable = 42;

static int with_sse(void) {
    unsigned char in[16][16], out[16][16];
    unsigned long general[7] = {0}, value;
    memset(in, 0, sizeof in);
    for (int i = 0; i < 16; i++) memset(in[i], i * 3 + 1, 16);
    __asm__ volatile(
        "movups 0(%[in]), %%xmm0\n movups 16(%[in]), %%xmm1\n movups 112(%[in]), %%xmm7\n movups 240(%[in]), %%xmm15\n"
        "mov $11, %%rcx\n mov $12, %%rdx\n mov $13, %%rsi\n mov $14, %%rdi\n mov $15, %%r8\n mov $16, %%r9\n mov $17, %%r10\n mov $18, %%r11\n"
        "lea variable@tlsdesc(%%rip), %%rax\n call *variable@tlscall(%%rax)\n"
        "mov %%fs:(%%rax), %%rax\n mov %%rax, %[value]\n"
        "mov %%rcx, 0(%[general])\n mov %%rdx, 8(%[general])\n mov %%rsi, 16(%[general])\n mov %%rdi, 24(%[general])\n"
        "mov %%r8, 32(%[general])\n mov %%r9, 40(%[general])\n add %%r10, %%r11\n mov %%r11, 48(%[general])\n"
        "movups %%xmm0, 0(%[out])\n movups %%xmm1, 16(%[out])\n movups %%xmm7, 112(%[out])\n movups %%xmm15, 240(%[out])\n"
        : [value] "=m"(value)
        : [in] "b"(in), [out] "r"(out), [general] "r"(general)
        : "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "xmm0", "xmm1", "xmm7", "xmm15", "memory", "cc");
    static const unsigned long expected[7] = {11, 12, 13, 14, 15, 16, 35};
    int wrong = value != 42;
    wrong |= memcmp(general, expected, sizeof general) != 0 ? 2 : 0;
    for (int i = 0; i < 16; i++)
        if ((i < 2 || i == 7 || i == 15) && memcmp(in[i], out[i], 16) != 0) wrong |= 4;
    return wrong;
}

__attribute__((target("avx"))) static int with_avx(void) {
    unsigned char in[32], out[32];
    for (int i = 0; i < 32; i++) in[i] = (unsigned char)(i + 100);
    __asm__ volatile(
        "vmovups (%[in]), %%ymm9\n"
        "lea variable@tlsdesc(%%rip), %%rax\n call *variable@tlscall(%%rax)\n"
        "vmovups %%ymm9, (%[out])\n vzeroupper\n"
        :
        : [in] "b"(in), [out] "r"(out)
        : "rax", "xmm9", "memory", "cc");
    return memcmp(in, out, 32) ? 8 : 0;
}

__attribute__((target("avx512f"))) static int with_avx512(void) {
    unsigned char in[64], out[64];
    unsigned mask = 0;
    for (int i = 0; i < 64; i++) in[i] = (unsigned char)(i * 5 + 1);
    __asm__ volatile(
        "vmovups (%[in]), %%zmm21\n mov $0x5a5a, %%eax\n kmovw %%eax, %%k5\n"
        "lea variable@tlsdesc(%%rip), %%rax\n call *variable@tlscall(%%rax)\n"
        "vmovups %%zmm21, (%[out])\n kmovw %%k5, %[mask]\n vzeroupper\n"
        : [mask] "=r"(mask)
        : [in] "b"(in), [out] "r"(out)
        : "rax", "memory", "cc");
    return memcmp(in, out, 64) || mask != 0x5a5a ? 16 : 0;
}

// One kind of registers at a thread's first use, in turn, the widest first.
int keeps(void) {
    static int turn;
    int now = __atomic_fetch_add(&turn, 1, __ATOMIC_SEQ_CST) % 3;
    if (now == 0 && __builtin_cpu_supports("avx512f")) return with_avx512();
    if (now < 2 && __builtin_cpu_supports("avx")) return with_avx();
    return with_sse();
}
