/** recipe_json: see recipe_json.h. */
#include "train/recipe_json.h"

#include "base/text.h"

const char *const optimizer_names[] = {"sgd",     "momentum", "nesterov", "adam",  "adamw",
                                       "rmsprop", "adagrad",  "rprop",    "lbfgs", NULL};

const char *const schedule_names[] = {"constant", "step",      "exponential", "inverse",
                                      "cosine",   "one-cycle", "plateau",     NULL};

void recipe_write(struct run_recipe *run, bool from_model, size_t classes)
{
    struct string *s = &run->text;
    char number_text[TEXT_NUMBER_SIZE];
    static const char *const inits[] = {"normal", "glorot", "he", "zeros"};
    string_print(s, "{\"batch\":%zu,\"epochs\":%llu,\"init\":\"%s", run->batch,
                 (unsigned long long)run->epochs, from_model ? "model" : inits[run->init]);
    if (run->init == INIT_NORMAL && !from_model) {
        text_from_double(run->init_spread, number_text);
        string_print(s, ":%s", number_text);
    }
    string_print(s, "\",\"optimizer\":\"%s\"", optimizer_names[run->optimizer]);
    const struct schedule *schedule = &run->schedule;
    bool adam = run->optimizer == OPTIMIZER_ADAM || run->optimizer == OPTIMIZER_ADAMW;
    struct {
        const char *name;
        double value;
        bool used;
    } numbers[] = {
        {"rate", run->rate, true},
        {"momentum", run->momentum,
         run->optimizer == OPTIMIZER_MOMENTUM || run->optimizer == OPTIMIZER_NESTEROV},
        {"beta1", run->beta1, adam},
        {"beta2", run->beta2, adam || run->optimizer == OPTIMIZER_RMSPROP},
        {"epsilon", run->epsilon,
         adam || run->optimizer == OPTIMIZER_RMSPROP || run->optimizer == OPTIMIZER_ADAGRAD},
        {"min-error", run->min_error, run->min_error >= 0},
        {"label-smoothing", run->extras.smoothing, run->extras.smoothing > 0},
        {"dropout", run->extras.dropout, run->extras.dropout > 0},
        {"noise", run->extras.noise, run->extras.noise > 0},
        {"weight-decay", run->weight_decay, run->weight_decay > 0},
        {"l1", run->l1, run->l1 > 0},
        {"l2", run->l2, run->l2 > 0},
        {"clip", run->clip, run->clip > 0},
        {"clip-value", run->clip_value, run->clip_value > 0},
        {"max-norm", run->max_norm, run->max_norm > 0},
        {"patience", (double)run->patience, run->patience > 0},
        {"schedule-factor", schedule->factor,
         schedule->kind != SCHEDULE_CONSTANT && schedule->kind != SCHEDULE_ONE_CYCLE},
        {"schedule-every", schedule->every,
         schedule->kind == SCHEDULE_STEP || schedule->kind == SCHEDULE_EXPONENTIAL ||
             schedule->kind == SCHEDULE_INVERSE || schedule->kind == SCHEDULE_PLATEAU},
        {"warmup", (double)schedule->warmup, schedule->warmup > 0},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        if (numbers[i].used) {
            text_from_double(numbers[i].value, number_text);
            string_print(s, ",\"%s\":%s", numbers[i].name, number_text);
        }
    }
    if (schedule->kind != SCHEDULE_CONSTANT) {
        string_print(s, ",\"schedule\":\"%s\"", schedule_names[schedule->kind]);
    }
    for (size_t c = 0; run->class_weight && c < classes; c++) {
        text_from_double(run->class_weight[c], number_text);
        string_print(s, c ? ",%s" : ",\"class-weights\":[%s", number_text);
    }
    if (run->class_weight) {
        string_add(s, "]");
    }
    if (run->watch_training) {
        string_add(s, ",\"watch\":\"training\"");
    }
    if (run->row_weight) {
        string_add(s, ",\"weights\":true");
    }
    string_print(s, ",\"seed\":%llu,\"shuffle\":%s", (unsigned long long)run->seed,
                 run->shuffle_blocks ? "\"blocks\""
                 : run->shuffle      ? "true"
                                     : "false");
    if (!run->epochs || run->steps < UINT64_MAX) {
        string_print(s, ",\"steps\":%llu", (unsigned long long)run->steps);
    }
    string_print(s, ",\"sum\":%s}", run->sum_deltas ? "true" : "false");
}
