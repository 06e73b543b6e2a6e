/// The engine: an open database.
#ifndef WARDKEY_ENGINE_HPP
#define WARDKEY_ENGINE_HPP

#include "answer.hpp"
#include "callbacks.hpp"
#include "error.hpp"
#include "options.hpp"
#include "request.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <thread>
#include <utility>

namespace wardkey {

/// An open database. A program opens it once and uses the engine from all its threads.
class engine {
public:
    /// Opens an existing database.
    ///
    /// Throws `error`: `errc::storage_missing` if there is none at the path, other codes of `condition::storage`,
    /// `errc::misuse_abi` if the library is older than this header; and what a `key_function` throws.
    static engine open(const options& how) { return try_open(how).value(); }
    /// As `open`.
    static result<engine> try_open(const options& how);

    /// Makes a database, and opens it.
    ///
    /// ```cpp
    /// auto engine = wardkey::engine::create(how, "setup", R"({"issuer":"https://emr.clinic.example"})");
    /// ```
    ///
    /// `actor`: who does it, for the audit. `settings`: the first settings, as the JSON document of the operation
    /// `settings.set`; absent for the defaults. Throws as `open`, and `errc::storage_exists` if there is anything at the
    /// path.
    static engine create(const options& how, std::string_view actor,
                         std::optional<std::string_view> settings = std::nullopt) {
        return try_create(how, actor, settings).value();
    }
    /// As `create`.
    static result<engine> try_create(const options& how, std::string_view actor,
                                     std::optional<std::string_view> settings = std::nullopt);

    /// Opens a database, or makes it if there is none: for a program that makes its database when it first runs.
    ///
    /// ```cpp
    /// const auto engine = wardkey::engine::open_or_create("clinic.db", "setup");
    /// ```
    ///
    /// Nothing is made on any other failure, for that could hide a lost disk. Several programs may do so at once. The
    /// first run's log is told `errc::storage_missing`. Arguments and failures as of `create`.
    static engine open_or_create(const options& how, std::string_view actor,
                                 std::optional<std::string_view> settings = std::nullopt) {
        return try_open_or_create(how, actor, settings).value();
    }
    /// As `open_or_create`.
    static result<engine> try_open_or_create(const options& how, std::string_view actor,
                                             std::optional<std::string_view> settings = std::nullopt);

    /// Accepts a database that may be an old copy, and opens it. All tokens end.
    ///
    /// Throws as `open`. `docs/backup.md` says what to do around it.
    static engine restore(const options& how, std::string_view actor,
                          restored_secrets secrets = restored_secrets::confirm) {
        return try_restore(how, actor, secrets).value();
    }
    /// As `restore`.
    static result<engine> try_restore(const options& how, std::string_view actor,
                                      restored_secrets secrets = restored_secrets::confirm);

    /// Brings the file to this library's format if it has an older one, and opens it. Throws as `open`.
    static engine migrate(const options& how) { return try_migrate(how).value(); }
    /// As `migrate`.
    static result<engine> try_migrate(const options& how);

    /// None: its functions fail with `errc::misuse_null` until one is moved into it.
    engine() noexcept = default;
    /// Leaves the other one as if it was default-constructed.
    engine(engine&& other) noexcept
        : handle_(std::exchange(other.handle_, nullptr)), thrown_(std::move(other.thrown_)) {}
    /// Closes what it held.
    engine& operator=(engine&& other) noexcept {
        engine taken(std::move(other));
        std::swap(handle_, taken.handle_);
        std::swap(thrown_, taken.thrown_);
        return *this;
    }
    /// Closes; call `close` first to learn whether it failed.
    ~engine() { wardkey_close(handle_, nullptr); }

    /// Writes what verification has gathered for the audit, and closes.
    ///
    /// Calls under way in other threads finish; later ones fail with `errc::misuse_closed`, a second close too. An engine
    /// that is none closes without a failure. Throws `error` (`condition::storage`) if what was gathered could not be
    /// written; closed all the same.
    void close() { try_close().value(); }
    /// As `close`.
    result<void> try_close() noexcept;

    /// Writes what verification has gathered for the audit.
    ///
    /// Nothing has to call it: other calls do so once a minute. Throws `error` (`condition::storage`).
    void maintain() const { try_maintain().value(); }
    /// As `maintain`.
    result<void> try_maintain() const noexcept;

