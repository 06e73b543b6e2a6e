/*
 * Two copies of the library in one process, as when two plug-ins bring one each. Neither takes the other's
 * handles. On Linux neither opens a database that the other has open; on Windows both may have it open.
 *
 *     second_copy FOLDER PATH-OF-ANOTHER-COPY...
 */
#include "copies.h"
#include <pthread.h>

#ifdef _WIN32
enum { ONE_AT_A_TIME = 0 };
#else
enum { ONE_AT_A_TIME = 1 };
#endif

static const char *folder;

static int try_handles(const copy *other);
static void a_restore_of_the_other_copy(const copy *other);
static void two_other_copies(const copy *second, const copy *third);
static void threads_of_both(const copy *other);
static void what_is_open_in_both(const copy *other);

int main(int argc, char **argv) {
    char path[512];
    wardkey_options create;
    copy second, third;
    int i, told_apart = 0;
    if (argc < 3) {
        fprintf(stderr, "usage: %s FOLDER LIBRARY...\n", argv[0]);
        return 2;
    }
    folder = argv[1];
    make_clinic(folder);
    create = creating(clinic(), NULL);
    snprintf(path, sizeof path, "%s/theirs.db", folder);
    create.path = path;
    EXPECT(WARDKEY_OK, wardkey_close(open_or_exit(&create), NULL));
    for (i = 2; i < argc; i += 1) {
        copy other = load_copy(argv[i]);
        told_apart += try_handles(&other);
    }
    CHECK(told_apart > 0);
    second = load_copy(argv[2]);
    third = load_copy(argv[argc - 1]);
    if (ONE_AT_A_TIME) {
        a_restore_of_the_other_copy(&second);
        two_other_copies(&second, &third);
    } else {
        what_is_open_in_both(&second);
    }
    threads_of_both(&second);
    return verdict();
}

/* Whether the copy's handles can be told from ours by their six bits. Neither takes the other's in any case. */
static int try_handles(const copy *other) {
    char path[512];
    wardkey_options options = clinic();
    wardkey_engine *ours_now = open_ours(), *theirs_now = NULL;
    wardkey_error error;
    int32_t code;
    snprintf(path, sizeof path, "%s/theirs.db", folder);
    options.path = path;
    DEMAND(WARDKEY_OK, other->open(&options, &theirs_now, &error));
    CHECK(ours_now != theirs_now);
    code = other->maintain(ours_now, &error);
    CHECK(code == WARDKEY_MISUSE_FOREIGN || code == WARDKEY_MISUSE_CLOSED
          || code == WARDKEY_MISUSE_HANDLE);
    CHECK(error.code == code && error.message[0] != '\0');
    CHECK(wardkey_maintain(theirs_now, NULL) != WARDKEY_OK);
    CHECK(other->close(ours_now, NULL) != WARDKEY_OK);
    CHECK(wardkey_close(theirs_now, NULL) != WARDKEY_OK);
    EXPECT(WARDKEY_OK, wardkey_maintain(ours_now, NULL));
    EXPECT(WARDKEY_OK, other->maintain(theirs_now, NULL));
    EXPECT(WARDKEY_OK, wardkey_close(ours_now, NULL));
    EXPECT(WARDKEY_OK, other->close(theirs_now, NULL));
    return code == WARDKEY_MISUSE_FOREIGN;
}

/* It would be refused as busy, too, after the busy timeout: it is told at once, and why. */
static void a_restore_of_the_other_copy(const copy *other) {
    wardkey_options options = clinic();
    wardkey_engine *engine = open_ours();
    options.mode = WARDKEY_MODE_RESTORE;
    options.actor = "anna";
    options.actor_len = WARDKEY_NTS;
    options.busy_timeout_ms = 3600 * 1000;
    expect_refusal(other, options);
    EXPECT(WARDKEY_OK, wardkey_maintain(engine, NULL));
    EXPECT(WARDKEY_OK, wardkey_close(engine, NULL));
}

static void two_other_copies(const copy *second, const copy *third) {
    wardkey_engine *engine = open_theirs(second);
    CHECK(second->open != third->open);
    expect_refusal(third, clinic());
    EXPECT(WARDKEY_OK, second->close(engine, NULL));
    engine = open_theirs(third);
    expect_refusal(second, clinic());
    EXPECT(WARDKEY_OK, third->close(engine, NULL));
}

/* Windows' locks belong to handles: what one copy closes takes none from the other. */
static void what_is_open_in_both(const copy *other) {
    wardkey_buf checked;
    wardkey_engine *first = open_ours(), *second = open_theirs(other);
    client lab = register_client(first, "{\"client_name\":\"Lab\",\"scope\":\"lab:read\"}");
    char token[TOKEN_SIZE];
    EXPECT(WARDKEY_OK, other->maintain(second, NULL));
    EXPECT(WARDKEY_OK, other->close(second, NULL));
    issue_token(first, &lab, NULL, token, sizeof token);
    EXPECT(WARDKEY_OK, verify_token(first, token, "lab:read"));
    checked = run_operation(first, "database.check", NULL);
    CHECK(strstr(checked.data, "\"sound\":true") != NULL);
    wardkey_buf_free(&checked);
    EXPECT(WARDKEY_OK, wardkey_close(first, NULL));
}

/* What a thread of one copy does again and again. */
typedef struct opener {
    const copy *copy;
    int mine;
} opener;

static pthread_mutex_t counting = PTHREAD_MUTEX_INITIALIZER;
static int open_now[2], opened[2];

static int count(int mine, int change) {
    int others;
    pthread_mutex_lock(&counting);
    open_now[mine] += change;
    opened[mine] += change > 0;
    others = open_now[1 - mine];
    pthread_mutex_unlock(&counting);
    return others;
}

static void *open_again_and_again(void *argument) {
    const opener *self = argument;
    wardkey_options options = clinic();
    int i;
    for (i = 0; i < 20; i += 1) {
        wardkey_engine *engine = NULL;
        int32_t code = self->copy->open(&options, &engine, NULL);
        if (code == WARDKEY_OK) {
            int others = count(self->mine, 1);
            CHECK(!ONE_AT_A_TIME || others == 0);
            count(self->mine, -1);
            EXPECT(WARDKEY_OK, self->copy->close(engine, NULL));
        } else {
            EXPECT(WARDKEY_MISUSE_ANOTHER_COPY, code);
        }
    }
    return NULL;
}

static void threads_of_both(const copy *other) {
    const copy linked = {wardkey_open, wardkey_maintain, wardkey_close};
    opener openers[2];
    pthread_t threads[4];
    int i;
    openers[0].copy = &linked;
    openers[0].mine = 0;
    openers[1].copy = other;
    openers[1].mine = 1;
    for (i = 0; i < 4; i += 1) {
        CHECK(pthread_create(&threads[i], NULL, open_again_and_again, &openers[i % 2]) == 0);
    }
    for (i = 0; i < 4; i += 1) {
        CHECK(pthread_join(threads[i], NULL) == 0);
    }
    CHECK(opened[0] + opened[1] > 0 && open_now[0] == 0 && open_now[1] == 0);
}
