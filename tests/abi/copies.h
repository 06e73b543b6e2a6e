/* Several copies of the library in one process: the one that is linked, and others that are loaded. */
#ifndef COPIES_H
#define COPIES_H

#include "wardkey.h"
#include "support.h"
#include <dlfcn.h>

/* A copy's functions. */
typedef struct copy {
    int32_t (WARDKEY_CALL *open)(const wardkey_options *, wardkey_engine **, wardkey_error *);
    int32_t (WARDKEY_CALL *maintain)(const wardkey_engine *, wardkey_error *);
    int32_t (WARDKEY_CALL *close)(wardkey_engine *, wardkey_error *);
} copy;

/* The database that all want. */
static char clinic_path[512];

/* ISO C has no cast from what dlsym returns to a function pointer. */
static inline void find_function(void *library, const char *name, void *function) {
    void *symbol = dlsym(library, name);
    if (!CHECK(symbol != NULL)) {
        exit(1);
    }
    memcpy(function, &symbol, sizeof symbol);
}

static inline copy load_copy(const char *file) {
    copy other;
    void *library = dlopen(file, RTLD_NOW | RTLD_LOCAL);
    if (!CHECK(library != NULL)) {
        exit(1);
    }
    find_function(library, "wardkey_open", &other.open);
    find_function(library, "wardkey_maintain", &other.maintain);
    find_function(library, "wardkey_close", &other.close);
    CHECK(other.close != wardkey_close);
    return other;
}

static inline wardkey_options clinic(void) {
    wardkey_options options;
    DEMAND(WARDKEY_OK, wardkey_options_init(&options, sizeof options));
    options.path = clinic_path;
    options.path_len = WARDKEY_NTS;
    return options;
}

/* Makes it, and leaves it closed. */
static inline void make_clinic(const char *folder) {
    wardkey_options create = creating(options_of(folder, clinic_path, sizeof clinic_path), NULL);
    EXPECT(WARDKEY_OK, wardkey_close(open_or_exit(&create), NULL));
}

static inline wardkey_engine *open_ours(void) {
    wardkey_options options = clinic();
    return open_or_exit(&options);
}

static inline wardkey_engine *open_theirs(const copy *other) {
    wardkey_options options = clinic();
    wardkey_engine *engine = NULL;
    DEMAND(WARDKEY_OK, other->open(&options, &engine, NULL));
    return engine;
}

/* The copy's opening is refused, and says what to do. */
static inline void expect_refusal(const copy *other, wardkey_options options) {
    wardkey_engine *engine = (wardkey_engine *)&options;
    wardkey_error error;
    EXPECT(WARDKEY_MISUSE_ANOTHER_COPY, other->open(&options, &engine, &error));
    CHECK(engine == NULL && error.code == WARDKEY_MISUSE_ANOTHER_COPY);
    CHECK(strstr(error.message, "load one copy only") != NULL);
    CHECK(strstr(error.message, "another process") != NULL);
    CHECK(strstr(error.message, "clinic.db") != NULL);
}

#endif
