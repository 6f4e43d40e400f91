/* execve and what calls it: what a program keeps and what it loses. */
#include "check.h"
#include <spawn.h>
#include <sys/prctl.h>

extern char **environ;
static char self[4096];

/* The second program: this one, told by its first argument what to look at. */
static char *const *second(char *const *arguments)
{
	static char *all[16];
	int count = 0;
	all[count++] = self;
	all[count++] = "--second";
	while (*arguments)
		all[count++] = *arguments++;
	all[count] = NULL;
	return all;
}
#define SECOND(...) second((char *const[]){ __VA_ARGS__, NULL })

static int runs(char *const *arguments)
{
	pid_t pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		execve(self, arguments, environ);
		_exit(98);
	}
	return reap(pid);
}

static void write_file(const char *path, const char *text, mode_t mode)
{
	int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	CHECK(file >= 0);
	CHECK(write(file, text, strlen(text)) == (ssize_t)strlen(text));
	CHECK(fchmod(file, mode) == 0);
	CHECK(close(file) == 0);
}

/* A name in a folder of this case's own. */
static const char *in_folder(const char *name)
{
	static char folder[64], path[2][200];
	static int turn;
	if (!folder[0]) {
		strcpy(folder, "/tmp/osv-exec-XXXXXX");
		CHECK(mkdtemp(folder) != NULL);
	}
	char *to = path[turn++ % 2];
	snprintf(to, sizeof(path[0]), "%s/%s", folder, name);
	return to;
}

/* A program that runs is not written to, and a file that is written to is not run. */
static void busy_text(void)
{
	CHECK(open(self, O_WRONLY) == -1 && errno == ETXTBSY);
	CHECK(open(self, O_RDWR | O_TRUNC) == -1 && errno == ETXTBSY);
	CHECK(truncate(self, 1 << 20) == -1 && errno == ETXTBSY);
	const char *path = in_folder("busy");
	write_file(path, "#!/proc/self/exe\n", 0755);
	int file = open(path, O_WRONLY | O_APPEND);
	CHECK(file >= 0);
	char *const arguments[] = { "busy", NULL };
	CHECK(execve(path, arguments, environ) == -1 && errno == ETXTBSY);
	CHECK(close(file) == 0);
	/* What was open for writing once can be written again after it ran. */
	CHECK((file = open(path, O_WRONLY)) >= 0 && close(file) == 0);
}

static void arguments_and_environment(void)
{
	clearenv();
	setenv("OSV_ONE", "1", 1);
	setenv("OSV_EMPTY", "", 1);
	EQUAL(runs(SECOND("arguments", "", "two words", "\xc3\xa9")), 0);
	/* A list of many. */
	static char *many[3003];
	many[0] = self, many[1] = "--second", many[2] = "count";
	for (int i = 3; i < 3002; i++)
		many[i] = "an argument";
	EQUAL(WEXITSTATUS(runs(many)), 3002 & 255);
	/* One that is large, one that is too large, and too much together. */
	char *large = malloc(140000);
	memset(large, 'x', 140000);
	large[120000] = 0;
	EQUAL(runs(SECOND("length", large)), 0);
	large[120000] = 'x', large[135000] = 0;
	FAILS(execve(self, SECOND("length", large), environ), E2BIG);
	large[100000] = 0;
	static char *much[100];
	for (int i = 0; i < 99; i++)
		much[i] = large;
	FAILS(execve(self, much, environ), E2BIG);
}

