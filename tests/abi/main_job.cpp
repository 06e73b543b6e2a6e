// The main job from C++17, with the header before every other: it needs nothing included before it,
// and its structs and functions are clean C++.
#include "wardkey.h"

#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace {

static_assert(std::is_standard_layout_v<wardkey_principal> && std::is_trivial_v<wardkey_principal>);
static_assert(std::is_standard_layout_v<wardkey_options> && std::is_trivial_v<wardkey_options>);
static_assert(sizeof(wardkey_error) == 248);

int failures = 0;

void check(bool holds, const char* what) {
    if (!holds) {
        failures += 1;
        std::fprintf(stderr, "this does not hold: %s\n", what);
    }
}

void expect(std::int32_t expected, std::int32_t code, const char* what) {
    if (code != expected) {
        failures += 1;
        std::fprintf(stderr, "%s instead of %s: %s\n", wardkey_status_name(code),
                     wardkey_status_name(expected), what);
    }
}

struct Close {
    void operator()(wardkey_engine* engine) const { wardkey_close(engine, nullptr); }
};
using Engine = std::unique_ptr<wardkey_engine, Close>;

class Buffer {
public:
    Buffer() = default;
    Buffer(const Buffer&) = delete;
    Buffer& operator=(const Buffer&) = delete;
    ~Buffer() { wardkey_buf_free(&raw_); }

    wardkey_buf* out() { return &raw_; }
    std::string_view view() const { return {raw_.data ? raw_.data : "", raw_.length}; }
    bool has(std::string_view text) const { return view().find(text) != std::string_view::npos; }

    std::string member(std::string_view name) const {
        const auto start = "\"" + std::string(name) + "\":\"";
        const auto at = view().find(start);
        if (at == std::string_view::npos) {
            return {};
        }
        const auto rest = view().substr(at + start.size());
        return std::string(rest.substr(0, rest.find('"')));
    }

private:
    wardkey_buf raw_{};
};

wardkey_context from_peer(std::string_view peer, std::string_view actor = {}) {
    wardkey_context context{};
    context.struct_size = sizeof context;
    context.secure = 1;
    context.peer = peer.data();
    context.peer_len = peer.size();
    context.actor = actor.data();
    context.actor_len = actor.size();
    return context;
}

Engine open(const std::string& path, bool create) {
    static constexpr std::string_view settings = R"({"issuer":"https://emr.clinic.example"})";
    static constexpr std::string_view actor = "setup";
    wardkey_options options;
    expect(WARDKEY_OK, wardkey_options_init(&options, sizeof options), "options_init");
    options.path = path.data();
    options.path_len = path.size();
    if (create) {
        options.mode = WARDKEY_MODE_CREATE;
        options.settings = settings.data();
        options.settings_len = settings.size();
        options.actor = actor.data();
        options.actor_len = actor.size();
    }
    wardkey_engine* engine = nullptr;
    wardkey_error error;
    expect(WARDKEY_OK, wardkey_open(&options, &engine, &error), error.message);
    return Engine(engine);
}

void call(const Engine& engine, std::string_view operation, std::string_view json, Buffer& answer) {
    const auto context = from_peer("127.0.0.1", "anna@clinic");
    wardkey_error error;
    const auto code = wardkey_call(engine.get(), &context, operation.data(), operation.size(),
                                   json.data(), json.size(), answer.out(), &error);
    expect(WARDKEY_OK, code, error.message);
}

std::int32_t verify(const Engine& engine, std::string_view token, const char* scopes,
                    wardkey_principal& who) {
    const auto context = from_peer("192.0.2.7");
    return wardkey_verify(engine.get(), token.data(), token.size(), scopes, WARDKEY_NTS, &context,
                          &who, sizeof who, nullptr);
}

std::string issue(const Engine& engine, const std::string& id, const std::string& secret) {
    const auto context = from_peer("192.0.2.7");
    Buffer json;
    wardkey_error error;
    expect(WARDKEY_OK,
           wardkey_issue(engine.get(), id.data(), id.size(), secret.data(), secret.size(), nullptr,
                         0, &context, json.out(), &error),
           error.message);
    return json.member("access_token");
}

void authorize(const Engine& engine, const std::string& token) {
    const auto context = from_peer("192.0.2.7");
    const std::string bearer = "Bearer " + token;
    const std::string_view name = "Authorization";
    const std::vector<wardkey_header> headers{
        {name.data(), name.size(), bearer.data(), bearer.size()}};
    wardkey_principal who;
    std::int32_t status = 0;
    Buffer challenge;
    expect(WARDKEY_OK,
           wardkey_authorize(engine.get(), headers.data(), headers.size(), WARDKEY_ANY_SCOPE,
                             WARDKEY_NTS, &context, &who, sizeof who, &status, challenge.out(),
                             nullptr),
           "authorize");
    check(status == 200 && challenge.view().empty(), "an allowed request has no challenge");
}

void get_keys(const Engine& engine) {
    const auto context = from_peer("192.0.2.7");
    const std::string_view method = "GET", path = "/oauth/jwks";
    wardkey_http_request request{};
    request.struct_size = sizeof request;
    request.method = method.data();
    request.method_len = method.size();
    request.path = path.data();
    request.path_len = path.size();
    wardkey_http_response response{};
    expect(WARDKEY_OK,
           wardkey_http(engine.get(), &request, &context, &response, sizeof response, nullptr),
           "http");
    const std::string_view body(response.body, response.body_len);
    check(response.status == 200 && body.find("\"ES256\"") != body.npos, "the keys are published");
    wardkey_http_response_free(&response);
}

void main_job(const std::string& path) {
    open(path, true);
    const auto engine = open(path, false);
    Buffer created;
    call(engine, "client.create", R"({"client_name":"Lab Interface","scope":"lab:read lab:write"})",
         created);
    const auto id = created.member("client_id");
    const auto token = issue(engine, id, created.member("client_secret"));

    wardkey_principal who;
    expect(WARDKEY_OK, verify(engine, token, "lab:read", who), "a scope that it has");
    check(who.client_id == id && who.kind == WARDKEY_KIND_CLIENT, "the principal is the client");
    expect(WARDKEY_DENIED_INSUFFICIENT_SCOPE, verify(engine, token, "billing:read", who),
           "a scope that it has not");
    authorize(engine, token);
    get_keys(engine);

    Buffer revoked, verdict;
    call(engine, "client.secret.revoke",
         R"({"client_id":")" + id + R"(","credential_id":")" + created.member("credential_id")
             + "\"}",
         revoked);
    expect(WARDKEY_DENIED_CREDENTIAL_REVOKED, verify(engine, token, "lab:read", who),
           "a secret that was revoked");
    call(engine, "audit.verify", {}, verdict);
    check(verdict.has(R"("valid":true)"), "the audit's chain is whole");
}

} // namespace

int main(int argc, char** argv) {
    if (argc != 2) {
        std::fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
        return 2;
    }
    main_job(std::string(argv[1]) + "/clinic.db");
    return failures == 0 ? 0 : 1;
}
