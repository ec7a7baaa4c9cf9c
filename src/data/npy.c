/**
 * npy: NumPy's array files. "\x93NUMPY", version, length of the header, and the header: a Python
 * dictionary of 'descr', 'fortran_order' and 'shape'; then the elements.
 *
 * Source: NumPy Enhancement Proposal 1, "A simple file format for NumPy arrays"; numpy.lib.format.
 */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/status.h"
#include "data/cell.h"
#include "data/readers.h"

enum {
    MAX_RANK = 32, /* NumPy's own limit */
    MAX_COLUMNS = 1 << 20,
    MAX_HEADER = 65536, /* a structured type may take more, but that is refused anyway */
    IMAGE_COLUMNS = 196 /* 14 × 14: so many bytes a row are a picture, fewer are a table */
};

bool npy_recognise(const struct file_bytes *bytes)
{
    return bytes->size >= 6 && memcmp(bytes->data, "\x93NUMPY", 6) == 0;
}

struct npy {
    const char *path;
    const char *p, *end; /* of the header's text */
    struct array_shape array;
    size_t shape[MAX_RANK];
    char text[64]; /* the shape as text, "60000x28x28" */
};

static heddle_status bad_header(const struct npy *npy, const char *what, heddle_error *err)
{
    return status_set(err, HEDDLE_E_DATA, "'%s' is an NPY file whose header %s", npy->path, what);
}

/* ---------------------------------------------------------------- the dictionary ------------- */

static void skip_blanks(struct npy *npy)
{
    while (npy->p < npy->end && strchr(" \t\r\n", *npy->p) && *npy->p)
        npy->p++;
}

static bool take(struct npy *npy, char c)
{
    skip_blanks(npy);
    if (npy->p == npy->end || *npy->p != c)
        return false;
    npy->p++;
    return true;
}

/* A string without escapes, as all that occur are. */
static bool take_string(struct npy *npy, const char **text, size_t *n)
{
    skip_blanks(npy);
    if (npy->p == npy->end || (*npy->p != '\'' && *npy->p != '"'))
        return false;
    char quote = *npy->p++;
    *text = npy->p;
    while (npy->p < npy->end && *npy->p != quote && *npy->p != '\\')
        npy->p++;
    if (npy->p == npy->end || *npy->p != quote)
        return false;
    *n = (size_t)(npy->p++ - *text);
    return true;
}

static bool take_word(struct npy *npy, const char *word)
{
    skip_blanks(npy);
    size_t n = strlen(word);
    if ((size_t)(npy->end - npy->p) < n || memcmp(npy->p, word, n) != 0)
        return false;
    npy->p += n;
    return true;
}

static heddle_status take_shape(struct npy *npy, heddle_error *err)
{
    size_t rank = 0;
    if (!take(npy, '('))
        return bad_header(npy, "has no shape", err);
    while (!take(npy, ')')) {
        size_t size = 0, digits = 0;
        bool fits = true;
        skip_blanks(npy);
        for (; npy->p < npy->end && *npy->p >= '0' && *npy->p <= '9'; npy->p++, digits++)
            fits = fits && size_multiply(size, 10, &size) &&
                   size_add(size, (size_t)(*npy->p - '0'), &size);
        if (digits && npy->p < npy->end && *npy->p == 'L') /* as Python 2 wrote them */
            npy->p++;
        bool comma = take(npy, ',');
        skip_blanks(npy);
        if (!digits || !fits || rank == MAX_RANK ||
            (!comma && (npy->p == npy->end || *npy->p != ')')))
            return bad_header(npy, "has a shape that is none", err);
        npy->shape[rank++] = size;
    }
    npy->array.rank = rank;
    return HEDDLE_OK;
}

