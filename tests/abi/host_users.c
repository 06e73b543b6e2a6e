/*
 * A program with users of its own checks their passwords in a callback: at the login page and at BioT's login,
 * beside users that the library keeps. Whatever the callback does wrong, nobody logs in.
 */
#include "wardkey.h"
#include "support.h"

/* What the callbacks saw, and what check_user is to answer. */
typedef struct staff {
    wardkey_engine *engine;
    const char *subject, *scope;
    int32_t answer;
    int unterminated, closes;
    int asked, destroyed, told;
    int32_t told_code;
    char told_message[256];
} staff;

static staff table;

static int32_t WARDKEY_CALL check_staff(void *user, const wardkey_user_login *login,
                                        wardkey_user_verdict *verdict) {
    staff *seen = user;
    size_t i;
    seen->asked += 1;
    CHECK(login->struct_size == sizeof *login && verdict->struct_size == sizeof *verdict);
    CHECK(strlen(login->username) == login->username_len);
    CHECK(strlen(login->password) == login->password_len);
    CHECK(strcmp(login->peer, "192.0.2.7") == 0 && login->peer_len == 9);
    CHECK(strcmp(login->correlation_id, "visit-7") == 0 && login->correlation_id_len == 7);
    CHECK(login->reserved == 0 && verdict->reserved == 0);
    for (i = 0; i < sizeof verdict->subject && verdict->subject[i] == 0; i += 1) {
    }
    CHECK(i == sizeof verdict->subject && verdict->scope[0] == 0);
    /* Forbidden, and harmless: no lock is held. */
    CHECK(wardkey_maintain(seen->engine, NULL) == WARDKEY_OK);
    if (seen->closes) {
        EXPECT(WARDKEY_OK, wardkey_close(seen->engine, NULL));
        CHECK(seen->destroyed == 0);
    }
    if (strcmp(login->username, "eva") != 0 || strcmp(login->password, "nobodys guess") != 0) {
        return WARDKEY_USER_REFUSED;
    }
    snprintf(verdict->subject, sizeof verdict->subject, "%s", seen->subject);
    snprintf(verdict->scope, sizeof verdict->scope, "%s", seen->scope);
    if (seen->unterminated) {
        memset(verdict->subject, 'x', sizeof verdict->subject);
    }
    return seen->answer;
}

static void WARDKEY_CALL destroy(void *user) {
    staff *seen = user;
    seen->destroyed += 1;
}

static void WARDKEY_CALL hear(void *user, int32_t code, const char *message, size_t message_len) {
    staff *seen = user;
    seen->told += 1;
    seen->told_code = code;
    snprintf(seen->told_message, sizeof seen->told_message, "%.*s", (int)message_len, message);
}

static wardkey_http_response send_request(const char *method, const char *path, const char *query,
                                          const char *type, const char *cookie, const char *body) {
    wardkey_context context = context_of(NULL, "192.0.2.7");
    wardkey_http_response response = {0};
    wardkey_http_request request;
    wardkey_header headers[2];
    memset(&request, 0, sizeof request);
    context.correlation_id = "visit-7";
    context.correlation_id_len = WARDKEY_NTS;
    headers[0].name = "Content-Type";
    headers[0].value = type;
    headers[1].name = "Cookie";
    headers[1].value = cookie;
    headers[0].name_len = headers[0].value_len = WARDKEY_NTS;
    headers[1].name_len = headers[1].value_len = WARDKEY_NTS;
    request.struct_size = sizeof request;
    request.method = method;
    request.path = path;
    request.query = query;
    request.body = body;
    request.method_len = request.path_len = request.query_len = request.body_len = WARDKEY_NTS;
    request.headers = headers;
    request.header_count = 2;
    EXPECT(WARDKEY_OK, wardkey_http(table.engine, &request, &context, &response, sizeof response, NULL));
    return response;
}

/* BioT's login: its status. */
static int32_t log_in(const char *username, const char *password) {
    wardkey_http_response response;
    char body[256];
    int32_t status;
    snprintf(body, sizeof body, "{\"username\":\"%s\",\"password\":\"%s\"}", username, password);
    response = send_request("POST", "/ums/v2/users/login", "", "application/json", "none", body);
    status = response.status;
    CHECK((status == 200) == (response.body && strstr(response.body, "accessJwt") != NULL));
    wardkey_http_response_free(&response);
    return status;
}

