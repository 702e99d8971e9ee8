// mmoe.h for C++17: objects that free what they own, columns by name, and failures that are thrown
// or, by choice, returned. A header alone: a program links what it links for mmoe.h, and may call
// the functions of mmoe.h on what get() gives.
//
//     const mmoe::input input{{"user", mmoe::type<int64_t>, mmoe::user},      // once
//                             {"item", mmoe::type<int64_t>},
//                             {"price", mmoe::type<float>}};
//     mmoe::slot slot(mmoe::model("model.safetensors"), input);
//
//     mmoe::reader reader(slot);                                              // once a thread
//     mmoe::rows user(input, mmoe::user), items(input, mmoe::item);
//     const auto id = user.values<int64_t>("user"), item = items.values<int64_t>("item");
//     const auto price = items.values<float>("price");
//
//     user.clear();                                                           // each request
//     items.clear();
//     id.add(101);
//     for (const auto &o : offers) {
//         item.add(o.item);
//         price.add(o.price);
//     }
//     scores.resize(items.size());
//     reader.enter().score(user, items, {scores});
//
// What can fail takes a last `mmoe_error *err`. Without it a failure is an mmoe::error that is
// thrown; with it nothing is thrown: it is written there, a status is returned, and an object that
// was to be made is empty (`if (!object)`). Where a program is compiled without exceptions, `err`
// must be given. (The memory of rows and inputs is that of std::vector: std::bad_alloc.)
//
// Threads: as in mmoe.h. An input and a slot are shared by any number; a predictor, a reader and
// rows are one thread's at a time.
#ifndef MMOE_HPP
#define MMOE_HPP

#include "mmoe.h"

#include <array>
#include <cstdio>
#include <cstring>
#include <exception>
#include <initializer_list>
#include <iterator>
#include <limits>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#ifdef __cpp_exceptions
#define MMOE_OR_THROW = nullptr
#else
#define MMOE_OR_THROW
#endif

namespace mmoe {

// ---- Errors ----

// What went wrong, and where: mmoe_error as an exception.
class error : public std::exception {
  public:
    explicit error(const mmoe_error &e) noexcept : e_(e) {}
    const char *what() const noexcept override { return e_.message; }
    mmoe_status code() const noexcept { return e_.code; }
    const char *file() const noexcept { return e_.file; }
    int64_t row() const noexcept { return e_.row; }
    const char *column() const noexcept { return e_.column; }

  private:
    mmoe_error e_;
};

namespace detail {

// Of one call: where its error goes, which is thrown where nobody takes it.
class outcome {
  public:
    explicit outcome(mmoe_error *err) : err_(err ? err : &own_), throws_(!err) {}
    operator mmoe_error *() const { return err_; }
    mmoe_status operator()(mmoe_status status) const {
#ifdef __cpp_exceptions
        if (status && throws_) throw error(*err_);
#endif
        return status;
    }
    // `column` NULL: of none.
    mmoe_status fail(const char *column, const char *sentence) const {
        *err_ = mmoe_error{};
        err_->code = MMOE_E_ARGUMENT;
        const std::string place = column ? "column \"" + std::string(column) + "\": " : "";
        std::snprintf(err_->column, sizeof err_->column, "%s", column ? column : "");
        std::snprintf(err_->message, sizeof err_->message, "%s%s", place.c_str(), sentence);
        return (*this)(MMOE_E_ARGUMENT);
    }

