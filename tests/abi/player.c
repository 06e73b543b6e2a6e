/*
 * Plays bindings/scenario/clinic.scenario through the C ABI and prints what came back; the README there describes
 * both. Its callbacks are the clock, the key and the host's users.
 */
#include "wardkey.h"
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef _WIN32
#include <fcntl.h>
#include <io.h>
#endif

enum { FIELDS = 24, NAMES = 64, HEADERS = 16 };

typedef struct field {
    const char *name, *value;
} field;

/* One step: its verb, its argument, its lines. */
typedef struct step {
    const char *line, *verb, *argument;
    field fields[FIELDS];
    size_t count;
} step;

/* What a step's call returned, as far as it returned it. */
typedef struct outcome {
    int32_t code;
    wardkey_error error;
    wardkey_buf document, challenge;
    wardkey_http_response response;
    wardkey_principal principal;
    int32_t http_status;
} outcome;

static struct {
    const char *folder;
    char path[1024];
    wardkey_engine *engine;
    int64_t now;
    uint8_t key[32];
    field staff[4]; /* name, password, subject, scope, as values */
    field saved[NAMES];
    size_t saved_count;
    int32_t last_code;
    int line;
} player;

static void fail(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "line %d: ", player.line);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(1);
}

/* --- texts ------------------------------------------------------------------------------------------------- */

/* Every text that is made lives until the program ends. */
static struct text {
    struct text *next;
    char start[1];
} *texts;

static char *new_text(size_t length) {
    struct text *made = calloc(1, sizeof *made + length);
    if (!made) {
        fail("out of memory");
    }
    made->next = texts;
    texts = made;
    return made->start;
}

static void free_texts(void) {
    while (texts) {
        struct text *next = texts->next;
        free(texts);
        texts = next;
    }
}

static char *part(const char *start, size_t length) {
    char *made = new_text(length);
    memcpy(made, start, length);
    return made;
}

static const char *saved_value(const char *name, size_t length) {
    size_t i;
    for (i = player.saved_count; i > 0; i -= 1) {
        const field *found = &player.saved[i - 1];
        if (strlen(found->name) == length && strncmp(found->name, name, length) == 0) {
            return found->value;
        }
    }
    fail("${%.*s} was not saved", (int)length, name);
    return NULL;
}

/* The text with every ${name} replaced. */
static const char *expand(const char *text) {
    const char *start = strstr(text, "${"), *end = start ? strchr(start, '}') : NULL;
    const char *value;
    char *made;
    if (!end) {
        return text;
    }
    value = saved_value(start + 2, (size_t)(end - start) - 2);
    made = new_text(strlen(text) + strlen(value));
    sprintf(made, "%.*s%s%s", (int)(start - text), text, value, end + 1);
    return expand(made);
}

static const char *base64(const char *text) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t length = strlen(text), i, j;
    char *made = new_text(length * 4 / 3 + 4), *out = made;
    for (i = 0; i < length; i += 3) {
        uint32_t bits = 0;
        for (j = 0; j < 3; j += 1) {
            bits = bits << 8 | (i + j < length ? (uint8_t)text[i + j] : 0u);
        }
        for (j = 0; j < 4; j += 1) {
            *out++ = (char)(i + j <= length ? digits[bits >> (18 - 6 * j) & 63] : '=');
        }
    }
    return made;
}

static uint8_t nibble(char digit) {
    const char *digits = "0123456789abcdef", *found = digit ? strchr(digits, digit) : NULL;
    if (!found) {
        fail("a key has 64 hex digits");
    }
    return (uint8_t)(found - digits);
}

/* --- steps ------------------------------------------------------------------------------------------------- */

static const char *get(const step *now, const char *name) {
    size_t i;
    for (i = 0; i < now->count; i += 1) {
        if (strcmp(now->fields[i].name, name) == 0) {
            return expand(now->fields[i].value);
        }
    }
    return NULL;
}

static size_t length_of(const char *text) {
    return text ? strlen(text) : 0;
}

