// Files: opening, reading, writing, names, attributes, copies, locks, devices.
#include "show.h"
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

static char buffer[20000];

static void show_stat(const char *path, int flags) {
    struct stat s;
    if (fstatat(AT_FDCWD, path, &s, flags)) {
        printf("stat %s %x: %s\n", path, flags, error_name(errno));
        return;
    }
    // How long a directory is and how many links it has is the file system's affair.
    int directory = S_ISDIR(s.st_mode);
    printf("stat %s %x: mode %o links %ld size %ld owner %d group %d device %lx\n", path, flags, s.st_mode,
           directory ? 0 : (long)s.st_nlink, directory ? 0 : (long)s.st_size, s.st_uid, s.st_gid, (long)s.st_rdev);
}

static int by_name(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static void list(const char *path) {
    char *names[100];
    int count = 0;
    DIR *directory = opendir(path);
    if (!directory) {
        printf("list %s: %s\n", path, error_name(errno));
        return;
    }
    struct dirent *entry;
    while ((entry = readdir(directory)) && count < 100) {
        char text[300];
        snprintf(text, sizeof text, "%s:%d", entry->d_name, entry->d_type);
        names[count++] = strdup(text);
    }
    closedir(directory);
    qsort(names, count, sizeof *names, by_name);
    printf("list %s:", path);
    for (int i = 0; i < count; i++) printf(" %s", names[i]);
    puts("");
}

static void opening(void) {
    WORKS(open("a", O_RDONLY));
    WORKS(open("a", O_CREAT | O_RDWR, 0666));
    WORKS(open("a", O_CREAT | O_EXCL | O_RDWR, 0666));
    show_stat("a", 0);
    WORKS(open("", O_RDONLY));
    WORKS(open((char *)1, O_RDONLY));
    WORKS(open("a/b", O_RDONLY));
    WORKS(open("a/", O_RDONLY));
    WORKS(open(".", O_RDWR));
    WORKS(open(".", O_RDONLY | O_CREAT, 0));
    WORKS(open("x/", O_CREAT | O_RDWR, 0));
    static char name[5000];
    memset(name, 'x', sizeof name - 1);
    WORKS(open(name, 0));
    name[256] = 0;
    WORKS(open(name, O_CREAT, 0));
}

static void reading_and_writing(int fd) {
    SHOW(write(fd, "hello world", 11));
    SHOW(lseek(fd, 0, SEEK_CUR));
    SHOW(lseek(fd, -5, SEEK_END));
    SHOW(read(fd, buffer, 100));
    SHOW(read(fd, buffer, 100));
    SHOW(lseek(fd, -100, SEEK_CUR));
    SHOW(lseek(fd, 0, 77));
    SHOW(lseek(fd, 100, SEEK_SET));
    SHOW(write(fd, "z", 1));
    show_stat("a", 0);
    SHOW(pread(fd, buffer, 5, 0));
    SHOW(pread(fd, buffer, 5, -1));
    SHOW(pread(fd, buffer, 5, 1000));
    SHOW(pwrite(fd, "QQ", 2, 3));
    SHOW(pread(fd, buffer, 11, 0));
    printf("contents: %.11s\n", buffer);
    SHOW(lseek(fd, 0, SEEK_SET));
    SHOW(read(fd, (char *)1, 5));
    SHOW(read(fd, 0, 0));
    SHOW(write(fd, (char *)-4096L, 5));
    SHOW(read(fd, buffer, -1L));
    SHOW(write(-1, buffer, 1));
    struct iovec parts[3] = {{"ab", 2}, {"", 0}, {"cde", 3}};
    SHOW(writev(fd, parts, 3));
    SHOW(writev(fd, parts, -1));
    SHOW(writev(fd, parts, 2000));
    SHOW(writev(fd, parts, 0));
    SHOW(pwritev(fd, parts, 3, 50));
    SHOW(syscall(SYS_preadv2, fd, parts, 0, 0, 0, 0x1000));
    struct iovec rooms[2] = {{buffer, 3}, {buffer + 10, 4}};
    SHOW(preadv(fd, rooms, 2, 0));
    SHOW(ftruncate(fd, 5));
    show_stat("a", 0);
    SHOW(ftruncate(fd, -1));
    SHOW(truncate("a", 10000));
    show_stat("a", 0);
    SHOW(truncate("nope", 1));
    SHOW(truncate(".", 1));
    SHOW(lseek(fd, 0, SEEK_DATA));
    WORKS(lseek(fd, 0, SEEK_HOLE));
    SHOW(lseek(fd, 20000, SEEK_DATA));
}

static void descriptors(int fd, int readonly, int writeonly) {
    SHOW(write(readonly, "x", 1));
    SHOW(ftruncate(readonly, 1));
    SHOW(read(writeonly, buffer, 1));
    SHOW(fcntl(fd, F_GETFL));
    SHOW(fcntl(readonly, F_GETFL));
    SHOW(fcntl(fd, F_GETFD));
    SHOW(fcntl(fd, F_SETFD, FD_CLOEXEC));
    SHOW(fcntl(fd, F_GETFD));
    SHOW(fcntl(fd, F_SETFL, O_APPEND | O_NONBLOCK));
    SHOW(fcntl(fd, F_GETFL));
    SHOW(lseek(fd, 0, SEEK_SET));
    SHOW(write(fd, "END", 3));
    SHOW(lseek(fd, 0, SEEK_CUR));
    SHOW(fcntl(fd, F_SETFL, 0));
    SHOW(fcntl(fd, 999));
    SHOW(fcntl(-1, F_GETFD));
    SHOW(fcntl(fd, F_DUPFD, 100));
    SHOW(fcntl(fd, F_DUPFD, 1 << 30));
    SHOW(fcntl(fd, F_DUPFD, -1));
    SHOW(fcntl(100, F_GETFD));
    SHOW(dup2(fd, 100));
    SHOW(dup2(fd, fd) == fd);
    SHOW(dup2(fd, -1));
    SHOW(dup2(fd, 1 << 29));
    SHOW(dup2(-1, 5));
    SHOW(dup3(fd, fd, 0));
    SHOW(dup3(fd, 101, O_CLOEXEC));
    SHOW(fcntl(101, F_GETFD));
    SHOW(dup3(fd, 102, 1));
    SHOW(close(100));
    SHOW(close(100));
    SHOW(close(-1));
    SHOW(close(101));
    SHOW(syscall(SYS_close_range, 200, 100, 0));
    SHOW(syscall(SYS_close_range, 200, 300, 0));
    SHOW(syscall(SYS_close_range, 200, 300, 64));
}

static void names(void) {
    SHOW(mkdir("d", 0777));
    SHOW(mkdir("d", 0777));
    SHOW(mkdir("d/e/f", 0777));
    SHOW(mkdir("a/b", 0777));
    SHOW(mkdir("", 0777));
    SHOW(rmdir("nope"));
    SHOW(rmdir("a"));
    SHOW(mkdir("d/e", 0700));
    SHOW(rmdir("d"));
    SHOW(rmdir("d/."));
    SHOW(rmdir("d/.."));
    SHOW(rmdir("/"));
    show_stat("d/e", 0);
    SHOW(symlink("d", "ln"));
    SHOW(symlink("a", "ln"));
    SHOW(symlink("", "x"));
    SHOW(symlink("l2", "l1"));
    SHOW(symlink("l1", "l2"));
    WORKS(open("l1", 0));
    SHOW(symlink("nowhere", "dangling"));
    show_stat("dangling", 0);
    show_stat("dangling", AT_SYMLINK_NOFOLLOW);
    SHOW(readlink("ln", buffer, 100));
    SHOW(readlink("ln", buffer, 0));
    SHOW(readlink("a", buffer, 100));
    WORKS(open("ln", O_NOFOLLOW));
    WORKS(open("ln", O_DIRECTORY));
    WORKS(open("a", O_DIRECTORY));
    show_stat("ln/e", 0);
    SHOW(rmdir("ln"));
    SHOW(unlink("ln/"));
    SHOW(mkdir("dangling", 0777));
    SHOW(link("a", "b"));
    show_stat("b", 0);
    SHOW(link("a", "b"));
    SHOW(link("d", "hd"));
    SHOW(link("nope", "x"));
    SHOW(link("a", "/proc/x"));
    SHOW(linkat(AT_FDCWD, "ln", AT_FDCWD, "ln2", 0));
    show_stat("ln2", AT_SYMLINK_NOFOLLOW);
    SHOW(rename("a", "c"));
    show_stat("a", 0);
    SHOW(rename("c", "b"));
    show_stat("c", 0);
    SHOW(rename("nope", "x"));
    SHOW(rename("b", "d"));
    SHOW(rename("d", "b"));
    SHOW(rename("d", "d/e/x"));
    SHOW(rename("d/e", "d"));
    SHOW(rename("c", "c/"));
    SHOW(rename("d", "dd"));
    SHOW(rename("dd", "d"));
    SHOW(rename("d/.", "x"));
    SHOW(renameat2(AT_FDCWD, "b", AT_FDCWD, "c", RENAME_NOREPLACE));
    SHOW(renameat2(AT_FDCWD, "b", AT_FDCWD, "d", RENAME_EXCHANGE));
    show_stat("b", 0);
    show_stat("d", 0);
    SHOW(renameat2(AT_FDCWD, "b", AT_FDCWD, "d", RENAME_EXCHANGE));
    SHOW(renameat2(AT_FDCWD, "b", AT_FDCWD, "d", RENAME_EXCHANGE | RENAME_NOREPLACE));
    list(".");
    list("d");
    list("nope");
    SHOW(unlink("d"));
    SHOW(unlink("nope"));
    SHOW(unlink("b/"));
    SHOW(unlinkat(AT_FDCWD, "d/e", AT_REMOVEDIR));
    SHOW(unlinkat(AT_FDCWD, "b", AT_REMOVEDIR));
    SHOW(unlinkat(AT_FDCWD, "b", 4));
}

static void attributes(int fd) {
    SHOW(access("c", F_OK));
    SHOW(access("c", X_OK));
    SHOW(access("c", R_OK | W_OK));
    SHOW(access("c", 8));
    SHOW(access("nope", F_OK));
    SHOW(chmod("c", 04755));
    show_stat("c", 0);
    SHOW(access("c", X_OK));
    SHOW(chown("c", 1, 2));
    show_stat("c", 0);
    SHOW(chown("c", -1, -1));
    SHOW(fchmodat(AT_FDCWD, "dangling", 0600, 0));
    SHOW(fchmod(-1, 0));
    SHOW(lchown("dangling", 3, 4));
    show_stat("dangling", AT_SYMLINK_NOFOLLOW);
    struct timespec times[2] = {{1000, 5}, {2000, 7}};
    SHOW(utimensat(AT_FDCWD, "c", times, 0));
    struct stat s;
    stat("c", &s);
    printf("times: %ld.%ld %ld.%ld\n", (long)s.st_atim.tv_sec, s.st_atim.tv_nsec, (long)s.st_mtim.tv_sec, s.st_mtim.tv_nsec);
    times[0].tv_nsec = UTIME_OMIT;
    times[1].tv_nsec = 1000000000;
    SHOW(utimensat(AT_FDCWD, "c", times, 0));
    SHOW(syscall(SYS_getcwd, buffer, 3));
    SHOW(syscall(SYS_getcwd, buffer, 100));
    printf("directory: %s\n", buffer);
    SHOW(chdir("c"));
    SHOW(chdir("nope"));
    SHOW(chdir("d"));
    SHOW(chdir(".."));
    SHOW(fchdir(fd));
    SHOW(mkdir("gone", 0755));
    SHOW(chdir("gone"));
    SHOW(rmdir("../gone"));
    SHOW(syscall(SYS_getcwd, buffer, 100));
    WORKS(open("x", O_CREAT, 0666));
    WORKS(open(".", 0));
    list(".");
    SHOW(chdir("/tmp/files"));
    struct statfs fs;
    SHOW(statfs("/proc", &fs));
    SHOW(fs.f_type);
    SHOW(statfs("nope", &fs));
    SHOW(fstatfs(-1, &fs));
    struct statx x;
    SHOW(statx(AT_FDCWD, "c", 0, STATX_ALL, &x));
    SHOW(x.stx_mode);
    SHOW(statx(-1, "", AT_EMPTY_PATH, 0, &x));
    SHOW(statx(fd, "", AT_EMPTY_PATH, 0, &x));
}

static void copies_and_locks(int fd, int readonly) {
    SHOW(lseek(fd, 0, SEEK_SET));
    int copy = open("copy", O_CREAT | O_RDWR, 0644);
    SHOW(sendfile(copy, fd, 0, 100));
    off_t at = 2;
    SHOW(sendfile(copy, fd, &at, 5));
    SHOW(at);
    SHOW(copy_file_range(fd, 0, copy, 0, 10, 0));
    show_stat("copy", 0);
    SHOW(fallocate(copy, 0, 0, 50000));
    show_stat("copy", 0);
    SHOW(fallocate(copy, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096));
    SHOW(fallocate(copy, 0, -1, 5));
    SHOW(fallocate(readonly, 0, 0, 5));
    SHOW(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED));
    SHOW(fsync(fd));
    SHOW(flock(fd, LOCK_EX));
    SHOW(flock(readonly, LOCK_SH | LOCK_NB));
    SHOW(flock(fd, LOCK_UN));
    SHOW(flock(readonly, LOCK_EX | LOCK_NB));
    SHOW(flock(readonly, 99));
    struct flock lock = {F_WRLCK, SEEK_SET, 0, 10, 0};
    SHOW(fcntl(fd, F_SETLK, &lock));
    SHOW(fcntl(readonly, F_SETLK, &lock));
    lock.l_type = F_RDLCK;
    SHOW(fcntl(fd, F_GETLK, &lock));
    SHOW(lock.l_type);
    lock.l_len = -20;
    SHOW(fcntl(fd, F_SETLK, &lock));
    lock = (struct flock){F_WRLCK, SEEK_SET, 0, 10, 0};
    SHOW(fcntl(copy, F_OFD_SETLK, &lock));
    int again = open("copy", O_RDWR);
    SHOW(fcntl(again, F_OFD_SETLK, &lock));
    SHOW(close(copy));
    SHOW(fcntl(again, F_OFD_SETLK, &lock));
    close(again);
}

