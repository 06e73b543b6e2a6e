// Opening, closing and moving engines; where the key is.
#include "support.hpp"

#include <array>
#include <fstream>
#include <thread>
#include <vector>

using namespace support;
using wardkey::engine;
using wardkey::errc;

TEST_CASE("a database is made once and opened again") {
    const place where;
    CHECK(engine::try_open(where.options()).error().code() == errc::storage_missing);
    {
        const auto made = engine::create(where.options(), "setup", R"({"issuer":"https://emr.clinic.example"})");
        CHECK(has(made.call(admin(), "settings.get").text(), "https://emr.clinic.example"));
    }
    CHECK(engine::try_create(where.options(), "setup").error().code() == errc::storage_exists);
    CHECK(engine::open(where.options()).handle() != nullptr);
    CHECK(engine::migrate(where.options()).handle() != nullptr);
}

TEST_CASE("a program makes its database when it first runs, and only if there is none") {
    const place where;
    auto lab = register_lab(engine::open_or_create(where.options(), "setup"));
    const auto again = engine::open_or_create(where.options(), "setup");
    CHECK(has(again.call(admin(), "client.list").text(), lab.id));

    const auto other = where.path("other.db");
    std::ofstream(other) << "something else than a database";
    const auto refused = engine::try_open_or_create(wardkey::options(other), "setup");
    CHECK(refused.error().code() == errc::storage_foreign_file);
}

TEST_CASE("of several that make one database at once, one makes it and all open it") {
    const place where;
    constexpr std::size_t many = 4;
    std::array<engine, many> engines;
    std::vector<std::thread> threads;
    for (auto& mine : engines) {
        threads.emplace_back([&] { mine = engine::open_or_create(where.options(), "setup"); });
    }
    for (auto& thread : threads) {
        thread.join();
    }
    const auto lab = register_lab(engines.front());
    CHECK(has(engines.back().call(admin(), "client.list").text(), lab.id));
}

TEST_CASE("a path alone is options enough") {
    const place where;
    const auto text = where.path("Klinik-Süd.db");
    engine::create(text, "setup");
    CHECK(engine::try_open(text.c_str()));
    CHECK(engine::try_open(std::string_view(text)));
    CHECK(engine::try_open(std::filesystem::u8path(text)));
    CHECK(engine::try_open("nowhere.db").error().code() == errc::storage_missing);
}

TEST_CASE("false options are told, and thrown") {
    const place where;
    CHECK(engine::try_open(wardkey::options("")).error().code() == errc::misuse_argument);
    CHECK(engine::try_create(where.options(), "setup", "{").error().code() == errc::misuse_document);
    CHECK_THROWS_AS(engine::open(where.options()), wardkey::error);
    CHECK_THROWS_WITH(engine::create(where.options(), "setup", R"({"isuer":""})"), Catch::Contains("isuer"));
}

TEST_CASE("the master key may be the program's") {
    const place where;
    const wardkey::secret key(std::string(32, 'k'));
    auto how = where.options();
    how.key = key;
    const auto lab = register_lab(engine::create(how, "setup"));
    CHECK_FALSE(std::filesystem::exists(std::filesystem::u8path(where.path("Klinik-Süd.db.key"))));

    how.key = wardkey::key_function([&] { return key; });
    CHECK(has(engine::open(how).call(admin(), "client.list").text(), lab.id));
    how.key = wardkey::secret(std::string(32, 'x'));
    CHECK(engine::try_open(how).error().code() == errc::storage_wrong_key);
    how.key = wardkey::secret("too short");
    CHECK(engine::try_open(how).error().code() == errc::misuse_argument);
    how.key = wardkey::key_file();
    CHECK(engine::try_open(how).error().code() == errc::storage_key_missing);
}

TEST_CASE("the busy timeout is any number of milliseconds") {
    const place where;
    auto how = where.options();
    engine::create(how, "setup");
    for (const auto timeout : {std::chrono::milliseconds(-1), std::chrono::milliseconds(1),
                               std::chrono::milliseconds(std::chrono::hours(24 * 365))}) {
        how.busy_timeout = timeout;
        CHECK(engine::try_open(how));
    }
}

TEST_CASE("an engine that is closed says so, and closes again without harm") {
    clinic at;
    const auto token = issue(at.engine, at.lab);
    at.engine.close();
    CHECK(at.engine.try_close().error().code() == errc::misuse_closed);
    CHECK(at.engine.try_maintain().error().code() == errc::misuse_closed);
    CHECK_THROWS_AS(at.engine.close(), wardkey::error);
    const auto answer = at.engine.try_authorize({{"Authorization", "Bearer " + token}}, "lab:read", caller());
    CHECK_FALSE(answer);
    CHECK(answer.http_status() == 500);
    CHECK_THROWS_AS(*answer, wardkey::error);
}

TEST_CASE("an engine moves, and what it was moved from is none") {
    clinic at;
    auto moved = std::move(at.engine);
    CHECK(moved.handle() != nullptr);
    CHECK(at.engine.handle() == nullptr); // NOLINT: what is left of it is the question
    CHECK(at.engine.try_maintain().error().code() == errc::misuse_null);
    CHECK(at.engine.try_verify("token", "lab:read", caller()).error().code() == errc::misuse_null);
    CHECK(at.engine.try_http({"GET", "/oauth/jwks"}, caller()).error().code() == errc::misuse_null);
    CHECK(at.engine.try_close());

    at.engine = std::move(moved);
    at.engine.maintain();
    auto& same = at.engine;
    at.engine = std::move(same);
    CHECK_NOTHROW(at.engine.maintain());
    CHECK(engine().try_maintain().error().code() == errc::misuse_null);
}

TEST_CASE("moving an engine into another closes what that one held") {
    clinic one;
    clinic two;
    auto* const first = one.engine.handle();
    one.engine = std::move(two.engine);
    CHECK(wardkey_maintain(first, nullptr) == WARDKEY_MISUSE_CLOSED);
    CHECK(one.engine.try_maintain());
}

TEST_CASE("the library says which it is") {
    CHECK(wardkey::version() == wardkey_version());
    CHECK(wardkey::abi_version() == WARDKEY_ABI_VERSION);
}

static_assert(!std::is_copy_constructible_v<engine> && !std::is_copy_assignable_v<engine>);
static_assert(std::is_nothrow_move_constructible_v<engine> && std::is_nothrow_move_assignable_v<engine>);