static wardkey_context context_of(const step *now) {
    wardkey_context context;
    const char *secure = get(now, "secure");
    memset(&context, 0, sizeof context);
    context.struct_size = sizeof context;
    context.secure = secure && strcmp(secure, "1") == 0;
    context.actor = get(now, "actor");
    context.actor_len = length_of(context.actor);
    context.peer = get(now, "peer");
    context.peer_len = length_of(context.peer);
    context.forwarded = get(now, "forwarded");
    context.forwarded_len = length_of(context.forwarded);
    context.correlation_id = get(now, "correlation_id");
    context.correlation_id_len = length_of(context.correlation_id);
    return context;
}

static size_t headers_of(const step *now, wardkey_header headers[HEADERS]) {
    const char *basic = get(now, "basic");
    size_t i, count = 0;
    memset(headers, 0, HEADERS * sizeof headers[0]);
    for (i = 0; i < now->count; i += 1) {
        if (strcmp(now->fields[i].name, "header") == 0) {
            const char *header = expand(now->fields[i].value), *colon = strstr(header, ": ");
            if (!colon || count + 1 == HEADERS) {
                fail("this is no header, or one too many: %s", header);
            }
            headers[count].name = header;
            headers[count].name_len = (size_t)(colon - header);
            headers[count].value = colon + 2;
            headers[count].value_len = strlen(colon + 2);
            count += 1;
        }
    }
    if (basic) {
        const char *digits = base64(basic);
        char *value = new_text(6 + strlen(digits));
        sprintf(value, "Basic %s", digits);
        headers[count].name = "Authorization";
        headers[count].name_len = WARDKEY_NTS;
        headers[count].value = value;
        headers[count].value_len = WARDKEY_NTS;
        count += 1;
    }
    return count;
}

static int64_t WARDKEY_CALL tell_time(void *user) {
    return *(const int64_t *)user;
}

static int32_t WARDKEY_CALL read_key(void *user, uint8_t *key, size_t key_size) {
    memcpy(key, user, key_size);
    return key_size == sizeof player.key ? 0 : 1;
}

static int32_t WARDKEY_CALL check_staff(void *user, const wardkey_user_login *login,
                                        wardkey_user_verdict *verdict) {
    const field *staff = user;
    if (strcmp(login->password, "fail") == 0) {
        return 0;
    }
    if (strcmp(login->username, staff[0].value) != 0 || strcmp(login->password, staff[1].value) != 0) {
        return WARDKEY_USER_REFUSED;
    }
    snprintf(verdict->subject, sizeof verdict->subject, "%s", staff[2].value);
    snprintf(verdict->scope, sizeof verdict->scope, "%s", staff[3].value);
    return WARDKEY_USER_APPROVED;
}

static void take_key(const char *digits, wardkey_options *options) {
    size_t i;
    if (strlen(digits) != 64) {
        fail("a key has 64 hex digits");
    }
    for (i = 0; i < 32; i += 1) {
        player.key[i] = (uint8_t)(nibble(digits[2 * i]) << 4 | nibble(digits[2 * i + 1]));
    }
    options->key_source = WARDKEY_KEY_CALLBACK;
    options->key_read = read_key;
    options->key_user = player.key;
}

static void take_staff(const char *line, wardkey_options *options) {
    size_t i;
    for (i = 0; i < 4; i += 1) {
        size_t length = strcspn(line, "|");
        player.staff[i].value = part(line, length);
        line += length + (line[length] == '|');
    }
    options->check_user = check_staff;
    options->check_user_user = player.staff;
}

static uint32_t mode_of(const char *name) {
    if (strcmp(name, "create") == 0) {
        return WARDKEY_MODE_CREATE;
    }
    return strcmp(name, "restore") == 0 ? WARDKEY_MODE_RESTORE : WARDKEY_MODE_OPEN;
}

static void play_open(const step *now, outcome *out) {
    const char *key = get(now, "key"), *staff = get(now, "staff");
    wardkey_options options;
    wardkey_options_init(&options, sizeof options);
    snprintf(player.path, sizeof player.path, "%s/Klinik-S\xc3\xbc" "d.db", player.folder);
    options.mode = mode_of(now->argument);
    options.path = player.path;
    options.path_len = WARDKEY_NTS;
    options.settings = get(now, "settings");
    options.settings_len = length_of(options.settings);
    options.actor = get(now, "actor");
    options.actor_len = length_of(options.actor);
    options.clock_wall_ms = tell_time;
    options.clock_monotonic_ms = tell_time;
    options.clock_user = &player.now;
    if (key) {
        take_key(key, &options);
    }
    if (staff) {
        take_staff(staff, &options);
    }
    out->code = wardkey_open(&options, &player.engine, &out->error);
}

