/// How functions of yours get to the library and back: nothing here is for use outside of these headers.
///
/// No exception may pass through the library. What a key, a clock or a progress function throws is kept and thrown by
/// the call that led there; a user check's goes to the log; a log's own is dropped.
#ifndef WARDKEY_CALLBACKS_HPP
#define WARDKEY_CALLBACKS_HPP

#include "error.hpp"
#include "options.hpp"
#include "request.hpp"
#include "wardkey.h"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <variant>

namespace wardkey::detail {

/// Exceptions that wait for the calls under way to return, each for the call of its thread.
class thrown {
public:
    /// Keeps the current exception; only a call's first one, from which the others follow.
    void keep() noexcept {
        const std::lock_guard lock(mutex_);
        waiting_.try_emplace(std::this_thread::get_id(), std::current_exception());
        some_ = true;
    }

    /// The exception of this thread's call, if one was kept; it is kept no longer.
    std::exception_ptr take() noexcept {
        if (!some_) {
            return nullptr;
        }
        const std::lock_guard lock(mutex_);
        auto found = waiting_.extract(std::this_thread::get_id());
        some_ = !waiting_.empty();
        return found ? std::move(found.mapped()) : nullptr;
    }

private:
    std::mutex mutex_;
    std::map<std::thread::id, std::exception_ptr> waiting_;
    // Calls ask this alone while no clock throws.
    std::atomic<bool> some_{false};
};

/// The library's `key_user`.
struct key_reader {
    static std::int32_t WARDKEY_CALL read(void* user, std::uint8_t* key, std::size_t key_size) noexcept {
        const auto& self = *static_cast<key_reader*>(user);
        try {
            const auto found = self.ask();
            if (found.expose().size() != key_size) {
                throw std::length_error("the key function gave a key of " + std::to_string(found.expose().size())
                                        + " bytes instead of " + std::to_string(key_size));
            }
            std::memcpy(key, found.expose().data(), key_size);
            return 0;
        } catch (...) {
            self.kept->keep();
            return 1;
        }
    }

    key_function ask;
    std::shared_ptr<thrown> kept;
};

/// The library's `clock_user`.
struct clock_reader {
    static std::int64_t WARDKEY_CALL wall(void* user) noexcept {
        auto& self = *static_cast<clock_reader*>(user);
        return self.read(self.ask.wall, self.last_wall);
    }

    static std::int64_t WARDKEY_CALL monotonic(void* user) noexcept {
        auto& self = *static_cast<clock_reader*>(user);
        return self.read(self.ask.monotonic, self.last_monotonic);
    }

    /// A clock that throws stands still: nothing is pruned, and what the call makes is thrown away.
    std::int64_t read(const std::function<std::chrono::milliseconds()>& clock,
                      std::atomic<std::int64_t>& last) const noexcept {
        try {
            const std::int64_t now = clock().count();
            last = now;
            return now;
        } catch (...) {
            kept->keep();
            return last;
        }
    }

    clock_functions ask;
    std::shared_ptr<thrown> kept;
    std::atomic<std::int64_t> last_wall{0}, last_monotonic{0};
};

/// The library's `log_user`, and what a user check tells.
struct log_writer {
    static void WARDKEY_CALL write(void* user, std::int32_t code, const char* message,
                                   std::size_t message_len) noexcept {
        static_cast<const log_writer*>(user)->tell({code, category()}, {message, message_len});
    }

    void tell(std::error_code code, std::string_view message) const noexcept {
        try {
            if (*log) {
                (*log)(code, message);
            }
        } catch (...) {
            // Nobody is left to tell, and what the log does must not change an answer.
        }
    }

    std::shared_ptr<const log_function> log;
};

/// The library's `check_user_user`.
struct user_checker {
    static std::int32_t WARDKEY_CALL check(void* user, const wardkey_user_login* login,
                                           wardkey_user_verdict* verdict) noexcept {
        const auto& self = *static_cast<user_checker*>(user);
        try {
            const auto found = self.ask(login_of(*login));
            if (!found) {
                return WARDKEY_USER_REFUSED;
            }
            write(found->subject, verdict->subject);
            write(found->scope, verdict->scope);
            return WARDKEY_USER_APPROVED;
        } catch (const std::exception& error) {
            self.log.tell(errc::internal_user_check, error.what());
        } catch (...) {
            self.log.tell(errc::internal_user_check, "check_user threw what is no std::exception");
        }
        return could_not_find_out;
    }

