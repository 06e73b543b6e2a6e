// in_cpp DATABASE: makes a database with what was installed.
#include <wardkey.hpp>

#include <iostream>

int main(int argc, char** argv) {
    const auto engine = wardkey::engine::create(argv[argc - 1], "setup");
    const auto keys = engine.http({"GET", "/oauth/jwks"}, wardkey::context::from("127.0.0.1"));
    std::cout << "wardkey " << wardkey::version() << " in C++: " << keys.status() << '\n';
    return keys.status() == 200 ? 0 : 1;
}
