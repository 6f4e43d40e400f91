/* fork, vfork, clone, the families that they make, and the waits for them. */
#include "check.h"
#include <sys/prctl.h>
#include <linux/sched.h>

/* ---- ends and what wait tells of them */

static int give(void *code) { return (int)(long)code; }

static void exit_codes(void)
{
	int codes[] = { 0, 1, 42, 127, 128, 255, 256, 257, -1 };
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		int status = reap(child(give, (void *)(long)codes[i]));
		CHECK(WIFEXITED(status));
		EQUAL(WEXITSTATUS(status), codes[i] & 255);
	}
}

static int sleep_long(void *unused)
{
	(void)unused;
	for (;;)
		pause();
	return 0;
}

static int killed_by(void *signal)
{
	struct rlimit none = { 0, 0 };
	setrlimit(RLIMIT_CORE, &none);
	kill(getpid(), (int)(long)signal);
	return sleep_long(NULL);
}

static void deaths_by_signal(void)
{
	int signals[] = { SIGTERM, SIGKILL, SIGSEGV, SIGABRT, SIGUSR1, SIGHUP, SIGALRM, SIGPIPE, SIGRTMIN + 3 };
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		int status = reap(child(killed_by, (void *)(long)signals[i]));
		CHECK(WIFSIGNALED(status));
		EQUAL(WTERMSIG(status), signals[i]);
		CHECK(!WCOREDUMP(status));
	}
}

static void no_children(void)
{
	FAILS(wait(NULL), ECHILD);
	FAILS(waitpid(1, NULL, 0), ECHILD);
	FAILS(waitpid(-1, NULL, WNOHANG), ECHILD);
	siginfo_t info;
	FAILS(waitid(P_ALL, 0, &info, WEXITED), ECHILD);
	FAILS(waitid(P_ALL, 0, &info, 0), EINVAL);
	FAILS(waitid(12, 0, &info, WEXITED), EINVAL);
	FAILS(waitpid(-1, NULL, 0x10000000), EINVAL);
	FAILS(waitpid((pid_t)0x80000000, NULL, 0), ESRCH);
}

static int until_eof(void *pipe)
{
	int *ends = pipe;
	char byte;
	close(ends[1]);
	return read(ends[0], &byte, 1) == 0 ? 7 : 8;
}

static void nohang_tells_who_still_runs(void)
{
	int ends[2], status = 55;
	CHECK(pipe(ends) == 0);
	pid_t pid = child(until_eof, ends);
	EQUAL(waitpid(pid, &status, WNOHANG), 0);
	EQUAL(status, 55);
	siginfo_t info;
	memset(&info, 0xff, sizeof(info));
	EQUAL(waitid(P_PID, pid, &info, WEXITED | WNOHANG), 0);
	EQUAL(info.si_pid, 0);
	EQUAL(info.si_signo, 0);
	close(ends[1]);
	EQUAL(WEXITSTATUS(reap(pid)), 7);
	FAILS(waitpid(pid, NULL, 0), ECHILD);
}

static void waitid_leaves_and_describes(void)
{
	pid_t pid = child(give, (void *)33);
	siginfo_t info;
	for (int i = 0; i < 2; i++) {
		memset(&info, 0, sizeof(info));
		EQUAL(waitid(P_PID, pid, &info, WEXITED | WNOWAIT), 0);
		EQUAL(info.si_signo, SIGCHLD);
		EQUAL(info.si_code, CLD_EXITED);
		EQUAL(info.si_pid, pid);
		EQUAL(info.si_uid, getuid());
		EQUAL(info.si_status, 33);
	}
	EQUAL(waitid(P_ALL, 0, &info, WEXITED), 0);
	EQUAL(info.si_pid, pid);
	FAILS(waitid(P_PID, pid, &info, WEXITED), ECHILD);
	pid = child(killed_by, (void *)SIGKILL);
	EQUAL(waitid(P_PGID, getpgrp(), &info, WEXITED), 0);
	EQUAL(info.si_code, CLD_KILLED);
	EQUAL(info.si_status, SIGKILL);
	EQUAL(info.si_pid, pid);
}

