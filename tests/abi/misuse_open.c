/*
 * Wrong ways of opening: each gets its own code and a message, leaves the engine NULL, and destroys
 * what the callbacks were given exactly once.
 */
#include "wardkey.h"
#include "support.h"

/* What the callbacks saw. */
typedef struct witness {
    int called;
    int destroyed;
    int32_t answer;
    int32_t last_code;
    int64_t now;
} witness;

static witness key_witness, clock_witness, log_witness, user_witness;
static wardkey_options options;
static char path[512];

/* Opening with `options` must return `expected`, whatever the callbacks are. */
#define REFUSES(expected) check_refusal((expected), 1, __LINE__)

/* Opening that the library must refuse before it may believe anything about the struct. */
#define REFUSES_UNREAD(expected) check_refusal((expected), 0, __LINE__)

static void init(void);
static void wrong_paths(void);
static void wrong_members(void);
static void wrong_sizes(void);
static void wrong_places(const char *folder);
static void callbacks_that_work(const char *folder);
static void callbacks_that_fail(const char *folder);
static void handles_of_two_engines(const char *folder);
static void more_engines_than_handles(const char *folder);

int main(int argc, char **argv) {
    if (argc != 2) {
        fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
        return 2;
    }
    snprintf(path, sizeof path, "%s/clinic.db", argv[1]);
    init();
    wrong_paths();
    wrong_members();
    wrong_sizes();
    wrong_places(argv[1]);
    callbacks_that_work(argv[1]);
    callbacks_that_fail(argv[1]);
    handles_of_two_engines(argv[1]);
    more_engines_than_handles(argv[1]);
    return verdict();
}

static int32_t read_key(void *user, uint8_t *key, size_t key_size) {
    witness *seen = user;
    seen->called += 1;
    CHECK(key_size == 32);
    if (seen->answer == 0) {
        memset(key, 7, key_size);
    }
    return seen->answer;
}

static int64_t read_clock(void *user) {
    witness *seen = user;
    seen->called += 1;
    return seen->now;
}

static void hear(void *user, int32_t code, const char *message, size_t message_len) {
    witness *seen = user;
    seen->called += 1;
    seen->last_code = code;
    CHECK(strlen(message) == message_len && message_len > 0);
}

static int32_t check_nobody(void *user, const wardkey_user_login *login,
                            wardkey_user_verdict *verdict) {
    witness *seen = user;
    seen->called += 1;
    (void)login;
    (void)verdict;
    return WARDKEY_USER_REFUSED;
}

static void destroy(void *user) {
    witness *seen = user;
    seen->destroyed += 1;
}

/* Options that would open folder/clinic.db, with every callback set. */
static void fresh_options(void) {
    memset(&key_witness, 0, sizeof key_witness);
    memset(&clock_witness, 0, sizeof clock_witness);
    memset(&log_witness, 0, sizeof log_witness);
    memset(&user_witness, 0, sizeof user_witness);
    clock_witness.now = 1772353800000;
    DEMAND(WARDKEY_OK, wardkey_options_init(&options, sizeof options));
    options.path = path;
    options.path_len = WARDKEY_NTS;
    options.key_source = WARDKEY_KEY_CALLBACK;
    options.key_read = read_key;
    options.key_user = &key_witness;
    options.key_destroy = destroy;
    options.clock_wall_ms = read_clock;
    options.clock_monotonic_ms = read_clock;
    options.clock_user = &clock_witness;
    options.clock_destroy = destroy;
    options.log = hear;
    options.log_user = &log_witness;
    options.log_destroy = destroy;
    options.check_user = check_nobody;
    options.check_user_user = &user_witness;
    options.check_user_destroy = destroy;
}

static void check_destroyed(int times, int line) {
    check_that(key_witness.destroyed == times, "key_destroy was called as often", __FILE__, line);
    check_that(clock_witness.destroyed == times, "clock_destroy was called as often", __FILE__,
               line);
    check_that(log_witness.destroyed == times, "log_destroy was called as often", __FILE__, line);
    check_that(user_witness.destroyed == times, "check_user_destroy was called as often", __FILE__,
               line);
    check_that(user_witness.called == 0, "nobody was asked about", __FILE__, line);
}

