// Plays bindings/scenario/clinic.scenario through the C++ interface and prints what came back; the README there
// describes both. A step that fails throws, and what the exception carries is printed.
#include <wardkey.hpp>

#include <fstream>
#include <iostream>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace {

struct field {
    std::string name, value;
};

/// One step of the file: its first line, and the others.
struct step {
    std::string line;
    std::vector<field> fields;
};

std::size_t find_or_end(std::string_view text, std::string_view part, std::size_t from = 0) {
    return std::min(text.find(part, from), text.size());
}

std::string base64(std::string_view bytes) {
    constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string made;
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        std::uint32_t bits = 0;
        for (std::size_t j = i; j < i + 3; ++j) {
            bits = bits << 8 | (j < bytes.size() ? static_cast<unsigned char>(bytes[j]) : 0U);
        }
        for (std::size_t j = 0; j < 4; ++j) {
            made += i + j <= bytes.size() ? digits[bits >> (18 - 6 * j) & 63] : '=';
        }
    }
    return made;
}

wardkey::secret from_hex(const std::string& digits) {
    std::string bytes;
    for (std::size_t i = 0; i + 1 < digits.size(); i += 2) {
        bytes += static_cast<char>(std::stoi(digits.substr(i, 2), nullptr, 16));
    }
    return wardkey::secret(bytes);
}

std::string_view name_of(std::int32_t code) {
    return wardkey::name({code, wardkey::category()});
}

long long seconds(std::chrono::system_clock::time_point time) {
    return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}

class player {
public:
    explicit player(std::string folder) : folder_(std::move(folder)) {}

    void play(const step& now);

private:
    /// A step with every `${name}` replaced.
    class expanded;
    using verb = void (player::*)(const expanded&);

    void call(const expanded& now);
    void expect(const std::string& name) const;

    void open(const expanded& now);
    void close(const expanded& now);
    void maintain(const expanded& now);
    void administer(const expanded& now);
    void issue(const expanded& now);
    void verify(const expanded& now);
    void authorize(const expanded& now);
    void claims(const expanded& now);
    void http(const expanded& now);
    void serves(const expanded& now);
    void pending(const expanded& now);
    void decide(const expanded& now);
    void backup(const expanded& now);
    void check(const expanded& now);

    wardkey::options options_of(const expanded& now) const;

    void print_success();
    void print(const wardkey::failure& why);
    void print(const wardkey::document& document);
    void print(const wardkey::http_response& response);
    void print(const wardkey::principal& who);

    void save(const field& line);
    std::string save_from(std::string_view text, std::string_view start, std::string_view ends) const;

    static const std::map<std::string, verb> verbs;

    std::string folder_;
    wardkey::engine engine_;
    std::chrono::milliseconds now_{0};
    std::map<std::string, std::string> saved_;
    std::int32_t last_code_ = WARDKEY_OK;
    // What the step's call returned, for its saves.
    std::string returned_, location_, cookie_;
};

class player::expanded {
public:
    expanded(const step& now, const std::map<std::string, std::string>& saved) : saved_(saved) {
        const auto space = find_or_end(now.line, " ");
        verb = now.line.substr(0, space);
        argument = expand(now.line.substr(std::min(space + 1, now.line.size())));
        for (const auto& line : now.fields) {
            fields.push_back({line.name, expand(line.value)});
        }
        if (const auto basic = get("basic")) {
            basic_ = "Basic " + base64(*basic);
        }
        take_headers();
    }
    expanded(const expanded&) = delete;
    expanded& operator=(const expanded&) = delete;

    std::optional<std::string_view> get(std::string_view name) const {
        for (const auto& line : fields) {
            if (line.name == name) {
                return line.value;
            }
        }
        return std::nullopt;
    }

    wardkey::context context() const {
        wardkey::context made;
        made.actor = get("actor");
        made.peer = get("peer");
        made.forwarded = get("forwarded");
        made.correlation_id = get("correlation_id");
        made.secure = get("secure") == "1";
        return made;
    }

    wardkey::http_request request(std::string_view method, std::string_view target) const {
        wardkey::http_request made(method, target);
        made.headers = headers;
        made.base_path = get("base_path").value_or("");
        made.body = get("body").value_or("");
        return made;
    }

    std::string_view scopes() const { return argument == "*" ? wardkey::any_scope : argument; }

    std::string verb, argument;
    std::vector<field> fields;
    std::vector<wardkey::header> headers;

private:
    std::string expand(std::string text) const {
        for (auto start = text.find("${"); start != text.npos; start = text.find("${")) {
            const auto end = text.find('}', start);
            const auto name = text.substr(start + 2, end - start - 2);
            const auto found = saved_.find(name);
            if (found == saved_.end()) {
                throw std::runtime_error("${" + name + "} was not saved");
            }
            text.replace(start, end + 1 - start, found->second);
        }
        return text;
    }