    /// Whether a request that carries this token may do what needs these scopes.
    ///
    /// ```cpp
    /// const auto who = engine.verify(token, "lab:read", caller);
    /// ```
    ///
    /// `token`: what stands behind `Authorization: Bearer `. `scopes`: words parted by single spaces, all of which the
    /// token must have, or `any_scope`; empty is `errc::misuse_argument`. Throws `denied`, and `error` where it cannot be
    /// known. `authorize` finds the token by itself and says what to answer.
    principal verify(std::string_view token, std::string_view scopes, const context& caller) const {
        return try_verify(token, scopes, caller).value();
    }
    /// As `verify`.
    result<principal> try_verify(std::string_view token, std::string_view scopes,
                                 const context& caller) const noexcept;

    /// Whether a request to your API with these headers may go on. Call it on every request.
    ///
    /// The token is taken from the header `Authorization` and nowhere else (RFC 6750 2.1), and verified as by `verify`.
    /// Throws `refused`, which says what to answer, and `error` where it cannot be known: answer 503 or 500.
    principal authorize(headers_view headers, std::string_view scopes, const context& caller) const {
        return *try_authorize(headers, scopes, caller);
    }
    /// As `authorize`; the result says what to answer in every case.
    access try_authorize(headers_view headers, std::string_view scopes, const context& caller) const noexcept;

    /// What a valid token says, as JSON: `client_id`, `sub`, `scope`, `jti`, `iat` and `exp` in seconds since 1970,
    /// `host_data`.
    ///
    /// The token is verified as by `verify` with `any_scope`, and the use counts as one. Throws as `verify`.
    document claims(std::string_view token, const context& caller) const { return try_claims(token, caller).value(); }
    /// As `claims`.
    result<document> try_claims(std::string_view token, const context& caller) const noexcept;

    /// Issues an access token to a client that presents its id and secret (RFC 6749 4.4).
    ///
    /// ```cpp
    /// const auto json = engine.issue(id, secret, "lab:read", caller); // {"access_token":"...","expires_in":3600,...}
    /// ```
    ///
    /// `scope`: words parted by single spaces; absent for the client's default ones. The document is that of RFC 6749
    /// 5.1. Throws `denied` with the true reason, which the remote client should not read; any other `error`: nothing was
    /// issued. A server that speaks HTTP uses `http` instead.
    document issue(std::string_view client_id, std::string_view client_secret, std::optional<std::string_view> scope,
                   const context& caller) const {
        return try_issue(client_id, client_secret, scope, caller).value();
    }
    /// As `issue`.
    result<document> try_issue(std::string_view client_id, std::string_view client_secret,
                               std::optional<std::string_view> scope, const context& caller) const noexcept;

    /// Answers one HTTP request to the authorization endpoint, the token endpoint and their neighbours.
    ///
    /// ```cpp
    /// const auto response = engine.http({request.method, request.target, headers, request.body}, caller);
    /// ```
    ///
    /// Every request gets an answer, a path that is none of ours a 404, a full disk a 503: send it as it is. The
    /// context's `peer` and `secure` decide much: requests that came over plain HTTP from another machine are refused.
    /// Throws `error` (`condition::misuse`).
    http_response http(const http_request& request, const context& caller) const {
        return try_http(request, caller).value();
    }
    /// As `http`.
    result<http_response> try_http(const http_request& request, const context& caller) const noexcept;

    /// Whether `http` has an endpoint at this path: for a server that asks before it looks whether the path is one of its
    /// own.
    ///
    /// ```cpp
    /// if (engine.serves(path)) { answer_with(engine.http(request, caller)); }
    /// ```
    ///
    /// `path`: without the query, percent-encoded as received, `base_path` included. `base_path`: where you mount the
    /// engine; empty at the root. The endpoints of a dialect are there while the setting `dialects` names it. While the
    /// database cannot be read, the answer is what it was when it last could. Throws `error` (`condition::misuse`).
    bool serves(std::string_view path, std::string_view base_path = {}) const {
        return try_serves(path, base_path).value();
    }
    /// As `serves`. The result is true if there is an answer; `*result` is the answer.
    result<bool> try_serves(std::string_view path, std::string_view base_path = {}) const noexcept;

    /// Reads an authorization request (RFC 6749 4.1.1) for a program that has users of its own and shows its own page.
    ///
    /// Put the document's `handle` into your page's form and its `set_cookie` into a header `Set-Cookie`; after your own
    /// login call `decide`. The handle counts for ten minutes. Throws `error` (misuse or storage).
    pending_request pending(const http_request& request, const context& caller) const {
        return try_pending(request, caller).value();
    }
    /// As `pending`.
    result<pending_request> try_pending(const http_request& request, const context& caller) const noexcept;

