/*
 * A program with users of its own renders its own page: it reads the pending request, shows who asks and for
 * what, and brings the decision, once, together with the same browser's cookie.
 */
#include "wardkey.h"
#include "support.h"

static const char query[] = "response_type=code&redirect_uri=https%3A%2F%2Fportal.example%2Fback&state=s1"
                            "&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
                            "&code_challenge_method=S256&client_id=";

static wardkey_http_request authorization(const char *client_id, char *text, size_t size) {
    wardkey_http_request request;
    memset(&request, 0, sizeof request);
    request.struct_size = sizeof request;
    request.method = "GET";
    request.path = "/oauth/authorize";
    snprintf(text, size, "%s%s", query, client_id);
    request.query = text;
    request.method_len = request.path_len = request.query_len = WARDKEY_NTS;
    return request;
}

/* The handle and the cookie of a request that waits. */
typedef struct waiting {
    char handle[4096];
    char cookie[256];
} waiting;

static waiting ask(const wardkey_engine *engine, const char *client_id) {
    wardkey_context context = context_of(NULL, "192.0.2.7");
    wardkey_http_response response = {0};
    wardkey_buf pending = {0};
    char text[512];
    waiting found;
    wardkey_http_request request = authorization(client_id, text, sizeof text);
    memset(&found, 0, sizeof found);
    DEMAND(WARDKEY_OK, wardkey_pending(engine, &request, &context, &pending, &response,
                                       sizeof response, NULL));
    CHECK(response.status == 0 && response.body == NULL);
    CHECK(pending.data && strstr(pending.data, "\"client_name\":\"Portal\""));
    CHECK(strstr(pending.data, "\"scope\":\"lab:read\",\"description\":") != NULL);
    text_member(pending.data, "handle", found.handle, sizeof found.handle);
    text_member(pending.data, "set_cookie", found.cookie, sizeof found.cookie);
    found.cookie[strcspn(found.cookie, ";")] = '\0';
    wardkey_buf_free(&pending);
    wardkey_http_response_free(&response);
    return found;
}

/* Decides with this cookie, and returns the response. Free it. */
static wardkey_http_response decide(const wardkey_engine *engine, const waiting *found,
                                    const char *subject, const char *cookie) {
    wardkey_context context = context_of(NULL, "192.0.2.7");
    wardkey_http_response response = {0};
    wardkey_header header;
    header.name = "Cookie";
    header.value = cookie;
    header.name_len = header.value_len = WARDKEY_NTS;
    EXPECT(WARDKEY_OK,
           wardkey_decide(engine, found->handle, WARDKEY_NTS, subject, subject ? WARDKEY_NTS : 0,
                          NULL, 0, &header, 1, &context, &response, sizeof response, NULL));
    return response;
}

static void approve_once(const wardkey_engine *engine, const char *client_id) {
    waiting found = ask(engine, client_id);
    wardkey_http_response response = decide(engine, &found, "dr.eva", "__Host-wardkey=another");
    CHECK(response.status == 400);
    wardkey_http_response_free(&response);
    response = decide(engine, &found, "dr.eva", found.cookie);
    CHECK(response.status == 303);
    CHECK(strncmp(header_of(&response, "Location"), "https://portal.example/back?code=", 33) == 0);
    CHECK(strstr(header_of(&response, "Location"), "&state=s1") != NULL);
    CHECK(strstr(header_of(&response, "Location"), "&iss=") != NULL);
    /* A button pressed twice. */
    wardkey_http_response again = decide(engine, &found, "dr.eva", found.cookie);
    CHECK(strcmp(header_of(&again, "Location"), header_of(&response, "Location")) == 0);
    wardkey_http_response_free(&again);
    wardkey_http_response_free(&response);
    response = decide(engine, &found, "dr.ed", found.cookie);
    CHECK(response.status == 400 && strstr(header_of(&response, "Location"), "code=") == NULL);
    wardkey_http_response_free(&response);
}

static void refuse(const wardkey_engine *engine, const char *client_id) {
    waiting found = ask(engine, client_id);
    wardkey_http_response response = decide(engine, &found, NULL, found.cookie);
    CHECK(response.status == 303);
    CHECK(strstr(header_of(&response, "Location"), "error=access_denied") != NULL);
    wardkey_http_response_free(&response);
}

