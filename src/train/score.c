/** score: the forward pass over rows that are not trained on, and the metrics. */
#include "train/score.h"

#include <string.h>

#include "base/memory.h"
#include "base/status.h"
#include "base/sum.h"
#include "machine/cluster.h"
#include "train/metrics.h"
#include "train/trainer.h"

struct scorer {
    const struct dataset *set;
    const struct passes *passes;
    enum loss loss;
    bool wants_loss;
    size_t width; /* n[L] */
    enum activation output;
    struct examples examples;
    double *outputs;    /* (rows, width) */
    double *each;       /* (rows) */
    size_t first, last; /* blocks of rows to be scored by this rank's workers */
    size_t *begin;      /* (ranks + 1) first row of each rank's; NULL: each does all */
    int workers;
    void **memory; /* (workers) workspaces */
    struct workspace **ws;
    size_t bytes; /* of one workspace */
};

heddle_status scorer_create(const struct shape *shape, enum loss loss, const struct dataset *set,
                            enum isa isa, int workers, bool wants_loss, struct scorer **scorer,
                            heddle_error *err)
{
    const struct passes *passes = passes_of(set->use_double);
    struct scorer *s = memory_new(1, sizeof *s);
    if (!s) {
        return status_memory(err, "scoring", sizeof *s);
    }
    *s = (struct scorer){
        .set = set,
        .passes = passes,
        .loss = loss,
        .wants_loss = wants_loss,
        .width = shape->width[shape->layers],
        .output = shape->activation[shape->layers],
        .examples = examples_of(set),
        .last = (set->rows + SCORE_BLOCK - 1) / SCORE_BLOCK,
        .workers = workers,
        .bytes = passes->workspace_bytes(shape, SCORE_BLOCK, NULL, false),
    };
    if (s->last < (size_t)workers) {
        s->workers = workers = (int)s->last; /* the others have nothing to do, and need no memory */
    }
    size_t count;
    s->memory = memory_new((size_t)workers, sizeof *s->memory);
    s->ws = memory_new((size_t)workers, sizeof *s->ws);
    if (size_multiply(set->rows, s->width, &count)) {
        s->outputs = memory_new(count, sizeof *s->outputs);
    }
    s->each = memory_new(set->rows, sizeof *s->each);
    bool complete = s->memory && s->ws && s->outputs && s->each;
    for (int w = 0; complete && w < workers; w++) {
        s->memory[w] = arena_new(s->bytes);
        complete = s->memory[w] != NULL;
        if (complete) {
            s->ws[w] = passes->workspace_place(
                s->memory[w], shape, kernels_find(isa, set->use_double), SCORE_BLOCK, NULL, false);
        }
    }
    if (!complete) {
        size_t bytes = s->bytes;
        scorer_free(s);
        return status_memory(err, "scoring", bytes);
    }
    *scorer = s;
    return HEDDLE_OK;
}

void scorer_free(struct scorer *scorer)
{
    if (scorer) {
        for (int w = 0; scorer->memory && w < scorer->workers; w++) {
            arena_free(scorer->memory[w], scorer->bytes);
        }
        memory_free(scorer->memory);
        memory_free(scorer->ws);
        memory_free(scorer->outputs);
        memory_free(scorer->each);
        memory_free(scorer->begin);
        memory_free(scorer);
    }
}

heddle_status scorer_spread(struct scorer *scorer, heddle_error *err)
{
    size_t ranks = (size_t)cluster_ranks();
    size_t rank = (size_t)cluster_rank();
    size_t blocks = scorer->last;
    if (ranks == 1) {
        return HEDDLE_OK;
    }
    scorer->begin = memory_new(ranks + 1, sizeof *scorer->begin);
    if (!scorer->begin) {
        return status_memory(err, "scoring", (ranks + 1) * sizeof *scorer->begin);
    }
    for (size_t r = 0; r <= ranks; r++) {
        size_t row = blocks * r / ranks * SCORE_BLOCK;
        scorer->begin[r] = row < scorer->set->rows ? row : scorer->set->rows;
    }
    scorer->first = blocks * rank / ranks;
    scorer->last = blocks * (rank + 1) / ranks;
    return HEDDLE_OK;
}

void scorer_gather(struct scorer *scorer)
{
    if (scorer->begin) {
        cluster_gather(scorer->outputs, scorer->width * sizeof *scorer->outputs, scorer->begin);
        if (scorer->wants_loss) {
            cluster_gather(scorer->each, sizeof *scorer->each, scorer->begin);
        }
    }
}

