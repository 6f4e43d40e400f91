// iconv: every pair of encodings that musl knows, what does not fit, what ends too early, //IGNORE and //TRANSLIT.
#define _GNU_SOURCE
#include <errno.h>
#include <iconv.h>
#include <stdio.h>
#include <string.h>

static void convert(const char *to, const char *from, const char *bytes, size_t length, size_t room) {
    iconv_t state = iconv_open(to, from);
    printf("%s > %s ", from, to);
    if (state == (iconv_t)-1) { printf("none %d\n", errno); return; }
    char out[256], *in = (char *)bytes, *at = out;
    size_t left = length, space = room;
    errno = 0;
    size_t result = iconv(state, &in, &left, &at, &space);
    int error = result == (size_t)-1 ? errno : 0;
    printf("%zd e%d left %zu space %zu:", (ssize_t)result, error, left, space);
    for (char *byte = out; byte < at; byte++) printf(" %02x", (unsigned char)*byte);
    errno = 0;
    result = iconv(state, 0, 0, &at, &space);
    printf(" reset %zd e%d %zu\n", (ssize_t)result, result == (size_t)-1 ? errno : 0, space);
    iconv_close(state);
}

int main(void) {
    static const char *const names[] = {
        "UTF-8", "utf8", "UTF-16", "UTF-16LE", "UTF-16BE", "UTF-32", "UTF-32LE", "UTF-32BE", "UCS-2LE", "UCS-2BE", "UCS-4LE", "UCS-4BE", "WCHAR_T",
        "ASCII", "US-ASCII", "ANSI_X3.4-1968", "646", "ISO-8859-1", "ISO_8859-1", "LATIN1", "latin1", "L1", "ISO-8859-2", "ISO-8859-5", "ISO-8859-7",
        "ISO-8859-9", "ISO-8859-15", "LATIN-9", "KOI8-R", "KOI8-U", "CP1250", "CP1251", "CP1252", "WINDOWS-1252", "CP1253", "CP1254", "CP437", "CP850", "CP866", "absent", ""};
    enum { NAMES = sizeof names / sizeof *names };
    for (int index = 0; index < NAMES; index++) {
        convert(names[index], "UTF-8", "Az09~", 5, 256);
        convert("UTF-8", names[index], "Az09", 4, 256);
    }
    // Every byte of the one-byte encodings.
    static const char *const bytes[] = {"ASCII", "ISO-8859-1", "ISO-8859-2", "ISO-8859-5", "ISO-8859-7", "ISO-8859-9", "ISO-8859-15", "KOI8-R", "KOI8-U", "CP1250", "CP1251", "CP1252", "CP1253", "CP1254", "CP437", "CP850", "CP866"};
    for (size_t index = 0; index < sizeof bytes / sizeof *bytes; index++)
        for (int byte = 128; byte < 256; byte++) convert("UTF-16LE", bytes[index], (char[]){byte}, 1, 256);
    // Characters that the target may not have.
    static const char *const characters[] = {"\xc3\xa4", "\xe2\x82\xac", "\xd0\x96", "\xf0\x9f\x98\x80", "a\xe2\x82\xac" "b", "\xe2\x80\x9cq\xe2\x80\x9d", "\xc2\xa0", "\xef\xbb\xbfx"};
    static const char *const targets[] = {"ASCII", "ASCII//IGNORE", "ISO-8859-1", "ISO-8859-15", "CP1251", "UTF-16", "UTF-16LE", "UCS-2LE", "UTF-32", "ISO-8859-1//IGNORE"};
    for (size_t c = 0; c < sizeof characters / sizeof *characters; c++)
        for (size_t t = 0; t < sizeof targets / sizeof *targets; t++) convert(targets[t], "UTF-8", characters[c], strlen(characters[c]), 256);
    // What is no UTF-8, or ends early, or has no room.
    static const char *const broken[] = {"a\xff" "b", "a\xc0\x80", "a\xe0\x80\x80", "a\xed\xa0\x80" "b", "a\xf4\x90\x80\x80", "a\xe2\x82", "a\xe2", "\x80", "a\xf8\x88\x80\x80\x80"};
    for (size_t b = 0; b < sizeof broken / sizeof *broken; b++) {
        convert("UTF-16LE", "UTF-8", broken[b], strlen(broken[b]), 256);
        convert("ASCII", "UTF-8", broken[b], strlen(broken[b]), 256);
        convert("UTF-16LE//IGNORE", "UTF-8", broken[b], strlen(broken[b]), 256);
    }
    convert("UTF-16LE", "UTF-8", "abc", 3, 3), convert("UTF-8", "ISO-8859-1", "a\xe4", 2, 2), convert("UTF-8", "UTF-8", "abc", 3, 0);
    convert("UTF-8", "UTF-16LE", "a\0\xd8", 3, 256), convert("UTF-8", "UTF-16LE", "\x00\xd8\x61\x00", 4, 256), convert("UTF-8", "UTF-16LE", "\x00\xdc", 2, 256);
    convert("UTF-8", "UTF-16LE", "\x3d\xd8\x00\xde", 4, 256), convert("UTF-8", "UTF-16", "\xff\xfe" "a\0", 4, 256), convert("UTF-8", "UTF-16", "\xfe\xff\0a", 4, 256);
    convert("UTF-8", "UTF-16", "a\0", 2, 256), convert("UTF-8", "UTF-32LE", "\0\0\x11\0", 4, 256), convert("UTF-8", "UTF-32LE", "\0\xd8\0\0", 4, 256);
    return 0;
}
