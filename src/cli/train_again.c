/** train_again: see train_again.h. */
#include <stdio.h>
#include <string.h>

#include "train_again.h"
#include "train_input.h"

/** The recipe of a record, but for what does not decide bits. */
static heddle_status set_recorded(heddle_recipe *recipe, const json_t *start, heddle_error *err)
{
    const json_t *record = json_object_get(start, "recipe");
    heddle_status status = HEDDLE_OK;
    const heddle_option *option;
    for (size_t i = 0; status == HEDDLE_OK && (option = heddle_recipe_option(i)) != NULL; i++) {
        const char *text = json_string_value(json_object_get(record, option->name));
        bool idle = strcmp(option->group, "machine") == 0 || strcmp(option->group, "run") == 0 ||
                    strcmp(option->name, "time-limit") == 0;
        const char *value = idle ? option->initial : text;
        if (value != NULL) {
            status = heddle_recipe_set(recipe, option->name, value, err);
        }
    }
    json_int_t shard = json_integer_value(json_object_get(start, "shard"));
    if (status == HEDDLE_OK && shard > 0) { /* what the default was then */
        char text[32];
        snprintf(text, sizeof text, "%" JSON_INTEGER_FORMAT, shard);
        status = heddle_recipe_set(recipe, "shard", text, err);
    }
    return status;
}

int train_again(const struct command_line *line, const json_t *start, const char *threads,
                const heddle_callbacks *callbacks, heddle_model **model, heddle_result *result)
{
    struct train_input input;
    heddle_error err;
    int status = train_input_read(&input, line, false);
    if (status == 0) {
        heddle_status done = set_recorded(input.recipe, start, &err);
        if (done == HEDDLE_OK && threads != NULL) {
            done = heddle_recipe_set(input.recipe, "threads", threads, &err);
        }
        if (done == HEDDLE_OK) {
            done = heddle_train(input.recipe, input.table, input.validation, input.test,
                                input.initial, callbacks, model, result, &err);
        }
        status = done == HEDDLE_OK ? 0 : refuse(line, &err);
    }
    train_input_done(&input);
    return status;
}
