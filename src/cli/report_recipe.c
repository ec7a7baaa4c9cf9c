/** report_recipe: network and recipe of a report; see report_recipe.h and report_parts.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "html.h"
#include "json_out.h"
#include "output.h"
#include "report_parts.h"
#include "report_recipe.h"

enum { LAYERS = 50, VALUE_SIZE = 256, VALUE_SHOWN = 120, RULE_SHOWN = 300 };

/* ------------------------------------------------------------------- gathering --------------- */

/** What "auto" does, from the help: "auto: … ." to the end of the sentence; null if it has none. */
static json_t *rule_json(const char *help)
{
    const char *begin = strstr(help, "auto: ");
    if (begin == NULL) {
        return json_null();
    }
    char *rule = need_text(begin + sizeof "auto: " - 1);
    char *end = strstr(rule, ". ");
    if (end != NULL) {
        *end = '\0';
    }
    json_t *text = json_text(rule);
    free(rule);
    return text;
}

json_t *report_recipe_json(const struct command_line *line, const heddle_recipe *recipe)
{
    json_t *list = json_array();
    const heddle_option *option;
    for (size_t i = 0; (option = heddle_recipe_option(i)) != NULL; i++) {
        if (strcmp(option->group, "machine") != 0 && strcmp(option->group, "run") != 0) {
            json_t *one = json_object();
            json_put(one, "name", json_text(option->name));
            json_put(one, "given", json_text(option_given(line, option->name)));
            json_put(one, "set", json_text(heddle_recipe_get(recipe, option->name)));
            json_put(one, "initial", json_text(option->initial));
            json_put(one, "rule", rule_json(option->help));
            json_array_append_new(list, one);
        }
    }
    return list;
}

/* ------------------------------------------------------------------- the network ------------- */

/** Function l of "relu,relu,softmax"; of several hidden layers they are all there. */
static void write_function(FILE *stream, const char *functions, size_t l)
{
    for (; l > 1 && *functions != '\0'; l--) {
        functions += strcspn(functions, ",");
        functions += *functions == ',';
    }
    fprintf(stream, "%.*s", (int)strcspn(functions, ","), functions);
}

static void write_layers(FILE *stream, const json_t *network)
{
    const json_t *widths = member(network, "widths");
    size_t layers = json_array_size(widths);
    if (layers < 2) {
        return;
    }
    fputs("<div><h3>Network</h3>\n<table><thead><tr><th>layer</th><th" RIGHT ">units</th><th" RIGHT
          ">parameters</th><th>function</th></tr></thead><tbody>\n",
          stream);
    for (size_t l = 0; l < layers && l < LAYERS; l++) {
        uint64_t width = (uint64_t)json_integer_value(json_array_get(widths, l));
        fprintf(stream, "<tr><td>%s</td><td" RIGHT ">",
                l == 0            ? "inputs"
                : l + 1 == layers ? "outputs"
                                  : "hidden");
        html_count(stream, width);
        fputs("</td><td" RIGHT ">", stream);
        if (l > 0) {
            uint64_t before = (uint64_t)json_integer_value(json_array_get(widths, l - 1));
            html_count(stream, (before + 1) * width);
        }
        fputs("</td><td>", stream);
        if (l > 0) {
            write_function(stream, text_of(network, "activations"), l);
        }
        fputs("</td></tr>\n", stream);
    }
    fputs("</tbody></table></div>\n", stream);
}

/* ------------------------------------------------------------------- options ----------------- */

/** The widths of the hidden layers, the functions of theirs or of the outputs: part of a list. */
static void cut_list(const char *list, char separator, bool hidden, char text[VALUE_SIZE])
{
    const char *first = separator == '-' ? strchr(list, separator) : list;
    const char *last = strrchr(list, separator);
    text[0] = '\0';
    if (hidden && first != NULL && last != NULL && last > first) {
        first += separator == '-';
        snprintf(text, VALUE_SIZE, "%.*s", last > first ? (int)(last - first) : 0, first);
        for (char *c = text; *c != '\0'; c++) {
            *c = *c == '-' ? ',' : *c;
        }
    } else if (!hidden) {
        snprintf(text, VALUE_SIZE, "%s", last != NULL ? last + 1 : list);
    } else if (separator == '-') {
        strcpy(text, "none");
    }
}