static void errors(void)
{
	char *const nothing[] = { NULL };
	FAILS(execve("/no/such/program", nothing, environ), ENOENT);
	FAILS(execve("", nothing, environ), ENOENT);
	FAILS(execve("/tmp", nothing, environ), EACCES);
	write_file(in_folder("plain"), "text", 0644);
	FAILS(execve(in_folder("plain"), nothing, environ), EACCES);
	FAILS(execve("/etc/passwd/x", nothing, environ), ENOTDIR);
	write_file(in_folder("text"), "text without sense\n", 0755);
	FAILS(execve(in_folder("text"), nothing, environ), ENOEXEC);
	write_file(in_folder("empty"), "", 0755);
	FAILS(execve(in_folder("empty"), nothing, environ), ENOEXEC);
	write_file(in_folder("cut"), "\177ELF\2\1\1", 0755);
	FAILS(execve(in_folder("cut"), nothing, environ), ENOEXEC);
	write_file(in_folder("lost"), "#!/no/such/interpreter\n", 0755);
	FAILS(execve(in_folder("lost"), nothing, environ), ENOENT);
	write_file(in_folder("nobody"), "#!\n", 0755);
	FAILS(execve(in_folder("nobody"), nothing, environ), ENOEXEC);
	/* What gcc does not see through. */
	char *volatile wild = (char *)16;
	FAILS(execve(wild, nothing, environ), EFAULT);
	FAILS(execve(self, (char **)wild, environ), EFAULT);
	FAILS(execve(self, nothing, (char **)wild), EFAULT);
	FAILS(execve(self, (char *const[]){ self, wild, NULL }, environ), EFAULT);
	/* Nothing was lost by all that. */
	EQUAL(WEXITSTATUS(runs(SECOND("count"))), 3);
}

static void scripts(void)
{
	char text[8192];
	const char *path = in_folder("script");
	snprintf(text, sizeof(text), "#! %s --second script\nrest", self);
	write_file(path, text, 0755);
	pid_t pid = fork();
	if (pid == 0) {
		/* Linux gives everything after the interpreter's name as one argument. */
		execl(path, "its own name", "more", NULL);
		_exit(98);
	}
	EQUAL(WEXITSTATUS(reap(pid)), 44);
	/* A script may be another's interpreter, up to a depth. */
	const char *last = "/tmp/osv-exec-chain-0";
	snprintf(text, sizeof(text), "#!%s\n", self);
	write_file(last, text, 0755);
	for (int i = 1; i < 8; i++) {
		char name[64];
		snprintf(text, sizeof(text), "#!/tmp/osv-exec-chain-%d\n", i - 1);
		snprintf(name, sizeof(name), "/tmp/osv-exec-chain-%d", i);
		write_file(name, text, 0755);
	}
	for (int i = 0; i < 8; i++) {
		char name[64];
		snprintf(name, sizeof(name), "/tmp/osv-exec-chain-%d", i);
		pid = fork();
		if (pid == 0) {
			execl(name, name, NULL);
			_exit(errno == ELOOP ? 97 : 98);
		}
		int status = WEXITSTATUS(reap(pid));
		/* The program is told the scripts' names: its second argument is none that it knows. */
		EQUAL(status, i < 5 ? 96 : 97);
	}
	for (int i = 0; i < 8; i++) {
		snprintf(text, sizeof(text), "/tmp/osv-exec-chain-%d", i);
		unlink(text);
	}
}

static void descriptors(void)
{
	int kept = open("/dev/null", O_RDONLY), closed = open("/dev/null", O_RDONLY | O_CLOEXEC);
	CHECK(kept >= 0 && closed >= 0);
	char one[20], two[20];
	snprintf(one, sizeof(one), "%d", kept), snprintf(two, sizeof(two), "%d", closed);
	EQUAL(runs(SECOND("descriptors", one, two)), 0);
	/* The parent still has both. */
	CHECK(fcntl(kept, F_GETFD) == 0 && fcntl(closed, F_GETFD) == FD_CLOEXEC);
}

static void handler(int signal) { (void)signal; }

static void signals(void)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	signal(SIGUSR1, handler);
	signal(SIGHUP, SIG_IGN);
	signal(SIGCHLD, SIG_DFL);
	sigprocmask(SIG_BLOCK, &set, NULL);
	pid_t pid = fork();
	if (pid == 0) {
		raise(SIGUSR2);
		stack_t stack = { .ss_sp = malloc(65536), .ss_size = 65536 };
		CHECK(sigaltstack(&stack, NULL) == 0);
		alarm(20);
		execve(self, SECOND("signals"), environ);
		_exit(98);
	}
	EQUAL(reap(pid), 0);
}