static void check_refusal(int32_t expected, int destroyed, int line) {
    wardkey_engine *engine = (wardkey_engine *)&options;
    wardkey_error error;
    memset(&error, 0xAB, sizeof error);
    check_code(expected, wardkey_open(&options, &engine, &error), "wardkey_open", __FILE__, line);
    check_that(engine == NULL, "the engine is NULL", __FILE__, line);
    check_that(error.code == expected && error.message[0] != '\0', "there is a message", __FILE__,
               line);
    check_destroyed(destroyed, line);
    /* The log hears what is not the caller's doing. */
    check_that(log_witness.called == (expected >= 400), "the log was called as often", __FILE__, line);
    check_that(log_witness.called == 0 || log_witness.last_code == expected, "with the code",
               __FILE__, line);
    if (failures > 0) {
        fprintf(stderr, "%d: %s\n", line, error.message);
    }
    fresh_options();
}

static wardkey_engine *open_with_callbacks(uint32_t mode) {
    options.mode = mode;
    if (mode == WARDKEY_MODE_CREATE) {
        options.actor = "setup";
        options.actor_len = WARDKEY_NTS;
    }
    return open_or_exit(&options);
}

static void init(void) {
    unsigned char room[sizeof options + 64];
    size_t i;
    memset(room, 0xAB, sizeof room);
    EXPECT(WARDKEY_MISUSE_NULL, wardkey_options_init(NULL, sizeof options));
    EXPECT(WARDKEY_MISUSE_SIZE, wardkey_options_init((wardkey_options *)(void *)room, 0));
    EXPECT(WARDKEY_MISUSE_SIZE, wardkey_options_init((wardkey_options *)(void *)room, 3));
    for (i = 0; i < sizeof room && room[i] == 0xAB; i += 1) {
    }
    CHECK(i == sizeof room);
    fresh_options();
    CHECK(options.struct_size == sizeof options && options.mode == WARDKEY_MODE_OPEN);
    CHECK(options.settings == NULL && options.actor == NULL && options.key == NULL);
    /* What a newer header has behind what this library knows is zeroed, and stays in sight. */
    EXPECT(WARDKEY_OK, wardkey_options_init((wardkey_options *)(void *)room, sizeof room));
    for (i = sizeof options; i < sizeof room && room[i] == 0; i += 1) {
    }
    CHECK(i == sizeof room);
    memcpy(&options, room, sizeof options);
    CHECK(options.struct_size == sizeof room);
    fresh_options();
}

static void wrong_paths(void) {
    wardkey_engine *engine = NULL;
    wardkey_error error;
    EXPECT(WARDKEY_MISUSE_NULL, wardkey_open(NULL, &engine, &error));
    CHECK(error.code == WARDKEY_MISUSE_NULL);
    EXPECT(WARDKEY_MISUSE_NULL, wardkey_open(NULL, NULL, NULL));
    check_destroyed(0, __LINE__);
    EXPECT(WARDKEY_MISUSE_NULL, wardkey_open(&options, NULL, &error));
    check_destroyed(1, __LINE__);
    fresh_options();
    options.path = NULL;
    REFUSES(WARDKEY_MISUSE_NULL);
    options.path_len = 0;
    REFUSES(WARDKEY_MISUSE_ARGUMENT);
    options.path = "clinic\0.db";
    options.path_len = 10;
    REFUSES(WARDKEY_MISUSE_ARGUMENT);
    options.path = "clinic\xff.db";
    REFUSES(WARDKEY_MISUSE_UTF8);
    options.path_len = SIZE_MAX - 1;
    REFUSES(WARDKEY_MISUSE_LENGTH);
    options.path_len = (size_t)INT32_MAX + 1;
    REFUSES(WARDKEY_MISUSE_LENGTH);
    REFUSES(WARDKEY_STORAGE_MISSING);
}