static heddle_status take_type(struct npy *npy, heddle_error *err)
{
    static const char names[][3] = {
        [ELEMENT_U8] = "u1",  [ELEMENT_I8] = "i1",  [ELEMENT_BOOL] = "b1", [ELEMENT_U16] = "u2",
        [ELEMENT_I16] = "i2", [ELEMENT_U32] = "u4", [ELEMENT_I32] = "i4",  [ELEMENT_U64] = "u8",
        [ELEMENT_I64] = "i8", [ELEMENT_F16] = "f2", [ELEMENT_F32] = "f4",  [ELEMENT_F64] = "f8",
    };
    const char *text;
    size_t n;
    skip_blanks(npy);
    if (npy->p < npy->end && (*npy->p == '[' || *npy->p == '('))
        return status_set(err, HEDDLE_E_DATA,
                          "'%s' is an NPY file of records; save its numbers as a plain array, such "
                          "as numpy.lib.recfunctions.structured_to_unstructured(a)",
                          npy->path);
    if (!take_string(npy, &text, &n))
        return bad_header(npy, "names no type", err);
    char order = n > 0 ? text[0] : '\0';
    if (order && strchr("<>=|", order)) {
        text++;
        n--;
    }
    if (n == 1 && *text == '?') { /* NumPy writes '|b1' */
        text = "b1";
        n = 2;
    }
    if (n && *text == 'O')
        return status_set(err, HEDDLE_E_DATA,
                          "'%s' is an NPY file of Python objects; save it with "
                          "a.astype(numpy.float32)",
                          npy->path);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (n == 2 && memcmp(names[i], text, 2) == 0) {
            npy->array.type = (enum element_type)i;
            bool little = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;
            npy->array.swapped = little ? order == '>' : order == '<';
            return HEDDLE_OK;
        }
    char shown[CELL_SHOWN];
    return status_set(err, HEDDLE_E_DATA,
                      "'%s' is an NPY file of type '%s'; bool, i1 to i8, u1 to u8, f2, f4 and f8 "
                      "are read",
                      npy->path, cell_show(text, n, shown));
}

static heddle_status take_dictionary(struct npy *npy, heddle_error *err)
{
    enum { DESCR = 1, ORDER = 2, SHAPE = 4, ALL = 7 };
    unsigned seen = 0;
    if (!take(npy, '{'))
        return bad_header(npy, "is no dictionary", err);
    while (!take(npy, '}')) {
        const char *key;
        size_t n;
        heddle_status status = HEDDLE_OK;
        if (!take_string(npy, &key, &n) || !take(npy, ':'))
            return bad_header(npy, "is no dictionary", err);
        unsigned which = 0;
        if (n == 5 && memcmp(key, "descr", n) == 0) {
            which = DESCR;
            status = take_type(npy, err);
        } else if (n == 13 && memcmp(key, "fortran_order", n) == 0) {
            which = ORDER;
            npy->array.fortran = take_word(npy, "True");
            if (!npy->array.fortran && !take_word(npy, "False"))
                status =
                    bad_header(npy, "has a 'fortran_order' that is neither True nor False", err);
        } else if (n == 5 && memcmp(key, "shape", n) == 0) {
            which = SHAPE;
            status = take_shape(npy, err);
        }
        if (status != HEDDLE_OK)
            return status;
        if (which == 0 || (seen & which))
            return bad_header(npy, "has a key that is not known, or twice", err);
        seen |= which;
        bool comma = take(npy, ',');
        skip_blanks(npy);
        if (!comma && (npy->p == npy->end || *npy->p != '}'))
            return bad_header(npy, "is no dictionary", err);
    }
    skip_blanks(npy);
    if (seen != ALL || npy->p != npy->end)
        return bad_header(npy, "lacks 'descr', 'fortran_order' or 'shape', or has more", err);
    return HEDDLE_OK;
}

/* ---------------------------------------------------------------- the file ------------------- */

/* npy->p … npy->end = the header's text; array.start = where the elements are. */
static heddle_status find_header(struct npy *npy, const struct file_bytes *bytes, heddle_error *err)
{
    const uint8_t *p = bytes->data;
    if (bytes->size < 10)
        return bad_header(npy, "is cut short", err);
    unsigned version = p[6];
    if (version < 1 || version > 3)
        return status_set(err, HEDDLE_E_DATA, "'%s' is an NPY file of version %u; 1 to 3 are read",
                          npy->path, version);
    size_t start = version == 1 ? 10 : 12, size = (size_t)p[8] | (size_t)p[9] << 8;
    if (version > 1) {
        if (bytes->size < start)
            return bad_header(npy, "is cut short", err);
        size |= (size_t)p[10] << 16 | (size_t)p[11] << 24;
    }
    if (size > MAX_HEADER)
        return bad_header(npy, "is too long", err);
    if (size > bytes->size - start)
        return bad_header(npy, "is cut short", err);
    npy->p = (const char *)p + start;
    npy->end = npy->p + size;
    npy->array.start = start + size;
    return HEDDLE_OK;
}

