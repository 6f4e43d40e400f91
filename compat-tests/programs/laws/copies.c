// Law 6: no bad pointer crashes the kernel or makes it wait for itself. (Every row with every bad pointer is the
// differential test's `arguments`.) Here: buffers that are the file's own pages, not there yet, so that the copy of a
// read or write faults on the very file that it is about; a pipe whose reader's buffer is taken away meanwhile; and two
// threads that copy crosswise between two files mapped by each other.
#include "law.h"
#include <fcntl.h>
#include <sys/uio.h>

static char *one, *two;
static int first, second;
static volatile int stop;

static int file(const char *name) {
    int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0600);
    CHECK(fd >= 0 && !ftruncate(fd, 64 * PAGE), "%s: %s", name, strerror(errno));
    return fd;
}
static char *map_file(int fd) {
    char *at = mmap(0, 64 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    CHECK(at != MAP_FAILED, "mmap: %s", strerror(errno));
    return at;
}
static void *crosswise(void *which) {
    while (!stop) {
        if (which) {
            CHECK(pwrite(first, two, 16 * PAGE, 0) == 16 * PAGE, "pwrite: %s", strerror(errno));
        } else {
            CHECK(pread(second, one, 16 * PAGE, 0) == 16 * PAGE, "pread: %s", strerror(errno));
        }
    }
    return 0;
}
static void *unmapper(void *at) {
    for (int i = 0; i < 300; i++) {
        munmap(at, 4 * PAGE);
        CHECK(mmap(at, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == at, "mmap");
    }
    stop = 1;
    return 0;
}

int main(void) {
    first = file("/tmp/law6.first"), second = file("/tmp/law6.second");
    // A write from, and a read into, the file's own mapping, none of it present.
    one = map_file(first);
    CHECK(write(first, one, 64 * PAGE) == 64 * PAGE, "write of itself: %s", strerror(errno));
    munmap(one, 64 * PAGE);
    one = map_file(first);
    CHECK(pread(first, one, 64 * PAGE, 0) == 64 * PAGE, "read into itself: %s", strerror(errno));
    two = map_file(second);
    pthread_t threads[3];
    for (long i = 0; i < 2; i++) pthread_create(&threads[i], 0, crosswise, (void *)i);
    usleep(300000);
    stop = 1;
    for (int i = 0; i < 2; i++) pthread_join(threads[i], 0);
    // Buffers that come and go under reads and writes of a pipe.
    int ends[2];
    CHECK(!pipe(ends), "pipe: %s", strerror(errno));
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    fcntl(ends[1], F_SETFL, O_NONBLOCK);
    char *moving = map(4 * PAGE, PROT_READ | PROT_WRITE);
    stop = 0;
    pthread_create(&threads[2], 0, unmapper, moving);
    while (!stop) {
        long wrote = write(ends[1], moving, 4 * PAGE), got = read(ends[0], moving, 4 * PAGE);
        CHECK(wrote > 0 || errno == EFAULT || errno == EAGAIN, "write: %ld %s", wrote, strerror(errno));
        CHECK(got > 0 || errno == EFAULT || errno == EAGAIN, "read: %ld %s", got, strerror(errno));
    }
    pthread_join(threads[2], 0);
    // Vectors of which the last is bad: what comes before it counts, or nothing at all.
    static char buffer[100];
    struct iovec parts[] = {{buffer, 100}, {(void *)0xffff800000000000, 100}};
    CHECK(writev(first, parts, 2) == -1 && errno == EFAULT, "writev: %s", strerror(errno));
    puts("law 6 holds");
    return 0;
}
