/**
 * recipe: the options of a run by name, and what they come to for given data.
 *
 * heddle_recipe holds texts, checked one by one as they are set. recipe_resolve() puts the facts of
 * the data where an option says "auto" and checks the whole before anything runs.
 */
#ifndef TRAIN_RECIPE_H
#define TRAIN_RECIPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include "data/preprocess.h"
#include "heddle.h"
#include "kernel/dispatch.h"
#include "machine/topology.h"
#include "network/shape.h"
#include "network/weights.h"
#include "pass/pass.h"
#include "train/schedule.h"

/** Every option, in the order of the help. */
enum option {
    OPTION_TARGET,
    OPTION_DROP,
    OPTION_WEIGHTS,
    OPTION_TASK,
    OPTION_SCALE,
    OPTION_MISSING,
    OPTION_VALIDATION,
    OPTION_HIDDEN,
    OPTION_ACTIVATION,
    OPTION_OUTPUT_ACTIVATION,
    OPTION_LOSS,
    OPTION_LABEL_SMOOTHING,
    OPTION_DROPOUT,
    OPTION_NOISE,
    OPTION_INIT,
    OPTION_PRECISION,
    OPTION_RECIPE,
    OPTION_OPTIMIZER,
    OPTION_RATE,
    OPTION_MOMENTUM,
    OPTION_BETA1,
    OPTION_BETA2,
    OPTION_EPSILON,
    OPTION_SCHEDULE,
    OPTION_SCHEDULE_FACTOR,
    OPTION_SCHEDULE_EVERY,
    OPTION_WARMUP,
    OPTION_WEIGHT_DECAY,
    OPTION_L1,
    OPTION_L2,
    OPTION_CLIP,
    OPTION_CLIP_VALUE,
    OPTION_MAX_NORM,
    OPTION_CLASS_WEIGHTS,
    OPTION_BATCH,
    OPTION_EPOCHS,
    OPTION_STEPS,
    OPTION_MIN_ERROR,
    OPTION_PATIENCE,
    OPTION_WATCH,
    OPTION_TIME_LIMIT,
    OPTION_SEED,
    OPTION_SHARD,
    OPTION_SHUFFLE,
    OPTION_REPORT_EVERY,
    OPTION_THREADS,
    OPTION_BIND,
    OPTION_ISA,
    OPTION_MAX_MEMORY,
    OPTION_CHECKPOINT,
    OPTION_CHECKPOINT_EVERY,
    OPTION_RESUME,
    OPTION_COUNT
};

struct heddle_recipe {
    char *value[OPTION_COUNT]; /* as set, or NULL: the default */
    struct custom custom;      /* used where an option says "custom" */
};

/** What the data say, for the options that are "auto". */
struct recipe_facts {
    size_t rows;    /* to train on */
    size_t inputs;  /* n[0] */
    size_t classes; /* 0: numbers are predicted */
    size_t targets;
    char *const *class_name;     /* (classes) for class weights; NULL: there can be none */
    const size_t *class_rows;    /* (classes) rows to train on */
    bool validates;              /* there are rows to watch */
    double lowest_target;        /* as encoded, of the rows to train on */
    const double *row_weight;    /* (rows) what rows count for, or NULL */
    const struct shape *initial; /* shape of the model to start from, or NULL */
    bool wide;                   /* as chosen (choose.h): the wider of two networks */
    double l2;                   /* as chosen too; 0: not yet */
    size_t shard;                /* of the checkpoint to go on from; 0: as the batch has it */
};

/** A run, with nothing left open. */
struct run_recipe {
    bool tutorial;
    struct shape shape;
    enum loss loss;
    bool use_double;
    enum init_rule init;
    double init_spread;
    enum optimizer optimizer;
    double rate, momentum, beta1, beta2, epsilon;
    struct schedule schedule;
    uint64_t plateau; /* epochs; 0: no plateau */
    double weight_decay, l1, l2;
    uint64_t choose_epochs; /* of the runs that choose l2 (choose.h), then in the middle of what
                               is tried; 0: it is not chosen */
    bool choose_width;      /* so is the network: facts.wide makes the other one */
    double clip, clip_value, max_norm; /* 0: none */
    struct training_extras extras;
    bool has_extras;
    double *class_weight;     /* what extras point to; memory_free() */
    const double *row_weight; /* (rows) what rows count for, the caller's, or NULL */
    uint64_t patience;        /* epochs; 0: for ever */
    bool watch_training;      /* patience and plateau go by the training loss */
    double time_limit;        /* seconds; 0: none */
    size_t batch;             /* examples, at most the rows */
    size_t shard;
    uint64_t epochs;  /* 0: counted in steps alone */
    uint64_t steps;   /* the run ends after so many updates at the latest */
    double min_error; /* below 0: never reached */
    uint64_t seed;
    bool shuffle;
    bool shuffle_blocks;   /* by stretches of rows that stand together (train/order.h) */
    bool sum_deltas;       /* weight deltas are summed, not averaged, over the examples */
    uint64_t report_every; /* epochs; steps for the tutorial */
    const struct preprocess *preprocess; /* for reports' scores; NULL: they have none */
    uint64_t untimed;                    /* seconds are counted from this step on */
    struct string text; /* canonical JSON of every choice that decides bits; memory_free(data) */
};

/** What an option is under the recipe's `recipe` if nobody sets it. */
const char *recipe_default(const heddle_recipe *recipe, enum option option);

/** The value of an option as set, or its default. */
const char *recipe_text(const heddle_recipe *recipe, enum option option);

bool recipe_is_tutorial(const heddle_recipe *recipe);

/** The option of that name, OPTION_COUNT if there is none. */
size_t recipe_find(const char *name);

/** What separates the values of a list of candidates: "/", "/," or "" for an option of one value. */
const char *recipe_separators(enum option option);

/** A copy; heddle_recipe_free(). NULL without memory. */
heddle_recipe *recipe_copy(const heddle_recipe *recipe);

/** What the recipe says about the data, before they are encoded. Texts belong to the recipe. */
void recipe_preprocess(const heddle_recipe *recipe, struct preprocess_options *options);

/** Fraction of the rows to hold out: 0 … 0.9; below 0: "auto". */
double recipe_validation(const heddle_recipe *recipe);

uint64_t recipe_seed(const heddle_recipe *recipe);
bool recipe_use_double(const heddle_recipe *recipe);

/** Do two classes make one output (a sigmoid's) rather than two? */
bool recipe_single_output(const heddle_recipe *recipe);

/** Everything else. HEDDLE_E_ARGUMENT names the options that contradict each other. */
heddle_status recipe_resolve(const heddle_recipe *recipe, const struct recipe_facts *facts,
                             struct run_recipe *run, heddle_error *err);

/** Release what a resolved recipe holds. */
void recipe_done(struct run_recipe *run);

/** The machine's part. threads 0: not given. max_memory 0: no limit. */
int recipe_threads(const heddle_recipe *recipe);
enum bind recipe_bind(const heddle_recipe *recipe);
size_t recipe_max_memory(const heddle_recipe *recipe);

/** The default shard: batch / 2 rounded down to a power of two, 16 … 64. */
size_t recipe_default_shard(size_t batch);

#endif
