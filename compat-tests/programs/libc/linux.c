/* Calls that are Linux's or glibc's own, where libc itself checks or keeps something. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <netdb.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SHOW(call) do { errno = 0; long r = (long)(call); printf(#call " %ld e%d\n", r, errno); } while (0)

static int nothing(void *unused) { return 0; }
static void handler(int signal) {}

int main(void)
{
	static char stack[65536] __attribute__((aligned(16)));
	SHOW(clone(nothing, NULL, SIGCHLD, NULL));
	SHOW(clone(NULL, stack + sizeof stack, SIGCHLD, NULL));
	int tid = 0, status;
	pid_t child = clone(nothing, stack + sizeof stack, SIGCHLD | CLONE_PARENT_SETTID, NULL, &tid);
	printf("cloned %d %d", child > 0, child == tid);
	printf(" waited %d", waitpid(child, &status, 0) == child);
	printf(" status %d\n", status);

	SHOW(epoll_create(0));
	SHOW(epoll_create(-1));
	int epoll = epoll_create(1);
	struct epoll_event events[2];
	struct timespec short_time = { .tv_nsec = 1000 };
	SHOW(epoll_pwait2(epoll, events, 2, &short_time, NULL));
	SHOW(epoll_pwait2(epoll, events, 0, &short_time, NULL));
	short_time.tv_nsec = 2000000000;
	SHOW(epoll_pwait2(epoll, events, 2, &short_time, NULL));

	/* A handler that ran ends sigwaitinfo and sigtimedwait. */
	struct sigaction action = { .sa_handler = handler, .sa_flags = SA_RESTART };
	sigaction(SIGALRM, &action, NULL);
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	struct timespec soon = { .tv_nsec = 50000000 }, later = { .tv_sec = 20 };
	for (int timed = 0; timed < 2; timed++) {
		timer_t timer;
		struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM };
		struct itimerspec once = { .it_value = soon };
		timer_create(CLOCK_MONOTONIC, &event, &timer);
		timer_settime(timer, 0, &once, NULL);
		if (timed) SHOW(sigtimedwait(&set, NULL, &later));
		else SHOW(sigwaitinfo(&set, NULL));
		timer_delete(timer);
	}
	SHOW(sigpending((sigset_t *)8));
	SHOW(sigprocmask(SIG_BLOCK, NULL, (sigset_t *)8));
	for (int signal = -1; signal < 67; signal++) { errno = 0; printf("%d", sigismember(&set, signal)); printf("%s", errno ? "e" : ""); }
	puts("");

	char *no_arguments[] = { "true", NULL }, *no_environment[] = { NULL };
	SHOW(execveat(AT_FDCWD, "not/there", no_arguments, no_environment, 0));
	SHOW(execveat(-1, "", no_arguments, no_environment, AT_EMPTY_PATH));
	SHOW(syscall(SYS_execveat, AT_FDCWD, "not/there", no_arguments, no_environment, 0));
	if (fork() == 0) _exit(execveat(open("/bin", O_PATH), "true", no_arguments, no_environment, 0));
	wait(&status);
	printf("ran %d\n", status);

	SHOW(mallopt(M_MMAP_THRESHOLD, 128 << 10));
	struct mallinfo2 before = mallinfo2();
	void *block = malloc(128 << 10);
	struct mallinfo2 with = mallinfo2();
	printf("mapped %d %d", with.hblks - before.hblks == 1, with.hblkhd - before.hblkhd >= 128 << 10);
	free(block);
	with = mallinfo2();
	printf(" and back %d\n", with.hblks == before.hblks);
	SHOW(mallopt(M_MMAP_THRESHOLD, -1));
	SHOW(mallopt(M_MMAP_THRESHOLD, 0x7fffffff));
	SHOW(mallopt(M_MXFAST, 0));
	SHOW(mallopt(M_MXFAST, 160));
	SHOW(mallopt(M_MXFAST, 161));
	SHOW(mallopt(M_ARENA_MAX, 1));

	char name[1000], buffer[1024];
	memset(name, '0', sizeof name);
	name[sizeof name - 1] = 0;
	struct hostent host, *found = &host;
	int error = 0;
	printf("%d", gethostbyname_r(name, &host, buffer, sizeof buffer, &found, &error));
	printf(" %d %d\n", found == NULL, error);
	return 0;
}
