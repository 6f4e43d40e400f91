/* What the system says of itself, through libc: sizes, limits, usage, scheduling, names. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <malloc.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/sysinfo.h>
#include <sys/time.h>
#include <sys/times.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <utmp.h>
#include <unistd.h>
#include <gnu/libc-version.h>
#include <sys/random.h>

static const int confs[] = { _SC_ARG_MAX, _SC_CHILD_MAX, _SC_CLK_TCK, _SC_NGROUPS_MAX, _SC_OPEN_MAX, _SC_STREAM_MAX, _SC_TZNAME_MAX, _SC_JOB_CONTROL, _SC_SAVED_IDS, _SC_REALTIME_SIGNALS, _SC_PRIORITY_SCHEDULING, _SC_TIMERS, _SC_ASYNCHRONOUS_IO, _SC_PRIORITIZED_IO, _SC_SYNCHRONIZED_IO, _SC_FSYNC, _SC_MAPPED_FILES, _SC_MEMLOCK, _SC_MEMLOCK_RANGE, _SC_MEMORY_PROTECTION, _SC_MESSAGE_PASSING, _SC_SEMAPHORES, _SC_SHARED_MEMORY_OBJECTS, _SC_AIO_LISTIO_MAX, _SC_AIO_MAX, _SC_AIO_PRIO_DELTA_MAX, _SC_DELAYTIMER_MAX, _SC_MQ_OPEN_MAX, _SC_MQ_PRIO_MAX, _SC_VERSION, _SC_PAGESIZE, _SC_RTSIG_MAX, _SC_SEM_NSEMS_MAX, _SC_SEM_VALUE_MAX, _SC_SIGQUEUE_MAX, _SC_TIMER_MAX, _SC_BC_BASE_MAX, _SC_EXPR_NEST_MAX, _SC_LINE_MAX, _SC_RE_DUP_MAX, _SC_2_VERSION, _SC_2_C_BIND, _SC_2_C_DEV, _SC_2_LOCALEDEF, _SC_2_SW_DEV, _SC_2_CHAR_TERM, _SC_UIO_MAXIOV, _SC_THREADS, _SC_THREAD_SAFE_FUNCTIONS, _SC_GETGR_R_SIZE_MAX, _SC_GETPW_R_SIZE_MAX, _SC_LOGIN_NAME_MAX, _SC_TTY_NAME_MAX, _SC_THREAD_DESTRUCTOR_ITERATIONS, _SC_THREAD_KEYS_MAX, _SC_THREAD_STACK_MIN, _SC_THREAD_THREADS_MAX, _SC_THREAD_ATTR_STACKADDR, _SC_THREAD_ATTR_STACKSIZE, _SC_THREAD_PRIORITY_SCHEDULING, _SC_THREAD_PROCESS_SHARED, _SC_NPROCESSORS_CONF, _SC_NPROCESSORS_ONLN, _SC_PHYS_PAGES, _SC_ATEXIT_MAX, _SC_XOPEN_VERSION, _SC_XOPEN_UNIX, _SC_XOPEN_SHM, _SC_HOST_NAME_MAX, _SC_SYMLOOP_MAX, _SC_MONOTONIC_CLOCK, _SC_BARRIERS, _SC_CPUTIME, _SC_THREAD_CPUTIME, _SC_READER_WRITER_LOCKS, _SC_SPIN_LOCKS, _SC_REGEXP, _SC_SHELL, _SC_SPAWN, _SC_TIMEOUTS, _SC_V6_LP64_OFF64, _SC_V7_LP64_OFF64, _SC_IPV6, _SC_RAW_SOCKETS, 249, 250, 9999, -1 };

int main(void)
{
	for (size_t i = 0; i < sizeof confs / sizeof *confs; i++) { errno = 0; printf("sysconf %d: %ld e%d\n", confs[i], sysconf(confs[i]), errno); }
	for (int i = 1; i < 9; i++) { errno = 0; printf("pathconf %d: %ld e%d\n", i, pathconf("/tmp", i), errno); }
	static const int strings[] = { _CS_PATH, _CS_GNU_LIBC_VERSION, _CS_GNU_LIBPTHREAD_VERSION, _CS_V7_WIDTH_RESTRICTED_ENVS, 9999 };
	for (size_t i = 0; i < sizeof strings / sizeof *strings; i++) { char b[256] = ""; errno = 0; size_t n = confstr(strings[i], b, sizeof b); printf("confstr %d: %zu [%s] e%d\n", strings[i], n, b, errno); }
	printf("%s %s %d %ld\n", gnu_get_libc_version(), gnu_get_libc_release(), getpagesize(), (long)getdtablesize());
	/* What is written goes exactly as far as the struct. */
