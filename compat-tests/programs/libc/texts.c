// Texts of errors and signals, and the functions that print them.
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <error.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void ended(void) { fflush(stdout); }

int main(int argc, char **argv) {
    for (int number = -1; number < 140; number++) {
        char text[64] = "";
        printf("%d '%s' %s %s\n", number, strerror(number), strerrorname_np(number) ?: "-", strerrordesc_np(number) ?: "-");
        printf(" xpg %d '%s'", __xpg_strerror_r(number, text, sizeof text), text);
        memset(text, 0, sizeof text);
        printf(" %d '%s'", __xpg_strerror_r(number, text, 5), text);
        printf(" gnu '%s'\n", strerror_r(number, text, sizeof text));
    }
    for (int number = -1; number < 70; number++)
        printf("%d '%s' %s %s\n", number, strsignal(number), sigabbrev_np(number) ?: "-", sigdescr_np(number) ?: "-");
    for (int number = -20; number < 5; number++) printf("%d '%s' '%s'\n", number, gai_strerror(number), hstrerror(number));
    for (int number = -110; number < -95; number++) printf("%d '%s'\n", number, gai_strerror(number));

    // What goes to standard error is wanted here.
    fflush(stdout), dup2(1, 2);
    errno = ENOENT, perror("perror"), errno = 0, perror(""), errno = 4711, perror(0);
    psignal(SIGTERM, "psignal"), psignal(99, 0), psignal(SIGRTMIN + 1, "");
    errno = EPERM, warn("warn %d", 1), warnx("warnx %s", "2");
    errno = EACCES, warn(0), warnx(0);
    errno = EINTR;
    error(0, 0, "error %d", 3), error(0, ENOSPC, "error %d", 4);
    error_at_line(0, EDOM, "file.c", 12, "at line"), error_at_line(0, 0, "file.c", 12, "again");
    error_one_per_line = 1;
    error_at_line(0, 0, "file.c", 12, "once"), error_at_line(0, 0, "file.c", 12, "twice"), error_at_line(0, 0, "file.c", 13, "other");
    printf("%u messages\n", error_message_count);
    fprintf(stderr, "%m %s\n", "m");
    program_invocation_name = "changed";
    error(0, 0, "by another name");
    atexit(ended);
    errno = EMFILE;
    err(3, "the end of %s", "it");
}
