// serve MODEL NEWER: four threads score while a newer model takes the place of theirs.
#include <mmoe/mmoe.h>

#include <array>
#include <cstdio>
#include <future>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <vector>

template <auto Free> struct freed_by {
    template <class T> void operator()(T *object) const { Free(object); }
};
using model_ptr = std::unique_ptr<mmoe_model, freed_by<mmoe_model_free>>;
using slot_ptr = std::unique_ptr<mmoe_slot, freed_by<mmoe_slot_free>>;
using reader_ptr = std::unique_ptr<mmoe_reader, freed_by<mmoe_reader_free>>;
using visit = std::unique_ptr<mmoe_reader, freed_by<mmoe_reader_leave>>;

// Calls f(arguments..., &result, &error).
template <class T, class F, class... A> T made_by(F f, A... arguments) {
    T result{};
    mmoe_error err;
    if (f(arguments..., &result, &err)) throw std::runtime_error(err.message);
    return result;
}

model_ptr load(const char *path) {
    return model_ptr(made_by<mmoe_model *>(mmoe_model_load, path, nullptr));
}

struct scores {
    uint64_t version;
    std::array<float, 6> values; // [3, 2]
};

// What a thread does; returns the last request's scores.
scores serve(mmoe_slot *slot, int requests) {
    const reader_ptr reader(made_by<mmoe_reader *>(mmoe_reader_create, slot));
    const std::array<const char *, 3> users{"101", "101", "101"}, items{"7", "9", "4"};
    const std::array<double, 3> prices{3.5, 12, 0.75};
    const mmoe_column ids[] = {{MMOE_VALUE_TEXT, users.data(), 0},
                               {MMOE_VALUE_TEXT, items.data(), 0}};
    const mmoe_column price{MMOE_VALUE_DOUBLE, prices.data(), 0};
    mmoe_batch batch{};
    batch.rows = 3;
    batch.sparse_columns = ids;
    batch.sparse_count = std::size(ids);
    batch.dense_columns = &price;
    batch.dense_count = 1;
    scores last{};
    for (int i = 0; i < requests; i++) {
        const auto now = made_by<mmoe_served>(mmoe_reader_enter, reader.get());
        const visit until_the_end_of_this_block(reader.get());
        mmoe_error err;
        if (mmoe_predictor_run(now.predictor, &batch, last.values.data(), &err))
            throw std::runtime_error(err.message);
        last.version = now.version;
    }
    return last;
}

int main(int argc, char **argv) try {
    if (argc != 3) return 2;
    model_ptr model = load(argv[1]);
    const slot_ptr slot(made_by<mmoe_slot *>(mmoe_slot_create, model.get(), nullptr));
    (void)model.release(); // it is the slot's now
    std::vector<std::future<scores>> threads;
    for (int i = 0; i < 4; i++)
        threads.push_back(std::async(std::launch::async, serve, slot.get(), 10000));
    model_ptr newer = load(argv[2]);
    made_by<uint64_t>(mmoe_slot_publish, slot.get(), newer.get());
    (void)newer.release();
    for (auto &thread : threads) thread.get();
    const scores now = serve(slot.get(), 1);
    for (size_t i = 0; i < now.values.size(); i += 2)
        std::printf("version %d: %.9g,%.9g\n", static_cast<int>(now.version), now.values[i],
                    now.values[i + 1]);
} catch (const std::exception &e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 1;
}
