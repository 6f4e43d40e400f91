/* Reads a folder that is many times larger than memory, by read and by mapping, and takes memory for itself meanwhile.
 *
 *     pressure folder files pages
 *
 * File number f is called f and has `pages` pages, each filled with 64-bit words that follow from f and the offset. */
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGE 4096

static const char *folder;
static int files;
static long pages;

static void fail(const char *what, long file, long page)
{
	printf("FAILED: %s, file %ld, page %ld\n", what, file, page);
	fflush(stdout);
	_exit(1);
}

static int open_file(int file)
{
	char path[300];
	snprintf(path, sizeof path, "%s/%d", folder, file);
	int fd = open(path, O_RDONLY);
	if (fd < 0)
		fail("open", file, 0);
	return fd;
}

/* Looks at a few words of a page: all of them would be a test of memcmp. */
static void check(const uint64_t *words, long file, long page)
{
	for (int i = 0; i < PAGE / 8; i += 73)
		if (words[i] != ((uint64_t)file << 40 | (uint64_t)page << 16 | (uint64_t)i))
			fail("wrong contents", file, page);
}

static void read_all(void)
{
	static uint64_t buffer[16 * PAGE / 8];
	for (int file = 0; file < files; file++) {
		int fd = open_file(file);
		long page = 0;
		for (ssize_t got; (got = read(fd, buffer, sizeof buffer)) > 0; page += got / PAGE)
			for (long i = 0; i < got / PAGE; i++)
				check(buffer + i * (PAGE / 8), file, page + i);
		if (page != pages)
			fail("too short", file, page);
		close(fd);
	}
}

static void *map_some(void *first)
{
	uint64_t seed = (uintptr_t)first * 0x9e3779b97f4a7c15 + 1;
	for (int file = (int)(uintptr_t)first; file < files; file += 2) {
		int fd = open_file(file);
		const char *at = mmap(NULL, pages * PAGE, PROT_READ, MAP_PRIVATE, fd, 0);
		close(fd);
		if (at == MAP_FAILED)
			fail("mmap", file, 0);
		/* In order, and here and there; the mappings stay, so that only pressure takes pages from them. */
		for (long i = 0; i < pages; i++) {
			seed = seed * 6364136223846793005 + 1442695040888963407;
			long page = i % 4 ? i : (long)((seed >> 33) % (uint64_t)pages);
			check((const uint64_t *)(at + page * PAGE), file, page);
		}
	}
	return NULL;
}

static long meminfo(const char *key)
{
	char line[200];
	long value = -1;
	FILE *file = fopen("/proc/meminfo", "r");
	if (!file)
		fail("/proc/meminfo", 0, 0);
	while (fgets(line, sizeof line, file))
		if (strncmp(line, key, strlen(key)) == 0)
			value = atol(line + strlen(key));
	fclose(file);
	return value;
}

int main(int argc, char **argv)
{
	if (argc < 4)
		return 2;
	folder = argv[1];
	files = atoi(argv[2]);
	pages = atol(argv[3]);
	read_all();
	long cached = meminfo("Cached:"), total = meminfo("MemTotal:");
	printf("cached %s\n", cached > total / 4 ? "much" : "little");
	/* Most of what the cache has: it must give it up. */
	size_t size = (size_t)total * 1024 / 2;
	char *heap = malloc(size);
	if (!heap)
		fail("malloc", 0, 0);
	for (size_t i = 0; i < size; i += PAGE)
		heap[i] = (char)(i / PAGE + 1);
	long less = meminfo("Cached:");
	printf("then %s\n", less < cached ? "less" : "as much");
	/* Both at once, by two threads. */
	pthread_t other;
	if (pthread_create(&other, NULL, map_some, (void *)1) != 0)
		fail("thread", 0, 0);
	map_some((void *)0);
	pthread_join(other, NULL);
	for (size_t i = 0; i < size; i += PAGE)
		if (heap[i] != (char)(i / PAGE + 1))
			fail("the heap changed", 0, (long)(i / PAGE));
	/* Once more, with every mapping still there. */
	free(heap);
	read_all();
	puts("all of it was read");
	return 0;
}
