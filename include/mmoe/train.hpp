// mmoe/train.h for C++17, as mmoe.hpp is for mmoe.h: configurations, data sets, and a trainer with
// callbacks. It is only a header, like mmoe.hpp; a program links the library that can train.
//
//     const mmoe::config config("config.json");
//     const auto [schema, rows] = mmoe::fit_csv(config, "train.csv");
//     mmoe::model model = mmoe::new_model(config, schema);
//     mmoe::callbacks told;
//     told.on_epoch = [](const mmoe_epoch_report &e) { return e.loss < 10; }; // false: it stops
//     mmoe::trainer trainer(model, told);
//     trainer.fit(rows);
//     mmoe::save(model, "model.safetensors");
//
// Callbacks may throw. An exception never crosses the library: it is kept, and no more callbacks
// are called. The library's call then ends in the way that its header describes: a fit is stopped;
// reading is not, and continues to its end. Then the exception is thrown to the caller,
// whether `err` is given or not. After a fit, the model and the checkpoint are those of a fit that
// was stopped.
#ifndef MMOE_TRAIN_HPP
#define MMOE_TRAIN_HPP

#include "mmoe.hpp"
#include "train.h"

#include <functional>

namespace mmoe {

namespace detail {

// Keeps an exception that a callback has thrown.
class kept_exception {
  public:
    explicit operator bool() const { return kept_ != nullptr; }
    // Calls the function, unless a callback has thrown before. Returns false if this one or an
    // earlier one has thrown.
    template <class Function> bool runs(Function function) noexcept {
        if (kept_) return false;
#ifdef __cpp_exceptions
        try {
            function();
        } catch (...) {
            kept_ = std::current_exception();
        }
#else
        function();
#endif
        return !kept_;
    }
    // Call this after the library's call.
    void rethrow() {
#ifdef __cpp_exceptions
        if (kept_) std::rethrow_exception(std::exchange(kept_, nullptr));
#endif
    }

  private:
    std::exception_ptr kept_;
};

} // namespace detail

// ---- Configuration and models ----

class config : public detail::owned<mmoe_config, mmoe_config_free> {
  public:
    // Becomes the owner of what a function of mmoe/data.h created.
    explicit config(mmoe_config *made = nullptr) : unique_ptr(made) {}
    explicit config(const char *path, mmoe_error *err MMOE_OR_THROW) {
        const detail::outcome end(err);
        mmoe_config *made = nullptr;
        end(mmoe_config_read(path, nullptr, &made, end));
        reset(made);
    }
    static config parse(const std::string &json, mmoe_error *err MMOE_OR_THROW) {
        const detail::outcome end(err);
        mmoe_config *made = nullptr;
        end(mmoe_config_parse(json.data(), json.size(), nullptr, nullptr, &made, end));
        return config(made);
    }
    // Sets a key, for example "trainer.n_epoch" to "3": mmoe_config_set.
    mmoe_status set(const char *key, const char *value, mmoe_error *err MMOE_OR_THROW) {
        const detail::outcome end(err);
        return end(mmoe_config_set(get(), key, value, end));
    }
};

using schema = detail::owned<mmoe_schema, mmoe_schema_free>;

inline model new_model(const config &c, const schema &s, mmoe_error *err MMOE_OR_THROW) {
    const detail::outcome end(err);
    mmoe_model *made = nullptr;
    end(mmoe_model_create(c.get(), s.get(), nullptr, &made, end));
    return model(made);
}
// Returns a copy that shares no memory with the model. Not during a step or a fit of the model's
// trainer.
inline model clone(const model &m, mmoe_error *err MMOE_OR_THROW) {
    const detail::outcome end(err);
    mmoe_model *made = nullptr;
    end(mmoe_model_clone(m.get(), nullptr, &made, end));
    return model(made);
}
// Writes the model completely or not at all.
inline mmoe_status save(const model &m, const char *path, mmoe_error *err MMOE_OR_THROW) {
    const detail::outcome end(err);
    return end(mmoe_model_save(m.get(), path, end));
}

// ---- Data sets ----

// Rows to learn from, or to evaluate.
class dataset : public detail::owned<mmoe_dataset, mmoe_dataset_free> {
  public:
    // Becomes the owner of what a function of mmoe/data.h created.
    explicit dataset(mmoe_dataset *made = nullptr) : unique_ptr(made) {}
    // From rows with all columns of their input, those of the user and of the items; they are
    // copied: mmoe_dataset_create. Labels are [rows, tasks] of the model, NaN if missing. Weights
    // are [rows], or empty. MMOE_E_ARGUMENT: the sizes are others.
    dataset(const model &m, rows &of, view<const float> labels, mmoe_error *err MMOE_OR_THROW)
        : dataset(m, of, labels, {}, err) {}
    dataset(const model &m, rows &of, view<const float> labels, view<const float> weights,
            mmoe_error *err MMOE_OR_THROW) {
        const detail::outcome end(err);
        const mmoe_batch *batch = of.batch(end);
        if (!batch) {
            end(MMOE_E_ARGUMENT);
            return;
        }
        const char *fault = nullptr;
        if (labels.size() != batch->rows * m.task_count())
            fault = "there is another number of labels than of rows by tasks";
        if (weights.size() && weights.size() != batch->rows)
            fault = "there is another number of weights than of rows";
        if (fault) {
            end.fail(nullptr, fault);
            return;
        }
        mmoe_dataset *made = nullptr;
        end(mmoe_dataset_create(mmoe_model_schema(m.get()), batch, labels.data(),
                                weights.size() ? weights.data() : nullptr, nullptr, &made, end));
        reset(made);
    }
    int64_t size() const { return mmoe_dataset_rows(get()); }
};

// How a file is read. The call sets `options.watcher`.
struct reading {
    mmoe_read_options options{};
    std::function<void(const mmoe_work &)> on_work; // empty: nobody is told
};

namespace detail {

// The options of one call that reads, and what on_work throws.
class watched {
  public:
    explicit watched(const reading &how) : how_(how), options_(how.options) {
        if (how.on_work) options_.watcher = &watcher_;
    }
    watched(const watched &) = delete;
    watched &operator=(const watched &) = delete;
    const mmoe_read_options *options() const { return &options_; }
    void rethrow() { kept_.rethrow(); }

