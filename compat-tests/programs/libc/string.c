/* Strings and memory, GNU's among them, and the texts of errors. */
#define _GNU_SOURCE
#include <argz.h>
#include <err.h>
#include <errno.h>
#include <error.h>
#include <libgen.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>
#include <wchar.h>
#include <obstack.h>
#include <sys/wait.h>
#include <fts.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <ctype.h>

#define obstack_chunk_alloc malloc
#define obstack_chunk_free free
static const char *s(const char *p) { return p ? p : "(null)"; }
static int sgn(int x) { return (x > 0) - (x < 0); }
#undef basename
extern char *__xpg_basename(char *);
extern char *basename(const char *);

int main(void)
{
	char b[256], c[64];
	dup2(1, 2); setvbuf(stdout, NULL, _IONBF, 0);
	for (int i = -2; i < 140; i++) printf("%d %s | %s %s\n", i, strerror(i), s(strerrorname_np(i)), s(strerrordesc_np(i)));
	for (int i = 0; i < 66; i++) printf("%d %s | %s %s\n", i, s(strsignal(i)), s(sigabbrev_np(i)), s(sigdescr_np(i)));
	printf("%s|%s|", strerror_r(EINVAL, b, sizeof b), strerror_r(9999, b, sizeof b)); printf("%s|%d ", strerror_r(9999, b, 5), __xpg_strerror_r(EINVAL, b, sizeof b)); printf("%s %d", b, __xpg_strerror_r(9999, b, sizeof b)); printf(" %s %d", b, __xpg_strerror_r(EINVAL, b, 5)); printf(" %s\n", b);
	for (int i = -12; i < 2; i++) printf("%s|", gai_strerror(i)); for (int i = -1; i < 6; i++) printf("%s|", hstrerror(i)); printf("\n");
	strcpy(b, "hello"); printf("%s %s %s", s(strchr(b, 'l')), s(strrchr(b, 'l')), strchrnul(b, 'z')[0] ? "?" : "end"); printf(" %s %s", (char *)memrchr(b, 'l', 5), (char *)rawmemchr(b, 'o')); printf(" %s %s\n", s(strstr(b, "ll")), s(strcasestr(b, "LLO")));
	printf("%d %d %d %d %d\n", sgn(strcmp("a", "b")), sgn(strcasecmp("A", "a")), sgn(strncasecmp("AB", "ac", 2)), sgn(strverscmp("a10", "a9")), sgn(memcmp("\x80", "\x7f", 1)));
	static const char *const versions[] = { "000", "00", "01", "010", "09", "0", "1", "9", "10", "a1", "a01", "1.2.3", "1.10" }; for (int i = 0; i < 13; i++) for (int k = 0; k < 13; k++) printf("%d", sgn(strverscmp(versions[i], versions[k])) + 1); printf("\n");
	printf("%s %s %s %ld", stpcpy(b, "abc") - 3, (stpncpy(c, "xy", 5), c), strncpy(b, "q", 3), (long)strnlen("abc", 2)); printf(" %s %s\n", strcat(strcpy(b, "a"), "b"), strncat(strcpy(b, "a"), "bcd", 2));
	printf("%zu %zu %s\n", strspn("aabbc", "ab"), strcspn("aabbc", "c"), s(strpbrk("hello", "xl"))); strcpy(b, "a,b,,c"); char *p = b, *q; while ((q = strsep(&p, ","))) printf("[%s]", q); strcpy(b, "::a:b:"); for (q = strtok_r(b, ":", &p); q; q = strtok_r(NULL, ":", &p)) printf("(%s)", q); printf("\n");
	printf("%s %s", strdupa("dup"), strndupa("dup", 2)); printf(" %s", (char *)memccpy(b, "abcdef", 'c', 6) - 3 == b ? "ccpy" : "?"); printf(" %s", (char *)mempcpy(b, "xyz", 4) == b + 4 ? b : "?"); printf(" %s %d", (char *)memmem("abcabd", 6, "abd", 3), memmem("abc", 3, "x", 1) != NULL); memfrob(b, 3); memfrob(b, 3); printf(" %s", b); swab("abcd", b, 4); b[4] = 0; printf(" %s", b); printf(" %zu\n", strlen(strfry(b)));
	static const char *const paths[] = { "", "/", "a", "a/", "/a", "a/b", "a/b/", "/a//b//" }; for (int i = 0; i < 8; i++) { printf("%s %s %s|", basename(paths[i]), __xpg_basename(strcpy(b, paths[i])), dirname(strcpy(c, paths[i]))); } printf("\n");
	printf("%d %d %d %d %d %lld\n", ffs(0), ffs(8), ffsl(1L << 40), ffsll(0), sgn(bcmp("a", "b", 1)), 0LL); explicit_bzero(b, 3); printf("%d %s %s\n", b[0], index("abc", 'b'), rindex("abcb", 'b'));
	wchar_t w[32]; printf("%zu %ls %d %ls", wcslen(L"abc"), wcscpy(w, L"xyz"), sgn(wcscmp(L"a", L"b")), wcsstr(L"hello", L"ll")); printf(" %ls %zu %d %ls", wcschr(L"abc", L'b'), wcsspn(L"aab", L"a"), sgn(wcscasecmp(L"AB", L"ab")), wcsncat(wcscpy(w, L"a"), L"bcd", 2)); printf(" %ls %d %d\n", wmemset(w, L'z', 3), sgn(wmemcmp(L"a", L"b", 1)), wcswidth(L"ab", 2));
	char *az; size_t n; argz_create_sep("a:bb::ccc", ':', &az, &n); printf("argz %zu %zu", n, argz_count(az, n)); argz_add(&az, &n, "d"); argz_insert(&az, &n, argz_next(az, n, az), "ins"); argz_append(&az, &n, "x\0y", 4); argz_delete(&az, &n, az); for (p = NULL; (p = argz_next(az, n, p));) printf(" %s", p); argz_stringify(az, n, ','); printf(" %s\n", az);
	struct obstack o; obstack_init(&o); for (int i = 0; i < 3000; i++) obstack_grow(&o, "0123456789", 10); obstack_1grow(&o, 0); char *big = obstack_finish(&o); printf("obstack %zu", strlen(big)); char *small = obstack_copy0(&o, "small", 5); printf(" %s", small); obstack_printf(&o, "%d-%s", 5, "fmt"); obstack_1grow(&o, 0); printf(" %s %d", (char *)obstack_finish(&o), ((size_t)small & 15) == 0); obstack_free(&o, small); printf(" %s\n", (char *)obstack_copy0(&o, "again", 5)); obstack_free(&o, NULL);
	program_invocation_name = "prog"; program_invocation_short_name = "prog"; errno = ENOENT; warn("warn %d", 1); warnx("warnx %s", "two"); error(0, EACCES, "error %d", 3); error(0, 0, "plain"); error_at_line(0, EPERM, "file.c", 12, "at line"); error_one_per_line = 1; error_at_line(0, 0, "f", 1, "once"); error_at_line(0, 0, "f", 1, "twice"); printf("count %u\n", error_message_count); int st;
	if (!fork()) { errno = EIO; err(3, "err"); } wait(&st); printf("%d\n", WEXITSTATUS(st)); if (!fork()) errx(4, "errx"); wait(&st); printf("%d\n", WEXITSTATUS(st)); if (!fork()) error(5, 0, "error"); wait(&st); printf("%d\n", WEXITSTATUS(st)); psignal(SIGSEGV, "psignal"); errno = EDOM; perror("perror"); herror("herror");
	mkdir("t", 0755); mkdir("t/a", 0755); mkdir("t/b", 0700); close(open("t/f", O_CREAT | O_WRONLY, 0644)); close(open("t/a/g", O_CREAT | O_WRONLY, 0644)); symlink("f", "t/l"); symlink("none", "t/n");
	for (int k = 0; k < 2; k++) { char *roots[] = { "t", "missing", NULL }; extern int alphabetically(); int cmp(const FTSENT **x, const FTSENT **y) { return strcmp((*x)->fts_name, (*y)->fts_name); } FTS *f = fts_open(roots, (k ? FTS_LOGICAL : FTS_PHYSICAL) | FTS_NOCHDIR, cmp); FTSENT *e; while ((e = fts_read(f))) { printf("%d:%s:%s:%d:%d:%d ", e->fts_info, e->fts_path, e->fts_name, e->fts_level, e->fts_pathlen, e->fts_info == FTS_NS ? e->fts_errno : 0); if (!strcmp(e->fts_name, "b")) fts_set(f, e, FTS_SKIP); } printf("| %d\n", fts_close(f)); }
	unlink("t/a/g"); unlink("t/f"); unlink("t/l"); unlink("t/n"); rmdir("t/a"); rmdir("t/b"); rmdir("t");
	return 0;
}
