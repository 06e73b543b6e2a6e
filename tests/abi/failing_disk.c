/*
 * A disk whose syncs fail, one by one and all together: no token is handed out without its row, no
 * acknowledged revocation is lost, what is not known is called unknown, and everything goes on when
 * the disk does.
 *
 * This program's own fsync and fdatasync take the place of the system's, for the library too.
 */
#define _GNU_SOURCE
#include "wardkey.h"
#include "support.h"
#include <dlfcn.h>
#include <errno.h>

/* How many syncs succeed before one fails, and how many then fail. */
static int before_failing;
static int to_fail;
static int failed;

static int may_sync(void) {
    if (before_failing > 0) {
        before_failing -= 1;
        return 1;
    }
    if (to_fail == 0) {
        return 1;
    }
    to_fail -= 1;
    failed += 1;
    errno = EIO;
    return 0;
}

/* dlsym returns an object pointer; C99 has no cast from it to a function. */
static int system_sync(const char *name, int file) {
    int (*sync)(int) = NULL;
    void *found = dlsym(RTLD_NEXT, name);
    memcpy(&sync, &found, sizeof sync);
    return sync(file);
}

int fsync(int file) {
    return may_sync() ? system_sync("fsync", file) : -1;
}

int fdatasync(int file) {
    return may_sync() ? system_sync("fdatasync", file) : -1;
}

static void fail(int after, int times) {
    before_failing = after;
    to_fail = times;
    failed = 0;
}

enum { EVERY = 1000000 };

static unsigned issued;
static unsigned unknown;

/* Issues a token, and demands that it is a whole one or none. */
static int32_t try_issue(const wardkey_engine *engine, const client *who) {
    wardkey_context context = context_of(NULL, "192.0.2.7");
    wardkey_buf answer = {0};
    char token[TOKEN_SIZE];
    int32_t code = wardkey_issue(engine, who->id, WARDKEY_NTS, who->secret, WARDKEY_NTS, NULL, 0,
                                 &context, &answer, NULL);
    if (code == WARDKEY_OK) {
        issued += 1;
        text_member(answer.data, "access_token", token, sizeof token);
        EXPECT(WARDKEY_OK, verify_token(engine, token, "lab:read"));
    } else {
        CHECK(code == WARDKEY_STORAGE_IO || code == WARDKEY_STORAGE_OUTCOME_UNKNOWN);
        CHECK(answer.data == NULL);
        unknown += code == WARDKEY_STORAGE_OUTCOME_UNKNOWN;
    }
    wardkey_buf_free(&answer);
    return code;
}

static void issue_while_single_syncs_fail(const wardkey_engine *engine, const client *who) {
    int after;
    for (after = 0; after < 4; after += 1) {
        fail(after, 1);
        try_issue(engine, who);
        fail(0, 0);
        EXPECT(WARDKEY_OK, try_issue(engine, who));
    }
}

static void issue_while_no_sync_succeeds(const wardkey_engine *engine, const client *who) {
    fail(0, EVERY);
    CHECK(try_issue(engine, who) != WARDKEY_OK);
    CHECK(try_issue(engine, who) != WARDKEY_OK);
    CHECK(failed > 0);
    fail(0, 0);
    EXPECT(WARDKEY_OK, try_issue(engine, who));
}

/* Revoking with a disk that fails so often: acknowledged means in force, and a repetition works. */
static void revoke_while_syncs_fail(const wardkey_engine *engine, const client *who, int times) {
    wardkey_context context = context_of("anna@clinic", "127.0.0.1");
    char token[TOKEN_SIZE], other[TOKEN_SIZE], json[TOKEN_SIZE + 32];
    wardkey_buf answer = {0};
    int32_t code;
    issue_token(engine, who, NULL, token, sizeof token);
    issue_token(engine, who, NULL, other, sizeof other);
    issued += 2;
    snprintf(json, sizeof json, "{\"token\":\"%s\"}", token);
    fail(0, times);
    code = wardkey_call(engine, &context, "token.revoke", WARDKEY_NTS, json, WARDKEY_NTS, &answer,
                        NULL);
    wardkey_buf_free(&answer);
    CHECK(failed > 0);
    if (code == WARDKEY_OK) {
        EXPECT(WARDKEY_DENIED_TOKEN_REVOKED, verify_token(engine, token, "lab:read"));
    }
    EXPECT(WARDKEY_OK, verify_token(engine, other, "lab:read"));
    fail(0, 0);
    EXPECT(WARDKEY_OK, wardkey_call(engine, &context, "token.revoke", WARDKEY_NTS, json,
                                    WARDKEY_NTS, &answer, NULL));
    wardkey_buf_free(&answer);
    EXPECT(WARDKEY_DENIED_TOKEN_REVOKED, verify_token(engine, token, "lab:read"));
    EXPECT(WARDKEY_OK, verify_token(engine, other, "lab:read"));
}

/* Every token that was handed out has its row, and no more rows than tokens that may exist. */
static void check_audit(const wardkey_engine *engine) {
    wardkey_buf answer = run_operation(engine, "audit.verify", "{}");
    const char *at;
    unsigned rows = 0;
    CHECK(strstr(answer.data, "\"valid\":true") != NULL);
    wardkey_buf_free(&answer);
    answer = run_operation(engine, "audit.read", "{\"limit\":1000}");
    for (at = answer.data; (at = strstr(at, "\"event\":\"token.issue\"")) != NULL; at += 1) {
        rows += 1;
    }
    wardkey_buf_free(&answer);
    CHECK(rows >= issued && rows <= issued + unknown);
}

int main(int argc, char **argv) {
    wardkey_options options, create;
    wardkey_engine *engine;
    char path[512];
    client lab;
    if (argc != 2) {
        fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
        return 2;
    }
    options = options_of(argv[1], path, sizeof path);
    create = creating(options, NULL);
    engine = open_or_exit(&create);
    lab = register_client(engine, "{\"client_name\":\"Lab\",\"scope\":\"lab:read\"}");
    EXPECT(WARDKEY_OK, try_issue(engine, &lab));
    issue_while_single_syncs_fail(engine, &lab);
    issue_while_no_sync_succeeds(engine, &lab);
    revoke_while_syncs_fail(engine, &lab, 1);
    revoke_while_syncs_fail(engine, &lab, 2);
    revoke_while_syncs_fail(engine, &lab, EVERY);
    check_audit(engine);
    EXPECT(WARDKEY_OK, wardkey_close(engine, NULL));
    engine = open_or_exit(&options);
    check_audit(engine);
    EXPECT(WARDKEY_OK, wardkey_close(engine, NULL));
    return verdict();
}
