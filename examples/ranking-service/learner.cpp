#include "learner.hpp"

#include "learning_batch.hpp"

#include <nlohmann/json.hpp>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <condition_variable>
#include <cstdio>
#include <deque>
#include <filesystem>
#include <iostream>
#include <mutex>
#include <sstream>
#include <stdexcept>
#include <thread>
#include <utility>

using nlohmann::json;
using clock_type = std::chrono::steady_clock;

namespace {

// ---- The folder of runs ----

// Runs are files that say how many events they have learned; the last one alone is kept. While one
// service learns there, no other does.
class run_folder {
  public:
    explicit run_folder(const std::string &path)
        : path_(path), lock_(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
        if (lock_ < 0 || flock(lock_, LOCK_EX | LOCK_NB) != 0) {
            const std::string why =
                lock_ < 0 ? ": the folder cannot be opened" : ": another service learns there";
            close(lock_);
            throw std::runtime_error("--learn " + path + why);
        }
    }
    ~run_folder() { close(lock_); }
    run_folder(const run_folder &) = delete;
    run_folder &operator=(const run_folder &) = delete;

    std::string file(uint64_t events) const {
        char name[64];
        std::snprintf(name, sizeof name, "/run-%020llu.safetensors",
                      static_cast<unsigned long long>(events));
        return path_ + name;
    }
    // How many events each has learned, ascending: of two, which a kill may leave, the last counts.
    std::vector<uint64_t> runs() const {
        std::vector<uint64_t> found;
        for (const auto &entry : std::filesystem::directory_iterator(path_)) {
            unsigned long long of = 0;
            if (std::sscanf(entry.path().filename().c_str(), "run-%20llu.safetensors", &of) == 1 &&
                entry.path() == std::filesystem::path(file(of)))
                found.push_back(of);
        }
        std::sort(found.begin(), found.end());
        return found;
    }
    void keep_only(uint64_t events) const {
        for (const uint64_t of : runs())
            if (of != events) std::filesystem::remove(file(of));
    }

  private:
    const std::string path_;
    const int lock_;
};

// ---- What the model says ----

struct facts {
    std::vector<std::string> labels; // columns of the training file, a task each
    size_t batch;                    // rows of a step
};

facts facts_of(const mmoe::model &model) {
    mmoe_error err;
    char *text = nullptr;
    const mmoe_config *config = mmoe_model_config(model.get());
    if (mmoe_config_text(config, &text, &err)) throw mmoe::error(err);
    const json keys = json::parse(text);
    mmoe_config_text_free(config, text);
    facts f{{}, keys.at("trainer").at("batch_size")};
    for (const json &task : keys.at("tasks")) f.labels.push_back(task.at("label"));
    return f;
}

mmoe::input with_labels(const mmoe::input &columns, const std::vector<std::string> &labels) {
    std::vector<mmoe::column> all(columns.columns().begin(), columns.columns().end());
    for (const std::string &label : labels)
        all.push_back(mmoe::column(label, mmoe::type<double>).optional());
    return mmoe::input(all);
}

// ---- The learner ----

class trained : public learner {
  public:
    trained(mmoe::model &&model, const mmoe::slot &slot, const mmoe::input &columns, learning how)
        : how_(std::move(how)), folder_(how_.folder), slot_(slot), model_(std::move(model)),
          facts_(facts_of(model_)), events_(with_labels(columns, facts_.labels)),
          trainer_(model_, {}, options()), losses_(facts_.labels.size(), NAN) {
        if (how_.queue < facts_.batch)
            throw std::runtime_error("--queue " + std::to_string(how_.queue) + ": a step takes " +
                                     std::to_string(facts_.batch) + " events");
        const std::vector<uint64_t> runs = folder_.runs();
        if (runs.empty()) {
            trainer_.save(folder_.file(0).c_str());
        } else {
            taken_ = learned_ = saved_ = runs.back();
            trainer_.resume(folder_.file(saved_).c_str());
            std::cerr << "goes on from " << folder_.file(saved_) << std::endl;
            folder_.keep_only(saved_);
            publish();
        }
        count({});
        thread_ = std::thread([this] { run(); });
    }
    ~trained() override {
        {
            const std::lock_guard<std::mutex> lock(mutex_);
            ends_ = true;
        }
        wake_.notify_all();
        thread_.join();
    }
    const mmoe::input &events() const override { return events_; }

    answer take(std::unique_ptr<request> &events, const mmoe_model *served) override {
        if (!events->item_count()) return {200, ""};
        std::string fault;
        uint64_t unknown = 0;
        const auto p = std::make_shared<post>();
        if (!read(events->items(), served, *p, &unknown, &fault)) return {400, fault};
        {
            const std::lock_guard<std::mutex> lock(mutex_);
            if (!failed_.empty()) return {503, "learning has ended: " + failed_};
            if (waiting_ + p->rows > how_.queue)
                return {503, "the queue has room for " + std::to_string(how_.queue - waiting_) +
                                 " events more"};
            p->events = std::move(events);
            queue_.push_back(p);
            waiting_ += p->rows;
            taken_ += p->rows;
            unknown_ += unknown;
        }
        wake_.notify_all();
        return {200, ""};
    }

