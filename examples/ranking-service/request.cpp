#include "request.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <stdexcept>

using nlohmann::json;

// ---- Columns of the service ----

static mmoe_value_type type_of(const std::string &word, bool *known) {
    *known = true;
    if (word == "integer") return mmoe::type<int64_t>;
    if (word == "number") return mmoe::type<double>;
    *known = word == "text";
    return mmoe::type<const char *>;
}

static mmoe::column column_of(const json &entry) {
    bool known = false;
    const std::string name = entry.at("name"), side = entry.value("side", "item");
    const mmoe_value_type type = type_of(entry.at("type"), &known);
    if (!known) throw std::runtime_error("\"type\" is \"integer\", \"number\" or \"text\"");
    if (side != "user" && side != "item")
        throw std::runtime_error("\"side\" is \"user\" or \"item\"");
    for (const auto &[key, value] : entry.items())
        if (key != "name" && key != "type" && key != "side" && key != "dim" && key != "list" &&
            key != "optional")
            throw std::runtime_error("\"" + key + "\" is no key of a column");
    mmoe::column c(name, type, side == "user" ? mmoe::user : mmoe::item);
    c = c.dim(entry.value("dim", 1));
    if (entry.value("list", false)) c = c.list();
    if (entry.value("optional", false)) c = c.optional();
    return c;
}

std::vector<mmoe::column> read_columns(const std::string &path) {
    std::vector<mmoe::column> columns;
    try {
        std::ifstream file(path);
        if (!file) throw std::runtime_error("cannot be read");
        for (const json &entry : json::parse(file)) columns.push_back(column_of(entry));
    } catch (const std::exception &e) {
        throw std::runtime_error(path + ": column " + std::to_string(columns.size() + 1) + ": " +
                                 e.what());
    }
    for (const auto side : {mmoe::user, mmoe::item})
        if (std::none_of(columns.begin(), columns.end(),
                         [&](const mmoe::column &c) { return c.is.side == side; }))
            throw std::runtime_error(path + ": no column has \"side\": " +
                                     (side == mmoe::user ? "\"user\"" : "\"item\"") +
                                     ", of which a request needs one");
    return columns;
}

// ---- Texts ----

const char *texts::keep(const std::string &text) {
    if (used_ == kept_.size()) kept_.push_back(std::make_unique<std::string>());
    *kept_[used_] = text;
    return kept_[used_++]->c_str();
}

// ---- Rows of a side ----

template <class T> static void bind(mmoe::rows &rows, field &f) {
    if (f.is_list)
        f.column = rows.lists<T>(f.name.c_str());
    else
        f.column = rows.values<T>(f.name.c_str());
}

static field field_of(mmoe::rows &rows, const mmoe::column &c) {
    field f;
    f.name = c.name;
    f.dim = static_cast<size_t>(c.is.dim);
    f.is_list = c.is.is_list != 0;
    f.is_optional = c.is.is_optional != 0;
    if (c.is.type == MMOE_VALUE_INT64) bind<int64_t>(rows, f);
    if (c.is.type == MMOE_VALUE_DOUBLE) bind<double>(rows, f);
    if (c.is.type == MMOE_VALUE_TEXT) bind<const char *>(rows, f);
    return f;
}

side::side(const mmoe::input &input, std::optional<mmoe_side> of)
    : rows_(of ? mmoe::rows(input, *of) : mmoe::rows(input)) {
    for (const mmoe::column &c : input.columns())
        if (!of || c.is.side == *of) fields_.push_back(field_of(rows_, c));
}

void side::clear() {
    rows_.clear();
    row_ = 0;
    next_ = 0;
    for (field &f : fields_) f.rows = 0;
}

void side::begin_row() {
    row_++;
    next_ = 0;
}

