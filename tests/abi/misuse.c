/*
 * Wrong calls on an open engine: each gets its own code and a message, changes nothing, and writes
 * no more than zeros to what it was to fill. How opening is misused: misuse_open.c.
 */
#include "wardkey.h"
#include "support.h"
#include <stddef.h>

/* What a call may fill. REFUSES fills them with rubbish before the call and looks at them after it.
 */
static wardkey_buf out;
static wardkey_principal who;
static wardkey_http_response response;
static wardkey_error error;
static int32_t http_status;

enum { OUT = 1, WHO = 2, RESPONSE = 4, NO_ERROR = 8, RUBBISH = 0xAB };

/*
 * A call that must return `expected`. `written` names what it was given to fill: that must be zero
 * afterwards, and everything else untouched.
 */
#define REFUSES(expected, written, call) \
    do { \
        fill_with_rubbish(); \
        check_refusal((expected), (written), (call), #call, __LINE__); \
    } while (0)

static wardkey_engine *engine;
static wardkey_context context;
static wardkey_header header;
static wardkey_http_request request;
static client lab, near;
static char token[TOKEN_SIZE];

static void library_functions(void);
static void verify_with_wrong_arguments(void);
static void scopes_that_nobody_can_require(void);
static void tokens_that_are_none(void);
static void authorize_with_wrong_arguments(void);
static void claims_with_wrong_arguments(void);
static void issue_with_wrong_arguments(void);
static void serves_with_wrong_arguments(void);
static void http_with_wrong_arguments(void);
static void headers_that_are_no_text(void);
static void call_with_wrong_arguments(void);
static void documents_that_are_none(void);
static void contexts_that_are_none(void);
static void struct_sizes(void);
static void out_sizes(void);
static void without_an_error(void);
static void handles_that_are_none(void);
static void handles_that_were_closed(void);

int main(int argc, char **argv) {
    char path[512];
    wardkey_options options;
    if (argc != 2) {
        fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
        return 2;
    }
    options = options_of(argv[1], path, sizeof path);
    options = creating(options, NULL);
    engine = open_or_exit(&options);
    lab = register_client(engine, "{\"client_name\":\"Lab\",\"scope\":\"lab:read lab:write\"}");
    near = register_client(engine, "{\"client_name\":\"Near\",\"scope\":\"lab:read\","
                                   "\"allowed_networks\":[\"192.0.2.0/24\"]}");
    issue_token(engine, &lab, NULL, token, sizeof token);
    context = context_of("anna@clinic", "192.0.2.7");
    header.name = "Accept";
    header.value = "*/*";
    header.name_len = header.value_len = WARDKEY_NTS;
    request.struct_size = sizeof request;
    request.method = "GET";
    request.path = "/oauth/jwks";
    request.method_len = request.path_len = WARDKEY_NTS;

    library_functions();
    verify_with_wrong_arguments();
    scopes_that_nobody_can_require();
    tokens_that_are_none();
    authorize_with_wrong_arguments();
    claims_with_wrong_arguments();
    issue_with_wrong_arguments();
    serves_with_wrong_arguments();
    http_with_wrong_arguments();
    headers_that_are_no_text();
    call_with_wrong_arguments();
    documents_that_are_none();
    contexts_that_are_none();
    struct_sizes();
    out_sizes();
    without_an_error();
    handles_that_are_none();
    /* After all that the engine works as if nothing had been. */
    EXPECT(WARDKEY_OK, verify_token(engine, token, "lab:read lab:write"));
    handles_that_were_closed();
    return verdict();
}

static void fill_with_rubbish(void) {
    memset(&out, RUBBISH, sizeof out);
    memset(&who, RUBBISH, sizeof who);
    memset(&response, RUBBISH, sizeof response);
    memset(&error, RUBBISH, sizeof error);
    http_status = -1;
}

static int is_all(const void *bytes, int value, size_t size) {
    const unsigned char *byte = bytes;
    size_t i;
    for (i = 0; i < size && byte[i] == value; i += 1) {
    }
    return i == size;
}

static void check_refusal(int32_t expected, int written, int32_t code, const char *text, int line) {
    check_code(expected, code, text, __FILE__, line);
    check_that(is_all(&out, written & OUT ? 0 : RUBBISH, sizeof out), text, "the buffer", line);
    check_that(is_all(&who, written & WHO ? 0 : RUBBISH, sizeof who), text, "the principal", line);
    check_that(is_all(&response, written & RESPONSE ? 0 : RUBBISH, sizeof response), text,
               "the response", line);
    if (written & NO_ERROR) {
        check_that(is_all(&error, RUBBISH, sizeof error), text, "the error", line);
    } else {
        check_that(error.code == code, text, "the error's code", line);
        check_that(error.message[0] != '\0'
                       && memchr(error.message, 0, sizeof error.message) != NULL,
                   text, "the error's message", line);
    }
}

static int32_t verify(const char *text, size_t length, const char *scopes, size_t scopes_len) {
    return wardkey_verify(engine, text, length, scopes, scopes_len, &context, &who, sizeof who,
                          &error);
}

static int32_t authorize(const wardkey_header *headers, size_t count, const char *scopes,
                         size_t length) {
    return wardkey_authorize(engine, headers, count, scopes, length, &context, &who, sizeof who,
                             &http_status, &out, &error);
}

static int32_t claims(const char *text, size_t length) {
    return wardkey_claims(engine, text, length, &context, &out, &error);
}

static int32_t issue(const char *id, size_t id_len, const char *secret, size_t secret_len,
                     const char *scope, size_t scope_len) {
    return wardkey_issue(engine, id, id_len, secret, secret_len, scope, scope_len, &context, &out,
                         &error);
}

static int32_t http(const wardkey_http_request *sent) {
    return wardkey_http(engine, sent, &context, &response, sizeof response, &error);
}

static int32_t call(const char *operation, size_t length, const char *json, size_t json_len) {
    return wardkey_call(engine, &context, operation, length, json, json_len, &out, &error);
}

static void library_functions(void) {
    wardkey_buf nothing = {0};
    wardkey_http_response no_response;
    int32_t code;
    memset(&no_response, 0, sizeof no_response);
    EXPECT(WARDKEY_ABI_VERSION, (int32_t)wardkey_abi_version());
    EXPECT(WARDKEY_OK, wardkey_abi_check(WARDKEY_ABI_VERSION));
    EXPECT(WARDKEY_MISUSE_ABI, wardkey_abi_check(0));
    EXPECT(WARDKEY_MISUSE_ABI, wardkey_abi_check(WARDKEY_ABI_VERSION + 1));
    EXPECT(WARDKEY_MISUSE_ABI, wardkey_abi_check(UINT32_MAX));
    CHECK(wardkey_version()[0] != '\0');
    CHECK(strcmp(wardkey_status_name(WARDKEY_OK), "WARDKEY_OK") == 0);
    CHECK(strcmp(wardkey_status_name(WARDKEY_DENIED_TOKEN_EXPIRED), "WARDKEY_DENIED_TOKEN_EXPIRED")
          == 0);
    for (code = -2; code < 1000; code += 1) {
        CHECK(wardkey_status_name(code) != NULL && wardkey_status_message(code)[0] != '\0');
    }
    CHECK(strcmp(wardkey_status_name(INT32_MIN), "WARDKEY_UNKNOWN") == 0);
    CHECK(strcmp(wardkey_status_name(INT32_MAX), "WARDKEY_UNKNOWN") == 0);
    wardkey_buf_free(NULL);
    wardkey_buf_free(&nothing);
    wardkey_buf_free(&nothing);
    wardkey_http_response_free(NULL);
    wardkey_http_response_free(&no_response);
    wardkey_http_response_free(&no_response);
}

static const size_t too_long[] = {SIZE_MAX, SIZE_MAX - 1, SIZE_MAX / 2 + 1, (size_t)INT32_MAX + 1};
enum { TOO_LONG = sizeof too_long / sizeof *too_long };

/* WARDKEY_NTS is not among them, though it is SIZE_MAX where a pointer has 32 bits. */
static int is_too_long(int i) {
    return too_long[i] != WARDKEY_NTS;
}

static void verify_with_wrong_arguments(void) {
    int i;
    REFUSES(WARDKEY_MISUSE_NULL, WHO,
            wardkey_verify(NULL, token, WARDKEY_NTS, "lab:read", WARDKEY_NTS, &context, &who,
                           sizeof who, &error));
    REFUSES(WARDKEY_MISUSE_NULL, WHO, verify(NULL, 0, "lab:read", WARDKEY_NTS));
    REFUSES(WARDKEY_MISUSE_NULL, WHO, verify(NULL, WARDKEY_NTS, "lab:read", WARDKEY_NTS));
    REFUSES(WARDKEY_MISUSE_NULL, WHO, verify(NULL, 5, "lab:read", WARDKEY_NTS));
    REFUSES(WARDKEY_MISUSE_NULL, WHO, verify(token, WARDKEY_NTS, NULL, 0));
    REFUSES(WARDKEY_MISUSE_NULL, WHO, verify(token, WARDKEY_NTS, NULL, WARDKEY_NTS));
    REFUSES(WARDKEY_MISUSE_NULL, WHO,
            wardkey_verify(engine, token, WARDKEY_NTS, "lab:read", WARDKEY_NTS, NULL, &who,
                           sizeof who, &error));
    for (i = 0; i < TOO_LONG; i += 1) {
        if (is_too_long(i)) {
            REFUSES(WARDKEY_MISUSE_LENGTH, WHO,
                    verify(token, too_long[i], "lab:read", WARDKEY_NTS));
            REFUSES(WARDKEY_MISUSE_LENGTH, WHO,
                    verify(token, WARDKEY_NTS, "lab:read", too_long[i]));
        }
    }
}

static void scopes_that_nobody_can_require(void) {
    static const char *const wrong[] = {"",
                                        " ",
                                        "lab:read ",
                                        " lab:read",
                                        "lab:read  lab:write",
                                        "lab:read\tlab:write",
                                        "lab\"read",
                                        "lab\\read"};
    size_t i;
    for (i = 0; i < sizeof wrong / sizeof *wrong; i += 1) {
        REFUSES(WARDKEY_MISUSE_ARGUMENT, WHO, verify(token, WARDKEY_NTS, wrong[i], WARDKEY_NTS));
        REFUSES(WARDKEY_MISUSE_ARGUMENT, OUT | WHO, authorize(NULL, 0, wrong[i], strlen(wrong[i])));
    }
    /* A NUL within a given length is a character like any other, and not the end. */
    REFUSES(WARDKEY_MISUSE_ARGUMENT, WHO, verify(token, WARDKEY_NTS, "lab:read\0billing:read", 21));
    REFUSES(WARDKEY_MISUSE_ARGUMENT, WHO, verify(token, WARDKEY_NTS, "lab:read\0", 9));
    REFUSES(WARDKEY_MISUSE_UTF8, WHO, verify(token, WARDKEY_NTS, "lab:\xff", WARDKEY_NTS));
    REFUSES(WARDKEY_MISUSE_UTF8, WHO, verify(token, WARDKEY_NTS, "\xc0\x80", 2));
    REFUSES(WARDKEY_DENIED_INSUFFICIENT_SCOPE, WHO, verify(token, WARDKEY_NTS, "*", WARDKEY_NTS));
}

static void tokens_that_are_none(void) {
    static char longest[TOKEN_SIZE + 1];
    char edited[TOKEN_SIZE];
    size_t length = strlen(token);
    REFUSES(WARDKEY_DENIED_TOKEN_MALFORMED, WHO, verify("", 0, "lab:read", WARDKEY_NTS));
    REFUSES(WARDKEY_DENIED_TOKEN_MALFORMED, WHO, verify("..", 2, "lab:read", WARDKEY_NTS));
    REFUSES(WARDKEY_DENIED_TOKEN_MALFORMED, WHO, verify("\xff\xfe", 2, "lab:read", WARDKEY_NTS));
    REFUSES(WARDKEY_DENIED_TOKEN_MALFORMED, WHO,
            verify(token, length + 1, "lab:read", WARDKEY_NTS));
    REFUSES(WARDKEY_DENIED_TOKEN_MALFORMED, WHO, verify("\0", 1, "lab:read", WARDKEY_NTS));
    memset(longest, 'A', sizeof longest);
    REFUSES(WARDKEY_DENIED_TOKEN_TOO_LONG, WHO,
            verify(longest, sizeof longest, "lab:read", WARDKEY_NTS));
    memcpy(edited, token, length);
    edited[length - 10] = edited[length - 10] == 'A' ? 'B' : 'A';
    REFUSES(WARDKEY_DENIED_BAD_SIGNATURE, WHO, verify(edited, length, "lab:read", WARDKEY_NTS));
    REFUSES(WARDKEY_DENIED_BAD_SIGNATURE, OUT, claims(edited, length));
}

static void authorize_with_wrong_arguments(void) {
    wardkey_header wrong = header;
    REFUSES(WARDKEY_MISUSE_NULL, OUT | WHO,
            wardkey_authorize(NULL, &header, 1, "lab:read", WARDKEY_NTS, &context, &who, sizeof who,
                              &http_status, &out, &error));
    CHECK(http_status == 500);
    REFUSES(WARDKEY_MISUSE_NULL, OUT | WHO, authorize(NULL, 1, "lab:read", WARDKEY_NTS));
    CHECK(http_status == 500);
    REFUSES(WARDKEY_MISUSE_NULL, OUT | WHO, authorize(&header, 1, NULL, 0));
    REFUSES(WARDKEY_MISUSE_NULL, OUT | WHO,
            wardkey_authorize(engine, &header, 1, "lab:read", WARDKEY_NTS, NULL, &who, sizeof who,
                              &http_status, &out, &error));
    REFUSES(WARDKEY_MISUSE_LENGTH, OUT | WHO,
            authorize(&header, SIZE_MAX, "lab:read", WARDKEY_NTS));
    REFUSES(WARDKEY_MISUSE_LENGTH, OUT | WHO, authorize(&header, 65536, "lab:read", WARDKEY_NTS));
    wrong.name = NULL;
    REFUSES(WARDKEY_MISUSE_NULL, OUT | WHO, authorize(&wrong, 1, "lab:read", WARDKEY_NTS));
    wrong = header;
    wrong.value = NULL;
    wrong.value_len = 3;
    REFUSES(WARDKEY_MISUSE_NULL, OUT | WHO, authorize(&wrong, 1, "lab:read", WARDKEY_NTS));
    wrong = header;
    wrong.value_len = SIZE_MAX - 1;
    REFUSES(WARDKEY_MISUSE_LENGTH, OUT | WHO, authorize(&wrong, 1, "lab:read", WARDKEY_NTS));
    CHECK(http_status == 500);
    /* Nobody has to take the status or the challenge. */
    REFUSES(WARDKEY_DENIED_TOKEN_MISSING, WHO,
            wardkey_authorize(engine, &header, 1, "lab:read", WARDKEY_NTS, &context, &who,
                              sizeof who, NULL, NULL, &error));
}

static void claims_with_wrong_arguments(void) {
    REFUSES(WARDKEY_MISUSE_NULL, OUT,
            wardkey_claims(NULL, token, WARDKEY_NTS, &context, &out, &error));
    REFUSES(WARDKEY_MISUSE_NULL, OUT, claims(NULL, 0));
    REFUSES(WARDKEY_MISUSE_NULL, OUT, claims(NULL, WARDKEY_NTS));
    REFUSES(WARDKEY_MISUSE_NULL, OUT,
            wardkey_claims(engine, token, WARDKEY_NTS, NULL, &out, &error));
    REFUSES(WARDKEY_MISUSE_NULL, 0,
            wardkey_claims(engine, token, WARDKEY_NTS, &context, NULL, &error));
    REFUSES(WARDKEY_MISUSE_LENGTH, OUT, claims(token, SIZE_MAX - 1));
    REFUSES(WARDKEY_DENIED_TOKEN_MALFORMED, OUT, claims("\xff", 1));
}

static void issue_with_wrong_arguments(void) {
    const size_t nts = WARDKEY_NTS;
    char longest[2000];
    int i;
    REFUSES(WARDKEY_MISUSE_NULL, OUT,
            wardkey_issue(NULL, lab.id, nts, lab.secret, nts, NULL, 0, &context, &out, &error));
    REFUSES(WARDKEY_MISUSE_NULL, OUT, issue(NULL, nts, lab.secret, nts, NULL, 0));
    REFUSES(WARDKEY_MISUSE_NULL, OUT, issue(lab.id, nts, NULL, 0, NULL, 0));
    REFUSES(WARDKEY_MISUSE_NULL, OUT, issue(lab.id, nts, lab.secret, nts, NULL, 8));
    REFUSES(WARDKEY_MISUSE_NULL, OUT,
            wardkey_issue(engine, lab.id, nts, lab.secret, nts, NULL, 0, NULL, &out, &error));
    REFUSES(WARDKEY_MISUSE_NULL, 0,
            wardkey_issue(engine, lab.id, nts, lab.secret, nts, NULL, 0, &context, NULL, &error));
    for (i = 0; i < TOO_LONG; i += 1) {
        if (is_too_long(i)) {
            REFUSES(WARDKEY_MISUSE_LENGTH, OUT,
                    issue(lab.id, too_long[i], lab.secret, nts, NULL, 0));
            REFUSES(WARDKEY_MISUSE_LENGTH, OUT,
                    issue(lab.id, nts, lab.secret, too_long[i], NULL, 0));
            REFUSES(WARDKEY_MISUSE_LENGTH, OUT,
                    issue(lab.id, nts, lab.secret, nts, "a", too_long[i]));
        }
    }
    REFUSES(WARDKEY_MISUSE_UTF8, OUT, issue("\xff", nts, lab.secret, nts, NULL, 0));
    REFUSES(WARDKEY_MISUSE_UTF8, OUT, issue(lab.id, nts, "\xff", nts, NULL, 0));
    REFUSES(WARDKEY_MISUSE_UTF8, OUT, issue(lab.id, nts, lab.secret, nts, "\xed\xa0\x80", nts));
    /* The NUL behind the text counts when the length says so. */
    REFUSES(WARDKEY_DENIED_CREDENTIAL_MALFORMED, OUT,
            issue(lab.id, strlen(lab.id) + 1, lab.secret, nts, NULL, 0));
    REFUSES(WARDKEY_DENIED_CREDENTIAL_MALFORMED, OUT,
            issue(lab.id, nts, lab.secret, strlen(lab.secret) + 1, NULL, 0));
    memset(longest, 'a', sizeof longest);
    REFUSES(WARDKEY_DENIED_CREDENTIAL_MALFORMED, OUT,
            issue(longest, sizeof longest, lab.secret, nts, NULL, 0));
    REFUSES(WARDKEY_DENIED_CREDENTIAL_MALFORMED, OUT,
            issue(lab.id, nts, longest, sizeof longest, NULL, 0));
    REFUSES(WARDKEY_DENIED_CLIENT_UNKNOWN, OUT, issue("nobody", nts, lab.secret, nts, NULL, 0));
    REFUSES(WARDKEY_DENIED_SECRET_WRONG, OUT, issue(lab.id, nts, "wrong", nts, NULL, 0));
    REFUSES(WARDKEY_DENIED_SCOPE_MALFORMED, OUT, issue(lab.id, nts, lab.secret, nts, "a  b", nts));
    REFUSES(WARDKEY_DENIED_SCOPE_MALFORMED, OUT,
            issue(lab.id, nts, lab.secret, nts, "lab:read\0", 9));
    REFUSES(WARDKEY_DENIED_SCOPE_NOT_ALLOWED, OUT,
            issue(lab.id, nts, lab.secret, nts, "billing:read", nts));
}

static void serves_with_wrong_arguments(void) {
    const size_t nts = WARDKEY_NTS;
    EXPECT(WARDKEY_OK, wardkey_serves(engine, "/oauth/token?", 12, NULL, 0, &error));
    EXPECT(WARDKEY_OK, wardkey_serves(engine, "/a/oauth/token", nts, "/a", nts, NULL));
    REFUSES(WARDKEY_NOT_FOUND, 0, wardkey_serves(engine, "/oauth/token", nts, "/a", nts, &error));
    REFUSES(WARDKEY_NOT_FOUND, 0, wardkey_serves(engine, "/\xff", nts, NULL, 0, &error));
    REFUSES(WARDKEY_MISUSE_NULL, 0, wardkey_serves(NULL, "/", nts, NULL, 0, &error));
    REFUSES(WARDKEY_MISUSE_NULL, 0, wardkey_serves(engine, NULL, 0, NULL, 0, &error));
    REFUSES(WARDKEY_MISUSE_UTF8, 0, wardkey_serves(engine, "/", nts, "\xff", nts, &error));
}

static void http_with_wrong_arguments(void) {
    wardkey_http_request wrong = request;
    wardkey_header wrong_header = header;
    REFUSES(WARDKEY_MISUSE_NULL, RESPONSE,
            wardkey_http(NULL, &request, &context, &response, sizeof response, &error));
    REFUSES(WARDKEY_MISUSE_NULL, RESPONSE, http(NULL));
    REFUSES(WARDKEY_MISUSE_NULL, RESPONSE,
            wardkey_http(engine, &request, NULL, &response, sizeof response, &error));
    REFUSES(WARDKEY_MISUSE_NULL, 0,
            wardkey_http(engine, &request, &context, NULL, sizeof response, &error));
    wrong.method = NULL;
    REFUSES(WARDKEY_MISUSE_NULL, RESPONSE, http(&wrong));
    wrong = request;
    wrong.path = NULL;
    REFUSES(WARDKEY_MISUSE_NULL, RESPONSE, http(&wrong));
    wrong = request;
    wrong.header_count = 1;
    REFUSES(WARDKEY_MISUSE_NULL, RESPONSE, http(&wrong));
    wrong.headers = &header;
    wrong.header_count = 65536;
    REFUSES(WARDKEY_MISUSE_LENGTH, RESPONSE, http(&wrong));
    wrong.header_count = 1;
    wrong.headers = &wrong_header;
    wrong_header.name = NULL;
    REFUSES(WARDKEY_MISUSE_NULL, RESPONSE, http(&wrong));
    wrong = request;
    wrong.body_len = 10;
    REFUSES(WARDKEY_MISUSE_NULL, RESPONSE, http(&wrong));
    wrong.body = "x";
    wrong.body_len = SIZE_MAX - 1;
    REFUSES(WARDKEY_MISUSE_LENGTH, RESPONSE, http(&wrong));
    wrong = request;
    wrong.path_len = (size_t)INT32_MAX + 1;
    REFUSES(WARDKEY_MISUSE_LENGTH, RESPONSE, http(&wrong));
    wrong = request;
    wrong.base_path = "/\xff";
    wrong.base_path_len = 2;
    REFUSES(WARDKEY_MISUSE_UTF8, RESPONSE, http(&wrong));
}

/* What comes from the wire is answered there, whatever bytes it has. */
static void answers(int32_t status, const wardkey_http_request *sent) {
    memset(&response, RUBBISH, sizeof response);
    EXPECT(WARDKEY_OK, http(sent));
    EXPECT(status, response.status);
    CHECK(error.code == WARDKEY_OK);
    wardkey_http_response_free(&response);
    CHECK(is_all(&response, 0, sizeof response));
}

/* One byte in a remote caller's header must not look like the host's mistake. */
static void headers_that_are_no_text(void) {
    const size_t nts = WARDKEY_NTS;
    wardkey_header odd[2];
    wardkey_http_request sent = request;
    wardkey_context proxied = context;
    odd[0].name = "X-\xff";
    odd[0].value = "\xff";
    odd[0].name_len = odd[0].value_len = WARDKEY_NTS;
    odd[1] = header;
    sent.headers = odd;
    sent.header_count = 2;
    answers(200, &sent);
    REFUSES(WARDKEY_DENIED_TOKEN_MISSING, WHO,
            wardkey_authorize(engine, odd, 2, "lab:read", nts, &context, &who, sizeof who, NULL,
                              NULL, &error));
    /* The peer is unknown then: who needs to be somewhere is refused, nobody else is. */
    proxied.forwarded = "203.0.113.9, \xff";
    proxied.forwarded_len = WARDKEY_NTS;
    EXPECT(WARDKEY_OK, wardkey_verify(engine, token, nts, "lab:read", nts, &proxied, NULL, 0, NULL));
    REFUSES(WARDKEY_DENIED_PEER_UNKNOWN, OUT,
            wardkey_issue(engine, near.id, nts, near.secret, nts, NULL, 0, &proxied, &out, &error));
    EXPECT(WARDKEY_OK, wardkey_issue(engine, near.id, nts, near.secret, nts, NULL, 0, &context, &out,
                                     NULL));
    /* A host that cuts a text short changes the length: freeing does not believe it. */
    out.length = 1;
    wardkey_buf_free(&out);
    EXPECT(WARDKEY_OK, call("settings.get", nts, NULL, 0));
    out.length = SIZE_MAX;
    wardkey_buf_free(&out);
    CHECK(is_all(&out, 0, sizeof out));
}

static void call_with_wrong_arguments(void) {
    const size_t nts = WARDKEY_NTS;
    wardkey_context nobody = context_of(NULL, "127.0.0.1");
    wardkey_http_request odd = request;
    int i;
    REFUSES(WARDKEY_MISUSE_NULL, OUT,
            wardkey_call(NULL, &context, "settings.get", nts, NULL, 0, &out, &error));
    REFUSES(WARDKEY_MISUSE_NULL, OUT,
            wardkey_call(engine, NULL, "settings.get", nts, NULL, 0, &out, &error));
    REFUSES(WARDKEY_MISUSE_NULL, 0,
            wardkey_call(engine, &context, "settings.get", nts, NULL, 0, NULL, &error));
    REFUSES(WARDKEY_MISUSE_NULL, OUT, call(NULL, 0, NULL, 0));
    REFUSES(WARDKEY_MISUSE_NULL, OUT, call("settings.get", nts, NULL, 2));
    for (i = 0; i < TOO_LONG; i += 1) {
        if (is_too_long(i)) {
            REFUSES(WARDKEY_MISUSE_LENGTH, OUT, call("settings.get", too_long[i], NULL, 0));
            REFUSES(WARDKEY_MISUSE_LENGTH, OUT, call("settings.get", nts, "{}", too_long[i]));
        }
    }
    REFUSES(WARDKEY_MISUSE_OPERATION, OUT, call("", 0, NULL, 0));
    REFUSES(WARDKEY_MISUSE_OPERATION, OUT, call("settings.steal", nts, NULL, 0));
    REFUSES(WARDKEY_MISUSE_OPERATION, OUT, call("settings.get\0", 13, NULL, 0));
    /* What the library's own tests can do, a product cannot. */
    REFUSES(WARDKEY_MISUSE_OPERATION, OUT, call("test.panic", nts, NULL, 0));
    REFUSES(WARDKEY_MISUSE_UTF8, OUT, call("settings.\xff", nts, NULL, 0));
    REFUSES(WARDKEY_MISUSE_ACTOR, OUT,
            wardkey_call(engine, &nobody, "settings.get", nts, NULL, 0, &out, &error));
    REFUSES(WARDKEY_NOT_FOUND, OUT, call("client.read", nts, "{\"client_id\":\"nobody\"}", nts));
    odd.path = "/\xff\0/..";
    odd.path_len = 6;
    answers(404, &odd);
    odd = request;
    odd.method = "\xff";
    answers(405, &odd);
    odd = request;
    odd.query = "\xff%%%=&&&";
    odd.query_len = nts;
    answers(200, &odd);
}

static void documents_that_are_none(void) {
    static const char *const wrong[][2] = {
        {"settings.get", "{"},
        {"settings.get", "[]"},
        {"settings.get", "null"},
        {"settings.get", "{} {}"},
        {"settings.get", "{\"unknown\":1}"},
        {"settings.set", "{\"issuer\":\"https://a.example\",\"issuer\":\"https://b.example\"}"},
        {"settings.set", "{\"issuer\":7}"},
        {"settings.set", "{\"access_token_lifetime\":1}"},
        {"settings.set", "{\"access_token_lifetime\":99999999999999999999}"},
        {"client.create", "{\"client_name\":\"Lab\",\"scope\":\"no:such\"}"},
        {"client.create",
         "{\"client_name\":\"Lab\",\"scope\":\"lab:read\",\"allowed_networks\":[\"x\"]}"},
        {"client.read", "{}"},
    };
    char deep[4096];
    size_t i;
    for (i = 0; i < sizeof wrong / sizeof *wrong; i += 1) {
        REFUSES(WARDKEY_MISUSE_DOCUMENT, OUT,
                call(wrong[i][0], WARDKEY_NTS, wrong[i][1], WARDKEY_NTS));
    }
    REFUSES(
        WARDKEY_MISUSE_DOCUMENT, OUT,
        call(
            "client.create", WARDKEY_NTS,
            "{\"client_name\":\"Lab\",\"scope\":\"lab:read\",\"allowed_networks\":[\"::1\",\"x\"]}",
            WARDKEY_NTS));
    CHECK(strstr(error.message, "allowed_networks[1]") != NULL);
    memset(deep, '[', sizeof deep);
    REFUSES(WARDKEY_MISUSE_DOCUMENT, OUT, call("settings.get", WARDKEY_NTS, deep, sizeof deep));
    REFUSES(WARDKEY_MISUSE_DOCUMENT, OUT, call("settings.get", WARDKEY_NTS, "{}\0", 3));
    REFUSES(WARDKEY_MISUSE_UTF8, OUT,
            call("settings.get", WARDKEY_NTS, "{\"\xff\":1}", WARDKEY_NTS));
    EXPECT(WARDKEY_OK, call("settings.get", WARDKEY_NTS, NULL, 0));
    wardkey_buf_free(&out);
    EXPECT(WARDKEY_OK, call("settings.get", WARDKEY_NTS, "", WARDKEY_NTS));
    CHECK(strstr(out.data, "\"access_token_lifetime\":3600") != NULL);
    wardkey_buf_free(&out);
}

static int32_t verify_within(const wardkey_context *wrong) {
    return wardkey_verify(engine, token, WARDKEY_NTS, "lab:read", WARDKEY_NTS, wrong, &who,
                          sizeof who, &error);
}

static void contexts_that_are_none(void) {
    wardkey_context wrong = context;
    char longest[300];
    wrong.peer = "192.0.2.7:80";
    REFUSES(WARDKEY_MISUSE_ARGUMENT, WHO, verify_within(&wrong));
    CHECK(strstr(error.message, "peer") != NULL);
    wrong.peer = "localhost";
    REFUSES(WARDKEY_MISUSE_ARGUMENT, WHO, verify_within(&wrong));
    wrong.peer = "192.0.2.7";
    wrong.peer_len = 10;
    REFUSES(WARDKEY_MISUSE_ARGUMENT, WHO, verify_within(&wrong));
    wrong.peer_len = SIZE_MAX - 1;
    REFUSES(WARDKEY_MISUSE_LENGTH, WHO, verify_within(&wrong));
    wrong.peer = "\xff";
    wrong.peer_len = 1;
    REFUSES(WARDKEY_MISUSE_UTF8, WHO, verify_within(&wrong));
    wrong.peer = NULL;
    wrong.peer_len = 3;
    REFUSES(WARDKEY_MISUSE_NULL, WHO, verify_within(&wrong));
    wrong = context;
    wrong.secure = 2;
    REFUSES(WARDKEY_MISUSE_ARGUMENT, WHO, verify_within(&wrong));
    wrong = context;
    wrong.actor = "\xff";
    REFUSES(WARDKEY_MISUSE_UTF8, OUT,
            wardkey_call(engine, &wrong, "settings.get", WARDKEY_NTS, NULL, 0, &out, &error));
    wrong.actor = "anna\nroot";
    REFUSES(WARDKEY_MISUSE_ARGUMENT, OUT,
            wardkey_call(engine, &wrong, "settings.get", WARDKEY_NTS, NULL, 0, &out, &error));
    wrong = context;
    memset(longest, 'a', sizeof longest);
    wrong.correlation_id = longest;
    wrong.correlation_id_len = 256;
    REFUSES(WARDKEY_MISUSE_ARGUMENT, OUT,
            wardkey_call(engine, &wrong, "settings.get", WARDKEY_NTS, NULL, 0, &out, &error));
}

/* A struct as a later release would have it. */
typedef struct later_context {
    wardkey_context known;
    unsigned char tail[64];
} later_context;

typedef struct later_request {
    wardkey_http_request known;
    unsigned char tail[64];
} later_request;

static void struct_sizes(void) {
    static const uint32_t wrong[] = {0,         1, 3, 4, 5, sizeof context - 1, sizeof context + 1,
                                     UINT32_MAX};
    later_context later;
    later_request later_sent;
    size_t i;
    memset(&later, 0, sizeof later);
    memset(&later_sent, 0, sizeof later_sent);
    later_sent.known = request;
    for (i = 0; i < sizeof wrong / sizeof *wrong; i += 1) {
        /* Behind the struct there is something. */
        memset(&later, RUBBISH, sizeof later);
        later.known = context;
        later.known.struct_size = wrong[i];
        REFUSES(WARDKEY_MISUSE_SIZE, WHO, verify_within(&later.known));
    }
    memset(later.tail, 0, sizeof later.tail);
    later.known.struct_size = sizeof later;
    EXPECT(WARDKEY_OK, verify_within(&later.known));
    later.tail[sizeof later.tail - 1] = 1;
    REFUSES(WARDKEY_MISUSE_SIZE, WHO, verify_within(&later.known));
    later_sent.known.struct_size = sizeof later_sent;
    answers(200, &later_sent.known);
    later_sent.tail[0] = 1;
    REFUSES(WARDKEY_MISUSE_SIZE, RESPONSE, http(&later_sent.known));
    later_sent.known.struct_size = 0;
    REFUSES(WARDKEY_MISUSE_SIZE, RESPONSE, http(&later_sent.known));
    later_sent.known.struct_size = sizeof request - 8;
    REFUSES(WARDKEY_MISUSE_SIZE, RESPONSE, http(&later_sent.known));
}

/* The library writes as much as there is room for, and never more: an old caller has less. */
static void out_sizes(void) {
    enum { OLD = offsetof(wardkey_principal, subject) };
    unsigned char room[sizeof who + 64];
    wardkey_principal *start = (wardkey_principal *)(void *)room;
    struct {
        wardkey_http_response known;
        unsigned char room[64];
    } later_response;
    memset(room, RUBBISH, sizeof room);
    EXPECT(WARDKEY_OK, wardkey_verify(engine, token, WARDKEY_NTS, "lab:read", WARDKEY_NTS, &context,
                                      start, sizeof room, &error));
    CHECK(is_all(room + sizeof who, RUBBISH, 64));
    memset(room, RUBBISH, sizeof room);
    EXPECT(WARDKEY_OK, wardkey_verify(engine, token, WARDKEY_NTS, "lab:read", WARDKEY_NTS, &context,
                                      start, OLD, &error));
    CHECK(strcmp(start->client_id, lab.id) == 0);
    CHECK(is_all(room + OLD, RUBBISH, sizeof room - OLD));
    EXPECT(WARDKEY_DENIED_INSUFFICIENT_SCOPE,
           wardkey_verify(engine, token, WARDKEY_NTS, "billing:read", WARDKEY_NTS, &context, start,
                          OLD, &error));
    CHECK(is_all(room, 0, OLD) && is_all(room + OLD, RUBBISH, sizeof room - OLD));
    memset(room, RUBBISH, sizeof room);
    EXPECT(WARDKEY_OK, wardkey_verify(engine, token, WARDKEY_NTS, "lab:read", WARDKEY_NTS, &context,
                                      start, 0, &error));
    CHECK(is_all(room, RUBBISH, sizeof room));
    EXPECT(WARDKEY_OK, wardkey_verify(engine, token, WARDKEY_NTS, "lab:read", WARDKEY_NTS, &context,
                                      NULL, 0, &error));
    REFUSES(WARDKEY_MISUSE_SIZE, 0,
            wardkey_verify(engine, token, WARDKEY_NTS, "lab:read", WARDKEY_NTS, &context, start,
                           SIZE_MAX, &error));
    CHECK(is_all(room, RUBBISH, sizeof room));
    REFUSES(WARDKEY_MISUSE_NULL, 0,
            wardkey_verify(engine, token, WARDKEY_NTS, "lab:read", WARDKEY_NTS, &context, NULL,
                           sizeof who, &error));
    /* A response without its owner could not be freed. */
    REFUSES(WARDKEY_MISUSE_SIZE, 0,
            wardkey_http(engine, &request, &context, &response, 0, &error));
    REFUSES(WARDKEY_MISUSE_SIZE, 0,
            wardkey_http(engine, &request, &context, &response, sizeof response - 1, &error));
    later_response.room[0] = 0xAB;
    EXPECT(WARDKEY_OK, wardkey_http(engine, &request, &context, &later_response.known,
                                    sizeof later_response, &error));
    wardkey_http_response_free(&later_response.known);
    CHECK(is_all(&later_response.known, 0, sizeof later_response.known));
    CHECK(later_response.room[0] == 0xAB);
}

static void without_an_error(void) {
    REFUSES(WARDKEY_MISUSE_NULL, NO_ERROR,
            wardkey_verify(NULL, NULL, 0, NULL, 0, NULL, NULL, 0, NULL));
    REFUSES(WARDKEY_MISUSE_NULL, NO_ERROR,
            wardkey_authorize(NULL, NULL, 0, NULL, 0, NULL, NULL, 0, NULL, NULL, NULL));
    REFUSES(WARDKEY_MISUSE_NULL, NO_ERROR, wardkey_claims(NULL, NULL, 0, NULL, NULL, NULL));
    REFUSES(WARDKEY_MISUSE_NULL, NO_ERROR,
            wardkey_issue(NULL, NULL, 0, NULL, 0, NULL, 0, NULL, NULL, NULL));
    REFUSES(WARDKEY_MISUSE_NULL, NO_ERROR, wardkey_http(NULL, NULL, NULL, NULL, 0, NULL));
    REFUSES(WARDKEY_MISUSE_NULL, NO_ERROR, wardkey_serves(NULL, NULL, 0, NULL, 0, NULL));
    REFUSES(WARDKEY_MISUSE_NULL, NO_ERROR, wardkey_call(NULL, NULL, NULL, 0, NULL, 0, NULL, NULL));
    REFUSES(WARDKEY_MISUSE_NULL, NO_ERROR, wardkey_maintain(NULL, NULL));
    EXPECT(WARDKEY_OK, wardkey_close(NULL, NULL));
    EXPECT(WARDKEY_OK, wardkey_close(NULL, &error));
}

/* A number as a handle: handles are never looked behind. */
static wardkey_engine *number(uintptr_t value) {
    return (wardkey_engine *)value;
}

static void check_false_handle(uintptr_t value) {
    int32_t code = verify_token(number(value), token, "lab:read");
    int misuse = code == WARDKEY_MISUSE_HANDLE || code == WARDKEY_MISUSE_CLOSED
                 || code == WARDKEY_MISUSE_KIND || code == WARDKEY_MISUSE_FOREIGN;
    if (!CHECK(misuse)) {
        fprintf(stderr, "%s for the handle %#lx\n", wardkey_status_name(code),
                (unsigned long)value);
    }
}

static void handles_that_are_none(void) {
    const uintptr_t real = (uintptr_t)engine;
    uint64_t random = 88172645463325252u;
    unsigned bit;
    int i;
    CHECK(real % 2 == 1 && real <= UINT32_MAX);
    for (bit = 0; bit < sizeof real * 8; bit += 1) {
        check_false_handle(real ^ (uintptr_t)1 << bit);
        if ((uintptr_t)1 << bit != real) {
            check_false_handle((uintptr_t)1 << bit);
        }
    }
    check_false_handle((uintptr_t)&context);
    check_false_handle((uintptr_t)engine + 1);
    check_false_handle(UINTPTR_MAX);
    for (i = 0; i < 20000; i += 1) {
        /* Marsaglia's xorshift: the same numbers in every run. */
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        if ((uintptr_t)random != real && (uint32_t)random != real) {
            check_false_handle((uintptr_t)random);
            check_false_handle((uintptr_t)(uint32_t)random);
        }
    }
    EXPECT(WARDKEY_MISUSE_HANDLE, verify_token(number(2), token, "lab:read"));
    EXPECT(WARDKEY_MISUSE_HANDLE, wardkey_close(number((uintptr_t)&context & ~(uintptr_t)1), NULL));
}

static void handles_that_were_closed(void) {
    const size_t nts = WARDKEY_NTS;
    wardkey_engine *const closed = engine;
    EXPECT(WARDKEY_OK, wardkey_close(closed, &error));
    REFUSES(WARDKEY_MISUSE_CLOSED, 0, wardkey_close(closed, &error));
    REFUSES(WARDKEY_MISUSE_CLOSED, 0, wardkey_maintain(closed, &error));
    REFUSES(WARDKEY_MISUSE_CLOSED, WHO, verify(token, nts, "lab:read", nts));
    REFUSES(WARDKEY_MISUSE_CLOSED, OUT | WHO, authorize(&header, 1, "lab:read", nts));
    CHECK(http_status == 500);
    REFUSES(WARDKEY_MISUSE_CLOSED, OUT, claims(token, nts));
    REFUSES(WARDKEY_MISUSE_CLOSED, OUT, issue(lab.id, nts, lab.secret, nts, NULL, 0));
    REFUSES(WARDKEY_MISUSE_CLOSED, RESPONSE, http(&request));
    REFUSES(WARDKEY_MISUSE_CLOSED, 0, wardkey_serves(closed, "/", nts, NULL, 0, &error));
    REFUSES(WARDKEY_MISUSE_CLOSED, OUT, call("settings.get", nts, NULL, 0));
}
