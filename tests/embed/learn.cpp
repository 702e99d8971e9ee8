// learn MODEL RUN ROUNDS: what learn.c does. RUN is what it has learned: a process that finds it
// goes on from there.
#include <mmoe/train.hpp>

#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <vector>

struct event {
    int64_t user, item;
    float price;
};

// What was shown, whether it was clicked, and what was paid, if that is known.
const std::vector<event> events{{101, 7, 3.5F}, {101, 9, 12}, {130, 4, 0.75F}, {115, 0, 8}};
const std::vector<float> labels{1, 2.5F, 0, NAN, 1, 0, 0, NAN};

int main(int argc, char **argv) try {
    if (argc != 4) return 2;
    // Rows to score and rows to learn from have the same columns.
    const mmoe::input input{{"user", mmoe::type<int64_t>, mmoe::user},
                            {"item", mmoe::type<int64_t>},
                            {"price", mmoe::type<float>}};
    mmoe::rows rows(input);
    rows.values<int64_t>("user").set(events, &event::user);
    rows.values<int64_t>("item").set(events, &event::item);
    rows.values<float>("price").set(events, &event::price);
    mmoe::model model(argv[1]);
    const mmoe::slot slot(mmoe::clone(model), input); // which never has the trainer's
    mmoe::trainer trainer(model);                     // of one thread; readers are of any others
    if (std::filesystem::exists(argv[2])) trainer.resume(argv[2]);
    for (int i = std::atoi(argv[3]); i > 0; i--) {
        const mmoe::dataset learned(model, rows, labels);
        trainer.step(learned, 0, events.size());
        trainer.publish(slot);
    }
    trainer.save(argv[2]); // from time to time, and at the end
    const mmoe::reader reader(slot);
    std::array<float, 8> scores{}; // [4, 2]
    reader.enter().run(rows, scores);
    for (size_t i = 0; i < scores.size(); i += 2)
        std::printf("%.9g,%.9g\n", scores[i], scores[i + 1]);
} catch (const std::exception &e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 1;
}
