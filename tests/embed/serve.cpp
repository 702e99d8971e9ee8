// serve MODEL NEWER: four threads score while a newer model takes the place of theirs.
#include <mmoe/mmoe.hpp>

#include <array>
#include <cstdio>
#include <exception>
#include <future>
#include <vector>

struct event {
    int64_t user, item;
    float price;
};

// What a request has, by the names of the training file's columns.
const std::vector<mmoe::column> given{{"user", mmoe::type<int64_t>, mmoe::user},
                                      {"item", mmoe::type<int64_t>},
                                      {"price", mmoe::type<float>}};

struct scores {
    uint64_t version;
    std::array<float, 6> values; // [3, 2]
};

// What a thread does; returns the last request's scores.
scores serve(const mmoe::slot &slot, const mmoe::input &input, int requests) {
    const mmoe::reader reader(slot);
    mmoe::rows rows(input);
    const std::vector<event> events{{101, 7, 3.5F}, {101, 9, 12}, {101, 4, 0.75F}};
    rows.values<int64_t>("user").set(events, &event::user);
    rows.values<int64_t>("item").set(events, &event::item);
    rows.values<float>("price").set(events, &event::price);
    scores last{};
    for (int i = 0; i < requests; i++) {
        const mmoe::visit now = reader.enter(); // until the end of this block
        now.run(rows, last.values);
        last.version = now.version();
    }
    return last;
}

int main(int argc, char **argv) try {
    if (argc != 3) return 2;
    const mmoe::input input(given);
    const mmoe::slot slot(mmoe::model(argv[1]), input);
    std::vector<std::future<scores>> threads;
    for (int i = 0; i < 4; i++)
        threads.push_back(
            std::async(std::launch::async, [&] { return serve(slot, input, 10000); }));
    slot.publish(mmoe::model(argv[2])); // refused if it does not have the input's columns
    for (auto &thread : threads) thread.get();
    const scores now = serve(slot, input, 1);
    for (size_t i = 0; i < now.values.size(); i += 2)
        std::printf("version %d: %.9g,%.9g\n", static_cast<int>(now.version), now.values[i],
                    now.values[i + 1]);
} catch (const std::exception &e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 1;
}