  private:
    mmoe_error own_;
    mmoe_error *err_;
    [[maybe_unused]] bool throws_;
};

// Frees with a function of mmoe.h; what the object needs lives as long as the object does.
template <auto Free> struct freed_by {
    std::shared_ptr<const void> needs = nullptr;
    template <class T> void operator()(T *object) const { Free(object); }
};
template <class T, auto Free> using owned = std::unique_ptr<T, freed_by<Free>>;

template <class T> struct value_type;
template <> struct value_type<int64_t> {
    static constexpr mmoe_value_type type = MMOE_VALUE_INT64;
    static constexpr int64_t missing = MMOE_MISSING_INT64;
};
template <> struct value_type<const char *> {
    static constexpr mmoe_value_type type = MMOE_VALUE_TEXT;
    static constexpr const char *missing = nullptr;
};
template <> struct value_type<float> {
    static constexpr mmoe_value_type type = MMOE_VALUE_FLOAT;
    static constexpr float missing = std::numeric_limits<float>::quiet_NaN();
};
template <> struct value_type<double> {
    static constexpr mmoe_value_type type = MMOE_VALUE_DOUBLE;
    static constexpr double missing = std::numeric_limits<double>::quiet_NaN();
};

} // namespace detail

// ---- Views ----

// Values that stand one behind the other in somebody's memory, as C++20's std::span: of a vector,
// an array, or whatever has data() and size(). view<const T> reads, view<T> is written to.
template <class T> class view {
  public:
    constexpr view() = default;
    constexpr view(T *data, size_t size) : data_(data), size_(size) {}
    // {0, 2} are two numbers, and no address.
    template <class N, class = std::enable_if_t<std::is_integral_v<N>>> view(N, size_t) = delete;
    template <class C,
              class = std::enable_if_t<std::is_convertible_v<
                  std::remove_pointer_t<decltype(std::data(std::declval<C &>()))> (*)[], T (*)[]>>>
    constexpr view(C &&values) : data_(std::data(values)), size_(std::size(values)) {}
    constexpr T *data() const { return data_; }
    constexpr size_t size() const { return size_; }
    constexpr T *begin() const { return data_; }
    constexpr T *end() const { return data_ + size_; }

  private:
    T *data_ = nullptr;
    size_t size_ = 0;
};

// ---- Model ----

class model : public detail::owned<mmoe_model, mmoe_model_free> {
  public:
    // Takes over a model that a function of mmoe.h or mmoe/train.h made.
    explicit model(mmoe_model *made = nullptr) : unique_ptr(made) {}
    explicit model(const char *path, mmoe_error *err MMOE_OR_THROW) : model(path, {}, err) {}
    explicit model(const std::string &path, mmoe_error *err MMOE_OR_THROW)
        : model(path.c_str(), err) {}
    model(const char *path, const mmoe_model_load_options &options, mmoe_error *err MMOE_OR_THROW) {
        const detail::outcome end(err);
        mmoe_model *made = nullptr;
        end(mmoe_model_load_with(path, &options, nullptr, &made, end));
        reset(made);
    }
    size_t task_count() const { return static_cast<size_t>(mmoe_model_task_count(get())); }
    // Belongs to the model.
    const char *task_name(size_t task) const {
        return mmoe_model_task_name(get(), static_cast<int32_t>(task));
    }
};

// ---- Input ----

// The type of a column whose values are int64_t, float, double or const char * (a text that ends
// with 0).
template <class T> constexpr mmoe_value_type type = detail::value_type<T>::type;
// The value that stands for none.
template <class T> constexpr T missing = detail::value_type<T>::missing;

constexpr mmoe_side item = MMOE_SIDE_ITEM, user = MMOE_SIDE_USER;

// A column that the caller has, by its name in the training file: mmoe_input_column.
struct column {
    std::string name;
    mmoe_input_column is;

