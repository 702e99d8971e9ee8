#include "config/config_peers.h"

#include <stdbool.h>
#include <string.h>

/* FuxiCTR, EasyRec and TorchEasyRec, DeepCTR, torchrec, HugeCTR, Keras, scikit-learn, LightGBM,
 * pandas and polars; and ours, a level too high. */
static const mmoe_peer_word words[] = {
    {"feature_name", "features.sparse[].name"},
    {"embedding_dim", "features.sparse[].embed_dim"},
    {"embedding_size", "features.sparse[].embed_dim"},
    {"embedding_vec_size", "features.sparse[].embed_dim"},
    {"embedding_name", "features.sparse[].shared_with"},
    {"share_embedding", "features.sparse[].shared_with"},
    {"num_buckets", "features.sparse[].vocab_size"},
    {"num_embeddings", "features.sparse[].vocab_size"},
    {"vocabulary_size", "features.sparse[].vocab_size"},
    {"max_vocabulary_size", "features.sparse[].vocab_size"},
    {"default_bucketize_value", "features.sparse[].oov_id"},
    {"bucket_size", "features.sparse[].hash_bucket_size"},
    {"hash_buckets", "features.sparse[].hash_bucket_size"},
    {"hash_bucket", "features.sparse[].hash_bucket_size"},
    {"use_hash", "features.sparse[].hash_bucket_size"},
    {"min_categr_count", "features.sparse[].min_count"},
    {"min_category_count", "features.sparse[].min_count"},
    {"filter_freq", "features.sparse[].min_count"},
    {"min_frequency", "features.sparse[].min_count"},
    {"max_tokens", "features.sparse[].max_vocab"},
    {"max_categories", "features.sparse[].max_vocab"},
    {"bin_boundaries", "features.sparse[].boundaries"},
    {"bucket_boundaries", "features.sparse[].boundaries"},
    {"quantile_bucket", "features.sparse[].quantiles"},
    {"num_bins", "features.sparse[].quantiles"},
    {"n_bins", "features.sparse[].quantiles"},
    {"mask_zero", "features.sparse[].padding_idx"},
    {"padding_value", "features.sparse[].padding_idx"},
    {"input_names", "features.sparse[].cross"},
    {"cross_columns", "features.sparse[].cross"},
    {"crossed_columns", "features.sparse[].cross"},
    {"pretrained_emb", "features.sparse[].pretrained"},
    {"pretrain_path", "features.sparse[].pretrained"},
    {"freeze", "features.sparse[].trainable"},
    {"freeze_emb", "features.sparse[].trainable"},
    {"combiner", "features.sequence[].pooling"},
    {"feature_encoder", "features.sequence[].pooling"},
    {"splitter", "features.sequence[].separator"},
    {"sequence_delim", "features.sequence[].separator"},
    {"kv_separator", "features.sequence[].weight_separator"},
    {"sequence_length", "features.sequence[].max_len"},
    {"max_seq_len", "features.sequence[].max_len"},
    {"maxlen", "features.sequence[].max_len"},
    {"truncating", "features.sequence[].truncate"},
    {"na_values", "features.dense[].gaps"},
    {"na_values", "features.sparse[].gaps"},
    {"na_values", "tasks[].gaps"},
    {"null_values", "features.dense[].gaps"},
    {"missing_values", "features.dense[].gaps"},
    {"errors", "features.dense[].gaps"},
    {"coerce", "features.dense[].gaps"},
    {"fill_na", "features.dense[].missing"},
    {"default_value", "features.dense[].missing"},
    {"padding", "features.sparse[].padding_idx"},
    {"padding_index", "features.sparse[].padding_idx"},
    {"delimiter", "features.sequence[].separator"},
    {"weighted", "features.sequence[].weight_separator"},
    {"weight_name", "features.sequence[].weight_separator"},
    {"max_sequence_length", "features.sequence[].max_len"},
    {"sequence_combiner", "features.sequence[].pooling"},
    {"normalizer", "features.dense[].transform"},
    {"scaler", "features.dense[].transform"},
    {"weight_col", "features.weight"},
    {"sample_weight", "features.weight"},
    {"group_id", "data.group"},
    {"grouping_key", "data.group"},
    {"uid_field", "data.group"},
    {"na_values", "data.missing"},
    {"null_values", "data.missing"},
    {"na_strings", "data.missing"},
    {"sep", "data.separator"},
    {"delimiter", "data.separator"},
    {"column_separator", "data.separator"},
    {"with_header", "data.header"},
    {"task_name", "tasks[].name"},
    {"label_name", "tasks[].label"},
    {"task_type", "tasks[].type"},
    {"task_weight", "tasks[].loss_weight"},
    {"pos_weight", "tasks[].positive_weight"},
    {"tower_dnn_hidden_units", "tasks[].tower_params.dims"},
    {"tower_hidden_units", "tasks[].tower_params.dims"},
    {"num_experts", "model.n_expert"},
    {"num_expert", "model.n_expert"},
    {"specific_expert_num", "model.n_expert_specific"},
    {"shared_expert_num", "model.n_expert_shared"},
    {"num_levels", "model.n_level"},
    {"expert_dnn_hidden_units", "model.expert_params.dims"},
    {"expert_hidden_units", "model.expert_params.dims"},
    {"gate_dnn_hidden_units", "model.gate_params.dims"},
    {"gate_hidden_units", "model.gate_params.dims"},
    {"dropout", "model.expert_params.dropout"},
    {"dropout", "tasks[].tower_params.dropout"},
    {"batch_norm", "model.expert_params.batch_norm"},
    {"batch_norm", "tasks[].tower_params.batch_norm"},
    {"wide", "model.linear"},
    {"use_wide", "model.linear"},
    {"learning_rate", "trainer.optimizer_params.lr"},
    {"lr", "trainer.optimizer_params.lr"},
    {"weight_decay", "trainer.optimizer_params.weight_decay"},
    {"momentum", "trainer.optimizer_params.momentum"},
    {"epochs", "trainer.n_epoch"},
    {"num_epochs", "trainer.n_epoch"},
    {"early_stop_patience", "trainer.earlystop_patience"},
    {"patience", "trainer.earlystop_patience"},
    {"embedding_regularizer", "trainer.regularization_params.embedding_l2"},
    {"l2_reg_embedding", "trainer.regularization_params.embedding_l2"},
    {"max_gradient_norm", "trainer.clip_norm"},
};

const mmoe_peer_word *mmoe_peer_word_at(size_t index) {
    return index < sizeof words / sizeof *words ? words + index : NULL;
}

/* Where a path begins as `pattern` does, for as long as the list that it is an item of, or for as
 * long as the part of a configuration; "" has all. */
static bool is_within(const char *pattern, const char *path, bool list) {
    const char *item = strstr(pattern, "[]");
    const size_t length = list && item ? (size_t)(item - pattern) + 2 : strcspn(pattern, ".[");
    return strncmp(pattern, path, length) == 0 && (length == 0 || strchr(".[", path[length]));
}

const char *mmoe_peer_word_ours(const char *pattern, const char *theirs) {
    const char *ours = NULL;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strcmp(words[i].theirs, theirs) != 0) continue;
        if (is_within(pattern, words[i].ours, true)) return words[i].ours;
        if (!ours && is_within(pattern, words[i].ours, false)) ours = words[i].ours;
    }
    return ours;
}
