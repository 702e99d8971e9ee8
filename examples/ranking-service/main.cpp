// ranking-service: ranks a user's candidates over HTTP with the model at a path, and goes over to
// each newer one that is moved there, or learns on from what is posted.
#include "learner.hpp"
#include "metrics.hpp"
#include "request.hpp"
#include "served.hpp"
#include "watcher.hpp"

#include <mmoe/mmoe.hpp>

#include <httplib.h>
#include <nlohmann/json.hpp>

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <limits>
#include <optional>
#include <stdexcept>

using namespace std::chrono_literals;
using clock_type = std::chrono::steady_clock;

struct options {
    std::string model, columns, host = "127.0.0.1";
    int port = 8080, threads = 4, drain = 1000, watch = 200, keep_alive = 1;
    bool measures_parsing = false;
    learning learn;
};

static const char usage[] =
    "usage: ranking-service --model PATH --columns JSON [--host ADDRESS] [--port N (0: any)]\n"
    "    [--threads N] [--drain MILLISECONDS] [--watch MILLISECONDS] [--keep-alive SECONDS]\n"
    "    [--measure-parsing]\n"
    "    [--learn FOLDER [--publish EVENTS] [--publish-within MILLISECONDS] [--save EVENTS]\n"
    "    [--queue EVENTS] [--grow ROWS]]\n";

static int number(const std::string &word, int least) {
    size_t end = 0;
    try {
        const int n = std::stoi(word, &end);
        if (end == word.size() && n >= least) return n;
    } catch (const std::out_of_range &) {
    }
    throw std::invalid_argument(word);
}

static bool read_learning(const std::string &name, const std::string &word, learning *l) {
    if (name == "--learn")
        l->folder = word;
    else if (name == "--publish")
        l->publish = static_cast<uint64_t>(number(word, 1));
    else if (name == "--publish-within")
        l->publish_within = std::chrono::milliseconds(number(word, 1));
    else if (name == "--save")
        l->save = static_cast<uint64_t>(number(word, 1));
    else if (name == "--queue")
        l->queue = static_cast<uint64_t>(number(word, 1));
    else if (name == "--grow")
        l->grow = number(word, 0);
    else
        return false;
    return true;
}

static options read_options(int argc, char **argv) {
    options o;
    bool says_how_to_learn = false;
    for (int i = 1; i < argc; i++) {
        const std::string name = argv[i];
        if (name == "--measure-parsing") {
            o.measures_parsing = true;
            continue;
        }
        if (++i == argc) throw std::invalid_argument(name);
        const std::string word = argv[i];
        if (name == "--model")
            o.model = word;
        else if (name == "--columns")
            o.columns = word;
        else if (name == "--host")
            o.host = word;
        else if (name == "--port")
            o.port = number(word, 0);
        else if (name == "--threads")
            o.threads = number(word, 1);
        else if (name == "--drain")
            o.drain = number(word, 0);
        else if (name == "--watch")
            o.watch = number(word, 1);
        else if (name == "--keep-alive")
            o.keep_alive = number(word, 1);
        else if (read_learning(name, word, &o.learn))
            says_how_to_learn = true;
        else
            throw std::invalid_argument(name);
    }
    if (says_how_to_learn && o.learn.folder.empty()) throw std::invalid_argument("--learn");
    if (o.model.empty() || o.columns.empty()) throw std::invalid_argument("--model, --columns");
    return o;
}

static sigset_t end_signals() {
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    return ends;
}