static void what_stays(void)
{
	char number[3][20];
	pid_t pid = fork();
	if (pid == 0) {
		CHECK(setpgid(0, 0) == 0);
		CHECK(chdir("/tmp") == 0);
		umask(027);
		/* The last value: whatever this was started with, it may go there. */
		CHECK(setpriority(PRIO_PROCESS, 0, 19) == 0);
		struct rlimit limit = { 77, 177 };
		CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
		CHECK(prctl(PR_SET_NAME, "another name") == 0);
		snprintf(number[0], 20, "%d", getpid());
		snprintf(number[1], 20, "%d", getppid());
		execve(self, SECOND("stays", number[0], number[1]), environ);
		_exit(98);
	}
	EQUAL(reap(pid), 0);
}

static volatile int others;
static void *other(void *unused)
{
	__sync_fetch_and_add(&others, 1);
	for (;;)
		pause();
	return unused;
}
static void *spinning(void *unused)
{
	__sync_fetch_and_add(&others, 1);
	for (;;)
		;
	return unused;
}
static void *execs(void *number)
{
	UNTIL(others == 4);
	execve(self, SECOND("alone", number), environ);
	_exit(98);
	return NULL;
}

static void a_thread_execs(void)
{
	pid_t pid = fork();
	if (pid == 0) {
		static char number[20];
		snprintf(number, sizeof(number), "%d", getpid());
		pthread_t thread;
		for (int i = 0; i < 3; i++)
			CHECK(pthread_create(&thread, NULL, i == 0 ? spinning : other, NULL) == 0);
		CHECK(pthread_create(&thread, NULL, execs, number) == 0);
		other(NULL);
	}
	EQUAL(reap(pid), 0);
}

static void from_a_descriptor(void)
{
	int file = open(self, O_RDONLY | O_CLOEXEC);
	CHECK(file >= 0);
	pid_t pid = fork();
	if (pid == 0) {
		syscall(SYS_execveat, file, "", SECOND("count"), environ, AT_EMPTY_PATH);
		_exit(98);
	}
	EQUAL(WEXITSTATUS(reap(pid)), 3);
	pid = fork();
	if (pid == 0) {
		fexecve(file, SECOND("count", "more"), environ);
		_exit(98);
	}
	EQUAL(WEXITSTATUS(reap(pid)), 4);
	char folder[4096];
	strcpy(folder, self);
	*strrchr(folder, '/') = 0;
	int dir = open(folder[0] ? folder : "/", O_RDONLY | O_DIRECTORY);
	CHECK(dir >= 0);
	pid = fork();
	if (pid == 0) {
		syscall(SYS_execveat, dir, strrchr(self, '/') + 1, SECOND("count"), environ, 0);
		_exit(98);
	}
	EQUAL(WEXITSTATUS(reap(pid)), 3);
	FAILS(syscall(SYS_execveat, file, "x", SECOND("count"), environ, 0), ENOTDIR);
	FAILS(syscall(SYS_execveat, 999, "x", SECOND("count"), environ, 0), EBADF);
	FAILS(syscall(SYS_execveat, file, "", SECOND("count"), environ, 0), ENOENT);
	FAILS(syscall(SYS_execveat, file, "", SECOND("count"), environ, AT_EMPTY_PATH | 0x40), EINVAL);
}

static void vfork_and_exec(void)
{
	for (int i = 0; i < 5; i++) {
		pid_t pid = vfork();
		CHECK(pid >= 0);
		if (pid == 0) {
			execve(self, (char *const[]){ self, "--second", "count", NULL }, environ);
			_exit(98);
		}
		EQUAL(WEXITSTATUS(reap(pid)), 3);
	}
}