field *side::find(const std::string &name) {
    for (size_t i = 0; i < fields_.size(); i++) {
        const size_t at = next_ + i < fields_.size() ? next_ + i : next_ + i - fields_.size();
        if (fields_[at].name != name) continue;
        next_ = at + 1;
        return fields_[at].rows < row_ ? &fields_[at] : nullptr;
    }
    return nullptr;
}

static void add_missing(field &f) {
    std::visit(
        [&](const auto &column) {
            using handle = std::decay_t<decltype(column)>;
            using T = typename handle::value_type;
            if constexpr (std::is_same_v<handle, mmoe::lists<T>>)
                column.add({});
            else
                for (size_t i = 0; i < f.dim; i++) column.add(mmoe::missing<T>);
        },
        f.column);
    f.rows++;
}

const field *side::lacks() const {
    for (const field &f : fields_)
        if (f.rows < row_ && !f.is_optional) return &f;
    return nullptr;
}

void side::end_row() {
    for (field &f : fields_)
        if (f.rows < row_) add_missing(f);
}

// ---- A request ----

request::request(const mmoe::input &input, bool learns)
    : learns_(learns), user_(input, mmoe::user),
      items_(input, learns ? std::optional<mmoe_side>() : mmoe::item) {}

bool request::read(const std::string &body) {
    user_.clear();
    items_.clear();
    texts_.clear();
    fault_.clear();
    k_ = 10;
    has_user_ = has_items_ = false;
    place_ = place::outside;
    std::apply([](auto &...of) { (of.clear(), ...); }, elements_);
    if (!json::sax_parse(body, this)) return false;
    if (learns_) return has_items_ || fail("\"events\" are needed");
    return (has_user_ && has_items_) || fail("\"user\" and \"items\" are needed");
}

bool request::fail(const std::string &why) {
    const place of = place_ == place::array ? behind_array_ : place_;
    std::string where;
    if (of == place::user) where = "user: ";
    if (of == place::item)
        where = (learns_ ? "events[" : "items[") + std::to_string(items_.size() - 1) + "]: ";
    fault_ = where + why;
    return false;
}

bool request::parse_error(size_t, const std::string &, const std::exception &why) {
    fault_ = why.what();
    return false;
}

bool request::start_object(size_t) {
    if (place_ == place::outside) {
        place_ = place::request;
        return true;
    }
    if (place_ == place::request && member_ == "user" && !has_user_) {
        has_user_ = true;
        place_ = place::user;
        user_.begin_row();
        return true;
    }
    if (place_ != place::items) return fail("an object has no place there");
    place_ = place::item;
    items_.begin_row();
    return true;
}

bool request::end_object() {
    switch (place_) {
    case place::user:
        user_.end_row();
        place_ = place::request;
        break;
    case place::item:
        if (const field *f = learns_ ? items_.lacks() : nullptr)
            return fail("\"" + f->name + "\" is not given; null is a missing value");
        items_.end_row();
        place_ = place::items;
        break;
    default:
        place_ = place::outside;
    }
    return true;
}

bool request::start_array(size_t) {
    if (place_ == place::request && (member_ == "items" || member_ == "events") && !has_items_) {
        has_items_ = true;
        place_ = place::items;
        return true;
    }
    const bool in_row = place_ == place::user || place_ == place::item;
    if (!in_row || (!field_->is_list && field_->dim == 1))
        return fail("an array has no place there");
    behind_array_ = place_;
    place_ = place::array;
    return true;
}

bool request::key(std::string &name) {
    if (place_ == place::request) {
        member_ = name;
        if (learns_ && name != "events")
            return fail("\"" + name + "\" is no key of what is posted: events");
        if (learns_ || name == "user" || name == "items" || name == "k") return true;
        return fail("\"" + name + "\" is no key of a request: user, items, k");
    }
    field_ = (place_ == place::user ? user_ : items_).find(name);
    return field_ || fail("\"" + name + "\" is no column of it, or stands twice");
}

// ---- Values ----

// What a JSON value is as a column's; false: it cannot be.
static bool is_whole(double d) { return std::floor(d) == d && std::fabs(d) < 9e15; }

