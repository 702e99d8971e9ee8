#include "config/config_keys.h"

#include <string.h>

#include "config/config_trainer_keys.h"
#include "data/gap.h"

#define IN_SPARSE(member) .scope = MMOE_SCOPE_SPARSE, .offset = offsetof(mmoe_sparse_spec, member)
#define IN_SEQUENCE(member)                                                                        \
    .scope = MMOE_SCOPE_SEQUENCE, .offset = offsetof(mmoe_sparse_spec, member)
#define IN_DENSE(member) .scope = MMOE_SCOPE_DENSE, .offset = offsetof(mmoe_dense_spec, member)
#define IN_TASK(member) .scope = MMOE_SCOPE_TASK, .offset = offsetof(mmoe_task_config, member)

#define BIT(model) (1u << MMOE_MODEL_##model)
#define LEVELS BIT(PLE)
#define SPECIFIC (BIT(CGC) | BIT(PLE))
#define MIXED (BIT(OMOE) | BIT(MMOE))
#define GATED (MIXED | SPECIFIC)
#define EXPERTS (BIT(SINGLE_TASK) | GATED | BIT(CROSS_STITCH))
#define BOTTOM (BIT(SHARED_BOTTOM) | BIT(AITM))
#define OF_TABLES(words_, member)                                                                  \
    .chooser = MMOE_CHOOSER_EMBEDDING_INIT, .takers = words_, IN_CONFIG(member)
#define OF(models_, member) .chooser = MMOE_CHOOSER_MODEL, .takers = models_, IN_CONFIG(member)

#define ACTIVATION(path_, place, help_)                                                            \
    {                                                                                              \
        .doc = {path_, "string", "\"relu\"", MMOE_WORDS(MMOE_ACTIVATIONS), help_},                 \
        .kind = MMOE_KEY_WORD, place, .first = MMOE_ACT_RELU                                       \
    }

#define TYPE_WORD(name, word, labels, metrics) " | " #word
#define LABELS_OF_TYPE(name, word, labels, metrics) "; " #word ": " labels
#define TASK_TYPES &(MMOE_TASK_TYPES(TYPE_WORD))[3]
#define USUAL_MISSING "[\"NA\",\"N/A\",\"nan\",\"NaN\",\"null\",\"NULL\",\"None\",\"\\\\N\"]"
#define PATTERN "a column's name, or a pattern with one *"
#define COLUMN "a column's name"
_Static_assert(MMOE_MOST_MEMBERS == 64, "model.members says so");

/* Keys of the column kinds stand where sparse_keys and dense_keys end. */
static const mmoe_key sparse_keys[] = {
    TEXT("features.sparse[].name", IN_SPARSE(name), true, PATTERN,
         "Columns of categories; each value has a row in an embedding table."),
    TEXT("features.sparse[].column", IN_SPARSE(column), false, COLUMN,
         "The column that the feature reads; by default the one of its own name. Several features "
         "may read one column."),
    NAMES("features.sparse[].cross", OWN(INSTEAD("column", IN_SPARSE(columns))), 2, 16, COLUMN,
          "Columns whose values together are the feature's value: each combination has a row. "
          "Needs hash_bucket_size."),
    {.doc = {"features.sparse[].embed_dim", "integer", "4", "1 to 65536, or \"auto\"",
             "Width of the embedding; auto: floor(6 rows^0.25) for the rows of its table. A column "
             "that shares a table has the width of the table's owner, and one with pretrained that "
             "of the file; neither needs this key."},
     .kind = MMOE_KEY_INT32,
     .low = 1,
     .high = 65536,
     .zero = "auto",
     IN_SPARSE(embed_dim)},
};

