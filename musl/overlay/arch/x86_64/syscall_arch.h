/* The gate, as musl's C code sees it: one function pointer for each system call number, SysV C arguments, -errno
 * back. Plain calls through a pointer: the compiler keeps the ABI, the red zone and the caller-saved registers.
 * Numbers whose kernel side needs every register of the caller are entered by the instruction. */

typedef long __osv_row(long, long, long, long, long, long);
extern __attribute__((__visibility__("hidden"))) __osv_row *const *__osv_vec;

#define __SYSCALL_LL_E(x) (x)
#define __SYSCALL_LL_O(x) (x)

/* rt_sigreturn, clone, fork, vfork, execve, execveat, clone3 */
#define __OSV_TRAPS(n) ((n)==15 || ((n)>=56 && (n)<=59) || (n)==322 || (n)==435)

static __inline long __osv_trap(long n, long a, long b, long c, long d, long e, long f)
{
	long ret;
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	__asm__ __volatile__ ("syscall" : "=a"(ret)
		: "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
		: "rcx", "r11", "memory");
	return ret;
}

/* Unused arguments are left as the registers are: a row reads only what its number has. */
#define __OSV_CALL(n, type, ...) (((long (*) type)__osv_vec[n])(__VA_ARGS__))

static __inline long __syscall0(long n)
{
	if (__OSV_TRAPS(n)) return __osv_trap(n, 0, 0, 0, 0, 0, 0);
	return __OSV_CALL(n, (void));
}

static __inline long __syscall1(long n, long a)
{
	if (__OSV_TRAPS(n)) return __osv_trap(n, a, 0, 0, 0, 0, 0);
	return __OSV_CALL(n, (long), a);
}

static __inline long __syscall2(long n, long a, long b)
{
	if (__OSV_TRAPS(n)) return __osv_trap(n, a, b, 0, 0, 0, 0);
	return __OSV_CALL(n, (long, long), a, b);
}

static __inline long __syscall3(long n, long a, long b, long c)
{
	if (__OSV_TRAPS(n)) return __osv_trap(n, a, b, c, 0, 0, 0);
	return __OSV_CALL(n, (long, long, long), a, b, c);
}

static __inline long __syscall4(long n, long a, long b, long c, long d)
{
	if (__OSV_TRAPS(n)) return __osv_trap(n, a, b, c, d, 0, 0);
	return __OSV_CALL(n, (long, long, long, long), a, b, c, d);
}

static __inline long __syscall5(long n, long a, long b, long c, long d, long e)
{
	if (__OSV_TRAPS(n)) return __osv_trap(n, a, b, c, d, e, 0);
	return __OSV_CALL(n, (long, long, long, long, long), a, b, c, d, e);
}

static __inline long __syscall6(long n, long a, long b, long c, long d, long e, long f)
{
	if (__OSV_TRAPS(n)) return __osv_trap(n, a, b, c, d, e, f);
	return __OSV_CALL(n, (long, long, long, long, long, long), a, b, c, d, e, f);
}

#define IPC_64 0
