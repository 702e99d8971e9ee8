// Rows of several posts side by side, as the model's schema has encoded them: a step's batch is of
// so many rows, whatever the posts were.
#ifndef RANKING_LEARNING_BATCH_HPP
#define RANKING_LEARNING_BATCH_HPP

#include "request.hpp"

#include <mmoe/train.hpp>

#include <cstdint>
#include <vector>

// Events of a post, of which those before `next` are learned.
struct post {
    std::unique_ptr<request> events; // whose values stay as they came until they are learned
    std::vector<float> labels;       // [rows, tasks]
    size_t rows = 0, next = 0;

    size_t left() const { return rows - next; }
};

// So many events of a post that become a part of a step's batch.
struct slice {
    std::shared_ptr<post> of;
    size_t first, count;
};

class learning_batch {
  public:
    void clear() {
        rows_ = 0;
        offsets_.assign(1, 0);
        ids_.clear();
        elements_.clear();
        dense_.clear();
        weights_.clear();
        labels_.clear();
    }
    // Rows of a post, whose values are the model's by now.
    void add(const mmoe::model &model, const slice &from) {
        const size_t tasks = from.of->labels.size() / from.of->rows;
        const float *labels = from.of->labels.data() + from.first * tasks;
        const mmoe_batch *values = from.of->events->items().part(from.first, from.count);
        mmoe_dataset *encoded = nullptr;
        mmoe_batch b;
        mmoe_error err;
        if (mmoe_dataset_create(mmoe_model_schema(model.get()), values, labels, nullptr, nullptr,
                                &encoded, &err))
            throw mmoe::error(err);
        const mmoe::dataset rows(encoded);
        if (mmoe_dataset_batch(encoded, 0, from.count, &b, &err)) throw mmoe::error(err);
        append(ids_, b.ids, from.count * b.id_stride);
        append(dense_, b.dense, from.count * b.dense_stride);
        append(labels_, labels, from.count * tasks);
        add_lists(b.lists, from.count * static_cast<size_t>(b.lists.count));
        of_ = b;
        rows_ += from.count;
    }
    mmoe::dataset made(const mmoe::model &model) const {
        mmoe_batch all = of_;
        all.rows = rows_;
        all.ids = ids_.data();
        all.dense = dense_.data();
        all.lists.offsets = offsets_.data();
        all.lists.ids = elements_.data();
        all.lists.weights = weights_.data();
        all.lists.elements = elements_.size();
        mmoe_dataset *made = nullptr;
        mmoe_error err;
        if (mmoe_dataset_create(mmoe_model_schema(model.get()), &all, labels_.data(), nullptr,
                                nullptr, &made, &err))
            throw mmoe::error(err);
        return mmoe::dataset(made);
    }

  private:
    template <class T> static void append(std::vector<T> &to, const T *from, size_t count) {
        to.insert(to.end(), from, from + count);
    }
    void add_lists(const mmoe_lists &from, size_t lists) {
        if (!lists) return;
        const int64_t first = from.offsets[0];
        const auto count = static_cast<size_t>(from.offsets[lists] - first);
        for (size_t i = 1; i <= lists; i++)
            offsets_.push_back(static_cast<int64_t>(elements_.size()) + from.offsets[i] - first);
        append(elements_, from.ids + first, count);
        if (from.weights)
            append(weights_, from.weights + first, count);
        else
            weights_.resize(elements_.size(), 1);
    }

    size_t rows_ = 0;
    mmoe_batch of_{}; // how many columns there are
    std::vector<int64_t> offsets_{0};
    std::vector<int32_t> ids_, elements_;
    std::vector<float> dense_, weights_, labels_;
};

#endif