    column(std::string name_, mmoe_value_type type_, mmoe_side side_ = item)
        : name(std::move(name_)), is{nullptr, type_, side_, 1, 0, 0} {}
    // A value has several numbers.
    column dim(int32_t numbers) const {
        column c = *this;
        c.is.dim = numbers;
        return c;
    }
    // A row has any number of values.
    column list() const {
        column c = *this;
        c.is.is_list = 1;
        return c;
    }
    // A model that has no use for it is right, too.
    column optional() const {
        column c = *this;
        c.is.is_optional = 1;
        return c;
    }
};

// What the caller has: mmoe_input. Copies are the same input; rows, predictors and slots that were
// made of it keep it.
class input {
  public:
    input(std::initializer_list<column> columns, mmoe_error *err MMOE_OR_THROW)
        : input(view<const column>(columns), err) {}
    explicit input(view<const column> columns, mmoe_error *err MMOE_OR_THROW) {
        const detail::outcome end(err);
        std::vector<mmoe_input_column> given;
        for (const column &c : columns) {
            given.push_back(c.is);
            given.back().name = c.name.c_str();
        }
        mmoe_input *made = nullptr;
        if (end(mmoe_input_create(given.data(), given.size(), nullptr, &made, end))) return;
        input_.reset(made, mmoe_input_free);
        columns_ = std::make_shared<const std::vector<column>>(columns.begin(), columns.end());
    }
    explicit operator bool() const { return input_ != nullptr; }
    const mmoe_input *get() const { return input_.get(); }
    view<const column> columns() const {
        return columns_ ? view<const column>(*columns_) : view<const column>();
    }
    // Whether predictors of the model can be bound to it: mmoe_input_check.
    mmoe_status check(const model &m, mmoe_error *err MMOE_OR_THROW) const {
        const detail::outcome end(err);
        return end(mmoe_input_check(get(), m.get(), end));
    }

  private:
    friend class rows;
    friend class predictor;
    friend class slot;
    std::shared_ptr<const mmoe_input> input_;
    std::shared_ptr<const std::vector<column>> columns_;
};

// ---- Rows ----

namespace detail {

// A column of rows: values that were added, or those of another's memory.
struct cells {
    column of;
    std::variant<std::vector<int64_t>, std::vector<const char *>, std::vector<float>,
                 std::vector<double>>
        own;
    // Of a list that was added to: where each row's values end, behind a 0; weights, or none.
    std::vector<size_t> ends;
    std::vector<float> weights;
    const char *fault = nullptr; // of what was added or set
    bool is_set = false;         // to another's memory; else what follows is not settled
    const void *memory = nullptr;
    size_t rows = 0, stride = 0;
    mmoe_list_column list{};