bool request::take(const json_value &v, int64_t *out) {
    if (std::holds_alternative<missing>(v)) *out = mmoe::missing<int64_t>;
    if (const int64_t *i = std::get_if<int64_t>(&v)) {
        *out = *i;
        return *i != mmoe::missing<int64_t> || fail(field_->name + ": too small an integer");
    }
    const double *d = std::get_if<double>(&v);
    if (d && is_whole(*d)) *out = static_cast<int64_t>(*d);
    if ((d && !is_whole(*d)) || std::holds_alternative<const std::string *>(v))
        return fail(field_->name + ": an integer is wanted");
    return true;
}

bool request::take(const json_value &v, double *out) {
    if (std::holds_alternative<const std::string *>(v))
        return fail(field_->name + ": a number is wanted");
    *out = mmoe::missing<double>;
    if (const int64_t *i = std::get_if<int64_t>(&v)) *out = static_cast<double>(*i);
    if (const double *d = std::get_if<double>(&v)) *out = *d;
    return true;
}

bool request::take(const json_value &v, const char **out) {
    *out = mmoe::missing<const char *>;
    if (std::holds_alternative<missing>(v)) return true;
    const auto *text = std::get_if<const std::string *>(&v);
    if (!text) return fail(field_->name + ": a text is wanted");
    if ((*text)->find('\0') != std::string::npos)
        return fail(field_->name + ": a text has a zero byte");
    *out = texts_.keep(**text);
    return true;
}

bool request::value(const json_value &v) {
    if (place_ == place::request && member_ == "k") {
        const int64_t *k = std::get_if<int64_t>(&v);
        if (!k || *k < 0) return fail("k: a number of items is wanted");
        k_ = static_cast<size_t>(*k);
        return true;
    }
    if (place_ == place::array) return add(v);
    if (place_ != place::user && place_ != place::item) return fail("an object is wanted");
    if (std::holds_alternative<missing>(v)) {
        add_missing(*field_);
        return true;
    }
    if (field_->is_list || field_->dim > 1) return fail(field_->name + ": an array is wanted");
    field_->rows++;
    return add(v);
}

bool request::add(const json_value &v) {
    return std::visit(
        [&](const auto &column) {
            using handle = std::decay_t<decltype(column)>;
            using T = typename handle::value_type;
            T element{};
            if (!take(v, &element)) return false;
            if constexpr (std::is_same_v<handle, mmoe::values<T>>)
                if (place_ != place::array) {
                    column.add(element);
                    return true;
                }
            std::get<std::vector<T>>(elements_).push_back(element);
            return true;
        },
        field_->column);
}

bool request::end_array() {
    if (place_ == place::items) {
        place_ = place::request;
        return true;
    }
    return std::visit(
        [&](const auto &column) {
            using T = typename std::decay_t<decltype(column)>::value_type;
            std::vector<T> &elements = std::get<std::vector<T>>(elements_);
            if (!field_->is_list && elements.size() != field_->dim)
                return fail(field_->name + ": it has another number of numbers");
            column.add(elements);
            elements.clear();
            field_->rows++;
            place_ = behind_array_;
            return true;
        },
        field_->column);
}

// The commonest first: a number that is of its column's type as it stands.
template <class T> bool request::number(T v) {
    const bool in_row = place_ == place::item || place_ == place::user;
    const auto *column = in_row ? std::get_if<mmoe::values<T>>(&field_->column) : nullptr;
    if (!column || field_->dim > 1 || v == mmoe::missing<T>) return value(v);
    column->add(v);
    field_->rows++;
    return true;
}

bool request::number_integer(int64_t i) { return number(i); }

bool request::number_float(double d, const std::string &) { return number(d); }

bool request::number_unsigned(uint64_t u) {
    if (u > static_cast<uint64_t>(INT64_MAX)) return value(static_cast<double>(u));
    return number(static_cast<int64_t>(u));
}