    void take_headers() {
        for (const auto& line : fields) {
            if (line.name == "header") {
                const std::string_view header = line.value;
                const auto colon = header.find(": ");
                headers.emplace_back(header.substr(0, colon), header.substr(colon + 2));
            }
        }
        if (!basic_.empty()) {
            headers.emplace_back("Authorization", basic_);
        }
    }

    const std::map<std::string, std::string>& saved_;
    std::string basic_;
};

const std::map<std::string, player::verb> player::verbs = {
    {"open", &player::open},           {"close", &player::close},     {"maintain", &player::maintain},
    {"call", &player::administer},     {"issue", &player::issue},     {"verify", &player::verify},
    {"authorize", &player::authorize}, {"claims", &player::claims},   {"http", &player::http},
    {"serves", &player::serves},       {"pending", &player::pending}, {"decide", &player::decide},
    {"backup", &player::backup},       {"check", &player::check},
};

void player::play(const step& line) {
    std::cout << "== " << line.line << '\n';
    const expanded now(line, saved_);
    if (now.verb == "clock") {
        now_ = std::chrono::milliseconds(std::stoll(now.argument));
    } else if (now.verb == "expect") {
        expect(now.argument);
    } else {
        call(now);
    }
}

void player::expect(const std::string& name) const {
    if (name_of(last_code_) != name) {
        throw std::runtime_error(std::string(name_of(last_code_)) + " instead of " + name);
    }
}

void player::call(const expanded& now) {
    returned_.clear(), location_.clear(), cookie_.clear();
    try {
        (this->*verbs.at(now.verb))(now);
    } catch (const wardkey::error& error) {
        print(error.why());
    }
    for (const auto& line : now.fields) {
        save(line);
    }
}

wardkey::options player::options_of(const expanded& now) const {
    wardkey::options how(folder_ + "/Klinik-Süd.db");
    how.clock.wall = how.clock.monotonic = [this] { return now_; };
    if (const auto key = now.get("key")) {
        how.key = wardkey::key_function([digits = std::string(*key)] { return from_hex(digits); });
    }
    if (const auto staff = now.get("staff")) {
        std::vector<std::string> parts;
        for (std::size_t start = 0; start <= staff->size(); start = find_or_end(*staff, "|", start) + 1) {
            parts.emplace_back(staff->substr(start, find_or_end(*staff, "|", start) - start));
        }
        how.check_user = [parts](const wardkey::user_login& login) -> std::optional<wardkey::approved_user> {
            if (login.password == "fail") {
                throw std::runtime_error("the host's users cannot be asked");
            }
            if (login.username != parts.at(0) || login.password != parts.at(1)) {
                return std::nullopt;
            }
            return wardkey::approved_user{parts.at(2), parts.at(3)};
        };
    }
    return how;
}

void player::open(const expanded& now) {
    const auto how = options_of(now);
    const auto actor = now.get("actor").value_or("");
    engine_ = now.argument == "create"    ? wardkey::engine::create(how, actor, now.get("settings"))
              : now.argument == "restore" ? wardkey::engine::restore(how, actor)
                                          : wardkey::engine::open(how);
    print_success();
}

void player::close(const expanded&) {
    engine_.close();
    print_success();
}

void player::maintain(const expanded&) {
    engine_.maintain();
    print_success();
}

void player::administer(const expanded& now) {
    print(engine_.call(now.context(), now.argument, now.get("json").value_or("{}")));
}

void player::issue(const expanded& now) {
    print(engine_.issue(now.argument, now.get("secret").value_or(""), now.get("scope"), now.context()));
}

void player::verify(const expanded& now) {
    const auto who = engine_.verify(now.get("token").value_or(""), now.scopes(), now.context());
    print_success();
    print(who);
}

void player::authorize(const expanded& now) {
    const auto answer = engine_.try_authorize(now.headers, now.scopes(), now.context());
    if (answer) {
        print_success();
    } else {
        print(answer.error());
    }
    std::cout << "status " << answer.http_status() << '\n';
    if (!answer.challenge().empty()) {
        std::cout << "challenge " << answer.challenge() << '\n';
    }
    if (answer) {
        print(*answer);
    }
}

void player::claims(const expanded& now) {
    print(engine_.claims(now.get("token").value_or(""), now.context()));
}

void player::http(const expanded& now) {
    const std::string_view argument = now.argument;
    const auto space = argument.find(' ');
    const auto response =
        engine_.http(now.request(argument.substr(0, space), argument.substr(space + 1)), now.context());
    print_success();
    print(response);
}

