// Backup, check and restore, with progress.
#include "support.hpp"

#include <stdexcept>

using namespace support;
using wardkey::engine;
using wardkey::errc;

namespace {

/// Puts the key file of the clinic's database beside a copy.
void use_key_of(const place& where, const std::string& copy) {
    std::filesystem::copy_file(std::filesystem::u8path(where.path("Klinik-Süd.db.key")),
                               std::filesystem::u8path(copy + ".key"));
}

} // namespace

TEST_CASE("a copy is made with progress, and restored") {
    const clinic at;
    const auto path = at.where.path("Sicherung.db");
    std::uint64_t last = 0, whole = 0;
    const auto made = at.engine.backup(admin(), path, [&](std::uint64_t done, std::uint64_t total) {
        CHECK(done >= last);
        last = done, whole = total;
        return true;
    });
    CHECK(whole > 0);
    CHECK(member(made.text(), "path") == path);
    CHECK(at.engine.try_backup(admin(), path).error().code() == errc::storage_exists);
    CHECK_THROWS_AS(at.engine.backup({}, at.where.path("other.db")), wardkey::error);

    const auto token = issue(at.engine, at.lab);
    use_key_of(at.where, path);
    const wardkey::options copy(path);
    CHECK(engine::try_open(copy).error().code() == errc::storage_freshness_missing);
    const auto restored = engine::restore(copy, "anna@clinic");
    CHECK(restored.try_verify(token, "lab:read", caller()).error().is_denied());
    CHECK(restored.try_issue(at.lab.id, at.lab.secret, std::nullopt, caller()).error().code()
          == errc::denied_secret_unconfirmed);
}

TEST_CASE("a copy may be restored with its secrets as they are") {
    const clinic at;
    const auto path = at.where.path("copy.db");
    at.engine.backup(admin(), path);
    use_key_of(at.where, path);
    const auto restored = engine::restore(wardkey::options(path), "anna@clinic", wardkey::restored_secrets::trust);
    CHECK_NOTHROW(issue(restored, at.lab));
}

TEST_CASE("the whole file is checked") {
    const clinic at;
    CHECK(has(at.engine.check(admin()).text(), R"("sound":true)"));
    bool asked = false;
    CHECK(at.engine.try_check(admin(), [&](std::uint64_t, std::uint64_t) { return asked = true; }));
    CHECK(asked);
    CHECK(at.engine.try_check({}).error().code() == errc::misuse_actor);
}

TEST_CASE("long work is cancelled, and leaves nothing") {
    const clinic at;
    const auto path = at.where.path("copy.db");
    const auto stop = [](std::uint64_t, std::uint64_t) { return false; };
    CHECK(at.engine.try_backup(admin(), path, stop).error().code() == errc::cancelled);
    CHECK_FALSE(std::filesystem::exists(path));
    CHECK(at.engine.try_check(admin(), stop).error().code() == errc::cancelled);
}

TEST_CASE("what progress throws, the call throws, and the twin keeps") {
    const clinic at;
    const auto path = at.where.path("copy.db");
    const auto fail = [](std::uint64_t, std::uint64_t) -> bool { throw std::out_of_range("the window is gone"); };
    CHECK_THROWS_AS(at.engine.backup(admin(), path, fail), std::out_of_range);
    CHECK_FALSE(std::filesystem::exists(path));
    const auto kept = at.engine.try_check(admin(), fail);
    CHECK(kept.error().code() == errc::cancelled);
    CHECK_THROWS_WITH(std::rethrow_exception(kept.error().cause()), "the window is gone");
    CHECK_THROWS_AS(kept.value(), std::out_of_range);
}

TEST_CASE("progress may use the engine") {
    const clinic at;
    const auto token = issue(at.engine, at.lab);
    CHECK(at.engine.try_backup(admin(), at.where.path("copy.db"), [&](std::uint64_t, std::uint64_t) {
        return at.engine.try_verify(token, "lab:read", caller()).has_value();
    }));
}
