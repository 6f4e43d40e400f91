/* Cases that run each in a process of its own. A case that returns has passed; CHECK ends it otherwise.
 *
 *     program [repeats [case]]
 *
 * runs every case, or those whose name begins with `case`, and prints one line for each failure and a last line with
 * the counts. The same program runs on Linux, whose answers are the right ones. */
#ifndef CHECK_H
#define CHECK_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct test { const char *name; void (*run)(void); };

#define CHECK(condition) \
	do { \
		if (!(condition)) { \
			dprintf(2, "%s:%d: %s does not hold (errno %d, %s)\n", __FILE__, __LINE__, #condition, errno, \
				strerror(errno)); \
			_exit(99); \
		} \
	} while (0)

/* Both as long long. */
#define EQUAL(left, right) \
	do { \
		long long left_ = (long long)(left), right_ = (long long)(right); \
		if (left_ != right_) { \
			dprintf(2, "%s:%d: %s is %lld (%#llx), not %lld (errno %d, %s)\n", __FILE__, __LINE__, #left, left_, \
				left_, right_, errno, strerror(errno)); \
			_exit(99); \
		} \
	} while (0)

/* The call fails with this error. */
#define FAILS(call, error) \
	do { \
		errno = 0; \
		long long result_ = (long long)(call); \
		if (result_ != -1 || errno != (error)) { \
			dprintf(2, "%s:%d: %s gave %lld with errno %d (%s), not -1 with %s\n", __FILE__, __LINE__, #call, \
				result_, errno, strerror(errno), #error); \
			_exit(99); \
		} \
	} while (0)

/* A child that ends with what `run` returns. */
static inline pid_t child(int (*run)(void *), void *argument)
{
	pid_t pid = fork();
	CHECK(pid >= 0);
	if (pid == 0)
		_exit(run(argument));
	return pid;
}

/* Waits for `pid` and gives its wait status. */
static inline int reap(pid_t pid)
{
	int status = -1;
	pid_t got;
	do
		got = waitpid(pid, &status, 0);
	while (got == -1 && errno == EINTR);
	EQUAL(got, pid);
	return status;
}

static inline void nap(long milliseconds)
{
	struct timespec time = { milliseconds / 1000, milliseconds % 1000 * 1000000 };
	while (nanosleep(&time, &time) == -1 && errno == EINTR)
		;
}

/* Waits until `condition` holds, which it does soon; the case's alarm ends a wait in vain. */
#define UNTIL(condition) do { while (!(condition)) nap(1); } while (0)

/* Pages that both parent and children see. */
static inline volatile int *shared_ints(size_t count)
{
	void *at = mmap(0, count * sizeof(int), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(at != MAP_FAILED);
	return at;
}

static inline int run_cases(const struct test *cases, size_t count, int argc, char **argv)
{
	int repeats = argc > 1 ? atoi(argv[1]) : 1;
	const char *only = argc > 2 ? argv[2] : "";
	int passed = 0, failed = 0;
	for (int round = 0; round < repeats; round++) {
		for (size_t i = 0; i < count; i++) {
			if (strncmp(cases[i].name, only, strlen(only)) != 0)
				continue;
			fflush(NULL);
			pid_t pid = fork();
			if (pid == 0) {
				alarm(30);
				cases[i].run();
				exit(0);
			}
			int status = -1;
			if (pid > 0)
				while (waitpid(pid, &status, 0) == -1 && errno == EINTR)
					;
			if (pid > 0 && status == 0) {
				passed++;
			} else {
				failed++;
				printf("FAILED %s in round %d: status %#x\n", cases[i].name, round, status);
			}
		}
	}
	printf("%d passed, %d failed\n", passed, failed);
	return failed != 0 || passed == 0;
}

#define MAIN(cases) \
	int main(int argc, char **argv) \
	{ \
		return run_cases(cases, sizeof(cases) / sizeof(cases[0]), argc, argv); \
	}

#endif
