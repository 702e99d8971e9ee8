// What a service counts, and how long its parts take, for GET /metrics. No lock is taken.
#ifndef RANKING_METRICS_HPP
#define RANKING_METRICS_HPP

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <sstream>
#include <string>

// How long something took: a count for each sixteenth of an octave, from 64 ns on.
class durations {
  public:
    void add(std::chrono::nanoseconds time) {
        const auto ns = static_cast<uint64_t>(std::max<int64_t>(time.count(), 0));
        const double at = ns > 64 ? std::log2(static_cast<double>(ns) / 64) * 16 : 0;
        counts_[at < last ? static_cast<size_t>(at) : last].fetch_add(1, std::memory_order_relaxed);
        sum_.fetch_add(ns, std::memory_order_relaxed);
    }
    uint64_t count() const {
        uint64_t all = 0;
        for (const auto &c : counts_) all += c.load(std::memory_order_relaxed);
        return all;
    }
    double seconds() const {
        return static_cast<double>(sum_.load(std::memory_order_relaxed)) / 1e9;
    }
    // The upper end of the bucket of the share's last one.
    double quantile(double share) const {
        const double wanted = share * static_cast<double>(count());
        double seen = 0;
        for (size_t i = 0; i <= last; i++) {
            seen += static_cast<double>(counts_[i].load(std::memory_order_relaxed));
            if (seen >= wanted) return 64e-9 * std::exp2(static_cast<double>(i + 1) / 16);
        }
        return 0;
    }

  private:
    static constexpr size_t last = 16 * 28; // 17 s and more
    std::array<std::atomic<uint64_t>, last + 1> counts_{};
    std::atomic<uint64_t> sum_{0};
};

class metrics {
  public:
    std::atomic<uint64_t> answered{0}, refused{0}, candidates{0}, bad_rows{0}, published{0},
        not_published{0}, posts_taken{0}, posts_refused{0};
    // read: JSON to columns, in one pass; score: enter, bind, score, leave; write: the answer's
    // JSON. Where it is asked for, parse: a pass over the JSON alone; build: the rest of read.
    durations parse, build, read, score, write;

    std::string text(uint64_t version) const {
        std::ostringstream out;
        counter(out, "ranking_requests_total{status=\"200\"}", answered);
        counter(out, "ranking_requests_total{status=\"400\"}", refused);
        counter(out, "ranking_candidates_total", candidates);
        counter(out, "ranking_bad_rows_total", bad_rows);
        counter(out, "ranking_models_total{result=\"published\"}", published);
        counter(out, "ranking_models_total{result=\"refused\"}", not_published);
        counter(out, "ranking_event_posts_total{result=\"taken\"}", posts_taken);
        counter(out, "ranking_event_posts_total{result=\"refused\"}", posts_refused);
        out << "ranking_model_version " << version << '\n';
        part(out, "parse", parse);
        part(out, "build", build);
        part(out, "read", read);
        part(out, "score", score);
        part(out, "write", write);
        return out.str();
    }

  private:
    static void counter(std::ostream &out, const char *name, const std::atomic<uint64_t> &value) {
        out << name << ' ' << value.load(std::memory_order_relaxed) << '\n';
    }
    static void part(std::ostream &out, const char *name, const durations &d) {
        const std::string label = std::string("{part=\"") + name;
        for (const char *q : {"0.5", "0.99"})
            out << "ranking_part_seconds" << label << "\",quantile=\"" << q << "\"} "
                << d.quantile(std::stod(q)) << '\n';
        out << "ranking_part_seconds_sum" << label << "\"} " << d.seconds() << '\n'
            << "ranking_part_seconds_count" << label << "\"} " << d.count() << '\n';
    }
};

#endif
