// Law 9: a private futex is an address of one address space, a shared one a place in an object, wherever it is mapped.
#include "law.h"
#include <fcntl.h>
#include <linux/futex.h>

static long futex(void *word, int operation, int value, long milliseconds) {
    struct timespec limit = {milliseconds / 1000, milliseconds % 1000 * 1000000};
    long result = syscall(SYS_futex, word, operation, value, milliseconds ? &limit : 0, 0, 0);
    return result < 0 ? -errno : result;
}

struct wait {
    void *word;
    int operation;
    volatile int started;
    long result;
};
static void *sleeper(void *argument) {
    struct wait *wait = argument;
    wait->started = 1;
    wait->result = futex(wait->word, wait->operation, 0, 60000);
    return 0;
}

// Wakes until somebody was woken, for as long as it may take a thread to fall asleep; whether somebody was.
static int wake_until(void *word, int operation, int tries) {
    for (int i = 0; i < tries; i++) {
        long woken = futex(word, operation, 1, 0);
        CHECK(woken >= 0, "wake: %ld", woken);
        if (woken) return 1;
        usleep(10000);
    }
    return 0;
}

// Whether a wake of `here` by `wake` ends a wait for `there` by `wait`, which it is expected to do or not.
static int wakes(void *there, int wait, void *here, int wake, int expected) {
    struct wait waiting = {there, wait, 0, 0};
    pthread_t thread;
    pthread_create(&thread, 0, sleeper, &waiting);
    while (!waiting.started) usleep(1000);
    int woken = wake_until(here, wake, expected ? 3000 : 15);
    if (!woken) {
        int same = wait == FUTEX_WAIT ? FUTEX_WAKE : FUTEX_WAKE_PRIVATE;
        CHECK(wake_until(there, same, 3000), "nobody waits");
    }
    pthread_join(thread, 0);
    CHECK(waiting.result == 0, "wait: %ld", waiting.result);
    return woken == expected;
}

int main(void) {
    int fd = open("/tmp/law9", O_RDWR | O_CREAT | O_TRUNC, 0600);
    CHECK(fd >= 0 && !ftruncate(fd, 2 * PAGE), "file: %s", strerror(errno));
    char *one = mmap(0, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    char *two = mmap(0, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    char *next = mmap(0, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, PAGE);
    char *own = map(PAGE, PROT_READ | PROT_WRITE);
    CHECK(one != MAP_FAILED && two != MAP_FAILED && next != MAP_FAILED, "mmap: %s", strerror(errno));
    CHECK(wakes(own, FUTEX_WAIT_PRIVATE, own, FUTEX_WAKE_PRIVATE, 1), "private, one address");
    CHECK(wakes(own, FUTEX_WAIT, own, FUTEX_WAKE, 1), "shared, private memory");
    CHECK(wakes(one, FUTEX_WAIT, two, FUTEX_WAKE, 1), "shared, one place at two addresses");
    CHECK(wakes(one, FUTEX_WAIT, next, FUTEX_WAKE, 0), "shared, another page of the file");
    CHECK(wakes(one, FUTEX_WAIT, two + 4, FUTEX_WAKE, 0), "shared, another word of the page");
    CHECK(wakes(one, FUTEX_WAIT_PRIVATE, two, FUTEX_WAKE_PRIVATE, 0), "private, two addresses");
    CHECK(wakes(one, FUTEX_WAIT, one, FUTEX_WAKE_PRIVATE, 0), "a private wake of a shared wait");

    // Across processes: the same place of a shared mapping, but never the same address of private memory.
    volatile int *shared = mmap(0, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    for (int private = 0; private < 2; private++) {
        void *word = private ? (void *)own : (void *)shared;
        shared[1] = 0;
        pid_t child = fork();
        CHECK(child >= 0, "fork: %s", strerror(errno));
        if (!child) {
            shared[1] = 1;
            _exit(futex(word, private ? FUTEX_WAIT_PRIVATE : FUTEX_WAIT, 0, private ? 500 : 60000) == 0 ? 1 : 2);
        }
        while (!shared[1]) usleep(1000);
        int woken = wake_until(word, private ? FUTEX_WAKE_PRIVATE : FUTEX_WAKE, private ? 15 : 3000);
        int status;
        waitpid(child, &status, 0);
        CHECK(woken == !private && WEXITSTATUS(status) == 1 + private, "%s memory: woke %d, child %#x",
              private ? "private" : "shared", woken, status);
    }
    puts("law 9 holds");
    return 0;
}
