/**
 * heddle info: what Heddle sees: of the machine and what it would use of it, of a model file, or of
 * data.
 */
#include <inttypes.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "command.h"
#include "info_data.h"
#include "input.h"
#include "json_out.h"
#include "options.h"
#include "output.h"

static const struct option options[] = {
    {"json", 0, OPTION_FLAG, "run", NULL, NULL, "one JSON object"},
    {.name = NULL},
};

enum {
    NAMES = 20, /* so many names are listed, of more the number */
    LABEL = 12  /* width of the labels at the left */
};

static void label(const char *text)
{
    print_cell(stdout, text, LABEL);
}

/* ------------------------------------------------------------------- the machine ------------- */

/** 32768 → "32 KiB"; of 0 bytes hwloc has told nothing. */
static const char *bytes_text(size_t bytes, char text[HEDDLE_NUMBER_SIZE])
{
    if (bytes == 0) {
        return "unknown";
    }
    static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
    double value = (double)bytes;
    size_t unit = 0;
    while (value >= 1024 && unit < 4) {
        value /= 1024;
        unit++;
    }
    snprintf(text, HEDDLE_NUMBER_SIZE, "%.4g %s", value, units[unit]);
    return text;
}

/** Speed limits of one thread and of all, measured; NaN where that failed. */
struct limits {
    double float_one, float_all, double_all;
};

static double limit(int threads, bool use_double, const char *isa)
{
    double gflops;
    return heddle_machine_limit(threads, use_double, isa, &gflops, NULL) == HEDDLE_OK ? gflops
                                                                                      : NAN;
}

static struct limits measure(const heddle_machine *machine)
{
    struct limits limits;
    limits.float_one = limit(1, false, machine->isa);
    limits.float_all =
        machine->threads > 1 ? limit(machine->threads, false, machine->isa) : limits.float_one;
    limits.double_all = limit(machine->threads, true, machine->isa);
    return limits;
}

static json_t *machine_json(const heddle_machine *machine, const struct limits *limits)
{
    json_t *object = json_object();
    json_put(object, "version", json_text(heddle_version()));
    json_put(object, "processor", json_text(machine->processor));
    json_put(object, "packages", json_integer(machine->packages));
    json_put(object, "numa_nodes", json_integer(machine->numa_nodes));
    json_put(object, "cores", json_integer(machine->cores));
    json_put(object, "processors", json_integer(machine->processors));
    json_put(object, "allowed_cores", json_integer(machine->allowed_cores));
    json_put(object, "allowed_processors", json_integer(machine->allowed_processors));
    json_put(object, "quota", machine->quota > 0 ? json_number(machine->quota) : json_null());
    json_put(object, "l1_bytes", json_count(machine->l1_bytes));
    json_put(object, "l2_bytes", json_count(machine->l2_bytes));
    json_put(object, "l3_bytes", json_count(machine->l3_bytes));
    json_put(object, "memory_bytes", json_count(machine->memory_bytes));
    json_put(object, "threads", json_integer(machine->threads));
    json_put(object, "why", json_text(machine->why));
    json_put(object, "bind", json_text(machine->bind));
    json_put(object, "places", json_text(machine->places));
    json_put(object, "isa", json_text(machine->isa));
    json_put(object, "isa_available", json_text(machine->isa_available));
    json_put(object, "synthetic", json_boolean(machine->synthetic));
    json_put(object, "limit_gflops_one_thread", json_number(limits->float_one));
    json_put(object, "limit_gflops", json_number(limits->float_all));
    json_put(object, "limit_gflops_double", json_number(limits->double_all));
    return object;
}

static const char *plural(int n)
{
    return n == 1 ? "" : "s";
}