    std::string progress() const override {
        const std::lock_guard<std::mutex> lock(mutex_);
        const json far{
            {"taken", taken_}, {"learned", learned_}, {"published", published_}, {"saved", saved_}};
        return far.dump() + "\n";
    }

    std::string metrics() const override {
        const std::lock_guard<std::mutex> lock(mutex_);
        std::ostringstream out;
        out.precision(9);
        const auto line = [&out](const char *name, auto value) {
            out << "ranking_learning_" << name << ' ' << value << '\n';
        };
        line("taken_events", taken_);
        line("learned_events", learned_);
        line("published_events", published_);
        line("saved_events", saved_);
        line("waiting_events", waiting_);
        line("unknown_values_total", unknown_);
        line("new_rows_total", grown_.rows);
        line("left_out_values_total", grown_.left_out);
        line("steps_total", steps_);
        line("publishes_total", publishes_);
        line("saves_total", saves_);
        line("failed_saves_total", failed_saves_);
        line("last_save_seconds", last_save_);
        line("failed", failed_.empty() ? 0 : 1);
        for (const auto &[table, rows] : tables_)
            out << "ranking_learning_table_rows{table=" << json(table) << "} " << rows << '\n';
        for (size_t t = 0; t < losses_.size(); t++)
            out << "ranking_learning_loss{label=" << json(facts_.labels[t]) << "} " << losses_[t]
                << '\n';
        return out.str();
    }

  private:
    static mmoe_trainer_options options() {
        mmoe_trainer_options o{};
        o.threads = 1; // the others serve
        o.single_threaded_blas = 1;
        return o;
    }

    // ---- Of the threads that take events ----

    // Whether they can be learned from; what they are to the trainer's model is seen when they are.
    bool read(mmoe::rows &events, const mmoe_model *served, post &p, uint64_t *unknown,
              std::string *fault) const {
        const mmoe_batch *batch = events.batch();
        const size_t tasks = facts_.labels.size(), columns = batch->column_count - tasks;
        p.rows = batch->rows;
        p.labels.resize(batch->rows * tasks);
        for (size_t r = 0; r < batch->rows; r++) {
            bool has_one = false;
            for (size_t t = 0; t < tasks; t++) {
                const auto *values =
                    static_cast<const double *>(batch->columns[columns + t].values);
                p.labels[r * tasks + t] = static_cast<float>(values[r]);
                has_one = has_one || !std::isnan(values[r]);
            }
            if (has_one) continue;
            *fault = "events[" + std::to_string(r) + "]: it has no label";
            return false;
        }
        mmoe_error err{};
        mmoe_dataset *encoded = nullptr;
        const bool good = !mmoe_dataset_create(mmoe_model_schema(served), batch, p.labels.data(),
                                               nullptr, nullptr, &encoded, &err);
        *unknown = unknown_of(mmoe::dataset(encoded));
        if (good) return true;
        *fault = err.message;
        const std::string place = "row " + std::to_string(err.row) + ": ";
        if (err.row && fault->rfind(place, 0) == 0)
            *fault = "events[" + std::to_string(err.row - 1) + "]: " + fault->substr(place.size());
        return false;
    }

    static uint64_t unknown_of(const mmoe::dataset &rows) {
        uint64_t unknown = 0;
        for (size_t i = 0; const mmoe_column_counts *c = mmoe_dataset_column(rows.get(), i); i++)
            unknown += static_cast<uint64_t>(c->unknown);
        return unknown;
    }

    // ---- Of the thread that learns ----

    void run() {
        (void)nice(10); // this thread alone: requests go first
        try {
            while (next_batch()) step();
            if (learned_ > saved_) publish_and_save();
        } catch (const std::exception &e) {
            std::cerr << "learning has ended: " << e.what() << std::endl;
            const std::lock_guard<std::mutex> lock(mutex_);
            failed_ = e.what();
        }
    }

    bool is_wanted() const { return ends_ || waiting_ >= facts_.batch; }