    explicit cells(const column &c) : of(c) {
        if (c.is.type == MMOE_VALUE_TEXT) own.emplace<std::vector<const char *>>();
        if (c.is.type == MMOE_VALUE_FLOAT) own.emplace<std::vector<float>>();
        if (c.is.type == MMOE_VALUE_DOUBLE) own.emplace<std::vector<double>>();
        clear();
    }
    size_t dim() const { return of.is.dim > 0 ? static_cast<size_t>(of.is.dim) : 1; }
    template <class T> std::vector<T> &added() {
        is_set = false;
        return *std::get_if<std::vector<T>>(&own);
    }
    void clear() {
        is_set = false;
        fault = nullptr;
        std::visit([](auto &values) { values.clear(); }, own);
        ends.assign(1, 0);
        weights.clear();
    }
    // `count` values of so many numbers stand at `from`, one each `step` bytes.
    void set(const void *from, size_t count, size_t numbers, size_t step) {
        is_set = true;
        memory = from;
        rows = count;
        stride = step;
        fault = numbers == dim() ? nullptr : "a value has another number of numbers";
    }
    // Describes what was added as what was set. NULL, or what is wrong.
    const char *settle() {
        if (is_set) return fault;
        size_t count = 0;
        std::visit(
            [&](const auto &values) {
                memory = values.data();
                count = values.size();
            },
            own);
        stride = 0;
        rows = of.is.is_list ? ends.size() - 1 : count / dim();
        list = {ends.data(), weights.empty() ? nullptr : weights.data(), count};
        return count % dim() ? "the last value lacks some of its numbers" : fault;
    }
};

} // namespace detail

// A column of rows, to which values are added row by row, or which is set to where they stand. A
// value of several numbers is that many of T. It is good as long as the rows that it is of.
template <class T> class values {
  public:
    using value_type = T;
    values() = default;
    explicit operator bool() const { return cells_ != nullptr; }
    void add(T value) const { cells_->template added<T>().push_back(value); }
    void add(view<const T> numbers) const {
        auto &all = cells_->template added<T>();
        all.insert(all.end(), numbers.begin(), numbers.end());
    }
    void add(std::initializer_list<T> numbers) const { add(view<const T>(numbers)); }
    // The caller's memory is read when the rows are scored, not copied: an array of values,
    void set(view<const T> array) const {
        cells_->set(array.data(), array.size() / cells_->dim(), cells_->dim(), 0);
        if (array.size() % cells_->dim())
            cells_->fault = "the last value lacks some of its numbers";
    }
    // or a member of each structure of an array, with all numbers of the value.
    template <class C, class S, class M> void set(const C &structures, M S::*member) const {
        constexpr size_t numbers = sizeof(M) / sizeof(T);
        static_assert(std::is_same_v<std::remove_extent_t<M>, T> ||
                          std::is_same_v<M, std::array<T, numbers>>,
                      "the member is of another type than the column");
        const auto *first = std::data(structures);
        const size_t rows = std::size(structures);
        cells_->set(rows ? &(first->*member) : nullptr, rows, numbers, sizeof *first);
    }

  private:
    friend class rows;
    explicit values(detail::cells *c) : cells_(c) {}
    detail::cells *cells_ = nullptr;
};

// The same of a column that is a list. Weights are of a column that has them, 1 where none are.
template <class T> class lists {
  public:
    using value_type = T;
    lists() = default;
    explicit operator bool() const { return cells_ != nullptr; }
    // A row.
    void add(view<const T> elements, view<const float> weights = {}) const {
        auto &all = cells_->template added<T>();
        auto &every = cells_->weights;
        if (weights.size() && weights.size() != elements.size())
            cells_->fault = "a row has another number of weights than of values";
        if (weights.size() || !every.empty()) {
            every.resize(all.size(), 1);
            every.insert(every.end(), weights.begin(), weights.end());
            every.resize(all.size() + elements.size(), 1);
        }
        all.insert(all.end(), elements.begin(), elements.end());
        cells_->ends.push_back(all.size());
    }
    void add(std::initializer_list<T> elements, view<const float> weights = {}) const {
        add(view<const T>(elements), weights);
    }
    void add(std::initializer_list<T> elements, std::initializer_list<float> weights) const {
        add(view<const T>(elements), view<const float>(weights));
    }
    // The caller's memory: row r has the elements offsets[r] to offsets[r + 1] - 1.
    void set(view<const size_t> offsets, view<const T> elements,
             view<const float> weights = {}) const {
        cells_->set(elements.data(), offsets.size() ? offsets.size() - 1 : 0, 1, 0);
        cells_->list = {offsets.data(), weights.size() ? weights.data() : nullptr, elements.size()};
        if (!offsets.size()) cells_->fault = "a list lacks offsets";
        if (weights.size() && weights.size() != elements.size())
            cells_->fault = "there is another number of weights than of values";
    }

  private:
    friend class rows;
    explicit lists(detail::cells *c) : cells_(c) {}
    detail::cells *cells_ = nullptr;
};

// What is scored: the input's columns, or those of one side. They keep their memory from request to
// request; after the largest nothing is allocated.
class rows {
  public:
    explicit rows(const input &in) : input_(in) {
        for (const column &c : in.columns()) cells_.emplace_back(c);
    }
    rows(const input &in, mmoe_side side) : input_(in) {
        for (const column &c : in.columns())
            if (c.is.side == side) cells_.emplace_back(c);
    }
    rows(rows &&) = default;
    rows &operator=(rows &&) = default;

