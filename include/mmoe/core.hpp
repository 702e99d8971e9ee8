// Part of mmoe.hpp and train.hpp: errors, ownership, views, and the model.
#ifndef MMOE_CORE_HPP
#define MMOE_CORE_HPP

#include "mmoe.h"

#include <cstdio>
#include <exception>
#include <iterator>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

// The default value of a last parameter `mmoe_error *err`.
#ifdef __cpp_exceptions
#define MMOE_OR_THROW = nullptr
#else
#define MMOE_OR_THROW
#endif

namespace mmoe {

// ---- Errors ----

// An mmoe_error as an exception: what went wrong, and where.
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

// The outcome of one call: its error is written to the caller's mmoe_error, or thrown if there is
// none.
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
    // `column` may be NULL: the error has no column.
    mmoe_status fail(const char *column, const char *sentence) const {
        *err_ = mmoe_error{};
        err_->code = MMOE_E_ARGUMENT;
        const std::string place = column ? "column \"" + std::string(column) + "\": " : "";
        std::snprintf(err_->column, sizeof err_->column, "%s", column ? column : "");
        std::snprintf(err_->message, sizeof err_->message, "%s%s", place.c_str(), sentence);
        return (*this)(MMOE_E_ARGUMENT);
    }

  private:
    mutable mmoe_error own_; // written to through `err_`, of constants too
    mmoe_error *err_;
    [[maybe_unused]] bool throws_;
};

// A deleter that calls a function of mmoe.h. `needs` lives as long as the object does.
template <auto Free> struct freed_by {
    std::shared_ptr<const void> needs = nullptr;
    template <class T> void operator()(T *object) const { Free(object); }
};
template <class T, auto Free> using owned = std::unique_ptr<T, freed_by<Free>>;

} // namespace detail

// ---- Views ----

// Consecutive values in memory that belongs to somebody else, like C++20's std::span: of a vector,
// an array, or anything with data() and size(). view<const T> is for reading, view<T> for writing.
template <class T> class view {
  public:
    constexpr view() = default;
    constexpr view(T *data, size_t size) : data_(data), size_(size) {}
    // {0, 2} means two numbers, not an address.
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
    // Becomes the owner of a model that a function of mmoe.h or mmoe/train.h created.
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
    // Returns 0 if the object is empty.
    size_t task_count() const {
        return get() ? static_cast<size_t>(mmoe_model_task_count(get())) : 0;
    }
    // The text belongs to the model.
    const char *task_name(size_t task) const {
        return mmoe_model_task_name(get(), static_cast<int32_t>(task));
    }
};

} // namespace mmoe

#endif