static void stops_and_continues(void)
{
	pid_t pid = child(sleep_long, NULL);
	int status;
	CHECK(kill(pid, SIGSTOP) == 0);
	EQUAL(waitpid(pid, &status, WUNTRACED), pid);
	CHECK(WIFSTOPPED(status));
	EQUAL(WSTOPSIG(status), SIGSTOP);
	/* Told once. */
	EQUAL(waitpid(pid, &status, WUNTRACED | WNOHANG), 0);
	CHECK(kill(pid, SIGCONT) == 0);
	EQUAL(waitpid(pid, &status, WCONTINUED), pid);
	CHECK(WIFCONTINUED(status));
	EQUAL(waitpid(pid, &status, WCONTINUED | WNOHANG), 0);
	siginfo_t info;
	/* In a group of its own, which we look after: one that nobody looks after takes no stop from a terminal. */
	CHECK(setpgid(pid, pid) == 0);
	CHECK(kill(pid, SIGTSTP) == 0);
	EQUAL(waitid(P_PID, pid, &info, WSTOPPED), 0);
	EQUAL(info.si_code, CLD_STOPPED);
	EQUAL(info.si_status, SIGTSTP);
	CHECK(kill(pid, SIGCONT) == 0);
	EQUAL(waitid(P_PID, pid, &info, WCONTINUED), 0);
	EQUAL(info.si_code, CLD_CONTINUED);
	EQUAL(info.si_status, SIGCONT);
	/* A stopped process takes SIGKILL, and nothing else. */
	CHECK(kill(pid, SIGSTOP) == 0);
	EQUAL(waitpid(pid, &status, WUNTRACED), pid);
	CHECK(kill(pid, SIGTERM) == 0);
	nap(20);
	EQUAL(waitpid(pid, &status, WNOHANG), 0);
	CHECK(kill(pid, SIGKILL) == 0);
	status = reap(pid);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void a_stop_holds_every_thread(void)
{
	static volatile int *counts;
	counts = shared_ints(2);
	pid_t pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		void *spin(void *which)
		{
			for (;;)
				counts[(long)which]++;
			return NULL;
		}
		pthread_t thread;
		CHECK(pthread_create(&thread, NULL, spin, (void *)0) == 0);
		spin((void *)1);
	}
	UNTIL(counts[0] != 0 && counts[1] != 0);
	int status;
	CHECK(kill(pid, SIGSTOP) == 0);
	EQUAL(waitpid(pid, &status, WUNTRACED), pid);
	/* The others stop within a moment. */
	int before[2], still = 0;
	while (still < 3) {
		before[0] = counts[0], before[1] = counts[1];
		nap(15);
		still = before[0] == counts[0] && before[1] == counts[1] ? still + 1 : 0;
	}
	CHECK(kill(pid, SIGCONT) == 0);
	UNTIL(counts[0] != before[0] && counts[1] != before[1]);
	CHECK(kill(pid, SIGKILL) == 0);
	EQUAL(WTERMSIG(reap(pid)), SIGKILL);
}

static volatile sig_atomic_t alarms;
static void on_alarm(int signal) { (void)signal; alarms++; }

static void wait_is_interrupted(void)
{
	int ends[2];
	CHECK(pipe(ends) == 0);
	pid_t pid = child(until_eof, ends);
	struct sigaction action = { .sa_handler = on_alarm };
	sigaction(SIGALRM, &action, NULL);
	struct itimerval soon = { { 0, 0 }, { 0, 30000 } };
	setitimer(ITIMER_REAL, &soon, NULL);
	FAILS(waitpid(pid, NULL, 0), EINTR);
	EQUAL(alarms, 1);
	/* With SA_RESTART it goes on to wait. */
	action.sa_flags = SA_RESTART;
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &soon, NULL);
	pid_t helper = fork();
	if (helper == 0) {
		nap(120);
		_exit(0);
	}
	close(ends[1]);
	EQUAL(waitpid(helper, NULL, 0), helper);
	EQUAL(alarms, 2);
	reap(pid);
}

static void threads_wait_for_each_others_children(void)
{
	static pid_t pid;
	pid = child(give, (void *)5);
	void *wait_here(void *unused)
	{
		(void)unused;
		EQUAL(WEXITSTATUS(reap(pid)), 5);
		return NULL;
	}
	pthread_t thread;
	CHECK(pthread_create(&thread, NULL, wait_here, NULL) == 0);
	CHECK(pthread_join(thread, NULL) == 0);
	/* __WNOTHREAD: only the caller's own. */
	pid = child(give, (void *)6);
	void *not_mine(void *unused)
	{
		(void)unused;
		FAILS(waitpid(pid, NULL, __WNOTHREAD), ECHILD);
		return NULL;
	}
	CHECK(pthread_create(&thread, NULL, not_mine, NULL) == 0);
	CHECK(pthread_join(thread, NULL) == 0);
	EQUAL(waitpid(pid, NULL, __WNOTHREAD), pid);
}

/* ---- SIGCHLD */

static volatile siginfo_t last_child;
static volatile sig_atomic_t children_told;
static void on_child(int signal, siginfo_t *info, void *context)
{
	(void)signal, (void)context;
	last_child = *info;
	children_told++;
}