/* Copies what stands in a page's hidden field. */
static void sealed_of(const wardkey_http_response *page, char *text, size_t size) {
    const char *field = "name=\"pending\" value=\"";
    const char *found = page->body ? strstr(page->body, field) : NULL;
    text[0] = '\0';
    if (CHECK(found != NULL)) {
        found += strlen(field);
        snprintf(text, size, "%.*s", (int)strcspn(found, "\""), found);
    }
}

/* Sends a page's form with these fields. */
static wardkey_http_response submit(const wardkey_http_response *page, const char *cookie,
                                    const char *fields) {
    char sealed[4096], body[5000];
    sealed_of(page, sealed, sizeof sealed);
    snprintf(body, sizeof body, "pending=%s&%s", sealed, fields);
    return send_request("POST", "/oauth/authorize", "", "application/x-www-form-urlencoded", cookie,
                        body);
}

static void log_in_at_the_page(const char *client_id) {
    wardkey_http_response login, again, to_consent, consent, back;
    char query[512], cookie[256];
    snprintf(query, sizeof query,
             "response_type=code&redirect_uri=https%%3A%%2F%%2Fportal.example%%2Fback"
             "&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
             "&code_challenge_method=S256&client_id=%s",
             client_id);
    login = send_request("GET", "/oauth/authorize", query, "text/plain", "none", "");
    CHECK(login.status == 200);
    snprintf(cookie, sizeof cookie, "%s", header_of(&login, "Set-Cookie"));
    cookie[strcspn(cookie, ";")] = '\0';
    again = submit(&login, cookie, "username=eva&password=wrong+guess&action=login");
    CHECK(again.status == 200 && again.body && strstr(again.body, "is wrong") != NULL);
    wardkey_http_response_free(&again);
    table.answer = -1;
    again = submit(&login, cookie, "username=eva&password=nobodys+guess&action=login");
    CHECK(again.status == 503 && again.body && strstr(again.body, "is wrong") == NULL);
    CHECK(table.told_code == WARDKEY_INTERNAL_USER_CHECK);
    table.answer = WARDKEY_USER_APPROVED;
    wardkey_http_response_free(&again);
    to_consent = submit(&login, cookie, "username=eva&password=nobodys+guess&action=login");
    CHECK(to_consent.status == 303 && *header_of(&to_consent, "Location") == '?');
    /* What stands behind the "?" is the query of the page to load. */
    consent = send_request("GET", "/oauth/authorize", strchr(header_of(&to_consent, "Location"), '?') + 1,
                           "text/plain", cookie, "");
    CHECK(consent.status == 200 && consent.body && strstr(consent.body, "approve") != NULL);
    back = submit(&consent, cookie, "action=approve");
    CHECK(back.status == 303 && strstr(header_of(&back, "Location"), "?code=") != NULL);
    wardkey_http_response_free(&login);
    wardkey_http_response_free(&to_consent);
    wardkey_http_response_free(&consent);
    wardkey_http_response_free(&back);
}

/* Each of these is a 503, of which the log is told, and nothing else. */
static void answers_that_cannot_be(void) {
    static const int32_t unknown[] = {0, -1, 3, 200, INT32_MAX, INT32_MIN};
    static const char *const subjects[] = {"", "dr eva", "\xff", "\xc3\xa4"};
    static const char *const scopes[] = {" ", "a  b", "\xff", "\"", "lab:read "};
    static char longer[4352];
    size_t i;
    int told = table.told;
    for (i = 0; i < sizeof unknown / sizeof *unknown; i += 1) {
        table.answer = unknown[i];
        CHECK(log_in("eva", "nobodys guess") == 503);
    }
    CHECK(strstr(table.told_message, "check_user returned -2147483648") != NULL);
    table.answer = WARDKEY_USER_APPROVED;
    for (i = 0; i < sizeof subjects / sizeof *subjects; i += 1) {
        table.subject = subjects[i];
        CHECK(log_in("eva", "nobodys guess") == 503);
    }
    memset(longer, 'x', sizeof longer - 1);
    table.subject = longer;
    CHECK(log_in("eva", "nobodys guess") == 503);
    table.subject = "4711";
    table.unterminated = 1;
    CHECK(log_in("eva", "nobodys guess") == 503);
    table.unterminated = 0;
    for (i = 0; i < sizeof scopes / sizeof *scopes; i += 1) {
        table.scope = scopes[i];
        CHECK(log_in("eva", "nobodys guess") == 503);
    }
    table.scope = longer;
    CHECK(log_in("eva", "nobodys guess") == 503);
    table.scope = "lab:read";
    CHECK(table.told == told + 18 && table.told_code == WARDKEY_INTERNAL_USER_CHECK);
    CHECK(strstr(table.told_message, "xxxx") == NULL);
}

