/*
 * Two copies of the library in one process, as when two plug-ins bring one each: neither takes the
 * other's handles.
 *
 *     second_copy FOLDER PATH-OF-THE-OTHER-COPY
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

int main(int argc, char **argv) {
    char path[512];
    wardkey_options options;
    wardkey_engine *ours, *theirs = NULL;
    wardkey_error error;
    open_function *other_open;
    engine_function *other_maintain;
    close_function *other_close;
    void *copy;
    if (argc != 3) {
        fprintf(stderr, "usage: %s FOLDER LIBRARY\n", argv[0]);
        return 2;
    }
    copy = dlopen(argv[2], RTLD_NOW | RTLD_LOCAL);
    if (!CHECK(copy != NULL)) {
        return 1;
    }
    find(copy, "wardkey_open", &other_open);
    find(copy, "wardkey_maintain", &other_maintain);
    find(copy, "wardkey_close", &other_close);
    CHECK(other_close != wardkey_close);

    options = options_of(argv[1], path, sizeof path);
    options = creating(options, NULL);
    ours = open_or_exit(&options);
    snprintf(path, sizeof path, "%s/theirs.db", argv[1]);
    DEMAND(WARDKEY_OK, other_open(&options, &theirs, &error));
    CHECK(ours != theirs);

    EXPECT(WARDKEY_MISUSE_FOREIGN, other_maintain(ours, &error));
    CHECK(error.code == WARDKEY_MISUSE_FOREIGN && error.message[0] != '\0');
    EXPECT(WARDKEY_MISUSE_FOREIGN, wardkey_maintain(theirs, &error));
    EXPECT(WARDKEY_MISUSE_FOREIGN, other_close(ours, NULL));
    EXPECT(WARDKEY_MISUSE_FOREIGN, wardkey_close(theirs, NULL));
    EXPECT(WARDKEY_OK, wardkey_maintain(ours, NULL));
    EXPECT(WARDKEY_OK, other_maintain(theirs, NULL));
    EXPECT(WARDKEY_OK, other_close(theirs, NULL));
    EXPECT(WARDKEY_OK, wardkey_close(ours, NULL));
    return verdict();
}