static void play_close(const step *now, outcome *out) {
    (void)now;
    out->code = wardkey_close(player.engine, &out->error);
}

static void play_maintain(const step *now, outcome *out) {
    (void)now;
    out->code = wardkey_maintain(player.engine, &out->error);
}

static void play_call(const step *now, outcome *out) {
    wardkey_context context = context_of(now);
    const char *json = get(now, "json");
    out->code = wardkey_call(player.engine, &context, now->argument, WARDKEY_NTS, json, length_of(json),
                             &out->document, &out->error);
}

static void play_issue(const step *now, outcome *out) {
    wardkey_context context = context_of(now);
    const char *secret = get(now, "secret"), *scope = get(now, "scope");
    out->code = wardkey_issue(player.engine, now->argument, WARDKEY_NTS, secret, length_of(secret), scope,
                              length_of(scope), &context, &out->document, &out->error);
}

static const char *scopes_of(const step *now) {
    return strcmp(now->argument, "*") == 0 ? WARDKEY_ANY_SCOPE : now->argument;
}

static void play_verify(const step *now, outcome *out) {
    wardkey_context context = context_of(now);
    const char *token = get(now, "token");
    out->code = wardkey_verify(player.engine, token, length_of(token), scopes_of(now), WARDKEY_NTS, &context,
                               &out->principal, sizeof out->principal, &out->error);
}

static void play_authorize(const step *now, outcome *out) {
    wardkey_context context = context_of(now);
    wardkey_header headers[HEADERS];
    size_t count = headers_of(now, headers);
    out->code = wardkey_authorize(player.engine, headers, count, scopes_of(now), WARDKEY_NTS, &context,
                                  &out->principal, sizeof out->principal, &out->http_status,
                                  &out->challenge, &out->error);
}

static void play_claims(const step *now, outcome *out) {
    wardkey_context context = context_of(now);
    const char *token = get(now, "token");
    out->code = wardkey_claims(player.engine, token, length_of(token), &context, &out->document, &out->error);
}

/* The request of `http` and `pending`; its target is split at the first question mark. */
static wardkey_http_request request_of(const step *now, const char *method, size_t method_len,
                                       const char *target, wardkey_header headers[HEADERS]) {
    wardkey_http_request request;
    size_t path_len = strcspn(target, "?");
    memset(&request, 0, sizeof request);
    request.struct_size = sizeof request;
    request.method = method;
    request.method_len = method_len;
    request.path = target;
    request.path_len = path_len;
    request.query = target[path_len] ? target + path_len + 1 : NULL;
    request.query_len = length_of(request.query);
    request.base_path = get(now, "base_path");
    request.base_path_len = length_of(request.base_path);
    request.body = get(now, "body");
    request.body_len = length_of(request.body);
    request.header_count = headers_of(now, headers);
    request.headers = headers;
    return request;
}

static void play_http(const step *now, outcome *out) {
    wardkey_context context = context_of(now);
    wardkey_header headers[HEADERS];
    size_t method_len = strcspn(now->argument, " ");
    wardkey_http_request request;
    if (!now->argument[method_len]) {
        fail("http needs a method and a target");
    }
    request = request_of(now, now->argument, method_len, now->argument + method_len + 1, headers);
    out->code = wardkey_http(player.engine, &request, &context, &out->response, sizeof out->response,
                             &out->error);
}

static void play_serves(const step *now, outcome *out) {
    const char *base_path = get(now, "base_path");
    out->code = wardkey_serves(player.engine, now->argument, WARDKEY_NTS, base_path, length_of(base_path),
                               &out->error);
}

static void play_pending(const step *now, outcome *out) {
    wardkey_context context = context_of(now);
    wardkey_header headers[HEADERS];
    wardkey_http_request request = request_of(now, "GET", 3, now->argument, headers);
    out->code = wardkey_pending(player.engine, &request, &context, &out->document, &out->response,
                                sizeof out->response, &out->error);
}