  private:
    static void on_work(void *self, const mmoe_work *work) {
        auto *w = static_cast<watched *>(self);
        (void)w->kept_.runs([&] { w->how_.on_work(*work); });
    }

    const reading &how_;
    mmoe_read_options options_;
    mmoe_watcher watcher_{on_work, this};
    kept_exception kept_;
};

} // namespace detail

// The rows of a training file, and the schema that was fitted to them.
struct fitted {
    mmoe::schema schema;
    dataset rows;
};
inline fitted fit_csv(const config &c, const char *path, const reading &how,
                      mmoe_error *err MMOE_OR_THROW) {
    const detail::outcome end(err);
    detail::watched watched(how);
    mmoe_schema *of = nullptr;
    mmoe_dataset *made = nullptr;
    const mmoe_status status =
        mmoe_dataset_fit_csv_with(c.get(), path, watched.options(), nullptr, &of, &made, end);
    fitted both{schema(of), dataset(made)};
    watched.rethrow();
    end(status);
    return both;
}
inline fitted fit_csv(const config &c, const char *path, mmoe_error *err MMOE_OR_THROW) {
    return fit_csv(c, path, {}, err);
}
// With an existing schema: s.get(), or mmoe_model_schema(m.get()).
inline dataset read_csv(const mmoe_schema *s, const char *path, const reading &how,
                        mmoe_error *err MMOE_OR_THROW) {
    const detail::outcome end(err);
    detail::watched watched(how);
    mmoe_dataset *made = nullptr;
    const mmoe_status status =
        mmoe_dataset_read_csv_with(s, path, watched.options(), nullptr, &made, end);
    dataset read(made);
    watched.rethrow();
    end(status);
    return read;
}
inline dataset read_csv(const mmoe_schema *s, const char *path, mmoe_error *err MMOE_OR_THROW) {
    return read_csv(s, path, {}, err);
}

// ---- Training ----

// Functions that the thread of fit calls, as mmoe_trainer_options says. Any of them may be empty.
struct callbacks {
    std::function<bool(const mmoe_epoch_report &)> on_epoch; // false: training is stopped
    std::function<bool(const mmoe_progress &)> on_progress;
    std::function<void(const mmoe_warning &)> on_warning;
};

// Trains a model, which must outlive the trainer. Only one thread may use it, except for stop.
class trainer {
  public:
    explicit trainer(model &m, mmoe_error *err MMOE_OR_THROW) : trainer(m, {}, {}, err) {}
    trainer(model &m, callbacks told, mmoe_error *err MMOE_OR_THROW)
        : trainer(m, std::move(told), {}, err) {}
    // This constructor sets `options.user` and the functions of the options.
    trainer(model &m, callbacks told, mmoe_trainer_options options, mmoe_error *err MMOE_OR_THROW)
        : tasks_(m.task_count()), calls_(std::make_unique<calls>()) {
        const detail::outcome end(err);
        calls_->told = std::move(told);
        options.user = calls_.get();
        const callbacks &to = calls_->told;
        options.on_epoch = to.on_epoch ? on<&callbacks::on_epoch, mmoe_epoch_report> : nullptr;
        options.on_progress = to.on_progress ? on<&callbacks::on_progress, mmoe_progress> : nullptr;
        options.on_warning = to.on_warning ? on_warning : nullptr;
        end(mmoe_trainer_create(m.get(), &options, nullptr, &calls_->trainer, end));
        trainer_.reset(calls_->trainer);
    }
    explicit operator bool() const { return trainer_ != nullptr; }
    mmoe_trainer *get() const { return trainer_.get(); }

