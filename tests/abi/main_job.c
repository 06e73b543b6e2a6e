/*
 * The main job: a clinic's program registers a client, exchanges its secret for tokens with the
 * very requests that its partners' manuals show, verifies them, revokes the secret, and reads the
 * audit.
 */
#include "wardkey.h"
#include "support.h"

static const char settings[] = "{\"issuer\":\"https://emr.clinic.example\","
                               "\"dialects\":[\"bio-ecko\",\"nikohealth\",\"medblocks\"]}";

static wardkey_engine *create_and_open_again(const char *folder);
static void issue_and_verify(const wardkey_engine *engine, const client *lab);
static void answer_like_bio_ecko(const wardkey_engine *engine, const client *lab);
static void answer_like_nikohealth(const wardkey_engine *engine);
static void answer_like_medblocks(const wardkey_engine *engine);
static void refuse_a_wrong_secret(const wardkey_engine *engine, const client *lab);
static void revoke_the_secret(const wardkey_engine *engine, const client *lab);
static void read_the_audit(const wardkey_engine *engine, const client *lab);

int main(int argc, char **argv) {
    wardkey_engine *engine;
    wardkey_error error;
    client lab;
    if (argc != 2) {
        fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
        return 2;
    }
    DEMAND(WARDKEY_OK, wardkey_abi_check(WARDKEY_ABI_VERSION));
    engine = create_and_open_again(argv[1]);
    lab = register_client(engine,
                          "{\"client_name\":\"Lab Interface\",\"description\":\"Results in, orders "
                          "out\",\"scope\":\"lab:read lab:write\",\"host_data\":\"room 12\"}");
    issue_and_verify(engine, &lab);
    answer_like_bio_ecko(engine, &lab);
    answer_like_nikohealth(engine);
    answer_like_medblocks(engine);
    refuse_a_wrong_secret(engine, &lab);
    revoke_the_secret(engine, &lab);
    EXPECT(WARDKEY_OK, wardkey_maintain(engine, &error));
    read_the_audit(engine, &lab);
    EXPECT(WARDKEY_OK, wardkey_close(engine, &error));
    CHECK(error.code == WARDKEY_OK && error.message[0] == '\0');
    EXPECT(WARDKEY_MISUSE_CLOSED, wardkey_maintain(engine, &error));
    return verdict();
}

static wardkey_engine *create_and_open_again(const char *folder) {
    char path[512];
    wardkey_options options = options_of(folder, path, sizeof path);
    wardkey_options create = creating(options, settings);
    wardkey_engine *engine = open_or_exit(&create);
    EXPECT(WARDKEY_OK, wardkey_close(engine, NULL));
    return open_or_exit(&options);
}

static void check_principal(const wardkey_principal *who, const client *lab) {
    CHECK(who->kind == WARDKEY_KIND_CLIENT);
    CHECK(who->token_format == WARDKEY_TOKEN_JWT);
    CHECK(strcmp(who->client_id, lab->id) == 0);
    CHECK(who->client_id_len == strlen(lab->id));
    CHECK(strcmp(who->subject, lab->id) == 0);
    CHECK(who->subject_len == strlen(lab->id));
    CHECK(who->token_id_len > 0 && who->token_id_len == strlen(who->token_id));
    CHECK(who->expires_at - who->issued_at == 3600);
    CHECK(who->reserved == 0);
}