static void wrong_members(void) {
    unsigned char key[33] = {0};
    options.mode = WARDKEY_MODE_RESTORE_TRUSTING + 1;
    REFUSES(WARDKEY_MISUSE_ARGUMENT);
    options.mode = UINT32_MAX;
    REFUSES(WARDKEY_MISUSE_ARGUMENT);
    options.key_source = 4;
    REFUSES(WARDKEY_MISUSE_ARGUMENT);
    options.key_source = WARDKEY_KEY_BYTES;
    options.key_len = 32;
    REFUSES(WARDKEY_MISUSE_NULL);
    options.key_source = WARDKEY_KEY_BYTES;
    options.key = key;
    options.key_len = 31;
    REFUSES(WARDKEY_MISUSE_ARGUMENT);
    options.key_source = WARDKEY_KEY_BYTES;
    options.key = key;
    options.key_len = 33;
    REFUSES(WARDKEY_MISUSE_ARGUMENT);
    options.key_read = NULL;
    REFUSES(WARDKEY_MISUSE_NULL);
    options.clock_wall_ms = NULL;
    REFUSES(WARDKEY_MISUSE_ARGUMENT);
    options.clock_monotonic_ms = NULL;
    REFUSES(WARDKEY_MISUSE_ARGUMENT);
    /* What belongs to no callback is destroyed all the same. */
    options.check_user = NULL;
    REFUSES(WARDKEY_STORAGE_MISSING);
    options.settings = "{}";
    options.settings_len = WARDKEY_NTS;
    REFUSES(WARDKEY_MISUSE_ARGUMENT);
    options.mode = WARDKEY_MODE_CREATE;
    REFUSES(WARDKEY_MISUSE_ACTOR);
    options.mode = WARDKEY_MODE_RESTORE;
    REFUSES(WARDKEY_MISUSE_ACTOR);
    options.mode = WARDKEY_MODE_CREATE;
    options.actor = "setup";
    options.actor_len = WARDKEY_NTS;
    options.settings = "{\"issuer\":1}";
    options.settings_len = WARDKEY_NTS;
    REFUSES(WARDKEY_MISUSE_DOCUMENT);
    options.mode = WARDKEY_MODE_CREATE;
    options.actor = "setup";
    options.actor_len = WARDKEY_NTS;
    options.settings = "{";
    options.settings_len = SIZE_MAX / 2 + 1;
    REFUSES(WARDKEY_MISUSE_LENGTH);
    /* None of them made a file. */
    REFUSES(WARDKEY_STORAGE_MISSING);
}

/* Options as a later release would have them. */
typedef struct later_options {
    wardkey_options known;
    unsigned char tail[32];
} later_options;

static void wrong_sizes(void) {
    static const uint32_t wrong[] = {0, 1, 4, 8, sizeof options - 1, UINT32_MAX};
    later_options later;
    wardkey_engine *engine = NULL;
    size_t i;
    for (i = 0; i < sizeof wrong / sizeof *wrong; i += 1) {
        options.struct_size = wrong[i];
        REFUSES_UNREAD(WARDKEY_MISUSE_SIZE);
    }
    memset(&later, 0, sizeof later);
    later.known = options;
    later.known.struct_size = sizeof later;
    EXPECT(WARDKEY_STORAGE_MISSING, wardkey_open(&later.known, &engine, NULL));
    check_destroyed(1, __LINE__);
    fresh_options();
    later.tail[31] = 1;
    EXPECT(WARDKEY_MISUSE_SIZE, wardkey_open(&later.known, &engine, NULL));
    check_destroyed(0, __LINE__);
    fresh_options();
}

static void write_file(const char *name, const char *text) {
    FILE *file = fopen(name, "wb");
    if (!CHECK(file != NULL && fputs(text, file) >= 0 && fclose(file) == 0)) {
        exit(1);
    }
}

