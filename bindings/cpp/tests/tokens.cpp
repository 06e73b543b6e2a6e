// Issuing, verifying and revoking; administration.
#include "support.hpp"

#include <array>
#include <map>
#include <sstream>
#include <vector>

using namespace support;
using wardkey::errc;
using fields = std::vector<std::pair<std::string, std::string>>;

TEST_CASE("a token that was issued is verified, with the scope and without") {
    const clinic at;
    const auto token = issue(at.engine, at.lab);
    const auto who = at.engine.verify(token, "lab:read", caller());
    CHECK(who.client_id() == at.lab.id);
    CHECK(who.subject() == at.lab.id);
    CHECK_FALSE(who.token_id().empty());
    CHECK(who.kind() == wardkey::principal_kind::client);
    CHECK(who.format() == wardkey::token_format::jwt);
    CHECK(who.expires_at() - who.issued_at() == std::chrono::hours(1));
    CHECK(at.engine.verify(token, wardkey::any_scope, caller()).client_id() == at.lab.id);
    CHECK(at.engine.try_verify(token, "lab:read lab:write", caller())->client_id() == at.lab.id);

    const auto refused = at.engine.try_verify(token, "billing:read", caller());
    CHECK(refused.error().code() == errc::denied_insufficient_scope);
    CHECK_THROWS_AS(at.engine.verify(token, "billing:read", caller()), wardkey::denied);
    CHECK_THROWS_AS(*refused, wardkey::denied);
    CHECK(at.engine.try_verify(token, "", caller()).error().code() == errc::misuse_argument);
}

TEST_CASE("an absent token is denied, not misused") {
    const clinic at;
    CHECK(at.engine.try_verify({}, "lab:read", caller()).error().is_denied());
    CHECK(at.engine.try_verify("", "lab:read", caller()).error().is_denied());
}

TEST_CASE("claims have what a principal has no room for") {
    const clinic at;
    const auto token = issue(at.engine, at.lab);
    CHECK(member(at.engine.claims(token, caller()).text(), "scope") == "lab:read lab:write");
    CHECK(at.engine.try_claims("no token", caller()).error().code() == errc::denied_token_malformed);
}

TEST_CASE("a request is authorized by its header, or told what to answer") {
    const clinic at;
    const auto bearer = "Bearer " + issue(at.engine, at.lab);
    const std::vector<wardkey::header> headers{{"Host", "emr.clinic.example"}, {"authorization", bearer}};
    const auto allowed = at.engine.try_authorize(headers, "lab:read", caller());
    REQUIRE(allowed);
    CHECK(allowed.http_status() == 200);
    CHECK(allowed.challenge().empty());
    CHECK_FALSE(allowed.retry_after());
    CHECK(allowed.headers().empty());
    CHECK(allowed->client_id() == at.lab.id);
    CHECK(at.engine.authorize(headers, "lab:read", caller()).client_id() == at.lab.id);

    const auto missing = at.engine.try_authorize({}, "lab:read", caller());
    CHECK(missing.http_status() == 401);
    CHECK(has(missing.challenge(), "Bearer "));
    CHECK(missing.error().code() == errc::denied_token_missing);
    CHECK_FALSE(missing.retry_after());
    CHECK(missing.headers() == fields{{"WWW-Authenticate", std::string(missing.challenge())}});
    CHECK(has(missing.error().message(), "(request "));
    CHECK_THROWS_AS(missing->client_id(), wardkey::refused);
}

TEST_CASE("what authorize throws says what to answer") {
    const clinic at;
    const auto bearer = "Bearer " + issue(at.engine, at.lab);
    try {
        at.engine.authorize({{"Authorization", bearer}}, "billing:read", caller());
        FAIL("it was let in");
    } catch (const wardkey::refused& refused) {
        CHECK(refused.http_status() == 403);
        CHECK(has(refused.challenge(), "insufficient_scope"));
        CHECK(refused.code() == errc::denied_insufficient_scope);
        CHECK(refused.headers() == fields{{"WWW-Authenticate", refused.challenge()}});
        CHECK(has(refused.what(), "billing:read"));
        CHECK(has(refused.what(), "(request "));
    }
}

