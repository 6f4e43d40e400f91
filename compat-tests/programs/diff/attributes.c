// Extended attributes.
#include "show.h"
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

static int by_name(const void *a, const void *b) { return strcmp(*(char **)a, *(char **)b); }

static void list(const char *path) {
    char names[500], *sorted[20];
    int count = 0;
    long length = listxattr(path, names, sizeof names);
    for (long at = 0; at < length; at += strlen(names + at) + 1) sorted[count++] = names + at;
    qsort(sorted, count, sizeof *sorted, by_name);
    printf("%ld:", length);
    for (int i = 0; i < count; i++) printf(" %s", sorted[i]);
    puts("");
}

int main(void) {
    char b[100], *long_name = malloc(300), *big = calloc(1, 70000);
    memset(long_name, 'a', 299);
    long_name[299] = 0;
    memcpy(long_name, "user.", 5);
    unlink("xa_f");
    unlink("xa_l");
    rmdir("xa_d");
    int fd = open("xa_f", O_RDWR | O_CREAT, 0644);
    symlink("xa_f", "xa_l");
    mkdir("xa_d", 0755);
    SHOW(setxattr("xa_f", "user.one", "hello", 5, 0));
    SHOW(setxattr("xa_f", "user.one", "hello", 5, XATTR_CREATE));
    SHOW(setxattr("xa_f", "user.two", "x", 1, XATTR_REPLACE));
    SHOW(setxattr("xa_f", "user.two", "", 0, 0));
    SHOW(setxattr("xa_f", "user.two", "x", 1, 4));
    SHOW(getxattr("xa_f", "user.one", 0, 0));
    SHOW(getxattr("xa_f", "user.one", b, 4));
    SHOW(getxattr("xa_f", "user.one", b, 100));
    printf("%.5s\n", b);
    SHOW(fgetxattr(fd, "user.one", b, 5));
    SHOW(getxattr("xa_l", "user.one", b, 5));
    SHOW(lgetxattr("xa_l", "user.one", b, 5));
    SHOW(lsetxattr("xa_l", "user.one", b, 5, 0));
    SHOW(lsetxattr("xa_l", "trusted.one", b, 5, 0));
    SHOW(lgetxattr("xa_l", "trusted.one", b, 5));
    SHOW(getxattr("xa_f", "user.none", b, 5));
    SHOW(getxattr("xa_f", "", b, 5));
    SHOW(getxattr("xa_f", "nonsense", b, 5));
    SHOW(getxattr("xa_f", "user.", b, 5));
    SHOW(getxattr("xa_none", "user.x", b, 5));
    SHOW(getxattr("xa_f", long_name, b, 5));
    SHOW(setxattr("xa_f", long_name, b, 5, 0));
    SHOW(setxattr("xa_f", "user.big", big, 65537, 0));
    SHOW(setxattr("xa_f", (char *)8, b, 1, 0));
    SHOW(setxattr("xa_f", "user.q", (char *)8, 1, 0));
    SHOW(getxattr("xa_f", "user.one", (char *)8, 10));
    SHOW(fgetxattr(99, "user.one", b, 10));
    SHOW(setxattr("xa_d", "user.dir", "d", 1, 0));
    list("xa_d");
    list("xa_f");
    SHOW(listxattr("xa_f", 0, 0));
    SHOW(listxattr("xa_f", b, 3));
    SHOW(flistxattr(fd, 0, 0));
    SHOW(removexattr("xa_f", "user.two"));
    SHOW(removexattr("xa_f", "user.two"));
    SHOW(fremovexattr(fd, "user.one"));
    list("xa_f");
    SHOW(lremovexattr("xa_l", "trusted.one"));
    int p = open("xa_f", O_PATH);
    SHOW(fgetxattr(p, "user.one", b, 5));
    unlink("xa_f");
    unlink("xa_l");
    rmdir("xa_d");
    return 0;
}