    // Its columns by their names, to be asked for once. MMOE_E_ARGUMENT: there is none, or it is of
    // another type, or a list.
    template <class T> mmoe::values<T> values(const char *name, mmoe_error *err MMOE_OR_THROW) {
        return mmoe::values<T>(find(name, type<T>, 0, err));
    }
    template <class T> mmoe::lists<T> lists(const char *name, mmoe_error *err MMOE_OR_THROW) {
        return mmoe::lists<T>(find(name, type<T>, 1, err));
    }
    // Forgets all values; memory stays.
    void clear() {
        for (detail::cells &c : cells_) c.clear();
    }
    // Rows of the first column.
    size_t size() {
        if (cells_.empty()) return 0;
        cells_.front().settle();
        return cells_.front().rows;
    }
    // Of a predictor's calls: a row at fault is counted there, and is NaN alone (mmoe_batch.bad).
    // NULL: it is an error, as at first.
    void allow_bad(mmoe_bad_rows *bad) { bad_ = bad; }
    // As mmoe.h has them, until a column changes; NULL on failure. MMOE_E_ARGUMENT: a column has
    // other rows than the first.
    const mmoe_batch *batch(mmoe_error *err MMOE_OR_THROW) {
        columns_.clear();
        lists_.clear();
        batch_ = mmoe_batch{};
        batch_.rows = size();
        for (detail::cells &c : cells_) {
            const char *fault = c.settle();
            if (c.rows != batch_.rows && !fault) fault = "it has other rows than the first column";
            if (fault) {
                detail::outcome(err).fail(c.of.name.c_str(), fault);
                return nullptr;
            }
            columns_.push_back({c.of.is.type, c.memory, c.stride});
            if (c.of.is.is_list) lists_.push_back(c.list);
        }
        batch_.input = input_.get();
        batch_.columns = columns_.data();
        batch_.column_count = columns_.size();
        batch_.list_columns = lists_.data();
        batch_.bad = bad_;
        return &batch_;
    }

  private:
    detail::cells *find(const char *name, mmoe_value_type wanted, int is_list, mmoe_error *err) {
        const detail::outcome end(err);
        const char *fault = "the rows have no such column";
        for (detail::cells &c : cells_) {
            if (c.of.name != name) continue;
            if (c.of.is.type == wanted && c.of.is.is_list == is_list) return &c;
            fault = is_list ? "the column is no list" : "the column is a list";
            if (c.of.is.is_list == is_list) fault = "the column is of another type";
        }
        end.fail(name, fault);
        return nullptr;
    }

    input input_;
    std::vector<detail::cells> cells_;
    std::vector<mmoe_column> columns_;
    std::vector<mmoe_list_column> lists_;
    mmoe_batch batch_{};
    mmoe_bad_rows *bad_ = nullptr;
};

// ---- Predictor ----

// A final score of the caller's, over the tasks of a model: mmoe_expression.
class expression : public detail::owned<mmoe_expression, mmoe_expression_free> {
  public:
    expression(const model &m, const char *text, mmoe_error *err MMOE_OR_THROW) {
        const detail::outcome end(err);
        mmoe_expression *made = nullptr;
        end(mmoe_expression_create(m.get(), text, nullptr, &made, end));
        reset(made);
    }
};

// Where final scores go [rows], and if wanted those of the tasks [rows, tasks]; by the model's
// expression, or the caller's.
struct finals {
    view<float> scores, task_scores;
    const mmoe_expression *by;

    finals(view<float> scores_, view<float> task_scores_ = {}, const mmoe_expression *by_ = nullptr)
        : scores(scores_), task_scores(task_scores_), by(by_) {}
};

namespace detail {

// A predictor of one's own is freed; of a slot's, the reader leaves.
struct gives_back {
    std::shared_ptr<const void> needs = nullptr;
    mmoe_reader *reader = nullptr;
    void operator()(mmoe_predictor *p) const {
        if (reader)
            mmoe_reader_leave(reader);
        else
            mmoe_predictor_free(p);
    }
};

} // namespace detail

// What scores: a predictor, or a visit to a slot. The rows are of all columns, or one row of the
// user's and those of the items. What is written is what the functions of mmoe.h write; a view that
// is too small for it is MMOE_E_ARGUMENT.
class scorer {
  public:
    explicit operator bool() const { return predictor_ != nullptr; }
    mmoe_predictor *get() const { return predictor_.get(); }
    size_t task_count() const { return tasks_; }

