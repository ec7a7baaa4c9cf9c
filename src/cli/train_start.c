/** train_start: see train_start.h. */
#include <time.h>
#include <unistd.h>

#include "train_start.h"
#include "json_out.h"

json_t *train_start_json(const struct command_line *line, const heddle_recipe *recipe,
                         const heddle_table *table)
{
    json_t *record = json_object();
    json_put(record, "event", json_text("start"));
    json_put(record, "version", json_text(heddle_version()));
    char now[32];
    time_t seconds = time(NULL);
    struct tm parts;
    strftime(now, sizeof now, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&seconds, &parts));
    json_put(record, "time", json_text(now));
    json_t *words = json_array();
    for (int i = 0; i < line->argc; i++) {
        json_array_append_new(words, json_text(line->argv[i]));
    }
    json_put(record, "command", words);
    char directory[4096];
    json_put(record, "directory", json_text(getcwd(directory, sizeof directory)));
    json_t *files = json_object();
    json_put(files, "path", json_text(line->operands[0]));
    json_put(files, "format", json_text(heddle_table_format(table)));
    json_put(files, "rows", json_count(heddle_table_rows(table)));
    json_put(files, "columns", json_count(heddle_table_columns(table)));
    json_put(record, "data", files);
    json_t *choices = json_object();
    const heddle_option *option;
    for (size_t i = 0; (option = heddle_recipe_option(i)) != NULL; i++) {
        json_put(choices, option->name, json_text(heddle_recipe_get(recipe, option->name)));
    }
    json_put(record, "recipe", choices);
    /* Options of ours: the files, and whatever else was given. */
    json_t *given = json_object();
    for (size_t i = line->own; i < line->count; i++) {
        if (line->values[i] != NULL) {
            json_put(given, line->options[i].name, json_text(line->values[i]));
        }
    }
    json_put(record, "options", given);
    heddle_machine machine;
    if (heddle_machine_look(recipe, &machine, NULL) == HEDDLE_OK) {
        json_t *object = json_object();
        json_put(object, "processor", json_text(machine.processor));
        json_put(object, "cores", json_integer(machine.allowed_cores));
        json_put(object, "threads", json_integer(machine.threads));
        json_put(object, "isa", json_text(machine.isa));
        json_put(record, "machine", object);
    }
    return record;
}

void train_start_add(json_t *record, const heddle_start *start)
{
    json_put(record, "shape", json_text(start->shape));
    json_put(record, "parameters", json_count(start->parameters));
    json_put(record, "training_rows", json_count(start->rows));
    json_put(record, "validation_rows", json_count(start->validation_rows));
    json_put(record, "batch", json_count(start->batch));
    json_put(record, "steps_per_epoch", json_count(start->steps_per_epoch));
    json_put(record, "steps", start->steps < UINT64_MAX ? json_count(start->steps) : json_null());
    json_put(record, "resolved", json_text(start->recipe));
    json_put(record, "shard", json_count(start->shard));
    json_put(record, "data_sha256", json_text(start->data));
    json_put(record, "validation_sha256", json_text(start->validation));
    json_put(record, "resumed", json_count(start->resumed));
}