static void sigchld_says_what_happened(void)
{
	struct sigaction action = { .sa_sigaction = on_child, .sa_flags = SA_SIGINFO | SA_RESTART };
	sigaction(SIGCHLD, &action, NULL);
	pid_t pid = child(give, (void *)9);
	UNTIL(children_told == 1);
	EQUAL(last_child.si_code, CLD_EXITED);
	EQUAL(last_child.si_pid, pid);
	EQUAL(last_child.si_status, 9);
	EQUAL(last_child.si_uid, getuid());
	reap(pid);
	pid = child(sleep_long, NULL);
	kill(pid, SIGSTOP);
	UNTIL(children_told == 2);
	EQUAL(last_child.si_code, CLD_STOPPED);
	EQUAL(last_child.si_status, SIGSTOP);
	kill(pid, SIGCONT);
	UNTIL(children_told == 3);
	EQUAL(last_child.si_code, CLD_CONTINUED);
	EQUAL(last_child.si_status, SIGCONT);
	action.sa_flags |= SA_NOCLDSTOP;
	sigaction(SIGCHLD, &action, NULL);
	kill(pid, SIGSTOP);
	EQUAL(waitpid(pid, NULL, WUNTRACED), pid);
	EQUAL(children_told, 3);
	kill(pid, SIGKILL);
	UNTIL(children_told == 4);
	EQUAL(last_child.si_code, CLD_KILLED);
	EQUAL(last_child.si_status, SIGKILL);
	reap(pid);
}

static void ignored_children_leave_nothing(void)
{
	int ends[2];
	CHECK(pipe(ends) == 0);
	signal(SIGCHLD, SIG_IGN);
	child(give, (void *)1);
	child(until_eof, ends);
	close(ends[1]);
	/* Waits for all of them, and then there is none. */
	FAILS(wait(NULL), ECHILD);
	struct sigaction action = { .sa_sigaction = on_child, .sa_flags = SA_SIGINFO | SA_NOCLDWAIT };
	sigaction(SIGCHLD, &action, NULL);
	child(give, (void *)1);
	UNTIL(children_told == 1);
	FAILS(wait(NULL), ECHILD);
}

/* ---- parents, orphans */

static void orphans_go_to_init(void)
{
	volatile int *seen = shared_ints(4);
	int ends[2];
	CHECK(pipe(ends) == 0);
	pid_t middle = fork();
	CHECK(middle >= 0);
	if (middle == 0) {
		if (fork() == 0) {
			EQUAL(getppid(), getppid());
			seen[0] = getppid();
			/* Until the parent has ended. */
			char byte;
			close(ends[1]);
			CHECK(read(ends[0], &byte, 1) == 0);
			seen[1] = getppid();
			_exit(0);
		}
		UNTIL(seen[0] != 0);
		_exit(0);
	}
	reap(middle);
	EQUAL(seen[0], middle);
	close(ends[1]);
	UNTIL(seen[1] != 0);
	EQUAL(seen[1], 1);
	FAILS(wait(NULL), ECHILD);
}

static void orphans_go_to_a_subreaper(void)
{
	volatile int *seen = shared_ints(4);
	int on = 0;
	CHECK(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0);
	CHECK(prctl(PR_GET_CHILD_SUBREAPER, &on, 0, 0, 0) == 0);
	EQUAL(on, 1);
	pid_t middle = fork();
	CHECK(middle >= 0);
	if (middle == 0) {
		on = 1;
		CHECK(prctl(PR_GET_CHILD_SUBREAPER, &on, 0, 0, 0) == 0);
		EQUAL(on, 0);
		pid_t orphan = fork();
		if (orphan == 0) {
			pid_t parent = getppid();
			seen[0] = getpid();
			UNTIL(getppid() != parent);
			seen[1] = getppid();
			_exit(12);
		}
		UNTIL(seen[0] != 0);
		_exit(0);
	}
	reap(middle);
	int status;
	pid_t orphan = wait(&status);
	EQUAL(orphan, seen[0]);
	EQUAL(WEXITSTATUS(status), 12);
	EQUAL(seen[1], getpid());
}

static void a_parents_death_is_told(void)
{
	volatile int *seen = shared_ints(4);
	CHECK(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0);
	pid_t middle = fork();
	CHECK(middle >= 0);
	if (middle == 0) {
		CHECK(prctl(PR_SET_PDEATHSIG, SIGUSR2) == 0);
		if (fork() == 0) {
			int signal = -1;
			CHECK(prctl(PR_GET_PDEATHSIG, &signal) == 0);
			/* Not inherited. */
			EQUAL(signal, 0);
			sigset_t set;
			sigemptyset(&set);
			sigaddset(&set, SIGUSR1);
			sigprocmask(SIG_BLOCK, &set, NULL);
			CHECK(prctl(PR_SET_PDEATHSIG, SIGUSR1) == 0);
			FAILS(prctl(PR_SET_PDEATHSIG, 65), EINVAL);
			seen[0] = 1;
			siginfo_t info;
			EQUAL(sigwaitinfo(&set, &info), SIGUSR1);
			_exit(3);
		}
		UNTIL(seen[0] != 0);
		_exit(0);
	}
	reap(middle);
	int status;
	CHECK(wait(&status) > 0);
	CHECK(WIFEXITED(status));
	EQUAL(WEXITSTATUS(status), 3);
}

/* ---- groups and sessions */