static void authorize_requests(const wardkey_engine *engine, const client *lab, const char *token) {
    wardkey_context context = context_of(NULL, "192.0.2.7");
    wardkey_error error;
    wardkey_principal who;
    wardkey_buf challenge = {0};
    int32_t status = 0;
    char bearer[TOKEN_SIZE + 8];
    wardkey_header headers[2];
    snprintf(bearer, sizeof bearer, "Bearer %s", token);
    headers[0].name = "Accept";
    headers[0].value = "application/json";
    headers[1].name = "authorization";
    headers[1].value = bearer;
    headers[0].name_len = headers[0].value_len = WARDKEY_NTS;
    headers[1].name_len = headers[1].value_len = WARDKEY_NTS;

    EXPECT(WARDKEY_OK, wardkey_authorize(engine, headers, 2, "lab:read", WARDKEY_NTS, &context,
                                         &who, sizeof who, &status, &challenge, &error));
    check_principal(&who, lab);
    CHECK(status == 200 && challenge.data == NULL);

    EXPECT(WARDKEY_DENIED_INSUFFICIENT_SCOPE,
           wardkey_authorize(engine, headers, 2, "lab:read billing:read", WARDKEY_NTS, &context,
                             &who, sizeof who, &status, &challenge, &error));
    CHECK(status == 403 && who.client_id[0] == '\0');
    CHECK(challenge.data && strstr(challenge.data, "error=\"insufficient_scope\""));
    wardkey_buf_free(&challenge);

    EXPECT(WARDKEY_DENIED_TOKEN_MISSING,
           wardkey_authorize(engine, NULL, 0, WARDKEY_ANY_SCOPE, WARDKEY_NTS, &context, NULL, 0,
                             &status, &challenge, &error));
    CHECK(status == 401);
    CHECK(challenge.data && strstr(challenge.data, "Bearer realm=") == challenge.data);
    CHECK(challenge.data && strstr(challenge.data, "error=") == NULL);
    wardkey_buf_free(&challenge);

    headers[1].value = "Bearer nonsense";
    EXPECT(WARDKEY_DENIED_TOKEN_MALFORMED,
           wardkey_authorize(engine, headers, 2, WARDKEY_ANY_SCOPE, WARDKEY_NTS, &context, NULL, 0,
                             NULL, &challenge, NULL));
    CHECK(challenge.data && strstr(challenge.data, "error=\"invalid_token\""));
    wardkey_buf_free(&challenge);
}

static void limit_a_rate(const wardkey_engine *engine, const char *token) {
    wardkey_context admin = context_of("admin", NULL), context = context_of(NULL, "192.0.2.7");
    wardkey_error error;
    wardkey_buf json = {0}, challenge = {0};
    wardkey_header header;
    int32_t status = 0;
    char bearer[TOKEN_SIZE + 8];
    snprintf(bearer, sizeof bearer, "Bearer %s", token);
    header.name = "Authorization";
    header.value = bearer;
    header.name_len = header.value_len = WARDKEY_NTS;
    EXPECT(WARDKEY_OK, wardkey_call(engine, &admin, "settings.set", WARDKEY_NTS,
                                    "{\"verify_rate\":{\"per_minute\":1,\"burst\":1}}",
                                    WARDKEY_NTS, &json, &error));
    wardkey_buf_free(&json);
    EXPECT(WARDKEY_OK, wardkey_authorize(engine, &header, 1, WARDKEY_ANY_SCOPE, WARDKEY_NTS,
                                         &context, NULL, 0, &status, &challenge, &error));
    EXPECT(WARDKEY_DENIED_RATE_LIMITED,
           wardkey_authorize(engine, &header, 1, WARDKEY_ANY_SCOPE, WARDKEY_NTS, &context, NULL, 0,
                             &status, &challenge, &error));
    CHECK(status == 429 && challenge.length == 0);
    CHECK(error.system_code > 0 && error.system_code <= 60);
    wardkey_buf_free(&challenge);
    EXPECT(WARDKEY_DENIED_RATE_LIMITED,
           wardkey_verify(engine, token, WARDKEY_NTS, WARDKEY_ANY_SCOPE, WARDKEY_NTS, &context,
                          NULL, 0, &error));
    CHECK(error.system_code > 0);
    EXPECT(WARDKEY_OK, wardkey_call(engine, &admin, "settings.set", WARDKEY_NTS,
                                    "{\"verify_rate\":null}", WARDKEY_NTS, &json, &error));
    wardkey_buf_free(&json);
}

