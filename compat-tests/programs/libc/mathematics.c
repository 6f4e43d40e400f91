/* Mathematics: edge cases exactly; inner values as "ulp" lines, which the test compares within a bound. */
#define _GNU_SOURCE
#include <complex.h>
#include <fenv.h>
#include <math.h>
#include <float.h>
#include <stdio.h>
#include <stdint.h>
#include <string.h>
#include <errno.h>

static const double edge[] = { 0.0, -0.0, 1, -1, 0.5, -0.5, 2, -2, 3, -3, 1.5, 2.5, -2.5, 10, 100, 1e10, 1e300, -1e300, 1e-300, 5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, INFINITY, -INFINITY, NAN, 710, -746, 0.1, 1e22, 9007199254740993.0, 4503599627370497.5, 170.5, -170.5, 20.5 };
#define N (sizeof edge / sizeof *edge)
static uint64_t bits(double x) { uint64_t u; if (isnan(x)) return 0x7ff8ULL << 48; memcpy(&u, &x, 8); return u; }
static uint32_t bitsf(float x) { uint32_t u; if (isnan(x)) return 0x7fc00000; memcpy(&u, &x, 4); return u; }
static int exactly(double x) { return x == 0 || isinf(x) || isnan(x) || fabs(x) == 1; }
/* Underflow may be told or not. */
#define E(r) (errno == ERANGE && !isinf(r) ? 0 : errno)
#define R(name, x, r) do { double v_ = (r); printf("%s %s(%a) %016lx\n", exactly(v_) ? "exact" : "ulp", name, (double)(x), bits(v_)); } while (0)
#define F(fn) for (size_t i = 0; i < N; i++) { errno = 0; double r = fn(edge[i]); R(#fn, edge[i], r); printf(" e%d\n", E(r)); float q = fn##f((float)edge[i]); printf("%s %sf(%a) %08x\n", exactly(q) ? "exact" : "ulpf", #fn, (float)edge[i], bitsf(q)); }
#define G(f) for (size_t i = 0; i < N; i++) for (size_t k = 0; k < N; k++) { errno = 0; double r = f(edge[i], edge[k]); printf("%s %s(%a,%a) %016lx e%d\n", exactly(r) ? "exact" : "ulp", #f, edge[i], edge[k], bits(r), E(r)); }
#define X(fn) for (size_t i = 0; i < N; i++) { double r = fn(edge[i]); printf("exact %s(%a) %016lx %08x %La\n", #fn, edge[i], bits(r), bitsf(fn##f((float)edge[i])), (long double)fn##l(edge[i])); }

int main(void)
{
	F(sin) F(cos) F(tan) F(asin) F(acos) F(atan) F(sinh) F(cosh) F(tanh) F(asinh) F(acosh) F(atanh) F(exp) F(exp2) F(exp10) F(expm1) F(log) F(log2) F(log10) F(log1p) F(sqrt) F(cbrt) F(erf) F(erfc) F(lgamma) F(tgamma) F(j0) F(y0) F(y1) F(logb)
	X(floor) X(ceil) X(trunc) X(round) X(rint) X(nearbyint) X(fabs)
	G(pow) G(fmod) G(remainder) G(atan2) G(hypot) G(fdim) G(copysign) G(drem)
	for (size_t i = 0; i < N; i++) {
		int e = -99, q = 0; double ip, s, c;
		printf("%a: frexp %a", edge[i], frexp(edge[i], &e)); printf(" %d modf", isfinite(edge[i]) && edge[i] != 0 ? e : 0); printf(" %a", modf(edge[i], &ip)); printf(" %a ldexp %a %a scalbn %a ilogb %d", ip, ldexp(edge[i], 5), ldexp(edge[i], -1080), scalbn(edge[i], 2000), ilogb(edge[i]));
		printf(" lrint %ld lround %ld llrint %lld", fabs(edge[i]) < 1e18 ? lrint(edge[i]) : 0, fabs(edge[i]) < 1e18 ? lround(edge[i]) : 0, fabs(edge[i]) < 1e18 ? llrint(edge[i]) : 0);
		printf(" class %d %d %d %d %d", fpclassify(edge[i]), isfinite(edge[i]), isnormal(edge[i]), !!signbit(edge[i]), issignaling(edge[i]));
		remquo(edge[i], 3, &q); printf(" remquo %d", isfinite(edge[i]) ? q & 7 : 0); sincos(edge[i], &s, &c); printf(" same %d\n", (s == sin(edge[i]) || isnan(s)) && (c == cos(edge[i]) || isnan(c)));
		R("fma", edge[i], fma(edge[i], 3.3, -1.1)); R("jn2", edge[i], jn(2, edge[i])); R("yn2", edge[i], yn(2, edge[i])); R("significand", edge[i], significand(edge[i]));
		int sign = 9; lgamma_r(edge[i], &sign); printf("sign %d\n", edge[i] > 0 ? sign : 0); printf("exact nexttoward %a %a\n", nexttoward(edge[i], 1e4000L), nexttoward(edge[i], -1e4000L));
	}
	printf("%a %a %d %d\n", nan("1"), nan(""), isnan(nan("x")), finite(1.0));
	static const int modes[] = { FE_TONEAREST, FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO };
	for (int m = 0; m < 4; m++) { fesetround(modes[m]); volatile double a = 1, b = 3; printf("mode %d %d %a %a %a %ld\n", fegetround() == modes[m], FLT_ROUNDS, a / b, rint(2.5), nearbyint(-2.5), lrint(2.5)); }
	fesetround(FE_TONEAREST);
	fenv_t env; feholdexcept(&env); volatile double z = 0; volatile double inf = 1 / z; printf("%x", fetestexcept(FE_ALL_EXCEPT)); feupdateenv(&env); printf(" %x", fetestexcept(FE_ALL_EXCEPT)); feclearexcept(FE_ALL_EXCEPT); feraiseexcept(FE_OVERFLOW); printf(" %x", fetestexcept(FE_OVERFLOW | FE_INVALID)); fexcept_t fl; fegetexceptflag(&fl, FE_ALL_EXCEPT); feclearexcept(FE_ALL_EXCEPT); fesetexceptflag(&fl, FE_OVERFLOW); printf(" %x\n", fetestexcept(FE_ALL_EXCEPT));
	static const double complex cs[] = { 0, 1, -1, I, -I, 1 + I, 3 - 4 * I };
	for (size_t i = 0; i < 7; i++) { double complex c = cs[i];
#define C(f) do { double complex v = f(c); R(#f ".re", creal(c) + 10 * cimag(c), creal(v)); R(#f ".im", creal(c) + 10 * cimag(c), cimag(v)); } while (0)
		C(csqrt); C(cexp); C(csin); C(ccos); C(conj); C(cproj); C(csinh); C(ccosh); C(catan); if (c != 0) { C(clog); } R("cabs", creal(c), cabs(c)); R("carg", creal(c), carg(c)); }
	for (size_t i = 0; i < N; i++) { long double x = fabs(edge[i]); printf("ulpl sinl(%La) %.17Lg %.17Lg %.17Lg %.17Lg %.17Lg %.17Lg\n", x, sinl(x), expl(x), logl(x), sqrtl(x), powl(x, 1.5L), lgammal(x)); }
	return 0;
}