static const mmoe_key dense_keys[] = {
    TEXT("features.sparse[].shared_with", IN_SPARSE(shared_with), false, COLUMN,
         "The sparse feature whose table this one uses."),
    WORDS("features.sparse[].side", IN_SPARSE(side), "\"item\"", MMOE_SIDES,
          "In a request to rank, the user's columns are given once, and the items' columns for "
          "every candidate."),
    OPTIONAL("features.sparse[].padding_idx", IN_SPARSE(padding_idx), -1, 0, 2147483646,
             "A row of the table that does not learn: it stays 0, or as a pretrained file has it. "
             "Elements with this row are not part of their lists."),
    TEXT("features.sparse[].pretrained", IN_SPARSE(pretrained), false,
         "FILE.npy, or FILE.safetensors:TENSOR",
         "The start of the table: a matrix of floats whose row r is row r of the table. The number "
         "of rows must be known without a training file, by vocab_size, hash_bucket_size or "
         "boundaries. Without embed_dim, or with \"auto\", the width is the file's."),
    {.doc = {"features.sparse[].trainable", "boolean", NULL, "true | false",
             "Whether the table learns; by default it does. If not, it stays exactly as it began."},
     .kind = MMOE_KEY_TRISTATE,
     IN_SPARSE(trainable)},
    {.doc = {"features.sequence[].separator", "string", "\"|\"", "one character",
             "The character between the elements of a list of ids in one cell. A sequence also "
             "takes the keys of a sparse column: each element has a row."},
     .kind = MMOE_KEY_TEXT,
     IN_SEQUENCE(separator)},
    NAMES("features.sequence[].columns",
          INSTEAD("column separator weight_separator", IN_SEQUENCE(columns)), 1, 1024, PATTERN,
          "Columns that have one element of the list each, in this order (those of a pattern in "
          "the file's order). A missing value is not an element."),
    TEXT("features.sequence[].weight_separator", IN_SEQUENCE(weight_separator), false,
         "one character",
         "The character between an element and its weight, a number of at least 0. Without this "
         "key all weights are 1."),
    BOOLEAN(
        "features.sequence[].brackets", IN_SEQUENCE(brackets), "false",
        "Cells are written as ['a', 'b']. Brackets of any kind around a cell, and blanks and "
        "quotes around an element, are ignored, and a separator within quotes does not separate."),
    OPTIONAL("features.sequence[].max_len", IN_SEQUENCE(max_len), 0, 1, 65536,
             "How many elements of a list are read at most; without it all are."),
    WORDS("features.sequence[].truncate", IN_SEQUENCE(truncate), "\"last\"", MMOE_TRUNCATIONS,
          "Which elements are kept of a list with more than max_len."),
    WORDS("features.sequence[].pooling", IN_SEQUENCE(pooling), "\"mean\"", MMOE_POOLINGS,
          "How a list's embeddings e are combined, with weights w: mean, sum of w e / sum of w; "
          "sum, sum of w e; max, the largest of each dimension; concat, max_len embeddings side by "
          "side. An empty list is 0."),
    TEXT("features.dense[].name", IN_DENSE(name), true, PATTERN, "Columns of numbers."),
    TEXT("features.dense[].column", IN_DENSE(column), false, COLUMN, "As of sparse columns."),
};

