#include "support.hpp"

#include <cstdlib>

namespace support {

place::place() {
    auto name = (std::filesystem::temp_directory_path() / "wardkey.XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    folder_ = name;
}

place::~place() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
}

std::string member(std::string_view json, std::string_view name) {
    const auto start = "\"" + std::string(name) + "\":\"";
    const auto at = json.find(start);
    INFO(start << " in " << json);
    REQUIRE(at != json.npos);
    const auto rest = json.substr(at + start.size());
    return std::string(rest.substr(0, rest.find('"')));
}

wardkey::context admin() {
    return wardkey::context::by("anna@clinic");
}

wardkey::context caller() {
    wardkey::context made;
    made.peer = "192.0.2.7";
    made.secure = true;
    return made;
}

client register_client(const wardkey::engine& engine, std::string_view json) {
    const auto made = engine.call(admin(), "client.create", json);
    return {member(made.text(), "client_id"), member(made.text(), "client_secret"),
            member(made.text(), "credential_id")};
}

client register_lab(const wardkey::engine& engine) {
    return register_client(engine, R"({"client_name":"Lab Interface","scope":"lab:read lab:write"})");
}

std::string issue(const wardkey::engine& engine, const client& who) {
    return member(engine.issue(who.id, who.secret, std::nullopt, caller()).text(), "access_token");
}

} // namespace support
