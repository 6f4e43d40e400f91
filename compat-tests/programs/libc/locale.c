/* Locales, their conventions, and conversion between multibyte and wide characters. */
#define _GNU_SOURCE
#include <errno.h>
#include <langinfo.h>
#include <libintl.h>
#include <limits.h>
#include <locale.h>
#include <monetary.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uchar.h>
#include <wchar.h>

static const char *str(const char *s) { return s ? s : "(null)"; }

static void conventions(const char *title)
{
	struct lconv *c = localeconv();
	printf("%s: '%s' '%s' '%s' '%s' '%s' '%s' '%s' '%s'", title, c->decimal_point, c->thousands_sep, c->int_curr_symbol, c->currency_symbol,
		c->mon_decimal_point, c->mon_thousands_sep, c->positive_sign, c->negative_sign);
	for (const char *p = c->grouping; *p; p++) printf(" g%d", *p);
	printf(" %d %d %d %d %d %d %d %d\n", c->int_frac_digits, c->frac_digits, c->p_cs_precedes, c->p_sep_by_space, c->n_cs_precedes,
		c->n_sep_by_space, c->p_sign_posn, c->n_sign_posn);
	static const nl_item items[] = { CODESET, RADIXCHAR, THOUSEP, YESEXPR, NOEXPR, CRNCYSTR, D_T_FMT, D_FMT, T_FMT, T_FMT_AMPM, AM_STR,
		PM_STR, DAY_1, DAY_7, ABDAY_1, ABDAY_7, MON_1, MON_12, ABMON_1, ABMON_12, ERA, ERA_D_FMT, ERA_D_T_FMT, ERA_T_FMT, ALT_DIGITS, 0x7fffffff };
	for (size_t i = 0; i < sizeof items / sizeof *items; i++) printf("%zu '%s'\n", i, str(nl_langinfo(items[i])));
}

static void multibyte(const char *title)
{
	static const char *const texts[] = { "", "a", "\xc3\xa9", "\xe4\xb8\x80", "\xf0\x9f\x98\x80", "\x80", "\xff", "\xc3", "\xc3(", "\xe0\x80\x80",
		"\xed\xa0\x80", "\xc0\x80", "\xe4\xb8" };
	printf("%s: MB_CUR_MAX %zu\n", title, MB_CUR_MAX);
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		mbstate_t state = { 0 };
		wchar_t wide = 0x7777, many[16];
		char32_t c32 = 0x7777;
		char16_t c16 = 0x7777;
		size_t n = strlen(texts[i]);
		errno = 0;
		long r = (long)mbrtowc(&wide, texts[i], n, &state);
		printf("%zu: mbrtowc %ld %x e%d i%d", i, r, r >= 0 ? (unsigned)wide : 0, errno, !!mbsinit(&state));
		errno = 0;
		printf(" mblen %d e%d", mblen(texts[i], n), errno);
		errno = 0;
		r = (long)mbstowcs(many, texts[i], 16);
		printf(" mbstowcs %ld e%d", r, errno);
		memset(&state, 0, sizeof state);
		r = (long)mbrtoc32(&c32, texts[i], n, &state);
		printf(" c32 %ld %x", r, r >= 0 ? c32 : 0);
		memset(&state, 0, sizeof state);
		r = (long)mbrtoc16(&c16, texts[i], n, &state);
		printf(" c16 %ld %x", r, r >= 0 ? c16 : 0);
		if (r >= 0 && c16 >= 0xd800 && c16 < 0xdc00) {
			r = (long)mbrtoc16(&c16, texts[i] + r, n - r, &state);
			printf(" then %ld %x", r, c16);
		}
		memset(&state, 0, sizeof state);
		const char *from = texts[i];
		r = (long)mbsrtowcs(many, &from, 16, &state);
		printf(" mbsrtowcs %ld %ld\n", r, from ? (long)(from - texts[i]) : -1);
	}
	static const wchar_t chars[] = { 0, 'a', 0x7f, 0x80, 0xe9, 0x4e00, 0x1f600, 0xd800, 0xdf80, 0x10ffff, -1 };
	for (size_t i = 0; i < sizeof chars / sizeof *chars; i++) {
		char out[MB_LEN_MAX];
		mbstate_t state = { 0 };
		errno = 0;
		long r = (long)wcrtomb(out, chars[i], &state);
		printf("wcrtomb %x: %ld e%d", (unsigned)chars[i], r, errno);
		for (long k = 0; k < r; k++) printf(" %02x", (unsigned char)out[k]);
		printf(" wctob %d\n", wctob(chars[i]));
	}
	for (int c = -1; c < 256; c += c < 120 ? 60 : 7) printf("btowc %d %x\n", c, btowc(c));
	printf("parts");
	mbstate_t state = { 0 };
	wchar_t wide = 0;
	for (const char *p = "\xf0\x9f\x98\x80z"; *p; p++) printf(" %ld", (long)mbrtowc(&wide, p, 1, &state));
	printf(" %x\n", (unsigned)wide);
}

int main(void)
{
	printf("%s\n", str(setlocale(LC_ALL, NULL)));
	conventions("C");
	multibyte("C");
	static const char *const names[] = { "", "C", "POSIX", "C.UTF-8", "C.utf8", "de_DE.UTF-8", "nonsense", "en_US", "LC_CTYPE=C;LC_NUMERIC=C" };
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		printf("setlocale %s: %s", names[i], str(setlocale(LC_ALL, names[i])));
		printf(" then %s", str(setlocale(LC_ALL, NULL)));
		errno = 0;
		locale_t l = newlocale(LC_ALL_MASK, names[i], 0);
		printf(" newlocale %d e%d", l != 0, l ? 0 : errno);
		if (l) {
			printf(" %s %s", nl_langinfo_l(CODESET, l), nl_langinfo_l(D_T_FMT, l));
			locale_t copy = duplocale(l);
			printf(" copy %d", copy != 0);
			freelocale(copy);
			freelocale(l);
		}
		printf("\n");
		setlocale(LC_ALL, "C");
	}
	printf("bad category %s e%d\n", str(setlocale(99, "C")), errno);
	printf("ctype %s", str(setlocale(LC_CTYPE, "C.UTF-8")));
	printf(" all %s\n", str(setlocale(LC_ALL, NULL)));
	conventions("C.UTF-8");
	multibyte("C.UTF-8");
	printf("%d %d\n", strcoll("a", "B") > 0, strcoll("\xc3\xa9", "z") > 0);
	char to[32];
	printf("%zu %s\n", strxfrm(to, "Hello", sizeof to), to);
	printf("%d %d\n", wcscoll(L"a", L"B") > 0, wcscoll(L"\u00e9", L"z") > 0);
	setlocale(LC_ALL, "C");
	printf("%zd", strfmon(to, sizeof to, "%n|%i", 1234.567, 2.5));
	printf(" %s\n", to);
	printf("%s %s %s\n", gettext("hello"), ngettext("one", "many", 2), dgettext("none", "text"));
	printf("%s\n", str(textdomain("mine")));
	printf("%s\n", str(bindtextdomain("mine", "/tmp")));
	printf("codeset %s", str(bind_textdomain_codeset("mine", NULL)));
	printf(" %s", str(bind_textdomain_codeset("mine", "UTF-8")));
	printf(" %s\n", str(bind_textdomain_codeset("", "UTF-8")));
	printf("uselocale %d\n", uselocale(0) == LC_GLOBAL_LOCALE);
	return 0;
}