void player::serves(const expanded& now) {
    if (engine_.serves(now.argument, now.get("base_path").value_or(""))) {
        print_success();
    } else {
        last_code_ = WARDKEY_NOT_FOUND;
        std::cout << "code WARDKEY_NOT_FOUND 0\nmessage there is no endpoint at this path\n";
    }
}

void player::pending(const expanded& now) {
    const auto asked = engine_.pending(now.request("GET", now.argument), now.context());
    if (asked) {
        print(asked.waiting);
    } else {
        print_success();
        print(asked.response);
    }
}

void player::decide(const expanded& now) {
    const auto response =
        engine_.decide(now.argument, {now.get("subject"), now.get("scope")}, now.headers, now.context());
    print_success();
    print(response);
}

void player::backup(const expanded& now) {
    print(engine_.backup(now.context(), folder_ + "/" + now.argument));
}

void player::check(const expanded& now) {
    print(engine_.check(now.context()));
}

void player::print_success() {
    last_code_ = WARDKEY_OK;
    std::cout << "code WARDKEY_OK 0\n";
}

void player::print(const wardkey::failure& why) {
    last_code_ = why.code().value();
    std::cout << "code " << wardkey::name(why.code()) << ' ' << why.system_code() << "\nmessage " << why.message()
              << '\n';
}

void player::print(const wardkey::document& document) {
    print_success();
    std::cout << "document " << document.text() << '\n';
    returned_ = document.str();
}

void player::print(const wardkey::http_response& response) {
    std::cout << "status " << response.status() << '\n';
    for (const auto header : response.headers()) {
        std::cout << "header " << header.name() << ": " << header.value() << '\n';
        if (header.name() == "Location") {
            location_ = header.value();
        } else if (header.name() == "Set-Cookie" && cookie_.empty()) {
            cookie_ = header.value();
        }
    }
    if (!response.body().empty()) {
        std::cout << "body " << response.body() << '\n';
    }
    returned_ = response.body();
}

void player::print(const wardkey::principal& who) {
    std::cout << "principal " << (who.kind() == wardkey::principal_kind::user ? "user " : "client ") << who.client_id()
              << ' ' << who.subject() << ' ' << who.token_id()
              << (who.format() == wardkey::token_format::opaque ? " opaque " : " jwt ") << seconds(who.issued_at())
              << ' ' << seconds(who.expires_at()) << '\n';
}

void player::save(const field& line) {
    const auto space = find_or_end(line.value, " ");
    const auto name = line.value.substr(0, space);
    const auto key = line.value.substr(std::min(space + 1, line.value.size()));
    if (line.name == "save") {
        saved_[name] = save_from(returned_, "\"" + key + "\":\"", "\"");
    } else if (line.name == "save-field") {
        saved_[name] = save_from(returned_, "name=\"" + key + "\" value=\"", "\"");
    } else if (line.name == "save-query") {
        saved_[name] = save_from(location_, key + "=", "&");
    } else if (line.name == "save-cookie") {
        saved_[name] = save_from(cookie_, "", ";");
    }
}

/// What stands between `start` and the first of `ends`.
std::string player::save_from(std::string_view text, std::string_view start, std::string_view ends) const {
    const auto at = text.find(start);
    if (at == text.npos || text.empty()) {
        throw std::runtime_error("there is no " + std::string(start) + " to save");
    }
    const auto from = at + start.size();
    return std::string(text.substr(from, find_or_end(text, ends, from) - from));
}

/// Gives each step of the file to the player.
void play_file(const std::string& path, player& playing) {
    std::ifstream file(path, std::ios::binary);
    if (!file) {
        throw std::runtime_error("cannot read " + path);
    }
    step now;
    std::string line;
    for (int number = 1; std::getline(file, line) || !now.line.empty(); ++number, line.clear()) {
        if (!line.empty() && line.front() == '#') {
            continue;
        }
        try {
            if (!line.empty() && now.line.empty()) {
                now.line = line;
            } else if (!line.empty()) {
                const auto colon = line.find(':');
                now.fields.push_back({line.substr(0, colon), line.substr(std::min(colon + 2, line.size()))});
            } else if (!now.line.empty()) {
                playing.play(std::exchange(now, {}));
            }
        } catch (const std::exception& error) {
            throw std::runtime_error("line " + std::to_string(number) + ": " + error.what());
        }
    }
}

} // namespace

int main(int argc, char** argv) {
    if (argc != 3) {
        std::cerr << "usage: player SCENARIO FOLDER\n";
        return 2;
    }
    try {
        player playing(argv[2]);
        play_file(argv[1], playing);
        return 0;
    } catch (const std::exception& error) {
        std::cerr << error.what() << '\n';
        return 1;
    }
}