static void spawn(void)
{
	pid_t pid;
	CHECK(posix_spawn(&pid, self, NULL, NULL, SECOND("count", "3"), environ) == 0);
	EQUAL(WEXITSTATUS(reap(pid)), 4);
	EQUAL(posix_spawn(&pid, "/no/such/program", NULL, NULL, SECOND("count"), environ), ENOENT);
	FAILS(wait(NULL), ECHILD);
	/* Actions on descriptors, in order. */
	posix_spawn_file_actions_t actions;
	posix_spawn_file_actions_init(&actions);
	int ends[2];
	CHECK(pipe(ends) == 0);
	posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
	posix_spawn_file_actions_addclose(&actions, ends[0]);
	posix_spawn_file_actions_addclose(&actions, ends[1]);
	posix_spawn_file_actions_addopen(&actions, 77, "/dev/null", O_RDONLY, 0);
	CHECK(posix_spawn(&pid, self, &actions, NULL, SECOND("print", "77"), environ) == 0);
	close(ends[1]);
	char text[100];
	ssize_t got = read(ends[0], text, sizeof(text));
	EQUAL(got, 3);
	CHECK(memcmp(text, "77\n", 3) == 0);
	EQUAL(reap(pid), 0);
	posix_spawn_file_actions_destroy(&actions);
	/* Attributes. */
	posix_spawnattr_t attributes;
	posix_spawnattr_init(&attributes);
	sigset_t mask, defaults;
	sigemptyset(&mask), sigemptyset(&defaults);
	sigaddset(&mask, SIGUSR2), sigaddset(&defaults, SIGHUP);
	signal(SIGHUP, SIG_IGN);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
	posix_spawnattr_setsigmask(&attributes, &mask);
	posix_spawnattr_setsigdefault(&attributes, &defaults);
	posix_spawnattr_setpgroup(&attributes, 0);
	CHECK(posix_spawn(&pid, self, NULL, &attributes, SECOND("attributes"), environ) == 0);
	EQUAL(reap(pid), 0);
	CHECK(posix_spawnp(&pid, "sh", NULL, NULL, (char *const[]){ "sh", "-c", "exit 9", NULL }, environ) == 0);
	EQUAL(WEXITSTATUS(reap(pid)), 9);
}

static void shells(void)
{
	EQUAL(WEXITSTATUS(system("exit 7")), 7);
	CHECK(system(NULL) != 0);
	EQUAL(WEXITSTATUS(system("/no/such/program 2>/dev/null")), 127);
	int status = system("kill -9 $$");
	CHECK(WIFSIGNALED(status));
	EQUAL(WTERMSIG(status), 9);
	FILE *pipe = popen("echo one; echo two | cat", "r");
	CHECK(pipe != NULL);
	char line[100];
	CHECK(fgets(line, sizeof(line), pipe) && strcmp(line, "one\n") == 0);
	CHECK(fgets(line, sizeof(line), pipe) && strcmp(line, "two\n") == 0);
	CHECK(fgets(line, sizeof(line), pipe) == NULL);
	EQUAL(pclose(pipe), 0);
	pipe = popen("read x; test \"$x\" = hello && exit 5", "w");
	CHECK(pipe != NULL);
	fputs("hello\n", pipe);
	EQUAL(WEXITSTATUS(pclose(pipe)), 5);
}

static void *spawns(void *unused)
{
	for (int i = 0; i < 6; i++) {
		pid_t pid;
		char *const arguments[] = { self, "--second", "count", NULL };
		CHECK(posix_spawn(&pid, self, NULL, NULL, arguments, environ) == 0);
		EQUAL(WEXITSTATUS(reap(pid)), 3);
	}
	return unused;
}

static void from_several_threads(void)
{
	pthread_t threads[3];
	for (int i = 0; i < 3; i++)
		CHECK(pthread_create(&threads[i], NULL, spawns, NULL) == 0);
	for (int i = 0; i < 3; i++)
		CHECK(pthread_join(threads[i], NULL) == 0);
}

/* ---- the second program */

static int is_set(const sigset_t *set, int signal) { return sigismember(set, signal) == 1; }

