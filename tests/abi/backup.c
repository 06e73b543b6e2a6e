/*
 * A program copies its database while it uses it: with progress, cancelled, to names that are taken; checks the file; and
 * opens the copy on "another machine" with its key file.
 */
#include "wardkey.h"
#include "support.h"

/* What the callback saw, and when it cancels. */
typedef struct watch {
    wardkey_engine *engine;
    uint64_t done, total;
    int calls, ends_at, destroyed, calls_back;
} watch;

static int32_t WARDKEY_CALL look(void *user, uint64_t done, uint64_t total) {
    watch *seen = user;
    CHECK(seen->destroyed == 0);
    CHECK(done >= seen->done && done <= total);
    seen->done = done;
    seen->total = total;
    seen->calls += 1;
    if (seen->calls_back) {
        wardkey_context context = context_of("eva", NULL);
        wardkey_buf json = {0};
        EXPECT(WARDKEY_OK, wardkey_call(seen->engine, &context, "settings.get", WARDKEY_NTS, NULL, 0,
                                        &json, NULL));
        wardkey_buf_free(&json);
    }
    return seen->ends_at && seen->calls >= seen->ends_at ? -1 : 0;
}

static void WARDKEY_CALL destroy(void *user) {
    watch *seen = user;
    seen->destroyed += 1;
}

static char folder[1024];

