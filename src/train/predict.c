/** predict: a model on tables it was not trained on. */
#include <string.h>

#include "base/memory.h"
#include "base/status.h"
#include "model/model.h"
#include "train/score.h"
#include "train/workers.h"

/** Do the model's two classes come from one output? */
static bool single_output(const heddle_model *model)
{
    return model->shape.width[model->shape.layers] == 1;
}

void heddle_predictions_done(heddle_predictions *predictions)
{
    memory_free(predictions->values);
    memory_free(predictions->classes);
    *predictions = (heddle_predictions){0};
}

/** Outputs of the network → what a person wants: probabilities and a class, or numbers. */
static void translate(const heddle_model *model, const double *outputs, heddle_predictions *p)
{
    const struct preprocess *preprocess = model->preprocess;
    size_t n = model->shape.width[model->shape.layers];
    for (size_t r = 0; r < p->rows; r++) {
        const double *y = outputs + r * n;
        double *to = p->values + r * p->width;
        if (preprocess->classes && n == 1) {
            to[0] = 1 - y[0];
            to[1] = y[0];
        } else if (preprocess->classes) {
            memcpy(to, y, n * sizeof *to);
        } else {
            for (size_t o = 0; o < n; o++) {
                to[o] = y[o] / preprocess->target[o].factor + preprocess->target[o].shift;
            }
        }
        if (p->classes) {
            p->classes[r] = output_class(y, n);
        }
    }
}

heddle_status heddle_model_predict(const heddle_model *model, const heddle_table *table,
                                   int threads, heddle_predictions *predictions, heddle_error *err)
{
    const struct preprocess *preprocess = model->preprocess;
    struct dataset set = {0};
    struct workers workers = {0};
    heddle_predictions p = {0};
    double *outputs = NULL;
    heddle_status status = preprocess_apply(preprocess, table, NULL, table->rows, model->use_double,
                                            single_output(model), false, NULL, &set, err);
    if (!status) {
        p.rows = set.rows;
        p.width = preprocess->classes ? preprocess->classes : preprocess->targets;
        outputs = memory_new(set.rows, model->shape.width[model->shape.layers] * sizeof *outputs);
        p.values = memory_new(set.rows, p.width * sizeof *p.values);
        p.classes = preprocess->classes ? memory_new(set.rows, sizeof *p.classes) : NULL;
        if (!outputs || !p.values || (preprocess->classes && !p.classes)) {
            status = status_memory(err, "predictions", set.rows * p.width * sizeof *p.values);
        }
    }
    if (!status) {
        status = workers_create(NULL, threads, &workers, err);
    }
    if (!status) {
        status = workers_predict(&workers, &model->shape, model->values, &set, outputs, err);
    }
    if (!status) {
        translate(model, outputs, &p);
        *predictions = p;
        p = (heddle_predictions){0};
    }
    memory_free(outputs);
    heddle_predictions_done(&p);
    workers_done(&workers);
    dataset_done(&set);
    return status;
}

const char *heddle_model_unseen(const heddle_model *model, const heddle_table *table,
                                bool with_targets, char *text, size_t size)
{
    preprocess_unseen(model->preprocess, table, with_targets, text, size);
    return text;
}

heddle_status heddle_model_evaluate(const heddle_model *model, const heddle_table *table,
                                    int threads, heddle_score *score, heddle_error *err)
{
    struct dataset set = {0};
    struct workers workers = {0};
    heddle_status status =
        preprocess_apply(model->preprocess, table, NULL, table->rows, model->use_double,
                         single_output(model), true, NULL, &set, err);
    if (!status) {
        status = workers_create(NULL, threads, &workers, err);
    }
    if (!status) {
        status = workers_score(&workers, &model->shape, model->loss, model->values, &set,
                               model->preprocess, model->loss == LOSS_SSE, score, err);
    }
    workers_done(&workers);
    dataset_done(&set);
    return status;
}