static const mmoe_key other_keys[] = {
    CHOICE("features.dense[].missing", IN_DENSE(missing), "\"error\"", MMOE_MISSING, -1e300, 1e300,
           "What a missing value becomes: an error, the mean of the training rows' values after "
           "their transform, or as if this number stood there."),
    BOOLEAN("features.dense[].indicator", IN_DENSE(indicator), "false",
            "Adds an input that is 1 where the value is missing, and 0 elsewhere."),
    WORDS("features.dense[].side", IN_DENSE(side), "\"item\"", MMOE_SIDES, "As of sparse columns."),
    TEXT("features.weight", IN_CONFIG(features.weight), false, COLUMN,
         "Column of the rows' weights in losses and metrics; without it all weigh 1."),

    TEXTS("data.missing", IN_CONFIG(features.reading.missing), USUAL_MISSING, 64,
          "of at most 64 bytes",
          "The words that stand for a missing value of a feature or label; they replace the "
          "default ones. An empty field is always missing."),
    WORDS("data.quotes", IN_CONFIG(features.reading.quotes), "\"strict\"", MMOE_QUOTES,
          "What to do with a quote within a field that is not quoted, or with a single one within "
          "a quoted field: strict, an error; lenient, it is part of the field."),

    WORDS("data.separator", IN_CONFIG(features.reading.separator), "\"comma\"", MMOE_SEPARATORS,
          "The character between a row's cells; a first line with sep= and a character wins over "
          "it."),
    WORDS("data.header", IN_CONFIG(features.reading.header), "\"first_row\"", MMOE_HEADERS,
          "Where the columns' names come from: the first row, or, in a file without a header, "
          "their numbers: c1, c2, ..."),
    TEXT("data.group", IN_CONFIG(group), false, COLUMN,
         "Column of the validation and test rows, such as a user's id, that defines the groups of "
         "the metric gauc: the AUC of a classification is computed within each group. It need not "
         "be a feature."),
    WORDS("data.group_weight", IN_CONFIG(group_weight), "\"impressions\"", MMOE_GROUP_WEIGHTS,
          "The weight of a group in gauc: the sum of its rows' weights, the number of its rows, "
          "the weights of its positive rows, or the same for all groups."),

    TEXT("tasks[].name", IN_TASK(name), true, MMOE_TASK_NAME,
         "The task, and the column of its predictions."),
    TEXT("tasks[].label", IN_TASK(label), true, COLUMN,
         "Column of the labels; the words of data.missing are missing labels."),
    WORD("tasks[].type", IN_TASK(type), "\"classification\"", MMOE_CLASSIFICATION, TASK_TYPES,
         "Labels and loss" MMOE_TASK_TYPES(LABELS_OF_TYPE) "."),
    TEXT(
        "tasks[].positive", IN_TASK(positive), false, "a label's text or number, in quotes",
        "The label of a classification that counts as 1; the column's one other value counts as 0. "
        "Without it labels are 0 and 1."),
    TEXT("tasks[].strip", IN_TASK(text.strip), false, "characters that are in no number",
         "As for dense columns, for the labels of a regression or a count."),
    TEXT("tasks[].decimal", IN_TASK(text.decimal), false, "\",\"", "The same."),
    {.doc = {"tasks[].gaps", "array", NULL,
             "up to 64 strings: numbers, which need no quotes, and words of at most 64 bytes",
             "What stands for no label in this column, beside the words of data.missing: numbers, "
             "as -1, in any spelling, and words."},
     .kind = MMOE_KEY_TEXTS,
     .takes_numbers = true,
     .low = 1,
     .high = 64,
     .entry = "a number, or a word of 1 to 64 bytes",
     .most = MMOE_MOST_GAPS,
     IN_TASK(text.gaps)},
    WORDS("tasks[].label_transform", IN_TASK(label_transform), "\"none\"", MMOE_LABEL_TRANSFORMS,
          "How a regression's labels are transformed for the loss, which is also reported for "
          "these: standardize, minus the mean of the training labels and divided by their "
          "deviation; log1p, log(1 + label). Scores and metrics are for the labels in the file."),
    NUMBER("tasks[].loss_weight", IN_TASK(loss_weight), "1.0", "(", 0, 1000000, "]",
           "Factor of the task's loss in the mean over tasks."),
    NUMBER("tasks[].label_smoothing", IN_TASK(label_smoothing), "0.0", "[", 0, 1, ")",
           "How far a classification's labels are moved towards 0.5, as a part of the way."),
    NUMBER("tasks[].positive_weight", IN_TASK(positive_weight), "1.0", "(", 0, 1000000, "]",
           "Factor of the positive rows in a classification's loss."),
    NUMBER("tasks[].focal_gamma", IN_TASK(focal_gamma), "0.0", "[", 0, 20, "]",
           "Focal loss: a row's loss is multiplied by its wrong probability to the power of this; "
           "0: plain cross-entropy."),
    LAYERS("tasks[].tower_params.dims", IN_TASK(tower.n_dims), "[8]", 0, 16, 1, 65536,
           "Widths of the tower's hidden layers; a last layer of width 1 follows."),
    ACTIVATION("tasks[].tower_params.activation", IN_TASK(tower.activation),
               "Activation of the tower's hidden layers."),
    NUMBER("tasks[].tower_params.dropout", IN_TASK(tower.dropout), "0.0", "[", 0, 1, ")",
           "Probability that a value of a tower's hidden layer is dropped."),
    BOOLEAN("tasks[].tower_params.batch_norm", IN_TASK(tower.batch_norm), "true",
            "Batch normalisation in the tower's hidden layers."),

    TEXT("score", CHANGES(score), false,
         "an expression of tasks, numbers, + - * / ^ and parentheses",
         "The final score by which candidates are ranked, such as \"ctr * cvr^0.5\"; without it, "
         "the score of the only task."),

    WORDS("model.name", IN_CONFIG(model), "\"mmoe\"", MMOE_MODELS,
          "In this order: a network for each task; one bottom for all tasks; experts mixed by one "
          "gate, or by a gate for each task; experts of each task beside shared ones, at one "
          "level, or at several; a click, and a conversion as a product with it; tasks that attend "
          "to the one before; networks that are mixed after every layer."),
    INTEGER("model.n_expert", MMOE_KEY_INT32, OF(MIXED, n_expert), "8", 1, 4096,
            "omoe, mmoe: experts that all tasks share."),
    INTEGER("model.n_level", MMOE_KEY_INT32, OF(LEVELS, n_level), "2", 1, 8,
            "ple: levels of experts and gates."),
    INTEGER("model.n_expert_specific", MMOE_KEY_INT32, OF(SPECIFIC, n_expert_specific), "2", 1, 64,
            "cgc, ple: experts of each task, at each level."),
    INTEGER("model.n_expert_shared", MMOE_KEY_INT32, OF(SPECIFIC, n_expert_shared), "1", 1, 256,
            "cgc, ple: experts that all tasks share, at each level."),
    LAYERS("model.expert_params.dims", OF(EXPERTS, expert.n_dims), "[16]", 1, 16, 1, 65536,
           "Models with experts: widths of every expert's layers."),
    ACTIVATION("model.expert_params.activation", OF(EXPERTS, expert.activation),
               "Activation of the experts' layers."),
    NUMBER("model.expert_params.dropout", OF(EXPERTS, expert.dropout), "0.0", "[", 0, 1, ")",
           "Probability that a value of an expert's layer is dropped."),
    BOOLEAN("model.expert_params.batch_norm", OF(EXPERTS, expert.batch_norm), "true",
            "Batch normalisation in the experts' layers."),
    LAYERS("model.gate_params.dims", OF(GATED, gate.layers.n_dims), "[]", 0, 16, 1, 65536,
           "Widths of a gate's hidden layers."),
    ACTIVATION("model.gate_params.activation", OF(GATED, gate.layers.activation),
               "Activation of the gates' hidden layers."),
    BOOLEAN("model.gate_params.batch_norm", OF(GATED | BIT(AITM), gate.layers.batch_norm), NULL,
            "Batch normalisation in the gates; by default as in the experts, in aitm's as in the "
            "bottoms."),
    NUMBER("model.gate_params.temperature", OF(GATED, gate.temperature), "1.0", "(", 0, 1000, "]",
           "What a gate's logits are divided by before the softmax: below 1 weights are sharper, "
           "above it more even."),
    OPTIONAL("model.gate_params.top_k", OF(GATED, gate.top_k), 0, 1, 4096,
             "How many experts a gate mixes for a row: those with the largest logits, and any that "
             "equal the smallest of these; without it all."),
    NUMBER("model.gate_params.expert_dropout", OF(GATED, gate.expert_dropout), "0.0", "[", 0, 1,
           ")",
           "In training, the probability that a gate leaves out an expert, drawn for each row; the "
           "weights of the others then sum to 1. No row is left without an expert."),
    NUMBER("model.gate_params.load_balance", OF(GATED, gate.load_balance), "0.0", "[", 0, 1000, "]",
           "Factor of a term that makes the total weights of the experts in a batch more equal: "
           "the squared coefficient of variation of the sums of their weights, averaged over the "
           "gates. It is part of the gradients, but not of the reported losses."),
    LAYERS("model.bottom_params.dims", OF(BOTTOM, bottom.n_dims), "[128]", 1, 16, 1, 65536,
           "shared_bottom, aitm: widths of a bottom's layers."),
    ACTIVATION("model.bottom_params.activation", OF(BOTTOM, bottom.activation),
               "Activation of the bottom's layers."),
    NUMBER("model.bottom_params.dropout", OF(BOTTOM, bottom.dropout), "0.0", "[", 0, 1, ")",
           "Probability that a value of the bottom's layer is dropped."),
    BOOLEAN("model.bottom_params.batch_norm", OF(BOTTOM, bottom.batch_norm), "true",
            "Batch normalisation in the bottom's layers."),
    BOOLEAN("model.linear", IN_CONFIG(linear), "false",
            "Adds a linear function w . x + c of the model's input to each task's score before its "
            "link: the wide part of Wide & Deep. It begins as a linear model of the dense columns, "
            "fitted to the training rows, which training then improves."),
    INTEGER("model.members", MMOE_KEY_INT32, IN_CONFIG(members), "1", 1, 64,
            "Whole models of this configuration, with the seeds trainer.seed, trainer.seed + 1 and "
            "so on. They are trained one after another, each with its own best epoch, and saved "
            "and served as one, whose predictions are the means of theirs (a deep ensemble). "
            "Training, scoring and memory cost as many times more."),
    WORDS("model.init", IN_CONFIG(init), "\"pytorch\"", MMOE_LINEAR_INITS,
          "The distribution that the weights of all layers are drawn from; biases begin at 0, "
          "except with pytorch."),
    {.doc = {"model.init_bias", "string", NULL, MMOE_WORDS(MMOE_BIAS_INITS),
             "What the last bias of a task's tower begins with: labels, that which scores the mean "
             "of the training labels: the mean itself for a regression, its log-odds for a "
             "classification (for esmm's conversion, whose score is a product, as torch); torch, "
             "what model.init says. By default torch for a classification, labels for all others."},
     .kind = MMOE_KEY_WORD,
     .absent = MMOE_BIAS_BY_TYPE,
     IN_CONFIG(init_bias)},
    WORDS("model.embedding_init", IN_CONFIG(embedding_init), "\"normal\"", MMOE_TABLE_INITS,
          "The distribution that the embeddings are drawn from."),
    NUMBER("model.embedding_init_scale",
           OF_TABLES(1u << MMOE_TABLE_NORMAL | 1u << MMOE_TABLE_UNIFORM, embedding_init_scale),
           "0.0001", "[", 0, 1000, "]",
           "Standard deviation of the normal distribution, or bound of the uniform one, of the "
           "embeddings."),
    WORDS(
        "model.first_layer", IN_CONFIG(first_layer), "\"auto\"", MMOE_FIRST_LAYERS,
        "How a step computes the first layer: dense, by multiplying all inputs; distinct, by "
        "multiplying the rows of the tables of ids once, so that the rows of the batch look up the "
        "products; auto, distinct where it takes less time. The numbers differ only by rounding."),
};

