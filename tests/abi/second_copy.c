/*
 * Two copies of the library in one process, as when two plug-ins bring one each: neither takes the
 * other's handles.
 *
 *     second_copy FOLDER PATH-OF-ANOTHER-COPY...
 *
 * A handle has six bits for the copy, so of 64 pairs one cannot be told apart: several copies are tried.
 */
#include "wardkey.h"
#include "support.h"
#include <dlfcn.h>

typedef int32_t open_function(const wardkey_options *, wardkey_engine **, wardkey_error *);
typedef int32_t engine_function(const wardkey_engine *, wardkey_error *);
typedef int32_t close_function(wardkey_engine *, wardkey_error *);

/* ISO C has no cast from what dlsym returns to a function pointer. */
static void find(void *copy, const char *name, void *function) {
    void *symbol = dlsym(copy, name);
    if (!CHECK(symbol != NULL)) {
        exit(1);
    }
    memcpy(function, &symbol, sizeof symbol);
}

/* Whether the copy's handles can be told from ours; if so, neither takes the other's. */
static int try_copy(const wardkey_options *options, wardkey_engine *ours, const char *file) {
    wardkey_engine *theirs = NULL;
    wardkey_error error;
    open_function *other_open;
    engine_function *other_maintain;
    close_function *other_close;
    void *copy = dlopen(file, RTLD_NOW | RTLD_LOCAL);
    if (!CHECK(copy != NULL)) {
        exit(1);
    }
    find(copy, "wardkey_open", &other_open);
    find(copy, "wardkey_maintain", &other_maintain);
    find(copy, "wardkey_close", &other_close);
    CHECK(other_close != wardkey_close);
    DEMAND(WARDKEY_OK, other_open(options, &theirs, &error));
    if (ours == theirs) {
        EXPECT(WARDKEY_OK, other_close(theirs, NULL));
        return 0;
    }
    EXPECT(WARDKEY_MISUSE_FOREIGN, other_maintain(ours, &error));
    CHECK(error.code == WARDKEY_MISUSE_FOREIGN && error.message[0] != '\0');
    EXPECT(WARDKEY_MISUSE_FOREIGN, wardkey_maintain(theirs, &error));
    EXPECT(WARDKEY_MISUSE_FOREIGN, other_close(ours, NULL));
    EXPECT(WARDKEY_MISUSE_FOREIGN, wardkey_close(theirs, NULL));
    EXPECT(WARDKEY_OK, other_maintain(theirs, NULL));
    EXPECT(WARDKEY_OK, other_close(theirs, NULL));
    return 1;
}

int main(int argc, char **argv) {
    char path[512];
    wardkey_options options, create;
    wardkey_engine *ours;
    int i, told_apart = 0;
    if (argc < 3) {
        fprintf(stderr, "usage: %s FOLDER LIBRARY...\n", argv[0]);
        return 2;
    }
    options = options_of(argv[1], path, sizeof path);
    create = creating(options, NULL);
    ours = open_or_exit(&create);
    snprintf(path, sizeof path, "%s/theirs.db", argv[1]);
    EXPECT(WARDKEY_OK, wardkey_close(open_or_exit(&create), NULL));
    for (i = 2; i < argc; i += 1) {
        told_apart += try_copy(&options, ours, argv[i]);
    }
    CHECK(told_apart > 0);
    EXPECT(WARDKEY_OK, wardkey_maintain(ours, NULL));
    EXPECT(WARDKEY_OK, wardkey_close(ours, NULL));
    return verdict();
}