/** A plain value of JSON as text. */
static void plain_text(const json_t *value, char text[VALUE_SIZE])
{
    text[0] = '\0';
    if (json_is_string(value)) {
        snprintf(text, VALUE_SIZE, "%s", json_string_value(value));
    } else if (json_is_integer(value)) {
        snprintf(text, VALUE_SIZE, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    } else if (json_is_real(value)) {
        snprintf(text, VALUE_SIZE, "%.7g", json_real_value(value));
    } else if (json_is_boolean(value)) {
        strcpy(text, json_is_true(value) ? "yes" : "no");
    }
}

/** What an option came to, as far as the record says; "" if it does not. */
static void find_value(const json_t *record, const char *name, char text[VALUE_SIZE])
{
    const json_t *start = member(record, "start");
    const json_t *network = member(record, "network");
    const json_t *resolved = member(record, "resolved");
    const char *functions = text_of(network, "activations");
    const char *shape = text_of(start, "shape");
    text[0] = '\0';
    if (strcmp(name, "hidden") == 0 && strstr(shape, "…") == NULL) {
        cut_list(shape, '-', true, text);
    } else if (strcmp(name, "activation") == 0) {
        cut_list(functions, ',', true, text);
    } else if (strcmp(name, "output-activation") == 0) {
        cut_list(functions, ',', false, text);
    } else if (strcmp(name, "validation") == 0 && count_of(start, "validation_rows") > 0) {
        snprintf(text, VALUE_SIZE, "%llu rows",
                 (unsigned long long)count_of(start, "validation_rows"));
    } else if (strcmp(name, "target") == 0 && count_of(network, "target_count") == 1) {
        plain_text(json_array_get(member(network, "targets"), 0), text);
    } else if (member(resolved, name) != NULL) {
        plain_text(member(resolved, name), text);
    } else if (strcmp(name, "recipe") != 0 && member(network, name) != NULL) {
        plain_text(member(network, name), text); /* loss, task, scale, missing, shard */
    } else if (strcmp(name, "shard") == 0) {
        plain_text(member(start, "shard"), text);
    } else if (strcmp(name, "schedule") == 0 && resolved != NULL) {
        strcpy(text, "constant");
    } else if ((strcmp(name, "weight-decay") == 0 || strcmp(name, "l2") == 0) && resolved != NULL) {
        strcpy(text, "0");
    }
}

/** A note of the run that is about an option explains it better than the rule does. */
static const char *explanation(const json_t *record, const json_t *option)
{
    const char *name = text_of(option, "name");
    size_t length = strlen(name);
    const json_t *notes = member(record, "notes");
    for (size_t i = 0; i < json_array_size(notes); i++) {
        const char *note = json_string_value(json_array_get(notes, i));
        if (strncmp(note, "--", 2) == 0 && strncmp(note + 2, name, length) == 0 &&
            note[2 + length] == ' ') {
            return note;
        }
    }
    return text_of(option, "rule");
}

/** Options whose default does nothing are left out unless they are given. */
static bool says_nothing(const char *value)
{
    return *value == '\0' || strcmp(value, "0") == 0 || strcmp(value, "none") == 0 ||
           strcmp(value, "auto") == 0;
}

/** Who said so. */
static const char *origin_of(const json_t *record, const json_t *option)
{
    const json_t *start = member(record, "start");
    const char *set = text_of(option, "set");
    const char *given = text_of(option, "given");
    bool automatic = strcmp(set, "auto") == 0;
    if (member(option, "given") != NULL) {
        bool searched = member(member(start, "options"), "search") != NULL;
        return searched && !automatic && strcmp(set, given) != 0 ? "--search" : "given";
    }
    if (automatic || strcmp(set, text_of(option, "initial")) == 0) {
        return automatic ? "auto" : "default";
    }
    /* What else sets options: the tutorial, and --cv, which leaves no rows to watch. */
    bool tutorial = strcmp(text_of(member(start, "recipe"), "recipe"), "tutorial") == 0;
    return tutorial ? "tutorial" : "--cv";
}

static void write_option(FILE *stream, const json_t *record, const json_t *option)
{
    const char *name = text_of(option, "name");
    const char *set = text_of(option, "set");
    bool given = member(option, "given") != NULL;
    bool automatic = strcmp(set, "auto") == 0;
    char value[VALUE_SIZE];
    find_value(record, name, value);
    const char *shown = *value != '\0' ? value : given ? text_of(option, "given") : set;
    /* What the optimizer has no use for is not among what was resolved. */
    bool unused = member(record, "resolved") != NULL && *value == '\0' &&
                  (strcmp(name, "momentum") == 0 || strncmp(name, "beta", 4) == 0 ||
                   strcmp(name, "epsilon") == 0);
    unused = unused || (strcmp(name, "steps") == 0 && strcmp(set, "none") == 0);
    if (!given && (says_nothing(shown) || unused) && !(automatic && strcmp(shown, "0") == 0)) {
        return;
    }
    fprintf(stream, "<tr><td><code>--%s</code></td><td class=\"long\">", name);
    html_text(stream, shown, VALUE_SHOWN);
    fprintf(stream, "</td><td>%s</td><td class=\"long dim\">", origin_of(record, option));
    if (automatic) {
        html_text(stream, explanation(record, option), RULE_SHOWN);
    }
    fputs("</td></tr>\n", stream);
}

void report_recipe(FILE *stream, const json_t *record)
{
    const json_t *options = member(record, "recipe");
    fputs("<h2>Network and recipe</h2>\n", stream);
    write_layers(stream, member(record, "network"));
    fputs("<h3>Options as resolved</h3>\n<div class=\"wide\"><table><thead><tr><th>option</th>"
          "<th>value</th><th>from</th><th>rule</th></tr></thead><tbody>\n",
          stream);
    for (size_t i = 0; i < json_array_size(options); i++) {
        write_option(stream, record, json_array_get(options, i));
    }
    fputs("</tbody></table></div>\n<p class=\"dim\">Options that were not given and do nothing are "
          "left out.</p>\n",
          stream);
}
