/** heddle evaluate: how well a model does on a table that has the targets. */
#include "command.h"
#include "input.h"
#include "json_out.h"
#include "options.h"
#include "output.h"
#include "score_text.h"

static const struct option options[] = {
    {"threads", 0, OPTION_COUNT, "run", "N", NULL,
     "workers; without it OMP_NUM_THREADS, else what the machine leaves us; never changes a "
     "result"},
    {"top", 0, OPTION_COUNT, "run", "K", "3",
     "share of rows whose class is among the K likeliest; JSON: topK"},
    {"json", 0, OPTION_FLAG, "run", NULL, NULL,
     "one JSON object: rows, loss, and accuracy, auc, classes, confusion and more, or rmse, r2, "
     "mae and those of each target"},
    {.name = NULL},
};

static int run(const struct command_line *line)
{
    heddle_read_options reading;
    int status = input_options(line, &reading);
    if (status >= 0) {
        return status;
    }
    heddle_model *model = NULL;
    heddle_table *table = NULL;
    heddle_score score = {0};
    size_t k = (size_t)option_count(line, "top");
    heddle_error err;
    status = input_model(line->operands[0], &model);
    reading.model = model;
    status = status != 0 ? status : input_read(line->operands[1], &reading, reading.labels, &table);
    if (status == 0 && heddle_model_evaluate(model, table, option_count(line, "threads"), &score,
                                             &err) != HEDDLE_OK) {
        status = give_up(&err);
    } else if (status == 0) {
        input_note_unseen(line->operands[1], model, table, true);
    }
    if (status == 0 && option_flag(line, "json")) {
        json_t *object = json_score(&score, model, k);
        json_write(stdout, object, true);
        json_decref(object);
    } else if (status == 0) {
        score_print("score", &score);
        score_print_details(&score, model, k);
        score_print_confusion(&score, model);
    }
    heddle_score_done(&score);
    heddle_table_free(table);
    heddle_model_free(model);
    return status;
}

const struct command command_evaluate = {
    .name = "evaluate",
    .operands = "MODEL DATA",
    .summary = "how well a model does on data with known targets",
    .text =
        "Scores a model on every row of DATA, which must have the target: loss and accuracy "
        "with the confusion matrix for classes; loss, root mean squared error and coefficient "
        "of determination for numbers (the mean over the targets if there are several). The loss "
        "is '-' (JSON: null) where it was a function of the program that trained the model.",
    .examples = "  heddle evaluate flowers.model test.csv\n"
                "  heddle evaluate fashion.model t10k-images-idx3-ubyte.gz \\\n"
                "      --labels t10k-labels-idx1-ubyte.gz --json\n",
    .least = 2,
    .most = 2,
    .options = {input_label_options, input_format_options, input_memory_options, options},
    .run = run,
};
