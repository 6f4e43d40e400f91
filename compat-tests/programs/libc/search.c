/* Sorting, searching, getopt, environment, division, random sequences. */
#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <inttypes.h>

struct pair { int key, order; };
static int by_key(const void *a, const void *b) { return ((const struct pair *)a)->key - ((const struct pair *)b)->key; }
static int by_key_r(const void *a, const void *b, void *n) { ++*(int *)n; return by_key(a, b); }
static int text(const void *a, const void *b) { return strcmp(a, b); }
static void walk(const void *node, VISIT which, int depth) { printf(" %d:%d:%s", which, depth, *(char **)node); }
static int freed;
static void drop(void *p) { freed++; }

static void options(int argc, char **argv, const char *shorts, const struct option *longs, int only)
{
	int c, index = -7;
	optind = 0; opterr = 1;
	printf("options '%s' %s\n", shorts, longs ? "long" : "short");
	while ((c = longs ? (only ? getopt_long_only : getopt_long)(argc, argv, shorts, longs, &index) : getopt(argc, argv, shorts)) != -1) {
		printf(" %d('%c') arg %s ind %d opt %d index %d\n", c, c > 31 && c < 127 ? c : '.', optarg ? optarg : "(null)", optind, optopt, index);
		index = -7;
	}
	printf(" rest");
	for (int i = 0; i < argc; i++) printf("%s%s", i == optind ? " | " : " ", argv[i]);
	printf("\n");
}

