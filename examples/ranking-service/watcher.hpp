// Publishes the file at a path whenever another one stands there (mv; never cp onto it).
#ifndef RANKING_WATCHER_HPP
#define RANKING_WATCHER_HPP

#include "metrics.hpp"

#include <mmoe/mmoe.hpp>

#include <sys/stat.h>

#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

class watcher {
  public:
    struct file {
        ino_t inode;
        off_t size;
        int64_t written; // ns
        bool operator==(const file &o) const {
            return inode == o.inode && size == o.size && written == o.written;
        }
    };
    static file look(const std::string &path) {
        struct stat s {};
        if (stat(path.c_str(), &s) != 0) return {};
        return {s.st_ino, s.st_size, s.st_mtim.tv_sec * INT64_C(1000000000) + s.st_mtim.tv_nsec};
    }

    // `loaded` is the file that the slot's model is of, as it was looked at before it was read.
    watcher(std::string path, file loaded, const mmoe::slot &slot, metrics &counts,
            std::chrono::milliseconds every)
        : path_(std::move(path)), slot_(slot), counts_(counts), every_(every), seen_(loaded),
          thread_([this] { watch(); }) {}
    ~watcher() {
        {
            const std::lock_guard<std::mutex> lock(mutex_);
            ends_ = true;
        }
        wake_.notify_all();
        thread_.join();
    }
    watcher(const watcher &) = delete;
    watcher &operator=(const watcher &) = delete;

  private:
    void watch() {
        std::unique_lock<std::mutex> lock(mutex_);
        while (!wake_.wait_for(lock, every_, [this] { return ends_; })) {
            const file now = look(path_);
            if (now == seen_) continue;
            seen_ = now; // before it is read: what comes meanwhile is seen the next time
            publish();
        }
    }
    // On failure the model that is served stays.
    void publish() {
        try {
            const uint64_t version = slot_.publish(mmoe::model(path_));
            counts_.published++;
            std::fprintf(stderr, "version %llu: %s\n", static_cast<unsigned long long>(version),
                         path_.c_str());
        } catch (const std::exception &e) {
            counts_.not_published++;
            std::fprintf(stderr, "not published: %s\n", e.what());
        }
    }

    const std::string path_;
    const mmoe::slot &slot_;
    metrics &counts_;
    const std::chrono::milliseconds every_;
    file seen_;
    std::mutex mutex_;
    std::condition_variable wake_;
    bool ends_ = false;
    std::thread thread_;
};

#endif