/* expires_in is what is left when the response is written: a slow machine may have let seconds pass. */
static int lives(const char *json, long seconds) {
    const char *found = strstr(json, "\"expires_in\":");
    long left = found ? strtol(found + strlen("\"expires_in\":"), NULL, 10) : 0;
    return left > seconds - 10 && left <= seconds;
}

static void issue_and_verify(const wardkey_engine *engine, const client *lab) {
    wardkey_context context = context_of(NULL, "192.0.2.7");
    wardkey_error error;
    wardkey_principal who;
    wardkey_buf json = {0};
    char token[TOKEN_SIZE];

    EXPECT(WARDKEY_OK, wardkey_issue(engine, lab->id, WARDKEY_NTS, lab->secret, WARDKEY_NTS,
                                     "lab:read", WARDKEY_NTS, &context, &json, &error));
    CHECK(strstr(json.data, "\"token_type\":\"Bearer\"") != NULL);
    CHECK(lives(json.data, 3600));
    CHECK(strstr(json.data, "\"scope\":\"lab:read\"") != NULL);
    text_member(json.data, "access_token", token, sizeof token);
    wardkey_buf_free(&json);
    CHECK(json.data == NULL && json.length == 0);

    EXPECT(WARDKEY_OK, wardkey_verify(engine, token, strlen(token), "lab:read", WARDKEY_NTS,
                                      &context, &who, sizeof who, &error));
    check_principal(&who, lab);
    EXPECT(WARDKEY_DENIED_INSUFFICIENT_SCOPE,
           wardkey_verify(engine, token, WARDKEY_NTS, "lab:write", WARDKEY_NTS, &context, &who,
                          sizeof who, &error));
    CHECK(error.code == WARDKEY_DENIED_INSUFFICIENT_SCOPE && strstr(error.message, "lab:write"));
    CHECK(who.client_id[0] == '\0' && who.expires_at == 0);

    EXPECT(WARDKEY_OK, wardkey_claims(engine, token, WARDKEY_NTS, &context, &json, &error));
    CHECK(strstr(json.data, "\"scope\":\"lab:read\"") != NULL);
    CHECK(strstr(json.data, "\"host_data\":\"room 12\"") != NULL);
    CHECK(strstr(json.data, lab->id) != NULL);
    wardkey_buf_free(&json);

    EXPECT(WARDKEY_DENIED_SCOPE_NOT_ALLOWED,
           wardkey_issue(engine, lab->id, WARDKEY_NTS, lab->secret, WARDKEY_NTS, "billing:read",
                         WARDKEY_NTS, &context, &json, &error));
    CHECK(json.data == NULL);
    authorize_requests(engine, lab, token);
    limit_a_rate(engine, token);
}

/* One POST of a form; `authorization` may be NULL. */
static wardkey_http_response post_form(const wardkey_engine *engine, const char *path,
                                       const char *authorization, const char *body) {
    wardkey_context context = context_of(NULL, "192.0.2.7");
    wardkey_http_request request;
    wardkey_http_response response;
    wardkey_error error;
    wardkey_header headers[2];
    memset(&request, 0, sizeof request);
    memset(&response, 0, sizeof response);
    headers[0].name = "Content-Type";
    headers[0].value = "application/x-www-form-urlencoded";
    headers[1].name = "Authorization";
    headers[1].value = authorization;
    headers[0].name_len = headers[0].value_len = WARDKEY_NTS;
    headers[1].name_len = headers[1].value_len = WARDKEY_NTS;
    request.struct_size = sizeof request;
    request.method = "POST";
    request.method_len = WARDKEY_NTS;
    request.path = path;
    request.path_len = WARDKEY_NTS;
    request.headers = headers;
    request.header_count = authorization ? 2 : 1;
    request.body = body;
    request.body_len = WARDKEY_NTS;
    EXPECT(WARDKEY_OK,
           wardkey_http(engine, &request, &context, &response, sizeof response, &error));
    CHECK(response.body != NULL && strlen(response.body) == response.body_len);
    return response;
}

