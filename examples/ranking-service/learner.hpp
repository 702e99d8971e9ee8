// Learns on from events that are posted, in a thread of its own, and publishes what it has learned.
#ifndef RANKING_LEARNER_HPP
#define RANKING_LEARNER_HPP

#include "request.hpp"

#include <mmoe/mmoe.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

// How a service learns; numbers are of events.
struct learning {
    std::string folder;                    // where runs are saved; empty: it does not learn
    uint64_t publish = 4096, save = 65536; // whenever so many more are learned
    uint64_t queue = 65536;                // that wait, at most
    int64_t grow = 1000000; // rows of a table, at most, with those of new ids; 0: ids get none
    std::chrono::milliseconds publish_within{0}; // of a step; 0: by events alone
};

class learner {
  public:
    virtual ~learner() = default; // learns the whole batches that wait, publishes and saves
    // What an event has: the columns of a request, the user's and the item's, and behind them the
    // labels of the model's tasks, by the names of the training file's columns.
    virtual const mmoe::input &events() const = 0;
    // An HTTP status: 200, or 400 or 503 and why none of them was taken.
    struct answer {
        int status;
        std::string fault;
    };
    // Any thread's. What was read becomes the learner's if it is taken, and `events` is NULL then.
    // Whether it can be learned from says a model that is served, which nobody changes.
    virtual answer take(std::unique_ptr<request> &events, const mmoe_model *served) = 0;
    // {"taken": 900, "learned": 896, "published": 768, "saved": 512}: events since the folder's
    // first run.
    virtual std::string progress() const = 0;
    virtual std::string metrics() const = 0;
};

// Goes on from the folder's last run, if it has one; `model` is what the first began with. `slot`
// has another copy of it. Throws where the folder or its run is not what it should be.
std::unique_ptr<learner> learn_on(mmoe::model &&model, const mmoe::slot &slot,
                                  const mmoe::input &columns, const learning &how);

#endif