static void answer_what_cannot_wait(const wardkey_engine *engine) {
    wardkey_context context = context_of(NULL, "192.0.2.7");
    wardkey_http_response response = {0};
    wardkey_buf pending = {0};
    char text[512];
    wardkey_http_request request = authorization("nobody", text, sizeof text);
    EXPECT(WARDKEY_OK, wardkey_pending(engine, &request, &context, &pending, &response,
                                       sizeof response, NULL));
    CHECK(pending.data == NULL && response.status == 400 && response.body_len > 0);
    wardkey_http_response_free(&response);
}

static void misuse(const wardkey_engine *engine, const char *client_id) {
    wardkey_context context = context_of(NULL, "192.0.2.7");
    wardkey_http_response response = {0};
    wardkey_buf pending = {0};
    char text[512];
    waiting found = ask(engine, client_id);
    wardkey_http_request request = authorization(client_id, text, sizeof text);
    EXPECT(WARDKEY_MISUSE_NULL, wardkey_pending(engine, &request, &context, NULL, &response,
                                                sizeof response, NULL));
    EXPECT(WARDKEY_MISUSE_NULL,
           wardkey_pending(engine, &request, &context, &pending, NULL, 0, NULL));
    EXPECT(WARDKEY_MISUSE_SIZE,
           wardkey_pending(engine, &request, &context, &pending, &response, 8, NULL));
    EXPECT(WARDKEY_MISUSE_NULL, wardkey_pending(engine, NULL, &context, &pending, &response,
                                                sizeof response, NULL));
    EXPECT(WARDKEY_MISUSE_NULL,
           wardkey_decide(engine, NULL, 0, NULL, 0, NULL, 0, NULL, 0, &context, &response,
                          sizeof response, NULL));
    EXPECT(WARDKEY_MISUSE_ARGUMENT,
           wardkey_decide(engine, found.handle, WARDKEY_NTS, "dr eva", WARDKEY_NTS, NULL, 0, NULL,
                          0, &context, &response, sizeof response, NULL));
    EXPECT(WARDKEY_MISUSE_ARGUMENT,
           wardkey_decide(engine, found.handle, WARDKEY_NTS, "dr.eva", WARDKEY_NTS, "two  spaces",
                          WARDKEY_NTS, NULL, 0, &context, &response, sizeof response, NULL));
    CHECK(response.status == 0 && response.body == NULL && pending.data == NULL);
}

int main(int argc, char **argv) {
    wardkey_options options, create;
    wardkey_engine *engine;
    wardkey_buf answer;
    char path[512], id[128];
    if (argc != 2) {
        fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
        return 2;
    }
    options = options_of(argv[1], path, sizeof path);
    create = creating(options, NULL);
    engine = open_or_exit(&create);
    answer = run_operation(engine, "client.create",
                           "{\"client_name\":\"Portal\",\"scope\":\"lab:read\","
                           "\"token_endpoint_auth_method\":\"none\","
                           "\"grant_types\":[\"authorization_code\"],"
                           "\"redirect_uris\":[\"https://portal.example/back\"]}");
    text_member(answer.data, "client_id", id, sizeof id);
    wardkey_buf_free(&answer);
    approve_once(engine, id);
    refuse(engine, id);
    answer_what_cannot_wait(engine);
    misuse(engine, id);
    answer = run_operation(engine, "user.list", "{}");
    CHECK(strstr(answer.data, "\"usr_.dr.eva\"") != NULL);
    wardkey_buf_free(&answer);
    answer = run_operation(engine, "audit.read", "{\"user_id\":\"usr_.dr.eva\"}");
    CHECK(strstr(answer.data, "\"event\":\"user.create\"") != NULL);
    CHECK(strstr(answer.data, "\"event\":\"grant.approve\"") != NULL);
    CHECK(strstr(answer.data, "\"event\":\"client.create\"") == NULL);
    wardkey_buf_free(&answer);
    answer = run_operation(engine, "user.confirm", "{\"all\":true}");
    CHECK(strstr(answer.data, "\"confirmed\":0") != NULL);
    wardkey_buf_free(&answer);
    EXPECT(WARDKEY_OK, wardkey_close(engine, NULL));
    return verdict();
}