static int record_lock(int fd, int how, int type, int start) {
    struct flock lock = {type, SEEK_SET, start, 1, 0};
    return fcntl(fd, how, &lock);
}

// What a process holds is free at its end, and two that each wait for the other are told.
static void locks_between_processes(void) {
    int fd = open("locked", O_RDWR | O_CREAT, 0600), ready[2], status;
    pipe(ready);
    pid_t child = fork();
    if (!child) {
        record_lock(fd, F_SETLK, F_WRLCK, 0);
        write(ready[1], "x", 1);
        for (;;) pause();
    }
    read(ready[0], buffer, 1);
    SHOW(record_lock(fd, F_SETLK, F_WRLCK, 0));
    kill(child, SIGKILL);
    SHOW(record_lock(fd, F_SETLKW, F_WRLCK, 0));
    waitpid(child, &status, 0);
    child = fork();
    if (!child) {
        record_lock(fd, F_SETLK, F_WRLCK, 1);
        write(ready[1], "x", 1);
        int told = record_lock(fd, F_SETLKW, F_WRLCK, 0) && errno == EDEADLK;
        _exit(told);
    }
    read(ready[0], buffer, 1);
    int told = record_lock(fd, F_SETLKW, F_WRLCK, 1) && errno == EDEADLK;
    SHOW(record_lock(fd, F_SETLK, F_UNLCK, 0));
    waitpid(child, &status, 0);
    SHOW(told + WEXITSTATUS(status));
    close(fd);
}