/* The bytes that the elements take; false: more than can be. */
static bool count_bytes(const struct npy *npy, size_t *total)
{
    *total = element_size(npy->array.type);
    bool fits = true;
    for (size_t r = 0; r < npy->array.rank; r++)
        fits = fits && size_multiply(*total, npy->shape[r], total);
    return fits;
}

/* The sizes against the bytes that are there. */
static heddle_status check_shape(struct npy *npy, size_t there, heddle_error *err)
{
    struct array_shape *a = &npy->array;
    const size_t element = element_size(a->type);
    size_t total, used = 0;
    bool fits = count_bytes(npy, &total);
    a->columns = 1;
    for (size_t r = 0; r < a->rank; r++) {
        if (used < sizeof npy->text - 24)
            used += (size_t)snprintf(npy->text + used, sizeof npy->text - used, r ? "x%zu" : "%zu",
                                     npy->shape[r]);
        if (npy->shape[r] == 0)
            return status_set(err, HEDDLE_E_DATA, "'%s' is an NPY file of shape %s: it is empty",
                              npy->path, npy->text);
        if (r > 0)
            fits = fits && size_multiply(a->columns, npy->shape[r], &a->columns);
    }
    if (a->rank == 0)
        return status_set(err, HEDDLE_E_DATA, "'%s' is an NPY file of one number, not of a table",
                          npy->path);
    if (!fits || total > there)
        return status_set(err, HEDDLE_E_DATA,
                          "'%s' is cut short: its NPY header promises %s elements of %zu byte%s, "
                          "%zu bytes are there",
                          npy->path, npy->text, element, element == 1 ? "" : "s", there);
    if (total < there)
        return status_set(err, HEDDLE_E_DATA,
                          "'%s' has %zu bytes more than its NPY header's %s elements take",
                          npy->path, there - total, npy->text);
    if (a->columns > MAX_COLUMNS)
        return status_set(err, HEDDLE_E_DATA, "'%s' has %zu columns; %d are possible", npy->path,
                          a->columns, MAX_COLUMNS);
    a->rows = npy->shape[0];
    return HEDDLE_OK;
}

heddle_status npy_claim(const char *path, const struct file_bytes *head, struct file_claim *claim,
                        heddle_error *err)
{
    struct npy npy = {.path = path};
    size_t elements, total;
    heddle_status status = find_header(&npy, head, err);
    if (status == HEDDLE_OK)
        status = take_dictionary(&npy, err);
    if (status != HEDDLE_OK)
        return status;
    if (!count_bytes(&npy, &elements) || !size_add(elements, npy.array.start, &total)) {
        claim->least = SIZE_MAX;
        return HEDDLE_OK;
    }
    claim->least = claim->most = total;
    return check_shape(&npy, elements, err);
}

heddle_status npy_read(const char *path, struct file_bytes *bytes,
                       const struct table_reading *reading, heddle_table **table, heddle_error *err)
{
    struct npy npy = {.path = path, .array = {.prefix = "x", .single = "y"}};
    const char *packing = bytes->packing;
    npy.array.shape = npy.shape;
    heddle_status status = find_header(&npy, bytes, err);
    if (status == HEDDLE_OK)
        status = take_dictionary(&npy, err);
    if (status == HEDDLE_OK)
        status = check_shape(&npy, bytes->size - npy.array.start, err);
    if (status != HEDDLE_OK)
        return status;
    if (npy.array.rank == 1)
        npy.array.fortran = false;
    heddle_table *t = NULL;
    status = reader_array(path, bytes, &npy.array, reading, &t, err);
    if (status != HEDDLE_OK)
        return status;
    t->images =
        npy.array.type == ELEMENT_U8 && (npy.array.rank > 2 || npy.array.columns >= IMAGE_COLUMNS);
    if (!table_set_format(t, "NPY %s of shape %s%s%s%s", element_name(npy.array.type), npy.text,
                          npy.array.fortran ? ", Fortran order" : "", *packing ? ", " : "",
                          packing)) {
        heddle_table_free(t);
        return status_memory(err, "a table", 0);
    }
    *table = t;
    return HEDDLE_OK;
}
