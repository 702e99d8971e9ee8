// mmoe.h for C++17: objects that free what they own, columns by name, and errors that are thrown
// or, if you prefer, returned. It is only a header: a program links the same library as for mmoe.h,
// and may pass what get() returns to the functions of mmoe.h.
//
//     const mmoe::input input{{"user", mmoe::type<int64_t>, mmoe::user},      // once
//                             {"item", mmoe::type<int64_t>},
//                             {"price", mmoe::type<float>}};
//     mmoe::slot slot(mmoe::model("model.safetensors"), input);
//
//     mmoe::reader reader(slot);                                              // in each thread
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
// Errors: a function that can fail has a last parameter `mmoe_error *err`. Without it, a failure is
// thrown as mmoe::error. With it, nothing is thrown: the error is written to it, a status is
// returned, and an object that could not be created is empty (`if (!object)`). An object that was
// moved from is empty, too. Calls on an empty object are MMOE_E_ARGUMENT. In a program that is
// compiled without exceptions, `err` must be given. (Rows and inputs use the memory of std::vector,
// which can throw std::bad_alloc.)
//
// Threads: as in mmoe.h. Any number of threads may share an input and a slot. Only one thread at a
// time may use a predictor, a reader or rows.
#ifndef MMOE_HPP
#define MMOE_HPP

#include "rows.hpp"

namespace mmoe {

// ---- Predictor ----

// A final score that the caller defines, over the tasks of a model: mmoe_expression.
class expression : public detail::owned<mmoe_expression, mmoe_expression_free> {
  public:
    expression(const model &m, const char *text, mmoe_error *err MMOE_OR_THROW) {
        const detail::outcome end(err);
        mmoe_expression *made = nullptr;
        end(mmoe_expression_create(m.get(), text, nullptr, &made, end));
        reset(made);
    }
};

// Where final scores [rows] are written, and, if wanted, those of the tasks [rows, tasks]. They are
// computed by the expression of the model, or by that of the caller.
struct finals {
    view<float> scores, task_scores;
    const mmoe_expression *by;

    finals(view<float> scores_, view<float> task_scores_ = {}, const mmoe_expression *by_ = nullptr)
        : scores(scores_), task_scores(task_scores_), by(by_) {}
};

namespace detail {

// Frees a predictor, or, for one of a slot, makes the reader leave.
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

// Something that scores: a predictor, or a visit to a slot. Rows have all columns, or are one row
// of the user and the rows of the items. The results are those of the functions of mmoe.h. A view
// that is too small for them is MMOE_E_ARGUMENT.
class scorer {
  public:
    explicit operator bool() const { return predictor_ != nullptr; }
    mmoe_predictor *get() const { return predictor_.get(); }
    size_t task_count() const { return tasks_; }

    // Writes the scores of each task [rows, tasks]: mmoe_predictor_run and mmoe_predictor_rank.
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
    // Writes final scores: score(user, items, {scores}), or with those of the tasks: score(user,
    // items, {scores, task_scores}).
    mmoe_status score(rows &all, const finals &to, mmoe_error *err MMOE_OR_THROW) const {
        return finish(nullptr, all, nullptr, to, err);
    }
    mmoe_status score(rows &of_user, rows &items, const finals &to,
                      mmoe_error *err MMOE_OR_THROW) const {
        return finish(&of_user, items, nullptr, to, err);
    }
    // Finds the best rows by final score, best first: as many as `best` has, or as there are rows.
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
    // Writes the best rows to `best`, or, if that is NULL, scores all rows.
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

// A predictor. The model must outlive it.
class predictor : public scorer {
  public:
    predictor(const model &m, const input &in, mmoe_error *err MMOE_OR_THROW)
        : predictor(m, in, {}, err) {}
    // `options.input` is set by this constructor.
    predictor(const model &m, const input &in, mmoe_predictor_options options,
              mmoe_error *err MMOE_OR_THROW)
        : input_(in.input_), model_(m.get()) {
        const detail::outcome end(err);
        mmoe_predictor *made = nullptr;
        options.input = in.get();
        if (!in) {
            end.fail(nullptr, "the input is empty");
            return;
        }
        if (!end(mmoe_predictor_create_with(model_, &options, nullptr, &made, end)))
            holds(made, {input_}, model_);
    }
    // A predictor for another thread, which shares the weights.
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

// What the slot holds now, for one request. It is not freed until the visit ends.
class visit : public scorer {
  public:
    uint64_t version() const { return served_.version; }
    const mmoe_model *model() const { return served_.model; }

  private:
    friend class reader;
    visit() = default;
    mmoe_served served_{};
};

// A slot: the model in use, which newer models can replace. It exists until its last reader has
// been destroyed.
class slot {
  public:
    // The slot becomes the owner of the model; on failure the caller remains it. A model that does
    // not fit the input is refused, here and later.
    slot(model &&first, const input &in, mmoe_error *err MMOE_OR_THROW)
        : slot(std::move(first), in, {}, err) {}
    // `options.input` is set by this constructor.
    slot(model &&first, const input &in, mmoe_predictor_options options,
         mmoe_error *err MMOE_OR_THROW) {
        const detail::outcome end(err);
        mmoe_slot *made = nullptr;
        options.input = in.get();
        if (!in) {
            end.fail(nullptr, "the input is empty");
            return;
        }
        if (end(mmoe_slot_create_with(first.get(), &options, nullptr, &made, end))) return;
        (void)first.release(); // first: what fails behind it frees the slot, which has the model
        slot_.reset(made, detail::freed_by<mmoe_slot_free>{in.input_});
    }
    explicit operator bool() const { return slot_ != nullptr; }
    mmoe_slot *get() const { return slot_.get(); }
    // Returns the version; 0 on failure, and then the caller still owns the model.
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
    // Only one visit at a time; it must end before the reader does.
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

#endif
