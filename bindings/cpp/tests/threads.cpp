// One engine, many threads.
#include "support.hpp"

#include <atomic>
#include <stdexcept>
#include <thread>
#include <vector>

using namespace support;
using wardkey::errc;

TEST_CASE("one engine serves all threads") {
    const clinic at;
    const auto token = issue(at.engine, at.lab);
    std::atomic<int> allowed{0}, issued{0};
    std::vector<std::thread> threads;
    for (int thread = 0; thread < 4; ++thread) {
        threads.emplace_back([&] {
            for (int round = 0; round < 50; ++round) {
                allowed += at.engine.try_verify(token, "lab:read", caller()) ? 1 : 0;
                issued += at.engine.try_issue(at.lab.id, at.lab.secret, "lab:read", caller()) ? 1 : 0;
            }
        });
    }
    for (auto& thread : threads) {
        thread.join();
    }
    CHECK(allowed == 200);
    CHECK(issued == 200);
}

TEST_CASE("an engine is closed while others use it, and its functions outlive their calls") {
    const place where;
    auto how = where.options();
    const auto owners = std::make_shared<int>();
    how.log = [owners](std::error_code, std::string_view) {};
    auto engine = wardkey::engine::create(how, "setup");
    how.log = nullptr;
    const auto lab = register_lab(engine);
    const auto token = issue(engine, lab);
    std::atomic<int> running{0}, unexpected{0};
    std::vector<std::thread> threads;
    for (int thread = 0; thread < 4; ++thread) {
        threads.emplace_back([&] {
            bool told = false;
            for (;;) {
                const auto who = engine.try_verify(token, "lab:read", caller());
                if (!told) {
                    ++running;
                    told = true;
                }
                if (!who) {
                    unexpected += who.error().code() == errc::misuse_closed ? 0 : 1;
                    return;
                }
            }
        });
    }
    while (running < 4) {
        std::this_thread::yield();
    }
    engine.close();
    for (auto& thread : threads) {
        thread.join();
    }
    CHECK(unexpected == 0);
    CHECK(owners.use_count() == 1);
}

TEST_CASE("what a clock throws reaches the thread whose call it was, and no other") {
    const place where;
    const auto broken_for = std::make_shared<std::atomic<std::thread::id>>();
    auto how = where.options();
    how.clock.wall = how.clock.monotonic = [broken_for] {
        if (broken_for->load() == std::this_thread::get_id()) {
            throw std::domain_error("the clock is broken");
        }
        return std::chrono::milliseconds(1'772'353'800'000);
    };
    const auto engine = wardkey::engine::create(how, "setup");
    const auto token = issue(engine, register_lab(engine));
    std::atomic<int> thrown{0};
    std::atomic<bool> done{false};
    std::thread other([&] {
        *broken_for = std::this_thread::get_id();
        for (int round = 0; round < 50; ++round) {
            const auto who = engine.try_verify(token, "lab:read", caller());
            thrown += !who && who.error().cause() ? 1 : 0;
        }
        done = true;
    });
    int allowed = 0, asked = 0;
    do {
        ++asked;
        allowed += engine.try_verify(token, "lab:read", caller()) ? 1 : 0;
    } while (!done);
    other.join();
    CHECK(thrown == 50);
    CHECK(allowed == asked);
}
