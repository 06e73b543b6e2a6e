// What the tests share: a folder of their own, a clinic in it, and a reader for flat JSON.
#ifndef SUPPORT_HPP
#define SUPPORT_HPP

#include <wardkey.hpp>

#include <catch2/catch.hpp>

#include <filesystem>
#include <string>
#include <string_view>

namespace support {

/// A folder that goes with it.
class place {
public:
    place();
    place(const place&) = delete;
    place& operator=(const place&) = delete;
    ~place();

    std::string path(const std::string& name) const { return wardkey::utf8(folder_ / std::filesystem::u8path(name)); }
    wardkey::options options() const { return wardkey::options(path("Klinik-Süd.db")); }

private:
    std::filesystem::path folder_;
};

/// A registered client and its secret.
struct client {
    std::string id;
    std::string secret;
    std::string credential;
};

/// The text member `name` of a JSON document without escapes; the test fails if it is not there.
std::string member(std::string_view json, std::string_view name);

wardkey::context admin();
wardkey::context caller();

client register_client(const wardkey::engine& engine, std::string_view json);
client register_lab(const wardkey::engine& engine);
std::string issue(const wardkey::engine& engine, const client& who);

inline bool has(std::string_view text, std::string_view part) {
    return text.find(part) != text.npos;
}

/// A database in a folder of its own, with the lab's client.
struct clinic {
    place where;
    wardkey::engine engine = wardkey::engine::create(where.options(), "setup");
    client lab = register_lab(engine);
};

} // namespace support

#endif