static void devices(int fd) {
    int null = open("/dev/null", O_RDWR), zero = open("/dev/zero", O_RDWR), full = open("/dev/full", O_RDWR);
    SHOW(write(null, "x", 1));
    SHOW(read(null, buffer, 5));
    SHOW(lseek(null, 5, SEEK_SET));
    buffer[0] = 9;
    SHOW(read(zero, buffer, 5));
    SHOW(buffer[0]);
    SHOW(pread(zero, buffer, 5, 9));
    SHOW(write(full, "x", 1));
    SHOW(read(open("/dev/urandom", O_RDONLY), buffer, 100));
    show_stat("/dev/null", 0);
    show_stat("/dev/zero", 0);
    SHOW(ioctl(null, TCGETS, buffer));
    SHOW(ioctl(fd, TCGETS, buffer));
    SHOW(ioctl(-1, TCGETS, buffer));
    SHOW(ftruncate(null, 0));
    SHOW(fdatasync(null));
    SHOW(mkfifo("fifo", 0644));
    show_stat("fifo", 0);
    WORKS(open("fifo", O_WRONLY | O_NONBLOCK));
    int reader = open("fifo", O_RDONLY | O_NONBLOCK), writer = open("fifo", O_WRONLY | O_NONBLOCK);
    SHOW(write(writer, "q", 1));
    SHOW(read(reader, buffer, 1));
    SHOW(mknod("node", S_IFCHR | 0600, makedev(1, 3)));
    show_stat("node", 0);
    SHOW(write(open("node", O_WRONLY), "x", 1));
}

