/* What the C test programs share: checks that count, and readers for what the library prints. */
#ifndef SUPPORT_H
#define SUPPORT_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int failures;

/* A condition that must hold; the program goes on, and fails at its end. */
#define CHECK(condition) check_that((condition) ? 1 : 0, #condition, __FILE__, __LINE__)

/* A call that must return this code. */
#define EXPECT(expected, call) check_code((expected), (call), #call, __FILE__, __LINE__)

/* The same, where going on would make no sense. */
#define DEMAND(expected, call) \
    do { \
        if (!check_code((expected), (call), #call, __FILE__, __LINE__)) { \
            exit(1); \
        } \
    } while (0)

static inline int check_that(int holds, const char *text, const char *file, int line) {
    if (!holds) {
        failures += 1;
        fprintf(stderr, "%s:%d: this does not hold: %s\n", file, line, text);
    }
    return holds;
}

static inline int check_code(int32_t expected, int32_t code, const char *text, const char *file,
                             int line) {
    if (code != expected) {
        failures += 1;
        fprintf(stderr, "%s:%d: %s instead of %s from %s\n", file, line, wardkey_status_name(code),
                wardkey_status_name(expected), text);
    }
    return code == expected;
}

/* What main returns. */
static inline int verdict(void) {
    if (failures > 0) {
        fprintf(stderr, "%d checks failed\n", failures);
    }
    return failures > 0;
}

/* A context of a request that came over TLS, with an actor for administration. */
static inline wardkey_context context_of(const char *actor, const char *peer) {
    wardkey_context context;
    memset(&context, 0, sizeof context);
    context.struct_size = sizeof context;
    context.secure = 1;
    context.actor = actor;
    context.actor_len = actor ? WARDKEY_NTS : 0;
    context.peer = peer;
    context.peer_len = peer ? WARDKEY_NTS : 0;
    return context;
}

/* Options for folder/clinic.db, whose path is written into path. */
static inline wardkey_options options_of(const char *folder, char *path, size_t path_size) {
    wardkey_options options;
    DEMAND(WARDKEY_OK, wardkey_options_init(&options, sizeof options));
    snprintf(path, path_size, "%s/clinic.db", folder);
    options.path = path;
    options.path_len = WARDKEY_NTS;
    return options;
}

/* The same, for a database that is to be made. */
static inline wardkey_options creating(wardkey_options options, const char *settings) {
    options.mode = WARDKEY_MODE_CREATE;
    options.actor = "setup";
    options.actor_len = WARDKEY_NTS;
    options.settings = settings;
    options.settings_len = settings ? WARDKEY_NTS : 0;
    return options;
}

static inline wardkey_engine *open_or_exit(const wardkey_options *options) {
    wardkey_engine *engine = NULL;
    wardkey_error error;
    if (wardkey_open(options, &engine, &error) != WARDKEY_OK) {
        fprintf(stderr, "%s: %s\n", wardkey_status_name(error.code), error.message);
        exit(1);
    }
    return engine;
}

/* Copies the text member `name` of a flat JSON document; an empty text when it is not there. */
static inline void text_member(const char *json, const char *name, char *text, size_t size) {
    char start[80];
    const char *found;
    size_t length = 0;
    snprintf(start, sizeof start, "\"%s\":\"", name);
    found = json ? strstr(json, start) : NULL;
    text[0] = '\0';
    if (found) {
        found += strlen(start);
        length = strcspn(found, "\"");
    }
    if (CHECK(length > 0 && length < size)) {
        memcpy(text, found, length);
        text[length] = '\0';
    } else {
        fprintf(stderr, "no %s in %s\n", name, json ? json : "nothing");
    }
}

/* Runs an operation that must succeed. Free the answer. */
static inline wardkey_buf run_operation(const wardkey_engine *engine, const char *operation,
                                        const char *json) {
    wardkey_context context = context_of("anna@clinic", "127.0.0.1");
    wardkey_buf answer = {0};
    wardkey_error error;
    int32_t code =
        wardkey_call(engine, &context, operation, WARDKEY_NTS, json, WARDKEY_NTS, &answer, &error);
    if (code != WARDKEY_OK) {
        fprintf(stderr, "%s: %s\n", operation, error.message);
        exit(1);
    }
    CHECK(answer.data != NULL && strlen(answer.data) == answer.length);
    return answer;
}

/* A registered client and its first secret. */
typedef struct client {
    char id[128];
    char secret[128];
    char credential[128];
} client;

static inline client register_client(const wardkey_engine *engine, const char *json) {
    client made;
    wardkey_buf answer = run_operation(engine, "client.create", json);
    text_member(answer.data, "client_id", made.id, sizeof made.id);
    text_member(answer.data, "client_secret", made.secret, sizeof made.secret);
    text_member(answer.data, "credential_id", made.credential, sizeof made.credential);
    wardkey_buf_free(&answer);
    return made;
}

/* Gets a token that must be given. */
static inline void issue_token(const wardkey_engine *engine, const client *who, const char *scope,
                               char *token, size_t size) {
    wardkey_context context = context_of(NULL, "192.0.2.7");
    wardkey_buf answer = {0};
    wardkey_error error;
    if (wardkey_issue(engine, who->id, WARDKEY_NTS, who->secret, WARDKEY_NTS, scope,
                      scope ? WARDKEY_NTS : 0, &context, &answer, &error)
        != WARDKEY_OK) {
        fprintf(stderr, "no token: %s\n", error.message);
        exit(1);
    }
    text_member(answer.data, "access_token", token, size);
    wardkey_buf_free(&answer);
}

static inline int32_t verify_token(const wardkey_engine *engine, const char *token,
                                   const char *scopes) {
    wardkey_context context = context_of(NULL, "192.0.2.7");
    return wardkey_verify(engine, token, WARDKEY_NTS, scopes, WARDKEY_NTS, &context, NULL, 0, NULL);
}

/* The value of a response's header; an empty text when it is not there. */
static inline const char *header_of(const wardkey_http_response *response, const char *name) {
    size_t i;
    for (i = 0; i < response->header_count; i += 1) {
        const wardkey_header *header = &response->headers[i];
        CHECK(strlen(header->name) == header->name_len
              && strlen(header->value) == header->value_len);
        if (strcmp(header->name, name) == 0) {
            return header->value;
        }
    }
    return "";
}

/* Longer than any token. */
enum { TOKEN_SIZE = 8193 };

#endif