#define LIST(path_, scope_, items_, count_, type, most_)                                           \
    .path = path_, .scope = scope_, .items = offsetof(struct mmoe_config, items_),                 \
    .count = offsetof(struct mmoe_config, count_), .size = sizeof(type), .most = most_

const mmoe_key_list mmoe_key_lists[MMOE_KEY_LISTS] = {
    {LIST("features.sparse", MMOE_SCOPE_SPARSE, features.sparse, features.n_sparse,
          mmoe_sparse_spec, 65536),
     .has_kinds = true, .shape = MMOE_SHAPE_ID, .encoder = offsetof(mmoe_sparse_spec, encoder)},
    {LIST("features.sequence", MMOE_SCOPE_SEQUENCE, features.sequence, features.n_sequence,
          mmoe_sparse_spec, 65536),
     .base = &mmoe_key_lists[0], .has_kinds = true, .shape = MMOE_SHAPE_ID,
     .encoder = offsetof(mmoe_sparse_spec, encoder)},
    {LIST("features.dense", MMOE_SCOPE_DENSE, features.dense, features.n_dense, mmoe_dense_spec,
          65536),
     .has_kinds = true, .shape = MMOE_SHAPE_NUMBER, .encoder = offsetof(mmoe_dense_spec, encoder)},
    {LIST("tasks", MMOE_SCOPE_TASK, tasks, n_task, mmoe_task_config, 256)},
};