static void without_a_name(int fd) {
    int memory = memfd_create("x", MFD_ALLOW_SEALING);
    SHOW(ftruncate(memory, 8192));
    SHOW(fcntl(memory, F_ADD_SEALS, F_SEAL_SHRINK));
    SHOW(ftruncate(memory, 1));
    SHOW(ftruncate(memory, 9000));
    SHOW(fcntl(memory, F_GET_SEALS));
    char *mapped = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
    mapped[5000] = 'k';
    SHOW(pread(memory, buffer, 1, 5000));
    SHOW(buffer[0]);
    SHOW(memfd_create("x", 0x1000));
    struct stat s;
    fstat(memory, &s);
    printf("memfd: mode %o size %ld\n", s.st_mode, (long)s.st_size);
    char *file = mmap(0, 4096, PROT_READ, MAP_SHARED, fd, 0);
    SHOW(pwrite(fd, "MAPPED", 6, 0));
    printf("mapped: %.6s\n", file);
    int path = open("c", O_PATH);
    SHOW(read(path, buffer, 1));
    SHOW(fchmod(path, 0600));
    SHOW(fstat(path, &s));
    SHOW(fcntl(path, F_GETFL));
    SHOW(close(path));
    int unnamed = open(".", O_TMPFILE | O_RDWR, 0600);
    SHOW(write(unnamed, "t", 1));
    fstat(unnamed, &s);
    SHOW(s.st_nlink);
    snprintf(buffer, 100, "/proc/self/fd/%d", unnamed);
    SHOW(linkat(AT_FDCWD, buffer, AT_FDCWD, "named", AT_SYMLINK_FOLLOW));
    show_stat("named", 0);
    snprintf(buffer, 100, "/proc/self/fd/%d", fd);
    static char target[200];
    SHOW(readlink(buffer, target, 199));
    printf("target: %s\n", target);
    int directory = open(".", O_RDONLY);
    SHOW(syscall(SYS_getdents64, fd, buffer, 100));
    SHOW(syscall(SYS_getdents64, directory, buffer, 5));
    SHOW(read(directory, buffer, 1));
    SHOW(syscall(SYS_getdents64, directory, (char *)1, 1000));
    WORKS(open("/proc/self/status", 0));
    show_stat("/proc/self/exe", AT_SYMLINK_NOFOLLOW);
    WORKS(readlink("/proc/self", buffer, 50));
    WORKS(open("/proc/self/nope", 0));
    WORKS(open("/proc/self/cmdline", O_RDWR));
}

int main(void) {
    setvbuf(stdout, 0, _IONBF, 0);
    umask(022);
    SHOW(mkdir("/tmp/files", 0755));
    SHOW(chdir("/tmp/files"));
    opening();
    int fd = open("a", O_RDWR), readonly, writeonly;
    reading_and_writing(fd);
    readonly = open("a", O_RDONLY);
    writeonly = open("a", O_WRONLY);
    descriptors(fd, readonly, writeonly);
    names();
    attributes(fd);
    copies_and_locks(fd, readonly);
    locks_between_processes();
    devices(fd);
    without_a_name(fd);
    puts("end");
    return 0;
}