static void beside_our_own(void) {
    wardkey_buf answer;
    int asked = table.asked;
    CHECK(log_in("anna", "nobodys guess") == 200);
    CHECK(log_in("anna", "wrong guess") == 401);
    CHECK(table.asked == asked);
    CHECK(log_in("eva", "nobodys guess") == 200);
    CHECK(log_in("otto", "nobodys guess") == 401);
    CHECK(table.asked == asked + 2);
    answer = run_operation(table.engine, "user.list", "{}");
    CHECK(strstr(answer.data, "\"usr_.4711\"") != NULL);
    wardkey_buf_free(&answer);
    answer = run_operation(table.engine, "user.disable", "{\"user_id\":\"usr_.4711\"}");
    wardkey_buf_free(&answer);
    CHECK(log_in("eva", "nobodys guess") == 401);
    answer = run_operation(table.engine, "user.enable", "{\"user_id\":\"usr_.4711\"}");
    wardkey_buf_free(&answer);
    CHECK(log_in("eva", "nobodys guess") == 200);
}

/* Two that were wrong or refused before are counted too. */
static void throttled(void) {
    int i, asked;
    for (i = 0; i < 4; i += 1) {
        CHECK(log_in("eva", "wrong guess") == 401);
    }
    asked = table.asked;
    CHECK(log_in("eva", "nobodys guess") == 429);
    CHECK(table.asked == asked);
}

int main(int argc, char **argv) {
    wardkey_options options, create;
    wardkey_buf answer;
    char path[512], id[128];
    if (argc != 2) {
        fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
        return 2;
    }
    table.subject = "4711";
    table.scope = "lab:read lab:write no:such";
    table.answer = WARDKEY_USER_APPROVED;
    options = options_of(argv[1], path, sizeof path);
    options.check_user = check_staff;
    options.check_user_user = &table;
    options.check_user_destroy = destroy;
    options.log = hear;
    options.log_user = &table;
    create = creating(options, "{\"dialects\":[\"biot\"]}");
    table.engine = open_or_exit(&create);
    answer = run_operation(table.engine, "client.create",
                           "{\"client_name\":\"Portal\",\"scope\":\"lab:read\","
                           "\"token_endpoint_auth_method\":\"none\","
                           "\"grant_types\":[\"authorization_code\"],"
                           "\"redirect_uris\":[\"https://portal.example/back\"]}");
    text_member(answer.data, "client_id", id, sizeof id);
    wardkey_buf_free(&answer);
    answer = run_operation(table.engine, "user.create",
                           "{\"username\":\"anna\",\"password\":\"nobodys guess\",\"scope\":\"lab:read\"}");
    wardkey_buf_free(&answer);
    log_in_at_the_page(id);
    answers_that_cannot_be();
    beside_our_own();
    throttled();
    CHECK(table.destroyed == 0);
    /* Closed by its own callback, which is forbidden: what is under way finishes, then it is destroyed, once. */
    table.closes = 1;
    CHECK(log_in("ida", "nobodys guess") == 401);
    CHECK(table.destroyed == 1);
    EXPECT(WARDKEY_MISUSE_CLOSED, wardkey_close(table.engine, NULL));
    /* Destroyed when opening fails, and without the function that it would belong to. */
    options.check_user = NULL;
    options.path = "/no/such/folder/clinic.db";
    EXPECT(WARDKEY_STORAGE_MISSING, wardkey_open(&options, &table.engine, NULL));
    CHECK(table.destroyed == 2);
    options.check_user = check_staff;
    EXPECT(WARDKEY_STORAGE_MISSING, wardkey_open(&options, &table.engine, NULL));
    CHECK(table.destroyed == 3);
    return verdict();
}
