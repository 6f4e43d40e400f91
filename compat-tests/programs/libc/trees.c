/* nftw and ftw: types, order, folders that several links lead to, and the working folder. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char lines[200][300];
static int count, answer_for_b, deepest;
static const char *const kinds[] = { "F", "D", "DNR", "NS", "SL", "DP", "SLN" };

static int line(const void *a, const void *b) { return strcmp(a, b); }

/* Folders' contents come in any order: sorted, unless the order is what is shown. */
static void show(const char *title, int result, int sorted)
{
	printf("%s: %d, %d calls\n", title, result, count);
	if (sorted) qsort(lines, count, sizeof *lines, line);
	for (int i = 0; i < count; i++) printf("  %s\n", lines[i]);
	count = 0;
}

static int visit(const char *path, const struct stat *st, int kind, struct FTW *place)
{
	snprintf(lines[count++], sizeof *lines, "%s %s name %s level %d", path, kinds[kind], path + place->base, place->level);
	if (place->level > deepest) deepest = place->level;
	return strcmp(path + place->base, "b") ? 0 : answer_for_b;
}

static int plain(const char *path, const struct stat *st, int kind)
{
	snprintf(lines[count++], sizeof *lines, "%s %s %d", path, kinds[kind], S_ISDIR(st->st_mode));
	return 0;
}

/* With FTW_CHDIR, everything is found by its name alone. */
static int standing(const char *path, const struct stat *st, int kind, struct FTW *place)
{
	struct stat here;
	int found = stat(path[place->base] ? path + place->base : ".", &here) == 0 && here.st_ino == st->st_ino;
	snprintf(lines[count++], sizeof *lines, "%s %s found %d", path, kinds[kind], found);
	return 0;
}

int main(void)
{
	char top[] = "/tmp/trees-XXXXXX", before[300], after[300];
	setvbuf(stdout, NULL, _IONBF, 0);
	if (!mkdtemp(top) || chdir(top)) return 1;
	mkdir("t", 0755); mkdir("t/a", 0755); mkdir("t/a/b", 0755); mkdir("t/c", 0755);
	close(creat("t/a/f", 0644)); close(creat("t/a/b/g", 0644));
	symlink("nowhere", "t/dangling"); symlink("f", "t/a/to-file"); symlink("../c", "t/a/to-c"); symlink("..", "t/c/up");
	mkdir("one", 0755); mkdir("one/b", 0755); mkdir("one/b/deep", 0755);
	show("physical", nftw("t", visit, 20, FTW_PHYS), 1);
	show("slash", nftw("t/", visit, 20, FTW_PHYS), 1);
	show("in order", nftw("one", visit, 20, FTW_PHYS), 0);
	show("depth first", nftw("one", visit, 20, FTW_PHYS | FTW_DEPTH), 0);
	/* c is reached once, by its name or by the link: which is a matter of order. */
	nftw("t", visit, 20, 0);
	int c = 0, t = 0;
	for (int i = 0; i < count; i++) c += !strncmp(lines[i], "t/c D ", 6) || !strncmp(lines[i], "t/a/to-c D ", 11), t += strstr(lines[i], "up D") != 0;
	printf("followed: c %d, up %d\n", c, t);
	count = 0;
	show("plain", ftw("one", plain, 5), 0);
	show("a link", nftw("t/dangling", visit, 5, 0), 0);
	show("a file", nftw("t/a/f", visit, 5, 0), 0);
	errno = 0; show("nothing", nftw("none", visit, 5, FTW_PHYS), 0); printf("%d\n", errno);
	errno = 0; show("no name", nftw("", visit, 5, FTW_PHYS), 0); printf("%d\n", errno);
	errno = 0; show("unknown flag", nftw("one", visit, 5, 0x100), 0); printf("%d\n", errno);
	answer_for_b = 7; show("stopped", nftw("one", visit, 5, FTW_PHYS), 0);
	answer_for_b = FTW_SKIP_SUBTREE; show("skipped", nftw("one", visit, 5, FTW_PHYS | FTW_ACTIONRETVAL), 0);
	answer_for_b = FTW_SKIP_SIBLINGS; show("siblings", nftw("one", visit, 5, FTW_PHYS | FTW_ACTIONRETVAL), 0);
	answer_for_b = 0;
	getcwd(before, sizeof before);
	show("standing", nftw("t", standing, 5, FTW_PHYS | FTW_CHDIR), 1);
	show("standing below", nftw("one/b", standing, 5, FTW_PHYS | FTW_CHDIR | FTW_DEPTH), 0);
	getcwd(after, sizeof after);
	printf("back %d\n", !strcmp(before, after));
	/* Deeper than descriptors are allowed. */
	mkdir("d", 0755); chdir("d");
	for (int i = 0; i < 30; i++) { mkdir("x", 0755); chdir("x"); }
	chdir(before);
	deepest = 0;
	printf("deep %d", nftw("d", visit, 2, FTW_PHYS)); printf(" level %d\n", deepest);
	chdir("/");
	count = 0;
	printf("root %d\n", nftw("/proc/self/task", visit, 3, FTW_PHYS | FTW_MOUNT) == 0);
	return 0;
}