TEST_CASE("a rate limit says how long to wait") {
    const clinic at;
    const auto slow =
        register_client(at.engine, R"({"client_name":"Slow","scope":"lab:read","verify_rate":{"per_minute":1,"burst":1}})");
    const auto bearer = "Bearer " + issue(at.engine, slow);
    const std::array<wardkey::header, 1> headers{{{"Authorization", bearer}}};
    CHECK(at.engine.try_authorize(headers, "lab:read", caller()));
    const auto limited = at.engine.try_authorize(headers, "lab:read", caller());
    CHECK(limited.http_status() == 429);
    CHECK(limited.challenge().empty());
    REQUIRE(limited.retry_after());
    CHECK(*limited.retry_after() > std::chrono::seconds(0));
    CHECK(limited.error().retry_after() == limited.retry_after());
    CHECK(limited.headers() == fields{{"Retry-After", std::to_string(limited.retry_after()->count())}});
}

TEST_CASE("a token is issued for the scope that was asked for, and to its client alone") {
    const clinic at;
    const auto narrow = at.engine.issue(at.lab.id, at.lab.secret, "lab:read", caller());
    CHECK(member(narrow.text(), "scope") == "lab:read");
    CHECK(member(narrow.text(), "token_type") == "Bearer");
    const auto ask = [&](std::string_view id, std::string_view secret, std::string_view scope) {
        return at.engine.try_issue(id, secret, scope, caller()).error().code();
    };
    CHECK(ask(at.lab.id, at.lab.secret, "billing:read") == errc::denied_scope_not_allowed);
    CHECK(ask(at.lab.id, at.lab.secret, "two  spaces") == errc::denied_scope_malformed);
    CHECK(ask("wkc_nobody", at.lab.secret, "lab:read").value() / 100 == 2);
    CHECK(ask(at.lab.id, at.lab.secret + "x", "lab:read").value() / 100 == 2);
    CHECK_THROWS_AS(at.engine.issue(at.lab.id, "", std::nullopt, caller()), wardkey::denied);
}

TEST_CASE("a revoked secret takes its tokens with it") {
    const clinic at;
    const auto token = issue(at.engine, at.lab);
    at.engine.call(admin(), "client.secret.revoke",
                   R"({"client_id":")" + at.lab.id + R"(","credential_id":")" + at.lab.credential + "\"}");
    CHECK(at.engine.try_verify(token, "lab:read", caller()).error().code() == errc::denied_credential_revoked);
    CHECK(has(at.engine.call(admin(), "audit.verify").text(), R"("valid":true)"));
}

TEST_CASE("administration says what was false") {
    const clinic at;
    const auto ask = [&](const wardkey::context& who, std::string_view operation, std::string_view json) {
        return at.engine.try_call(who, operation, json).error();
    };
    CHECK(ask(admin(), "client.raed", "{}").code() == errc::misuse_operation);
    CHECK(ask({}, "client.list", "{}").code() == errc::misuse_actor);
    CHECK(ask(admin(), "client.read", R"({"client_id":"wkc_nobody"})").code() == errc::not_found);
    const auto document = ask(admin(), "client.create", R"({"client_nmae":"Lab"})");
    CHECK(document.code() == errc::misuse_document);
    CHECK(has(document.message(), "client_nmae"));
    CHECK(ask(admin(), "client.create", "\xff").code() == errc::misuse_utf8);
}

