/* regex, glob, fnmatch, wordexp. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <fnmatch.h>
#include <glob.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <wordexp.h>

static void re(const char *pattern, const char *text, int flags, int eflags)
{
	regex_t r;
	regmatch_t m[10];
	char message[128];
	int e = regcomp(&r, pattern, flags);
	printf("/%s/ %d", pattern, flags);
	if (e) { printf(" comp %d %s\n", e, (regerror(e, &r, message, sizeof message), message)); return; }
	memset(m, 0x55, sizeof m);
	e = regexec(&r, text, 10, m, eflags);
	printf(" nsub %zu on [%s] %d", r.re_nsub, text, e);
	if (!e && !(flags & REG_NOSUB)) for (int i = 0; i < 10; i++) if (m[i].rm_so != -1) printf(" %d:(%d,%d)", i, m[i].rm_so, m[i].rm_eo);
	printf("\n");
	regfree(&r);
}

static void regexes(void)
{
	static const char *const extended[][2] = { { "abc", "xabcx" }, { "a|ab|abc", "abc" }, { "(a|ab)(c|bcd)(d*)", "abcd" }, { "(a*)(ab)*(b*)", "abb" }, { "x*", "aaa" }, { "(x*)*", "xx" }, { "(a+|b)*", "ab" }, { "(a|b)*c|(a|ab)*c", "abc" }, { "^$", "" }, { "^a$", "a\na" }, { "a.c", "a\nc" }, { "[^a]", "\n" }, { "[[:alpha:]_]+", "12ab_c" }, { "[a-c]+", "zabcd" }, { "[]a]+", "x]a" }, { "[^]]+", "]ab]" }, { "[a\\]+", "a\\" }, { "a{2}", "aaa" }, { "a{2,}", "aaaa" }, { "a{,2}", "aaaa" }, { "a{1,2}", "aaaa" }, { "a{0}b", "ab" }, { "a{3,2}", "a" }, { "a{", "a{" }, { "a{x", "a{x" }, { "{1}", "{1}" }, { "*a", "*a" }, { "+a", "+a" }, { "a**", "aaa" }, { "a+?", "aa" }, { "(", "(" }, { ")", ")" }, { "a)", "a)" }, { "[", "[" }, { "[a", "a" }, { "[b-a]", "a" }, { "[[:nonsense:]]", "a" }, { "\\", "\\" }, { "()", "x" }, { "a|", "b" }, { "|a", "a" }, { "a||b", "b" }, { "(|a)", "a" }, { "(a)(b)?(c)?", "ac" }, { "((a)|(b))*", "ab" }, { "(a)\\1", "aa" }, { "([a-z]+) \\1", "hello hello world" }, { "(a*)\\1b", "aaaab" }, { "\\<foo\\>", "a foo b" }, { "\\bfoo\\b", "foobar foo" }, { "\\Boo", "foo" }, { "\\w+", "  ab_1 " }, { "\\W", "ab c" }, { "\\s+", "a  b" }, { "\\S+", "  ab" }, { "\\`a", "a" }, { "a\\'", "ba" }, { "\\d", "d" }, { "\\n", "n" }, { "\\.", "." }, { "\\t", "t" }, { "a\\{2", "a{2" }, { "[[.a.]]", "a" }, { "[[=a=]]", "a" }, { "[[.hyphen.]]", "-" }, { "[a-[.c.]]+", "abc" }, { "[--/]", "." }, { "[a-]+", "a-" }, { "[[:digit:][:upper:]]+", "a1B" }, { "(^a|b$)", "b" }, { "a^b", "a^b" }, { "a$b", "a$b" }, { "(^|x)a", "xa" }, { "^*", "*" }, { "(*a)", "*a" }, { "(foo|foobar)(bar)?baz", "foobarbaz" }, { "(a|ab)(bc|c)?", "abc" }, { "([0-9]+)-([0-9]+)", "tel 12-345" }, { "(.*)(.*)", "ab" }, { "(.?)(.*)b", "aab" }, { "((.)(.))*", "abcd" }, { "(a|(b))+", "ba" }, { "(ab|a)(bcd|c)(.*)", "abcd" }, { "a{256}", "a" }, { "a{32768}", "a" }, { "a{1", "a{1" }, { "(a){2}", "aa" }, { "((a){2}){2}", "aaaaa" }, { "\xc3\xa9+", "\xc3\xa9\xc3\xa9" }, { "[\xc3\xa9]", "\xa9" }, { ".", "\xff" }, { "x{0,1}y", "xy" } };
	for (size_t i = 0; i < sizeof extended / sizeof *extended; i++) re(extended[i][0], extended[i][1], REG_EXTENDED, 0);
	static const char *const basic[][2] = { { "a\\(b\\)c", "abc" }, { "a*", "aaa" }, { "*a", "*a" }, { "\\(*a\\)", "*a" }, { "a\\{2\\}", "aaa" }, { "a\\{2,3\\}b", "aaab" }, { "a\\|b", "b" }, { "a\\+", "aa" }, { "a\\?b", "b" }, { "a+", "a+" }, { "a|b", "a|b" }, { "(a)", "(a)" }, { "{", "{" }, { "\\(a\\)\\1", "aa" }, { "\\1", "a" }, { "a\\{", "a" }, { "\\(", "a" }, { "\\)", "a" }, { "^*a", "*a" }, { "a^b$c", "a^b$c" }, { "\\(^a\\)", "a" }, { "\\(a$\\)", "a" }, { "\\(a*\\)*", "aa" }, { "[a-z]*$", "ab12" }, { "\\{1\\}", "a" }, { "a\\{1,2\\}\\{2\\}", "aaaa" }, { "x\\(a\\|b\\)y", "xby" }, { "^\\(.*\\)\\n\\1$", "a\na" }, { "\\(\\(a\\)\\|b\\)*", "ab" }, { "a\\.b", "a.b" } };
	for (size_t i = 0; i < sizeof basic / sizeof *basic; i++) re(basic[i][0], basic[i][1], 0, 0);
	re("ABC", "xabc", REG_ICASE, 0); re("[a-z]+", "ABC", REG_EXTENDED | REG_ICASE, 0); re("[^a]", "A", REG_ICASE, 0); re("(a)\\1", "aA", REG_EXTENDED | REG_ICASE, 0);
	re("^b", "a\nb", REG_NEWLINE, 0); re("a$", "a\nb", REG_NEWLINE, 0); re("a.b", "a\nb", REG_NEWLINE, 0); re("a[^x]b", "a\nb", REG_NEWLINE, 0); re("^a", "a", 0, REG_NOTBOL); re("a$", "a", 0, REG_NOTEOL); re("^a", "b\na", REG_NEWLINE, REG_NOTBOL); re("a", "a", REG_NOSUB, 0); re("(b)(c)", "abc", REG_EXTENDED | REG_NOSUB, 0);
	regex_t r;
	regmatch_t m[2] = { { 2, 5 } };
	regcomp(&r, "b+", REG_EXTENDED);
	int e = regexec(&r, "bbabbbbb", 1, m, REG_STARTEND);
	printf("startend %d (%d,%d)\n", e, m[0].rm_so, m[0].rm_eo);
	printf("no matches asked %d %d\n", regexec(&r, "b", 0, NULL, 0), regexec(&r, "c", 0, NULL, 0));
	regfree(&r);
	char small[8];
	for (int i = -1; i < 18; i++) { char message[64]; size_t n = i < 0 || i > 16 ? 0 : regerror(i, NULL, message, sizeof message); printf("%d %zu %s\n", i, n, n ? message : ""); }
	printf("%zu %s\n", regerror(REG_NOMATCH, NULL, small, sizeof small), small);
	char long_text[4097];
	memset(long_text, 'a', 4096); long_text[4096] = 0;
	re("(a*)*b", long_text + 4066, REG_EXTENDED, 0); re("(a|aa)+$", long_text + 4056, REG_EXTENDED, 0);
}

static void fn(const char *p, const char *s, int flags) { printf("fnmatch %s %s %x: %d\n", p, s, flags, fnmatch(p, s, flags)); }

int main(void)
{
	regexes();
	static const char *const pairs[][2] = { { "*", "" }, { "*", "a/b" }, { "?", "" }, { "a?c", "abc" }, { "a*c", "abbc" }, { "[a-c]", "b" }, { "[!a-c]", "b" }, { "[^a-c]", "d" }, { "[]a]", "]" }, { "[a", "[a" }, { "[a-", "[a-" }, { "\\*", "*" }, { "\\", "\\" }, { "*.c", ".c" }, { ".*", ".c" }, { "a/*", "a/.b" }, { "*/b", "a/b" }, { "a", "A" }, { "[[:upper:]]", "A" }, { "[[:nope:]]", "A" }, { "a*b*c", "axbxc" }, { "*a*b", "ab/ab" }, { "a/b", "a/b/c" }, { "@(a|b)", "b" }, { "+(ab)", "abab" }, { "!(a)", "b" }, { "*(a|b)c", "abac" }, { "?(a)b", "b" }, { "**", "x/y" }, { "[/]", "/" }, { "a[/]b", "a/b" }, { "\xc3?", "\xc3\xa9" } };
	static const int flags[] = { 0, FNM_PATHNAME, FNM_PERIOD, FNM_NOESCAPE, FNM_CASEFOLD, FNM_LEADING_DIR, FNM_EXTMATCH, FNM_PATHNAME | FNM_PERIOD };
	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) for (size_t f = 0; f < sizeof flags / sizeof *flags; f++) fn(pairs[i][0], pairs[i][1], flags[f]);
	return 0;
}
