/* Formatted output, narrow and wide. */
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <locale.h>
#include <math.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

static void show(const char *format, ...)
{
	char out[2048];
	va_list list;
	va_start(list, format);
	errno = ENOENT;
	int n = vsnprintf(out, sizeof out, format, list);
	va_end(list);
	printf("[%s] %d", format, n);
	if (n < 0) printf(" e%d\n", errno);
	else printf(" [%s]\n", out);
}

static void wshow(const wchar_t *format, ...)
{
	wchar_t out[512];
	char narrow[2048];
	va_list list;
	va_start(list, format);
	int n = vswprintf(out, 512, format, list);
	va_end(list);
	if (n < 0) { printf("[%ls] %d\n", format, n); return; }
	size_t m = wcstombs(narrow, out, sizeof narrow);
	printf("[%ls] %d [%s]\n", format, n, m == (size_t)-1 ? "(unprintable)" : narrow);
}

#define ALL(conversion, value) do { \
	static const char *const flags[] = { "", "-", "+", " ", "#", "0", "'", "I", "-0", "+ ", "#0", "+0" }; \
	static const char *const sizes[] = { "", "1", "12", ".0", ".1", ".5", "12.5", "12.", "2.40" }; \
	for (size_t f = 0; f < sizeof flags / sizeof *flags; f++) \
		for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) { \
			char format[64]; \
			sprintf(format, "%%%s%s%s", flags[f], sizes[s], conversion); \
			show(format, value); \
		} \
	} while (0)