    // Each task's scores [rows, tasks].
    mmoe_status run(rows &all, view<float> scores, mmoe_error *err MMOE_OR_THROW) const {
        const bool fits = scores.size() >= all.size() * tasks_;
        return call(nullptr, all, fits, err, [&](auto, const mmoe_batch *b, mmoe_error *e) {
            return mmoe_predictor_run(get(), b, scores.data(), e);
        });
    }
    mmoe_status rank(rows &of_user, rows &items, view<float> scores,
                     mmoe_error *err MMOE_OR_THROW) const {
        const bool fits = scores.size() >= items.size() * tasks_;
        return call(&of_user, items, fits, err, [&](auto u, const mmoe_batch *b, mmoe_error *e) {
            return mmoe_predictor_rank(get(), u, b, scores.data(), e);
        });
    }
    // score(user, items, {scores}); score(user, items, {scores, task_scores}).
    mmoe_status score(rows &all, const finals &to, mmoe_error *err MMOE_OR_THROW) const {
        return finish(nullptr, all, nullptr, to, err);
    }
    mmoe_status score(rows &of_user, rows &items, const finals &to,
                      mmoe_error *err MMOE_OR_THROW) const {
        return finish(&of_user, items, nullptr, to, err);
    }
    // The best rows by final score, best first: as many as `best` has, or as there are rows.
    mmoe_status top(rows &all, view<size_t> best, const finals &to,
                    mmoe_error *err MMOE_OR_THROW) const {
        return finish(nullptr, all, &best, to, err);
    }
    mmoe_status top(rows &of_user, rows &items, view<size_t> best, const finals &to,
                    mmoe_error *err MMOE_OR_THROW) const {
        return finish(&of_user, items, &best, to, err);
    }

  protected:
    scorer() = default;
    void holds(mmoe_predictor *predictor, detail::gives_back how, const mmoe_model *model) {
        predictor_ = {predictor, std::move(how)};
        tasks_ = static_cast<size_t>(mmoe_model_task_count(model));
    }

  private:
    template <class Function>
    static mmoe_status call(rows *of_user, rows &items, bool fits, mmoe_error *err,
                            Function function) {
        const detail::outcome end(err);
        const mmoe_batch *u = of_user ? of_user->batch(end) : nullptr;
        if (of_user && !u) return end(MMOE_E_ARGUMENT);
        const mmoe_batch *b = items.batch(end);
        if (!b) return end(MMOE_E_ARGUMENT);
        if (!fits) return end.fail(nullptr, "the view has no room for all scores");
        return end(function(u, b, end));
    }
    // The best rows to `best`, or, where that is NULL, all of them.
    mmoe_status finish(rows *of_user, rows &items, const view<size_t> *best, const finals &to,
                       mmoe_error *err) const {
        const size_t count = best ? best->size() : items.size();
        const bool fits = to.scores.size() >= count &&
                          (!to.task_scores.size() || to.task_scores.size() >= count * tasks_);
        size_t none = 0;
        mmoe_scoring wanted{to.by, to.scores.data(), nullptr, nullptr, count};
        if (to.task_scores.size()) wanted.task_scores = to.task_scores.data();
        if (best) wanted.rows = count ? best->data() : &none;
        return call(of_user, items, fits, err, [&](auto u, const mmoe_batch *b, mmoe_error *e) {
            return mmoe_predictor_score_with(get(), u, b, &wanted, e);
        });
    }

