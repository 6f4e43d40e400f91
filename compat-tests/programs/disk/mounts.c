/* mount(2), umount2(2) and pivot_root(2). On Linux it is run in a mount namespace of its own, as root. */
#include "../processes/check.h"
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <dirent.h>

#define BASE "/tmp/osv-mounts"

static void put(const char *path, const char *text)
{
	int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0644);
	CHECK(fd >= 0);
	EQUAL(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void has(const char *path, const char *text)
{
	char buffer[256] = { 0 };
	int fd = open(path, O_RDONLY);
	CHECK(fd >= 0);
	CHECK(read(fd, buffer, sizeof buffer - 1) >= 0);
	close(fd);
	if (strcmp(buffer, text) != 0)
		dprintf(2, "%s holds %s, not %s\n", path, buffer, text);
	CHECK(strcmp(buffer, text) == 0);
}

/* The line of /proc/mounts or mountinfo about a mount at `at`, the latest of them. */
static char *line_of(const char *file, const char *at)
{
	static char found[1024];
	char line[1024], where[300];
	found[0] = 0;
	snprintf(where, sizeof where, " %s ", at);
	FILE *mounts = fopen(file, "r");
	CHECK(mounts);
	while (fgets(line, sizeof line, mounts))
		if (strstr(line, where))
			strcpy(found, line);
	fclose(mounts);
	return found;
}

static dev_t device_of(const char *path)
{
	struct stat st;
	CHECK(stat(path, &st) == 0);
	return st.st_dev;
}

static void folder(const char *path)
{
	CHECK(mkdir(path, 0755) == 0 || errno == EEXIST);
}

/* A tmpfs for one case to play in, at a path of its own. */
static void play(const char *name)
{
	char path[200];
	folder(BASE);
	snprintf(path, sizeof path, BASE "/%s", name);
	folder(path);
	CHECK(mount("play", path, "tmpfs", 0, NULL) == 0);
	CHECK(chdir(path) == 0);
}

static void tmpfs_has_its_limits(void)
{
	play("limits");
	folder("t");
	CHECK(mount("small", "t", "tmpfs", MS_NOSUID | MS_NODEV, "size=64k,nr_inodes=5,mode=0711,uid=7,gid=8") == 0);
	struct stat st;
	CHECK(stat("t", &st) == 0);
	EQUAL(st.st_mode & 07777, 0711);
	EQUAL(st.st_uid, 7);
	EQUAL(st.st_gid, 8);
	CHECK(st.st_dev != device_of("."));
	struct statfs fs;
	CHECK(statfs("t", &fs) == 0);
	EQUAL(fs.f_type, 0x01021994);
	EQUAL(fs.f_blocks, 16);
	EQUAL(fs.f_bfree, 16);
	EQUAL(fs.f_files, 5);
	EQUAL(fs.f_ffree, 4);
	int fd = open("t/file", O_CREAT | O_RDWR, 0644);
	CHECK(fd >= 0);
	static char block[4096];
	int blocks = 0;
	while (write(fd, block, sizeof block) == sizeof block)
		blocks++;
	EQUAL(errno, ENOSPC);
	EQUAL(blocks, 16);
	FAILS(posix_fallocate(fd, 1 << 20, 4096) ? (errno = ENOSPC, -1) : 0, ENOSPC);
	CHECK(statfs("t", &fs) == 0);
	EQUAL(fs.f_bfree, 0);
	EQUAL(pwrite(fd, block, sizeof block, 0), sizeof block);
	CHECK(ftruncate(fd, 4096) == 0);
	CHECK(statfs("t", &fs) == 0);
	EQUAL(fs.f_bfree, 15);
	close(fd);
	for (int i = 0; i < 3; i++) {
		char name[20];
		snprintf(name, sizeof name, "t/%d", i);
		CHECK(close(open(name, O_CREAT, 0644)) == 0);
	}
	FAILS(open("t/more", O_CREAT, 0644), ENOSPC);
	FAILS(mkdir("t/more", 0755), ENOSPC);
	CHECK(unlink("t/0") == 0);
	CHECK(mkdir("t/more", 0755) == 0);
	CHECK(mount("small", "t", NULL, MS_REMOUNT | MS_NOSUID, "size=128k") == 0);
	CHECK(statfs("t", &fs) == 0);
	EQUAL(fs.f_blocks, 32);
	FAILS(mount("small", "t", NULL, MS_REMOUNT, "frob=1"), EINVAL);
	FAILS(mount("small", "t", "tmpfs", 0, "frob=1"), EINVAL);
	CHECK(umount("t") == 0);
	EQUAL(device_of("t"), device_of("."));
}

static void a_bind_is_the_same_directory(void)
{
	play("bind");
	folder("a");
	folder("b");
	folder("a/sub");
	put("a/one", "1");
	CHECK(mount("a", "b", NULL, MS_BIND, NULL) == 0);
	has("b/one", "1");
	EQUAL(device_of("b"), device_of("a"));
	CHECK(access("b/two", F_OK) != 0);
	put("a/two", "2");
	has("b/two", "2");
	CHECK(unlink("b/one") == 0);
	FAILS(access("a/one", F_OK), ENOENT);
	CHECK(rename("a/two", "a/three") == 0);
	FAILS(access("b/two", F_OK), ENOENT);
	has("b/three", "2");
	FAILS(rename("a/three", "b/four"), EXDEV);
	FAILS(link("a/three", "b/four"), EXDEV);
	FAILS(rmdir("b"), EBUSY);
	/* A file over a file, and what is read-only by one name only. */
	put("x", "x");
	put("y", "y");
	FAILS(mount("x", "a", NULL, MS_BIND, NULL), ENOTDIR);
	CHECK(mount("x", "y", NULL, MS_BIND, NULL) == 0);
	has("y", "x");
	CHECK(mount(NULL, "y", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL) == 0);
	FAILS(open("y", O_WRONLY), EROFS);
	FAILS(chmod("y", 0600), EROFS);
	FAILS(truncate("y", 0), EROFS);
	FAILS(access("y", W_OK), EROFS);
	FAILS(setxattr("y", "trusted.a", "1", 1, 0), EROFS);
	put("x", "z");
	has("y", "z");
	CHECK(umount("y") == 0);
	has("y", "y");
	CHECK(umount("b") == 0);
	FAILS(access("b/three", F_OK), ENOENT);
}

static void a_recursive_bind_shows_what_is_mounted_below(void)
{
	play("rbind");
	folder("a");
	folder("a/in");
	folder("b");
	folder("c");
	CHECK(mount("t", "a/in", "tmpfs", 0, NULL) == 0);
	put("a/in/file", "x");
	CHECK(mount("a", "b", NULL, MS_BIND, NULL) == 0);
	FAILS(access("b/in/file", F_OK), ENOENT);
	CHECK(mount("a", "c", NULL, MS_BIND | MS_REC, NULL) == 0);
	has("c/in/file", "x");
	FAILS(umount("c"), EBUSY);
	CHECK(umount("c/in") == 0);
	CHECK(umount("c") == 0);
	CHECK(umount("b") == 0);
	CHECK(umount2("a/in", 0) == 0);
}

static void flags_say_what_may_not_be_done(void)
{
	play("flags");
	folder("m");
	CHECK(mount("none", "m", "tmpfs", 0, NULL) == 0);
	CHECK(mknod("m/null", S_IFCHR | 0666, makedev(1, 3)) == 0);
	put("m/run", "#!/bin/nothing\n");
	CHECK(chmod("m/run", 0755) == 0);
	CHECK(close(open("m/null", O_WRONLY)) == 0);
	CHECK(mount(NULL, "m", NULL, MS_REMOUNT | MS_NODEV | MS_NOEXEC | MS_NOSUID | MS_NOATIME, NULL) == 0);
	FAILS(open("m/null", O_WRONLY), EACCES);
	FAILS(execl("m/run", "run", NULL), EACCES);
	FAILS(access("m/run", X_OK), EACCES);
	CHECK(access("m/run", R_OK | W_OK) == 0);
	struct statvfs vfs;
	CHECK(statvfs("m", &vfs) == 0);
	EQUAL(vfs.f_flag & (ST_NODEV | ST_NOEXEC | ST_NOSUID | ST_NOATIME | ST_RELATIME | ST_RDONLY),
		ST_NODEV | ST_NOEXEC | ST_NOSUID | ST_NOATIME);
	CHECK(strstr(line_of("/proc/mounts", BASE "/flags/m"), "none " BASE "/flags/m tmpfs rw,nosuid,nodev,noexec,noatime"));
	CHECK(mount(NULL, "m", NULL, MS_REMOUNT | MS_RDONLY, NULL) == 0);
	CHECK(statvfs("m", &vfs) == 0);
	EQUAL(vfs.f_flag & ST_RDONLY, ST_RDONLY);
	FAILS(open("m/new", O_CREAT | O_WRONLY, 0644), EROFS);
	FAILS(mkdir("m/d", 0755), EROFS);
	FAILS(unlink("m/run"), EROFS);
	FAILS(rename("m/run", "m/walk"), EROFS);
	CHECK(strstr(line_of("/proc/self/mounts", BASE "/flags/m"), " tmpfs ro"));
	CHECK(mount(NULL, "m", NULL, MS_REMOUNT, NULL) == 0);
	CHECK(unlink("m/run") == 0);
	CHECK(umount("m") == 0);
}

static void the_table_is_true(void)
{
	play("table");
	folder("with space");
	folder("b");
	CHECK(mount("my source", "with space", "tmpfs", 0, "size=1m") == 0);
	CHECK(mkdir("with space/sub", 0755) == 0);
	CHECK(mount("with space/sub", "b", NULL, MS_BIND, NULL) == 0);
	const char *line = line_of("/proc/mounts", BASE "/table/with\\040space");
	CHECK(strncmp(line, "my\\040source ", 13) == 0);
	CHECK(strstr(line, "size=1024k"));
	int id, parent, major, minor;
	char root[100], at[200];
	line = line_of("/proc/self/mountinfo", BASE "/table/b");
	EQUAL(sscanf(line, "%d %d %d:%d %99s %199s", &id, &parent, &major, &minor, root, at), 6);
	CHECK(strcmp(root, "/sub") == 0);
	EQUAL(makedev(major, minor), device_of("b"));
	int play_id;
	line = line_of("/proc/self/mountinfo", BASE "/table");
	EQUAL(sscanf(line, "%d", &play_id), 1);
	EQUAL(parent, play_id);
	CHECK(strstr(line, " - tmpfs play "));
	struct statx stx;
	CHECK(statx(AT_FDCWD, "b", 0, STATX_BASIC_STATS | 0x1000, &stx) == 0);
	EQUAL(stx.stx_mask & 0x1000, 0x1000);
	EQUAL(stx.stx_mnt_id, id);
	CHECK(stx.stx_attributes & stx.stx_attributes_mask & 0x2000);
	CHECK(umount("b") == 0);
	CHECK(umount("with space") == 0);
	EQUAL(line_of("/proc/mounts", BASE "/table/b")[0], 0);
}

static void who_is_inside_keeps_it_busy(void)
{
	play("busy");
	folder("m");
	CHECK(mount("t", "m", "tmpfs", 0, NULL) == 0);
	folder("m/d");
	put("m/d/file", "still here");
	int fd = open("m/d/file", O_RDONLY);
	FAILS(umount("m"), EBUSY);
	close(fd);
	CHECK(chdir("m/d") == 0);
	FAILS(umount("../../m"), EBUSY);
	CHECK(chdir("../..") == 0);
	fd = open("m/d/file", O_RDONLY);
	CHECK(umount2("m", MNT_DETACH) == 0);
	FAILS(access("m/d", F_OK), ENOENT);
	char text[20] = { 0 };
	EQUAL(read(fd, text, 19), 10);
	CHECK(strcmp(text, "still here") == 0);
	close(fd);
	FAILS(umount("m"), EINVAL);
	/* The one on top goes first. */
	CHECK(mount("one", "m", "tmpfs", 0, NULL) == 0);
	put("m/one", "");
	CHECK(mount("two", "m", "tmpfs", 0, NULL) == 0);
	FAILS(access("m/one", F_OK), ENOENT);
	CHECK(umount("m") == 0);
	CHECK(access("m/one", F_OK) == 0);
	CHECK(umount("m") == 0);
}

static void a_mount_moves(void)
{
	play("move");
	CHECK(mount(NULL, ".", NULL, MS_PRIVATE, NULL) == 0);
	folder("a");
	folder("b");
	CHECK(mount("t", "a", "tmpfs", 0, NULL) == 0);
	put("a/file", "x");
	folder("a/in");
	FAILS(mount("a", "a/in", NULL, MS_MOVE, NULL), ELOOP);
	FAILS(mount("a/in", "b", NULL, MS_MOVE, NULL), EINVAL);
	CHECK(mount("a", "b", NULL, MS_MOVE, NULL) == 0);
	has("b/file", "x");
	FAILS(access("a/file", F_OK), ENOENT);
	CHECK(umount("b") == 0);
}

static void mistakes_are_told(void)
{
	play("mistakes");
	folder("d");
	put("f", "");
	FAILS(mount("none", "d", "nosuchfs", 0, NULL), ENODEV);
	FAILS(mount("none", "d", NULL, 0, NULL), EINVAL);
	FAILS(mount("none", "nothing", "tmpfs", 0, NULL), ENOENT);
	FAILS(mount("none", "f", "tmpfs", 0, NULL), ENOTDIR);
	FAILS(mount("none", (char *)8, "tmpfs", 0, NULL), EFAULT);
	FAILS(mount("none", "d", (char *)8, 0, NULL), EFAULT);
	FAILS(mount("nothing", "d", NULL, MS_BIND, NULL), ENOENT);
	FAILS(mount(NULL, "d", NULL, MS_BIND, NULL), EINVAL);
	FAILS(mount(NULL, "d", NULL, MS_REMOUNT, NULL), EINVAL);
	FAILS(mount(NULL, "d", NULL, MS_PRIVATE, NULL), EINVAL);
	FAILS(mount(NULL, ".", NULL, MS_PRIVATE | MS_SHARED, NULL), EINVAL);
	FAILS(umount("d"), EINVAL);
	FAILS(umount("nothing"), ENOENT);
	FAILS(umount2("d", 64), EINVAL);
	FAILS(mount("o", "d", "overlay", 0, "upperdir=/tmp"), EINVAL);
	FAILS(mount("o", "d", "overlay", 0, "lowerdir=/nowhere"), ENOENT);
	CHECK(setresuid(1000, 1000, 1000) == 0);
	FAILS(mount("none", "d", "tmpfs", 0, NULL), EPERM);
	FAILS(umount("d"), EPERM);
	FAILS(syscall(SYS_pivot_root, ".", "."), EPERM);
}

static void kinds_of_which_there_is_one(void)
{
	play("single");
	folder("p");
	CHECK(mount("proc", "p", "proc", 0, NULL) == 0);
	char path[100], self[20] = { 0 };
	snprintf(path, sizeof path, "%d", getpid());
	CHECK(readlink("p/self", self, 19) > 0);
	CHECK(strcmp(self, path) == 0);
	CHECK(umount("p") == 0);
	CHECK(mount("sysfs", "p", "sysfs", MS_RDONLY, NULL) == 0);
	CHECK(access("p/devices/system/cpu/online", R_OK) == 0);
	CHECK(umount("p") == 0);
}

static void lists(const char *path, const char *expected)
{
	char names[20][50], all[500] = "";
	int count = 0;
	DIR *dir = opendir(path);
	CHECK(dir);
	for (struct dirent *entry; (entry = readdir(dir)) && count < 20;)
		if (entry->d_name[0] != '.')
			strcpy(names[count++], entry->d_name);
	closedir(dir);
	qsort(names, count, sizeof names[0], (int (*)(const void *, const void *))strcmp);
	for (int i = 0; i < count; i++) {
		strcat(all, names[i]);
		strcat(all, " ");
	}
	if (strcmp(all, expected) != 0)
		dprintf(2, "%s lists %s, not %s\n", path, all, expected);
	CHECK(strcmp(all, expected) == 0);
}

static void an_overlay_keeps_changes_in_its_upper_directory(void)
{
	play("overlay");
	folder("l1");
	folder("l2");
	folder("u");
	folder("w");
	folder("m");
	put("l1/both", "l1");
	put("l2/both", "l2");
	put("l2/low", "low");
	folder("l1/d");
	folder("l2/d");
	put("l1/d/x", "1");
	put("l2/d/y", "2");
	put("l2/gone", "g");
	CHECK(mount("ov", "m", "overlay", 0, "lowerdir=l1:l2,upperdir=u,workdir=w") == 0);
	CHECK(device_of("m") != device_of("u"));
	struct statfs fs;
	CHECK(statfs("m", &fs) == 0);
	EQUAL(fs.f_type, 0x794c7630);
	has("m/both", "l1");
	has("m/low", "low");
	lists("m", "both d gone low ");
	lists("m/d", "x y ");
	/* Copied up when it is written, and not when it is read. */
	FAILS(access("u/low", F_OK), ENOENT);
	int fd = open("m/low", O_WRONLY | O_APPEND);
	CHECK(fd >= 0);
	EQUAL(write(fd, "+", 1), 1);
	close(fd);
	has("m/low", "low+");
	has("u/low", "low+");
	has("l2/low", "low");
	CHECK(unlink("m/gone") == 0);
	lists("m", "both d low ");
	struct stat st;
	CHECK(lstat("u/gone", &st) == 0);
	CHECK(S_ISCHR(st.st_mode) && st.st_rdev == 0);
	has("l2/gone", "g");
	put("m/gone", "new");
	has("u/gone", "new");
	put("m/d/z", "3");
	lists("m/d", "x y z ");
	lists("u/d", "z ");
	FAILS(rename("m/d", "m/e"), EXDEV);
	CHECK(rename("m/both", "m/d/both") == 0);
	has("m/d/both", "l1");
	FAILS(access("m/both", F_OK), ENOENT);
	FAILS(rmdir("m/d"), ENOTEMPTY);
	CHECK(chmod("m/d/x", 0600) == 0);
	CHECK(stat("l1/d/x", &st) == 0);
	EQUAL(st.st_mode & 07777, 0644);
	has("u/d/x", "1");
	CHECK(unlink("m/d/x") == 0 && unlink("m/d/y") == 0 && unlink("m/d/z") == 0 && unlink("m/d/both") == 0);
	CHECK(rmdir("m/d") == 0);
	CHECK(mkdir("m/d", 0755) == 0);
	lists("m/d", "");
	CHECK(symlink("low", "m/link") == 0);
	has("m/link", "low+");
	CHECK(link("m/low", "m/hard") == 0);
	CHECK(stat("m/hard", &st) == 0);
	EQUAL(st.st_nlink, 2);
	CHECK(umount("m") == 0);
	/* What was done is there again, also as lower directories without an upper one. */
	CHECK(mount("ov", "m", "overlay", 0, "lowerdir=u:l1:l2") == 0);
	lists("m", "d gone hard link low ");
	lists("m/d", "");
	has("m/gone", "new");
	FAILS(open("m/low", O_WRONLY), EROFS);
	FAILS(mkdir("m/n", 0755), EROFS);
	CHECK(umount("m") == 0);
}

static void the_root_changes_places(void)
{
	/* Not below what a case before may have left. */
	CHECK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
	folder("/tmp/osv-root");
	CHECK(mount("new", "/tmp/osv-root", "tmpfs", 0, NULL) == 0);
	folder("/tmp/osv-root/old");
	put("/tmp/osv-root/mark", "new root");
	CHECK(chdir("/tmp/osv-root") == 0);
	FAILS(syscall(SYS_pivot_root, "/etc", "/etc"), EBUSY);
	FAILS(syscall(SYS_pivot_root, "/tmp/osv-root", "/etc"), EBUSY);
	FAILS(syscall(SYS_pivot_root, "/tmp/osv-root/old", "/tmp/osv-root/old"), EINVAL);
	CHECK(syscall(SYS_pivot_root, ".", "old") == 0);
	CHECK(chdir("/") == 0);
	has("/mark", "new root");
	CHECK(access("/old/etc", F_OK) == 0);
	FAILS(access("/etc", F_OK), ENOENT);
	/* And back, which leaves the machine as it was. */
	CHECK(syscall(SYS_pivot_root, "/old", "/old/tmp/osv-root") == 0);
	CHECK(chdir("/") == 0);
	CHECK(access("/etc", F_OK) == 0);
	has("/tmp/osv-root/mark", "new root");
	CHECK(umount2("/tmp/osv-root", MNT_DETACH) == 0);
}

static const struct test CASES[] = {
#define CASE(name) { #name, name }
	CASE(tmpfs_has_its_limits), CASE(a_bind_is_the_same_directory),
	CASE(a_recursive_bind_shows_what_is_mounted_below), CASE(flags_say_what_may_not_be_done),
	CASE(the_table_is_true), CASE(who_is_inside_keeps_it_busy), CASE(a_mount_moves), CASE(mistakes_are_told),
	CASE(kinds_of_which_there_is_one), CASE(an_overlay_keeps_changes_in_its_upper_directory),
	CASE(the_root_changes_places),
};

MAIN(CASES)
