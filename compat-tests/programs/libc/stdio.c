/* Streams. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <wchar.h>
#include <locale.h>

static const char *name = "stdio-test-file";
static void content(const char *title)
{
	char b[256]; int fd = open(name, O_RDONLY); ssize_t n = read(fd, b, sizeof b - 1); close(fd); b[n < 0 ? 0 : n] = 0; printf("%s: %zd [%s]\n", title, n, b);
}
static ssize_t cr(void *c, char *b, size_t n) { printf("(read %d)", n > 0); if (*(int *)c <= 0) return 0; n = n < 3 ? n : 3; memset(b, 'k', n); --*(int *)c; return n; }
static ssize_t cw(void *c, const char *b, size_t n) { printf("(write %.*s)", (int)n, b); return n; }
static int cs(void *c, off64_t *o, int w) { printf("(seek %ld %d)", (long)*o, w); *o = 5; return 0; }
static int cc(void *c) { printf("(close)"); return 0; }

int main(void)
{
	static const char *const modes[] = { "r", "w", "a", "r+", "w+", "a+", "rb", "wx", "w+x", "re", "we", "rbe", "q", "", "rm", "rw", "r+b", "wb+x" };
	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
		unlink(name); errno = 0; FILE *f = fopen(name, modes[i]); printf("%s new %d e%d", modes[i], !!f, f ? 0 : errno);
		if (f) { printf(" fl %x fd %x r%d w%d", fcntl(fileno(f), F_GETFL) & ~O_LARGEFILE, fcntl(fileno(f), F_GETFD), !!__freadable(f), !!__fwritable(f)); fclose(f); }
		close(open(name, O_CREAT | O_WRONLY, 0644)); errno = 0; f = fopen(name, modes[i]); printf(" old %d e%d", !!f, f ? 0 : errno);
		if (f) { printf(" fl %x", fcntl(fileno(f), F_GETFL) & ~O_LARGEFILE); errno = 0; int p = fputc('x', f); printf(" put %d e%d err%d", p, p < 0 ? errno : 0, !!ferror(f)); clearerr(f); rewind(f); errno = 0; int g = fgetc(f); printf(" get %d e%d err%d eof%d", g, g < 0 && ferror(f) ? errno : 0, !!ferror(f), !!feof(f)); printf(" close %d", fclose(f)); }
		printf("\n");
	}
	FILE *f = fopen(name, "w+");
	printf("%d %zu %d", fputs("hello\nworld\n", f) >= 0, fwrite("abc", 1, 3, f), fprintf(f, "%d", 42)); printf(" tell %ld", ftell(f)); fflush(f); content(" ");
	fseek(f, 6, SEEK_SET); char b[64]; printf("%s", fgets(b, sizeof b, f)); printf("%d", ungetc('Q', f)); printf(" %ld", ftell(f)); printf(" %c%c", getc(f), getc(f)); printf(" %d %d", fseek(f, -2, SEEK_END), getc(f)); printf(" %d", fseek(f, -100, SEEK_CUR)); printf(" e%d\n", errno);
	rewind(f); fpos_t pos; fgetpos(f, &pos); printf("%zu %.4s", fread(b, 1, 4, f), b); fsetpos(f, &pos); printf(" %zu %.6s", fread(b, 3, 2, f), b); printf(" %zu", fread(b, 1, 0, f)); fseek(f, 0, SEEK_CUR); fputs("OVER", f); printf(" %d", fclose(f)); content(" after");
	f = fopen(name, "a+"); printf("a+ tell %ld", ftell(f)); fgets(b, sizeof b, f); printf(" %s", b); fputs("END", f); printf(" tell %ld", ftell(f)); fclose(f); content(" a+");
	f = fopen(name, "r"); char *line = NULL; size_t cap = 0; ssize_t n; while ((n = getline(&line, &cap, f)) >= 0) printf("line %zd [%s]", n, line); printf(" eof %d\n", feof(f)); rewind(f); while ((n = getdelim(&line, &cap, 'o', f)) >= 0) printf("delim %zd [%s] ", n, line); printf("\n"); free(line);
	rewind(f); for (int i = 0; i < 6; i++) printf("%d ", ungetc('a' + i, f) == 'a' + i); printf("\n"); fclose(f);
	f = fopen(name, "r"); getc(f); printf("ungetc %d %d", ungetc('Z', f), ungetc(EOF, f)); printf(" %c", getc(f)); fclose(f); printf("\n");
	printf("bad setvbuf %d\n", setvbuf(stdin, NULL, 99, 0) != 0);
	f = fopen(name, "w"); FILE *g = freopen(name, "r", f); printf("freopen %d", g == f); printf(" %d", fgetc(f)); g = freopen("/nonexistent/x", "r", f); printf(" %d e%d\n", !!g, errno);
	int fd = open(name, O_RDONLY); errno = 0; g = fdopen(fd, "w"); printf("fdopen ro as w %d e%d\n", !!g, errno); if (g) fclose(g); else close(fd); errno = 0; printf("fdopen -1 %d e%d\n", !!fdopen(-1, "r"), errno); errno = 0; printf("fdopen mode %d e%d\n", !!fdopen(0, "z"), errno);
	char mem[16] = "0123456789"; f = fmemopen(mem, sizeof mem, "r+"); printf("fmem %c", getc(f)); fseek(f, 5, SEEK_SET); fputs("XY", f); fflush(f); printf(" %s tell %ld", mem, ftell(f)); printf(" end %d %ld", fseek(f, 0, SEEK_END), ftell(f)); fclose(f); f = fmemopen(mem, 4, "w"); printf(" put %d", fputs("toolong", f) >= 0); fflush(f); printf(" close %d [%.16s]\n", fclose(f), mem);
	f = fmemopen(NULL, 10, "w+"); fputs("abc", f); rewind(f); printf("fmem null %s", fgets(b, 10, f)); fclose(f); f = fmemopen(mem, 0, "r"); printf(" zero %d\n", !!f); if (f) { printf("%d\n", getc(f)); fclose(f); } strcpy(mem, "ab"); f = fmemopen(mem, 10, "a"); fputs("cd", f); fclose(f); printf("fmem a %s\n", mem); f = fmemopen("bin\0ary", 7, "rb"); printf("%zu\n", fread(b, 1, 20, f)); fclose(f);
	char *heap; size_t size; f = open_memstream(&heap, &size); fputs("hello", f); fflush(f); printf("memstream %s %zu", heap, size); fseek(f, 1, SEEK_SET); putc('E', f); fflush(f); printf(" %zu", size); fseek(f, 8, SEEK_SET); putc('!', f); fclose(f); printf(" %zu [%.6s] %d\n", size, heap, heap[6]); free(heap); wchar_t *wheap; f = open_wmemstream(&wheap, &size); fwprintf(f, L"%ls-%d", L"wide", 5); fclose(f); printf("%ls %zu\n", wheap, size); free(wheap);
	f = popen("echo popen; exit 3", "r"); printf("%s", fgets(b, sizeof b, f)); printf("pclose %d\n", WEXITSTATUS(pclose(f))); fflush(stdout); f = popen("cat", "w"); fputs("to cat\n", f); printf("pclose %d\n", pclose(f)); errno = 0; printf("popen bad %d e%d\n", !!popen("x", "q"), errno); f = popen("true", "re"); printf("popen e %x\n", fcntl(fileno(f), F_GETFD)); pclose(f); printf("system %d %d %d\n", system(NULL) != 0, WEXITSTATUS(system("exit 7")), WEXITSTATUS(system("nonexistent-command 2>/dev/null")));
	f = tmpfile(); fputs("t", f); rewind(f); printf("tmpfile %c\n", getc(f)); fclose(f); char t[] = "stdio-XXXXXX"; fd = mkstemp(t); printf("mkstemp %d %zu %x\n", fd >= 0, strlen(t), fcntl(fd, F_GETFL) & 3); close(fd); unlink(t); char ts[] = "stdio-XXXXXX.c"; fd = mkstemps(ts, 2); printf("mkstemps %d %s\n", fd >= 0, ts + 12); close(fd); unlink(ts); errno = 0; char bad[] = "bad"; printf("mkstemp %d e%d\n", mkstemp(bad), errno); printf("remove %d", remove("stdio-none")); printf(" e%d\n", errno);
	f = fopen(name, "w"); printf("wide %d", fwide(f, 0)); fputws(L"w", f); printf(" %d %d", fwide(f, 0) > 0, fwide(f, -1) > 0); fclose(f); setlocale(LC_ALL, "C.UTF-8"); f = fopen(name, "w"); printf(" put %x", fputwc(0x4e00, f)); fwprintf(f, L"-%ls", L"\u00e9"); fclose(f); content(" wide"); f = fopen(name, "r"); printf("%x %x", fgetwc(f), ungetwc(L'q', f)); wchar_t wb[16]; printf(" %ls\n", fgetws(wb, 16, f)); fclose(f);
	setlocale(LC_ALL, "C");
	errno = EINTR; fflush(stdout); dup2(1, 2); errno = EINTR; perror("perror"); errno = EINTR; perror(NULL); errno = EINTR; perror(""); dprintf(1, "dprintf %d\n", 5); f = fopen(name, "r"); errno = 0; printf("put to r %d e%d\n", fputc('x', f), errno); fclose(f); puts("puts"); printf("fileno mem "); f = fmemopen(b, 4, "r"); errno = 0; printf("%d e%d\n", fileno(f), errno); fclose(f); printf("flush all %d\n", fflush(NULL)); f = fopen("/dev/full", "w"); fputs("x", f); errno = 0; printf("full %d e%d", fclose(f), errno); f = fopen("/", "r"); errno = 0; printf(" dir %d e%d\n", getc(f), errno); fclose(f); f = fopen(name, "r+"); printf("%d", putw(77, f)); rewind(f); printf(" %d\n", getw(f)); __fpurge(f); fclose(f); fcloseall();
	unlink(name);
	return 0;
}