#define AROUND(type, call) do { struct { unsigned char before[64]; type v; unsigned char after[512]; } a; memset(&a, 0xa5, sizeof a); type *p = &a.v; int r = call; size_t bad = 0; for (size_t i = 0; i < 64; i++) bad += a.before[i] != 0xa5; for (size_t i = 0; i < 512; i++) bad += a.after[i] != 0xa5; printf(#call " %d size %zu beyond %zu\n", r, sizeof(type), bad); } while (0)
	AROUND(struct rusage, getrusage(RUSAGE_SELF, p)); AROUND(struct sysinfo, sysinfo(p)); AROUND(struct utsname, uname(p)); AROUND(struct statvfs, statvfs("/", p)); AROUND(struct sched_param, sched_getparam(0, p)); AROUND(struct tms, times(p) == (clock_t)-1); AROUND(struct rlimit, getrlimit(RLIMIT_NOFILE, p)); AROUND(struct timeval, gettimeofday(p, 0)); AROUND(cpu_set_t, sched_getaffinity(0, sizeof *p, p)); AROUND(struct itimerval, getitimer(ITIMER_REAL, p)); AROUND(struct timespec, sched_rr_get_interval(0, p));
	struct sched_param param = { 0 };
	printf("sched %d", sched_getscheduler(0)); errno = 0; printf(" set %d e%d", sched_setscheduler(0, SCHED_OTHER, &param), errno); param.sched_priority = 5; errno = 0; printf(" bad %d e%d", sched_setscheduler(0, SCHED_OTHER, &param), errno); param.sched_priority = 0; printf(" param %d max %d min %d yield %d\n", sched_setparam(0, &param), sched_get_priority_max(SCHED_FIFO), sched_get_priority_min(SCHED_RR), sched_yield());
	struct rusage children; wait4(-1, 0, WNOHANG, &children); printf("wait4 e%d\n", errno);
	cpu_set_t set; CPU_ZERO(&set); printf("affinity %d count %d nprocs %d conf %d cpu %d\n", sched_getaffinity(0, sizeof set, &set), CPU_COUNT(&set), get_nprocs(), get_nprocs_conf(), sched_getcpu() >= 0);
	cpu_set_t *dyn = CPU_ALLOC(2048); size_t size = CPU_ALLOC_SIZE(2048); CPU_ZERO_S(size, dyn); CPU_SET_S(1500, size, dyn); printf("dynamic %zu %d %d\n", size, CPU_COUNT_S(size, dyn), CPU_ISSET_S(1500, size, dyn)); CPU_FREE(dyn);
	double load[3]; printf("loadavg %d\n", getloadavg(load, 3)); printf("auxv %d %d %d %lu", getauxval(AT_PAGESZ) == 4096, getauxval(AT_RANDOM) != 0, getauxval(AT_EXECFN) != 0, getauxval(9999)); printf(" e%d secure %lu\n", errno, getauxval(AT_SECURE));
	struct dirent *d; printf("dirent %zu %zu\n", sizeof *d, offsetof(struct dirent, d_name)); struct utsname u; uname(&u); printf("%s %s\n", u.sysname, u.machine);
	errno = 0; printf("priority %d e%d", getpriority(PRIO_PROCESS, 0), errno); printf(" nice %d\n", nice(0)); char host[256]; printf("host %d", gethostname(host, sizeof host)); errno = 0; printf(" short %d e%d\n", gethostname(host, 1), errno);
	struct rlimit64 lim; printf("prlimit %d", prlimit64(0, RLIMIT_STACK, NULL, &lim)); printf(" %d\n", lim.rlim_cur > 0); errno = 0; printf("bad rlimit %d e%d\n", getrlimit(99, (struct rlimit *)&lim), errno);
	for (size_t n = 0; n < 5000; n = n * 3 + 1) { void *p = malloc(n); printf("%d", p && malloc_usable_size(p) >= n && ((uintptr_t)p & 15) == 0); free(p); } printf(" null %zu\n", malloc_usable_size(NULL));
	void *p; printf("%d", posix_memalign(&p, 256, 100)); printf(" %d", ((uintptr_t)p & 255) == 0); free(p); printf(" %d %d", posix_memalign(&p, 3, 1), posix_memalign(&p, 0, 1)); p = aligned_alloc(64, 128); printf(" %d", ((uintptr_t)p & 63) == 0); free(p); p = memalign(4096, 1); printf(" %d", ((uintptr_t)p & 4095) == 0); free(p); p = valloc(1); printf(" %d", ((uintptr_t)p & 4095) == 0); free(p); errno = 0; printf(" %p e%d", reallocarray(NULL, SIZE_MAX / 2, 3), errno); errno = 0; p = calloc(SIZE_MAX / 2, 3); printf(" %p e%d", p, errno); errno = 0; p = malloc(SIZE_MAX - 100); printf(" %p e%d", p, errno); p = realloc(malloc(5), 0); printf(" realloc 0 %d %d\n", p != NULL, malloc_trim(0) >= 0);
	unsigned char r[16] = { 0 }; printf("random %zd %d", getrandom(r, 16, 0), getentropy(r, 16)); errno = 0; static char big[300]; printf(" %d e%d\n", getentropy(big, 300), errno);

	close(open("log", O_CREAT | O_WRONLY, 0600)); struct utmp entry = { .ut_type = USER_PROCESS, .ut_line = "pts/9", .ut_user = "joe" }, back; updwtmp("log", &entry); updwtmp("log", &entry); updwtmp("missing", &entry);
	FILE *log = fopen("log", "r"); while (fread(&back, sizeof back, 1, log) == 1) printf("%s %s %d %zu\n", back.ut_line, back.ut_user, back.ut_type, sizeof back); fclose(log); printf("%d\n", access("missing", F_OK)); unlink("log");
	return 0;
}
