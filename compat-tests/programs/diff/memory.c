// Memory: mappings of all kinds, what accesses to them give, and what becomes of them.
#include "show.h"
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define P 4096

static sigjmp_buf back;
static volatile int signal_number, signal_code;

static void fault(int number, siginfo_t *info, void *context) {
    (void)context;
    signal_number = number;
    signal_code = info->si_code;
    siglongjmp(back, 1);
}

// Prints what reading a byte gives: its value or the signal.
static void show_read(const char *what, volatile char *at) {
    if (!sigsetjmp(back, 1)) {
        char value = *at;
        printf("read %s: %d\n", what, value);
    } else {
        printf("read %s: signal %d code %d\n", what, signal_number, signal_code);
    }
}
static void show_write(const char *what, volatile char *at, char value) {
    if (!sigsetjmp(back, 1)) {
        *at = value;
        printf("write %s: ok\n", what);
    } else {
        printf("write %s: signal %d code %d\n", what, signal_number, signal_code);
    }
}
static void *anonymous(size_t length, int protection) {
    return mmap(0, length, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static char *private_memory(void) {
    char *a = anonymous(16 * P, PROT_READ | PROT_WRITE);
    show_read("new", a);
    show_write("new", a + P, 5);
    show_read("written", a + P);
    SHOW(mprotect(a + P, P, PROT_READ));
    show_write("read-only", a + P, 6);
    show_read("read-only", a + P);
    SHOW(mprotect(a + P, P, PROT_NONE));
    show_read("forbidden", a + P);
    SHOW(mprotect(a + P, P, PROT_READ | PROT_WRITE));
    show_read("allowed again", a + P);
    show_write("allowed again", a + P, 7);
    SHOW(munmap(a + 2 * P, P));
    show_read("a hole", a + 2 * P);
    show_read("address 0", 0);
    show_write("address 4095", (char *)0xfff, 1);
    SHOW(munmap(a + 1, P));
    SHOW(munmap(a, 0));
    SHOW(munmap((void *)0x7ffffffff000, P));
    WORKS(mmap(0, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    WORKS(mmap((void *)1, P, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
    WORKS(mmap(0, P, PROT_READ, MAP_ANONYMOUS, -1, 0));
    WORKS(mmap(0, P, PROT_READ, MAP_PRIVATE, -1, 0));
    WORKS(mmap(0, P, PROT_READ, MAP_PRIVATE, 99, 0));
    WORKS(mmap(0, P, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 5));
    WORKS(mmap(0, -1UL, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    WORKS(mmap(a, P, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0));
    SHOW(mprotect(a + 1, P, PROT_READ));
    SHOW(mprotect(a, 4 * P, PROT_READ));
    show_write("read-only before the hole", a + P, 1);
    SHOW(mprotect(a, 2 * P, PROT_READ | PROT_WRITE));
    SHOW(mprotect(a, P, 0x80));
    SHOW(mprotect(a, 0, 0x80));
    SHOW(madvise(a, P, 99));
    SHOW(madvise(a + 1, P, MADV_DONTNEED));
    SHOW(madvise(a + P, P, MADV_DONTNEED));
    show_read("dropped", a + P);
    SHOW(madvise(a, 4 * P, MADV_DONTNEED));
    SHOW(madvise(a, 0, MADV_DONTNEED));
    SHOW(mlock(a, P));
    SHOW(madvise(a, P, MADV_DONTNEED));
    SHOW(munlock(a, P));
    SHOW(mlock(a + 2 * P, P));
    SHOW(mlockall(0));
    SHOW(mlockall(8));
    SHOW(munlockall());
    unsigned char present[16];
    SHOW(mincore(a, 2 * P, present));
    SHOW(mincore(a + 1, P, present));
    SHOW(mincore(a + 2 * P, P, present));
    SHOW(mincore(a, P, (void *)8));
    SHOW(msync(a, P, MS_SYNC));
    SHOW(msync(a, P, MS_SYNC | MS_ASYNC));
    SHOW(msync(a + 2 * P, P, MS_SYNC));
    SHOW(msync(a, P, 64));
    SHOW(msync(a + 1, P, MS_SYNC));
    return a;
}

static void files(void) {
    static char bytes[2 * P + 100];
    memset(bytes, 'x', sizeof bytes);
    int fd = open("/tmp/memory", O_RDWR | O_CREAT | O_TRUNC, 0600);
    SHOW(write(fd, bytes, sizeof bytes));
    char *shared = mmap(0, 5 * P, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    char *private = mmap(0, 3 * P, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    show_read("shared", shared);
    show_read("the last page's rest", shared + 2 * P + 200);
    show_read("past the end", shared + 3 * P);
    show_write("shared", shared + 3, 'y');
    show_read("private, what shared wrote", private + 3);
    show_write("private", private + 4, 'z');
    show_read("shared, what private wrote", shared + 4);
    SHOW(pread(fd, bytes, 10, 0));
    printf("file: %.6s\n", bytes);
    SHOW(pwrite(fd, "Q", 1, P));
    show_read("shared, what the file got", shared + P);
    SHOW(ftruncate(fd, P));
    show_read("shared, cut off", shared + P);
    show_read("private, cut off", private + P);
    SHOW(ftruncate(fd, 3 * P));
    show_read("shared, grown", shared + P);
    SHOW(msync(shared, P, MS_SYNC));
    int readonly = open("/tmp/memory", O_RDONLY), writeonly = open("/tmp/memory", O_WRONLY), directory = open("/tmp", O_RDONLY);
    WORKS(mmap(0, P, PROT_WRITE, MAP_SHARED, readonly, 0));
    WORKS(mmap(0, P, PROT_READ | PROT_WRITE, MAP_PRIVATE, readonly, 0));
    char *fixed = mmap(0, P, PROT_READ, MAP_SHARED, readonly, 0);
    SHOW(mprotect(fixed, P, PROT_READ | PROT_WRITE));
    WORKS(mmap(0, P, PROT_WRITE, MAP_SHARED, writeonly, 0));
    WORKS(mmap(0, P, PROT_READ, MAP_SHARED, readonly, 1));
    WORKS(mmap(0, P, PROT_READ, MAP_SHARED, readonly, -P));
    WORKS(mmap(0, P, PROT_READ, MAP_SHARED, directory, 0));
}

static void moving(void) {
    char *old = anonymous(8 * P, PROT_READ | PROT_WRITE);
    memset(old, 3, 8 * P);
    char *new = mremap(old, 8 * P, 600 * P, MREMAP_MAYMOVE);
    show_read("moved", new + 7 * P);
    show_read("grown", new + 100 * P);
    new = mremap(new, 600 * P, 2 * P, 0);
    show_read("shrunk", new + 2 * P);
    WORKS(mremap(new + 1, P, P, 0));
    WORKS(mremap(new, P, 0, 0));
    WORKS(mremap((void *)0x10000, P, P, 0));
    WORKS(mremap(new, 2 * P, 4 * P, MREMAP_FIXED, new));
    WORKS(mremap(new, 2 * P, 4 * P, MREMAP_MAYMOVE | MREMAP_FIXED, new + P));
    WORKS(mremap(new, 8 * P, 16 * P, MREMAP_MAYMOVE));
    char *heap = sbrk(0);
    WORKS(sbrk(10 * P));
    show_write("heap", heap + 9 * P, 1);
    SHOW((char *)sbrk(0) - heap);
    WORKS(sbrk(-8 * P));
    show_read("heap, shrunk", heap + 9 * P);
}

static void shared_with_children(char *private) {
    char *shared = mmap(0, P, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    private[0] = 1;
    shared[0] = 1;
    pid_t child = fork();
    if (!child) {
        private[0] = 2;
        shared[0] = 2;
        _exit(private[0]);
    }
    int status;
    waitpid(child, &status, 0);
    printf("after fork: child %d private %d shared %d\n", WEXITSTATUS(status), private[0], shared[0]);
}

static void large(void) {
    size_t much = 1UL << 36, megabyte = 1 << 20;
    char *reserved = mmap(0, much, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    SHOW(reserved != MAP_FAILED);
    SHOW(mprotect(reserved + much / 2, 64 * P, PROT_READ | PROT_WRITE));
    show_write("committed", reserved + much / 2 + 5 * P, 1);
    SHOW(munmap(reserved, much));
    char *area = anonymous(64 * megabyte, PROT_READ | PROT_WRITE);
    long wrong = 0;
    for (size_t i = 0; i < 64 * megabyte; i += P) area[i] = i >> 12;
    for (size_t i = 0; i < 64 * megabyte; i += P) wrong += area[i] != (char)(i >> 12);
    SHOW(wrong);
    SHOW(munmap(area + megabyte, 3 * megabyte));
    show_read("the cut", area + megabyte);
    show_read("left of the cut", area + megabyte - P);
    show_read("right of the cut", area + 4 * megabyte + P);
    SHOW(munmap(area, 64 * megabyte));
}

static void code(void) {
    unsigned char *page = anonymous(P, PROT_READ | PROT_WRITE);
    // mov $42, %eax; ret
    memcpy(page, "\xb8\x2a\0\0\0\xc3", 6);
    if (!sigsetjmp(back, 1)) printf("execute data: %d\n", ((int (*)(void))page)());
    else printf("execute data: signal %d code %d\n", signal_number, signal_code);
    SHOW(mprotect(page, P, PROT_READ | PROT_EXEC));
    printf("execute code: %d\n", ((int (*)(void))page)());
    char *room = anonymous(2 << 20, PROT_NONE);
    munmap(room, 2 << 20);
    char *down = mmap(room + (3 << 19), P, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_FIXED, -1, 0);
    show_write("below what grows down", down - P, 1);
}

int main(void) {
    setvbuf(stdout, 0, _IONBF, 0);
    struct sigaction action = {.sa_sigaction = fault, .sa_flags = SA_SIGINFO};
    sigaction(SIGSEGV, &action, 0);
    sigaction(SIGBUS, &action, 0);
    char *private = private_memory();
    files();
    moving();
    shared_with_children(private);
    large();
    code();
    puts("end");
    return 0;
}
