// posix_spawn with every action and attribute, system, popen, exec's forms and what they say of failures.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static void waited(const char *what, int result, pid_t child) {
    int status = 0;
    if (result == 0) waitpid(child, &status, 0);
    printf("%s: %d, status %x\n", what, result, status);
    fflush(stdout);
}
#define SH(text) (char *[]){"sh", "-c", text, 0}
#define SPAWN(actions, attributes, text) do { pid_t child = -7; int result = posix_spawn(&child, "/bin/sh", actions, attributes, SH(text), environ); waited(text, result, child); } while (0)

int main(void) {
    pid_t child = -7;
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    setvbuf(stdout, 0, _IOLBF, 0);
    setenv("GREETING", "hello", 1);
    SPAWN(0, 0, "echo $GREETING; exit 3");
    waited("absent", posix_spawn(&child, "/absent", 0, 0, SH("x"), environ), child);
    waited("a folder", posix_spawn(&child, "/", 0, 0, SH("x"), environ), child);
    int file = open("script", O_CREAT | O_WRONLY | O_TRUNC, 0755);
    write(file, "echo no first line; exit 4\n", 27), close(file);
    waited("posix_spawn of text", posix_spawn(&child, "./script", 0, 0, SH("x"), environ), child);
    waited("posix_spawnp of text", posix_spawnp(&child, "./script", 0, 0, SH("x"), environ), child);
    waited("posix_spawnp by PATH", posix_spawnp(&child, "sh", 0, 0, SH("exit 5"), environ), child);
    waited("posix_spawnp of nothing", posix_spawnp(&child, "", 0, 0, SH("exit 5"), environ), child);
    setenv("PATH", "/nowhere:/bin", 1);
    waited("posix_spawnp later in PATH", posix_spawnp(&child, "sh", 0, 0, SH("exit 6"), (char *[]){"PATH=/nowhere", 0}), child);
    waited("posix_spawnp absent", posix_spawnp(&child, "absent", 0, 0, SH("exit 6"), environ), child);

    posix_spawn_file_actions_init(&actions);
    int dup = open("/dev/null", O_RDONLY);
    printf("adddup2 %d\n", posix_spawn_file_actions_adddup2(&actions, 1, 9));
    printf("adddup2 of itself %d\n", posix_spawn_file_actions_adddup2(&actions, dup, dup));
    printf("addopen %d\n", posix_spawn_file_actions_addopen(&actions, 8, "made", O_CREAT | O_WRONLY | O_TRUNC, 0640));
    printf("addclose %d\n", posix_spawn_file_actions_addclose(&actions, 77));
    printf("bad ones %d %d %d\n", posix_spawn_file_actions_addclose(&actions, -1), posix_spawn_file_actions_adddup2(&actions, 0, -1),
           posix_spawn_file_actions_addopen(&actions, -1, "x", 0, 0));
    printf("addchdir %d\n", posix_spawn_file_actions_addchdir_np(&actions, "/usr"));
    fcntl(dup, F_SETFD, FD_CLOEXEC);
    char command[128];
    snprintf(command, sizeof command, "pwd >&9; echo to the file >&8; test -e /proc/self/fd/%d && echo kept; exit 1", dup);
    posix_spawn(&child, "/bin/sh", &actions, 0, SH(command), environ);
    waited("actions", 0, child);
    struct stat data;
    int found = stat("made", &data);
    printf("made: %d %o %ld\n", found, data.st_mode, (long)data.st_size);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 8, "/absent/x", O_RDONLY, 0);
    child = -7;
    waited("an action that fails", posix_spawn(&child, "/bin/sh", &actions, 0, SH("exit 0"), environ), child);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addfchdir_np(&actions, 99);
    waited("another", posix_spawn(&child, "/bin/sh", &actions, 0, SH("exit 0"), environ), child);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawn_file_actions_init(&actions);
    printf("addclosefrom %d %d\n", posix_spawn_file_actions_addclosefrom_np(&actions, 3), posix_spawn_file_actions_addclosefrom_np(&actions, -1));
    int kept = fcntl(1, F_DUPFD, 30);
    SPAWN(&actions, 0, "ls /proc/self/fd | wc -l");
    close(kept);
    posix_spawn_file_actions_destroy(&actions);

    posix_spawnattr_init(&attributes);
    short flags = -1;
    sigset_t set;
    pid_t group = -1;
    struct sched_param parameter = {9};
    int policy = -1;
    printf("defaults %d %d", posix_spawnattr_getflags(&attributes, &flags), flags);
    printf(" %d %d", posix_spawnattr_getpgroup(&attributes, &group), group);
    printf(" %d %d", posix_spawnattr_getschedpolicy(&attributes, &policy), policy);
    printf(" %d %d", posix_spawnattr_getschedparam(&attributes, &parameter), parameter.sched_priority);
    printf(" %d", posix_spawnattr_getsigmask(&attributes, &set)), printf(" %d", sigismember(&set, SIGINT));
    printf(" %d", posix_spawnattr_getsigdefault(&attributes, &set)), printf(" %d\n", sigismember(&set, SIGINT));
    for (int flag = 1; flag < 0x10000 && flag < 0x7fff; flag <<= 1) printf("flag %x: %d\n", flag, posix_spawnattr_setflags(&attributes, flag));
    sigemptyset(&set), sigaddset(&set, SIGTERM);
    posix_spawnattr_setsigmask(&attributes, &set);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    SPAWN(0, &attributes, "grep SigBlk /proc/self/status");
    signal(SIGUSR1, SIG_IGN), signal(SIGUSR2, SIG_IGN);
    sigemptyset(&set), sigaddset(&set, SIGUSR1);
    posix_spawnattr_setsigdefault(&attributes, &set);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
    SPAWN(0, &attributes, "grep SigIgn /proc/self/status | cut -c18-");
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
    SPAWN(0, &attributes, "test $(cut -d' ' -f5 /proc/$$/stat) = $$ && echo leads its group");
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);
    SPAWN(0, &attributes, "test $(cut -d' ' -f6 /proc/$$/stat) = $$ && echo leads its session");
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_RESETIDS | POSIX_SPAWN_USEVFORK);
    SPAWN(0, &attributes, "exit 2");
    parameter.sched_priority = 0;
    posix_spawnattr_setschedpolicy(&attributes, SCHED_BATCH), posix_spawnattr_setschedparam(&attributes, &parameter);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSCHEDULER);
    SPAWN(0, &attributes, "cut -d' ' -f41 /proc/$$/stat");
    posix_spawnattr_destroy(&attributes);

    printf("system %x %x %x\n", system("exit 3"), system("kill -9 $$"), system(0) != 0);
    printf("system absent %x\n", system("/absent/x 2>/dev/null"));
    FILE *pipe = popen("echo from the pipe; exit 7", "r");
    char line[64] = "";
    fgets(line, sizeof line, pipe), printf("popen %s", line), printf("%x\n", pclose(pipe));
    pipe = popen("cat; exit 0", "we"), fputs("to the pipe\n", pipe), printf("pclose %x\n", pclose(pipe));
    errno = 0, printf("popen ? %d", popen("true", "?") == 0), printf(" %d\n", errno);
    fflush(stdout);
    if ((child = fork()) == 0) execl("/bin/sh", "sh", "-c", "echo $0 $1", "zero", "one", (char *)0), _exit(9);
    waited("execl", 0, child);
    if ((child = fork()) == 0) execle("/bin/sh", "sh", "-c", "echo [$GREETING] $A", (char *)0, (char *[]){"A=b", 0}), _exit(9);
    waited("execle", 0, child);
    if ((child = fork()) == 0) execlp("./script", "script", (char *)0), _exit(9);
    waited("execlp of text", 0, child);
    if ((child = fork()) == 0) execvpe("sh", SH("echo $PATH"), (char *[]){"PATH=/x", 0}), _exit(9);
    waited("execvpe", 0, child);
    if ((child = fork()) == 0) execv("./script", SH("x")), _exit(errno);
    waited("execv of text", 0, child);
    chmod("script", 0644);
    if ((child = fork()) == 0) execvp("./script", SH("x")), _exit(errno);
    waited("execvp without leave", 0, child);
    if ((child = fork()) == 0) fexecve(open("/bin/sh", O_RDONLY | O_CLOEXEC), SH("exit 8"), environ), _exit(errno);
    waited("fexecve", 0, child);
    printf("fexecve %d", fexecve(-1, SH("x"), environ)), printf(" %d\n", errno);
    unlink("script"), unlink("made");
    return 0;
}