static void machine_print(const heddle_machine *machine, const struct limits *limits)
{
    char l1[HEDDLE_NUMBER_SIZE];
    char l2[HEDDLE_NUMBER_SIZE];
    char l3[HEDDLE_NUMBER_SIZE];
    char memory[HEDDLE_NUMBER_SIZE];
    puts("What Heddle sees");
    label("  processor");
    print_cell(stdout, machine->processor, 0);
    puts(!machine->synthetic               ? ""
         : getenv("HWLOC_XMLFILE") != NULL ? " (another machine: HWLOC_XMLFILE)"
                                           : " (a made-up machine: HWLOC_SYNTHETIC)");
    label("  machine");
    printf("%d package%s, %d NUMA node%s, %d core%s, %d processor%s\n", machine->packages,
           plural(machine->packages), machine->numa_nodes, plural(machine->numa_nodes),
           machine->cores, plural(machine->cores), machine->processors,
           plural(machine->processors));
    label("  allowed");
    printf("%d core%s, %d processor%s, ", machine->allowed_cores, plural(machine->allowed_cores),
           machine->allowed_processors, plural(machine->allowed_processors));
    if (machine->quota > 0) {
        printf("a quota of %.3g processor%s\n", machine->quota, machine->quota == 1 ? "" : "s");
    } else {
        puts("no quota");
    }
    label("  memory");
    printf("%s; caches of a core: L1 %s, L2 %s, L3 %s\n", bytes_text(machine->memory_bytes, memory),
           bytes_text(machine->l1_bytes, l1), bytes_text(machine->l2_bytes, l2),
           bytes_text(machine->l3_bytes, l3));
    label("  kernels");
    printf("%s\n", machine->isa_available);
    puts("What a run would use");
    label("  threads");
    printf("%d: %s\n", machine->threads, machine->why);
    label("  binding");
    printf("%s\n", machine->bind);
    if (machine->places[0] != '\0') {
        label("");
        printf("%s %s\n",
               strchr(machine->places, ',') || strchr(machine->places, '-') ? "processors"
                                                                            : "processor",
               machine->places);
    }
    label("  kernels");
    printf("%s\n", machine->isa);
    puts("How fast it could be at most (fused multiply-adds in registers, measured now)");
    label("  float");
    printf("%.4g GFLOP/s on 1 thread", limits->float_one);
    if (machine->threads > 1) {
        printf(", %.4g on %d", limits->float_all, machine->threads);
    }
    putchar('\n');
    label("  double");
    printf("%.4g GFLOP/s on %d thread%s\n", limits->double_all, machine->threads,
           plural(machine->threads));
}

static int info_machine(const struct command_line *line)
{
    heddle_recipe *recipe = NULL;
    heddle_machine machine;
    heddle_error err;
    int status = 0;
    if (heddle_recipe_create(&recipe, &err) != HEDDLE_OK ||
        options_to_recipe(line, NULL, recipe, &err) != HEDDLE_OK ||
        heddle_machine_look(recipe, &machine, &err) != HEDDLE_OK) {
        status = give_up(&err);
    } else {
        struct limits limits = measure(&machine);
        if (option_flag(line, "json")) {
            json_t *object = machine_json(&machine, &limits);
            json_write(stdout, object, true);
            json_decref(object);
        } else {
            machine_print(&machine, &limits);
        }
    }
    heddle_recipe_free(recipe);
    return status;
}

/* ------------------------------------------------------------------- a model ----------------- */

static const char *class_name(const heddle_model *model, size_t i)
{
    return i < heddle_model_classes(model) ? heddle_model_class_name(model, i) : NULL;
}

static const char *target_name(const heddle_model *model, size_t i)
{
    return i < heddle_model_targets(model) ? heddle_model_target_name(model, i) : NULL;
}

typedef const char *name_of(const heddle_model *model, size_t i);

static json_t *names_json(const heddle_model *model, name_of *name)
{
    json_t *names = json_array();
    for (size_t i = 0; name(model, i) != NULL; i++) {
        json_array_append_new(names, json_text(name(model, i)));
    }
    return names;
}

/** "inputs      4: a, b, c, d"; nothing at all if there are none. */
static void names_print(const char *what, const heddle_model *model, name_of *name)
{
    size_t n = 0;
    while (name(model, n) != NULL) {
        n++;
    }
    if (n == 0) {
        return;
    }
    label(what);
    printf("%zu: ", n);
    for (size_t i = 0; i < n && i < NAMES; i++) {
        fputs(i > 0 ? ", " : "", stdout);
        print_cell(stdout, name(model, i), 0);
    }
    puts(n > NAMES ? ", …" : "");
}

static size_t parameters(const heddle_model *model)
{
    size_t count = 0;
    for (size_t l = 1; l <= heddle_model_layers(model); l++) {
        count += heddle_model_width(model, l) * (heddle_model_width(model, l - 1) + 1);
    }
    return count;
}