static void groups(void)
{
	volatile int *seen = shared_ints(4);
	EQUAL(getpgid(0), getpgrp());
	pid_t first = child(sleep_long, NULL), second = child(sleep_long, NULL);
	EQUAL(getpgid(first), getpgrp());
	CHECK(setpgid(first, first) == 0);
	CHECK(setpgid(second, first) == 0);
	EQUAL(getpgid(second), first);
	EQUAL(getsid(second), getsid(0));
	FAILS(setpgid(1, 1), ESRCH);
	FAILS(setpgid(first, -1), EINVAL);
	FAILS(setpgid(first, 999999), EPERM);
	FAILS(getpgid(999999), ESRCH);
	FAILS(waitpid(-999999, NULL, 0), ECHILD);
	CHECK(killpg(first, SIGTERM) == 0);
	int status;
	for (int i = 0; i < 2; i++) {
		CHECK(waitpid(-first, &status, 0) > 0);
		EQUAL(WTERMSIG(status), SIGTERM);
	}
	FAILS(killpg(first, 0), ESRCH);
	FAILS(waitpid(-first, NULL, 0), ECHILD);

	pid_t leader = fork();
	if (leader == 0) {
		EQUAL(setsid(), getpid());
		EQUAL(getsid(0), getpid());
		EQUAL(getpgrp(), getpid());
		FAILS(setsid(), EPERM);
		FAILS(setpgid(0, 0), EPERM);
		seen[0] = 1;
		sleep_long(NULL);
	}
	UNTIL(seen[0]);
	/* Another session's process. */
	FAILS(setpgid(leader, getpgrp()), EPERM);
	EQUAL(getsid(leader), leader);
	kill(leader, SIGKILL);
	reap(leader);
}

static void kill_reaches_its_group(void)
{
	volatile int *seen = shared_ints(4);
	pid_t leader = fork();
	if (leader == 0) {
		CHECK(setpgid(0, 0) == 0);
		for (int i = 0; i < 3; i++)
			if (fork() == 0) {
				__sync_fetch_and_add(&seen[0], 1);
				sleep_long(NULL);
			}
		UNTIL(seen[0] == 3);
		signal(SIGTERM, SIG_IGN);
		/* Zero: everybody in the caller's group. */
		CHECK(kill(0, SIGTERM) == 0);
		for (int i = 0; i < 3; i++) {
			int status;
			CHECK(wait(&status) > 0);
			EQUAL(WTERMSIG(status), SIGTERM);
		}
		_exit(21);
	}
	EQUAL(WEXITSTATUS(reap(leader)), 21);
}

static void a_stopped_orphaned_group_is_hung_up(void)
{
	volatile int *seen = shared_ints(4);
	CHECK(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0);
	pid_t middle = fork();
	CHECK(middle >= 0);
	if (middle == 0) {
		/* A session of its own, so that the group has nobody outside but its parent. */
		CHECK(setsid() > 0);
		pid_t stopped = fork();
		if (stopped == 0) {
			CHECK(setpgid(0, 0) == 0);
			seen[0] = 1;
			raise(SIGSTOP);
			sleep_long(NULL);
		}
		EQUAL(waitpid(stopped, NULL, WUNTRACED), stopped);
		_exit(0);
	}
	reap(middle);
	int status;
	CHECK(wait(&status) > 0);
	CHECK(WIFSIGNALED(status));
	EQUAL(WTERMSIG(status), SIGHUP);
}

static void an_orphaned_group_does_not_stop(void)
{
	volatile int *seen = shared_ints(4);
	CHECK(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0);
	pid_t leader = fork();
	CHECK(leader >= 0);
	if (leader == 0) {
		CHECK(setsid() > 0);
		/* The group's only process, whose parent is of another session. */
		raise(SIGTSTP);
		raise(SIGTTIN);
		seen[0] = 1;
		_exit(4);
	}
	int status;
	EQUAL(waitpid(leader, &status, WUNTRACED), leader);
	CHECK(WIFEXITED(status));
	EQUAL(seen[0], 1);
}

/* ---- what the child has of its parent */

static void pids(void)
{
	pid_t parent = getpid();
	volatile int *seen = shared_ints(4);
	pid_t pid = fork();
	if (pid == 0) {
		seen[0] = getpid(), seen[1] = getppid(), seen[2] = syscall(SYS_gettid), seen[3] = syscall(SYS_getpid);
		_exit(0);
	}
	reap(pid);
	EQUAL(seen[0], pid);
	EQUAL(seen[1], parent);
	EQUAL(seen[2], pid);
	EQUAL(seen[3], pid);
	EQUAL(getpid(), parent);
}

