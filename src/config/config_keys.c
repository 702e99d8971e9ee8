#include "config/config_keys.h"

#include <string.h>

#include "data/gap.h"
#include "data/key_macros.h"

#define IN_CONFIG(member) .scope = MMOE_SCOPE_CONFIG, .offset = offsetof(struct mmoe_config, member)
/* A run that is continued may have another value. */
#define CHANGES(member) IN_CONFIG(member), .may_differ = true
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
#define BY(word) (1u << MMOE_SCHEDULER_##word)
#define OF_SCHEDULERS(words_, member)                                                              \
    .chooser = MMOE_CHOOSER_SCHEDULER, .takers = words_, IN_CONFIG(member)
#define OF_TABLES(words_, member)                                                                  \
    .chooser = MMOE_CHOOSER_EMBEDDING_INIT, .takers = words_, IN_CONFIG(member)
#define OF(models_, member) .chooser = MMOE_CHOOSER_MODEL, .takers = models_, IN_CONFIG(member)

#define METHOD(method) (1u << MMOE_BALANCE_##method)
#define WITH_GRADIENTS                                                                             \
    (METHOD(GRADNORM) | METHOD(METABALANCE) | METHOD(PCGRAD) | METHOD(CAGRAD) | METHOD(MGDA) |     \
     METHOD(ALIGNED_MTL))
#define WITH(methods_, member)                                                                     \
    .chooser = MMOE_CHOOSER_METHOD, .takers = methods_, IN_CONFIG(trainer.balance.member)

#define ACTIVATION(path_, place, help_)                                                            \
    {                                                                                              \
        .doc = {path_, "string", "\"relu\"", MMOE_WORDS(MMOE_ACTIVATIONS), help_},                 \
        .kind = MMOE_KEY_WORD, place, .first = MMOE_ACT_RELU                                       \
    }

#define TYPE_WORD(name, word, labels, metrics) " | " #word
#define LABELS_OF_TYPE(name, word, labels, metrics) "; " #word ": " labels
#define METRICS_OF_TYPE(name, word, labels, metrics) metrics
#define TASK_TYPES &(MMOE_TASK_TYPES(TYPE_WORD))[3]
#define USUAL_MISSING "[\"NA\",\"N/A\",\"nan\",\"NaN\",\"null\",\"NULL\",\"None\",\"\\\\N\"]"
#define PATTERN "a column's name, or a pattern with one *"
#define COLUMN "a column's name"