    /// Takes your user's decision on a pending request, once, and makes the response for their browser.
    ///
    /// ```cpp
    /// const auto response = engine.decide(handle, wardkey::decision::approve("dr.eva"), headers, caller);
    /// ```
    ///
    /// `headers`: all of the request that brought the decision; the cookie of the browser that asked must be among them.
    /// Throws `error`: `errc::misuse_argument` for a subject or scope that cannot be, other misuse, storage.
    http_response decide(std::string_view handle, const decision& what, headers_view headers,
                         const context& caller) const {
        return try_decide(handle, what, headers, caller).value();
    }
    /// As `decide`.
    result<http_response> try_decide(std::string_view handle, const decision& what, headers_view headers,
                                     const context& caller) const noexcept;

    /// Runs an administrative operation: a JSON document in, a JSON document out. `docs/operations.md` describes each.
    ///
    /// ```cpp
    /// const auto lab = engine.call(wardkey::context::by("anna@clinic"), "client.create",
    ///                              R"({"client_name":"Lab Interface","scope":"lab:read lab:write"})");
    /// ```
    ///
    /// Make the document with a JSON library where a value comes from somebody else. Throws `error`:
    /// `errc::misuse_document` with the path of the member that is false, `errc::misuse_operation`, `errc::misuse_actor`,
    /// `errc::not_found`, `errc::conflict`, storage. Nothing was changed then.
    document call(const context& admin, std::string_view operation, std::string_view json = "{}") const {
        return try_call(admin, operation, json).value();
    }
    /// As `call`.
    result<document> try_call(const context& admin, std::string_view operation,
                              std::string_view json = "{}") const noexcept;

    /// Copies the database to a new file, while threads and programs use it. No key is in the copy.
    ///
    /// ```cpp
    /// const auto made = engine.backup(admin, "clinic-2026-03-01.db",
    ///                                 [&](std::uint64_t, std::uint64_t) { return !stop_pressed; });
    /// ```
    ///
    /// `path`: in UTF-8, relative to the program's folder; nothing is overwritten. The document says what opens the copy
    /// and what to keep beside it. Throws `error`: `errc::cancelled`, then nothing of it is left; `errc::storage_exists`;
    /// `errc::storage_corrupt` if the database is not sound; and what `progress` throws.
    document backup(const context& admin, std::string_view path, const progress_function& progress = {}) const {
        return try_backup(admin, path, progress).value();
    }
    /// As `backup`.
    result<document> try_backup(const context& admin, std::string_view path,
                                const progress_function& progress = {}) const noexcept;

    /// Checks the whole file: SQLite's own check, every row's code, every row against the audit, the audit's chain.
    ///
    /// The document has `sound`, `cancelled`, `findings`, `audit`. Throws `error`: `errc::cancelled`, storage; and what
    /// `progress` throws.
    document check(const context& admin, const progress_function& progress = {}) const {
        return try_check(admin, progress).value();
    }
    /// As `check`.
    result<document> try_check(const context& admin, const progress_function& progress = {}) const noexcept;

    /// The handle for the functions of `wardkey.h`; null if this is none. It stays this object's to close.
    wardkey_engine* handle() const noexcept { return handle_; }

private:
    template <class T>
    result<T> settle(std::int32_t code, const wardkey_error& why, T&& made,
                     std::exception_ptr cause = nullptr) const noexcept;
    result<void> settle(std::int32_t code, const wardkey_error& why) const noexcept;
    std::optional<failure> failed(std::int32_t code, const wardkey_error& why,
                                  std::exception_ptr cause = nullptr) const noexcept;
    static result<engine> start(const options& how, std::uint32_t mode,
                                std::optional<std::string_view> actor = std::nullopt,
                                std::optional<std::string_view> settings = std::nullopt);

