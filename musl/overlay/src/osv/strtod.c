/* strtod and its kin as glibc has them: no number is no error, a result too small to be exact is ERANGE, and -nan keeps
 * its sign. The conversion itself is musl's. */

#define _GNU_SOURCE
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <wchar.h>

/* Whether the text begins with white space, a sign and 0x; *negative says the sign. */
#define PREFIX(name, type) \
static int name(const type *s, int *negative) \
{ \
	while (*s == ' ' || (*s >= 9 && *s < 14)) s++; \
	*negative = *s == '-'; \
	if (*s == '-' || *s == '+') s++; \
	return s[0] == '0' && (s[1] | 32) == 'x'; \
}

PREFIX(narrow_is_hex, char)
PREFIX(wide_is_hex, wchar_t)

#define CONVERT(name, base, type, unit, prefix, sign) \
type name(const unit *restrict s, unit **restrict end) \
{ \
	unit *stop; \
	int negative, kept = errno, hex = prefix(s, &negative); \
	errno = 0; \
	type value = base(s, &stop); \
	if (end) *end = stop; \
	/* Of decimal numbers no subnormal is exact that a program would write; "infinity" has no digit. */ \
	if (!errno && stop != s && fpclassify(value) == FP_SUBNORMAL && !hex) errno = ERANGE; \
	if (!errno && isinf(value) && stop[-1] >= '0' && stop[-1] <= '9') errno = ERANGE; \
	if (isnan(value)) value = sign(value, negative ? -1 : 1); \
	if (errno != ERANGE) errno = kept; \
	return value; \
}

CONVERT(__osv_gnu_strtof, strtof, float, char, narrow_is_hex, copysignf)
CONVERT(__osv_gnu_strtod, strtod, double, char, narrow_is_hex, copysign)
CONVERT(__osv_gnu_strtold, strtold, long double, char, narrow_is_hex, copysignl)
CONVERT(__osv_gnu_wcstof, wcstof, float, wchar_t, wide_is_hex, copysignf)
CONVERT(__osv_gnu_wcstod, wcstod, double, wchar_t, wide_is_hex, copysign)
CONVERT(__osv_gnu_wcstold, wcstold, long double, wchar_t, wide_is_hex, copysignl)

/* No locale here has another point. */
float __osv_gnu_strtof_l(const char *restrict s, char **restrict end, locale_t l) { return __osv_gnu_strtof(s, end); }
double __osv_gnu_strtod_l(const char *restrict s, char **restrict end, locale_t l) { return __osv_gnu_strtod(s, end); }
long double __osv_gnu_strtold_l(const char *restrict s, char **restrict end, locale_t l) { return __osv_gnu_strtold(s, end); }

int __osv_gnu_fcloseall(void) { return fflush(0); }