static void descriptors_are_copied_files_are_shared(void)
{
	char path[] = "/tmp/osv-test-XXXXXX";
	int file = mkstemp(path);
	CHECK(file >= 0);
	unlink(path);
	CHECK(write(file, "abcdef", 6) == 6);
	lseek(file, 1, SEEK_SET);
	pid_t pid = fork();
	if (pid == 0) {
		char byte;
		CHECK(read(file, &byte, 1) == 1 && byte == 'b');
		close(file);
		/* Only here. */
		_exit(dup2(0, 100) == 100 ? 0 : 1);
	}
	EQUAL(reap(pid), 0);
	EQUAL(lseek(file, 0, SEEK_CUR), 2);
	FAILS(fcntl(100, F_GETFD), EBADF);
}

static void masks_pend_and_timers(void)
{
	sigset_t set, got;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	raise(SIGUSR1);
	alarm(25);
	pid_t pid = fork();
	if (pid == 0) {
		sigprocmask(SIG_BLOCK, NULL, &got);
		CHECK(sigismember(&got, SIGUSR1));
		sigpending(&got);
		CHECK(!sigismember(&got, SIGUSR1));
		EQUAL(alarm(0), 0);
		_exit(0);
	}
	EQUAL(reap(pid), 0);
	sigpending(&got);
	CHECK(sigismember(&got, SIGUSR1));
	CHECK(alarm(25) > 0);
}

static void a_thread_forks(void)
{
	static int seen[3];
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static int prepared, in_parent, in_child;
	void prepare(void) { pthread_mutex_lock(&lock); prepared++; }
	void parent(void) { pthread_mutex_unlock(&lock); in_parent++; }
	void in_the_child(void) { pthread_mutex_unlock(&lock); in_child++; }
	CHECK(pthread_atfork(prepare, parent, in_the_child) == 0);
	static volatile int go_on = 1;
	void *churn(void *which)
	{
		while (go_on) {
			void *p = malloc(100 + (long)which * 1000);
			pthread_mutex_lock(&lock);
			seen[(long)which]++;
			pthread_mutex_unlock(&lock);
			free(p);
		}
		return NULL;
	}
	pthread_t threads[3];
	for (long i = 0; i < 3; i++)
		CHECK(pthread_create(&threads[i], NULL, churn, (void *)i) == 0);
	for (int i = 0; i < 10; i++) {
		pid_t pid = fork();
		if (pid == 0) {
			/* malloc works, the lock is free, a new thread runs and can be joined, stdio works. */
			go_on = 1;
			free(malloc(5000));
			CHECK(pthread_mutex_trylock(&lock) == 0);
			pthread_mutex_unlock(&lock);
			void *nothing(void *unused) { free(malloc(10)); return unused; }
			pthread_t thread;
			void *result;
			CHECK(pthread_create(&thread, NULL, nothing, (void *)4) == 0);
			CHECK(pthread_join(thread, &result) == 0 && result == (void *)4);
			EQUAL(in_child, 1);
			fflush(stdout);
			_exit(syscall(SYS_gettid) == getpid() ? 17 : 18);
		}
		CHECK(pid > 0);
		EQUAL(WEXITSTATUS(reap(pid)), 17);
	}
	EQUAL(prepared, 10);
	EQUAL(in_parent, 10);
	EQUAL(in_child, 0);
	go_on = 0;
	for (int i = 0; i < 3; i++)
		CHECK(pthread_join(threads[i], NULL) == 0);
}

/* The leader ends first: the process goes on until its last thread has ended. */
static void a_process_outlives_its_first_thread(void)
{
	static int ends[2];
	CHECK(pipe(ends) == 0);
	pid_t pid = fork();
	if (pid == 0) {
		void *later(void *unused)
		{
			(void)unused;
			exit(until_eof(ends) == 7 ? 41 : 42);
		}
		pthread_t thread;
		CHECK(pthread_create(&thread, NULL, later, NULL) == 0);
		pthread_exit(NULL);
	}
	nap(20);
	CHECK(kill(pid, 0) == 0);
	EQUAL(waitpid(pid, NULL, WNOHANG), 0);
	close(ends[1]);
	EQUAL(WEXITSTATUS(reap(pid)), 41);
}

static void exit_group_ends_threads_that_block(void)
{
	pid_t pid = fork();
	if (pid == 0) {
		static int ends[2];
		CHECK(pipe(ends) == 0);
		static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
		pthread_mutex_lock(&lock);
		void *reads(void *unused) { char byte; CHECK(read(ends[0], &byte, 1) == 1); return unused; }
		void *locks(void *unused) { pthread_mutex_lock(&lock); return unused; }
		void *polls(void *unused) { poll(NULL, 0, -1); return unused; }
		/* Its child ends when nobody is left who could write. */
		void *waits(void *unused) { child(until_eof, ends); wait(NULL); return unused; }
		void *spins(void *unused) { for (;;) ; return unused; }
		void *(*ways[])(void *) = { reads, locks, polls, waits, spins };
		for (int i = 0; i < 5; i++) {
			pthread_t thread;
			CHECK(pthread_create(&thread, NULL, ways[i], NULL) == 0);
		}
		nap(20);
		_exit(19);
	}
	EQUAL(WEXITSTATUS(reap(pid)), 19);
}