const mmoe_chooser mmoe_choosers[MMOE_CHOOSERS] = {
    [MMOE_CHOOSER_MODEL] = {"model.name", "model.", "model", offsetof(struct mmoe_config, model)},
    [MMOE_CHOOSER_METHOD] = {"trainer.adaptive_params.method", "trainer.adaptive_params.", "method",
                             offsetof(struct mmoe_config, trainer.balance.method)},
    [MMOE_CHOOSER_SCHEDULER] = {"trainer.scheduler", "trainer.scheduler_params.", "scheduler",
                                offsetof(struct mmoe_config, trainer.scheduler)},
    [MMOE_CHOOSER_OPTIMIZER] = {"trainer.optimizer", "trainer.optimizer_params.", "optimizer",
                                offsetof(struct mmoe_config, trainer.optimizer.kind)},
    [MMOE_CHOOSER_EMBEDDING_OPTIMIZER] =
        {"trainer.embedding_optimizer", "trainer.embedding_optimizer_params.",
         "embedding_optimizer", offsetof(struct mmoe_config, trainer.embedding_optimizer.kind)},
    [MMOE_CHOOSER_EMBEDDING_INIT] = {"model.embedding_init", "model.embedding_init_",
                                     "embedding_init",
                                     offsetof(struct mmoe_config, embedding_init)},
};

