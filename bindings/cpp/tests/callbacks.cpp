// Functions of the program: how long they live, and what becomes of what they throw.
#include "support.hpp"

#include <stdexcept>
#include <vector>

using namespace support;
using wardkey::engine;
using wardkey::errc;

namespace {

/// Counts its owners; options hold one for each function in them.
using counted = std::shared_ptr<int>;

std::chrono::milliseconds noon() {
    return std::chrono::milliseconds(1'772'353'800'000);
}

wardkey::options with_functions(const place& where, const counted& owners) {
    auto how = where.options();
    how.key = wardkey::key_function([owners] { return wardkey::secret(std::string(32, 'k')); });
    how.clock.wall = [owners] { return noon(); };
    how.clock.monotonic = [owners] { return std::chrono::milliseconds(1); };
    how.log = [owners](std::error_code, std::string_view) {};
    how.check_user = [owners](const wardkey::user_login&) { return std::nullopt; };
    return how;
}

/// A clock that can be broken.
struct broken_clock {
    bool broken = false;

    wardkey::options options(const place& where) {
        auto how = where.options();
        how.clock.wall = how.clock.monotonic = [this] {
            if (broken) {
                throw std::domain_error("the clock is broken");
            }
            return noon();
        };
        return how;
    }
};

} // namespace

TEST_CASE("functions are destroyed once, when the engine is closed") {
    const place where;
    const auto owners = std::make_shared<int>();
    engine::create(with_functions(where, owners), "setup");
    CHECK(owners.use_count() == 1);
    auto opened = engine::open(with_functions(where, owners));
    CHECK(owners.use_count() == 6);
    auto moved = std::move(opened);
    CHECK(owners.use_count() == 6);
    moved.close();
    CHECK(owners.use_count() == 1);
}

TEST_CASE("functions are destroyed when opening fails") {
    const place where;
    const auto owners = std::make_shared<int>();
    CHECK_FALSE(engine::try_open(with_functions(where, owners)));
    CHECK(owners.use_count() == 1);
    auto how = with_functions(where, owners);
    how.path.clear();
    CHECK_FALSE(engine::try_open(how));
    how.clock.wall = nullptr;
    CHECK(engine::try_create(how, "setup").error().code() == wardkey::condition::misuse);
    how = where.options();
    CHECK(owners.use_count() == 1);
}

TEST_CASE("functions that the library could not take are destroyed here") {
    const place where;
    const auto owners = std::make_shared<int>();
    {
        const auto how = with_functions(where, owners);
        wardkey_options raw{};
        wardkey::detail::hand_over_callbacks(how, std::make_shared<wardkey::detail::thrown>(), raw);
        CHECK(owners.use_count() == 11);
        wardkey_engine* handle = nullptr;
        REQUIRE(wardkey_open(&raw, &handle, nullptr) == WARDKEY_MISUSE_SIZE);
        wardkey::detail::take_back_callbacks(raw);
    }
    CHECK(owners.use_count() == 1);
}

TEST_CASE("the clock is the program's, both or none") {
    const place where;
    const auto owners = std::make_shared<int>();
    auto how = with_functions(where, owners);
    const auto at = engine::create(how, "setup");
    const auto lab = register_lab(at);
    const auto who = at.verify(issue(at, lab), "lab:read", caller());
    CHECK(who.issued_at().time_since_epoch() == noon());
    how.clock.monotonic = nullptr;
    CHECK(engine::try_open(how).error().code() == errc::misuse_argument);
}

TEST_CASE("what the key function throws, opening throws") {
    const place where;
    auto how = where.options();
    how.key = wardkey::key_function([]() -> wardkey::secret { throw std::domain_error("the TPM is locked"); });
    CHECK_THROWS_AS(engine::create(how, "setup"), std::domain_error);
    const auto refused = engine::try_create(how, "setup");
    CHECK(refused.error().code() == errc::storage_key_callback);
    CHECK_THROWS_WITH(std::rethrow_exception(refused.error().cause()), "the TPM is locked");

    how.key = wardkey::key_function([] { return wardkey::secret("short"); });
    CHECK_THROWS_AS(engine::create(how, "setup"), std::length_error);
    how.key = wardkey::key_function();
    CHECK_THROWS_AS(engine::create(how, "setup"), std::bad_function_call);
}

TEST_CASE("what the clock throws, the call throws, and nobody is let in by a clock that stands") {
    const place where;
    broken_clock clock;
    const auto at = engine::create(clock.options(where), "setup");
    const auto lab = register_lab(at);
    const auto bearer = "Bearer " + issue(at, lab);
    const std::vector<wardkey::header> headers{{"Authorization", bearer}};
    CHECK(at.try_authorize(headers, "lab:read", caller()));

    clock.broken = true;
    const auto answer = at.try_authorize(headers, "lab:read", caller());
    CHECK_FALSE(answer);
    CHECK(answer.http_status() == 500);
    CHECK_THROWS_AS(*answer, std::domain_error);
    CHECK_THROWS_AS(at.issue(lab.id, lab.secret, std::nullopt, caller()), std::domain_error);
    CHECK_FALSE(engine::try_open(clock.options(where)));

    clock.broken = false;
    CHECK(at.try_authorize(headers, "lab:read", caller()));
}

TEST_CASE("the log is told of storage, and its own exceptions change nothing") {
    const place where;
    auto how = where.options();
    std::vector<std::error_code> told;
    how.log = [&](std::error_code code, std::string_view message) {
        told.push_back(code);
        CHECK_FALSE(message.empty());
        throw std::domain_error("the log is full");
    };
    CHECK(engine::try_open(how).error().code() == errc::storage_missing);
    CHECK(told == std::vector<std::error_code>{errc::storage_missing});
}
