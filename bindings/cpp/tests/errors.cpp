// Codes, failures, exceptions, results, secrets.
#include "support.hpp"

#include <algorithm>
#include <cctype>
#include <fstream>
#include <regex>
#include <sstream>

using namespace support;
using wardkey::condition;
using wardkey::errc;

namespace {

wardkey::failure failure_of(errc code) {
    wardkey_error raw{};
    raw.code = static_cast<std::int32_t>(code);
    raw.system_code = 7;
    return wardkey::failure(raw);
}

std::string text_of(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
}

} // namespace

TEST_CASE("every code of wardkey.h has its errc") {
    const auto header = text_of(C_HEADER);
    const auto ours = text_of(ERROR_HEADER);
    const std::regex code("#define WARDKEY_(\\w+) [1-5]\\d\\d\n");
    int count = 0;
    for (std::sregex_iterator at(header.begin(), header.end(), code), end; at != end; ++at, ++count) {
        const auto name = (*at)[1].str();
        auto lower = name;
        std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char letter) {
            return static_cast<char>(std::tolower(letter));
        });
        INFO(name);
        CHECK(has(ours, "    " + lower + " = WARDKEY_" + name + ",\n"));
    }
    CHECK(count > 99);
}

TEST_CASE("codes are of the standard library's kind") {
    const std::error_code code = errc::denied_token_expired;
    CHECK(std::string(code.category().name()) == "wardkey");
    CHECK(code.message() == wardkey_status_message(WARDKEY_DENIED_TOKEN_EXPIRED));
    CHECK(code == condition::denied);
    CHECK(code != condition::storage);
    CHECK(std::error_code(errc::misuse_abi) == condition::misuse);
    CHECK(std::error_code(errc::not_found) == condition::not_done);
    CHECK(std::error_code(errc::storage_full) == condition::storage);
    CHECK(std::error_code(errc::internal) == condition::internal);
    CHECK(std::error_code(299, wardkey::category()) == condition::denied);
    CHECK_FALSE(std::error_code(202, std::generic_category()) == condition::denied);
    CHECK(wardkey::name(code) == "WARDKEY_DENIED_TOKEN_EXPIRED");
    CHECK(wardkey::name(std::error_code(299, wardkey::category())) == "WARDKEY_UNKNOWN");
    CHECK(std::error_code(0, wardkey::category()) == std::error_code(0, wardkey::category()));
    CHECK_FALSE(std::error_code(0, wardkey::category()));
    for (const auto kind : {condition::misuse, condition::denied, condition::not_done, condition::storage,
                            condition::internal}) {
        CHECK_FALSE(make_error_condition(kind).message().empty());
    }
}

TEST_CASE("a failure without a message has its code's") {
    const auto why = failure_of(errc::storage_full);
    CHECK(why.message() == wardkey_status_message(WARDKEY_STORAGE_FULL));
    CHECK(why.system_code() == 7);
    CHECK_FALSE(why.is_denied());
    CHECK_FALSE(why.retry_after());
    CHECK(failure_of(errc::denied_rate_limited).retry_after() == std::chrono::seconds(7));
}

TEST_CASE("exceptions are of the standard library's kind, by class of failure") {
    CHECK_THROWS_AS(failure_of(errc::denied_token_expired).raise(), wardkey::denied);
    try {
        failure_of(errc::storage_full).raise();
    } catch (const wardkey::denied&) {
        FAIL("a full disk is no denial");
    } catch (const std::system_error& error) {
        CHECK(error.code() == errc::storage_full);
        CHECK(std::string(error.what()) == wardkey_status_message(WARDKEY_STORAGE_FULL));
        CHECK(dynamic_cast<const wardkey::error&>(error).why().system_code() == 7);
    }
}

TEST_CASE("a result holds one of both, and no slip reads what is not there") {
    wardkey::result<std::string> good(std::string("text"));
    CHECK(good);
    CHECK(good.has_value());
    CHECK(*good == "text");
    CHECK(good->size() == 4);
    CHECK(std::as_const(good)->size() == 4);
    CHECK(std::as_const(good).value() == "text");
    CHECK_THROWS_AS(good.error(), std::bad_variant_access);
    CHECK(*std::move(good) == "text");

    wardkey::result<std::string> bad(failure_of(errc::conflict));
    CHECK_FALSE(bad);
    CHECK(bad.error().code() == errc::conflict);
    CHECK_THROWS_AS(bad.value(), wardkey::error);
    CHECK_THROWS_AS(*bad, wardkey::error);
    CHECK_THROWS_AS(bad->size(), wardkey::error);
    CHECK_THROWS_AS(*std::as_const(bad), wardkey::error);
    CHECK_THROWS_AS(std::as_const(bad)->size(), wardkey::error);
    CHECK_THROWS_AS(*std::move(bad), wardkey::error);

    const wardkey::result<void> done;
    CHECK(done);
    CHECK_NOTHROW(done.value());
    CHECK_THROWS_AS(done.error(), std::bad_optional_access);
    const wardkey::result<void> undone(failure_of(errc::conflict));
    CHECK_FALSE(undone);
    CHECK_THROWS_AS(undone.value(), wardkey::error);
    CHECK(undone.error().code() == errc::conflict);
}

TEST_CASE("a secret is copied and moved whole") {
    const wardkey::secret empty;
    CHECK(empty.expose().empty());
    wardkey::secret one(std::string_view("k\0y", 3));
    CHECK(one.expose() == std::string_view("k\0y", 3));
    auto copy = one;
    const auto moved = std::move(one);
    CHECK(one.expose().empty()); // NOLINT: what is left of it is the question
    CHECK(moved.expose() == copy.expose());
    CHECK(moved.expose().data() != copy.expose().data());
    copy = empty;
    CHECK(copy.expose().empty());
    copy = moved;
    CHECK(copy.expose().size() == 3);
}

TEST_CASE("a text as long as the number for NUL-terminated ones is not read to a NUL") {
    if constexpr (sizeof(std::size_t) > 4) {
        // Nothing of it is read: the length alone is refused.
        const std::string_view text("short", static_cast<std::size_t>(WARDKEY_NTS));
        const clinic at;
        CHECK(at.engine.try_verify(text, "lab:read", caller()).error().code() == errc::misuse_length);
        CHECK(at.engine.try_verify("token", text, caller()).error().code() == errc::misuse_length);
    }
}

static_assert(noexcept(std::declval<const wardkey::engine&>().try_verify("", "", wardkey::context())));
static_assert(std::is_nothrow_copy_constructible_v<wardkey::error>);
static_assert(std::is_nothrow_copy_constructible_v<wardkey::refused>);
static_assert(std::is_nothrow_move_constructible_v<wardkey::result<wardkey::document>>);
static_assert(std::is_nothrow_move_constructible_v<wardkey::result<wardkey::http_response>>);
static_assert(!std::is_copy_constructible_v<wardkey::document> && !std::is_copy_constructible_v<wardkey::http_response>);

// What crosses the boundary is clean C.
static_assert(std::is_standard_layout_v<wardkey_principal> && std::is_trivial_v<wardkey_principal>);
static_assert(std::is_standard_layout_v<wardkey_options> && std::is_trivial_v<wardkey_options>);
static_assert(sizeof(wardkey_error) == 248);
