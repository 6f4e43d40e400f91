/* Mathematics with errno, which musl leaves alone: EDOM where there is no result for a number, ERANGE where the result is
 * infinite for finite numbers or, of functions that fall so, too small. */

#define _GNU_SOURCE
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <fcntl.h>
#include <string.h>

#define ONE(f, type, falls) \
type __osv_gnu_##f(type x) \
{ \
	type r = f(x); \
	if (isnan(r)) { if (!isnan(x)) errno = EDOM; } \
	else if (isinf(r)) { if (isfinite(x)) errno = ERANGE; } \
	else if (falls && fabsl(r) < falls && isfinite(x)) errno = ERANGE; \
	return r; \
}
#define TWO(f, type, falls) \
type __osv_gnu_##f(type x, type y) \
{ \
	type r = f(x, y); \
	if (isnan(r)) { if (!isnan(x) && !isnan(y)) errno = EDOM; } \
	else if (isinf(r)) { if (isfinite(x) && isfinite(y)) errno = ERANGE; } \
	else if (falls && r == 0 && x != 0 && isfinite(x) && isfinite(y)) errno = ERANGE; \
	return r; \
}
#define ALL(kind, name, falls) kind(name, double, falls) kind(name##f, float, falls) kind(name##l, long double, falls)

ALL(ONE, sin, 0) ALL(ONE, cos, 0) ALL(ONE, tan, 0) ALL(ONE, asin, 0) ALL(ONE, acos, 0) ALL(ONE, sinh, 0) ALL(ONE, cosh, 0)
ALL(ONE, acosh, 0) ALL(ONE, atanh, 0) ALL(ONE, expm1, 0) ALL(ONE, log, 0) ALL(ONE, log2, 0) ALL(ONE, log10, 0)
ALL(ONE, log1p, 0) ALL(ONE, sqrt, 0) ALL(ONE, lgamma, 0)
ONE(exp, double, 0x1p-1022) ONE(expf, float, 0x1p-126) ONE(expl, long double, 0x1p-16382L)
ONE(exp2, double, 0x1p-1022) ONE(exp2f, float, 0x1p-126) ONE(exp2l, long double, 0x1p-16382L)
ONE(exp10, double, 0x1p-1022) ONE(exp10f, float, 0x1p-126) ONE(exp10l, long double, 0x1p-16382L)
ONE(y0, double, 0) ONE(y1, double, 0) ONE(y0f, float, 0) ONE(y1f, float, 0)
ALL(TWO, pow, 1) ALL(TWO, fmod, 0) ALL(TWO, remainder, 0) ALL(TWO, hypot, 0) ALL(TWO, fdim, 0)

/* A negative whole number has no factorial; at zero it has a pole. */
#define GAMMA(f, type) \
type __osv_gnu_##f(type x) \
{ \
	type r = f(x); \
	if (x < 0 && isfinite(x) && x == truncl(x)) errno = EDOM; \
	else if (isnan(r)) { if (!isnan(x)) errno = EDOM; } \
	else if (isfinite(x) && (isinf(r) || r == 0)) errno = ERANGE; \
	return r; \
}
GAMMA(tgamma, double) GAMMA(tgammaf, float) GAMMA(tgammal, long double)

/* A stream over a descriptor that allows what the mode asks for. */
FILE *__osv_gnu_fdopen(int fd, const char *mode)
{
	int flags = fcntl(fd, F_GETFL);
	if (flags < 0) return 0;
	int way = flags & O_ACCMODE;
	if ((way == O_RDONLY && (*mode != 'r' || strchr(mode, '+'))) || (way == O_WRONLY && (*mode == 'r' || strchr(mode, '+')))) {
		errno = EINVAL;
		return 0;
	}
	return fdopen(fd, mode);
}