int main(int argc, char **argv)
{
	struct pair p[300];
	setvbuf(stderr, NULL, _IONBF, 0);
	dup2(1, 2);
	setvbuf(stdout, NULL, _IONBF, 0);
	for (int i = 0; i < 300; i++) p[i] = (struct pair){ (i * 7919) % 31, i };
	qsort(p, 300, sizeof *p, by_key);
	for (int i = 0; i < 300; i++) printf("%d.%d ", p[i].key, p[i].order);
	int calls = 0;
	qsort_r(p, 300, sizeof *p, by_key_r, &calls);
	printf("\nqsort_r called %d\n", calls > 0);
	struct pair want = { 7 }, *found = bsearch(&want, p, 300, sizeof *p, by_key);
	printf("bsearch %d\n", found ? found->key : -1);
	want.key = 99; printf("bsearch %d\n", bsearch(&want, p, 300, sizeof *p, by_key) != NULL);
	char list[10][8] = { "b", "c" };
	size_t n = 2;
	printf("%s", (char *)lsearch("a", list, &n, 8, text)); printf(" %zu", n); printf(" %s %d\n", (char *)lsearch("b", list, &n, 8, text), lfind("zz", list, &n, 8, text) != NULL);
	void *root = NULL;
	static char *const names[] = { "m", "c", "x", "a", "e", "z", "d" };
	for (int i = 0; i < 7; i++) printf("%s ", *(char **)tsearch(names[i], &root, text));
	twalk(root, walk); 
	printf("\n%d %d\n", tfind("e", &root, text) != NULL, tfind("q", &root, text) != NULL);
	printf("%d %d\n", tdelete("c", &root, text) != NULL, tdelete("q", &root, text) != NULL);
	tdestroy(root, drop); printf("freed %d\n", freed);
	printf("hcreate %d", hcreate(10));
	for (int i = 0; i < 7; i++) { ENTRY e = { names[i], (void *)(long)i }; hsearch(e, ENTER); }
	ENTRY e = { "x" }, *r = hsearch(e, FIND); printf(" %ld", r ? (long)r->data : -1);
	e.key = "nope"; errno = 0; printf(" %p e%d\n", (void *)hsearch(e, FIND), errno);
	hdestroy();
	struct hsearch_data table = { 0 };
	printf("%d", hcreate_r(5, &table)); printf(" %d", hsearch_r((ENTRY){ "k", "v" }, ENTER, &r, &table)); printf(" %s\n", (char *)r->data); hdestroy_r(&table);
	struct { void *next, *prev; int v; } q[3] = { { 0 } };
	insque(&q[0], NULL); insque(&q[1], &q[0]); insque(&q[2], &q[0]); remque(&q[1]);
	printf("%d %d\n", q[0].next == &q[2], q[2].next == NULL);

	static const struct option longs[] = { { "verbose", no_argument, NULL, 'v' }, { "version", no_argument, NULL, 'V' }, { "file", required_argument, NULL, 'f' }, { "maybe", optional_argument, NULL, 'm' }, { "flag", no_argument, &freed, 42 }, { 0 } };
#define RUN(s, l, o, ...) do { char *v[] = { "prog", __VA_ARGS__, NULL }; options(sizeof v / sizeof *v - 1, v, s, l, o); } while (0)
	RUN("ab:c::", NULL, 0, "-a", "-b", "x", "-c", "-cy", "rest"); RUN("ab:", NULL, 0, "x", "-a", "y", "-bz", "--", "-a"); RUN("+ab:", NULL, 0, "-a", "x", "-b"); RUN("-ab:", NULL, 0, "x", "-a", "y"); RUN(":ab:", NULL, 0, "-q", "-b"); RUN("ab:", NULL, 0, "-q", "-b"); RUN("a", NULL, 0, "-", "-a"); RUN("aW;", NULL, 0, "-W", "foo");
	RUN("vf:m::", longs, 0, "--verb", "--file=a", "--file", "b", "--maybe", "--maybe=c", "--flag", "x", "-v"); RUN("vf:", longs, 0, "--ver", "--nope", "--file", "--verbose=x", "--version"); RUN("vf:", longs, 0, "--file"); RUN(":vf:", longs, 0, "--file"); RUN("vf:", longs, 1, "-verbose", "-file", "q", "-v", "-zzz"); RUN("", longs, 0, "--", "--verbose");
	RUN("f:v", longs, 0, "a", "--file", "b", "c", "-v", "d"); RUN("vW;f:", longs, 0, "-W", "verbose", "-Wfile=1");
	char *sub = "ro,size=5,rw=1", buffer[64], *sp = strcpy(buffer, sub), *value, *const tokens[] = { "ro", "rw", "size", NULL };
	while (*sp) { int k = getsubopt(&sp, tokens, &value); printf("%d %s; ", k, value ? value : "-"); }
	printf("\n");

	printf("%d", setenv("A", "1", 0)); printf(" %d", setenv("A", "2", 0)); printf(" %s", getenv("A")); printf(" %d", setenv("A", "3", 1)); printf(" %s", getenv("A")); errno = 0; printf(" %d", setenv("A=B", "x", 1)); printf(" e%d %d", errno, setenv("", "x", 1)); printf(" %d", unsetenv("A")); printf(" %d\n", getenv("A") != NULL);
	static char put[] = "PUT=here"; printf("%d", putenv(put)); printf(" %s", getenv("PUT")); put[4] = 'H'; printf(" %s", getenv("PUT")); printf(" %d", putenv("PUT")); printf(" %d %s\n", getenv("PUT") != NULL, secure_getenv("HOME") ? "home" : "none");
	printf("%d", clearenv()); printf(" %d", getenv("PATH") != NULL); setenv("X", "y", 1); extern char **environ; printf(" %s %d\n", environ[0], environ[1] != NULL);
	div_t d = div(-7, 2); ldiv_t ld = ldiv(7, -2); printf("%d %d %ld %ld %d %ld\n", d.quot, d.rem, ld.quot, ld.rem, abs(-5), labs(-6L)); imaxdiv_t im = imaxdiv(-9, 4); printf("%jd %jd %s %ld\n", im.quot, im.rem, l64a(12345), a64l("v/."));

	for (int i = 0; i < 5; i++) printf("%ld %d ", random(), rand());
	srandom(42); for (int i = 0; i < 5; i++) printf("%ld ", random()); srand(0); for (int i = 0; i < 5; i++) printf("%d ", rand()); unsigned seed = 1; for (int i = 0; i < 5; i++) printf("%d ", rand_r(&seed)); printf("\n");
	static char state[256]; static const size_t sizes[] = { 8, 31, 32, 64, 100, 128, 256 };
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) { char *old = initstate(17, state, sizes[i]); for (int k = 0; k < 4; k++) printf("%ld ", random()); setstate(old); printf("| %ld\n", random()); }
	errno = 0; printf("%p e%d\n", (void *)initstate(1, state, 4), errno);
	printf("%f %f %ld %ld", drand48(), drand48(), lrand48(), mrand48()); srand48(5); printf(" %f %ld", drand48(), lrand48()); unsigned short x[3] = { 1, 2, 3 }; printf(" %f %ld %ld", erand48(x), nrand48(x), jrand48(x)); unsigned short *was = seed48(x); printf(" %d %d %d %f", was[0], was[1], was[2], drand48()); unsigned short lc[7] = { 1, 2, 3, 4, 5, 6, 7 }; lcong48(lc); printf(" %f\n", drand48());
	struct random_data rd = { 0 }; char rs[64] = { 0 }; int32_t out; initstate_r(3, rs, 64, &rd); for (int i = 0; i < 4; i++) { random_r(&rd, &out); printf("%d ", out); } srandom_r(9, &rd); random_r(&rd, &out); printf("%d\n", out);
	return 0;
}
