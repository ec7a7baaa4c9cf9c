/** preprocess: one that changes nothing, and releasing any. */
#include <stdio.h>

#include "base/memory.h"
#include "base/status.h"
#include "data/preprocess.h"

static bool fill_plain(struct preprocess *p, size_t inputs, size_t outputs, bool classify)
{
    char name[32];
    size_t targets = classify ? 1 : outputs;
    p->input = memory_new(inputs, sizeof *p->input);
    p->target = memory_new(targets, sizeof *p->target);
    p->class_name = classify ? memory_new(outputs, sizeof *p->class_name) : NULL;
    p->class_number = classify ? memory_new(outputs, sizeof *p->class_number) : NULL;
    if (!p->input || !p->target || (classify && (!p->class_name || !p->class_number)))
        return false;
    for (; p->inputs < inputs; p->inputs++) {
        struct preprocess_input *input = &p->input[p->inputs];
        snprintf(name, sizeof name, "x%zu", p->inputs);
        input->factor = 1.0;
        input->position = p->inputs;
        input->name = memory_string(name);
        if (!input->name)
            return false;
    }
    for (; p->targets < targets; p->targets++) {
        struct preprocess_target *target = &p->target[p->targets];
        snprintf(name, sizeof name, targets == 1 ? "y" : "y%zu", p->targets);
        target->factor = 1.0;
        target->position = inputs + p->targets;
        target->name = memory_string(name);
        if (!target->name)
            return false;
    }
    for (; classify && p->classes < outputs; p->classes++) {
        snprintf(name, sizeof name, "%zu", p->classes);
        p->class_number[p->classes] = (double)p->classes;
        p->class_name[p->classes] = memory_string(name);
        if (!p->class_name[p->classes])
            return false;
    }
    return true;
}

heddle_status preprocess_plain(size_t inputs, size_t outputs, bool classify,
                               struct preprocess **preprocess, heddle_error *err)
{
    struct preprocess *p = memory_new(1, sizeof *p);
    if (p && classify && outputs == 1)
        outputs = 2; /* one output, 0 or 1, is two classes */
    if (!p || !fill_plain(p, inputs, outputs, classify)) {
        preprocess_free(p);
        return status_memory(err, "preprocessing", inputs * sizeof *p->input);
    }
    p->task = classify ? TASK_CLASSIFY : TASK_REGRESS;
    p->scale = SCALE_NONE;
    p->missing = MISSING_ERROR;
    p->width = inputs;
    p->columns = inputs + p->targets;
    *preprocess = p;
    return HEDDLE_OK;
}

void preprocess_free(struct preprocess *p)
{
    if (!p)
        return;
    for (size_t j = 0; j < p->inputs; j++) {
        memory_free(p->input[j].name);
        for (size_t k = 0; k < p->input[j].categories; k++)
            memory_free(p->input[j].category[k]);
        memory_free(p->input[j].category);
    }
    for (size_t t = 0; t < p->targets; t++)
        memory_free(p->target[t].name);
    for (size_t k = 0; k < p->classes; k++)
        memory_free(p->class_name[k]);
    memory_free(p->input);
    memory_free(p->target);
    memory_free(p->class_name);
    memory_free(p->class_number);
    memory_free(p);
}
