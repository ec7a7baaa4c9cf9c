/** unused: see unused.h. */
#include "train/unused.h"

#include <stdio.h>
#include <string.h>

#include "train/recipe_json.h"

/** Was the option given, and as something else than what it is without? */
static bool given(const heddle_recipe *recipe, enum option option)
{
    const char *value = recipe->value[option];
    return value && strcmp(value, recipe_default(recipe, option)) != 0;
}

/** Is it among the numbers that the run's text names since it goes by them? */
static bool in_text(const struct run_recipe *run, const char *name)
{
    char key[64];
    snprintf(key, sizeof key, "\"%s\":", name);
    return strstr(run->text.data, key) != NULL;
}

void recipe_note_unused(const heddle_recipe *recipe, const struct run_recipe *run,
                        const heddle_callbacks *callbacks)
{
    static const struct {
        enum option option;
        const char *name;
        bool of_schedule; /* which leaves it without a use; else the optimizer does */
    } number[] = {
        {OPTION_MOMENTUM, "momentum", false},
        {OPTION_BETA1, "beta1", false},
        {OPTION_BETA2, "beta2", false},
        {OPTION_EPSILON, "epsilon", false},
        {OPTION_SCHEDULE_FACTOR, "schedule-factor", true},
        {OPTION_SCHEDULE_EVERY, "schedule-every", true},
    };
    char text[128];
    if (!callbacks || !callbacks->note) {
        return;
    }
    for (size_t i = 0; i < sizeof number / sizeof *number; i++) {
        bool of_schedule = number[i].of_schedule;
        if (given(recipe, number[i].option) && !in_text(run, number[i].name)) {
            snprintf(text, sizeof text, "--%s has no effect with --%s %s", number[i].name,
                     of_schedule ? "schedule" : "optimizer",
                     of_schedule ? schedule_names[run->schedule.kind]
                                 : optimizer_names[run->optimizer]);
            callbacks->note(callbacks->user, text);
        }
    }
    if (given(recipe, OPTION_WATCH) && !run->patience && !run->plateau) {
        callbacks->note(callbacks->user,
                        "--watch has no effect without --patience or --schedule plateau");
    }
}