static void check_token_response(const wardkey_engine *engine, wardkey_http_response *response,
                                 const char *start, long lifetime, const char *type,
                                 const char *scope) {
    char token[TOKEN_SIZE];
    CHECK(response->status == 200);
    CHECK(strcmp(header_of(response, "Content-Type"), "application/json") == 0);
    CHECK(strcmp(header_of(response, "Cache-Control"), "no-store") == 0);
    CHECK(strcmp(header_of(response, "Pragma"), "no-cache") == 0);
    CHECK(header_of(response, "Wardkey-Request-Id")[0] != '\0');
    text_member(response->body, "access_token", token, sizeof token);
    CHECK(strncmp(token, start, strlen(start)) == 0);
    CHECK(lives(response->body, lifetime));
    CHECK(strstr(response->body, type) != NULL);
    CHECK(strstr(response->body, scope) != NULL);
    EXPECT(WARDKEY_OK, verify_token(engine, token, WARDKEY_ANY_SCOPE));
    wardkey_http_response_free(response);
    CHECK(response->body == NULL && response->headers == NULL && response->header_count == 0);
    wardkey_http_response_free(response);
}

/* POST /api/v1/auth/token; the page shows the form with a gap before each `&`. */
static void answer_like_bio_ecko(const wardkey_engine *engine, const client *lab) {
    char body[512];
    wardkey_http_response response;
    snprintf(body, sizeof body, "grant_type=client_credentials &client_id=%s &client_secret=%s",
             lab->id, lab->secret);
    response = post_form(engine, "/api/v1/auth/token", NULL, body);
    check_token_response(engine, &response, "eyJhbGciOiJSUz", 3600,
                         "\"token_type\":\"Bearer\"", "\"scope\":\"lab:read lab:write\"");
}

/* "Basic " and base64 of id:secret. */
static void basic(const client *who, char *text, size_t size) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    unsigned char plain[300] = {0};
    size_t length, i, at;
    snprintf((char *)plain, sizeof plain - 3, "%s:%s", who->id, who->secret);
    length = strlen((char *)plain);
    at = (size_t)snprintf(text, size, "Basic ");
    for (i = 0; i < length && at + 5 < size; i += 3, at += 4) {
        unsigned long three = (unsigned long)plain[i] << 16 | (unsigned long)plain[i + 1] << 8
                              | (unsigned long)plain[i + 2];
        text[at] = digits[three >> 18 & 63];
        text[at + 1] = digits[three >> 12 & 63];
        text[at + 2] = i + 1 < length ? digits[three >> 6 & 63] : '=';
        text[at + 3] = i + 2 < length ? digits[three & 63] : '=';
    }
    text[at] = '\0';
}

/* curl --header 'Authorization: Basic ...' --data-urlencode 'grant_type=client_credentials' */
static void answer_like_nikohealth(const wardkey_engine *engine) {
    char authorization[512];
    client partner =
        register_client(engine, "{\"client_name\":\"Equipment\",\"scope\":\"external\"}");
    wardkey_http_response response;
    basic(&partner, authorization, sizeof authorization);
    response = post_form(engine, "/api/identity/connect/token", authorization,
                         "grant_type=client_credentials");
    check_token_response(engine, &response, "", 1200, "\"token_type\":\"Bearer\"",
                         "\"scope\":\"external\"");
}

/* POST /oauth2/token with BasicAuth; the page's client has no scope at all. */
static void answer_like_medblocks(const wardkey_engine *engine) {
    char authorization[512];
    client backend = register_client(engine, "{\"client_name\":\"Backend\",\"scope\":\"\"}");
    wardkey_http_response response;
    basic(&backend, authorization, sizeof authorization);
    response = post_form(engine, "/oauth2/token", authorization, "grant_type=client_credentials");
    check_token_response(engine, &response, "", 3599, "\"token_type\":\"bearer\"",
                         "\"scope\":\"\"");
}

