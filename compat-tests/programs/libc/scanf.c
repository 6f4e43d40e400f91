/* Formatted input and the conversions of numbers. */
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

static void d(const char *s)
{
	char *e, *ef, *el;
	errno = 0; double v = strtod(s, &e); int e1 = errno;
	errno = 0; float f = strtof(s, &ef); int e2 = errno;
	errno = 0; long double l = strtold(s, &el); int e3 = errno;
	printf("[%s] %a %d e%d | %a %d e%d | %La %d e%d\n", s, v, (int)(e - s), e1, f, (int)(ef - s), e2, l, (int)(el - s), e3);
}

static void i(const char *s, int base)
{
	char *e = (char *)s, *eu = (char *)s;
	errno = 0; long v = strtol(s, &e, base); int e1 = errno;
	errno = 0; unsigned long u = strtoul(s, &eu, base); int e2 = errno;
	printf("[%s] base %d: %ld %d e%d | %lu %d e%d\n", s, base, v, (int)(e - s), e1, u, (int)(eu - s), e2);
}

int main(void)
{
	static const char *const doubles[] = { "", " ", "0", "-0", "+1", "1.", ".5", ".", "1e", "1e+", "1e5", "1E-5x", "0x", "0x1p3", "0x1.8p-1", "0x.8", "0x1p", "0xg", "inf", "-INF",
		"infinity", "infinit", "nan", "-nan", "nan(", "nan(123)", "nan(0x7)", "nan(abc)", "nan(a-b)", "1e308", "1.8e308", "1e309", "-1e400", "1e-308", "4.9e-324", "2.4e-324", "2.5e-324", "1e-400", "5e-324",
		"2.2250738585072011e-308", "2.2250738585072014e-308", "1.7976931348623157e308", "1.7976931348623158e308", "1.7976931348623159e308", "9007199254740993", "9007199254740992.9999999999999999999",
		"0.1", "123456789012345678901234567890", "1e23", "8.5899345925e9", "0.000000000000000000000000000000000000000000000000000001", "1e-45", "7e-46", "3.4028235e38", "3.4028236e38", "1e4932", "1.2e4932", "1e-4951", "0x1.fffffffffffff8p1023", "0x1p-1074", "0x1p-1075",
		"  \t\n12", "1,5", "1_000", "1e99999999999999999999", "0e99999999999999999999", "1e-99999999999999999999", "--1", "+-1", "0x1.00000000000008p0", "0x1.00000000000008000001p0", "0x1.00000000000018p0" };
	for (size_t k = 0; k < sizeof doubles / sizeof *doubles; k++) d(doubles[k]);
	static const char *const integers[] = { "", " 42x", "-42", "+7", "0x1f", "0X", "0xg", "077", "08", "0b101", "9223372036854775807", "9223372036854775808", "-9223372036854775808", "-9223372036854775809",
		"18446744073709551615", "18446744073709551616", "-1", "-18446744073709551615", "zz", "ZZ", "- 1", "--1", "\v\f\r 3" };
	static const int bases[] = { 0, 2, 8, 10, 16, 36, 1, 37, -1 };
	for (size_t k = 0; k < sizeof integers / sizeof *integers; k++)
		for (size_t b = 0; b < sizeof bases / sizeof *bases; b++) i(integers[k], bases[b]);
	printf("%d %ld %lld %f\n", atoi(" -12x"), atol("99999999999"), atoll("-5"), atof("2.5z"));
	printf("%jd %ju\n", strtoimax("-77", 0, 0), strtoumax("0x77", 0, 0));
	wchar_t *we;
	printf("%ld %f %lu %Lf\n", wcstol(L"-12z", &we, 0), wcstod(L"1.5e3q", &we), wcstoul(L"077", &we, 0), wcstold(L"0x1p4", &we));

	int a = -1, b = -1, n = -1, r; unsigned u = 9; long l = 9; short h = 9; signed char hh = 9; double x = 9; float f = 9; long double ld = 9; char s[64] = "", t[64] = "", c = '?'; void *p = 0; size_t z = 9; intmax_t j = 9;
#define S(line, format, ...) do { errno = 0; r = sscanf(line, format, __VA_ARGS__); printf("[%s] [%s] %d", line, format, r); } while (0)
	S("12 34", "%d %d", &a, &b); printf(" %d %d\n", a, b);
	S("12,34", "%d,%d%n", &a, &b, &n); printf(" %d %d %d\n", a, b, n);
	S("x", "%d", &a); printf(" %d\n", a); S("", "%d", &a); printf(" %d\n", a); S("   ", "%d", &a); printf(" %d\n", a); S("", "%n", &n); printf(" %d\n", n); S("abc", "abc%n", &n); printf(" %d\n", n); S("ab", "abc%n", &n); printf(" %d\n", n);
	S("0x1f 077 9", "%i %i %i", &a, &b, &n); printf(" %d %d %d\n", a, b, n); S("ff 77 42", "%x %o %u", &u, (unsigned *)&a, (unsigned *)&b); printf(" %u %d %d\n", u, a, b);
	S("300 70000 5000000000", "%hhd %hd %ld", &hh, &h, &l); printf(" %d %d %ld\n", hh, h, l); S("1.5 2.5 3.5", "%f %lf %Lf", &f, &x, &ld); printf(" %f %f %Lf\n", f, x, ld); S("0x1.8p1 inf nan", "%lf %f %Lf", &x, &f, &ld); printf(" %f %f %Lf\n", x, f, ld);
	S("-", "%d%s", &a, s); printf("\n"); S("infx", "%lf%s", &x, s); printf(" %f %s\n", x, s);
	S("hello world", "%s %s", s, t); printf(" %s %s\n", s, t); S("hello", "%3s%s", s, t); printf(" %s %s\n", s, t); S("abc", "%c%2c", &c, s); printf(" %c %.2s\n", c, s);
	S("abc123", "%[a-z]%[0-9]", s, t); printf(" %s %s\n", s, t); S("a]b", "%[]a]%s", s, t); printf(" %s %s\n", s, t); S("xyz;", "%[^;]", s); printf(" %s\n", s); S("a-b", "%[a-]%s", s, t); printf(" %s %s\n", s, t); S("^x", "%[x^]", s); printf(" %s\n", s);
	S("12 34", "%*d %d", &a); printf(" %d\n", a); S("5 6", "%2$d %1$d", &a, &b); printf(" %d %d\n", a, b); S("100%", "%d%%%n", &a, &n); printf(" %d %d\n", a, n);
	S("0x10", "%p", &p); printf(" %p\n", p); S("18446744073709551615 -9", "%zu %jd", &z, &j); printf(" %zu %jd\n", z, j); S("12345", "%2d%3d", &a, &b); printf(" %d %d\n", a, b);
	char *m = 0, *m2 = 0; wchar_t ws[16] = L"", *wm = 0;
	S("dyn amic", "%ms %m[a-z]", &m, &m2); printf(" %s %s\n", m, m2); free(m); free(m2);
	S("wide", "%ls", ws); printf(" %ls\n", ws); S("wide", "%mls", &wm); printf(" %ls\n", wm); free(wm); S("q", "%mc", &m); printf(" %c\n", *m); free(m);
	S("99999999999999999999", "%d", &a); printf(" %d e%d\n", a, errno); S("4294967296", "%u", &u); printf(" %u\n", u);
	S("0b11", "%i", &a); printf(" %d\n", a); S("  x", " %c", &c); printf(" %c\n", c); S("12abc", "%d%[a-c]%n", &a, s, &n); printf(" %d %s %d\n", a, s, n);
	r = swscanf(L"abc", L"%s", s); printf("%d %s\n", r, s); r = swscanf(L"ab12", L"%l[a-z]%d", ws, &a); printf("%d %ls %d\n", r, ws, a);
	FILE *in = fmemopen("17 rest\n", 8, "r"); r = fscanf(in, "%d", &a); printf("%d %d %d\n", r, a, getc(in)); r = fscanf(in, "%s%n", s, &n); printf("%d %s %d %ld\n", r, s, n, ftell(in)); r = fscanf(in, "%d", &a); printf("%d %d\n", r, feof(in));
	return 0;
}
