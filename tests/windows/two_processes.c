/*
 * Two processes with one database: what one revokes, the other refuses at its very next verification; both write
 * at once, and nothing is lost; a killed one holds up nobody.
 *
 *     two_processes FOLDER
 *
 * It starts itself as the other process, which does what lines of its standard input say, and answers each with one
 * line.
 */
#include "wardkey.h"
#include "support.h"
#include <fcntl.h>
#include <io.h>
#include <process.h>

enum { TOKENS = 100, ROUNDS = 20, LINE_SIZE = TOKEN_SIZE + 16 };

static wardkey_engine *engine;
static wardkey_options options;
static client lab;
static FILE *ask_other, *other_says;
static HANDLE other;

static int be_the_other(void);
static void start_the_other(const char *folder);
static long ask(const char *what);
static int32_t reopen(uint32_t mode);

static int issue_many(void) {
    char token[TOKEN_SIZE];
    int i;
    for (i = 0; i < TOKENS; i += 1) {
        issue_token(engine, &lab, NULL, token, sizeof token);
    }
    return TOKENS;
}

static void what_one_revokes_the_other_refuses(void) {
    char token[TOKEN_SIZE], line[LINE_SIZE], document[TOKEN_SIZE + 32];
    int i;
    for (i = 0; i < ROUNDS; i += 1) {
        wardkey_buf answer;
        issue_token(engine, &lab, NULL, token, sizeof token);
        snprintf(line, sizeof line, "verify %s", token);
        /* Twice, so that the other has everything about it in memory. */
        EXPECT(WARDKEY_OK, (int32_t)ask(line));
        EXPECT(WARDKEY_OK, (int32_t)ask(line));
        snprintf(document, sizeof document, "{\"token\":\"%s\"}", token);
        answer = run_operation(engine, "token.revoke", document);
        wardkey_buf_free(&answer);
        EXPECT(WARDKEY_DENIED_TOKEN_REVOKED, (int32_t)ask(line));
    }
}

static int count(const char *text, const char *part) {
    int found = 0;
    while ((text = strstr(text, part)) != NULL) {
        found += 1;
        text += strlen(part);
    }
    return found;
}

static void both_write_and_nothing_is_lost(void) {
    char document[256];
    wardkey_buf answer;
    fprintf(ask_other, "issue %s %s\n", lab.id, lab.secret);
    fflush(ask_other);
    issue_many();
    CHECK(ask(NULL) == TOKENS);
    snprintf(document, sizeof document, "{\"client_id\":\"%s\",\"event\":\"token.issue\",\"limit\":1000}", lab.id);
    answer = run_operation(engine, "audit.read", document);
    CHECK(count(answer.data, "\"event\":\"token.issue\"") == ROUNDS + 2 * TOKENS);
    wardkey_buf_free(&answer);
    answer = run_operation(engine, "audit.verify", "{}");
    CHECK(strstr(answer.data, "\"valid\":true") != NULL);
    wardkey_buf_free(&answer);
}

/* A restore needs the database alone. */
static void who_has_it_open_keeps_a_restore_out_until_killed(void) {
    EXPECT(WARDKEY_OK, wardkey_close(engine, NULL));
    EXPECT(WARDKEY_STORAGE_BUSY, reopen(WARDKEY_MODE_RESTORE));
    CHECK(TerminateProcess(other, 9));
    CHECK(WaitForSingleObject(other, INFINITE) == WAIT_OBJECT_0);
    EXPECT(WARDKEY_OK, reopen(WARDKEY_MODE_RESTORE));
    EXPECT(WARDKEY_OK, wardkey_close(engine, NULL));
}

int main(int argc, char **argv) {
    char path[NAME_SIZE];
    wardkey_options create;
    if (argc != 2) {
        fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
        return 2;
    }
    if (strcmp(argv[1], "--other") == 0) {
        return be_the_other();
    }
    options = options_of(argv[1], path, sizeof path);
    create = creating(options, NULL);
    engine = open_or_exit(&create);
    lab = register_client(engine, "{\"client_name\":\"Lab\",\"scope\":\"lab:read\"}");
    start_the_other(argv[1]);
    what_one_revokes_the_other_refuses();
    both_write_and_nothing_is_lost();
    who_has_it_open_keeps_a_restore_out_until_killed();
    return verdict();
}

static int32_t reopen(uint32_t mode) {
    wardkey_options again = options;
    again.mode = mode;
    again.actor = "anna@clinic";
    again.actor_len = WARDKEY_NTS;
    again.busy_timeout_ms = 50;
    return wardkey_open(&again, &engine, NULL);
}

/* Sends a line, if there is one, and returns the number of the answer. */
static long ask(const char *what) {
    char line[64] = "";
    if (what) {
        fprintf(ask_other, "%s\n", what);
        fflush(ask_other);
    }
    if (!CHECK(fgets(line, sizeof line, other_says) != NULL)) {
        exit(1);
    }
    return strtol(line, NULL, 10);
}

/* The child inherits its standard input and output; ours are put back afterwards. */
static void start_the_other(const char *folder) {
    static wchar_t program[NAME_SIZE];
    int to[2], from[2], input = _dup(0), output = _dup(1);
    CHECK(_pipe(to, 65536, _O_BINARY | _O_NOINHERIT) == 0 && _pipe(from, 65536, _O_BINARY | _O_NOINHERIT) == 0);
    CHECK(_dup2(to[0], 0) == 0 && _dup2(from[1], 1) == 0);
    CHECK(GetModuleFileNameW(NULL, program, NAME_SIZE) > 0);
    other = (HANDLE)_wspawnl(_P_NOWAIT, program, L"two_processes", L"--other", (wchar_t *)NULL);
    CHECK(other != (HANDLE)-1);
    CHECK(_dup2(input, 0) == 0 && _dup2(output, 1) == 0);
    _close(to[0]);
    _close(from[1]);
    ask_other = _fdopen(to[1], "wb");
    other_says = _fdopen(from[0], "rb");
    CHECK(ask_other && other_says);
    fprintf(ask_other, "%s\n", folder);
    fflush(ask_other);
}

static int be_the_other(void) {
    static char line[LINE_SIZE], path[NAME_SIZE];
    if (!fgets(line, sizeof line, stdin)) {
        return 1;
    }
    line[strcspn(line, "\r\n")] = '\0';
    options = options_of(line, path, sizeof path);
    engine = open_or_exit(&options);
    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\r\n")] = '\0';
        if (strncmp(line, "verify ", 7) == 0) {
            printf("%d\n", (int)verify_token(engine, line + 7, "lab:read"));
        } else if (sscanf(line, "issue %127s %127s", lab.id, lab.secret) == 2) {
            printf("%d\n", issue_many());
        }
        fflush(stdout);
    }
    return 0;
}
