/* What fork copies, and when: contents on any Linux, and in the guest (which says so in its release) the frames that
 * /proc/meminfo counts, which are exact there. */
#include "check.h"
#include <sys/utsname.h>

enum { PAGE = 4096 };

static int counts_are_exact(void)
{
	struct utsname name;
	uname(&name);
	return strstr(name.release, "osv") != NULL;
}

/* Free frames. The first call after a fork copies what it writes itself. */
static long free_frames(void)
{
	static char text[4096];
	int file = open("/proc/meminfo", O_RDONLY);
	CHECK(file >= 0);
	ssize_t length = read(file, text, sizeof(text) - 1);
	CHECK(length > 0);
	text[length] = 0;
	close(file);
	char *line = strstr(text, "MemFree:");
	CHECK(line != NULL);
	return atol(line + 8) / 4;
}

/* The same once nothing else gives or takes any more: what ended before, or the other side on its way to sleep, may
 * still run on another processor. */
static long settled_frames(void)
{
	long now = free_frames(), before;
	do {
		before = now;
		usleep(2000);
		now = free_frames();
	} while (counts_are_exact() && now != before);
	return now;
}

static char *pages_of(size_t count)
{
	char *at = mmap(0, count * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(at != MAP_FAILED);
	madvise(at, count * PAGE, MADV_NOHUGEPAGE);
	return at;
}

static void step(int pipe) { char byte; CHECK(read(pipe, &byte, 1) == 1); }
static void go(int pipe) { CHECK(write(pipe, "x", 1) == 1); }

static void forks_with(size_t count, long most_frames)
{
	int to_child[2], to_parent[2];
	CHECK(pipe(to_child) == 0 && pipe(to_parent) == 0);
	char *pages = pages_of(count);
	for (size_t i = 0; i < count; i++)
		*(size_t *)(pages + i * PAGE) = i;
	/* Once, for what the first fork of all leaves behind. */
	pid_t pid = fork();
	if (pid == 0)
		_exit(0);
	reap(pid);
	long before = settled_frames();
	pid = fork();
	CHECK(pid >= 0);
	size_t parents = count / 20, childs = count / 30;
	if (pid == 0) {
		/* What the handshake itself writes is copied before anybody counts. */
		go(to_parent[1]);
		step(to_child[0]);
		long start = settled_frames();
		for (size_t i = 0; i < childs; i++)
			*(size_t *)(pages + (count / 2 + i) * PAGE) = 7;
		if (counts_are_exact())
			EQUAL(start - free_frames(), childs);
		/* Those that the parent copied are ours alone by now, and reading copies nothing. */
		start = settled_frames();
		for (size_t i = 0; i < parents; i++)
			*(size_t *)(pages + i * PAGE) += 1000000;
		size_t sum = 0;
		for (size_t i = 0; i < count; i++)
			sum += *(size_t *)(pages + i * PAGE);
		if (counts_are_exact())
			EQUAL(start - free_frames(), 0);
		size_t right = parents * 1000000 + childs * 7;
		for (size_t i = 0; i < count; i++)
			right += i >= count / 2 && i < count / 2 + childs ? 0 : i;
		EQUAL(sum, right);
		go(to_parent[1]);
		step(to_child[0]);
		_exit(0);
	}
	step(to_parent[0]);
	long after = settled_frames();
	if (counts_are_exact())
		CHECK(before - after <= most_frames);
	after = settled_frames();
	for (size_t i = 0; i < parents; i++)
		*(size_t *)(pages + i * PAGE) = i + 5;
	if (counts_are_exact())
		EQUAL(after - free_frames(), parents);
	go(to_child[1]);
	step(to_parent[0]);
	for (size_t i = 0; i < count; i++)
		EQUAL(*(size_t *)(pages + i * PAGE), i < parents ? i + 5 : i);
	go(to_child[1]);
	EQUAL(reap(pid), 0);
	/* The child's frames come back when it has left its last stack. */
	if (counts_are_exact())
		UNTIL(before - free_frames() <= 64);
	munmap(pages, count * PAGE);
}

static void a_small_process(void) { forks_with(3000, 100); }
static void a_gigabyte(void) { forks_with((size_t)1 << 18, 600); }

static void huge_pages(void)
{
	size_t size = 64 << 20, huge = 2 << 20;
	char *at = mmap(0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(at != MAP_FAILED);
	for (size_t i = 0; i < size; i += PAGE)
		at[i] = 1;
	pid_t pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		free_frames();
		long before = free_frames();
		for (size_t i = huge; i < size; i += huge)
			at[i] = 2;
		/* A page and a table for each. */
		if (counts_are_exact())
			CHECK(before - free_frames() <= (long)(2 * size / huge));
		size_t sum = 0;
		for (size_t i = 0; i < size; i += PAGE)
			sum += at[i];
		EQUAL(sum, size / PAGE + size / huge - 1);
		_exit(0);
	}
	EQUAL(reap(pid), 0);
	for (size_t i = 0; i < size; i += PAGE)
		EQUAL(at[i], 1);
}

static void shared_and_special_areas(void)
{
	char *shared = (char *)shared_ints(4 * PAGE / sizeof(int));
	char path[] = "/tmp/osv-copies-XXXXXX";
	int file = mkstemp(path);
	CHECK(file >= 0 && unlink(path) == 0 && ftruncate(file, 3 * PAGE) == 0);
	CHECK(pwrite(file, "file", 4, PAGE) == 4);
	char *file_shared = mmap(0, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	char *file_private = mmap(0, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
	char *wiped = pages_of(2), *gone = pages_of(2), *locked = pages_of(2), *untouched = pages_of(2);
	CHECK(madvise(wiped, 2 * PAGE, MADV_WIPEONFORK) == 0);
	CHECK(madvise(gone, 2 * PAGE, MADV_DONTFORK) == 0);
	CHECK(mlock(locked, 2 * PAGE) == 0);
	shared[0] = 1, wiped[0] = 1, gone[0] = 1, locked[0] = 1, file_private[0] = 'p';
	void *heap = sbrk(PAGE);
	memset(heap, 6, PAGE);
	pid_t pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		EQUAL(shared[0], 1);
		EQUAL(wiped[0], 0);
		EQUAL(locked[0], 1);
		EQUAL(*(char *)heap, 6);
		unsigned char there[2];
		FAILS(mincore(gone, 2 * PAGE, there), ENOMEM);
		CHECK(memcmp(file_shared + PAGE, "file", 4) == 0 && file_private[0] == 'p');
		file_shared[0] = 's', file_private[PAGE] = 'q', untouched[0] = 9, shared[0] = 2, shared[PAGE] = 3;
		memset(heap, 7, PAGE);
		munmap(untouched, 2 * PAGE);
		CHECK(mprotect(locked, PAGE, PROT_NONE) == 0);
		_exit(0);
	}
	EQUAL(reap(pid), 0);
	EQUAL(shared[0], 2);
	EQUAL(shared[PAGE], 3);
	EQUAL(file_shared[0], 's');
	EQUAL(file_private[0], 'p');
	EQUAL(file_private[PAGE], 'f');
	EQUAL(untouched[0], 0);
	EQUAL(wiped[0], 1);
	EQUAL(gone[0], 1);
	EQUAL(locked[0], 1);
	EQUAL(*(char *)heap, 6);
}

/* Random writes, moves and forks, each process with its own notion of what is where. */
enum { TREE_PAGES = 40 };
static unsigned random_state;
static unsigned draw(unsigned below)
{
	random_state = random_state * 1664525 + 1013904223;
	return (random_state >> 8) % below;
}

static int tree(char *pages, const int *seen_by_parent, int depth)
{
	int seen[TREE_PAGES], forks = 0;
	pid_t pids[3];
	memcpy(seen, seen_by_parent, sizeof(seen));
	for (int i = 0; i < 120; i++) {
		unsigned page = draw(TREE_PAGES);
		volatile int *at = (volatile int *)(pages + page * PAGE);
		switch (draw(8)) {
		case 0:
			if (forks < 3 && depth > 0) {
				pids[forks] = fork();
				CHECK(pids[forks] >= 0);
				if (pids[forks] == 0) {
					random_state += getpid();
					_exit(tree(pages, seen, depth - 1));
				}
				forks++;
			}
			break;
		case 1:
			CHECK(madvise(pages + page * PAGE, PAGE, MADV_DONTNEED) == 0);
			seen[page] = 0;
			break;
		case 2:
			CHECK(mprotect(pages + page * PAGE, PAGE, PROT_READ) == 0);
			EQUAL(*at, seen[page]);
			CHECK(mprotect(pages + page * PAGE, PAGE, PROT_READ | PROT_WRITE) == 0);
			break;
		case 3: {
			/* Away and back. */
			void *elsewhere = mmap(0, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
			CHECK(mremap(pages + page * PAGE, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, elsewhere) == elsewhere);
			EQUAL(*(int *)elsewhere, seen[page]);
			CHECK(mremap(elsewhere, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, pages + page * PAGE) == (void *)at);
			break;
		}
		default:
			EQUAL(*at, seen[page]);
			*at = seen[page] = (int)draw(1000000);
		}
	}
	for (int i = 0; i < TREE_PAGES; i++)
		EQUAL(*(int *)(pages + i * PAGE), seen[i]);
	for (int i = 0; i < forks; i++)
		EQUAL(reap(pids[i]), 0);
	for (int i = 0; i < TREE_PAGES; i++)
		EQUAL(*(int *)(pages + i * PAGE), seen[i]);
	return 0;
}

static void a_tree_of_writers(void)
{
	int nothing[TREE_PAGES] = { 0 };
	random_state = getpid();
	EQUAL(tree(pages_of(TREE_PAGES), nothing, 3), 0);
}

/* Another thread writes all the while: the child's picture is of one moment, and stays. */
static volatile long *first_page, *second_page;
static volatile int done;
static void *counts(void *unused)
{
	for (long i = 1; !done; i++) {
		*first_page = i;
		*second_page = i;
	}
	return unused;
}

static void a_picture_of_one_moment(void)
{
	char *pages = pages_of(8);
	first_page = (long *)pages, second_page = (long *)(pages + 5 * PAGE);
	pthread_t thread;
	CHECK(pthread_create(&thread, NULL, counts, NULL) == 0);
	for (int i = 0; i < 30; i++) {
		pid_t pid = fork();
		CHECK(pid >= 0);
		if (pid == 0) {
			long first = *first_page, second = *second_page;
			CHECK(first == second || first == second + 1);
			nap(2);
			EQUAL(*first_page, first);
			EQUAL(*second_page, second);
			_exit(0);
		}
		EQUAL(reap(pid), 0);
	}
	done = 1;
	CHECK(pthread_join(thread, NULL) == 0);
}

static int nothing(void *unused) { (void)unused; return 0; }

static void frames_come_back(void)
{
	for (int i = 0; i < 20; i++)
		reap(child(nothing, NULL));
	free_frames();
	long before = free_frames();
	for (int i = 0; i < 200; i++)
		reap(child(nothing, NULL));
	if (counts_are_exact())
		UNTIL(before - free_frames() <= 64);
}

static const struct test CASES[] = {
#define CASE(name) { #name, name }
	CASE(a_small_process), CASE(huge_pages), CASE(shared_and_special_areas), CASE(a_tree_of_writers),
	CASE(a_picture_of_one_moment), CASE(frames_come_back),
	/* Wants a large guest: by name only. */
	CASE(a_gigabyte),
};

int main(int argc, char **argv)
{
	size_t count = sizeof(CASES) / sizeof(CASES[0]);
	return run_cases(CASES, argc > 2 ? count : count - 1, argc, argv);
}