/* Keys of the column kinds stand where sparse_keys and dense_keys end. */
static const mmoe_key sparse_keys[] = {
    TEXT("features.sparse[].name", IN_SPARSE(name), true, PATTERN,
         "Columns of categories, each value having a row in an embedding table."),
    TEXT("features.sparse[].column", IN_SPARSE(column), false, COLUMN,
         "The column that the feature reads, of which there may be several features; by default "
         "the one of its name."),
    NAMES("features.sparse[].cross", OWN(INSTEAD("column", IN_SPARSE(columns))), 2, 16, COLUMN,
          "Columns whose values together are the feature's value, a row a pair (or more) of them; "
          "needs hash_bucket_size."),
    {.doc = {"features.sparse[].embed_dim", "integer", "4", "1 to 65536, or \"auto\"",
             "Width of the embedding; auto: floor(6 rows^0.25) of its table's rows. A column that "
             "shares a table has the width of its owner, and one with pretrained that of the file; "
             "they need not repeat it."},
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
          "In a request to rank, the user's columns are given once and the items' for every "
          "candidate."),
    OPTIONAL("features.sparse[].padding_idx", IN_SPARSE(padding_idx), -1, 0, 2147483646,
             "A row of the table that stays 0, or as a pretrained file has it, and does not learn; "
             "of lists, its elements are no part."),
    TEXT("features.sparse[].pretrained", IN_SPARSE(pretrained), false,
         "FILE.npy, or FILE.safetensors:TENSOR",
         "What the table's rows begin with: a matrix of floats whose row r is row r of the table. "
         "The rows must be known without a training file: by vocab_size, hash_bucket_size or "
         "boundaries. Without embed_dim, or with \"auto\", the width is the file's."),
    {.doc = {"features.sparse[].trainable", "boolean", NULL, "true | false",
             "Whether the table learns; by default it does. One that does not stays as it began, "
             "to the bit."},
     .kind = MMOE_KEY_TRISTATE,
     IN_SPARSE(trainable)},
    {.doc = {"features.sequence[].separator", "string", "\"|\"", "one character",
             "Lists of ids in one cell, what stands between elements. Takes what a sparse column "
             "takes as well: each element has a row."},
     .kind = MMOE_KEY_TEXT,
     IN_SEQUENCE(separator)},
    NAMES("features.sequence[].columns",
          INSTEAD("column separator weight_separator", IN_SEQUENCE(columns)), 1, 1024, PATTERN,
          "Lists that stand in several columns, one element in each, in this order (of a pattern, "
          "the file's); a missing value is no element."),
    TEXT("features.sequence[].weight_separator", IN_SEQUENCE(weight_separator), false,
         "one character",
         "What stands between an element and its weight, a number of at least 0; without it all "
         "weigh 1."),
    OPTIONAL("features.sequence[].max_len", IN_SEQUENCE(max_len), 0, 1, 65536,
             "Elements of a list that are read, at most; without it all are."),
    WORDS("features.sequence[].truncate", IN_SEQUENCE(truncate), "\"last\"", MMOE_TRUNCATIONS,
          "The elements that stay of a list that has more than max_len."),
    WORDS("features.sequence[].pooling", IN_SEQUENCE(pooling), "\"mean\"", MMOE_POOLINGS,
          "What a list's embeddings become: mean, sum of w e / sum of w, w being the weights; sum, "
          "of w e; max, of each dimension; concat, max_len of them side by side. An empty list is "
          "0."),
    TEXT("features.dense[].name", IN_DENSE(name), true, PATTERN, "Columns of numbers."),
    TEXT("features.dense[].column", IN_DENSE(column), false, COLUMN, "As of sparse columns."),
};