// As JSON: bytes that are no UTF-8 (of a request, or where a message is cut off) are U+FFFD.
static std::string json_text(const nlohmann::json &value) {
    return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

// Adds the time since it was made, or since the last part ended.
class stopwatch {
  public:
    std::chrono::nanoseconds ended(durations &part) {
        const auto now = clock_type::now();
        const auto took = now - since_;
        part.add(took);
        since_ = now;
        return took;
    }

  private:
    clock_type::time_point since_ = clock_type::now();
};

// One thread's: memory, and its way into the slot.
struct worker {
    mmoe::reader reader;
    request asked;
    std::unique_ptr<request> events; // where the service learns: until they are taken
    std::vector<size_t> best;
    std::vector<float> scores, task_scores;
    mmoe_error first_bad{};
    mmoe_bad_rows bad{&first_bad, 1, 0};
    std::string answer;

    worker(const mmoe::slot &slot, const mmoe::input &input) : reader(slot), asked(input) {
        asked.items().allow_bad(&bad);
    }
    worker(const worker &) = delete;
    worker &operator=(const worker &) = delete;
};

class service {
  public:
    // `learns` NULL: it does not.
    service(const options &o, const mmoe::input &input, const mmoe::slot &slot, metrics &counts,
            learner *learns)
        : options_(o), input_(input), slot_(slot), counts_(counts), learns_(learns) {
        const mmoe::reader reader(slot);
        const mmoe::visit now = reader.enter();
        for (size_t i = 0; i < now.task_count(); i++) {
            const char *name = mmoe_model_task_name(now.model(), static_cast<int32_t>(i));
            task_keys_.push_back(json_text(name) + ":");
        }
        server_.new_task_queue = std::function<httplib::TaskQueue *()>(
            [&o] { return new httplib::ThreadPool(static_cast<size_t>(o.threads)); });
        server_.set_keep_alive_max_count(std::numeric_limits<size_t>::max());
        server_.set_keep_alive_timeout(o.keep_alive); // which the end may have to wait for
        server_.set_tcp_nodelay(true);
        // Without SO_REUSEPORT, which would let two services take each other's requests.
        server_.set_socket_options([](int socket) {
            const int yes = 1;
            setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
        });
        server_.Post("/rank", [this](const auto &q, auto &a) { rank(q.body, a); });
        server_.Get("/healthz", [this](const auto &, auto &a) { health(a); });
        server_.Get("/metrics", [this](const auto &, auto &a) { measured(a); });
        if (!learns) return;
        server_.Post("/events", [this](const auto &q, auto &a) { learn(q.body, a); });
        server_.Get("/events", [this](const auto &, auto &a) { learned(a); });
    }

    // Returns when SIGTERM or SIGINT has come (which all threads block) and every request is
    // answered.
    void run() {
        int port = options_.port;
        if (!port)
            port = server_.bind_to_any_port(options_.host);
        else if (!server_.bind_to_port(options_.host, port))
            port = -1;
        if (port < 0)
            throw std::runtime_error("cannot listen on " + options_.host + ":" +
                                     std::to_string(options_.port));
        std::thread listener([this] { server_.listen_after_bind(); });
        std::cout << "listening on " << options_.host << ":" << port << std::endl;
        const sigset_t ends = end_signals();
        int signal = 0;
        sigwait(&ends, &signal);
        // A balancer sees /healthz and sends its requests elsewhere; those on their way are served.
        // A further signal ends that.
        drains_ = true;
        const timespec most{options_.drain / 1000, options_.drain % 1000 * 1000000L};
        while (sigtimedwait(&ends, nullptr, &most) < 0 && errno == EINTR) {
        }
        server_.stop();
        listener.join();
        std::cout << "ended after " << counts_.answered << " answers" << std::endl;
    }

  private:
    worker &own() {
        thread_local std::unique_ptr<worker> w;
        if (!w) w = std::make_unique<worker>(slot_, input_);
        return *w;
    }
    uint64_t version() { return own().reader.enter().version(); }

    void health(httplib::Response &out) {
        out.status = drains_ ? 503 : 200;
        out.set_content("{\"version\":" + std::to_string(version()) + "}\n", "application/json");
    }

    void measured(httplib::Response &out) {
        const mmoe::visit now = own().reader.enter();
        out.set_content(counts_.text(now.version()) + served(slot_, now.model()).text() +
                            (learns_ ? learns_->metrics() : ""),
                        "text/plain; version=0.0.4");
    }

    static void say_why(const std::string &why, int status, httplib::Response &out) {
        out.status = status;
        out.set_content(json_text(nlohmann::json{{"error", why}}) + "\n", "application/json");
    }
    void refuse(const std::string &why, httplib::Response &out) {
        counts_.refused++;
        say_why(why, 400, out);
    }

    void learned(httplib::Response &out) const {
        out.set_content(learns_->progress(), "application/json");
    }
    void learn(const std::string &body, httplib::Response &out) {
        worker &w = own();
        if (!w.events) w.events = std::make_unique<request>(learns_->events(), true);
        if (drains_) out.set_header("Connection", "close");
        learner::answer said{400, ""};
        if (w.events->read(body))
            said = learns_->take(w.events, w.reader.enter().model());
        else
            said.fault = w.events->fault();
        (said.status == 200 ? counts_.posts_taken : counts_.posts_refused)++;
        if (said.status == 200)
            learned(out);
        else
            say_why(said.fault, said.status, out);
    }

    void rank(const std::string &body, httplib::Response &out) {
        worker &w = own();
        mmoe_error err;
        if (drains_) out.set_header("Connection", "close");
        stopwatch watch;
        std::chrono::nanoseconds parsing{0};
        if (options_.measures_parsing) {
            (void)nlohmann::json::accept(body);
            parsing = watch.ended(counts_.parse);
        }
        if (!w.asked.read(body)) return refuse(w.asked.fault(), out);
        const auto reading = watch.ended(counts_.read);
        if (options_.measures_parsing) counts_.build.add(reading - parsing);
        const size_t found = std::min(w.asked.k(), w.asked.item_count());
        w.best.resize(found);
        w.scores.resize(found);
        w.task_scores.resize(found * task_keys_.size());
        uint64_t version = 0;
        {
            const mmoe::visit now = w.reader.enter(&err);
            if (!now ||
                now.top(w.asked.user(), w.asked.items(), w.best, {w.scores, w.task_scores}, &err))
                return refuse(err.message, out);
            version = now.version();
        }
        watch.ended(counts_.score);
        write(w, version);
        out.set_content(w.answer, "application/json");
        watch.ended(counts_.write);
        counts_.answered++;
        counts_.candidates += w.asked.item_count();
        counts_.bad_rows += w.bad.count;
    }

    static void append(std::string &to, float score) {
        char text[32] = "null";
        if (std::isfinite(score))
            std::snprintf(text, sizeof text, "%.9g", static_cast<double>(score));
        to += text;
    }
    // {"version": 1, "best": [{"item": 3, "score": .5, "tasks": {"ctr": .5}}, ...]}: "item" is the
    // place in the request, from 0; a score is null where the item is at fault, of which "bad" are.
    void write(worker &w, uint64_t version) const {
        w.answer = "{\"version\":" + std::to_string(version) + ",\"best\":[";
        for (size_t i = 0; i < w.best.size(); i++) {
            if (i) w.answer += ',';
            w.answer += "{\"item\":" + std::to_string(w.best[i]) + ",\"score\":";
            append(w.answer, w.scores[i]);
            w.answer += ",\"tasks\":{";
            for (size_t t = 0; t < task_keys_.size(); t++) {
                if (t) w.answer += ',';
                w.answer += task_keys_[t];
                append(w.answer, w.task_scores[i * task_keys_.size() + t]);
            }
            w.answer += "}}";
        }
        w.answer += "]";
        if (w.bad.count)
            w.answer += ",\"bad\":" + std::to_string(w.bad.count) +
                        ",\"first_bad\":" + json_text(w.first_bad.message);
        w.answer += "}\n";
    }

    const options &options_;
    const mmoe::input &input_;
    const mmoe::slot &slot_;
    metrics &counts_;
    learner *const learns_;
    std::vector<std::string> task_keys_;
    std::atomic<bool> drains_{false};
    httplib::Server server_;
};

int main(int argc, char **argv) try {
    const options o = read_options(argc, argv);
    const sigset_t ends = end_signals();
    pthread_sigmask(SIG_BLOCK, &ends, nullptr); // only the thread that waits for them gets them
    metrics counts;
    const mmoe::input input(read_columns(o.columns));
    const watcher::file loaded = watcher::look(o.model);
    mmoe_predictor_options wanted{};
    wanted.final_scores = 1; // a model that cannot rank is refused, not each request
    const mmoe::slot slot(mmoe::model(o.model), input, wanted);
    // A service that learns has newer models of its own.
    std::unique_ptr<learner> learns;
    std::optional<watcher> newer;
    if (o.learn.folder.empty())
        newer.emplace(o.model, loaded, slot, counts, std::chrono::milliseconds(o.watch));
    else
        learns = learn_on(mmoe::model(o.model), slot, input, o.learn);
    service(o, input, slot, counts, learns.get()).run();
} catch (const std::invalid_argument &e) {
    std::cerr << "ranking-service: " << e.what() << " is wrong\n" << usage;
    return 2;
} catch (const std::exception &e) {
    std::cerr << "ranking-service: " << e.what() << '\n';
    return 1;
}
