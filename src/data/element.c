/** element: one loop a type, so that the type is asked once and not for every element. */
#include <math.h>
#include <string.h>

#include "base/file_pieces.h"
#include "data/element.h"

static const struct {
    const char *name;
    size_t size;
} types[] = {
    [ELEMENT_U8] = {"u1", 1},  [ELEMENT_I8] = {"i1", 1},  [ELEMENT_BOOL] = {"b1", 1},
    [ELEMENT_U16] = {"u2", 2}, [ELEMENT_I16] = {"i2", 2}, [ELEMENT_U32] = {"u4", 4},
    [ELEMENT_I32] = {"i4", 4}, [ELEMENT_U64] = {"u8", 8}, [ELEMENT_I64] = {"i8", 8},
    [ELEMENT_F16] = {"f2", 2}, [ELEMENT_F32] = {"f4", 4}, [ELEMENT_F64] = {"f8", 8},
};

size_t element_size(enum element_type type)
{
    return types[type].size;
}

const char *element_name(enum element_type type)
{
    return types[type].name;
}

bool element_is_whole(enum element_type type)
{
    return type < ELEMENT_F16;
}

static uint16_t load16(const uint8_t *p, bool swapped)
{
    uint16_t bits;
    memcpy(&bits, p, sizeof bits);
    return swapped ? __builtin_bswap16(bits) : bits;
}

static uint32_t load32(const uint8_t *p, bool swapped)
{
    uint32_t bits;
    memcpy(&bits, p, sizeof bits);
    return swapped ? __builtin_bswap32(bits) : bits;
}

static uint64_t load64(const uint8_t *p, bool swapped)
{
    uint64_t bits;
    memcpy(&bits, p, sizeof bits);
    return swapped ? __builtin_bswap64(bits) : bits;
}

static double half(uint16_t bits)
{
    int exponent = bits >> 10 & 0x1f;
    double fraction = (double)(bits & 0x3ff), value;
    if (exponent == 0)
        value = ldexp(fraction, -24);
    else if (exponent < 0x1f)
        value = ldexp(fraction + 1024, exponent - 25);
    else
        value = fraction != 0 ? NAN : INFINITY;
    return bits & 0x8000 ? -value : value;
}

static double single(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return (double)value;
}

static double twice(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* element_read() of an array in a file that is not mapped. */
static void read_pieces(const struct element_array *array, size_t c, const uint32_t *row,
                        size_t first, size_t n, double *out)
{
    enum { AT_ONCE = 256 };
    uint8_t copy[AT_ONCE * sizeof(double)];
    const size_t size = types[array->type].size, column = array->start + c * array->column;
    /* of elements far apart, as a row's in Fortran order are, a piece would hold hardly more than
     * one: each alone is read in a hundredth of the time that a piece takes */
    const bool ahead = array->row <= FILE_PIECE / 64;
    const struct element_array piece = {
        .data = copy, .type = array->type, .swapped = array->swapped, .row = size};
    for (size_t i = 0; i < n; i += AT_ONCE) {
        size_t count = n - i < AT_ONCE ? n - i : AT_ONCE;
        const uint8_t *run = NULL;
        bool whole = true;
        size_t low = SIZE_MAX, high = 0;
        for (size_t k = 0; k < count; k++) {
            size_t r = row ? row[i + k] : first + i + k;
            low = r < low ? r : low;
            high = r > high ? r : high;
        }
        /* those of a column in Fortran order stand together: they are read at once, and nothing
         * behind them, for the next column is elsewhere */
        if (count > 1 && array->row == size && high - low < FILE_PIECE / size)
            run = file_piece_at(array->pieces, column + low * size, (high - low + 1) * size, false);
        for (size_t k = 0; whole && k < count; k++) {
            size_t r = row ? row[i + k] : first + i + k;
            const uint8_t *p =
                run ? run + (r - low) * size
                    : file_piece_at(array->pieces, column + r * array->row, size, ahead);
            whole = p != NULL;
            if (p)
                memcpy(copy + k * size, p, size);
        }
        if (whole)
            element_read(&piece, 0, NULL, 0, count, out + i);
        for (size_t k = 0; !whole && k < count; k++)
            out[i + k] = NAN;
    }
}

/* p is the element. */
#define EACH(expression)                                                                           \
    for (size_t i = 0; i < n; i++) {                                                               \
        const uint8_t *p = start + (row ? row[i] : first + i) * stride;                            \
        out[i] = (double)(expression);                                                             \
    }                                                                                              \
    break

void element_read(const struct element_array *array, size_t c, const uint32_t *row, size_t first,
                  size_t n, double *out)
{
    if (array->pieces) {
        read_pieces(array, c, row, first, n, out);
        return;
    }
    const uint8_t *start = array->data + c * array->column;
    const size_t stride = array->row;
    const bool swapped = array->swapped;
    switch (array->type) {
    case ELEMENT_U8:
        EACH(*p);
    case ELEMENT_I8:
        EACH((int8_t)*p);
    case ELEMENT_BOOL:
        EACH(*p != 0);
    case ELEMENT_U16:
        EACH(load16(p, swapped));
    case ELEMENT_I16:
        EACH((int16_t)load16(p, swapped));
    case ELEMENT_U32:
        EACH(load32(p, swapped));
    case ELEMENT_I32:
        EACH((int32_t)load32(p, swapped));
    case ELEMENT_U64:
        EACH(load64(p, swapped));
    case ELEMENT_I64:
        EACH((int64_t)load64(p, swapped));
    case ELEMENT_F16:
        EACH(half(load16(p, swapped)));
    case ELEMENT_F32:
        EACH(single(load32(p, swapped)));
    case ELEMENT_F64:
        EACH(twice(load64(p, swapped)));
    }
}

void element_read_row(const struct element_array *array, size_t i, size_t c, size_t n, double *out)
{
    /* the columns of a row are the rows of the array turned round */
    const struct element_array turned = {.data =
                                             array->pieces ? NULL : array->data + i * array->row,
                                         .pieces = array->pieces,
                                         .start = array->start + i * array->row,
                                         .type = array->type,
                                         .swapped = array->swapped,
                                         .row = array->column};
    element_read(&turned, 0, NULL, c, n, out);
}