static const mmoe_key other_keys[] = {
    CHOICE("features.dense[].missing", IN_DENSE(missing), "\"error\"", MMOE_MISSING, -1e300, 1e300,
           "What a missing value becomes: an error, the mean of the training rows' values after "
           "their transform, or as if this number stood there."),
    BOOLEAN("features.dense[].indicator", IN_DENSE(indicator), "false",
            "One input more, 1 where the value is missing and 0 where it is there."),
    WORDS("features.dense[].side", IN_DENSE(side), "\"item\"", MMOE_SIDES, "As of sparse columns."),
    TEXT("features.weight", IN_CONFIG(features.weight), false, COLUMN,
         "Column of the rows' weights in losses and metrics; without it all weigh 1."),

    TEXTS(
        "data.missing", IN_CONFIG(features.reading.missing), USUAL_MISSING, 64,
        "of at most 64 bytes",
        "The words that stand for a missing value of a feature or of a label, in the place of the "
        "usual ones; an empty field is one in any case."),
    WORDS("data.quotes", IN_CONFIG(features.reading.quotes), "\"strict\"", MMOE_QUOTES,
          "What becomes of a quote within a field that is not quoted, or of a single one within a "
          "quoted field: an error, or a part of the field."),

    WORDS("data.separator", IN_CONFIG(features.reading.separator), "\"comma\"", MMOE_SEPARATORS,
          "What stands between a row's cells; a first line of sep= and a character wins over it."),
    WORDS("data.header", IN_CONFIG(features.reading.header), "\"first_row\"", MMOE_HEADERS,
          "What names the columns: the first row, or, where there is no header, their number: c1, "
          "c2, ..."),
    TEXT("data.group", IN_CONFIG(group), false, COLUMN,
         "Column of validation and test rows, as a user's id, within whose values the metric gauc "
         "takes the AUC of classifications; it need not be a feature."),
    WORDS("data.group_weight", IN_CONFIG(group_weight), "\"impressions\"", MMOE_GROUP_WEIGHTS,
          "What a group counts for in gauc: the weights of its rows, how many they are, the "
          "weights of the positive ones, or as much as any other."),

    TEXT("tasks[].name", IN_TASK(name), true, MMOE_TASK_NAME,
         "The task, and the column of its predictions."),
    TEXT("tasks[].label", IN_TASK(label), true, COLUMN,
         "Column of the labels; what data.missing says is a missing label."),
    WORD("tasks[].type", IN_TASK(type), "\"classification\"", MMOE_CLASSIFICATION, TASK_TYPES,
         "Labels and loss" MMOE_TASK_TYPES(LABELS_OF_TYPE) "."),
    TEXT(
        "tasks[].positive", IN_TASK(positive), false, "a label's text or number, in quotes",
        "The label of a classification that counts as 1; the column's one other value counts as 0. "
        "Without it labels are 0 and 1."),
    WORDS(
        "tasks[].label_transform", IN_TASK(label_transform), "\"none\"", MMOE_LABEL_TRANSFORMS,
        "What a regression's labels become before the loss, which is reported as it is then: "
        "standardize, less the mean of the training labels and divided by their deviation; log1p, "
        "log(1 + label). Scores and metrics are of the labels as they stand in the file."),
    NUMBER("tasks[].loss_weight", IN_TASK(loss_weight), "1.0", "(", 0, 1000000, "]",
           "Factor of the task's loss in the mean over tasks."),
    NUMBER("tasks[].label_smoothing", IN_TASK(label_smoothing), "0.0", "[", 0, 1, ")",
           "A classification's labels, moved this part of the way to 0.5."),
    NUMBER("tasks[].positive_weight", IN_TASK(positive_weight), "1.0", "(", 0, 1000000, "]",
           "Factor of the positive rows' part of a classification's loss."),
    NUMBER("tasks[].focal_gamma", IN_TASK(focal_gamma), "0.0", "[", 0, 20, "]",
           "Focal loss: the exponent of the part of a row's probability that is wrong, a factor of "
           "its loss; 0: plain cross-entropy."),
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
         "The final score that candidates are ranked by, as \"ctr * cvr^0.5\"; without it, the "
         "score of the only task."),

    WORDS("model.name", IN_CONFIG(model), "\"mmoe\"", MMOE_MODELS,
          "A network a task; a bottom for all; experts mixed by one gate, or by a gate a task; "
          "experts of each task beside shared ones, at one level or several; "
          "a click, and a conversion as a product with it; tasks that attend to the one before; "
          "networks stitched layer by layer."),
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
             "How many experts a gate mixes: those of a row's largest logits, and any that equal "
             "the smallest of these; without it all."),
    NUMBER("model.gate_params.expert_dropout", OF(GATED, gate.expert_dropout), "0.0", "[", 0, 1,
           ")",
           "In training, probability that a gate does without an expert, drawn for each row; the "
           "other weights then sum to 1. No row is left without any."),
    NUMBER("model.gate_params.load_balance", OF(GATED, gate.load_balance), "0.0", "[", 0, 1000, "]",
           "Factor of a term of the gradients that evens out what the experts weigh in a batch: "
           "the squared coefficient of variation of the sums of their "
           "weights, averaged over the gates. Reported losses do not contain it."),
    LAYERS("model.bottom_params.dims", OF(BOTTOM, bottom.n_dims), "[128]", 1, 16, 1, 65536,
           "shared_bottom, aitm: widths of a bottom's layers."),
    ACTIVATION("model.bottom_params.activation", OF(BOTTOM, bottom.activation),
               "Activation of the bottom's layers."),
    NUMBER("model.bottom_params.dropout", OF(BOTTOM, bottom.dropout), "0.0", "[", 0, 1, ")",
           "Probability that a value of the bottom's layer is dropped."),
    BOOLEAN("model.bottom_params.batch_norm", OF(BOTTOM, bottom.batch_norm), "true",
            "Batch normalisation in the bottom's layers."),
    WORDS("model.init", IN_CONFIG(init), "\"pytorch\"", MMOE_LINEAR_INITS,
          "What the weights of all layers are drawn from; biases begin at 0, but pytorch's."),
    {.doc = {"model.init_bias", "string", NULL, MMOE_WORDS(MMOE_BIAS_INITS),
             "What the last bias of a task's tower begins with: labels, that which scores the mean "
             "of the training labels: the mean itself for a regression, its log-odds for a "
             "classification (for esmm's conversion, whose score is a product, as torch); torch, "
             "what model.init says. By default torch for a classification, labels for all others."},
     .kind = MMOE_KEY_WORD,
     .absent = MMOE_BIAS_BY_TYPE,
     IN_CONFIG(init_bias)},
    WORDS("model.embedding_init", IN_CONFIG(embedding_init), "\"normal\"", MMOE_TABLE_INITS,
          "What the embeddings are drawn from."),
    NUMBER("model.embedding_init_scale",
           OF_TABLES(1u << MMOE_TABLE_NORMAL | 1u << MMOE_TABLE_UNIFORM, embedding_init_scale),
           "0.0001", "[", 0, 1000, "]",
           "Deviation of the normal, bound of the uniform embeddings."),
    WORDS(
        "model.first_layer", IN_CONFIG(first_layer), "\"auto\"", MMOE_FIRST_LAYERS,
        "How a step computes the first layer: dense, products of all of its inputs; distinct, for "
        "columns of single ids products of their tables' rows, which rows of a batch look up; "
        "auto, this where it takes less time. The numbers are the same but for rounding."),

    INTEGER("trainer.batch_size", MMOE_KEY_INT32, IN_CONFIG(trainer.batch_size), "1024", 1, 1048576,
            "Rows of an update."),
    INTEGER("trainer.n_epoch", MMOE_KEY_INT32, CHANGES(trainer.n_epoch), "10", 1, 1000000,
            "Passes over the training rows, at most; a run that is resumed may have more of them."),
    WORDS("trainer.optimizer", IN_CONFIG(trainer.optimizer), "\"adam\"", MMOE_OPTIMIZERS,
          "adam and sgd add the decay to the gradient, adamw applies it to the weights."),
    NUMBER("trainer.optimizer_params.lr", IN_CONFIG(trainer.lr), "0.001", "(", 0, 1000, "]",
           "Learning rate."),
    NUMBER("trainer.optimizer_params.weight_decay", IN_CONFIG(trainer.weight_decay), "1e-05", "[",
           0, 1000, "]", "Decay of all weights."),
    PAIR("trainer.optimizer_params.betas", IN_CONFIG(trainer.beta1), "[0.9,0.999]", "[", 0, 1, ")",
         "Adam's rates of the running first and second moments."),
    NUMBER("trainer.optimizer_params.eps", IN_CONFIG(trainer.eps), "1e-08", "(", 0, 1, "]",
           "Added to the root of Adam's second moment."),
    NUMBER("trainer.optimizer_params.momentum", IN_CONFIG(trainer.momentum), "0.0", "[", 0, 1, ")",
           "Momentum of sgd."),
    WORDS("trainer.embedding_update", IN_CONFIG(trainer.embedding_update), "\"dense\"",
          MMOE_EMBEDDING_UPDATES,
          "Which rows of the embeddings a step updates. dense: all; deferred: those that its batch "
          "reads, and the others, when they are next read, by all that they have missed: the same "
          "numbers but for rounding, and a step's time does not depend on a table's rows; lazy: "
          "those that its batch reads alone, which is another optimizer (torch.optim.SparseAdam); "
          "auto: deferred for large tables, dense for small ones."),
    WORDS("trainer.scheduler", IN_CONFIG(trainer.scheduler), "\"none\"", MMOE_SCHEDULERS,
          "How the learning rate changes from epoch to epoch; plateau watches what early stopping "
          "watches."),
    INTEGER("trainer.scheduler_params.step_size", MMOE_KEY_INT32,
            OF_SCHEDULERS(BY(STEP), trainer.step_size), "10", 1, 1000000,
            "step: epochs after which the rate falls."),
    NUMBER("trainer.scheduler_params.gamma",
           OF_SCHEDULERS(BY(STEP) | BY(EXPONENTIAL), trainer.gamma), "0.1", "(", 0, 1, "]",
           "step, exponential: what the rate is multiplied by."),
    OPTIONAL("trainer.scheduler_params.t_max", OF_SCHEDULERS(BY(COSINE), trainer.t_max), 0, 1,
             1000000, "cosine: epochs until the rate is at its lowest; by default n_epoch."),
    NUMBER("trainer.scheduler_params.factor", OF_SCHEDULERS(BY(PLATEAU), trainer.factor), "0.1",
           "(", 0, 1, ")", "plateau: what the rate is multiplied by."),
    INTEGER("trainer.scheduler_params.patience", MMOE_KEY_INT32,
            OF_SCHEDULERS(BY(PLATEAU), trainer.patience), "10", 0, 1000000,
            "plateau: epochs without a better score that the rate stands."),
    NUMBER("trainer.scheduler_params.min_lr",
           OF_SCHEDULERS(BY(COSINE) | BY(PLATEAU), trainer.min_lr), "0.0", "[", 0, 1000, "]",
           "cosine, plateau: the lowest rate."),
    INTEGER(
        "trainer.warmup_steps", MMOE_KEY_INT32, IN_CONFIG(trainer.warmup_steps), "0", 0, 1000000000,
        "Updates over which the learning rate rises from 0 to what the scheduler says; 0: none."),
    NUMBER("trainer.regularization_params.embedding_l1", IN_CONFIG(trainer.embedding_l1), "0.0",
           "[", 0, 1000, "]",
           "This times the sum of the embeddings' absolute values is added to what is minimised, "
           "not to the loss that is reported."),
    NUMBER("trainer.regularization_params.embedding_l2", IN_CONFIG(trainer.embedding_l2), "0.0",
           "[", 0, 1000, "]", "The same of their squares."),
    NUMBER("trainer.regularization_params.dense_l1", IN_CONFIG(trainer.dense_l1), "0.0", "[", 0,
           1000, "]",
           "The same of the absolute values of all other weights and biases but batch norm's."),
    NUMBER("trainer.regularization_params.dense_l2", IN_CONFIG(trainer.dense_l2), "0.0", "[", 0,
           1000, "]", "The same of their squares."),
    NUMBER("trainer.clip_norm", IN_CONFIG(trainer.clip_norm), "0.0", "[", 0, 1000000, "]",
           "A gradient of a larger norm, over all weights together, is scaled down to this norm; "
           "0: never."),
    NUMBER("trainer.ema_decay", IN_CONFIG(trainer.ema_decay), "0.0", "[", 0, 1, ")",
           "Validates and keeps a moving average of the weights, of which a step replaces 1 less "
           "this part; 0: the weights themselves."),
    INTEGER("trainer.memory", MMOE_KEY_INT32, CHANGES(trainer.memory), "0", 0, 1000000000,
            "Megabytes that training may take: packed rows stay in their folder then, those of a "
            "CSV file go to files without names in TMPDIR, and a window after another is read, "
            "with the same results; 0: no bound, and rows in memory."),
    INTEGER("trainer.earlystop_patience", MMOE_KEY_INT32, CHANGES(trainer.earlystop_patience), "10",
            0, 1000000,
            "Epochs without a better score after which training ends; 0: never. A run that is "
            "resumed may have more of them."),
    {.doc = {"trainer.earlystop_task", "string", NULL, "a task's name | mean",
             "The task that early stopping watches; by default the first one."},
     .kind = MMOE_KEY_TASK,
     IN_CONFIG(trainer.earlystop_task)},
    WORD(
        "trainer.earlystop_metric", IN_CONFIG(trainer.earlystop_metric), "\"auto\"",
        MMOE_WATCHED_AUTO, "auto | relative" MMOE_TASK_TYPES(METRICS_OF_TYPE),
        "What early stopping watches, one of the figures that tasks of this type are judged by, or "
        "relative: log-loss, RMSE or deviance as a part of that of always predicting the mean "
        "label; auto: the first of these figures, of a mean over several types relative."),
    WORDS("trainer.adaptive_params.method", IN_CONFIG(trainer.balance.method), "\"none\"",
          MMOE_BALANCE_METHODS,
          "How the tasks' losses are balanced: uncertainty weights, dynamic weight average, random "
          "weights; by each task's gradient: GradNorm, MetaBalance "
          "(the first task is its target), PCGrad, CAGrad, MGDA, Aligned-MTL; FAMO."),
    BOOLEAN(
        "trainer.adaptive_params.clamp", WITH(METHOD(UWL), clamp), "true",
        "uwl: log-variances below 0 count as 0, as torch-rechub has it; false: the paper's form."),
    NUMBER("trainer.adaptive_params.temperature", WITH(METHOD(DWA), temperature), "2.0", "(", 0,
           1000, "]", "dwa: of the softmax over the losses' rates."),
    BOOLEAN("trainer.adaptive_params.normalize", WITH(METHOD(DWA) | METHOD(RLW), normalize), "true",
            "dwa, rlw: losses are divided by those of the first step; false: the papers' form, in "
            "which a larger loss counts for more."),
    NUMBER("trainer.adaptive_params.alpha", WITH(METHOD(GRADNORM), alpha), "0.16", "[", 0, 100, "]",
           "gradnorm: how strongly a task that lags behind is pulled."),
    NUMBER("trainer.adaptive_params.lr", WITH(METHOD(GRADNORM) | METHOD(FAMO), lr), "0.025", "(", 0,
           1000, "]", "gradnorm, famo: learning rate of the tasks' weights."),
    NUMBER("trainer.adaptive_params.beta", WITH(METHOD(METABALANCE), beta), "0.9", "[", 0, 1, ")",
           "metabalance: rate of the running norms of the gradients."),
    NUMBER("trainer.adaptive_params.relax_factor", WITH(METHOD(METABALANCE), relax_factor), "1.0",
           "[", 0, 1, "]",
           "metabalance: 1 brings all gradients to the norm of the target's, 0 leaves them."),
    NUMBER("trainer.adaptive_params.c", WITH(METHOD(CAGRAD), c), "0.5", "[", 0, 1, ")",
           "cagrad: how far from the mean gradient it may go, in norms of that gradient."),
    NUMBER("trainer.adaptive_params.gamma", WITH(METHOD(FAMO), gamma), "0.001", "[", 0, 1000, "]",
           "famo: decay of the weights' logits."),
    WORDS("trainer.adaptive_params.at", WITH(WITH_GRADIENTS, at), "\"representation\"",
          MMOE_BALANCE_PLACES,
          "Where the tasks' gradients are taken and combined: at the representation that the tasks "
          "share last, or in the parameters before it."),
    BOOLEAN("trainer.shuffle", IN_CONFIG(trainer.shuffle), "true",
            "A new order of the training rows in each epoch; false keeps the file's."),
    INTEGER("trainer.seed", MMOE_KEY_UINT64, IN_CONFIG(trainer.seed), "2022", 0, 9007199254740991,
            "Seed of initial weights, order and dropout."),
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
    const mmoe_key *key = mmoe_key_at(index);
    return key ? &key->doc : NULL;
}