void scorer_work(struct scorer *scorer, const void *W, int worker)
{
    const struct passes *passes = scorer->passes;
    if (worker >= scorer->workers) {
        return;
    }
    struct workspace *ws = scorer->ws[worker];
    size_t rows = scorer->set->rows;
    size_t blocks = scorer->last - scorer->first;
    size_t workers = (size_t)scorer->workers;
    size_t last = scorer->first + blocks * ((size_t)worker + 1) / workers;
    for (size_t b = scorer->first + blocks * (size_t)worker / workers; b < last; b++) {
        size_t first = b * SCORE_BLOCK;
        size_t E = rows - first < SCORE_BLOCK ? rows - first : SCORE_BLOCK;
        passes->gather(ws, &scorer->examples, NULL, first, E);
        passes->forward(ws, W);
        passes->outputs(ws, scorer->outputs + first * scorer->width);
        if (scorer->wants_loss) {
            passes->loss(ws, scorer->loss, scorer->each + first);
        }
    }
}

double scorer_loss(const struct scorer *scorer, bool sum)
{
    double total = sum_values(scorer->each, scorer->set->rows);
    return sum ? total : total / (double)scorer->set->rows;
}

const double *scorer_outputs(const struct scorer *scorer)
{
    return scorer->outputs;
}

size_t output_class(const double *outputs, size_t width)
{
    if (width == 1) {
        return outputs[0] >= 0.5;
    }
    size_t best = 0;
    for (size_t o = 1; o < width; o++) {
        if (outputs[o] > outputs[best]) {
            best = o;
        }
    }
    return best;
}

/** Target o of a row, as encoded. */
static double target(const struct dataset *set, size_t row, size_t o)
{
    size_t at = row * set->target_stride + o;
    return set->use_double ? ((const double *)set->target)[at]
                           : (double)((const float *)set->target)[at];
}

static size_t count_right(const struct scorer *scorer)
{
    size_t right = 0;
    for (size_t r = 0; r < scorer->set->rows; r++) {
        size_t said = output_class(scorer->outputs + r * scorer->width, scorer->width);
        right += said == (size_t)scorer->set->class_index[r];
    }
    return right;
}

/** Mean squared error and R² of target o, as encoded. scratch holds `rows` values. */
static void regress(const struct scorer *scorer, size_t o, double *scratch, double *mse, double *r2)
{
    const struct dataset *set = scorer->set;
    double n = (double)set->rows;
    for (size_t r = 0; r < set->rows; r++) {
        scratch[r] = target(set, r, o);
    }
    double mean = sum_values(scratch, set->rows) / n;
    for (size_t r = 0; r < set->rows; r++) {
        double away = target(set, r, o) - mean;
        scratch[r] = away * away;
    }
    double spread = sum_values(scratch, set->rows);
    for (size_t r = 0; r < set->rows; r++) {
        double off = scorer->outputs[r * scorer->width + o] - target(set, r, o);
        scratch[r] = off * off;
    }
    double error = sum_values(scratch, set->rows);
    *mse = error / n;
    *r2 = spread > 0 ? 1 - error / spread : error > 0 ? 0 : 1;
}

double scorer_headline(const struct scorer *scorer)
{
    const struct dataset *set = scorer->set;
    if (set->class_index) {
        return (double)count_right(scorer) / (double)set->rows;
    }
    double total = 0;
    for (size_t o = 0; o < scorer->width; o++) {
        double mse, r2;
        regress(scorer, o, scorer->each, &mse, &r2); /* each is made anew by the next scoring */
        total += r2;
    }
    return total / (double)scorer->width;
}

/** More classes than this have no area under the curve: it takes a sort for each. */
enum { AUC_CLASSES = 100 };

/** Area under the curve: of class 1 of two, else the mean over classes with rows and others. */
static double area(const struct scorer *scorer, size_t classes, double *scratch)
{
    const struct dataset *set = scorer->set;
    if (classes == 2) {
        return metrics_auc(scorer->outputs + (scorer->width - 1), scorer->width, set->class_index,
                           1, set->rows, scratch);
    }
    double total = 0;
    size_t counted = 0;
    for (size_t c = 0; c < classes && classes <= AUC_CLASSES; c++) {
        double one = metrics_auc(scorer->outputs + c, scorer->width, set->class_index, (int32_t)c,
                                 set->rows, scratch);
        if (one == one) {
            total += one;
            counted++;
        }
    }
    return counted ? total / (double)counted : __builtin_nan("");
}