/* ---- vfork and clone */

static void vfork_shares_and_waits(void)
{
	volatile int value = 1;
	pid_t me = getpid();
	pid_t pid = vfork();
	CHECK(pid >= 0);
	if (pid == 0) {
		nap(30);
		value = 2;
		if (getppid() != me || getpid() == me)
			_exit(1);
		_exit(6);
	}
	EQUAL(value, 2);
	EQUAL(getpid(), me);
	EQUAL(WEXITSTATUS(reap(pid)), 6);
}

static int set_shared(void *at)
{
	*(volatile int *)at = getpid();
	close(0);
	CHECK(chdir("/tmp") == 0);
	return 13;
}

static void clone_shares_what_it_is_told(void)
{
	static char stack[65536] __attribute__((aligned(16)));
	static volatile int value;
	CHECK(chdir("/") == 0);
	char where[100];
	CHECK(fcntl(0, F_GETFD) >= 0);
	/* Nothing but memory. */
	pid_t pid = clone(set_shared, stack + sizeof(stack), CLONE_VM | SIGCHLD, (void *)&value);
	CHECK(pid > 0);
	EQUAL(WEXITSTATUS(reap(pid)), 13);
	EQUAL(value, pid);
	CHECK(fcntl(0, F_GETFD) >= 0);
	CHECK(strcmp(getcwd(where, sizeof(where)), "/") == 0);
	/* Nothing but descriptors and directory. */
	pid = clone(set_shared, stack + sizeof(stack), CLONE_FILES | CLONE_FS | SIGCHLD, (void *)&value);
	CHECK(pid > 0);
	EQUAL(WEXITSTATUS(reap(pid)), 13);
	CHECK(value != pid);
	FAILS(fcntl(0, F_GETFD), EBADF);
	CHECK(strcmp(getcwd(where, sizeof(where)), "/tmp") == 0);
}

static int parent_of(void *to)
{
	*(volatile int *)to = getppid();
	return 0;
}

static void clone_to_the_same_parent(void)
{
	static char stack[65536] __attribute__((aligned(16)));
	volatile int *seen = shared_ints(2);
	pid_t middle = fork();
	if (middle == 0) {
		pid_t sibling = clone(parent_of, stack + sizeof(stack), CLONE_PARENT | SIGCHLD, (void *)&seen[0]);
		CHECK(sibling > 0);
		FAILS(waitpid(sibling, NULL, 0), ECHILD);
		seen[1] = sibling;
		_exit(0);
	}
	reap(middle);
	EQUAL(waitpid(seen[1], NULL, 0), seen[1]);
	EQUAL(seen[0], getpid());
}

/* A child whose end is told by no signal, or another than SIGCHLD, is a "clone" child to wait. */
static void clone_children_are_waited_for_by_wish(void)
{
	static char stack[65536] __attribute__((aligned(16)));
	volatile int *seen = shared_ints(2);
	signal(SIGUSR1, on_alarm);
	alarms = 0;
	for (int signal = 0; signal <= SIGUSR1; signal += SIGUSR1) {
		pid_t pid = clone(parent_of, stack + sizeof(stack), signal, (void *)&seen[0]);
		CHECK(pid > 0);
		FAILS(waitpid(pid, NULL, 0), ECHILD);
		int status;
		EQUAL(waitpid(pid, &status, __WCLONE), pid);
		CHECK(WIFEXITED(status));
	}
	EQUAL(alarms, 1);
	pid_t pid = clone(parent_of, stack + sizeof(stack), 0, (void *)&seen[0]);
	EQUAL(waitpid(pid, NULL, __WALL), pid);
	pid = child(give, NULL);
	FAILS(waitpid(pid, NULL, __WCLONE), ECHILD);
	reap(pid);
}

static void clone3_numbers_and_errors(void)
{
	volatile int *tids = shared_ints(2);
	struct clone_args args = { 0 };
	args.flags = CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID;
	args.parent_tid = (unsigned long)&tids[0];
	args.child_tid = (unsigned long)&tids[1];
	args.exit_signal = SIGCHLD;
	long pid = syscall(SYS_clone3, &args, sizeof(args));
	CHECK(pid >= 0);
	if (pid == 0)
		syscall(SYS_exit_group, tids[1] == syscall(SYS_getpid) ? 0 : 1);
	EQUAL(tids[0], pid);
	EQUAL(reap(pid), 0);
	args.flags = CLONE_SIGHAND;
	FAILS(syscall(SYS_clone3, &args, sizeof(args)), EINVAL);
	args.flags = CLONE_THREAD;
	FAILS(syscall(SYS_clone3, &args, sizeof(args)), EINVAL);
	args.flags = 0, args.exit_signal = 65;
	FAILS(syscall(SYS_clone3, &args, sizeof(args)), EINVAL);
	args.exit_signal = SIGCHLD;
	FAILS(syscall(SYS_clone3, &args, 63), EINVAL);
	FAILS(syscall(SYS_clone3, (void *)16, sizeof(args)), EFAULT);
	FAILS(syscall(SYS_clone, CLONE_FS | CLONE_NEWNS, 0, 0, 0, 0), EINVAL);
	struct { struct clone_args known; unsigned long more; } large = { args, 1 };
	FAILS(syscall(SYS_clone3, &large, sizeof(large)), E2BIG);
}