static void wrong_places(const char *folder) {
    char other[600];
    snprintf(other, sizeof other, "%s/empty.db", folder);
    write_file(other, "");
    options.path = other;
    REFUSES(WARDKEY_STORAGE_EMPTY_FILE);
    snprintf(other, sizeof other, "%s/letter.db", folder);
    write_file(other,
               "Dear colleague, this is a letter and no database at all, however long it may be.");
    options.path = other;
    REFUSES(WARDKEY_STORAGE_FOREIGN_FILE);
    options.path = other;
    options.mode = WARDKEY_MODE_RESTORE;
    options.actor = "anna@clinic";
    options.actor_len = WARDKEY_NTS;
    REFUSES(WARDKEY_STORAGE_FOREIGN_FILE);
    options.path = other;
    options.mode = WARDKEY_MODE_CREATE;
    options.actor = "setup";
    options.actor_len = WARDKEY_NTS;
    REFUSES(WARDKEY_STORAGE_EXISTS);
    snprintf(other, sizeof other, "%s/no/such/folder/clinic.db", folder);
    options.path = other;
    REFUSES(WARDKEY_STORAGE_MISSING);
}

static void callbacks_that_work(const char *folder) {
    wardkey_engine *engine = open_with_callbacks(WARDKEY_MODE_CREATE);
    client lab;
    char token[TOKEN_SIZE];
    (void)folder;
    check_destroyed(0, __LINE__);
    CHECK(key_witness.called == 1 && clock_witness.called > 0);
    lab = register_client(engine, "{\"client_name\":\"Lab\",\"scope\":\"lab:read\"}");
    issue_token(engine, &lab, NULL, token, sizeof token);
    EXPECT(WARDKEY_OK, verify_token(engine, token, "lab:read"));
    clock_witness.now += 3600 * 1000;
    EXPECT(WARDKEY_DENIED_TOKEN_EXPIRED, verify_token(engine, token, "lab:read"));
    EXPECT(WARDKEY_OK, wardkey_close(engine, NULL));
    check_destroyed(1, __LINE__);
    EXPECT(WARDKEY_MISUSE_CLOSED, wardkey_close(engine, NULL));
    check_destroyed(1, __LINE__);
    CHECK(log_witness.called == 0);
    fresh_options();
    options.mode = WARDKEY_MODE_CREATE;
    options.actor = "setup";
    options.actor_len = WARDKEY_NTS;
    REFUSES(WARDKEY_STORAGE_EXISTS);
    engine = open_with_callbacks(WARDKEY_MODE_OPEN);
    EXPECT(WARDKEY_OK, wardkey_close(engine, NULL));
    check_destroyed(1, __LINE__);
    fresh_options();
}

static void callbacks_that_fail(const char *folder) {
    unsigned char key[32];
    wardkey_engine *engine = NULL;
    wardkey_error error;
    char lost[600];
    key_witness.answer = 17;
    EXPECT(WARDKEY_STORAGE_KEY_CALLBACK, wardkey_open(&options, &engine, &error));
    CHECK(engine == NULL && error.system_code == 17);
    check_destroyed(1, __LINE__);
    fresh_options();
    options.key_source = WARDKEY_KEY_BYTES;
    options.key = key;
    options.key_len = sizeof key;
    memset(key, 8, sizeof key);
    REFUSES(WARDKEY_STORAGE_WRONG_KEY);
    options.key_source = WARDKEY_KEY_BYTES;
    options.key = key;
    options.key_len = sizeof key;
    memset(key, 0, sizeof key);
    REFUSES(WARDKEY_MISUSE_ARGUMENT);
    options.key_source = WARDKEY_KEY_FILE;
    REFUSES(WARDKEY_STORAGE_KEY_MISSING);
    options.key_source = WARDKEY_KEY_BYTES;
    options.key = key;
    options.key_len = sizeof key;
    memset(key, 7, sizeof key);
    engine = open_with_callbacks(WARDKEY_MODE_OPEN);
    CHECK(key_witness.called == 0);
    EXPECT(WARDKEY_OK, wardkey_close(engine, NULL));
    check_destroyed(1, __LINE__);
    fresh_options();
    /* Without a destroy function there is nothing to call. */
    options.key_destroy = options.clock_destroy = options.log_destroy = NULL;
    options.check_user_destroy = NULL;
    engine = open_with_callbacks(WARDKEY_MODE_OPEN);
    EXPECT(WARDKEY_OK, wardkey_close(engine, NULL));
    check_destroyed(0, __LINE__);
    fresh_options();
    snprintf(lost, sizeof lost, "%s/clinic.db.fresh", folder);
    CHECK(remove(lost) == 0);
    options.actor = "unread";
    options.actor_len = WARDKEY_NTS;
    REFUSES(WARDKEY_STORAGE_FRESHNESS_MISSING);
    options.mode = WARDKEY_MODE_RESTORE;
    options.actor = "anna@clinic";
    options.actor_len = WARDKEY_NTS;
    engine = open_with_callbacks(WARDKEY_MODE_RESTORE);
    EXPECT(WARDKEY_OK, wardkey_close(engine, NULL));
    check_destroyed(1, __LINE__);
    fresh_options();
}