static heddle_status score_classes(const struct scorer *scorer, size_t k, heddle_score *score,
                                   heddle_error *err)
{
    const struct dataset *set = scorer->set;
    double *scratch = memory_new(set->rows / 2 + 1, sizeof *scratch);
    score->confusion = memory_new(k * k, sizeof *score->confusion);
    score->precision = memory_new(k, sizeof *score->precision);
    score->recall = memory_new(k, sizeof *score->recall);
    score->f1 = memory_new(k, sizeof *score->f1);
    score->top = memory_new(k, sizeof *score->top);
    if (!scratch || !score->confusion || !score->precision || !score->recall || !score->f1 ||
        !score->top) {
        memory_free(scratch);
        return status_memory(err, "the confusion matrix", k * k * sizeof(size_t));
    }
    score->classify = true;
    score->classes = k;
    score->accuracy = (double)count_right(scorer) / (double)set->rows;
    for (size_t r = 0; r < set->rows; r++) {
        size_t said = output_class(scorer->outputs + r * scorer->width, scorer->width);
        score->confusion[(size_t)set->class_index[r] * k + said]++;
    }
    score->balanced_accuracy =
        metrics_classes(score->confusion, k, score->precision, score->recall, score->f1);
    if (scorer->width > 1) {
        metrics_top(scorer->outputs, set->class_index, set->rows, k, score->top);
    } else { /* one output for two classes */
        score->top[0] = score->accuracy;
        score->top[1] = 1;
    }
    bool probabilities = scorer->output == ACTIVATION_SOFTMAX ||
                         (scorer->output == ACTIVATION_SIGMOID && scorer->width == 1);
    score->log_loss = probabilities ? metrics_log_loss(scorer->outputs, set->class_index, set->rows,
                                                       scorer->width)
                                    : __builtin_nan("");
    score->auc = area(scorer, k, scratch);
    memory_free(scratch);
    return HEDDLE_OK;
}

/** Numbers of a sample, and rows: enough for a picture. */
enum { SAMPLE_NUMBERS = 1 << 16, SAMPLE_ROWS = 1000 };

/** Target o as a number of its own unit. */
static double in_unit(const struct preprocess *preprocess, size_t o, double encoded)
{
    return encoded / preprocess->target[o].factor + preprocess->target[o].shift;
}

static bool take_sample(const struct scorer *scorer, const struct preprocess *preprocess,
                        heddle_score *score)
{
    size_t rows = scorer->set->rows;
    size_t n = scorer->width;
    size_t most = SAMPLE_NUMBERS / n < SAMPLE_ROWS ? SAMPLE_NUMBERS / n : SAMPLE_ROWS;
    size_t count = rows < most ? rows : most;
    score->sample = memory_new(2 * n * count + 1, sizeof *score->sample);
    if (!score->sample) {
        return false;
    }
    score->sampled = count;
    for (size_t i = 0; i < count; i++) {
        size_t r = i * (rows / count) + i * (rows % count) / count;
        for (size_t o = 0; o < n; o++) {
            double *pair = &score->sample[2 * (i * n + o)];
            pair[0] = in_unit(preprocess, o, target(scorer->set, r, o));
            pair[1] = in_unit(preprocess, o, scorer->outputs[r * n + o]);
        }
    }
    return true;
}

static heddle_status score_numbers(const struct scorer *scorer, const struct preprocess *preprocess,
                                   heddle_score *score, heddle_error *err)
{
    const struct dataset *set = scorer->set;
    size_t n = scorer->width;
    double *scratch = memory_new(set->rows, sizeof *scratch);
    score->target_rmse = memory_new(n, sizeof *score->target_rmse);
    score->target_mae = memory_new(n, sizeof *score->target_mae);
    score->target_r2 = memory_new(n, sizeof *score->target_r2);
    if (!scratch || !score->target_rmse || !score->target_mae || !score->target_r2 ||
        !take_sample(scorer, preprocess, score)) {
        memory_free(scratch);
        return status_memory(err, "scoring", set->rows * sizeof *scratch);
    }
    score->targets = n;
    for (size_t o = 0; o < n; o++) {
        double mse, r2;
        double unit = preprocess->target[o].factor;
        regress(scorer, o, scratch, &mse, &r2);
        for (size_t r = 0; r < set->rows; r++) {
            scratch[r] = __builtin_fabs(scorer->outputs[r * n + o] - target(set, r, o));
        }
        score->target_rmse[o] = __builtin_sqrt(mse) / unit;
        score->target_mae[o] = sum_values(scratch, set->rows) / (double)set->rows / unit;
        score->target_r2[o] = r2;
        score->rmse += score->target_rmse[o];
        score->mae += score->target_mae[o];
        score->r2 += r2;
    }
    score->rmse /= (double)n;
    score->mae /= (double)n;
    score->r2 /= (double)n;
    memory_free(scratch);
    return HEDDLE_OK;
}

heddle_status scorer_score(const struct scorer *scorer, const struct preprocess *preprocess,
                           bool sum, heddle_score *score, heddle_error *err)
{
    *score = (heddle_score){.rows = scorer->set->rows, .loss = scorer_loss(scorer, sum)};
    heddle_status status = scorer->set->class_index
                               ? score_classes(scorer, preprocess->classes, score, err)
                               : score_numbers(scorer, preprocess, score, err);
    if (status) {
        heddle_score_done(score);
    }
    return status;
}

void heddle_score_done(heddle_score *score)
{
    memory_free(score->confusion);
    memory_free(score->precision);
    memory_free(score->recall);
    memory_free(score->f1);
    memory_free(score->top);
    memory_free(score->target_rmse);
    memory_free(score->target_mae);
    memory_free(score->target_r2);
    memory_free(score->sample);
    *score = (heddle_score){0};
}