TEST_CASE("the caller's address, the proxy's header and the request's own id reach the engine") {
    const clinic at;
    at.engine.call(admin(), "settings.set", R"({"trusted_proxies":["10.0.0.0/8"]})");
    const auto near = register_client(
        at.engine, R"({"client_name":"Near","scope":"lab:read","allowed_networks":["192.0.2.0/24"]})");
    const auto token = issue(at.engine, near);
    auto from = caller();
    from.peer = "198.51.100.7";
    CHECK(at.engine.try_verify(token, "lab:read", from).error().code() == errc::denied_peer_not_allowed);
    from.peer = "10.1.1.1";
    from.forwarded = "for=192.0.2.9";
    from.correlation_id = "visit-7";
    CHECK(at.engine.try_verify(token, "lab:read", from));
    from.peer = std::nullopt;
    CHECK(at.engine.try_verify(token, "lab:read", from).error().code() == errc::denied_peer_unknown);

    auto by = admin();
    by.correlation_id = "visit-8";
    at.engine.call(by, "client.disable", R"({"client_id":")" + near.id + "\"}");
    CHECK(has(at.engine.call(admin(), "audit.read").text(), "visit-8"));
}

TEST_CASE("the OAuth endpoints answer as they would over a socket") {
    const clinic at;
    const auto keys = at.engine.http({"GET", "/oauth/jwks"}, caller());
    CHECK(keys.status() == 200);
    CHECK(has(keys.body(), "\"ES256\""));
    std::ostringstream names;
    for (const auto header : keys.headers()) {
        names << header.name() << ' ';
        CHECK_FALSE(header.value().empty());
    }
    CHECK(has(names.str(), "Content-Type "));
    CHECK(keys.headers().size() > 1);

    const std::multimap<std::string, std::string> map{{"Content-Type", "application/x-www-form-urlencoded"}};
    const std::vector<wardkey::header> headers(map.begin(), map.end());
    const auto body =
        "grant_type=client_credentials&client_id=" + at.lab.id + "&client_secret=" + at.lab.secret;
    wardkey::http_request request("POST", "/auth/oauth/token?", headers, body);
    request.base_path = "/auth";
    auto answer = at.engine.http(request, caller());
    CHECK(answer.status() == 200);
    CHECK(at.engine.verify(member(answer.body(), "access_token"), "lab:read", caller()).client_id() == at.lab.id);
    answer = at.engine.http({"GET", "/nothing/of/ours"}, caller());
    CHECK(answer.status() == 404);
    request.base_path = "auth\xff";
    CHECK(at.engine.try_http(request, caller()).error().code() == errc::misuse_utf8);
}

TEST_CASE("a server can ask which paths are the engine's") {
    const clinic at;
    CHECK(at.engine.serves("/oauth/token"));
    CHECK_FALSE(at.engine.serves("/oauth/token?"));
    CHECK_FALSE(at.engine.serves("/results/4711"));
    CHECK(at.engine.serves("/auth/oauth/token", "/auth"));
    CHECK_FALSE(at.engine.serves("/oauth/token", "/auth"));
    CHECK_FALSE(at.engine.serves("/o/token/"));
    at.engine.call(admin(), "settings.set", R"({"dialects":["drchrono"]})");
    CHECK(at.engine.serves("/o/token/"));

    const auto answered = at.engine.try_serves("/elsewhere");
    CHECK(answered);
    CHECK_FALSE(*answered);
    CHECK(at.engine.try_serves("/", "\xff").error().code() == errc::misuse_utf8);
    CHECK(wardkey::engine().try_serves("/").error().code() == errc::misuse_null);
}

TEST_CASE("a target is parted at its first question mark") {
    const auto parts = [](std::string_view target) {
        const wardkey::http_request request("GET", target);
        return std::string(request.path) + " " + std::string(request.query);
    };
    CHECK(parts("/a?b=c?d") == "/a b=c?d");
    CHECK(parts("/a?") == "/a ");
    CHECK(parts("/a") == "/a ");
    CHECK(parts("") == " ");
}

TEST_CASE("documents and responses move, and leave nothing behind") {
    const clinic at;
    auto document = at.engine.call(admin(), "client.list");
    const auto text = document.str();
    auto moved = std::move(document);
    CHECK(document.empty()); // NOLINT: what is left of it is the question
    CHECK(document.text().empty());
    CHECK(std::string(document.c_str()).empty());
    document = std::move(moved);
    CHECK(document.text() == text);
    wardkey::http_response none;
    CHECK(none.body().empty());
    CHECK(none.headers().size() == 0);
    CHECK(none.headers().begin() == none.headers().end());
}
