/** export: see model/export.h. */
#include "model/export.h"

#include <string.h>

#include "base/status.h"

/* Letters and digits as C has them, whatever the locale. */
static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_word(char c)
{
    return is_letter(c) || (c >= '0' && c <= '9') || c == '_';
}

/** path without its folders and what follows the last point, made an identifier. */
static void name_of_path(const char *path, char name[EXPORT_NAME_SIZE])
{
    const char *slash = strrchr(path, '/');
    const char *base = slash ? slash + 1 : path;
    const char *point = strrchr(base, '.');
    size_t n = point && point > base ? (size_t)(point - base) : strlen(base);
    size_t used = 0;
    if (n == 0 || !is_letter(base[0])) {
        memcpy(name, "net_", 4);
        used = 4;
    }
    for (size_t i = 0; i < n && used < EXPORT_NAME_SIZE - 1; i++) {
        name[used++] = is_word(base[i]) ? base[i] : '_';
    }
    name[used] = 0;
}

heddle_status export_name(const char *path, const heddle_export_options *options,
                          char name[EXPORT_NAME_SIZE], heddle_error *err)
{
    if (!options || !options->name) {
        name_of_path(path, name);
        return HEDDLE_OK;
    }
    const char *wanted = options->name;
    bool fits = is_letter(wanted[0]);
    size_t n = 0;
    for (; fits && wanted[n]; n++) {
        fits = is_word(wanted[n]) && n < EXPORT_NAME_SIZE - 1;
    }
    if (!fits) {
        return status_set(
            err, HEDDLE_E_ARGUMENT,
            "'%.80s' cannot be the name of the export: a letter, then letters, digits "
            "and '_', at most %d in all",
            wanted, EXPORT_NAME_SIZE - 1);
    }
    memcpy(name, wanted, n + 1);
    return HEDDLE_OK;
}

size_t export_texts(const struct preprocess *preprocess)
{
    size_t texts = 0;
    for (size_t j = 0; j < preprocess->inputs; j++) {
        texts += preprocess->input[j].text;
    }
    return texts;
}

size_t export_numbers(const struct preprocess *preprocess)
{
    return preprocess->inputs - export_texts(preprocess);
}

size_t export_width(const struct preprocess_input *input)
{
    return input->text ? input->categories + input->missing_category : 1;
}

bool export_scales(const struct preprocess *preprocess)
{
    for (size_t j = 0; j < preprocess->inputs; j++) {
        const struct preprocess_input *input = &preprocess->input[j];
        if (!input->text && (input->shift != 0 || input->factor != 1)) {
            return true;
        }
    }
    return false;
}
