// train.hpp: what is called back may throw, and it arrives at the caller; steps, publications and
// checkpoints are those of C. Nothing leaks (the sanitizers' builds).
#include <array>
#include <cmath>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

#include "mmoe/train.hpp"

extern "C" {
#include "check_main.h"
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
}

// In libc's place: a clock that has gone on by a second whenever it is asked, so that each step is
// told of, or the real one.
static bool is_slow = false;
extern "C" int clock_gettime(clockid_t which, timespec *out) noexcept {
    static time_t seconds = 0;
    const int status = static_cast<int>(syscall(SYS_clock_gettime, which, out));
    if (is_slow) out->tv_sec += ++seconds;
    return status;
}

namespace {

// Of which there are so many.
struct thrown {
    static int alive;
    thrown() { alive++; }
    thrown(const thrown &) { alive++; }
    ~thrown() { alive--; }
};
int thrown::alive = 0;

class temporary {
  public:
    temporary() { ck_assert_int_eq(close(mkstemp(path_)), 0); }
    ~temporary() { unlink(path_); }
    temporary(const temporary &) = delete;
    temporary &operator=(const temporary &) = delete;
    const char *path() const { return path_; }

  private:
    char path_[32] = "/tmp/mmoe-hpp-XXXXXX";
};

// The feature "told" is the label: fit warns of it.
const char json[] = "{\"features\": {\"dense\": [{\"name\": \"told\"}, {\"name\": \"price\"}], "
                    "\"sparse\": [{\"name\": \"item\", \"vocab_size\": 9, \"embed_dim\": 4}]}, "
                    "\"tasks\": [{\"name\": \"ctr\", \"label\": \"click\"}, {\"name\": \"paid\", "
                    "\"label\": \"paid\", \"type\": \"regression\"}], "
                    "\"trainer\": {\"n_epoch\": 3, \"batch_size\": 64";

struct event {
    int64_t item;
    float told, price;
};

constexpr size_t count = 200, tasks = 2;

class fixture {
  public:
    mmoe::config config;
    mmoe::input input{
        {"told", mmoe::type<float>}, {"item", mmoe::type<int64_t>}, {"price", mmoe::type<float>}};
    mmoe::rows rows{input};
    std::vector<event> events;
    std::vector<float> labels;
    mmoe::model model;

