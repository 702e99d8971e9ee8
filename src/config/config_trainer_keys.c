#include "config/config_trainer_keys.h"

#define BY(word) (1u << MMOE_SCHEDULER_##word)
#define OF_SCHEDULERS(words_, member)                                                              \
    .chooser = MMOE_CHOOSER_SCHEDULER, .takers = words_, IN_CONFIG(member)
#define USES(optimizer) (1u << MMOE_##optimizer)
#define ADAMS (USES(ADAM) | USES(ADAMW))
#define ADAGRADS (USES(ADAGRAD) | USES(ROWWISE_ADAGRAD))
#define OF_OPTIMIZERS(words_, member)                                                              \
    .chooser = MMOE_CHOOSER_OPTIMIZER, .takers = words_, IN_CONFIG(trainer.optimizer.member)
#define OF_EMBEDDINGS(words_, member)                                                              \
    .chooser = MMOE_CHOOSER_EMBEDDING_OPTIMIZER, .takers = words_,                                 \
    IN_CONFIG(trainer.embedding_optimizer.member)

#define METHOD(method) (1u << MMOE_BALANCE_##method)
#define WITH_GRADIENTS                                                                             \
    (METHOD(GRADNORM) | METHOD(METABALANCE) | METHOD(PCGRAD) | METHOD(CAGRAD) | METHOD(MGDA) |     \
     METHOD(ALIGNED_MTL))
#define WITH(methods_, member)                                                                     \
    .chooser = MMOE_CHOOSER_METHOD, .takers = methods_, IN_CONFIG(trainer.balance.member)

#define METRICS_OF_TYPE(name, word, labels, metrics) metrics

