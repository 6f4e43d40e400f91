/* Character classes and case, through the functions, the tables that glibc's macros read, and locale objects. */
#define _GNU_SOURCE
#include <ctype.h>
#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <wchar.h>
#include <wctype.h>

extern const unsigned short **__ctype_b_loc(void);
extern const int **__ctype_tolower_loc(void);
extern const int **__ctype_toupper_loc(void);

static void tables(const char *title)
{
	const unsigned short *b = *__ctype_b_loc();
	const int *lower = *__ctype_tolower_loc(), *upper = *__ctype_toupper_loc();
	printf("%s\n", title);
	for (int c = -128; c < 256; c++)
		printf("%d: %04x %d %d%c", c, b[c], lower[c], upper[c], (c & 3) == 3 ? '\n' : ' ');
}

static void object(const char *title, locale_t l)
{
	printf("%s: %04x %d %d", title, l->__ctype_b['a'], l->__ctype_tolower['A'], l->__ctype_toupper['a']);
	for (int c = 0; c < 256; c += 5)
		printf(" %d%d%d", !!isalpha_l(c, l), !!isspace_l(c, l), toupper_l(c, l));
	printf("\n");
}

static void wide(void)
{
	static const wint_t chars[] = { 0, 9, 32, 'A', 'z', '0', '_', 0x7f, 0xa0, 0xe9, 0x130, 0x131, 0x17f, 0x3a3, 0x416,
		0x5d0, 0x660, 0x4e00, 0xff21, 0x1f600, 0x10ffff, WEOF };
	static const char *const classes[] = { "alnum", "alpha", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space",
		"upper", "xdigit", "nonsense" };
	for (size_t i = 0; i < sizeof chars / sizeof *chars; i++) {
		wint_t c = chars[i];
		printf("U+%04X:", c);
		for (size_t k = 0; k < sizeof classes / sizeof *classes; k++)
			printf(" %d", !!iswctype(c, wctype(classes[k])));
		printf(" %x %x %x %x %d\n", towlower(c), towupper(c), towctrans(c, wctrans("toupper")), towctrans(c, wctrans("tolower")),
			c == WEOF ? 0 : wcwidth(c));
	}
}

int main(void)
{
	tables("C");
	for (int c = -1; c < 256; c++)
		printf("%d%d%d%d%d%d%d%d%d%d%d%d %d %d\n", !!isalnum(c), !!isalpha(c), !!isblank(c), !!iscntrl(c), !!isdigit(c), !!isgraph(c),
			!!islower(c), !!isprint(c), !!ispunct(c), !!isspace(c), !!isupper(c), !!isxdigit(c), tolower(c), toupper(c));
	for (int c = 0; c < 256; c += 17)
		printf("%d %d\n", !!isascii(c), toascii(c));
	locale_t posix = newlocale(LC_ALL_MASK, "C", 0), utf = newlocale(LC_CTYPE_MASK, "C.UTF-8", 0);
	object("C object", posix);
	printf("C.UTF-8 object: %d\n", utf != 0);
	if (utf) {
		object("C.UTF-8 object", utf);
		printf("%x %x %d\n", towupper_l(0xe9, utf), towlower_l(0x416, utf), !!iswalpha_l(0xe9, utf));
		locale_t before = uselocale(utf);
		tables("C.UTF-8");
		wide();
		uselocale(before);
	}
	printf("%x %d\n", towupper_l('a', posix), !!iswalpha_l('a', posix));
	freelocale(posix);
	return 0;
}