int main(void)
{
	ALL("d", 42); ALL("i", -42); ALL("d", 0); ALL("u", 42u); ALL("x", 0xbeef); ALL("X", 0); ALL("o", 8); ALL("c", 'q'); ALL("s", "text");
	ALL("p", (void *)0x1234); ALL("p", (void *)0); ALL("ld", LONG_MIN); ALL("f", 3.14159); ALL("e", -1234.5678); ALL("g", 0.0001); ALL("G", 1e100);
	ALL("a", 1.1); ALL("A", -0.0); ALL("f", 0.5); ALL("f", HUGE_VAL); ALL("F", -HUGE_VAL); ALL("e", (double)NAN); ALL("g", 100000.0); ALL("g", 1e6);
	ALL("Lf", 1.5L); ALL("La", 1.1L); ALL("Le", 1e-4940L); ALL("Lg", 1e300L);
	show("%hhd %hd %d %ld %lld %jd %zd %td", (char)-1, (short)-1, -1, -1L, -1LL, (intmax_t)-1, (ssize_t)-1, (ptrdiff_t)-1);
	show("%hhu %hu %u %lu %llu %ju %zu", 255, 65535, UINT_MAX, ULONG_MAX, ULLONG_MAX, UINTMAX_MAX, SIZE_MAX);
	show("%hhd %hd", 300, 70000); show("%qd %Zd", 5LL, (size_t)6); show("%#x %#o %#X", 255, 8, 255);
	show("%2$s %1$s", "a", "b"); show("%2$*1$d|%3$.*1$f", 5, 42, 2.5); show("%1$d %1$x %1$o", 10); show("%3$s %1$s %2$s", "x", "y", "z");
	show("%m"); show("%m %d", 7); show("%10m|%-30m|"); show("%.4m"); show("%#m");
	show("%%"); show("%5%|"); show("%-5%|"); show("100%%"); show("%"); show("%y"); show("%5y %d", 3); show("%-"); show("abc%"); show("%lc%ls", (wint_t)'w', L"wide");
	show("%s", (char *)0); show("%.3s", (char *)0); show("%.6s", (char *)0); show("%10s|", (char *)0); show("%ls", (wchar_t *)0);
	show("%.3s|%10.2s|%-10.2s|", "abcdef", "abcdef", "abcdef"); show("%*d|%-*d|%*d", 6, 1, 6, 2, -6, 3); show("%.*d|%.*d", 4, 5, -1, 6);
	show("%c%c%c", 'a', 0, 'b'); show("%C %S", L'x', L"yz"); show("%lc", (wint_t)0xe9); show("%ls", L"\u00e9");
	show("%.0f %.0f %.0f %.0f", 0.5, 1.5, 2.5, 3.5); show("%.0e %.0e", 2.5, 3.5); show("%.2f %.2f", 1.005, 2.675); show("%.3g %.3g", 1234.5, 0.00012345);
	show("%.60f", 0.1); show("%.20e", 1e-310); show("%f", 1e308); show("%.15g %.16g %.17g", 0.1, 0.1, 0.1); show("%a %a %a", 5e-324, 1.7976931348623157e308, 2.2250738585072014e-308);
	show("%.0a %.1a %.2a %.13a %.14a", 1.999, 1.96875, 1.998046875, 1.1, 1.1); show("%.0a %.0a %.0a", 1.5, 2.5, 0.5); show("%.1a", 1.03125);
	show("%La %La %La", 0.5L, 5e-324L, 1e4932L); show("%g %g %g", 1e-5, 123456.0, 1234567.0); show("%#g %#.3g %#.0f", 1.0, 2.0, 3.0);
	show("%f %F %e %E %g %G", (double)NAN, (double)NAN, (double)INFINITY, (double)INFINITY, -(double)INFINITY, (double)-NAN); show("%08f %+f % f", (double)INFINITY, (double)INFINITY, (double)NAN);
	show("%'d %'d %'.2f", 1234567, -1234567, 1234567.891); show("%+.3e|% .3e|%012.3e", 12345.678, 12345.678, -12345.678);
	show("%.1000d", 1); show("%1000d", 1); show("%.500s", "x");
	int n = 0; long l = 0; signed char hh = 0;
	char out[64];
	printf("%d", snprintf(out, sizeof out, "abc%ndef%lng%hhn", &n, &l, &hh)); printf(" %d %ld %d\n", n, l, hh);
	printf("%d", snprintf(out, 4, "abcdefgh")); printf(" %s\n", out);
	printf("%d\n", snprintf(NULL, 0, "%d", 12345));
	errno = 0;
	printf("%d", snprintf(out, sizeof out, "%2147483647d%d", 1, 1)); printf(" e%d\n", errno);
	errno = 0;
	printf("%d", snprintf(out, sizeof out, "%2147483648d", 1)); printf(" e%d\n", errno);
	errno = 0;
	printf("%d", snprintf(out, (size_t)INT_MAX + 2, "x")); printf(" e%d\n", errno);
	char *heap = NULL;
	printf("%d", asprintf(&heap, "%s-%d", "as", 9)); printf(" %s\n", heap);
	free(heap);
	setlocale(LC_ALL, "C.UTF-8");
	show("%lc|%ls|%5ls|%-5ls|%.3ls|%.4ls", (wint_t)0xe9, L"\u4e00\u4e01", L"\u00e9", L"\u00e9", L"\u4e00\u4e01", L"a\u4e00");
	show("%.1s", "\xc3\xa9"); show("\xff%d", 1); show("%'d", 1234567);
	wshow(L"%d|%5d|%-5d|%05d|%+d", 1, 2, 3, 4, 5); wshow(L"%s|%10s|%-10s|%.2s", "abc", "def", "ghi", "jkl"); wshow(L"%ls|%S|%10ls|%.1ls", L"abc", L"def", L"gh", L"ij");
	wshow(L"%c%lc%C", 'x', (wint_t)0x4e00, (wint_t)'z'); wshow(L"%f %e %g %a", 1.5, 1.5, 1.5, 1.5); wshow(L"%2$s %1$d", 3, "p"); wshow(L"%s", "\xc3\xa9\xe4\xb8\x80"); wshow(L"%.2s", "\xc3\xa9\xe4\xb8\x80");
	wshow(L"%p %x %#o %lld", (void *)0x10, 255, 8, -1LL); wshow(L"%s %ls", (char *)0, (wchar_t *)0); wshow(L"%5%|%%"); wshow(L"%m"); wshow(L"%s", "\xff");
	wchar_t small[4];
	printf("%d %d\n", swprintf(small, 4, L"abc"), swprintf(small, 4, L"abcd"));
	return 0;
}
