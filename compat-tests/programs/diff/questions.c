// What can be asked of mappings, pages and processes beside the texts of /proc: PROCMAP_QUERY, pagemap, PIDFD_GET_INFO.
#include "show.h"
#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

// As linux/fs.h and linux/pidfd.h have them now; the headers here may be older.
struct map_query {
    uint64_t size, flags, addr, start, end, area, page, offset, inode;
    uint32_t major, minor, name_size, build_size;
    uint64_t name, build;
};
#define MAP_QUERY _IOWR('f', 17, struct map_query)
struct pid_info {
    uint64_t mask, cgroup;
    uint32_t pid, tgid, ppid, ruid, rgid, euid, egid, suid, sgid, fsuid, fsgid;
    int32_t exit_code;
};
#define PID_INFO _IOWR(0xff, 11, struct pid_info)
#define PAGE 4096UL

static int maps;
static struct map_query q;

static int ask(void *addr, uint64_t flags, const char *name, unsigned room) {
    q = (struct map_query){.size = sizeof q, .flags = flags, .addr = (uintptr_t)addr, .name_size = room, .name = (uintptr_t)name};
    return ioctl(maps, MAP_QUERY, &q);
}

static void mappings(void) {
    char name[256] = "", path[] = "/tmp/questions-XXXXXX";
    int file = mkstemp(path);
    if (ftruncate(file, 8 * PAGE)) abort();
    char *at = mmap(0, 9 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mmap(at + PAGE, 2 * PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, file, 4 * PAGE);
    mmap(at + 4 * PAGE, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, file, 0);
    munmap(at + 6 * PAGE, PAGE);
    maps = open("/proc/self/maps", O_RDONLY);
    SHOW(ask(at + PAGE + 5, 0, name, sizeof name));
    struct map_query *r = &q;
    printf("%lu %lu %lx %lu %lu name %d %u\n", ((char *)r->start - at) / PAGE, ((char *)r->end - at) / PAGE, r->area, r->page,
           r->offset / PAGE, strcmp(name, path), r->name_size);
    SHOW(ask(at + PAGE, 0, name, 4));
    SHOW(ask(at + PAGE, 1 | 8, 0, 0));
    SHOW(ask(at + PAGE, 2, 0, 0));
    SHOW(ask(at + PAGE, 2 | 0x10, 0, 0));
    printf("%lu\n", ((char *)r->start - at) / PAGE);
    SHOW(ask(at + 4 * PAGE, 0, 0, 0));
    printf("%lx\n", r->area);
    SHOW(ask(at + 3 * PAGE, 0x20, 0, 0));
    SHOW(ask(at + 3 * PAGE, 0x30, 0, 0));
    printf("%lu\n", ((char *)r->start - at) / PAGE);
    SHOW(ask(at + 6 * PAGE, 0, 0, 0));
    SHOW(ask(at + 6 * PAGE, 0x10, 0, 0));
    printf("%lu\n", ((char *)r->start - at) / PAGE);
    SHOW(ask(at + 8 * PAGE, 0, name, sizeof name));
    printf("anonymous: name %u offset %lu inode %lu\n", r->name_size, r->offset, r->inode);
    SHOW(ask((char *)-PAGE, 0x40, 0, 0));
    SHOW(ask(at, 0, 0, 5));
    q = (struct map_query){.size = 16};
    SHOW(ioctl(maps, MAP_QUERY, &q));
    q.size = 5000;
    SHOW(ioctl(maps, MAP_QUERY, &q));
    SHOW(ioctl(maps, MAP_QUERY, 1));
    SHOW(ioctl(file, MAP_QUERY, &q));
    unlink(path);
}

static void pages(void) {
    char *at = mmap(0, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *shared = mmap(0, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    madvise(at, 8 * PAGE, MADV_NOHUGEPAGE);
    at[PAGE] = at[3 * PAGE] = shared[0] = 1;
    int map = open("/proc/self/pagemap", O_RDONLY);
    uint64_t words[8] = {0}, word = 0;
    SHOW(pread(map, words, sizeof words, (uintptr_t)at / PAGE * 8));
    for (int i = 0; i < 8; i++) printf("%d%d ", (int)(words[i] >> 63), (int)(words[i] >> 61 & 1));
    SHOW(pread(map, &word, 8, (uintptr_t)shared / PAGE * 8));
    printf("%d%d\n", (int)(word >> 63), (int)(word >> 61 & 1));
    SHOW(pread(map, &word, 7, 0));
    SHOW(pread(map, &word, 8, 4));
    SHOW(pread(map, &word, 8, 1L << 46));
}

static void processes(void) {
    int child = fork();
    if (!child) _exit(42);
    int fd = syscall(SYS_pidfd_open, child, 0);
    siginfo_t end;
    waitid(P_PID, child, &end, WEXITED | WNOWAIT);
    struct pid_info i = {.mask = 8};
    SHOW(ioctl(fd, PID_INFO, &i));
    printf("%lx %d %d %d %d\n", i.mask & 0xb, i.pid == child, i.tgid == child, i.ppid == getpid(), i.euid == geteuid());
    SHOW(sched_getscheduler(child));
    struct sched_param p = {7};
    SHOW(sched_getparam(child, &p));
    SHOW(p.sched_priority);
    waitpid(child, 0, 0);
    SHOW(sched_getscheduler(child));
    i = (struct pid_info){.mask = 3};
    SHOW(ioctl(fd, PID_INFO, &i));
    i = (struct pid_info){.mask = 8};
    SHOW(ioctl(fd, PID_INFO, &i));
    printf("%lx %x\n", i.mask & 0xb, i.exit_code);
    SHOW(ioctl(fd, PID_INFO, 0));
    SHOW(ioctl(fd, _IOWR(0xff, 11, char[40]), &i));
    SHOW(ioctl(fd, FIONREAD, &i));
    // A program is not run through a link where the caller does not follow links.
    symlink("/bin/true", "/tmp/questions-link");
    char *none[] = {"x", 0};
    SHOW(syscall(SYS_execveat, AT_FDCWD, "/tmp/questions-link", none, none, AT_SYMLINK_NOFOLLOW));
    int link = open("/tmp/questions-link", O_PATH | O_NOFOLLOW);
    SHOW(syscall(SYS_execveat, link, "", none, none, AT_EMPTY_PATH));
    unlink("/tmp/questions-link");
}

int main(void) {
    mappings();
    pages();
    processes();
    return 0;
}