static void play_decide(const step *now, outcome *out) {
    wardkey_context context = context_of(now);
    wardkey_header headers[HEADERS];
    size_t count = headers_of(now, headers);
    const char *subject = get(now, "subject"), *scope = get(now, "scope");
    out->code = wardkey_decide(player.engine, now->argument, WARDKEY_NTS, subject, length_of(subject), scope,
                               length_of(scope), headers, count, &context, &out->response,
                               sizeof out->response, &out->error);
}

static void play_backup(const step *now, outcome *out) {
    wardkey_context context = context_of(now);
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", player.folder, now->argument);
    out->code = wardkey_backup(player.engine, &context, path, WARDKEY_NTS, NULL, NULL, NULL, &out->document,
                               &out->error);
}

static void play_check(const step *now, outcome *out) {
    wardkey_context context = context_of(now);
    out->code = wardkey_check(player.engine, &context, NULL, NULL, NULL, &out->document, &out->error);
}

static const struct verb {
    const char *name;
    void (*play)(const step *now, outcome *out);
} verbs[] = {
    {"open", play_open},           {"close", play_close},     {"maintain", play_maintain},
    {"call", play_call},           {"issue", play_issue},     {"verify", play_verify},
    {"authorize", play_authorize}, {"claims", play_claims},   {"http", play_http},
    {"serves", play_serves},       {"pending", play_pending}, {"decide", play_decide},
    {"backup", play_backup},       {"check", play_check},
};

/* --- the transcript ---------------------------------------------------------------------------------------- */

static void print_principal(const wardkey_principal *who) {
    printf("principal %s %s %s %s %s %lld %lld\n", who->kind == WARDKEY_KIND_USER ? "user" : "client",
           who->client_id, who->subject, who->token_id,
           who->token_format == WARDKEY_TOKEN_OPAQUE ? "opaque" : "jwt", (long long)who->issued_at,
           (long long)who->expires_at);
}

static void print_bytes(const char *name, const char *data, size_t length) {
    printf("%s ", name);
    fwrite(data, 1, length, stdout);
    fputc('\n', stdout);
}

static void print_outcome(const outcome *out, int authorizes) {
    const wardkey_http_response *response = &out->response;
    int32_t status = authorizes ? out->http_status : response->status;
    size_t i;
    printf("code %s %d\n", wardkey_status_name(out->code), (int)out->error.system_code);
    if (out->code != WARDKEY_OK) {
        printf("message %s\n", out->error.message);
    }
    if (status != 0) {
        printf("status %d\n", (int)status);
    }
    for (i = 0; i < response->header_count; i += 1) {
        printf("header %s: %s\n", response->headers[i].name, response->headers[i].value);
    }
    if (out->challenge.length > 0) {
        print_bytes("challenge", out->challenge.data, out->challenge.length);
    }
    if (response->body_len > 0) {
        print_bytes("body", response->body, response->body_len);
    }
    if (out->document.length > 0) {
        print_bytes("document", out->document.data, out->document.length);
    }
    if (out->principal.client_id_len > 0) {
        print_principal(&out->principal);
    }
}

/* --- what later steps need --------------------------------------------------------------------------------- */

static const char *header_of(const wardkey_http_response *response, const char *name) {
    size_t i;
    for (i = 0; i < response->header_count; i += 1) {
        if (strcmp(response->headers[i].name, name) == 0) {
            return response->headers[i].value;
        }
    }
    return "";
}

/* Saves what stands in text between `start` and the first of `ends`. */
static void save(const char *name, const char *text, const char *start, const char *ends) {
    const char *found = text ? strstr(text, start) : NULL;
    if (!found) {
        fail("nothing to save as %s: no %s", name, start);
    }
    if (player.saved_count == NAMES) {
        fail("too many names");
    }
    found += strlen(start);
    player.saved[player.saved_count].name = name;
    player.saved[player.saved_count].value = part(found, strcspn(found, ends));
    player.saved_count += 1;
}