static int second_main(int argc, char **argv)
{
	const char *what = argc > 2 ? argv[2] : "";
	struct sigaction action;
	sigset_t set;
	if (strcmp(what, "count") == 0)
		return argc & 255;
	if (strcmp(what, "length") == 0)
		return strlen(argv[3]) == 120000 ? 0 : 1;
	if (strcmp(what, "print") == 0) {
		CHECK(fcntl(atoi(argv[3]), F_GETFD) == 0);
		puts(argv[3]);
		return 0;
	}
	if (strcmp(what, "arguments") == 0) {
		EQUAL(argc, 6);
		CHECK(argv[6] == NULL);
		CHECK(strcmp(argv[0], self) == 0);
		CHECK(strcmp(argv[3], "") == 0 && strcmp(argv[4], "two words") == 0 && strcmp(argv[5], "\xc3\xa9") == 0);
		CHECK(strcmp(getenv("OSV_ONE"), "1") == 0 && strcmp(getenv("OSV_EMPTY"), "") == 0);
		int count = 0;
		while (environ[count])
			count++;
		EQUAL(count, 2);
		return 0;
	}
	if (strcmp(what, "descriptors") == 0) {
		CHECK(fcntl(atoi(argv[3]), F_GETFD) == 0);
		FAILS(fcntl(atoi(argv[4]), F_GETFD), EBADF);
		return 0;
	}
	if (strcmp(what, "signals") == 0) {
		sigaction(SIGUSR1, NULL, &action);
		CHECK(action.sa_handler == SIG_DFL);
		sigaction(SIGHUP, NULL, &action);
		CHECK(action.sa_handler == SIG_IGN);
		sigprocmask(SIG_BLOCK, NULL, &set);
		CHECK(is_set(&set, SIGUSR2));
		sigpending(&set);
		CHECK(is_set(&set, SIGUSR2));
		stack_t stack;
		CHECK(sigaltstack(NULL, &stack) == 0);
		EQUAL(stack.ss_flags, SS_DISABLE);
		CHECK(alarm(0) > 0);
		return 0;
	}
	if (strcmp(what, "attributes") == 0) {
		sigaction(SIGHUP, NULL, &action);
		CHECK(action.sa_handler == SIG_DFL);
		sigprocmask(SIG_BLOCK, NULL, &set);
		CHECK(is_set(&set, SIGUSR2) && !is_set(&set, SIGUSR1));
		EQUAL(getpgrp(), getpid());
		return 0;
	}
	if (strcmp(what, "stays") == 0) {
		char text[100];
		struct rlimit limit;
		EQUAL(getpid(), atoi(argv[3]));
		EQUAL(getppid(), atoi(argv[4]));
		EQUAL(getpgrp(), getpid());
		CHECK(strcmp(getcwd(text, sizeof(text)), "/tmp") == 0);
		EQUAL(umask(0), 027);
		CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
		EQUAL(limit.rlim_cur, 77);
		EQUAL(limit.rlim_max, 177);
		EQUAL(getpriority(PRIO_PROCESS, 0), 19);
		CHECK(prctl(PR_GET_NAME, text) == 0);
		const char *base = strrchr(self, '/') + 1;
		CHECK(strncmp(text, base, 15) == 0);
		return 0;
	}
	if (strcmp(what, "alone") == 0) {
		EQUAL(getpid(), atoi(argv[3]));
		EQUAL(syscall(SYS_gettid), getpid());
		/* Nobody else is left to wait for. */
		FAILS(syscall(SYS_tgkill, getpid(), getpid() + 1, 0), ESRCH);
		return 0;
	}
	return 96;
}

static const struct test CASES[] = {
#define CASE(name) { #name, name }
	CASE(arguments_and_environment), CASE(errors), CASE(scripts), CASE(descriptors), CASE(signals), CASE(what_stays),
	CASE(a_thread_execs), CASE(from_a_descriptor), CASE(vfork_and_exec), CASE(spawn), CASE(shells),
	CASE(from_several_threads), CASE(busy_text),
};

int main(int argc, char **argv)
{
	ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (length <= 0)
		return 95;
	if (argc > 1 && strcmp(argv[1], "--second") == 0)
		return second_main(argc, argv);
	/* A script's interpreter: our name, the rest of the line, the script, its arguments. */
	if (argc == 4 && strcmp(argv[1], "--second script") == 0)
		return strstr(argv[2], "/script") && strcmp(argv[3], "more") == 0 ? 44 : 45;
	if (argc > 1 && argv[1][0] == '/')
		return 96;
	return run_cases(CASES, sizeof(CASES) / sizeof(CASES[0]), argc, argv);
}
