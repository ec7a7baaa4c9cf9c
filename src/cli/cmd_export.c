/** heddle export: a model for programs without Heddle, as ONNX or as C, by the end of the name. */
#include <string.h>

#include "command.h"
#include "input.h"
#include "json_out.h"
#include "options.h"
#include "output.h"

static const struct option options[] = {
    {"output", 'o', OPTION_TEXT, "run", "FILE", NULL,
     "write to FILE, which must end in .onnx or .c; it appears whole or not at all"},
    {"variant", 0, OPTION_CHOICE, "run", "fma|portable", "fma",
     "fma: the same bits as 'heddle predict', in C by fused multiply-adds, in ONNX by sums in "
     "Heddle's order, which cost onnxruntime 10 to 80 times the time (of a model with --precision "
     "double: within 1e-12, at no cost). portable: C as plain a*b+c for machines that have no fma; "
     "ONNX as Gemm in float, which every runtime has: the same within 4e-6 of a row's largest "
     "probability or a column's largest number"},
    {"name", 0, OPTION_TEXT, "run", "PREFIX", NULL,
     "what the names in the file begin with, and the graph's name; without it the file's own name"},
    {"json", 0, OPTION_FLAG, "run", NULL, NULL, "one JSON object: file and format"},
    {.name = NULL},
};

static int run(const struct command_line *line)
{
    const char *output = option_given(line, "output");
    const char *input = line->operands[0];
    if (output == NULL) {
        return misuse(line->command, "where to? -o FILE.onnx or -o FILE.c");
    }
    if (same_file(output, input)) {
        return misuse(line->command, "--output would overwrite the input '%s'", input);
    }
    bool onnx = path_ends_in(output, ".onnx");
    if (!onnx && !path_ends_in(output, ".c")) {
        return misuse(line->command,
                      "'%s' ends neither in .onnx nor in .c, so it is not known what to write",
                      output);
    }
    heddle_export_options how = {
        .name = option_given(line, "name"),
        .portable = strcmp(option_value(line, "variant"), "portable") == 0,
    };
    heddle_model *model = NULL;
    heddle_error err;
    int status = can_create(output, true);
    status = status != 0 ? status : input_model(input, &model);
    if (status == 0) {
        heddle_status done = onnx ? heddle_model_export_onnx(model, output, &how, &err)
                                  : heddle_model_export_c(model, output, &how, &err);
        status = done == HEDDLE_OK ? 0 : give_up(&err);
    }
    const char *format = onnx ? "ONNX, opset 13" : "C99";
    if (status == 0 && option_flag(line, "json")) {
        json_t *object = json_object();
        json_put(object, "file", json_text(output));
        json_put(object, "format", json_text(format));
        json_write(stdout, object, true);
        json_decref(object);
    } else if (status == 0) {
        printf("export %s %s\n", output, format);
    }
    heddle_model_free(model);
    return status;
}

const struct command command_export = {
    .name = "export",
    .operands = "MODEL",
    .summary = "a model for programs without Heddle: ONNX or C",
    .text =
        "Writes a model as an ONNX graph (for onnxruntime and its like) or as one C file without "
        "dependencies. Preprocessing is part of both, so columns go in as they are in the data. "
        "Both compute the same bits as 'heddle predict' unless told otherwise. The C file says in "
        "its head how to use it and tests itself when compiled with -DPREFIX_SELF_TEST, the prefix "
        "in capitals. The graph's inputs are x (the number columns, in double if they are scaled) "
        "and texts (the others, looked up as they are spelled: 1.0 is not 1); its metadata name "
        "the columns and classes.",
    .examples = "  heddle export flowers.model -o flowers.onnx\n"
                "  heddle export flowers.model -o fast.onnx --variant portable\n"
                "  heddle export flowers.model -o flowers.c\n"
                "  heddle export flowers.model -o small.c --variant portable --name flowers\n",
    .least = 1,
    .most = 1,
    .options = {options},
    .run = run,
};