static int32_t chosen(const mmoe_chooser *chooser, const mmoe_config *config) {
    int32_t word;
    memcpy(&word, (const char *)config + chooser->offset, sizeof word);
    return word;
}

bool mmoe_key_is_taken(const mmoe_key *key, const mmoe_config *config) {
    return !key->takers || key->takers >> chosen(&mmoe_choosers[key->chooser], config) & 1;
}

/* The key at *index of one table; NULL: it stands *index further on. */
static const mmoe_key *key_among(const mmoe_key *keys, size_t count, size_t *index) {
    if (*index < count) return keys + *index;
    *index -= count;
    return NULL;
}

static const mmoe_key *key_of_kinds(mmoe_column_shape shape, size_t *index) {
    const mmoe_column_kind *kind;
    const mmoe_key *key = NULL;
    for (int32_t i = 0; !key && (kind = mmoe_column_kind_at(i)); i++)
        if (kind->shape == shape) key = key_among(kind->keys, (size_t)kind->n_key, index);
    return key;
}

#define KEY_AMONG(table, index) key_among(table, sizeof(table) / sizeof *(table), index)

const mmoe_key *mmoe_key_at(size_t index) {
    const mmoe_key *key = KEY_AMONG(sparse_keys, &index);
    if (!key) key = key_of_kinds(MMOE_SHAPE_ID, &index);
    if (!key) key = KEY_AMONG(dense_keys, &index);
    if (!key) key = key_of_kinds(MMOE_SHAPE_NUMBER, &index);
    if (!key) key = KEY_AMONG(other_keys, &index);
    if (!key) key = key_among(mmoe_trainer_keys, mmoe_trainer_key_count, &index);
    return key;
}

const mmoe_key_list *mmoe_key_list_of(mmoe_key_scope scope) {
    for (size_t i = 0; i < MMOE_KEY_LISTS; i++)
        if (mmoe_key_lists[i].scope == scope) return mmoe_key_lists + i;
    return NULL;
}

const mmoe_key_list *mmoe_key_list_at(const char *pattern) {
    for (size_t i = 0; i < MMOE_KEY_LISTS; i++) {
        const size_t length = strlen(mmoe_key_lists[i].path);
        if (strncmp(pattern, mmoe_key_lists[i].path, length) == 0 &&
            strcmp(pattern + length, "[]") == 0)
            return mmoe_key_lists + i;
    }
    return NULL;
}

mmoe_encoder **mmoe_key_encoder(const mmoe_key_list *list, void *item) {
    return (mmoe_encoder **)(void *)((char *)item + list->encoder);
}

const mmoe_column_kind *mmoe_key_owner(const mmoe_key *key) {
    const mmoe_column_kind *kind;
    for (int32_t i = 0; (kind = mmoe_column_kind_at(i)); i++)
        for (int32_t k = 0; k < kind->n_key; k++)
            if (key == kind->keys + k) return kind;
    return NULL;
}

void *mmoe_key_home(const mmoe_key *key, void *item) {
    const mmoe_key_list *list = mmoe_key_list_of(key->scope);
    const mmoe_column_kind *owner = list && list->has_kinds ? mmoe_key_owner(key) : NULL;
    if (!owner) return item;
    mmoe_encoder *encoder = *mmoe_key_encoder(list, item);
    return encoder && encoder->kind == owner ? encoder : NULL;
}

const mmoe_config_key *mmoe_config_key_at(size_t index) {
    const mmoe_key *key;
    for (size_t i = 0; (key = mmoe_key_at(i)); i++)
        if (!key->is_again && index-- == 0) break;
    return key ? &key->doc : NULL;
}
