// A small imaging server (as a DICOMweb one answers `GET /studies/...`) that lets in who has a token.
//
//   imaging_server DATABASE [PORT]
//
// It makes the database if there is none and registers two clients then, whose ids and secrets it prints this once:
// a viewer that may read images, and a billing program that may not. It listens on loopback, on a free port without
// one, and says where. In a clinic a proxy that speaks TLS stands before it, or httplib::SSLServer takes its place.
//
//   curl -u ID:SECRET -d grant_type=client_credentials http://127.0.0.1:PORT/oauth/token
//   curl -H "Authorization: Bearer TOKEN" http://127.0.0.1:PORT/studies/1.2.840.113619.2
//
// The server is cpp-httplib (Debian's libcpp-httplib-dev). Your program keeps the server it has.
#include <wardkey.hpp>

#include <httplib.h>

#include <exception>
#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using headers = std::vector<wardkey::header>;

/// Who asks, from where.
wardkey::context caller_of(const httplib::Request& request) {
    auto caller = wardkey::context::from(request.remote_addr);
    caller.secure = request.ssl != nullptr; // true if all requests come through a proxy of yours that speaks TLS
    return caller;
}

/// Answers a request to the engine's endpoints: what the server received goes in, what it sends comes out. The engine
/// knows its paths, and answers 404 to others; a server with a last route of its own asks `engine.serves` first.
void answer_oauth(const wardkey::engine& engine, const httplib::Request& request, httplib::Response& response) {
    const headers fields(request.headers.begin(), request.headers.end());
    const auto answer = engine.http({request.method, request.target, fields, request.body}, caller_of(request));
    response.status = answer.status();
    for (const auto header : answer.headers()) {
        response.set_header(std::string(header.name()), std::string(header.value()));
    }
    response.body = answer.body();
}

/// Wraps a handler: it runs if the request has a token with this scope. Otherwise the refusal is sent.
template <class Handler>
httplib::Server::Handler requiring(const wardkey::engine& engine, std::string scope, Handler handler) {
    return [&engine, scope, handler](const httplib::Request& request, httplib::Response& response) {
        const headers fields(request.headers.begin(), request.headers.end());
        const auto access = engine.try_authorize(fields, scope, caller_of(request));
        if (access) {
            return handler(*access, request, response);
        }
        std::cerr << access.error().message() << std::endl; // why, with the id that `audit.explain` takes
        response.status = access.http_status();
        for (const auto& [name, value] : access.headers()) {
            response.set_header(name, value);
        }
    };
}

/// What a handler throws is for the log: cpp-httplib would send the message to the caller.
void keep_to_ourselves(const httplib::Request& request, httplib::Response& response, std::exception_ptr thrown) try {
    response.status = 500;
    std::rethrow_exception(thrown);
} catch (const std::exception& error) {
    std::cerr << request.path << ": " << error.what() << std::endl;
} catch (...) {
    std::cerr << request.path << ": what is no std::exception was thrown" << std::endl;
}

void send_study(const wardkey::principal& who, const httplib::Request& request, httplib::Response& response) {
    std::cout << who.client_id() << " reads " << request.path << std::endl;
    response.set_content(R"({"study":"a picture of a knee"})", "application/dicom+json");
}

void register_clients(const wardkey::engine& engine) {
    const auto setup = wardkey::context::by("setup");
    engine.call(setup, "scope.add", R"({"scope":"imaging:read","description":"Read images"})");
    for (const auto* client : {R"({"client_name":"Viewer","scope":"imaging:read"})",
                               R"({"client_name":"Billing","scope":"billing:read"})"}) {
        std::cout << engine.call(setup, "client.create", client).text() << std::endl;
    }
}

wardkey::engine open_engine(const std::string& path) {
    wardkey::options how(path);
    how.log = [](std::error_code code, std::string_view message) {
        std::cerr << wardkey::name(code) << ": " << message << '\n';
    };
    auto opened = wardkey::engine::try_open(how);
    // On no other failure is one made: that could hide a lost disk.
    if (!opened && opened.error().code() == wardkey::errc::storage_missing) {
        // The issuer stands in tokens and metadata: it is the address that clients know the server by.
        opened = wardkey::engine::create(how, "setup", R"({"issuer":"https://images.clinic.example"})");
        register_clients(*opened);
    }
    return std::move(opened).value();
}

} // namespace

int main(int argc, char** argv) try {
    if (argc < 2) {
        std::cerr << "usage: imaging_server DATABASE [PORT]\n";
        return 2;
    }
    const auto engine = open_engine(argv[1]);
    httplib::Server server;
    server.set_exception_handler(keep_to_ourselves);

    server.Get("/studies/.*", requiring(engine, "imaging:read", send_study));

    const auto oauth = [&](const httplib::Request& request, httplib::Response& response) {
        answer_oauth(engine, request, response);
    };
    const std::string others = ".*"; // behind all routes of our own
    server.Get(others, oauth).Post(others, oauth).Options(others, oauth);

    int port = argc > 2 ? std::stoi(argv[2]) : 0;
    if (port == 0) {
        port = server.bind_to_any_port("127.0.0.1");
    } else if (!server.bind_to_port("127.0.0.1", port)) {
        throw std::runtime_error("cannot listen on port " + std::to_string(port));
    }
    std::cout << "listening on http://127.0.0.1:" << port << std::endl;
    return server.listen_after_bind() ? 0 : 1;
} catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
}
