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
// was to be made is empty (`if (!object)`), as is one that was moved from: its calls are
// MMOE_E_ARGUMENT. Where a program is compiled without exceptions, `err` must be given. (The memory
// of rows and inputs is that of std::vector: std::bad_alloc.)
//
// Threads: as in mmoe.h. An input and a slot are shared by any number; a predictor, a reader and
// rows are one thread's at a time.
#ifndef MMOE_HPP
#define MMOE_HPP

#include "rows.hpp"

namespace mmoe {

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
        if (!in) {
            end.fail(nullptr, "the input is empty");
            return;
        }
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

#endif