    wardkey_engine* handle_ = nullptr;
    // What the clock threw in calls that have not returned yet; null without a clock.
    std::shared_ptr<detail::thrown> thrown_;
};

// ------------------------------------------------------------------------------------------------- how it is done

inline result<engine> engine::try_open(const options& how) {
    return start(how, WARDKEY_MODE_OPEN);
}

inline result<engine> engine::try_create(const options& how, std::string_view actor,
                                         std::optional<std::string_view> settings) {
    return start(how, WARDKEY_MODE_CREATE, actor, settings);
}

inline result<engine> engine::try_open_or_create(const options& how, std::string_view actor,
                                                 std::optional<std::string_view> settings) {
    const auto patience = how.busy_timeout > how.busy_timeout.zero() ? how.busy_timeout : std::chrono::seconds(5);
    const auto deadline = std::chrono::steady_clock::now() + patience;
    for (;;) {
        auto opened = try_open(how);
        if (opened || opened.error().code() != errc::storage_missing) {
            return opened;
        }
        auto made = try_create(how, actor, settings);
        if (made || made.error().code() != errc::storage_exists || std::chrono::steady_clock::now() > deadline) {
            return made;
        }
        // Another program is making it: a part is there already, the database itself comes last.
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
}

inline result<engine> engine::try_restore(const options& how, std::string_view actor, restored_secrets secrets) {
    const bool trusting = secrets == restored_secrets::trust;
    return start(how, trusting ? WARDKEY_MODE_RESTORE_TRUSTING : WARDKEY_MODE_RESTORE, actor);
}

inline result<engine> engine::try_migrate(const options& how) {
    return start(how, WARDKEY_MODE_MIGRATE);
}

inline result<engine> engine::start(const options& how, std::uint32_t mode, std::optional<std::string_view> actor,
                                    std::optional<std::string_view> settings) {
    if (const auto code = wardkey_abi_check(WARDKEY_ABI_VERSION); code != WARDKEY_OK) {
        return detail::failure_of(code, wardkey_status_message(code));
    }
    const detail::text by = actor, first = settings;
    wardkey_options raw;
    wardkey_options_init(&raw, sizeof raw);
    raw.mode = mode;
    detail::fill(how, raw);
    raw.actor = by.data, raw.actor_len = by.size;
    raw.settings = first.data, raw.settings_len = first.size;

    engine opened;
    opened.thrown_ = std::make_shared<detail::thrown>();
    detail::hand_over_callbacks(how, opened.thrown_, raw);
    wardkey_error why;
    const auto code = wardkey_open(&raw, &opened.handle_, &why);
    if (code == WARDKEY_MISUSE_SIZE) {
        detail::take_back_callbacks(raw);
    }
    if (auto failed = opened.failed(code, why)) {
        return *std::move(failed);
    }
    if (raw.clock_user == nullptr) {
        opened.thrown_ = nullptr;
    }
    return result<engine>(std::move(opened));
}

inline result<void> engine::try_close() noexcept {
    wardkey_error why;
    const auto code = wardkey_close(handle_, &why);
    return settle(code, why);
}

inline result<void> engine::try_maintain() const noexcept {
    wardkey_error why;
    const auto code = wardkey_maintain(handle_, &why);
    return settle(code, why);
}

inline result<principal> engine::try_verify(std::string_view token, std::string_view scopes,
                                            const context& caller) const noexcept {
    const detail::text raw_token = token, raw_scopes = scopes;
    const auto from = detail::raw(caller);
    wardkey_principal who;
    wardkey_error why;
    const auto code = wardkey_verify(handle_, raw_token.data, raw_token.size, raw_scopes.data, raw_scopes.size, &from,
                                     &who, sizeof who, &why);
    return settle(code, why, principal(who));
}

inline access engine::try_authorize(headers_view headers, std::string_view scopes,
                                    const context& caller) const noexcept {
    const detail::text raw_scopes = scopes;
    const auto from = detail::raw(caller);
    wardkey_principal who;
    std::int32_t http_status = 0;
    document challenge;
    wardkey_error why;
    const auto code = wardkey_authorize(handle_, headers.data(), headers.size(), raw_scopes.data, raw_scopes.size,
                                        &from, &who, sizeof who, &http_status, &challenge.raw_, &why);
    auto settled = settle(code, why, principal(who));
    if (!settled && code == WARDKEY_OK) {
        http_status = 500; // the clock threw: by what time it was allowed is not known
    }
    return {std::move(settled), http_status, std::move(challenge)};
}

inline result<document> engine::try_claims(std::string_view token, const context& caller) const noexcept {
    const detail::text raw_token = token;
    const auto from = detail::raw(caller);
    document json;
    wardkey_error why;
    const auto code = wardkey_claims(handle_, raw_token.data, raw_token.size, &from, &json.raw_, &why);
    return settle(code, why, std::move(json));
}

inline result<document> engine::try_issue(std::string_view client_id, std::string_view client_secret,
                                          std::optional<std::string_view> scope,
                                          const context& caller) const noexcept {
    const detail::text id = client_id, secret = client_secret, words = scope;
    const auto from = detail::raw(caller);
    document json;
    wardkey_error why;
    const auto code = wardkey_issue(handle_, id.data, id.size, secret.data, secret.size, words.data, words.size, &from,
                                    &json.raw_, &why);
    return settle(code, why, std::move(json));
}

inline result<http_response> engine::try_http(const http_request& request, const context& caller) const noexcept {
    const auto raw_request = detail::raw(request);
    const auto from = detail::raw(caller);
    http_response response;
    wardkey_error why;
    const auto code = wardkey_http(handle_, &raw_request, &from, &response.raw_, sizeof response.raw_, &why);
    return settle(code, why, std::move(response));
}

inline result<bool> engine::try_serves(std::string_view path, std::string_view base_path) const noexcept {
    const detail::text raw_path = path, raw_base_path = base_path;
    wardkey_error why;
    const auto code =
        wardkey_serves(handle_, raw_path.data, raw_path.size, raw_base_path.data, raw_base_path.size, &why);
    return settle(code == WARDKEY_NOT_FOUND ? WARDKEY_OK : code, why, code == WARDKEY_OK);
}

inline result<pending_request> engine::try_pending(const http_request& request,
                                                   const context& caller) const noexcept {
    const auto raw_request = detail::raw(request);
    const auto from = detail::raw(caller);
    pending_request found;
    wardkey_error why;
    const auto code = wardkey_pending(handle_, &raw_request, &from, &found.waiting.raw_, &found.response.raw_,
                                      sizeof found.response.raw_, &why);
    return settle(code, why, std::move(found));
}

inline result<http_response> engine::try_decide(std::string_view handle, const decision& what, headers_view headers,
                                                const context& caller) const noexcept {
    const detail::text raw_handle = handle, subject = what.subject, scope = what.scope;
    const auto from = detail::raw(caller);
    http_response response;
    wardkey_error why;
    const auto code = wardkey_decide(handle_, raw_handle.data, raw_handle.size, subject.data, subject.size, scope.data,
                                     scope.size, headers.data(), headers.size(), &from, &response.raw_,
                                     sizeof response.raw_, &why);
    return settle(code, why, std::move(response));
}

inline result<document> engine::try_call(const context& admin, std::string_view operation,
                                         std::string_view json) const noexcept {
    const detail::text raw_operation = operation, raw_json = json;
    const auto from = detail::raw(admin);
    document answer;
    wardkey_error why;
    const auto code = wardkey_call(handle_, &from, raw_operation.data, raw_operation.size, raw_json.data,
                                   raw_json.size, &answer.raw_, &why);
    return settle(code, why, std::move(answer));
}

inline result<document> engine::try_backup(const context& admin, std::string_view path,
                                           const progress_function& progress) const noexcept {
    const detail::text raw_path = path;
    const auto from = detail::raw(admin);
    detail::progress_call asked{progress, nullptr};
    document answer;
    wardkey_error why;
    const auto code = wardkey_backup(handle_, &from, raw_path.data, raw_path.size, asked.function(), &asked, nullptr,
                                     &answer.raw_, &why);
    return settle(code, why, std::move(answer), asked.thrown);
}

inline result<document> engine::try_check(const context& admin, const progress_function& progress) const noexcept {
    const auto from = detail::raw(admin);
    detail::progress_call asked{progress, nullptr};
    document answer;
    wardkey_error why;
    const auto code = wardkey_check(handle_, &from, asked.function(), &asked, nullptr, &answer.raw_, &why);
    return settle(code, why, std::move(answer), asked.thrown);
}

/// What a call made, unless it failed.
template <class T>
result<T> engine::settle(std::int32_t code, const wardkey_error& why, T&& made,
                         std::exception_ptr cause) const noexcept {
    if (auto failed = this->failed(code, why, std::move(cause))) {
        return *std::move(failed);
    }
    return std::forward<T>(made);
}

inline result<void> engine::settle(std::int32_t code, const wardkey_error& why) const noexcept {
    if (auto failed = this->failed(code, why)) {
        return *std::move(failed);
    }
    return {};
}

/// Why a call failed, if it did: what a callback threw comes first, for all else follows from it.
inline std::optional<failure> engine::failed(std::int32_t code, const wardkey_error& why,
                                             std::exception_ptr cause) const noexcept {
    if (!cause && thrown_) {
        cause = thrown_->take();
    }
    if (code != WARDKEY_OK) {
        return failure(why, std::move(cause));
    }
    if (cause) {
        return detail::failure_of(WARDKEY_MISUSE_ARGUMENT, "the options' clock threw an exception", std::move(cause));
    }
    return std::nullopt;
}

} // namespace wardkey

#endif
