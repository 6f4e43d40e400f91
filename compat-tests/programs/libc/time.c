/* Calendar time: conversion, formatting, parsing, zones. */
#define _GNU_SOURCE
#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

static void tm(const char *title, const struct tm *t)
{
	if (!t) { printf("%s: null e%d\n", title, errno); return; }
	printf("%s: %d-%d-%d %d:%d:%d w%d y%d d%d off%ld %s\n", title, t->tm_year, t->tm_mon, t->tm_mday, t->tm_hour, t->tm_min, t->tm_sec,
		t->tm_wday, t->tm_yday, t->tm_isdst, t->tm_gmtoff, t->tm_zone ? t->tm_zone : "(null)");
}

static void zone(const char *name)
{
	static const time_t times[] = { 0, 1, -1, 951782400, 1700000000, 1711846799, 1711846800, 1729990799, 1729990800, 2147483647, 2147483648LL, -2208988800LL, 4102444800LL, 253402300799LL };
	if (name) setenv("TZ", name, 1); else unsetenv("TZ");
	tzset();
	printf("zone %s: %s %s %ld %d\n", name ? name : "(unset)", tzname[0], tzname[1], timezone, daylight);
	for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
		struct tm t, u;
		char out[128];
		tm("local", localtime_r(&times[i], &t));
		u = t;
		printf(" back %ld", (long)mktime(&u));
		u = t; u.tm_isdst = -1;
		printf(" guess %ld", (long)mktime(&u));
		strftime(out, sizeof out, "%c %Z %z", &t);
		printf(" %s\n", out);
	}
	struct tm odd = { .tm_year = 124, .tm_mon = 14, .tm_mday = -3, .tm_hour = 49, .tm_min = -70, .tm_sec = 3700, .tm_isdst = -1 };
	printf("odd %ld ", (long)mktime(&odd)); tm("odd", &odd);
	struct tm gap = { .tm_year = 124, .tm_mon = 2, .tm_mday = 31, .tm_hour = 2, .tm_min = 30, .tm_isdst = -1 };
	printf("gap %ld ", (long)mktime(&gap)); tm("gap", &gap);
}

int main(void)
{
	static const char *const zones[] = { NULL, "", "UTC", "UTC0", "EST5EDT", "CET-1CEST,M3.5.0,M10.5.0/3", "<+0330>-3:30", "XYZ-14", "Europe/Berlin", "America/New_York", ":Asia/Kolkata", "Nonsense/Place", "nonsense", "AAA3BBB,J60,J300", "AAA3BBB,59,299" };
	for (size_t i = 0; i < sizeof zones / sizeof *zones; i++) zone(zones[i]);
	setenv("TZ", "UTC0", 1);
	tzset();
	time_t t = 1700000000, huge = 0x7fffffffffffffff;
	struct tm g = *gmtime(&t), bad;
	char out[256];
	tm("gmtime", &g);
	errno = 0; tm("huge", gmtime_r(&huge, &bad));
	printf("%s%s", ctime(&t), asctime(&g));
	static const char *const formats[] = { "%a", "%A", "%b", "%B", "%c", "%C", "%d", "%D", "%e", "%F", "%g", "%G", "%h", "%H", "%I", "%j", "%k", "%l", "%m", "%M", "%n", "%p", "%P", "%r", "%R", "%s", "%S", "%t", "%T", "%u",
		"%U", "%V", "%w", "%W", "%x", "%X", "%y", "%Y", "%z", "%Z", "%%", "%+", "%Ec", "%EC", "%Ex", "%EX", "%Ey", "%EY", "%Od", "%OH", "%Oy", "%-d", "%_d", "%0e", "%^a", "%#Z", "%^B", "%#p", "%10d", "%-5H", "%_10Y", "%010Y", "%:z", "%::z", "%:::z", "%N", "%Q", "%", "%E", "%5%", "%+4Y", "%_H", "%-H", "%-m", "%^Z", "%10a", "%3S", "x%Yy" };
	for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
		memset(out, 'Z', sizeof out);
		size_t n = strftime(out, sizeof out, formats[i], &g);
		printf("[%s] %zu [%s]\n", formats[i], n, n ? out : "");
	}
	for (int day = 0; day < 800; day += 13) {
		time_t at = day * 86400L + 1388534400;
		strftime(out, sizeof out, "%F %j %U %V %W %G %g %u %w", gmtime(&at));
		printf("%s\n", out);
	}
	printf("%zu %zu\n", strftime(out, 5, "%Y", &g), strftime(out, 4, "%Y", &g));
	struct tm far = { .tm_year = 10000 - 1900 + 5, .tm_mday = 1 }, old = { .tm_year = -1900 - 5, .tm_mday = 1 };
	strftime(out, sizeof out, "%Y %C %y %F %G", &far); printf("%s\n", out);
	strftime(out, sizeof out, "%Y %C %y %F", &old); printf("%s\n", out);
	static const char *const parses[][2] = { { "2024-02-29 12:34:56", "%Y-%m-%d %H:%M:%S" }, { "29 Feb 24", "%d %b %y" }, { "Tuesday, March 5", "%A, %B %d" }, { "12:30 PM", "%I:%M %p" }, { "12:30 am", "%I:%M %p" }, { "1700000000", "%s" }, { "+0130", "%z" }, { "-05:00", "%z" }, { "Z", "%z" }, { "2024 060", "%Y %j" },
		{ "99", "%y" }, { "68", "%y" }, { "20 24", "%C %y" }, { "03/04/05", "%D" }, { "13:14:15", "%T" }, { "x", "%Y" }, { "  7", "%e" }, { "13", "%m" }, { "60", "%S" }, { "61", "%M" }, { "Thu Jan  1 00:00:00 1970", "%c" }, { "2024-W10-2", "%G-W%V-%u" }, { "10 2024 3", "%U %Y %w" }, { "a%b", "a%%b" }, { "EST", "%Z" }, { "2024-01-02T03:04", "%FT%R" } };
	for (size_t i = 0; i < sizeof parses / sizeof *parses; i++) {
		struct tm p = { 0 };
		char *end = strptime(parses[i][0], parses[i][1], &p);
		printf("[%s] [%s] %d: %d-%d-%d %d:%d:%d w%d y%d off%ld\n", parses[i][0], parses[i][1], end ? (int)(end - parses[i][0]) : -1, p.tm_year, p.tm_mon, p.tm_mday, p.tm_hour, p.tm_min, p.tm_sec, p.tm_wday, p.tm_yday, p.tm_gmtoff);
	}
	printf("%.1f %ld\n", difftime(10, 3), (long)timegm(&g));
	struct tm back = { .tm_year = 70, .tm_mday = 32, .tm_hour = -1 };
	printf("%ld ", (long)timegm(&back)); tm("back", &back);
	struct timespec res, ts;
	printf("%d", clock_getres(CLOCK_REALTIME, &res)); printf(" %ld %ld\n", (long)res.tv_sec, res.tv_nsec);
	errno = 0; printf("%d", clock_gettime(99, &ts)); printf(" e%d\n", errno);
	printf("%d %d\n", timespec_get(&ts, TIME_UTC), timespec_get(&ts, 99));
	ts = (struct timespec){ 0, -1 };
	errno = 0; printf("%d", nanosleep(&ts, 0)); printf(" e%d\n", errno);
	printf("%d %d\n", clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, 0), clock() != (clock_t)-1);
	errno = 0; printf("%p e%d %d\n", (void *)getdate("2024-01-01"), 0, getdate_err);
	return 0;
}
