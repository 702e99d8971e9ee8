// Part of mmoe.hpp and train.hpp: the columns that a caller has, by name, and rows of them.
#ifndef MMOE_ROWS_HPP
#define MMOE_ROWS_HPP

#include "core.hpp"

#include <array>
#include <initializer_list>
#include <limits>
#include <variant>
#include <vector>

namespace mmoe {

namespace detail {

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

// ---- Input ----

// The type of a column with values of type T: int64_t, float, double or const char * (a text that
// ends with 0).
template <class T> constexpr mmoe_value_type type = detail::value_type<T>::type;
// The value that means a missing one.
template <class T> constexpr T missing = detail::value_type<T>::missing;

constexpr mmoe_side item = MMOE_SIDE_ITEM, user = MMOE_SIDE_USER;

// A column that the caller has, by its name in the training file: mmoe_input_column.
struct column {
    std::string name;
    mmoe_input_column is;

    column(std::string name_, mmoe_value_type type_, mmoe_side side_ = item)
        : name(std::move(name_)), is{nullptr, type_, side_, 1, 0, 0} {}
    // NULL is treated like "": it is not a name, and an error of the input.
    column(const char *name_, mmoe_value_type type_, mmoe_side side_ = item)
        : column(std::string(name_ ? name_ : ""), type_, side_) {}
    // Each value has several numbers.
    column dim(int32_t numbers) const {
        column c = *this;
        c.is.dim = numbers;
        return c;
    }
    // Each row has any number of values.
    column list() const {
        column c = *this;
        c.is.is_list = 1;
        return c;
    }
    // The model need not use this column.
    column optional() const {
        column c = *this;
        c.is.is_optional = 1;
        return c;
    }
};

// The columns that the caller has: mmoe_input. Copies are the same input. Rows, predictors and
// slots that were made with it keep it alive.
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
    // Checks whether predictors of the model can be bound to it: mmoe_input_check.
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

// A column of rows: values that were added, or values in the caller's memory.
struct cells {
    using any_values = std::variant<std::vector<int64_t>, std::vector<const char *>,
                                    std::vector<float>, std::vector<double>>;
    column of;
    any_values own;
    // For a list with added values: a 0, and then the end of each row's values; its weights, if
    // there are any.
    std::vector<size_t> ends;
    std::vector<float> weights;
    const char *fault = nullptr; // of what was added or set
    bool is_set = false;         // to another's memory; else what follows is not settled
    const void *memory = nullptr;
    size_t rows = 0, stride = 0;
    mmoe_list_column list{};

    explicit cells(const column &c) : of(c), own(none_of(c.is.type)) { clear(); }
    static any_values none_of(mmoe_value_type type) {
        if (type == MMOE_VALUE_TEXT) return std::vector<const char *>();
        if (type == MMOE_VALUE_FLOAT) return std::vector<float>();
        if (type == MMOE_VALUE_DOUBLE) return std::vector<double>();
        return std::vector<int64_t>();
    }
    size_t dim() const { return of.is.dim > 0 ? static_cast<size_t>(of.is.dim) : 1; }
    // Bytes from the value of a row to that of the next one.
    size_t step() const {
        if (stride == MMOE_STRIDE_SAME) return 0;
        if (stride) return stride;
        return dim() * std::visit([](auto &v) { return sizeof v[0]; }, own);
    }
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
    // Uses `count` values with `numbers` numbers each, which are at `from`, `step` bytes apart.
    void set(const void *from, size_t count, size_t numbers, size_t step) {
        is_set = true;
        memory = from;
        rows = count;
        stride = step;
        fault = numbers == dim() ? nullptr : "a value has another number of numbers";
    }
    // Describes added values like those in the caller's memory. Returns NULL, or what is wrong.
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

// A column of rows. Values are added row by row, or it is set to values in memory. A value with
// several numbers is that many of T. It is valid as long as its rows exist.
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
    // Uses the caller's memory, which is read when the rows are scored, and not copied: an array of
    // values,
    void set(view<const T> array) const {
        cells_->set(array.data(), array.size() / cells_->dim(), cells_->dim(), 0);
        if (array.size() % cells_->dim())
            cells_->fault = "the last value lacks some of its numbers";
    }
    // or a member of each structure in an array, which has all numbers of the value.
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

// The same for a column that is a list. Only columns with weights have them; they are 1 if none are
// given.
template <class T> class lists {
  public:
    using value_type = T;
    lists() = default;
    explicit operator bool() const { return cells_ != nullptr; }
    // Adds a row.
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
    // Uses the caller's memory: row r has the elements offsets[r] to offsets[r + 1] - 1.
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

// Rows to score, with the columns of the input, or with those of one side. They keep their memory
// from request to request: after the largest request nothing is allocated.
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

    // Return a column by its name; ask for each column once. MMOE_E_ARGUMENT: there is no such
    // column, or it has another type, or is a list (for `values`) or not a list (for `lists`).
    template <class T> mmoe::values<T> values(const char *name, mmoe_error *err MMOE_OR_THROW) {
        return mmoe::values<T>(find(name, type<T>, 0, err));
    }
    template <class T> mmoe::lists<T> lists(const char *name, mmoe_error *err MMOE_OR_THROW) {
        return mmoe::lists<T>(find(name, type<T>, 1, err));
    }
    // Removes all values, and keeps the memory.
    void clear() {
        for (detail::cells &c : cells_) c.clear();
    }
    // Returns the number of rows of the first column.
    size_t size() {
        if (cells_.empty()) return 0;
        cells_.front().settle();
        return cells_.front().rows;
    }
    // For a predictor's calls: a row with an error is counted in `bad`, and only its scores are NaN
    // (mmoe_batch.bad). NULL, the default: it is an error of the call.
    void allow_bad(mmoe_bad_rows *bad) { bad_ = bad; }
    // Returns the rows as an mmoe_batch, which is valid until a column changes; NULL on failure.
    // MMOE_E_ARGUMENT: a column has another number of rows than the first.
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

    // The same for rows [first, first + count) only. Valid until a column changes, or this is
    // called again.
    const mmoe_batch *part(size_t first, size_t count, mmoe_error *err MMOE_OR_THROW) {
        if (!batch(err)) return nullptr;
        if (first > batch_.rows || count > batch_.rows - first) {
            detail::outcome(err).fail(nullptr, "there are no such rows");
            return nullptr;
        }
        size_t list = 0;
        for (size_t i = 0; i < cells_.size(); i++) {
            if (cells_[i].of.is.is_list)
                lists_[list++].offsets += first;
            else if (columns_[i].values)
                columns_[i].values =
                    static_cast<const char *>(columns_[i].values) + first * cells_[i].step();
        }
        batch_.rows = count;
        return &batch_;
    }

  private:
    detail::cells *find(const char *name, mmoe_value_type wanted, int is_list, mmoe_error *err) {
        const detail::outcome end(err);
        const char *fault = "the rows have no such column";
        if (!name) fault = "a column's name is NULL";
        for (detail::cells &c : cells_) {
            if (!name || c.of.name != name) continue;
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

} // namespace mmoe

#endif