static void save_line(const field *line, const outcome *out) {
    size_t length = strcspn(line->value, " ");
    const char *name = part(line->value, length);
    const char *key = line->value + length + (line->value[length] == ' ');
    char *start = new_text(strlen(key) + 20);
    if (strcmp(line->name, "save") == 0) {
        sprintf(start, "\"%s\":\"", key);
        save(name, out->document.data ? out->document.data : out->response.body, start, "\"");
    } else if (strcmp(line->name, "save-field") == 0) {
        sprintf(start, "name=\"%s\" value=\"", key);
        save(name, out->response.body, start, "\"");
    } else if (strcmp(line->name, "save-query") == 0) {
        sprintf(start, "%s=", key);
        save(name, header_of(&out->response, "Location"), start, "&");
    } else if (strcmp(line->name, "save-cookie") == 0) {
        save(name, header_of(&out->response, "Set-Cookie"), "", ";");
    }
}

/* --- playing ----------------------------------------------------------------------------------------------- */

static void expect(const char *name) {
    if (strcmp(name, wardkey_status_name(player.last_code)) != 0) {
        fail("%s instead of %s", wardkey_status_name(player.last_code), name);
    }
}

static void call(const step *now) {
    size_t i;
    outcome out;
    memset(&out, 0, sizeof out);
    for (i = 0; i < sizeof verbs / sizeof verbs[0]; i += 1) {
        if (strcmp(verbs[i].name, now->verb) == 0) {
            verbs[i].play(now, &out);
            print_outcome(&out, strcmp(now->verb, "authorize") == 0);
            for (i = 0; i < now->count; i += 1) {
                save_line(&now->fields[i], &out);
            }
            player.last_code = out.code;
            wardkey_buf_free(&out.document);
            wardkey_buf_free(&out.challenge);
            wardkey_http_response_free(&out.response);
            return;
        }
    }
    fail("no such verb: %s", now->verb);
}

static void play(step *now) {
    printf("== %s\n", now->line);
    now->argument = expand(now->argument);
    if (strcmp(now->verb, "clock") == 0) {
        player.now = (int64_t)strtoll(now->argument, NULL, 10);
    } else if (strcmp(now->verb, "expect") == 0) {
        expect(now->argument);
    } else {
        call(now);
    }
    memset(now, 0, sizeof *now);
}

static void read_line(step *now, const char *line) {
    size_t length;
    if (line[0] == '#') {
        return;
    }
    if (line[0] == '\0') {
        if (now->line) {
            play(now);
        }
    } else if (!now->line) {
        length = strcspn(line, " ");
        now->line = line;
        now->verb = part(line, length);
        now->argument = line + length + (line[length] == ' ');
    } else {
        length = strcspn(line, ":");
        if (!line[length] || now->count == FIELDS) {
            fail("no name and value, or one too many: %s", line);
        }
        now->fields[now->count].name = part(line, length);
        now->fields[now->count].value = line + length + 1 + (line[length + 1] == ' ');
        now->count += 1;
    }
}

static char *read_file(const char *path) {
    FILE *file = fopen(path, "rb");
    char *text;
    long size;
    if (!file || fseek(file, 0, SEEK_END) != 0) {
        fail("cannot read %s", path);
        return NULL;
    }
    size = ftell(file);
    rewind(file);
    text = new_text((size_t)size);
    if (size < 0 || fread(text, 1, (size_t)size, file) != (size_t)size) {
        fail("cannot read %s", path);
    }
    fclose(file);
    return text;
}

int main(int argc, char **argv) {
    step now;
    char *line;
    memset(&now, 0, sizeof now);
    if (argc != 3) {
        fprintf(stderr, "usage: %s SCENARIO FOLDER\n", argv[0]);
        return 2;
    }
#ifdef _WIN32
    _setmode(_fileno(stdout), _O_BINARY);
#endif
    player.folder = argv[2];
    line = read_file(argv[1]);
    while (line) {
        char *end = strchr(line, '\n');
        if (end) {
            *end = '\0';
        }
        player.line += 1;
        read_line(&now, line);
        line = end ? end + 1 : NULL;
    }
    if (now.line) {
        play(&now);
    }
    free_texts();
    return 0;
}