    // Waits for the rows of a step, and takes them out of the queue. False: it is the end.
    bool next_batch() {
        std::unique_lock<std::mutex> lock(mutex_);
        while (!is_wanted()) {
            if (how_.publish_within.count() == 0 || published_ == learned_) {
                wake_.wait(lock);
            } else if (wake_.wait_until(lock, due_) == std::cv_status::timeout) {
                lock.unlock();
                publish();
                lock.lock();
            }
        }
        if (waiting_ < facts_.batch) return false;
        slices_.clear();
        for (size_t wanted = facts_.batch; wanted;) {
            const std::shared_ptr<post> first = queue_.front();
            const size_t count = std::min(wanted, first->left());
            slices_.push_back({first, first->next, count});
            first->next += count;
            wanted -= count;
            if (!first->left()) queue_.pop_front();
        }
        waiting_ -= facts_.batch;
        return true;
    }

    // New ids get rows in the order of the events, right before the step that meets them first: so
    // they do in a run that goes on from any save.
    void make_batch() {
        mmoe_grown grown{};
        batch_.clear();
        for (const slice &s : slices_) {
            if (how_.grow) {
                const mmoe_batch *values = s.of->events->items().part(s.first, s.count);
                const mmoe_grown found = trainer_.grow(*values, {how_.grow, {}});
                grown.rows += found.rows;
                grown.left_out += found.left_out;
            }
            batch_.add(model_, s);
        }
        slices_.clear();
        count(grown);
    }

    void count(const mmoe_grown &found) {
        const std::lock_guard<std::mutex> lock(mutex_);
        grown_.rows += found.rows;
        grown_.left_out += found.left_out;
        if (!found.rows && !tables_.empty()) return;
        tables_.clear();
        mmoe_table_info table;
        for (size_t i = 0; !mmoe_model_table(model_.get(), i, &table); i++)
            if (table.values >= 0) tables_.emplace_back(table.name, table.rows);
    }

    // A publication and a save belong to a number of events, not to a time or a start: the steps
    // behind them are the same to the bit in a run that went on from here.
    void step() {
        std::vector<double> losses(losses_.size());
        make_batch();
        trainer_.step(batch_.made(model_), 0, facts_.batch, losses);
        const uint64_t before = learned_, now = before + facts_.batch;
        {
            const std::lock_guard<std::mutex> lock(mutex_);
            steps_++;
            learned_ = now;
            losses_ = losses;
        }
        if (before == published_) due_ = clock_type::now() + how_.publish_within;
        if (before / how_.save != now / how_.save)
            publish_and_save();
        else if (before / how_.publish != now / how_.publish ||
                 (how_.publish_within.count() && clock_type::now() >= due_))
            publish();
    }

    void publish() {
        trainer_.publish(slot_);
        mmoe_slot_collect(slot_.get()); // no request frees a model
        const std::lock_guard<std::mutex> lock(mutex_);
        published_ = learned_;
        publishes_++;
    }

    // What cannot be removed now is with the next save.
    void clear_others() const {
        try {
            folder_.keep_only(learned_);
        } catch (const std::exception &e) {
            std::cerr << "older runs stay: " << e.what() << std::endl;
        }
    }

    // A publication brings all rows of tables up to date, and a run that is resumed begins with
    // one: so has the one that is saved.
    void publish_and_save() {
        publish();
        mmoe_error err;
        const bool is_saved = !trainer_.save(folder_.file(learned_).c_str(), &err);
        if (is_saved)
            clear_others();
        else
            std::cerr << "not saved: " << err.message << std::endl;
        const std::lock_guard<std::mutex> lock(mutex_);
        failed_saves_ += !is_saved;
        if (!is_saved) return;
        saves_++;
        saved_ = learned_;
        last_save_ = std::chrono::duration_cast<std::chrono::seconds>(
                         std::chrono::system_clock::now().time_since_epoch())
                         .count();
    }

    const learning how_;
    const run_folder folder_;
    const mmoe::slot &slot_;
    mmoe::model model_;
    const facts facts_;
    const mmoe::input events_;
    mmoe::trainer trainer_;
    std::vector<slice> slices_;
    learning_batch batch_;
    clock_type::time_point due_{};

    mutable std::mutex mutex_; // of what follows, of which the learning thread alone writes
                               // learned_, published_ and saved_
    std::condition_variable wake_;
    std::deque<std::shared_ptr<post>> queue_; // the front one's `next` is the learning thread's
    bool ends_ = false;
    std::string failed_;
    uint64_t waiting_ = 0, taken_ = 0, learned_ = 0, published_ = 0, saved_ = 0;
    mmoe_grown grown_{}; // by this process
    std::vector<std::pair<std::string, int64_t>> tables_;
    uint64_t unknown_ = 0, steps_ = 0, publishes_ = 0, saves_ = 0, failed_saves_ = 0;
    int64_t last_save_ = 0; // UNIX time; 0: none by this process
    std::vector<double> losses_;
    std::thread thread_;
};

} // namespace

std::unique_ptr<learner> learn_on(mmoe::model &&model, const mmoe::slot &slot,
                                  const mmoe::input &columns, const learning &how) {
    return std::make_unique<trained>(std::move(model), slot, columns, how);
}