const mmoe_key mmoe_trainer_keys[] = {
    INTEGER("trainer.batch_size", MMOE_KEY_INT32, IN_CONFIG(trainer.batch_size), "1024", 1, 1048576,
            "Number of rows of an update."),
    INTEGER("trainer.n_epoch", MMOE_KEY_INT32, CHANGES(trainer.n_epoch), "10", 1, 1000000,
            "Passes over the training rows, at most; a resumed run may have a larger number."),
    WORDS("trainer.optimizer", IN_CONFIG(trainer.optimizer.kind), "\"adam\"",
          MMOE_WEIGHT_OPTIMIZERS,
          "adam, sgd and adagrad add the decay to the gradient, adamw applies it to the weights."),
    NUMBER("trainer.optimizer_params.lr", IN_CONFIG(trainer.optimizer.lr), "0.001", "(", 0, 1000,
           "]", "Learning rate."),
    NUMBER("trainer.optimizer_params.weight_decay", IN_CONFIG(trainer.optimizer.weight_decay),
           "1e-05", "[", 0, 1000, "]", "Decay of all weights."),
    PAIR("trainer.optimizer_params.betas", IN_CONFIG(trainer.optimizer.beta1), "[0.9,0.999]", "[",
         0, 1, ")", "Adam's rates of the running first and second moments."),
    NUMBER("trainer.optimizer_params.eps", IN_CONFIG(trainer.optimizer.eps), "1e-08", "(", 0, 1,
           "]", "Added to the root of Adam's second moment, or of Adagrad's sum."),
    NUMBER("trainer.optimizer_params.momentum", IN_CONFIG(trainer.optimizer.momentum), "0.0", "[",
           0, 1, ")", "Momentum of sgd."),
    NUMBER("trainer.optimizer_params.lr_decay", OF_OPTIMIZERS(USES(ADAGRAD), lr_decay), "0.0", "[",
           0, 1000, "]",
           "adagrad: the learning rate of step t is divided by 1 + (t - 1) times this."),
    NUMBER("trainer.optimizer_params.initial_accumulator_value",
           OF_OPTIMIZERS(USES(ADAGRAD), initial_accumulator), "0.0", "[", 0, 1000000, "]",
           "adagrad: the start of the sum of squared gradients."),
    {.doc = {"trainer.embedding_optimizer", "string", "\"same\"",
             &(MMOE_OPTIMIZERS(MMOE_OR_WORD) " | same")[3],
             "The optimizer of the embeddings; same: that of the other weights, with its "
             "parameters. rowwise_adagrad: Adagrad with one sum for each row, of the mean of its "
             "squared gradients (FBGEMM's EXACT_ROWWISE_ADAGRAD)."},
     .kind = MMOE_KEY_WORD,
     IN_CONFIG(trainer.embedding_optimizer.kind)},
    {.doc = {"trainer.embedding_optimizer_params.lr", "number", NULL, "in (0, 1000]",
             "Learning rate of the embeddings. scheduler and warmup_steps change it by the same "
             "factors as that of the other weights. By default 0.01 for adagrad and "
             "rowwise_adagrad, else 0.001."},
     .kind = MMOE_KEY_FLOAT,
     .high = 1000,
     .above = true,
     OF_EMBEDDINGS(ADAMS | USES(SGD) | ADAGRADS, lr)},
    NUMBER("trainer.embedding_optimizer_params.weight_decay",
           OF_EMBEDDINGS(ADAMS | USES(SGD) | ADAGRADS, weight_decay), "0.0", "[", 0, 1000, "]",
           "Decay of the embeddings; adamw applies it to the weights, the others add it to the "
           "gradient, also of rows that are not read."),
    PAIR("trainer.embedding_optimizer_params.betas", OF_EMBEDDINGS(ADAMS, beta1), "[0.9,0.999]",
         "[", 0, 1, ")", "adam, adamw: as in optimizer_params."),
    NUMBER("trainer.embedding_optimizer_params.eps", OF_EMBEDDINGS(ADAMS | ADAGRADS, eps), "1e-08",
           "(", 0, 1, "]", "adam, adamw and both Adagrads: as in optimizer_params."),
    NUMBER("trainer.embedding_optimizer_params.momentum", OF_EMBEDDINGS(USES(SGD), momentum), "0.0",
           "[", 0, 1, ")", "sgd: momentum."),
    NUMBER("trainer.embedding_optimizer_params.lr_decay", OF_EMBEDDINGS(ADAGRADS, lr_decay), "0.0",
           "[", 0, 1000, "]", "adagrad, rowwise_adagrad: as of optimizer_params."),
    NUMBER("trainer.embedding_optimizer_params.initial_accumulator_value",
           OF_EMBEDDINGS(ADAGRADS, initial_accumulator), "0.0", "[", 0, 1000000, "]",
           "adagrad, rowwise_adagrad: as of optimizer_params."),
    WORDS(
        "trainer.embedding_update", IN_CONFIG(trainer.embedding_update), "\"dense\"",
        MMOE_EMBEDDING_UPDATES,
        "Which rows of the embeddings a step updates. dense: all rows. deferred: those that its "
        "batch reads; the others get all the steps that they have missed when they are next read. "
        "The numbers differ from dense only by rounding, and the time of a step does not depend on "
        "the size of a table. lazy: only those that its batch reads, which is another optimizer "
        "(torch.optim.SparseAdam). auto: deferred for large tables, dense for small ones."),
    WORDS("trainer.scheduler", IN_CONFIG(trainer.scheduler), "\"none\"", MMOE_SCHEDULERS,
          "How the learning rate changes from epoch to epoch; plateau watches what early stopping "
          "watches."),
    INTEGER("trainer.scheduler_params.step_size", MMOE_KEY_INT32,
            OF_SCHEDULERS(BY(STEP), trainer.step_size), "10", 1, 1000000,
            "step: epochs after which the learning rate falls."),
    NUMBER("trainer.scheduler_params.gamma",
           OF_SCHEDULERS(BY(STEP) | BY(EXPONENTIAL), trainer.gamma), "0.1", "(", 0, 1, "]",
           "step, exponential: factor of the learning rate."),
    OPTIONAL("trainer.scheduler_params.t_max", OF_SCHEDULERS(BY(COSINE), trainer.t_max), 0, 1,
             1000000,
             "cosine: epochs until the learning rate is at its lowest; by default n_epoch."),
    NUMBER("trainer.scheduler_params.factor", OF_SCHEDULERS(BY(PLATEAU), trainer.factor), "0.1",
           "(", 0, 1, ")", "plateau: factor of the learning rate."),
    INTEGER("trainer.scheduler_params.patience", MMOE_KEY_INT32,
            OF_SCHEDULERS(BY(PLATEAU), trainer.patience), "10", 0, 1000000,
            "plateau: epochs without a better score after which the learning rate falls."),
    NUMBER("trainer.scheduler_params.min_lr",
           OF_SCHEDULERS(BY(COSINE) | BY(PLATEAU), trainer.min_lr), "0.0", "[", 0, 1000, "]",
           "cosine, plateau: the lowest learning rate."),
    INTEGER(
        "trainer.warmup_steps", MMOE_KEY_INT32, IN_CONFIG(trainer.warmup_steps), "0", 0, 1000000000,
        "Number of updates over which the learning rate rises from 0 to that of the scheduler."),
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
           "Validates and keeps a moving average of the weights instead of the weights; a step "
           "replaces the part 1 - ema_decay of it. 0: no average."),
    INTEGER("trainer.memory", MMOE_KEY_INT32, CHANGES(trainer.memory), "0", 0, 1000000000,
            "Megabytes that training may use. Packed rows then stay in their folder, and those of "
            "a CSV file go to temporary files in TMPDIR; they are read window by window. 0: no "
            "bound, and rows are in memory."),
    INTEGER("trainer.segments", MMOE_KEY_INT32, IN_CONFIG(trainer.segments), "1", 1, 64,
            "A power of two: the number of parts in which the sums of a batch are computed, which "
            "are then added in a binary tree. A run gives the same bits with any number of ranks "
            "up to this."),
    BOOLEAN("trainer.lanes", IN_CONFIG(trainer.lanes), "false",
            "Each segment of a batch takes its rows from lanes of its own, so that each of several "
            "ranks reads only its lanes of a packed folder. batch_size must then be a power of "
            "two, with at least 16 rows for each segment and at most 16384."),
    INTEGER("trainer.earlystop_patience", MMOE_KEY_INT32, CHANGES(trainer.earlystop_patience), "10",
            0, 1000000,
            "Epochs without a better score after which training ends; 0: never. A resumed run may "
            "have a larger number."),
    {.doc = {"trainer.earlystop_task", "string", NULL, "a task's name | mean",
             "The task that early stopping watches; by default the first one."},
     .kind = MMOE_KEY_TASK,
     IN_CONFIG(trainer.earlystop_task)},
    WORD("trainer.earlystop_metric", IN_CONFIG(trainer.earlystop_metric), "\"auto\"",
         MMOE_WATCHED_AUTO, "auto | relative" MMOE_TASK_TYPES(METRICS_OF_TYPE),
         "The metric that early stopping watches: one of the metrics of the task's type, or "
         "relative: log-loss, RMSE or deviance divided by that of always predicting the mean "
         "label. auto: the first metric of the task's type; for a mean over tasks of several "
         "types, relative."),
    BOOLEAN("trainer.shrink", IN_CONFIG(trainer.shrink), "false",
            "After the last epoch, draws the scores of each task towards always predicting its "
            "mean label, in sixteenths of the way and as far as is best for the validation rows. "
            "This helps tasks whose weights are too sure, or worse than the mean label."),
    WORDS("trainer.adaptive_params.method", IN_CONFIG(trainer.balance.method), "\"none\"",
          MMOE_BALANCE_METHODS,
          "How the tasks' losses are balanced: uncertainty weights, dynamic weight average, random "
          "weights; by each task's gradient: GradNorm, MetaBalance "
          "(the first task is its target), PCGrad, CAGrad, MGDA, Aligned-MTL; FAMO."),
    BOOLEAN("trainer.adaptive_params.clamp", WITH(METHOD(UWL), clamp), "true",
            "uwl: log-variances below 0 count as 0, as in torch-rechub; false: as in the paper."),
    NUMBER("trainer.adaptive_params.temperature", WITH(METHOD(DWA), temperature), "2.0", "(", 0,
           1000, "]", "dwa: of the softmax over the losses' rates."),
    BOOLEAN("trainer.adaptive_params.normalize", WITH(METHOD(DWA) | METHOD(RLW), normalize), "true",
            "dwa, rlw: losses are divided by those of the first step; false: as in the papers, "
            "where a larger loss counts for more."),
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
const size_t mmoe_trainer_key_count = sizeof mmoe_trainer_keys / sizeof *mmoe_trainer_keys;
