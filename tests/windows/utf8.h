/* Included before each program of tests/abi. C's own functions on Windows take names in the user's code page, and the
 * library takes UTF-8 everywhere: with this the programs have UTF-8 too, and are the same as elsewhere. */
#ifndef UTF8_H
#define UTF8_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>

/* Words that windows.h takes for itself, and the programs for names of their own. */
#undef OUT
#undef near
#undef NO_ERROR

enum { NAME_SIZE = 2048 };

/* The name in UTF-16, in one of a few places that are used in turn. */
static inline const wchar_t *wide(const char *name) {
    static wchar_t names[4][NAME_SIZE];
    static int next;
    wchar_t *place = names[next++ % 4];
    if (MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, name, -1, place, NAME_SIZE) == 0) {
        fprintf(stderr, "no UTF-8, or too long: %s\n", name);
        exit(1);
    }
    return place;
}

static inline FILE *open_utf8(const char *name, const char *mode) {
    return _wfopen(wide(name), wide(mode));
}

static inline int remove_utf8(const char *name) {
    return _wremove(wide(name));
}

#define fopen open_utf8
#define remove remove_utf8

int main(int argc, char **argv);

/* Where the program begins when it is linked with -municode. */
int wmain(int argc, wchar_t **argv) {
    enum { MOST = 16 };
    static char texts[MOST][NAME_SIZE];
    char *arguments[MOST + 1] = {NULL};
    int i;
    if (argc > MOST) {
        return 2;
    }
    for (i = 0; i < argc; i += 1) {
        arguments[i] = texts[i];
        WideCharToMultiByte(CP_UTF8, 0, argv[i], -1, texts[i], NAME_SIZE, NULL, NULL);
    }
    return main(argc, arguments);
}

#endif