    std::unique_ptr<mmoe_predictor, detail::gives_back> predictor_;
    size_t tasks_ = 0;
};

// The model must outlive it.
class predictor : public scorer {
  public:
    predictor(const model &m, const input &in, mmoe_error *err MMOE_OR_THROW)
        : predictor(m, in, {}, err) {}
    // `options.input` is set here.
    predictor(const model &m, const input &in, mmoe_predictor_options options,
              mmoe_error *err MMOE_OR_THROW)
        : input_(in.input_), model_(m.get()) {
        const detail::outcome end(err);
        mmoe_predictor *made = nullptr;
        options.input = in.get();
        if (!end(mmoe_predictor_create_with(model_, &options, nullptr, &made, end)))
            holds(made, {input_}, model_);
    }
    // For a further thread.
    predictor clone(mmoe_error *err MMOE_OR_THROW) const {
        const detail::outcome end(err);
        mmoe_predictor *made = nullptr;
        predictor other;
        if (end(mmoe_predictor_clone(get(), nullptr, &made, end))) return other;
        other.input_ = input_;
        other.model_ = model_;
        other.holds(made, {input_}, model_);
        return other;
    }

  private:
    predictor() = default;
    std::shared_ptr<const mmoe_input> input_;
    const mmoe_model *model_ = nullptr;
};

// ---- Slot ----

// Of a request: what the slot holds now, which stays until this ends.
class visit : public scorer {
  public:
    uint64_t version() const { return served_.version; }
    const mmoe_model *model() const { return served_.model; }

  private:
    friend class reader;
    visit() = default;
    mmoe_served served_{};
};

// The model that is served, and the newer ones that take its place. It lasts until its last reader
// has gone.
class slot {
  public:
    // Takes the model over; on failure it stays the caller's. A model that does not fit the input
    // is refused, here and later.
    slot(model &&first, const input &in, mmoe_error *err MMOE_OR_THROW)
        : slot(std::move(first), in, {}, err) {}
    // `options.input` is set here.
    slot(model &&first, const input &in, mmoe_predictor_options options,
         mmoe_error *err MMOE_OR_THROW) {
        const detail::outcome end(err);
        mmoe_slot *made = nullptr;
        options.input = in.get();
        if (end(mmoe_slot_create_with(first.get(), &options, nullptr, &made, end))) return;
        (void)first.release(); // first: what fails behind it frees the slot, which has the model
        slot_.reset(made, detail::freed_by<mmoe_slot_free>{in.input_});
    }
    explicit operator bool() const { return slot_ != nullptr; }
    mmoe_slot *get() const { return slot_.get(); }
    // Its version; 0 on failure, when the model stays the caller's.
    uint64_t publish(model &&next, mmoe_error *err MMOE_OR_THROW) const {
        const detail::outcome end(err);
        uint64_t version = 0;
        if (!end(mmoe_slot_publish(get(), next.get(), &version, end))) (void)next.release();
        return version;
    }

  private:
    friend class reader;
    std::shared_ptr<mmoe_slot> slot_;
};

class reader : public detail::owned<mmoe_reader, mmoe_reader_free> {
  public:
    explicit reader(const slot &s, mmoe_error *err MMOE_OR_THROW) {
        const detail::outcome end(err);
        mmoe_reader *made = nullptr;
        get_deleter().needs = s.slot_;
        end(mmoe_reader_create(s.get(), &made, end));
        reset(made);
    }
    // One visit at a time, which ends before the reader does.
    visit enter(mmoe_error *err MMOE_OR_THROW) const & {
        const detail::outcome end(err);
        visit v;
        if (!end(mmoe_reader_enter(get(), &v.served_, end)))
            v.holds(v.served_.predictor, {nullptr, get()}, v.served_.model);
        return v;
    }
    visit enter(mmoe_error *err MMOE_OR_THROW) const && = delete;
};

} // namespace mmoe

#undef MMOE_OR_THROW

#endif