static void model_json(const char *path, const heddle_model *model, const char *hex)
{
    json_t *object = json_object();
    json_put(object, "model", json_text(path));
    json_t *widths = json_array();
    for (size_t l = 0; l <= heddle_model_layers(model); l++) {
        json_array_append_new(widths, json_count(heddle_model_width(model, l)));
    }
    json_put(object, "widths", widths);
    json_put(object, "parameters", json_count(parameters(model)));
    json_put(object, "inputs", names_json(model, heddle_model_input_name));
    json_put(object, "classes", names_json(model, class_name));
    json_put(object, "targets", names_json(model, target_name));
    json_put(object, "sha256", json_text(hex));
    json_t *metadata = json_object();
    const char *key;
    const char *value;
    for (size_t i = 0; heddle_model_metadata(model, i, &key, &value); i++) {
        json_put(metadata, key, json_text(value));
    }
    json_put(object, "metadata", metadata);
    json_write(stdout, object, true);
    json_decref(object);
}

static void model_print(const char *path, const heddle_model *model, const char *hex)
{
    label("model");
    print_cell(stdout, path, 0);
    putchar('\n');
    label("network");
    for (size_t l = 0; l <= heddle_model_layers(model); l++) {
        printf("%s%zu", l > 0 ? "-" : "", heddle_model_width(model, l));
    }
    printf(", %zu parameters\n", parameters(model));
    names_print("inputs", model, heddle_model_input_name);
    names_print("classes", model, class_name);
    names_print("targets", model, target_name);
    const char *key;
    const char *value;
    for (size_t i = 0; heddle_model_metadata(model, i, &key, &value); i++) {
        if (i == 0) {
            puts("metadata");
        }
        char shown[61]; /* class names and scales can be very long */
        size_t length = strlen(value);
        snprintf(shown, sizeof shown, "%.57s%s", value, length > 57 ? "…" : "");
        fputs("  ", stdout);
        print_cell(stdout, key, 20);
        print_cell(stdout, length > sizeof shown - 1 ? shown : value, 0);
        putchar('\n');
    }
    label("sha256");
    puts(hex);
}

static int info_model(const struct command_line *line)
{
    heddle_model *model = NULL;
    heddle_error err;
    char hex[65];
    int status = input_model(line->operands[0], &model);
    if (status == 0 && heddle_model_sha256(model, hex, &err) != HEDDLE_OK) {
        status = give_up(&err);
    } else if (status == 0 && option_flag(line, "json")) {
        model_json(line->operands[0], model, hex);
    } else if (status == 0) {
        model_print(line->operands[0], model, hex);
    }
    heddle_model_free(model);
    return status;
}

/* ------------------------------------------------------------------- data -------------------- */

/** Is what is no data a model? It may be packed, which input_is_model() does not look into. */
static bool is_packed_model(const char *path)
{
    heddle_model *model;
    struct stat seen;
    if (stat(path, &seen) != 0 || !S_ISREG(seen.st_mode) ||
        heddle_model_read(path, &model, NULL) != HEDDLE_OK) {
        return false;
    }
    heddle_model_free(model);
    return true;
}

static int info_data(const struct command_line *line)
{
    heddle_read_options reading;
    heddle_table *table = NULL;
    const char *path = line->operands[0];
    int status = input_options(line, &reading);
    if (status >= 0) {
        return status;
    }
    heddle_error err;
    heddle_status read = heddle_table_read(path, &reading, &table, &err);
    if (read == HEDDLE_E_DATA && is_packed_model(path)) {
        return info_model(line);
    }
    status = read == HEDDLE_OK ? 0 : give_up(&err);
    if (status == 0) {
        info_data_print(path, table, option_flag(line, "json"));
    }
    heddle_table_free(table);
    return status;
}

static int run(const struct command_line *line)
{
    if (line->operand_count == 0) {
        return info_machine(line);
    }
    return input_is_model(line->operands[0]) ? info_model(line) : info_data(line);
}

const struct command command_info = {
    .name = "info",
    .operands = "[MODEL | DATA]",
    .summary = "the machine, a model, or what is understood of data",
    .text = "Without an argument: what Heddle sees of this machine, what a run would use of it and "
            "why, and the speed limit it measures. With a model: its shape, names and metadata. "
            "With data: format, rows, columns, and what is in them.",
    .examples = "  heddle info\n"
                "  heddle info flowers.model\n"
                "  heddle info flowers.csv --json\n",
    .most = 1,
    .recipe = RECIPE_MACHINE,
    .options = {input_category_options, input_label_options, input_format_options, options},
    .run = run,
};