    // Further keys of the trainer.
    explicit fixture(const char *keys = "")
        : config(mmoe::config::parse(std::string(json) + keys + "}}")) {
        const std::array<const char *, 3> columns{"told", "item", "price"};
        mmoe_schema *made = nullptr;
        mmoe_error err;
        if (mmoe_schema_create(config.get(), columns.data(), 3, nullptr, &made, &err))
            ck_abort_msg("%s", err.message);
        model = mmoe::new_model(config, mmoe::schema(made));
        for (size_t i = 0; i < count; i++) {
            const float click = i % 3 == 0;
            events.push_back({static_cast<int64_t>(i % 9), click, static_cast<float>(i % 7)});
            labels.push_back(click);
            labels.push_back(i % 5 ? static_cast<float>(i % 4) : NAN);
        }
        rows.values<float>("told").set(events, &event::told);
        rows.values<int64_t>("item").set(events, &event::item);
        rows.values<float>("price").set(events, &event::price);
    }
    mmoe::dataset learned() { return mmoe::dataset(model, rows, labels); }
    std::vector<float> scores() { return scores(model); }
    std::vector<float> scores(const mmoe::model &of) {
        std::vector<float> written(count * tasks);
        mmoe::predictor(of, input).run(rows, written);
        return written;
    }
};

// ---- What is called back throws ----

enum kind { EPOCH, WARNING, PROGRESS, KINDS };
struct calls {
    std::array<int, KINDS> of{};
};
// The first call of a kind throws.
mmoe::callbacks throwing(calls &made, kind that_throws) {
    const auto on = [&made, that_throws](kind k) {
        return [&made, that_throws, k](const auto &) {
            if (++made.of[k] == 1 && k == that_throws) throw thrown();
            return true;
        };
    };
    return {on(EPOCH), on(PROGRESS), on(WARNING)};
}

START_TEST(what_a_callback_throws_arrives) {
    const kind k = static_cast<kind>(_i % KINDS);
    const bool takes_errors = _i / KINDS;
    fixture f;
    const mmoe::dataset learned = f.learned();
    calls made;
    mmoe::trainer trainer(f.model, throwing(made, k));
    mmoe::trainer moved = std::move(trainer);
    ck_assert(!trainer && moved);
    mmoe_error err{};
    bool arrived = false;
    is_slow = k == PROGRESS;
    try {
        moved.fit(learned, takes_errors ? &err : nullptr);
    } catch (const thrown &) {
        arrived = true;
        ck_assert_int_ge(thrown::alive, 1);
    }
    ck_assert(arrived);
    ck_assert_int_eq(thrown::alive, 0);
    ck_assert_int_eq(made.of[k], 1);
    ck_assert_int_eq(made.of[EPOCH], k == EPOCH); // and no more is called
    const int epochs = made.of[EPOCH];
    ck_assert_int_eq(moved.fit(learned, &err), MMOE_OK); // the stop was that fit's
    ck_assert_int_eq(made.of[EPOCH], epochs + 3);
    ck_assert_int_eq(trainer.fit(learned, &err), MMOE_E_ARGUMENT); // that one is empty
}
END_TEST

// There is nothing to stop early by: it fails before its first step, and the stop goes with it.
START_TEST(a_fit_that_fails_by_itself_throws_too) {
    fixture f(", \"earlystop_patience\": 1");
    const mmoe::dataset learned = f.learned();
    f.labels.assign(f.labels.size(), NAN);
    const mmoe::dataset unlabelled = f.learned();
    calls made;
    mmoe::trainer trainer(f.model, throwing(made, WARNING));
    bool arrived = false;
    try {
        trainer.fit(learned, unlabelled);
    } catch (const thrown &) {
        arrived = true;
    }
    ck_assert(arrived);
    ck_assert_int_eq(made.of[EPOCH], 0);
    mmoe_error err{};
    ck_assert_int_eq(trainer.fit(learned, unlabelled, &err), MMOE_E_DATA);
    ck_assert_int_eq(trainer.fit(learned, &err), MMOE_OK);
    ck_assert_int_eq(made.of[EPOCH], 3);
}
END_TEST

START_TEST(a_callback_stops_a_fit) {
    fixture f;
    const mmoe::dataset learned = f.learned();
    int epochs = 0;
    mmoe::trainer trainer(f.model,
                          {[&](const mmoe_epoch_report &) { return ++epochs < 2; }, {}, {}});
    mmoe_error err{};
    ck_assert_int_eq(trainer.fit(learned, learned, &err), MMOE_E_CANCELLED);
    ck_assert_int_eq(epochs, 2);
    trainer.stop();
    ck_assert_int_eq(trainer.fit(learned, &err), MMOE_E_CANCELLED);
    ck_assert_int_eq(epochs, 2);
}
END_TEST

START_TEST(a_watcher_throws) {
    fixture f;
    const temporary file;
    std::ofstream csv(file.path());
    csv << "told,item,price,click,paid\n";
    for (size_t i = 0; i < count; i++) csv << i % 3 << ',' << i % 9 << ",1," << i % 2 << ",3\n";
    csv.close();
    int told = 0;
    const auto both =
        mmoe::fit_csv(f.config, file.path(), {{}, [&](const mmoe_work &) { told++; }});
    ck_assert_int_eq(both.rows.size(), count);
    ck_assert_int_eq(mmoe::read_csv(both.schema.get(), file.path()).size(), count);
    ck_assert_int_gt(told, 1);
    told = 0;
    mmoe::reading how;
    how.on_work = [&](const mmoe_work &) {
        told++;
        throw thrown();
    };
    mmoe_error err{};
    for (int i = 0; i < 4; i++) {
        bool arrived = false;
        try {
            if (i % 2)
                (void)mmoe::fit_csv(f.config, file.path(), how, i / 2 ? &err : nullptr);
            else
                (void)mmoe::read_csv(both.schema.get(), file.path(), how, i / 2 ? &err : nullptr);
        } catch (const thrown &) {
            arrived = true;
        }
        ck_assert(arrived);
        ck_assert_int_eq(told, i + 1);
        ck_assert_int_eq(thrown::alive, 0);
    }
}
END_TEST

// ---- Steps ----

// In C, of the same rows.
START_TEST(steps_are_those_of_c) {
    fixture f, in_c;
    const mmoe::dataset learned = f.learned();
    mmoe::trainer trainer(f.model);
    mmoe_trainer *of_c = nullptr;
    ck_assert_int_eq(mmoe_trainer_create(in_c.model.get(), nullptr, nullptr, &of_c, nullptr), 0);
    std::array<double, tasks> losses{}, expected{};
    trainer.step(learned, 0, 64);
    trainer.step(learned, 64, 64, losses);
    mmoe_trainer_step(of_c, learned.get(), 0, 64, nullptr, nullptr);
    mmoe_trainer_step(of_c, learned.get(), 64, 64, expected.data(), nullptr);
    mmoe_trainer_free(of_c);
    ck_assert(losses == expected && losses[0] > 0);
    ck_assert(f.scores() == in_c.scores());
}
END_TEST

START_TEST(what_is_saved_goes_on) {
    fixture f, again;
    const temporary run, file;
    const mmoe::dataset learned = f.learned();
    mmoe::trainer trainer(f.model);
    trainer.step(learned, 0, 64);
    trainer.set_lr(0.02);
    trainer.save(run.path());
    const mmoe::model before = mmoe::clone(f.model);
    const std::vector<float> scored = f.scores();
    mmoe::save(f.model, file.path());
    trainer.step(learned, 64, 64);
    ck_assert(f.scores() != scored);
    ck_assert(f.scores(before) == scored && f.scores(mmoe::model(file.path())) == scored);

    mmoe::trainer resumed(again.model);
    resumed.resume(run.path());
    resumed.step(learned, 64, 64);
    ck_assert(f.scores() == again.scores());
}
END_TEST

START_TEST(what_is_learned_is_published) {
    fixture f;
    const mmoe::dataset learned = f.learned();
    const mmoe::slot slot(mmoe::clone(f.model), f.input);
    std::vector<float> served(count * tasks);
    {
        mmoe::trainer trainer(f.model);
        trainer.step(learned, 0, 64);
        ck_assert_uint_eq(trainer.publish(slot), 2);
    }
    const mmoe::reader reader(slot);
    const mmoe::visit now = reader.enter();
    now.run(f.rows, served);
    ck_assert(served == f.scores());
}
END_TEST

// ---- What is wrong ----

template <class Call> void refuses(const char *message, mmoe_status code, Call call) {
    bool thrown_to_me = false;
    try {
        call(nullptr);
    } catch (const mmoe::error &e) {
        thrown_to_me = true;
        ck_assert_int_eq(e.code(), code);
        if (!std::strstr(e.what(), message)) ck_abort_msg("%s", e.what());
    }
    ck_assert(thrown_to_me);
    mmoe_error err{};
    call(&err);
    ck_assert_int_eq(err.code, code);
}

START_TEST(what_is_wrong_is_said) {
    fixture f;
    const mmoe::dataset learned = f.learned();
    mmoe::trainer trainer(f.model);
    std::array<double, 1> small{};
    std::vector<float> weights(3, 1);
    const std::vector<float> right = f.labels;
    const auto make = [&](mmoe_error *e) {
        ck_assert(!mmoe::dataset(f.model, f.rows, f.labels, e));
    };
    refuses("no room for all losses", MMOE_E_ARGUMENT,
            [&](mmoe_error *e) { trainer.step(learned, 0, 64, small, e); });
    refuses("a step takes 1 to 64 rows", MMOE_E_ARGUMENT,
            [&](mmoe_error *e) { trainer.step(learned, 0, 65, e); });
    refuses("weights than of rows", MMOE_E_ARGUMENT,
            [&](mmoe_error *e) { mmoe::dataset(f.model, f.rows, f.labels, weights, e); });
    f.labels.pop_back();
    refuses("labels than of rows by tasks", MMOE_E_ARGUMENT, make);
    f.labels = right;
    f.labels[6] = 0.5;
    refuses("row 4: column \"click\"", MMOE_E_DATA, make);
    f.rows.values<float>("price").set({});
    refuses("other rows than the first column", MMOE_E_ARGUMENT, make);
    refuses("trainer.n_epoch", MMOE_E_CONFIG,
            [&](mmoe_error *e) { f.config.set("trainer.n_epoch", "-1", e); });
    refuses("line 1", MMOE_E_CONFIG,
            [&](mmoe_error *e) { ck_assert(!mmoe::config::parse("{", e)); });
    refuses("/none", MMOE_E_IO, [&](mmoe_error *e) { ck_assert(!mmoe::config("/none", e)); });
    refuses("/none", MMOE_E_IO,
            [&](mmoe_error *e) { ck_assert(!mmoe::fit_csv(f.config, "/none", e).rows); });
    refuses("/none", MMOE_E_IO, [&](mmoe_error *e) { trainer.resume("/none", e); });
    refuses("/none/", MMOE_E_IO, [&](mmoe_error *e) { trainer.save("/none/run", e); });
    refuses("0 to 1000", MMOE_E_ARGUMENT, [&](mmoe_error *e) { trainer.set_lr(-1, e); });
    mmoe::model empty;
    refuses("NULL", MMOE_E_ARGUMENT, [&](mmoe_error *e) { ck_assert(!mmoe::clone(empty, e)); });
    refuses("NULL", MMOE_E_ARGUMENT, [&](mmoe_error *e) { ck_assert(!mmoe::trainer(empty, e)); });
}
END_TEST

} // namespace

extern "C" void add_cases(TCase *c) {
    tcase_add_loop_test(c, what_a_callback_throws_arrives, 0, 2 * KINDS);
    tcase_add_test(c, a_fit_that_fails_by_itself_throws_too);
    tcase_add_test(c, a_callback_stops_a_fit);
    tcase_add_test(c, a_watcher_throws);
    tcase_add_test(c, steps_are_those_of_c);
    tcase_add_test(c, what_is_saved_goes_on);
    tcase_add_test(c, what_is_learned_is_published);
    tcase_add_test(c, what_is_wrong_is_said);
}
