// mmoe.hpp: by name a score is that of C, to the bit; what does not fit is thrown, or returned
// where the caller asks for it; nothing leaks or is freed twice (the sanitizers' builds).
#include <array>
#include <atomic>
#include <cmath>
#include <cstdlib>
#include <new>
#include <string>
#include <thread>
#include <vector>

#include "mmoe/mmoe.hpp"

extern "C" {
#include "check_main.h"
#include "mmoe/train.h"
}

static bool no_memory = false; // of C++; the library's is another

[[gnu::noinline]] void *operator new(size_t size) {
    void *memory = no_memory ? nullptr : std::malloc(size);
    if (!memory) throw std::bad_alloc();
    return memory;
}
[[gnu::noinline]] void operator delete(void *memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void *memory, size_t) noexcept { std::free(memory); }

namespace {

template <class Function, class... Arguments>
void succeeds(Function function, Arguments... arguments) {
    mmoe_error err{};
    if (function(arguments..., &err)) ck_abort_msg("%s", err.message);
}

constexpr size_t items = 3, tasks = 2;

struct offer {
    int64_t user, slot;
    const char *city;
    double price;
    float place[2];
};
// The second lacks its price.
const std::array<offer, items> offers{{{7, 4, "12", 2, {1, 2}},
                                       {7, 1, "3", mmoe::missing<double>, {3, 4}},
                                       {7, 0, "9", 400, {-5, 6}}}};
const std::vector<int64_t> tags{3, 8, 8, 1};
const std::vector<float> tag_weights{1, 1, 2, 0.5F};
const std::vector<size_t> tag_ends{0, 1, 1, 4};

const std::vector<mmoe::column> given{
    {"price", mmoe::type<double>},      mmoe::column("tags", mmoe::type<int64_t>).list(),
    {"slot", mmoe::type<int64_t>},      {"user", mmoe::type<int64_t>, mmoe::user},
    {"city", mmoe::type<const char *>}, mmoe::column("place", mmoe::type<float>).dim(2),
};

#define VOCABULARY "\"vocab_size\": 20, \"embed_dim\": 4"
const char usual_sparse[] =
    "{\"name\": \"user\", \"side\": \"user\", " VOCABULARY "},"
    "{\"name\": \"slot\", " VOCABULARY "}, {\"name\": \"city\", " VOCABULARY "}";
const char other_sparse[] = "{\"name\": \"city\", " VOCABULARY "}, {\"name\": \"slot\", " VOCABULARY
                            "}, {\"name\": \"user\", \"side\": \"user\", " VOCABULARY "}";

mmoe::model model_of(const char *sparse, int seed) {
    const std::string json =
        std::string("{\"features\": {\"sparse\": [") + sparse +
        "], \"sequence\": [{\"name\": \"tags\", \"separator\": \"|\", \"weight_separator\": "
        "\":\", " VOCABULARY "}], \"dense\": [{\"name\": \"price\", \"missing\": 3.5}, "
        "{\"name\": \"place\", \"dim\": 2}]}, \"tasks\": [{\"name\": \"ctr\", \"label\": "
        "\"click\"}, {\"name\": \"cvr\", \"label\": \"buy\"}], \"score\": \"ctr * cvr\", "
        "\"trainer\": {\"seed\": " +
        std::to_string(seed) + "}}";
    const std::array<const char *, 7> columns{"user", "slot",  "city", "colour",
                                              "tags", "price", "place"};
    mmoe_config *config = nullptr;
    mmoe_schema *schema = nullptr;
    mmoe_model *made = nullptr;
    succeeds(mmoe_config_parse, json.c_str(), json.size(), nullptr, nullptr, &config);
    succeeds(mmoe_schema_create, config, columns.data(), columns.size(), nullptr, &schema);
    succeeds(mmoe_model_create, config, schema, nullptr, &made);
    mmoe_schema_free(schema);
    mmoe_config_free(config);
    return mmoe::model(made);
}
mmoe::model usual_model(int seed = 1) { return model_of(usual_sparse, seed); }

using scores = std::array<float, items * tasks>;

// In C, and by number: the columns in the order of the usual model.
scores scores_by_number(const mmoe::model &model) {
    const offer *o = offers.data();
    const std::array<mmoe_column, 4> sparse{{{MMOE_VALUE_INT64, &o->user, sizeof *o},
                                             {MMOE_VALUE_INT64, &o->slot, sizeof *o},
                                             {MMOE_VALUE_TEXT, &o->city, sizeof *o},
                                             {MMOE_VALUE_INT64, tags.data(), 0}}};
    const std::array<mmoe_column, 2> dense{
        {{MMOE_VALUE_DOUBLE, &o->price, sizeof *o}, {MMOE_VALUE_FLOAT, &o->place, sizeof *o}}};
    const mmoe_list_column list{tag_ends.data(), tag_weights.data(), tags.size()};
    mmoe_batch batch{};
    batch.rows = items;
    batch.sparse_columns = sparse.data();
    batch.sparse_count = sparse.size();
    batch.dense_columns = dense.data();
    batch.dense_count = dense.size();
    batch.list_columns = &list;
    mmoe_predictor *predictor = nullptr;
    scores written{};
    succeeds(mmoe_predictor_create, model.get(), nullptr, &predictor);
    succeeds(mmoe_predictor_run, predictor, &batch, written.data());
    mmoe_predictor_free(predictor);
    return written;
}

// Set to the caller's memory.
mmoe::rows rows_that_are_set(const mmoe::input &input) {
    mmoe::rows rows(input);
    rows.values<int64_t>("user").set(offers, &offer::user);
    rows.values<int64_t>("slot").set(offers, &offer::slot);
    rows.values<const char *>("city").set(offers, &offer::city);
    rows.values<double>("price").set(offers, &offer::price);
    rows.values<float>("place").set(offers, &offer::place);
    rows.lists<int64_t>("tags").set(tag_ends, tags, tag_weights);
    return rows;
}

// Added, row by row; the user's to `user`, which may be all rows.
void add_items(mmoe::rows &rows) {
    const auto slot = rows.values<int64_t>("slot");
    const auto city = rows.values<const char *>("city");
    const auto price = rows.values<double>("price");
    const auto place = rows.values<float>("place");
    const auto list = rows.lists<int64_t>("tags");
    for (size_t i = 0; i < items; i++) {
        const size_t first = tag_ends[i], count = tag_ends[i + 1] - first;
        slot.add(offers[i].slot);
        city.add(offers[i].city);
        price.add(offers[i].price);
        place.add(offers[i].place);
        // The first row's weight is 1, as it is where none is given.
        list.add({tags.data() + first, count}, {tag_weights.data() + first, i ? count : 0});
    }
}

template <class Call> mmoe::error thrown_by(Call call) {
    try {
        call();
    } catch (const mmoe::error &e) {
        return e;
    }
    ck_abort_msg("nothing was thrown");
}

template <class Call>
void refuses(const char *column, Call call, mmoe_status code = MMOE_E_ARGUMENT) {
    const mmoe::error e = thrown_by(call);
    ck_assert_int_eq(e.code(), code);
    ck_assert_str_eq(e.column(), column);
}

START_TEST(scores_by_name_are_those_of_numbers) {
    const mmoe::input input(given);
    const mmoe::model model = usual_model();
    const scores expected = scores_by_number(model);
    mmoe::predictor predictor(model, input);
    mmoe::rows all = rows_that_are_set(input), user(input, mmoe::user), of_items(input, mmoe::item);
    scores written{};
    predictor.run(all, written);
    ck_assert(written == expected);
    for (int request = 0; request < 2; request++) {
        user.clear();
        of_items.clear();
        user.values<int64_t>("user").add(7);
        add_items(of_items);
        ck_assert_uint_eq(of_items.size(), items);
        written = {};
        predictor.rank(user, of_items, written);
        ck_assert(written == expected);
    }
    std::array<float, items> finals{};
    std::array<float, items + 1> best_scores{};
    std::array<float, (items + 1) * tasks> best_tasks{};
    std::array<size_t, items + 1> best{};
    predictor.score(user, of_items, {finals});
    predictor.top(user, of_items, best, {best_scores, best_tasks});
    for (size_t i = 0; i < items; i++) {
        ck_assert(finals[best[i]] == best_scores[i]);
        ck_assert(i == 0 || best_scores[i] <= best_scores[i - 1]);
        for (size_t t = 0; t < tasks; t++)
            ck_assert(best_tasks[i * tasks + t] == expected[best[i] * tasks + t]);
    }
    predictor.top(all, mmoe::view<size_t>(), {mmoe::view<float>()}); // none is wanted
    predictor.top(all, best, {best_scores});
    ck_assert(finals[best[0]] == best_scores[0]);
    const mmoe::expression by_cvr(model, "cvr");
    predictor.score(all, {finals, written, by_cvr.get()});
    for (size_t i = 0; i < items; i++) ck_assert(finals[i] == expected[i * tasks + 1]);
    ck_assert(written == expected);
}
END_TEST

START_TEST(a_bad_row_is_nan_alone_where_that_is_asked_for) {
    const mmoe::input input(given);
    const mmoe::model model = usual_model();
    const mmoe::predictor predictor(model, input);
    const scores expected = scores_by_number(model);
    mmoe::rows rows = rows_that_are_set(input);
    std::array<int64_t, items> slots{4, 999, 0}; // of 20
    rows.values<int64_t>("slot").set(slots);
    scores written{};
    refuses(
        "slot", [&] { predictor.run(rows, written); }, MMOE_E_DATA);
    mmoe_error first{};
    mmoe_bad_rows bad{&first, 1, 0};
    rows.allow_bad(&bad);
    predictor.run(rows, written);
    ck_assert_uint_eq(bad.count, 1);
    ck_assert_int_eq(first.row, 2);
    ck_assert_str_eq(first.column, "slot");
    ck_assert(std::isnan(written[2]) && written[0] == expected[0] && written[5] == expected[5]);
}
END_TEST

START_TEST(what_is_moved_goes_on) {
    const mmoe::model model = usual_model();
    const scores expected = scores_by_number(model);
    scores written{};
    mmoe::predictor kept(model, mmoe::input(given)); // the input is kept with it
    mmoe::predictor clone = kept.clone();
    mmoe::predictor moved = std::move(kept);
    ck_assert(!kept && moved);
    mmoe::rows rows(rows_that_are_set(mmoe::input(given)));
    const mmoe::error of_another = thrown_by([&] { moved.run(rows, written); });
    ck_assert_str_eq(of_another.what(),
                     "mmoe_predictor_run: the batch is of another input than the predictor's");
    const mmoe::input input(given);
    moved = mmoe::predictor(model, input);
    rows = rows_that_are_set(input);
    const auto price = rows.values<double>("price");
    mmoe::rows elsewhere = std::move(rows);
    price.set(offers, &offer::price);
    moved.run(elsewhere, written);
    ck_assert(written == expected);
}
END_TEST

START_TEST(a_refused_model_names_its_column) {
    const mmoe::input input(given);
    const std::string sparse =
        std::string(usual_sparse) + ",{\"name\": \"colour\", " VOCABULARY "}";
    mmoe::model other = model_of(sparse.c_str(), 1);
    refuses("colour", [&] { input.check(other); });
    refuses("colour", [&] { mmoe::predictor(other, input); });
    refuses("colour", [&] { mmoe::slot(std::move(other), input); });
    const mmoe::slot slot(usual_model(), input);
    refuses("colour", [&] { slot.publish(std::move(other)); });
    ck_assert(other); // still the caller's
    refuses("a", [] { mmoe::input{{"a", mmoe::type<float>}, {"a", mmoe::type<float>}}; });
    refuses("", [] { mmoe::input{{nullptr, mmoe::type<float>}}; });
    mmoe::rows rows(input);
    refuses("", [&] { rows.values<double>(nullptr); });
    refuses("price", [&] { rows.lists<double>("price"); });
    const mmoe::error none = thrown_by([] { mmoe::model("/none"); });
    ck_assert_int_eq(none.code(), MMOE_E_IO);
    ck_assert_str_eq(none.file(), "/none");
}
END_TEST

// With an error to write to nothing is thrown.
START_TEST(a_status_is_returned_where_it_is_asked_for) {
    mmoe_error err{};
    const mmoe::model none("/none", &err);
    ck_assert(!none && none.task_count() == 0);
    ck_assert_int_eq(err.code, MMOE_E_IO);
    const mmoe::input no_input({{"", mmoe::type<float>}}, &err);
    ck_assert(!no_input);
    const mmoe::input input(given, &err);
    const mmoe::predictor predictor(none, input, &err);
    ck_assert(!predictor);
    mmoe::model usual = usual_model();
    mmoe::model lacks = model_of("{\"name\": \"user\", \"side\": \"user\", " VOCABULARY "}", 1);
    ck_assert_int_eq(input.check(usual, &err), MMOE_OK);
    ck_assert(!mmoe::slot(std::move(lacks), input, &err));
    ck_assert_str_eq(err.column, "slot");
    ck_assert(!mmoe::slot(std::move(usual), no_input, &err) && usual);
    ck_assert_str_eq(err.message, "the input is empty"); // and not: any columns are right
    ck_assert(!mmoe::predictor(usual, no_input, &err));
    ck_assert_str_eq(err.message, "the input is empty");
    const mmoe::slot slot(std::move(usual), input, &err);
    ck_assert(slot && !usual);
    ck_assert_uint_eq(slot.publish(std::move(lacks), &err), 0);
    const mmoe::reader reader(slot, &err);
    const mmoe::visit now = reader.enter(&err);
    ck_assert(reader && now);
    ck_assert(!reader.enter(&err)); // it has not left
    mmoe::rows rows(input);
    ck_assert(!rows.values<float>("price", &err));
    scores written{};
    ck_assert_int_eq(now.run(rows, written, &err), MMOE_OK); // no rows
    rows.values<int64_t>("slot", &err).add(3);
    ck_assert_int_eq(now.run(rows, written, &err), MMOE_E_ARGUMENT);
    ck_assert_str_eq(err.column, "slot");
}
END_TEST

struct wrong {
    const char *column, *message;
    void (*make)(mmoe::rows &);
};
const wrong wrongs[] = {
    {"none", "column \"none\": the rows have no such column",
     [](mmoe::rows &r) { r.values<float>("none"); }},
    {"price", "column \"price\": the column is of another type",
     [](mmoe::rows &r) { r.values<float>("price"); }},
    {"price", "column \"price\": the column is no list",
     [](mmoe::rows &r) { r.lists<double>("price"); }},
    {"tags", "column \"tags\": the column is a list",
     [](mmoe::rows &r) { r.values<int64_t>("tags"); }},
    {"slot", "column \"slot\": it has other rows than the first column",
     [](mmoe::rows &r) { r.values<int64_t>("slot").set(tags); }},
    {"place", "column \"place\": the last value lacks some of its numbers",
     [](mmoe::rows &r) { r.values<float>("place").add(1.5F); }},
    {"place", "column \"place\": the last value lacks some of its numbers",
     [](mmoe::rows &r) {
         static const float five[5] = {};
         r.values<float>("place").set(five);
     }},
    {"price", "column \"price\": a value has another number of numbers",
     [](mmoe::rows &r) {
         struct pair {
             std::array<double, 2> two;
         };
         static const std::array<pair, 3> held{};
         r.values<double>("price").set(held, &pair::two);
     }},
    {"tags", "column \"tags\": a row has another number of weights than of values",
     [](mmoe::rows &r) {
         r.lists<int64_t>("tags").add(tags, {tag_weights.data(), 3});
     }},
    {"tags", "column \"tags\": there is another number of weights than of values",
     [](mmoe::rows &r) {
         r.lists<int64_t>("tags").set(tag_ends, tags, {tag_weights.data(), 3});
     }},
    {"tags", "column \"tags\": a list lacks offsets",
     [](mmoe::rows &r) { r.lists<int64_t>("tags").set({}, tags); }},
    {"", "the view has no room for all scores", [](mmoe::rows &r) { r.values<double>("price"); }},
};

START_TEST(columns_that_are_wrong_are_named) {
    const wrong &w = wrongs[_i];
    const mmoe::input input(given);
    const mmoe::model model = usual_model();
    const mmoe::predictor predictor(model, input);
    mmoe::rows rows = rows_that_are_set(input);
    std::array<float, items * tasks - 1> small{};
    const mmoe::error e = thrown_by([&] {
        w.make(rows);
        predictor.run(rows, small);
    });
    ck_assert_int_eq(e.code(), MMOE_E_ARGUMENT);
    ck_assert_str_eq(e.column(), w.column);
    ck_assert_str_eq(e.what(), w.message);
    rows.clear(); // and it is as if nothing had been
    predictor.run(rows, small);
}
END_TEST

// The first reader serves while another thread publishes models of another order of columns.
START_TEST(a_swap_under_readers) {
    constexpr int published = 20;
    const mmoe::input input(given);
    std::array<scores, 2> expected{};
    for (int seed = 0; seed < 2; seed++) {
        const mmoe::model m = model_of(seed ? other_sparse : usual_sparse, seed + 1);
        mmoe::rows rows = rows_that_are_set(input);
        mmoe::predictor(m, input).run(rows, expected[static_cast<size_t>(seed)]);
    }
    ck_assert(expected[0] != expected[1]);
    const mmoe::slot slot(usual_model(), input);
    std::atomic<int> wrong{0};
    const auto serve = [&] {
        const mmoe::reader reader(slot);
        mmoe::rows rows = rows_that_are_set(input);
        for (uint64_t version = 0; version <= published;) {
            const mmoe::visit now = reader.enter();
            scores written{};
            now.run(rows, written);
            version = now.version();
            wrong += written != expected[(version - 1) % 2];
        }
    };
    std::thread first(serve), second(serve);
    for (int i = 1; i <= published; i++)
        slot.publish(model_of(i % 2 ? other_sparse : usual_sparse, i % 2 + 1));
    first.join();
    second.join();
    ck_assert_int_eq(wrong, 0);
}
END_TEST

// What was made is kept by what needs it: the slot by a reader, the input by the slot.
START_TEST(the_last_one_frees) {
    mmoe::input input(given);
    mmoe::rows rows = rows_that_are_set(input);
    auto slot = std::make_unique<mmoe::slot>(usual_model(), input);
    const mmoe::reader reader(*slot);
    input = mmoe::input{{"other", mmoe::type<float>}};
    slot.reset();
    scores written{};
    reader.enter().run(rows, written);
    ck_assert(written == scores_by_number(usual_model()));
}
END_TEST

template <class T> std::vector<T> first_of(const mmoe_column &column, size_t count) {
    const auto *values = static_cast<const T *>(column.values);
    return {values, values + count};
}

// {0, 2} are two numbers, not a NULL of two.
START_TEST(numbers_in_braces_are_added) {
    const mmoe::input input{mmoe::column("place", mmoe::type<float>).dim(2),
                            mmoe::column("tags", mmoe::type<int64_t>).list()};
    mmoe::rows rows(input);
    const auto place = rows.values<float>("place");
    const auto tag = rows.lists<int64_t>("tags");
    place.add({0, 2});
    tag.add({0, 2});
    place.add({3, 0});
    tag.add({});
    const mmoe_batch *batch = rows.batch();
    ck_assert_uint_eq(batch->rows, 2);
    ck_assert((first_of<float>(batch->columns[0], 4) == std::vector<float>{0, 2, 3, 0}));
    ck_assert((first_of<int64_t>(batch->columns[1], 2) == std::vector<int64_t>{0, 2}));
    ck_assert_uint_eq(batch->list_columns[0].offsets[2], 2);

    rows.clear();
    place.add({1, 2});
    tag.add({0, 2}, {0, 1});
    const float *weights = rows.batch()->list_columns[0].weights;
    ck_assert(weights && weights[0] == 0 && weights[1] == 1);
    static_assert(!std::is_constructible_v<mmoe::view<const float>, int, size_t>);
}
END_TEST

// Then the slot is freed, and the model with it, which the caller frees no more.
START_TEST(a_slot_without_memory_frees_its_model_once) {
    const mmoe::input input(given);
    mmoe::model model = usual_model();
    bool thrown = false;
    no_memory = true;
    try {
        const mmoe::slot slot(std::move(model), input);
    } catch (const std::bad_alloc &) {
        thrown = true;
    }
    no_memory = false;
    ck_assert(thrown);
    ck_assert(!model);
}
END_TEST

} // namespace

extern "C" void add_cases(TCase *c) {
    tcase_add_test(c, scores_by_name_are_those_of_numbers);
    tcase_add_test(c, a_bad_row_is_nan_alone_where_that_is_asked_for);
    tcase_add_test(c, what_is_moved_goes_on);
    tcase_add_test(c, a_refused_model_names_its_column);
    tcase_add_test(c, a_status_is_returned_where_it_is_asked_for);
    tcase_add_loop_test(c, columns_that_are_wrong_are_named, 0, std::size(wrongs));
    tcase_add_test(c, a_swap_under_readers);
    tcase_add_test(c, the_last_one_frees);
    tcase_add_test(c, numbers_in_braces_are_added);
    tcase_add_test(c, a_slot_without_memory_frees_its_model_once);
}