    // Trains until the last epoch, an early stop, or MMOE_E_CANCELLED, if it was stopped.
    mmoe_status fit(const dataset &train, mmoe_error *err MMOE_OR_THROW) {
        return run(train, nullptr, err);
    }
    mmoe_status fit(const dataset &train, const dataset &valid, mmoe_error *err MMOE_OR_THROW) {
        return run(train, valid.get(), err);
    }
    // Makes one update with rows [first, first + count). Writes the tasks' losses before it to
    // `losses` [tasks].
    mmoe_status step(const dataset &from, int64_t first, size_t count, view<double> losses,
                     mmoe_error *err MMOE_OR_THROW) {
        const detail::outcome end(err);
        if (losses.size() < tasks_) return end.fail(nullptr, "the view has no room for all losses");
        return end(mmoe_trainer_step(get(), from.get(), first, count, losses.data(), end));
    }
    mmoe_status step(const dataset &from, int64_t first, size_t count,
                     mmoe_error *err MMOE_OR_THROW) {
        const detail::outcome end(err);
        return end(mmoe_trainer_step(get(), from.get(), first, count, nullptr, end));
    }
    // Adds table rows for new ids, before a step with rows that may have them: mmoe_trainer_grow.
    // Create the data set from the same rows afterwards. Returns what it has found; zeros on
    // failure.
    mmoe_grown grow(rows &of, const mmoe_growth &limits, mmoe_error *err MMOE_OR_THROW) {
        const detail::outcome end(err);
        const mmoe_batch *batch = of.batch(end);
        if (batch) return grow(*batch, limits, err);
        end(MMOE_E_ARGUMENT);
        return {};
    }
    mmoe_grown grow(const mmoe_batch &of, const mmoe_growth &limits,
                    mmoe_error *err MMOE_OR_THROW) {
        const detail::outcome end(err);
        mmoe_grown found{};
        end(mmoe_trainer_grow(get(), &of, &limits, &found, end));
        return found;
    }
    // Publishes a copy of the weights in the slot. Returns its version; 0 on failure.
    uint64_t publish(const slot &to, mmoe_error *err MMOE_OR_THROW) {
        const detail::outcome end(err);
        uint64_t version = 0;
        end(mmoe_trainer_publish(get(), to.get(), &version, end));
        return version;
    }
    // save writes a checkpoint, completely or not at all. A trainer that resumes from it continues
    // with the same results, bit for bit.
    mmoe_status save(const char *path, mmoe_error *err MMOE_OR_THROW) {
        const detail::outcome end(err);
        return end(mmoe_trainer_save(get(), path, end));
    }
    mmoe_status resume(const char *path, mmoe_error *err MMOE_OR_THROW) {
        const detail::outcome end(err);
        return end(mmoe_trainer_resume(get(), path, end));
    }
    mmoe_status set_lr(double lr, mmoe_error *err MMOE_OR_THROW) {
        const detail::outcome end(err);
        return end(mmoe_trainer_set_lr(get(), lr, end));
    }
    // May be called from any thread.
    void stop() { mmoe_trainer_stop(get()); }

  private:
    // At a fixed address, so that the library finds them even if the trainer is moved.
    struct calls {
        callbacks told;
        mmoe_trainer *trainer = nullptr;
        detail::kept_exception kept;
    };
    template <auto Member, class Report> static int on(void *self, const Report *report) {
        auto *c = static_cast<calls *>(self);
        bool goes_on = false;
        (void)c->kept.runs([&] { goes_on = (c->told.*Member)(*report); });
        return !goes_on;
    }
    // It has no return value that would stop the fit, so an exception stops it here.
    static void on_warning(void *self, const mmoe_warning *warning) {
        auto *c = static_cast<calls *>(self);
        if (!c->kept.runs([&] { c->told.on_warning(*warning); })) mmoe_trainer_stop(c->trainer);
    }
    mmoe_status run(const dataset &train, const mmoe_dataset *valid, mmoe_error *err) {
        const detail::outcome end(err);
        const mmoe_status status = mmoe_trainer_fit(get(), train.get(), valid, end);
        if (calls_) calls_->kept.rethrow(); // one that was moved away has none
        return end(status);
    }

    size_t tasks_;
    std::unique_ptr<calls> calls_;
    detail::owned<mmoe_trainer, mmoe_trainer_free> trainer_;
};

} // namespace mmoe

#endif
