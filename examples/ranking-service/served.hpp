// What the library counts of the requests (mmoe_slot_counts), beside what the training rows were
// like, for GET /metrics.
#ifndef RANKING_SERVED_HPP
#define RANKING_SERVED_HPP

#include <mmoe/mmoe.hpp>

#include <cmath>
#include <sstream>
#include <string>
#include <vector>

class served {
  public:
    // `model` is the slot's, of whatever version: tasks are the same in all.
    served(const mmoe::slot &slot, const mmoe_model *model) : model_(model) {
        do { // again where a newer model has added columns meanwhile
            counts_ = {};
            read(slot);
            columns_.resize(counts_.n_column);
            tasks_.resize(counts_.n_task);
            counts_.columns = columns_.data();
            counts_.tasks = tasks_.data();
        } while (!read(slot));
    }
    served(const served &) = delete;
    served &operator=(const served &) = delete;

    std::string text() {
        out_.precision(9);
        line("rows_total", "", counts_.rows);
        line("users_total", "", counts_.users);
        for (const mmoe_column_served &c : columns_) {
            const std::string label = "column=" + quoted(c.name);
            line("column_values_total", label, c.values);
            line("column_missing_total", label, c.missing);
            line("column_unknown_total", label, c.unknown);
            share("column_trained_missing_ratio", label, c.trained_missing);
            share("column_trained_unknown_ratio", label, c.trained_unknown);
        }
        for (size_t t = 0; t < tasks_.size(); t++)
            histogram(tasks_[t], mmoe_model_task_type(model_, static_cast<int32_t>(t)));
        return out_.str();
    }

  private:
    // False: there are more columns than room.
    bool read(const mmoe::slot &slot) {
        mmoe_error err;
        const mmoe_status status = mmoe_slot_counts(slot.get(), &counts_, &err);
        if (status && status != MMOE_E_ARGUMENT) throw mmoe::error(err);
        return status == MMOE_OK;
    }
    static std::string quoted(const char *name) {
        std::string label = "\"";
        for (; *name; name++) {
            if (*name == '"' || *name == '\\') label += '\\';
            label += *name == '\n' ? "\\n" : std::string(1, *name);
        }
        return label + '"';
    }
    template <class T> void line(const char *name, const std::string &label, T value) {
        out_ << "ranking_" << name;
        if (!label.empty()) out_ << '{' << label << '}';
        out_ << ' ' << value << '\n';
    }
    // Nothing where the model does not know.
    void share(const char *name, const std::string &label, double value) {
        if (!std::isnan(value)) line(name, label, value);
    }
    // A score that is a bucket's end is in the next one, other than elsewhere in Prometheus.
    void histogram(const mmoe_task_served &task, int type) {
        const std::string label = "task=" + quoted(task.name);
        int64_t below = 0;
        for (int bin = 0; bin < MMOE_SERVED_BINS; bin++) {
            below += task.bins[bin];
            std::ostringstream end;
            end << mmoe_served_bin(type, bin);
            const bool is_last = bin + 1 == MMOE_SERVED_BINS;
            line("score_bucket", label + ",le=\"" + (is_last ? "+Inf" : end.str()) + '"', below);
        }
        line("score_sum", label, task.sum);
        line("score_count", label, below);
        share("score_trained_mean", label, task.base_rate);
    }

    const mmoe_model *model_;
    mmoe_counts counts_{};
    std::vector<mmoe_column_served> columns_;
    std::vector<mmoe_task_served> tasks_;
    std::ostringstream out_;
};

#endif
