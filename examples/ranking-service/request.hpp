// A request's JSON, read into columns: one user and its candidates, by the names of the columns.
#ifndef RANKING_REQUEST_HPP
#define RANKING_REQUEST_HPP

#include <mmoe/mmoe.hpp>

#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <variant>
#include <vector>

// The columns of a service, as its file has them:
//   [{"name": "user_id", "type": "integer", "side": "user"}, ...]
// "type": "integer", "number" or "text"; "side": "user" or "item" (the default); "dim": 2, "list":
// true and "optional": true as in mmoe::column; of each side there is one. Throws
// std::runtime_error with what is wrong.
std::vector<mmoe::column> read_columns(const std::string &path);

// Texts that stay where they are until they are forgotten.
class texts {
  public:
    const char *keep(const std::string &text);
    void clear() { used_ = 0; }

  private:
    std::vector<std::unique_ptr<std::string>> kept_;
    size_t used_ = 0;
};

// A column of a side, and how its values come from JSON.
struct field {
    std::string name;
    size_t dim = 1;
    bool is_list = false, is_optional = false;
    std::variant<mmoe::values<int64_t>, mmoe::values<double>, mmoe::values<const char *>,
                 mmoe::lists<int64_t>, mmoe::lists<double>, mmoe::lists<const char *>>
        column;
    size_t rows = 0; // that have a value, or lack it
};

// Rows of one side, or of all columns, that are filled object by object.
class side {
  public:
    side(const mmoe::input &input, std::optional<mmoe_side> of);
    void clear();
    void begin_row();
    // The column of this name: mostly the one behind the last. NULL: there is none, or it has a
    // value in this row.
    field *find(const std::string &name);
    // A column that has no value in this row, and is not optional; NULL: there is none.
    const field *lacks() const;
    // What has no value in this row is missing.
    void end_row();
    size_t size() const { return row_; }
    mmoe::rows &rows() { return rows_; }

  private:
    mmoe::rows rows_;
    std::vector<field> fields_;
    size_t row_ = 0, next_ = 0;
};

// One thread's: it keeps its memory from request to request.
class request {
  public:
    explicit request(const mmoe::input &input, bool learns = false);
    // {"user": {"user_id": 7}, "items": [{"item_id": 3, "price": 2.5}, ...], "k": 10}. What a row
    // lacks, or is null, is missing. To learn from: {"events": [{"user_id": 7, "item_id": 3,
    // "price": 2.5, "click": 1}, ...]}; null is missing, and what is not optional must be there.
    // False: `fault()` says why.
    bool read(const std::string &body);
    const std::string &fault() const { return fault_; }
    mmoe::rows &user() { return user_.rows(); }
    mmoe::rows &items() { return items_.rows(); }
    size_t item_count() const { return items_.size(); }
    size_t k() const { return k_; }

    // What the JSON reader calls; each returns false to end with a fault.
    bool null() { return value(missing{}); }
    bool boolean(bool b) { return value(static_cast<int64_t>(b)); }
    bool number_integer(int64_t i);
    bool number_unsigned(uint64_t u);
    bool number_float(double d, const std::string &);
    bool string(std::string &text) { return value(&text); }
    bool binary(std::vector<uint8_t> &) { return false; }
    bool start_object(size_t);
    bool key(std::string &name);
    bool end_object();
    bool start_array(size_t);
    bool end_array();
    bool parse_error(size_t position, const std::string &token, const std::exception &why);

  private:
    struct missing {};
    using json_value = std::variant<missing, int64_t, double, const std::string *>;
    enum class place { outside, request, user, items, item, array };

    bool fail(const std::string &why);
    bool value(const json_value &v);
    bool take(const json_value &v, int64_t *out);
    bool take(const json_value &v, double *out);
    bool take(const json_value &v, const char **out);
    bool add(const json_value &v);
    template <class T> bool number(T v);

    const bool learns_;
    side user_, items_; // events are items of all columns
    texts texts_;
    size_t k_ = 10;
    std::string fault_, member_;
    place place_ = place::outside, behind_array_ = place::outside;
    field *field_ = nullptr; // whose value comes next
    // Of an array that is being read.
    std::tuple<std::vector<int64_t>, std::vector<double>, std::vector<const char *>> elements_;
    bool has_user_ = false, has_items_ = false;
};

#endif