    static user_login login_of(const wardkey_user_login& raw) noexcept {
        return {{raw.username, raw.username_len},
                {raw.password, raw.password_len},
                optional_text(raw.peer, raw.peer_len),
                optional_text(raw.correlation_id, raw.correlation_id_len)};
    }

    static std::optional<std::string_view> optional_text(const char* data, std::size_t size) noexcept {
        return data != nullptr ? std::optional(std::string_view(data, size)) : std::nullopt;
    }

    /// A text that was cut could be another user's.
    template <std::size_t size>
    static void write(const std::string& text, char (&place)[size]) {
        if (text.size() >= size || text.find('\0') != text.npos) {
            throw std::length_error("check_user approved with a text that is too long, or has a NUL in it");
        }
        text.copy(place, text.size());
    }

    static constexpr std::int32_t could_not_find_out = 0;

    user_check_function ask;
    log_writer log;
};

/// The argument of a `progress` callback; it lives as long as the call.
struct progress_call {
    static std::int32_t WARDKEY_CALL step(void* user, std::uint64_t done, std::uint64_t total) noexcept {
        auto& self = *static_cast<progress_call*>(user);
        try {
            return self.ask(done, total) ? WARDKEY_OK : WARDKEY_CANCELLED;
        } catch (...) {
            self.thrown = std::current_exception();
            return WARDKEY_CANCELLED;
        }
    }

    /// NULL if nobody asks.
    decltype(&step) function() const noexcept { return ask ? step : nullptr; }

    const progress_function& ask;
    std::exception_ptr thrown;
};

template <class Holder>
void WARDKEY_CALL destroy(void* user) noexcept {
    delete static_cast<Holder*>(user);
}

/// Puts the functions of the options into `raw`. `wardkey_open` must be called next: it owns them then.
inline void hand_over_callbacks(const options& how, const std::shared_ptr<thrown>& kept, wardkey_options& raw) {
    // All that may throw comes first.
    const auto* key = std::get_if<key_function>(&how.key);
    const auto log = std::make_shared<const log_function>(how.log);
    auto key_user = key ? std::unique_ptr<key_reader>(new key_reader{*key, kept}) : nullptr;
    std::unique_ptr<clock_reader> clock_user;
    if (how.clock.wall || how.clock.monotonic) {
        clock_user.reset(new clock_reader{how.clock, kept});
    }
    auto log_user = how.log ? std::unique_ptr<log_writer>(new log_writer{log}) : nullptr;
    auto check_user =
        how.check_user ? std::unique_ptr<user_checker>(new user_checker{how.check_user, {log}}) : nullptr;

    if (key_user) {
        raw.key_read = key_reader::read;
        raw.key_destroy = destroy<key_reader>;
        raw.key_user = key_user.release();
    }
    if (clock_user) {
        // Both or neither is the library's to demand.
        raw.clock_wall_ms = how.clock.wall ? clock_reader::wall : nullptr;
        raw.clock_monotonic_ms = how.clock.monotonic ? clock_reader::monotonic : nullptr;
        raw.clock_destroy = destroy<clock_reader>;
        raw.clock_user = clock_user.release();
    }
    if (log_user) {
        raw.log = log_writer::write;
        raw.log_destroy = destroy<log_writer>;
        raw.log_user = log_user.release();
    }
    if (check_user) {
        raw.check_user = user_checker::check;
        raw.check_user_destroy = destroy<user_checker>;
        raw.check_user_user = check_user.release();
    }
}

/// Destroys what `wardkey_open` did not take, because it could not read the struct.
inline void take_back_callbacks(const wardkey_options& raw) noexcept {
    destroy<key_reader>(raw.key_user);
    destroy<clock_reader>(raw.clock_user);
    destroy<log_writer>(raw.log_user);
    destroy<user_checker>(raw.check_user_user);
}

/// A failure that this header found.
inline failure failure_of(std::int32_t code, std::string_view message, std::exception_ptr cause = nullptr) noexcept {
    wardkey_error raw{};
    raw.code = code;
    message.copy(raw.message, sizeof raw.message - 1);
    return failure(raw, std::move(cause));
}

} // namespace wardkey::detail

#endif