/* The wire says little; the audit explains it to the operator by the request's id. */
static void refuse_a_wrong_secret(const wardkey_engine *engine, const client *lab) {
    char body[512], document[256];
    wardkey_http_response response;
    wardkey_buf explained;
    snprintf(body, sizeof body, "grant_type=client_credentials&client_id=%s&client_secret=wrong",
             lab->id);
    response = post_form(engine, "/oauth/token", NULL, body);
    CHECK(response.status == 401);
    CHECK(strstr(response.body, "\"error\":\"invalid_client\"") != NULL);
    CHECK(strstr(header_of(&response, "WWW-Authenticate"), "Basic realm=") != NULL);
    snprintf(document, sizeof document, "{\"request_id\":\"%s\"}",
             header_of(&response, "Wardkey-Request-Id"));
    wardkey_http_response_free(&response);
    explained = run_operation(engine, "audit.explain", document);
    CHECK(strstr(explained.data, "\"held\":true") != NULL);
    CHECK(strstr(explained.data, "\"reason\":\"secret_wrong\"") != NULL);
    wardkey_buf_free(&explained);
}

/* What the secret obtained ends with it, at once; what another secret obtained lives on. */
static void revoke_the_secret(const wardkey_engine *engine, const client *lab) {
    char old_token[TOKEN_SIZE], new_token[TOKEN_SIZE], document[512];
    client second = *lab;
    wardkey_context context = context_of(NULL, "192.0.2.7");
    wardkey_buf answer = {0};
    snprintf(document, sizeof document, "{\"client_id\":\"%s\",\"label\":\"rotation\"}", lab->id);
    answer = run_operation(engine, "client.secret.create", document);
    text_member(answer.data, "client_secret", second.secret, sizeof second.secret);
    wardkey_buf_free(&answer);
    issue_token(engine, lab, NULL, old_token, sizeof old_token);
    issue_token(engine, &second, NULL, new_token, sizeof new_token);
    EXPECT(WARDKEY_OK, verify_token(engine, old_token, "lab:read lab:write"));

    snprintf(document, sizeof document, "{\"client_id\":\"%s\",\"credential_id\":\"%s\"}", lab->id,
             lab->credential);
    answer = run_operation(engine, "client.secret.revoke", document);
    wardkey_buf_free(&answer);
    EXPECT(WARDKEY_DENIED_CREDENTIAL_REVOKED, verify_token(engine, old_token, "lab:read"));
    EXPECT(WARDKEY_OK, verify_token(engine, new_token, "lab:read"));
    EXPECT(WARDKEY_DENIED_SECRET_REVOKED,
           wardkey_issue(engine, lab->id, WARDKEY_NTS, lab->secret, WARDKEY_NTS, NULL, 0, &context,
                         &answer, NULL));
    CHECK(answer.data == NULL);
}

static void read_the_audit(const wardkey_engine *engine, const client *lab) {
    char document[256];
    wardkey_buf answer;
    snprintf(document, sizeof document, "{\"client_id\":\"%s\",\"limit\":1000}", lab->id);
    answer = run_operation(engine, "audit.read", document);
    CHECK(strstr(answer.data, "\"event\":\"client.create\"") != NULL);
    CHECK(strstr(answer.data, "\"event\":\"token.issue\"") != NULL);
    CHECK(strstr(answer.data, "\"event\":\"token.use\"") != NULL);
    CHECK(strstr(answer.data, "\"actor\":\"anna@clinic\"") != NULL);
    CHECK(strstr(answer.data, "\"peer\":\"192.0.2.7\"") != NULL);
    CHECK(strstr(answer.data, lab->credential) != NULL);
    CHECK(strstr(answer.data, lab->secret) == NULL);
    wardkey_buf_free(&answer);
    answer = run_operation(engine, "audit.verify", "{}");
    CHECK(strstr(answer.data, "\"valid\":true") != NULL);
    wardkey_buf_free(&answer);
}
