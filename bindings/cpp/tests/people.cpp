// People at the browser: the login page, the program's own users, its own page.
#include "support.hpp"

#include <stdexcept>
#include <vector>

using namespace support;
using wardkey::engine;
using wardkey::errc;

namespace {

constexpr std::string_view authorize_target =
    "/oauth/authorize?response_type=code&redirect_uri=https%3A%2F%2Fportal.example%2Fback&state=s1"
    "&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256&client_id=";

std::string register_portal(const engine& at) {
    const auto made = at.call(admin(), "client.create",
                              R"({"client_name":"Portal","scope":"lab:read","token_endpoint_auth_method":"none",)"
                              R"("grant_types":["authorization_code"],)"
                              R"("redirect_uris":["https://portal.example/back"]})");
    return member(made.text(), "client_id");
}

std::string location(const wardkey::http_response& response) {
    for (const auto header : response.headers()) {
        if (header.name() == "Location") {
            return std::string(header.value());
        }
    }
    return {};
}

/// BioT's login: its status.
int log_in(const engine& at, std::string_view username, std::string_view password) {
    const auto body = R"({"username":")" + std::string(username) + R"(","password":")" + std::string(password) + "\"}";
    const std::vector<wardkey::header> headers{{"Content-Type", "application/json"}};
    wardkey::http_request request("POST", "/ums/v2/users/login");
    request.headers = headers;
    request.body = body;
    auto from = caller();
    from.correlation_id = "visit-7";
    return at.http(request, from).status();
}

/// A program's staff: eva logs in; what she may is set by the test.
struct staff {
    wardkey::approved_user eva{"4711", "lab:read"};
    std::vector<std::string> told;

    engine open(const place& where) {
        auto how = where.options();
        how.check_user = [this](const wardkey::user_login& login) { return check(login); };
        how.log = [this](std::error_code code, std::string_view message) {
            CHECK(code == errc::internal_user_check);
            told.emplace_back(message);
        };
        return engine::create(how, "setup", R"({"dialects":["biot"]})");
    }

    std::optional<wardkey::approved_user> check(const wardkey::user_login& login) {
        CHECK(login.peer == "192.0.2.7");
        CHECK(login.correlation_id == "visit-7");
        if (login.password == "fail") {
            throw std::runtime_error("the directory does not answer");
        }
        if (login.password == "fail oddly") {
            throw 7;
        }
        if (login.username != "eva" || login.password != "nobodys guess") {
            return std::nullopt;
        }
        return eva;
    }
};

} // namespace

TEST_CASE("the program's own users log in") {
    const place where;
    staff people;
    const auto at = people.open(where);
    CHECK(log_in(at, "eva", "nobodys guess") == 200);
    CHECK(log_in(at, "eva", "wrong guess") == 401);
    CHECK(log_in(at, "otto", "nobodys guess") == 401);
    CHECK(has(at.call(admin(), "user.list").text(), "usr_.4711"));
    CHECK(people.told.empty());
}

TEST_CASE("nobody logs in when the program's check throws, and the log is told why") {
    const place where;
    staff people;
    const auto at = people.open(where);
    CHECK(log_in(at, "eva", "fail") == 503);
    REQUIRE(people.told.size() == 2);
    CHECK(people.told[0] == "the directory does not answer");
    CHECK(has(people.told[1], "check_user returned 0"));
    CHECK(log_in(at, "eva", "fail oddly") == 503);
    CHECK(has(people.told[2], "no std::exception"));
}

TEST_CASE("an approval whose text does not fit is nobody's") {
    const place where;
    staff people;
    const auto at = people.open(where);
    const auto try_subject = [&](const std::string& subject) {
        people.eva.subject = subject;
        return log_in(at, "eva", "nobodys guess");
    };
    CHECK(try_subject(std::string("4711\0x", 6)) == 503);
    CHECK(try_subject(std::string(255, 'x')) == 503);
    CHECK(try_subject(std::string(256, 'x')) == 503);
    CHECK(try_subject(std::string(4096, 'x')) == 503);
    CHECK(try_subject("") == 503);
    CHECK(try_subject(std::string(200, 'x')) == 200);
    people.eva.scope = std::string(5000, 'x');
    CHECK(try_subject("4711") == 503);
}

TEST_CASE("a program shows its own page, and its user approves") {
    const place where;
    const auto at = engine::create(where.options(), "setup");
    const auto target = std::string(authorize_target) + register_portal(at);
    const auto asked = at.pending({"GET", target}, caller());
    REQUIRE(asked);
    CHECK(asked.response.status() == 0);
    CHECK(member(asked.waiting.text(), "client_name") == "Portal");
    const auto handle = member(asked.waiting.text(), "handle");
    const auto cookie = member(asked.waiting.text(), "set_cookie");
    const auto pair = cookie.substr(0, cookie.find(';'));
    const std::vector<wardkey::header> headers{{"Cookie", pair}};
    const auto decide = [&](const wardkey::decision& what) { return at.decide(handle, what, headers, caller()); };

    CHECK(at.decide(handle, wardkey::decision::approve("dr.eva"), {}, caller()).status() == 400);
    CHECK(at.try_decide(handle, wardkey::decision::approve("dr eva"), headers, caller()).error().code()
          == errc::misuse_argument);
    CHECK(at.try_decide(handle, wardkey::decision::approve(""), headers, caller()).error().code()
          == errc::misuse_argument);
    const auto back = decide(wardkey::decision::approve("dr.eva", "lab:read"));
    CHECK(back.status() == 303);
    CHECK(has(location(back), "https://portal.example/back?code="));
}

TEST_CASE("a program shows its own page, and its user refuses") {
    const place where;
    const auto at = engine::create(where.options(), "setup");
    const auto target = std::string(authorize_target) + register_portal(at);
    const auto asked = at.pending({"GET", target}, caller());
    const auto cookie = member(asked.waiting.text(), "set_cookie");
    const auto pair = cookie.substr(0, cookie.find(';'));
    const auto back = at.decide(member(asked.waiting.text(), "handle"), wardkey::decision::refuse(),
                                {{"Cookie", pair}}, caller());
    CHECK(has(location(back), "error=access_denied"));
}

TEST_CASE("what cannot wait is answered at once") {
    const place where;
    const auto at = engine::create(where.options(), "setup");
    const auto asked = at.pending({"GET", std::string(authorize_target) + "nobody"}, caller());
    CHECK_FALSE(asked);
    CHECK(asked.response.status() == 400);
    CHECK_FALSE(asked.response.body().empty());
}
