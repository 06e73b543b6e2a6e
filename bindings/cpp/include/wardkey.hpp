/// Wardkey for C++17: an OAuth 2.0 engine that runs inside your program.
///
/// This header wraps `wardkey.h` and needs nothing else; `wardkey.h` says what each function promises, and this file
/// what C++ adds: objects that close and wipe what they hold, `std::string_view` in, exceptions or results out.
///
/// ```cpp
/// auto engine = wardkey::engine::open("clinic.db");    // once, at the start of the program
/// wardkey::context caller;                              // of each request
/// caller.peer = "192.0.2.7";
/// caller.secure = true;
/// const auto who = engine.verify(token, "lab:read", caller); // throws wardkey::denied
/// std::cout << who.client_id() << " may read\n";
/// ```
///
/// Rules for all of it:
///
/// - Each function has a twin that begins with `try_` and returns a `result` (`try_authorize` an `access`) instead of
///   throwing. The twins of calls are `noexcept`; those that open an engine may throw `std::bad_alloc`.
/// - Views that you pass (`std::string_view`, `headers_view`) are read during the call only.
/// - An absent text is `std::nullopt`; an empty one is a text. Texts are UTF-8.
/// - Any thread may call any `const` function of one engine, and `close`, at any time. Moving or destroying an
///   engine while another thread uses it is a race, as with every object.
/// - After a fork the child opens an engine of its own.
#ifndef WARDKEY_HPP
#define WARDKEY_HPP

#include "wardkey/answer.hpp"
#include "wardkey/engine.hpp"
#include "wardkey/error.hpp"
#include "wardkey/options.hpp"
#include "wardkey/request.hpp"

#include <cstdint>
#include <string_view>

namespace wardkey {

/// The version of the library that is loaded, such as `0.1.0`.
inline std::string_view version() noexcept {
    return wardkey_version();
}

/// The ABI version of the library that is loaded; that of this header is `WARDKEY_ABI_VERSION`. Opening an engine
/// compares them.
inline std::uint32_t abi_version() noexcept {
    return wardkey_abi_version();
}

} // namespace wardkey

#endif