static const char *at(const char *name) {
    static char paths[4][1200];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static int there(const char *path) {
    FILE *file = fopen(path, "rb");
    if (file) {
        fclose(file);
    }
    return file != NULL;
}

static void copy_file(const char *from, const char *to) {
    char bytes[4096];
    size_t length;
    FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
    CHECK(in && out);
    while (in && out && (length = fread(bytes, 1, sizeof bytes, in)) > 0) {
        CHECK(fwrite(bytes, 1, length, out) == length);
    }
    if (in) {
        fclose(in);
    }
    if (out) {
        CHECK(fclose(out) == 0);
    }
}

static wardkey_engine *open_as(uint32_t mode, const char *path) {
    wardkey_engine *engine = NULL;
    wardkey_options options;
    wardkey_error error;
    DEMAND(WARDKEY_OK, wardkey_options_init(&options, sizeof options));
    options.mode = mode;
    options.path = path;
    options.path_len = WARDKEY_NTS;
    options.actor = "eva";
    options.actor_len = WARDKEY_NTS;
    if (wardkey_open(&options, &engine, &error) != WARDKEY_OK) {
        fprintf(stderr, "%s\n", error.message);
        exit(1);
    }
    return engine;
}

static int32_t backup(watch *seen, const char *actor, const char *path, wardkey_buf *json) {
    wardkey_context context = context_of(actor, NULL);
    wardkey_error error;
    int32_t code, destroyed = seen->destroyed;
    seen->done = 0;
    seen->calls = 0;
    code = wardkey_backup(seen->engine, &context, path, WARDKEY_NTS, look, seen, destroy, json, &error);
    CHECK(error.code == code);
    CHECK(seen->destroyed == destroyed + 1);
    CHECK((code == WARDKEY_OK) == (json->data != NULL));
    seen->destroyed = 0;
    return code;
}

int main(int argc, char **argv) {
    watch seen = {0};
    wardkey_buf json = {0};
    wardkey_context context = context_of("eva", NULL);
    if (argc != 2) {
        return 2;
    }
    snprintf(folder, sizeof folder, "%s", argv[1]);
    seen.engine = open_as(WARDKEY_MODE_CREATE, at("clinic.db"));

    /* Whole, with progress, calling back. */
    seen.calls_back = 1;
    EXPECT(WARDKEY_OK, backup(&seen, "eva", at("copy.db"), &json));
    CHECK(seen.calls > 2 && seen.total > 0 && seen.done == seen.total);
    CHECK(json.data && strstr(json.data, "\"key_source\":\"file\"") != NULL);
    CHECK(json.data && strstr(json.data, "\"recovery_code\":false") != NULL);
    CHECK(json.data && strstr(json.data, "\"keep\":\"keep the key file") != NULL);
    wardkey_buf_free(&json);
    CHECK(there(at("copy.db")));

    /* Nothing is overwritten; nothing is left of what was cancelled. */
    EXPECT(WARDKEY_STORAGE_EXISTS, backup(&seen, "eva", at("copy.db"), &json));
    EXPECT(WARDKEY_MISUSE_ARGUMENT, backup(&seen, "eva", at("clinic.db"), &json));
    EXPECT(WARDKEY_MISUSE_ARGUMENT, backup(&seen, "eva", "", &json));
    EXPECT(WARDKEY_MISUSE_ACTOR, backup(&seen, NULL, at("other.db"), &json));
    seen.ends_at = 2;
    EXPECT(WARDKEY_CANCELLED, backup(&seen, "eva", at("other.db"), &json));
    CHECK(seen.calls == 2);
    CHECK(!there(at("other.db")));
    seen.ends_at = 0;

    /* Without any callback. */
    EXPECT(WARDKEY_OK, wardkey_backup(seen.engine, &context, at("plain.db"), WARDKEY_NTS, NULL, NULL, NULL,
                                      &json, NULL));
    wardkey_buf_free(&json);

    /* What cannot begin destroys all the same. */
    EXPECT(WARDKEY_MISUSE_NULL, wardkey_backup(seen.engine, &context, at("x"), WARDKEY_NTS, look, &seen,
                                               destroy, NULL, NULL));
    EXPECT(WARDKEY_MISUSE_NULL, wardkey_backup(seen.engine, NULL, at("x"), WARDKEY_NTS, look, &seen,
                                               destroy, &json, NULL));
    EXPECT(WARDKEY_MISUSE_NULL, wardkey_backup(seen.engine, &context, NULL, 0, look, &seen, destroy, &json,
                                               NULL));
    CHECK(seen.destroyed == 3);
    CHECK(!there(at("x")));

    /* The check, with the same callback. */
    seen.destroyed = seen.calls = 0;
    seen.done = 0;
    EXPECT(WARDKEY_OK, wardkey_check(seen.engine, &context, look, &seen, destroy, &json, NULL));
    CHECK(seen.calls > 2 && seen.destroyed == 1);
    CHECK(json.data && strstr(json.data, "\"sound\":true") != NULL);
    wardkey_buf_free(&json);
    seen.destroyed = seen.calls = 0;
    seen.done = 0;
    seen.ends_at = 1;
    EXPECT(WARDKEY_CANCELLED, wardkey_check(seen.engine, &context, look, &seen, destroy, &json, NULL));
    CHECK(json.data == NULL && seen.calls == 1 && seen.destroyed == 1);

    /* A copy and the key file are a database. */
    EXPECT(WARDKEY_OK, wardkey_close(seen.engine, NULL));
    EXPECT(WARDKEY_MISUSE_CLOSED, wardkey_backup(seen.engine, &context, at("x"), WARDKEY_NTS, look, &seen,
                                                 destroy, &json, NULL));
    CHECK(seen.destroyed == 2);
    copy_file(at("clinic.db.key"), at("copy.db.key"));
    seen.engine = open_as(WARDKEY_MODE_RESTORE, at("copy.db"));
    EXPECT(WARDKEY_OK, wardkey_close(seen.engine, NULL));
    seen.engine = open_as(WARDKEY_MODE_RESTORE_TRUSTING, at("copy.db"));
    EXPECT(WARDKEY_OK, wardkey_call(seen.engine, &context, "audit.read", WARDKEY_NTS, NULL, 0, &json, NULL));
    CHECK(json.data && strstr(json.data, "trusted_secrets") != NULL);
    wardkey_buf_free(&json);
    EXPECT(WARDKEY_OK, wardkey_close(seen.engine, NULL));
    return verdict();
}