/* One engine's close leaves the other alone, and a slot that is used again keeps its old handle
 * dead. */
static void handles_of_two_engines(const char *folder) {
    char other_path[600];
    wardkey_options other = options_of(folder, other_path, sizeof other_path);
    wardkey_engine *first, *second, *last;
    int i;
    snprintf(other_path, sizeof other_path, "%s/other.db", folder);
    other = creating(other, NULL);
    first = open_with_callbacks(WARDKEY_MODE_OPEN);
    second = open_or_exit(&other);
    CHECK(first != second);
    EXPECT(WARDKEY_OK, wardkey_close(first, NULL));
    EXPECT(WARDKEY_OK, wardkey_maintain(second, NULL));
    other.mode = WARDKEY_MODE_OPEN;
    other.settings = NULL;
    EXPECT(WARDKEY_OK, wardkey_close(second, NULL));
    for (i = 0, last = second; i < 10; i += 1) {
        wardkey_engine *again = open_or_exit(&other);
        CHECK(again != last && again != first && again != second);
        EXPECT(WARDKEY_MISUSE_CLOSED, wardkey_maintain(first, NULL));
        EXPECT(WARDKEY_MISUSE_CLOSED, wardkey_maintain(second, NULL));
        EXPECT(WARDKEY_OK, wardkey_maintain(again, NULL));
        EXPECT(WARDKEY_OK, wardkey_close(again, NULL));
        last = again;
    }
}

/* Without a handle left nothing is made: a database that nobody can have would be in the way for ever. */
static void more_engines_than_handles(const char *folder) {
    enum { HANDLES = 256 };
    static wardkey_engine *engines[HANDLES];
    char other_path[600], new_path[600];
    wardkey_options other = options_of(folder, other_path, sizeof other_path);
    FILE *made;
    int i;
    snprintf(other_path, sizeof other_path, "%s/other.db", folder);
    for (i = 0; i < HANDLES; i += 1) {
        engines[i] = open_or_exit(&other);
    }
    fresh_options();
    snprintf(new_path, sizeof new_path, "%s/new.db", folder);
    options.path = new_path;
    options.mode = WARDKEY_MODE_CREATE;
    options.actor = "setup";
    options.actor_len = WARDKEY_NTS;
    REFUSES(WARDKEY_MISUSE_TOO_MANY);
    made = fopen(new_path, "rb");
    CHECK(made == NULL);
    EXPECT(WARDKEY_OK, wardkey_close(engines[100], NULL));
    options.path = new_path;
    engines[100] = open_with_callbacks(WARDKEY_MODE_CREATE);
    for (i = 0; i < HANDLES; i += 1) {
        EXPECT(WARDKEY_OK, wardkey_close(engines[i], NULL));
    }
    check_destroyed(1, __LINE__);
    fresh_options();
}