static void signal_actions_are_copied_or_shared(void)
{
	static char stack[65536] __attribute__((aligned(16)));
	int set_usr1(void *unused) { (void)unused; signal(SIGUSR1, SIG_IGN); return 0; }
	struct sigaction action;
	EQUAL(reap(child(set_usr1, NULL)), 0);
	sigaction(SIGUSR1, NULL, &action);
	CHECK(action.sa_handler == SIG_DFL);
	pid_t pid = clone(set_usr1, stack + sizeof(stack), CLONE_VM | CLONE_SIGHAND | SIGCHLD, NULL);
	CHECK(pid > 0);
	reap(pid);
	sigaction(SIGUSR1, NULL, &action);
	CHECK(action.sa_handler == SIG_IGN);
}

/* ---- numbers */

static void usage_of_children(void)
{
	struct rusage usage, own;
	CHECK(getrusage(RUSAGE_CHILDREN, &usage) == 0);
	EQUAL(usage.ru_utime.tv_sec + usage.ru_utime.tv_usec + usage.ru_stime.tv_sec + usage.ru_stime.tv_usec, 0);
	EQUAL(usage.ru_minflt, 0);
	pid_t pid = fork();
	if (pid == 0) {
		struct timespec from, now;
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
		do
			clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
		while ((now.tv_sec - from.tv_sec) * 1000000000ll + now.tv_nsec - from.tv_nsec < 60000000);
		volatile char *pages = mmap(0, 4 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		for (int i = 0; i < 4 << 20; i += 4096)
			pages[i] = 1;
		_exit(0);
	}
	int status;
	EQUAL(wait4(pid, &status, 0, &own), pid);
	CHECK(getrusage(RUSAGE_CHILDREN, &usage) == 0);
	long long micros = usage.ru_utime.tv_sec * 1000000ll + usage.ru_utime.tv_usec + usage.ru_stime.tv_sec * 1000000ll
		+ usage.ru_stime.tv_usec;
	CHECK(micros >= 59000);
	long long his = own.ru_utime.tv_sec * 1000000ll + own.ru_utime.tv_usec + own.ru_stime.tv_sec * 1000000ll
		+ own.ru_stime.tv_usec;
	CHECK(his >= 59000);
	CHECK(own.ru_maxrss >= 4096);
	CHECK(usage.ru_maxrss >= 4096);
	CHECK(own.ru_minflt >= 2);
	CHECK(usage.ru_minflt >= own.ru_minflt);
}

static void limits(void)
{
	struct rlimit limit, old;
	CHECK(prlimit(0, RLIMIT_NOFILE, NULL, &old) == 0);
	int ends[2];
	CHECK(pipe(ends) == 0);
	pid_t pid = child(until_eof, ends);
	limit.rlim_cur = 20, limit.rlim_max = old.rlim_max;
	CHECK(prlimit(pid, RLIMIT_NOFILE, &limit, NULL) == 0);
	CHECK(prlimit(pid, RLIMIT_NOFILE, NULL, &limit) == 0);
	EQUAL(limit.rlim_cur, 20);
	CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
	EQUAL(limit.rlim_cur, old.rlim_cur);
	FAILS(prlimit(999999, RLIMIT_NOFILE, NULL, &limit), ESRCH);
	FAILS(prlimit(0, 77, NULL, &limit), EINVAL);
	limit.rlim_cur = 30, limit.rlim_max = 20;
	FAILS(setrlimit(RLIMIT_NOFILE, &limit), EINVAL);
	close(ends[1]);
	reap(pid);
	/* Children have it too. */
	limit.rlim_cur = 64, limit.rlim_max = old.rlim_max;
	CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
	pid = fork();
	if (pid == 0) {
		CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
		_exit(limit.rlim_cur == 64 ? 0 : 1);
	}
	EQUAL(reap(pid), 0);
}

static void many_children_at_once(void)
{
	enum { MANY = 60 };
	pid_t pids[MANY];
	int ends[2];
	CHECK(pipe(ends) == 0);
	for (int i = 0; i < MANY; i++)
		pids[i] = child(until_eof, ends);
	for (int i = 0; i < MANY; i++)
		for (int j = 0; j < i; j++)
			CHECK(pids[i] != pids[j]);
	close(ends[1]);
	for (int i = 0; i < MANY; i++)
		EQUAL(WEXITSTATUS(reap(pids[i])), 7);
	FAILS(wait(NULL), ECHILD);
}

static void a_chain_of_generations(void)
{
	int depth(void *left)
	{
		if (left == 0)
			return 1;
		return WEXITSTATUS(reap(child(depth, (void *)((long)left - 1)))) + 1;
	}
	EQUAL(WEXITSTATUS(reap(child(depth, (void *)30))), 31);
}

static void several_threads_fork_and_wait(void)
{
	void *forks(void *unused)
	{
		for (int i = 0; i < 15; i++)
			EQUAL(WEXITSTATUS(reap(child(give, (void *)(long)i))), i);
		return unused;
	}
	pthread_t threads[4];
	for (int i = 0; i < 4; i++)
		CHECK(pthread_create(&threads[i], NULL, forks, NULL) == 0);
	for (int i = 0; i < 4; i++)
		CHECK(pthread_join(threads[i], NULL) == 0);
}

/* ---- locks that processes share */

static void a_shared_mutex_and_condition(void)
{
	struct shared { pthread_mutex_t lock; pthread_cond_t changed; int turn; pthread_barrier_t barrier; };
	struct shared *shared = (void *)shared_ints(256);
	pthread_mutexattr_t mutex;
	pthread_condattr_t condition;
	pthread_barrierattr_t barrier;
	pthread_mutexattr_init(&mutex), pthread_condattr_init(&condition), pthread_barrierattr_init(&barrier);
	pthread_mutexattr_setpshared(&mutex, PTHREAD_PROCESS_SHARED);
	pthread_condattr_setpshared(&condition, PTHREAD_PROCESS_SHARED);
	pthread_barrierattr_setpshared(&barrier, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init(&shared->lock, &mutex), pthread_cond_init(&shared->changed, &condition);
	pthread_barrier_init(&shared->barrier, &barrier, 2);
	pid_t pid = fork();
	int mine = pid == 0;
	pthread_barrier_wait(&shared->barrier);
	for (int i = 0; i < 200; i++) {
		pthread_mutex_lock(&shared->lock);
		while (shared->turn % 2 != mine)
			pthread_cond_wait(&shared->changed, &shared->lock);
		shared->turn++;
		pthread_cond_broadcast(&shared->changed);
		pthread_mutex_unlock(&shared->lock);
	}
	if (pid == 0)
		_exit(0);
	EQUAL(reap(pid), 0);
	EQUAL(shared->turn, 400);
}

static void a_robust_mutex_outlives_its_owner(void)
{
	pthread_mutex_t *lock = (void *)shared_ints(64);
	volatile int *is_locked = (volatile int *)lock + 60;
	pthread_mutexattr_t attributes;
	pthread_mutexattr_init(&attributes);
	pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
	CHECK(pthread_mutex_init(lock, &attributes) == 0);
	pid_t pid = fork();
	if (pid == 0) {
		CHECK(pthread_mutex_lock(lock) == 0);
		*is_locked = 1;
		nap(30);
		kill(getpid(), SIGKILL);
	}
	UNTIL(*is_locked);
	EQUAL(pthread_mutex_lock(lock), EOWNERDEAD);
	CHECK(pthread_mutex_consistent(lock) == 0);
	CHECK(pthread_mutex_unlock(lock) == 0);
	CHECK(pthread_mutex_lock(lock) == 0);
	reap(pid);
}

static const struct test CASES[] = {
#define CASE(name) { #name, name }
	CASE(exit_codes), CASE(deaths_by_signal), CASE(no_children), CASE(nohang_tells_who_still_runs),
	CASE(waitid_leaves_and_describes), CASE(stops_and_continues), CASE(a_stop_holds_every_thread),
	CASE(wait_is_interrupted), CASE(threads_wait_for_each_others_children), CASE(sigchld_says_what_happened),
	CASE(ignored_children_leave_nothing), CASE(orphans_go_to_init), CASE(orphans_go_to_a_subreaper),
	CASE(a_parents_death_is_told), CASE(groups), CASE(kill_reaches_its_group),
	CASE(a_stopped_orphaned_group_is_hung_up), CASE(an_orphaned_group_does_not_stop), CASE(pids),
	CASE(descriptors_are_copied_files_are_shared), CASE(masks_pend_and_timers), CASE(a_thread_forks),
	CASE(a_process_outlives_its_first_thread), CASE(exit_group_ends_threads_that_block),
	CASE(vfork_shares_and_waits), CASE(clone_shares_what_it_is_told), CASE(clone_to_the_same_parent),
	CASE(clone_children_are_waited_for_by_wish), CASE(clone3_numbers_and_errors),
	CASE(signal_actions_are_copied_or_shared), CASE(usage_of_children), CASE(limits), CASE(many_children_at_once),
	CASE(a_chain_of_generations), CASE(several_threads_fork_and_wait), CASE(a_shared_mutex_and_condition),
	CASE(a_robust_mutex_outlives_its_owner),
};

MAIN(CASES)
