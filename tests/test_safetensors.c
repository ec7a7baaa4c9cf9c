/** Tests of src/model/safetensors.c: the container, written exactly and read strictly. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "model/safetensors.h"

/* ---------------------------------------------------------------- writing -------------------- */

static const float weight[6] = {1, 2, 3, 4, 5, 6};
static const double bias[1] = {0.5};

static const struct safetensors_tensor tensors[2] = {
    {"w", "F32", 2, {2, 3}, weight, sizeof weight},
    {"b", "F64", 1, {1}, bias, sizeof bias},
};

static const struct safetensors_entry entries[2] = {{"a", "1"}, {"q", "\"\\\n\x7fé/"}};

/* The header of the above by hand: 203 characters and 5 spaces. */
static const char header[] = "{\"__metadata__\":{\"a\":\"1\",\"q\":\"\\\"\\\\\\u000a\x7fé/\"},"
                             "\"w\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,24]},"
                             "\"b\":{\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[24,32]}}";

/* All pieces in one block of exactly their size, so that reading too far is noticed. */
static char *join(const struct safetensors_output *output, size_t *size)
{
    *size = 0;
    for (size_t i = 0; i < output->pieces; i++) {
        *size += output->piece[i].size;
    }
    char *bytes = malloc(*size);
    size_t at = 0;
    for (size_t i = 0; i < output->pieces; i++) {
        memcpy(bytes + at, output->piece[i].data, output->piece[i].size);
        at += output->piece[i].size;
    }
    return bytes;
}

static char *small_file(size_t *size)
{
    struct safetensors_output output;
    cr_assert_eq(safetensors_encode(entries, 2, tensors, 2, &output, NULL), HEDDLE_OK);
    char *bytes = join(&output, size);
    safetensors_output_done(&output);
    return bytes;
}

Test(safetensors, writes_exactly_these_bytes)
{
    size_t size;
    char *bytes = small_file(&size);
    size_t n = sizeof header - 1;
    size_t padded = (n + 7) / 8 * 8;
    uint64_t length;
    memcpy(&length, bytes, 8);
    cr_assert_eq(length, padded);
    cr_assert_eq(size, 8 + padded + 32);
    cr_assert_eq(memcmp(bytes + 8, header, n), 0);
    for (size_t i = n; i < padded; i++) {
        cr_assert_eq(bytes[8 + i], ' ');
    }
    cr_assert_eq(memcmp(bytes + 8 + padded, weight, sizeof weight), 0);
    cr_assert_eq(memcmp(bytes + 8 + padded + 24, bias, sizeof bias), 0);
    free(bytes);
}

Test(safetensors, the_header_is_a_multiple_of_eight_whatever_it_holds)
{
    for (size_t n = 0; n < 20; n++) {
        const char *text = &"abcdefghijklmnopqrst"[n];
        struct safetensors_entry entry = {"k", text};
        struct safetensors_output output;
        cr_assert_eq(safetensors_encode(&entry, 1, NULL, 0, &output, NULL), HEDDLE_OK);
        cr_assert_eq(output.header_size % 8, 0);
        struct safetensors file;
        cr_assert_eq(safetensors_parse(output.header, output.header_size, "m", &file, NULL),
                     HEDDLE_OK);
        cr_assert_str_eq(safetensors_value(&file, "k"), text);
        safetensors_done(&file);
        safetensors_output_done(&output);
    }
}

/* ---------------------------------------------------------------- reading -------------------- */

Test(safetensors, reads_what_it_wrote)
{
    size_t size;
    char *bytes = small_file(&size);
    struct safetensors file;
    cr_assert_eq(safetensors_parse(bytes, size, "m", &file, NULL), HEDDLE_OK);
    cr_assert_eq(file.entries, 2);
    for (size_t i = 0; i < 2; i++) {
        cr_assert_str_eq(file.entry[i].key, entries[i].key);
        cr_assert_str_eq(file.entry[i].value, entries[i].value);
    }
    cr_assert_null(safetensors_value(&file, "none"));
    cr_assert_eq(file.tensors, 2);
    const struct safetensors_tensor *w = safetensors_find(&file, "w");
    cr_assert(w && w->rank == 2 && w->shape[0] == 2 && w->shape[1] == 3);
    cr_assert(w->size == sizeof weight && memcmp(w->data, weight, sizeof weight) == 0);
    const struct safetensors_tensor *b = safetensors_find(&file, "b");
    cr_assert(b && b->rank == 1 && b->shape[0] == 1 && strcmp(b->dtype, "F64") == 0);
    cr_assert(b->size == sizeof bias && memcmp(b->data, bias, sizeof bias) == 0);
    cr_assert_null(safetensors_find(&file, "c"));
    safetensors_done(&file);
    free(bytes);
}

Test(safetensors, refuses_every_prefix_and_a_byte_too_many)
{
    size_t size;
    char *bytes = small_file(&size);
    for (size_t n = 0; n <= size + 1; n++) {
        char *part = calloc(1, n + (n == 0));
        memcpy(part, bytes, n < size ? n : size);
        struct safetensors file;
        heddle_status status = safetensors_parse(part, n, "m", &file, NULL);
        cr_assert_eq(status, n == size ? HEDDLE_OK : HEDDLE_E_DATA, "%zu of %zu bytes", n, size);
        if (!status) {
            safetensors_done(&file);
        }
        free(part);
    }
    free(bytes);
}

/* A file of this header and `data` zero bytes. Its length field is `length`, or the right one. */
static heddle_status parse(const char *text, uint64_t length, size_t data, struct safetensors *file,
                           heddle_error *err)
{
    size_t n = strlen(text);
    uint64_t right = n;
    char *bytes = calloc(1, 8 + n + data);
    memcpy(bytes, length ? &length : &right, 8);
    memcpy(bytes + 8, text, n);
    heddle_status status = safetensors_parse(bytes, 8 + n + data, "m.safetensors", file, err);
    free(bytes);
    return status;
}

/* A tensor named a, and one named b, with what varies given. */
#define A(dtype, shape, offsets)                                                                   \
    "\"a\":{\"dtype\":" dtype ",\"shape\":" shape ",\"data_offsets\":" offsets "}"
#define B(shape, offsets)                                                                          \
    "\"b\":{\"dtype\":\"F32\",\"shape\":" shape ",\"data_offsets\":" offsets "}"
#define F32A(shape, offsets) A("\"F32\"", shape, offsets)

static const struct {
    const char *text;
    uint64_t length; /* 0: the right one */
    size_t data;
    const char *reason;
} hostile[] = {
    /* the length of the header */
    {"{}", 1, 0, "no JSON"},
    {"{}", 3, 0, "cannot be 3 bytes"},
    {"{}", 0x7fffffff, 0, "does not begin as one does"},
    {"{}", 0x100000000, 0, "does not begin as one does"},
    {"{}", 0x7fffffffffffffff, 0, "does not begin as one does"},
    {"{}", 0xffffffffffffffff, 0, "does not begin as one does"},
    {"{}", 0xfffffffffffffff8, 0, "does not begin as one does"},
    {"", 0, 8, "does not begin with '{'"},
    /* its text */
    {" {}", 0, 0, "does not begin with '{'"},
    {"[]", 0, 0, "does not begin with '{'"},
    {"null", 0, 0, "does not begin with '{'"},
    {"{", 0, 0, "no JSON"},
    {"{}}", 0, 0, "no JSON"},
    {"{} {}", 0, 0, "no JSON"},
    {"{\"a\":}", 0, 0, "no JSON"},
    {"{\"a\":{\"a\":{\"a\":{}}}}", 0, 0, "nested too deeply"},
    {"{\"a\":[[[0]]]}", 0, 0, "nested too deeply"},
    {"{\"a\xff\":{}}", 0, 0, "no JSON"},
    {"{\"a\\u0000\":{}}", 0, 0, "no JSON"},
    {"{\"__metadata__\":{\"k\":\"\\ud800\"}}", 0, 0, "no JSON"},
    {"{\"__metadata__\":{\"k\":\"\n\"}}", 0, 0, "no JSON"},
    /* keys twice */
    {"{\"__metadata__\":{},\"__metadata__\":{}}", 0, 0, "no JSON"},
    {"{\"__metadata__\":{\"k\":\"1\",\"k\":\"2\"}}", 0, 0, "no JSON"},
    {"{" F32A("[1]", "[0,4]") "," F32A("[1]", "[4,8]") "}", 0, 8, "no JSON"},
    {"{\"a\":{\"dtype\":\"F32\",\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 0, 4,
     "no JSON"},
    /* metadata */
    {"{\"__metadata__\":[]}", 0, 0, "not a map"},
    {"{\"__metadata__\":\"x\"}", 0, 0, "not a map"},
    {"{\"__metadata__\":null}", 0, 0, "not a map"},
    {"{\"__metadata__\":{\"k\":1}}", 0, 0, "'k' in __metadata__ is not a string"},
    {"{\"__metadata__\":{\"k\":{}}}", 0, 0, "'k' in __metadata__ is not a string"},
    /* what a tensor consists of */
    {"{\"a\":1}", 0, 0, "tensor 'a' is not given by"},
    {"{\"a\":{}}", 0, 0, "tensor 'a' is not given by"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}", 0, 4, "tensor 'a' is not given by"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4],\"x\":1}}", 0, 4,
     "tensor 'a' is not given by"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"offsets\":[0,4]}}", 0, 4, "data_offsets"},
    {"{" A("32", "[1]", "[0,4]") "}", 0, 4, "tensor 'a' is not given by"},
    /* shapes */
    {"{" F32A("1", "[0,4]") "}", 0, 4, "shape"},
    {"{" F32A("[\"1\"]", "[0,4]") "}", 0, 4, "shape"},
    {"{" F32A("[-1]", "[0,4]") "}", 0, 4, "shape"},
    {"{" F32A("[1.0]", "[0,4]") "}", 0, 4, "shape"},
    {"{" F32A("[1e0]", "[0,4]") "}", 0, 4, "shape"},
    {"{" F32A("[9223372036854775808]", "[0,4]") "}", 0, 4, "no JSON"},
    {"{" F32A("[1,1,1,1,1,1,1,1,1]", "[0,4]") "}", 0, 4, "shape"},
    {"{" F32A("[2]", "[0,4]") "}", 0, 4, "has 4 bytes, which"},
    {"{" F32A("[0]", "[0,4]") "}", 0, 4, "has 4 bytes, which"},
    {"{" F32A("[]", "[0,8]") "}", 0, 8, "has 8 bytes, which"},
    /* products that are 4 or 0 modulo 2^64 */
    {"{" F32A("[4611686018427387905]", "[0,4]") "}", 0, 4, "has 4 bytes, which"},
    {"{" F32A("[4294967296,4294967296]", "[0,0]") "}", 0, 0, "has 0 bytes, which"},
    {"{" F32A("[4611686018427387904]", "[0,0]") "}", 0, 0, "has 0 bytes, which"},
    {"{" F32A("[2147483648,2147483648,4]", "[0,0]") "}", 0, 0, "has 0 bytes, which"},
    {"{" A("\"F64\"", "[2305843009213693952]", "[0,0]") "}", 0, 0, "has 0 bytes, which"},
    /* offsets */
    {"{" F32A("[1]", "[]") "}", 0, 4, "data_offsets of tensor 'a'"},
    {"{" F32A("[1]", "[0]") "}", 0, 4, "data_offsets of tensor 'a'"},
    {"{" F32A("[1]", "[0,4,4]") "}", 0, 4, "data_offsets of tensor 'a'"},
    {"{" F32A("[1]", "4") "}", 0, 4, "data_offsets of tensor 'a'"},
    {"{" F32A("[1]", "[0,4.0]") "}", 0, 4, "data_offsets of tensor 'a'"},
    {"{" F32A("[1]", "[4,0]") "}", 0, 4, "data_offsets of tensor 'a'"},
    {"{" F32A("[1]", "[-4,0]") "}", 0, 4, "data_offsets of tensor 'a'"},
    {"{" F32A("[2]", "[0,8]") "}", 0, 4, "data_offsets of tensor 'a'"},
    {"{" F32A("[1]", "[9223372036854775803,9223372036854775807]") "}", 0, 4, "data_offsets"},
    /* holes, overlaps, what belongs to nobody */
    {"{" F32A("[1]", "[4,8]") "}", 0, 8, "a hole before the data of tensor 'a'"},
    {"{" F32A("[1]", "[0,4]") "," B("[1]", "[8,12]") "}", 0, 12, "a hole before"},
    {"{" F32A("[1]", "[0,4]") "," B("[1]", "[0,4]") "}", 0, 4, "an overlap before"},
    {"{" F32A("[2]", "[0,8]") "," B("[1]", "[4,8]") "}", 0, 8, "an overlap before"},
    {"{" F32A("[1]", "[0,4]") "}", 0, 5, "1 bytes at its end"},
    {"{}", 0, 8, "8 bytes at its end"},
};

Test(safetensors, refuses_hostile_headers_and_says_why)
{
    for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++) {
        heddle_error err = {0};
        struct safetensors file;
        heddle_status status =
            parse(hostile[i].text, hostile[i].length, hostile[i].data, &file, &err);
        cr_assert_eq(status, HEDDLE_E_DATA, "%s was taken", hostile[i].text);
        cr_assert(strstr(err.text, hostile[i].reason), "%s: %s", hostile[i].text, err.text);
        cr_assert(strstr(err.text, "'m.safetensors' is no model file: ") == err.text);
    }
}

static const struct {
    const char *text;
    size_t data;
    size_t tensors;
} lawful[] = {
    {"{}", 0, 0},
    {"{}  ", 0, 0},
    {"{\"__metadata__\":{}}", 0, 0},
    {"{ \"a\" : { \"shape\" : [ 1 ] , \"data_offsets\" : [ 0 , 4 ] , \"dtype\" : \"F32\" } }", 4,
     1},
    {"{" F32A("[]", "[0,4]") "}", 4, 1},
    {"{" F32A("[0,7]", "[0,0]") "}", 0, 1},
    /* data in another order than the header, and an empty tensor between the others */
    {"{" F32A("[1]", "[4,8]") "," B("[1]", "[0,4]") "}", 8, 2},
    {"{\"e\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[4,4]}," F32A("[1]", "[4,8]") "," B(
         "[1]", "[0,4]") "}",
     8, 3},
    /* types that are only told */
    {"{" A("\"BF16\"", "[2]", "[0,4]") "}", 4, 1},
    {"{" A("\"U4\"", "[3]", "[0,2]") "}", 2, 1},
};

Test(safetensors, takes_all_that_is_lawful)
{
    for (size_t i = 0; i < sizeof lawful / sizeof *lawful; i++) {
        heddle_error err = {0};
        struct safetensors file;
        cr_assert_eq(parse(lawful[i].text, 0, lawful[i].data, &file, &err), HEDDLE_OK, "%s: %s",
                     lawful[i].text, err.text);
        cr_assert_eq(file.tensors, lawful[i].tensors);
        safetensors_done(&file);
    }
}

/* A header that repeats a part, in a block of its own. */
static heddle_status parse_repeated(const char *begin, const char *part, size_t times,
                                    heddle_error *err)
{
    struct string s = {0};
    string_add(&s, begin);
    for (size_t i = 0; i < times; i++) {
        string_add(&s, part);
    }
    struct safetensors file;
    heddle_status status = parse(s.data, 0, 0, &file, err);
    memory_free(s.data);
    return status;
}

Test(safetensors, bounds_depth_and_number_of_values)
{
    heddle_error err;
    cr_assert_eq(parse_repeated("{\"a\":", "[", 1000000, &err), HEDDLE_E_DATA);
    cr_assert(strstr(err.text, "nested too deeply"), "%s", err.text);
    cr_assert_eq(parse_repeated("{", "\"a\":{", 1000000, &err), HEDDLE_E_DATA);
    cr_assert(strstr(err.text, "nested too deeply"), "%s", err.text);
    cr_assert_eq(parse_repeated("{\"a\":[0", ",0", 1000000, &err), HEDDLE_E_DATA);
    cr_assert(strstr(err.text, "too many values"), "%s", err.text);
    /* Brackets and commas in strings do not count. */
    cr_assert_eq(parse_repeated("{\"__metadata__\":{\"k\":\"\\\"", "[,{:", 1000000, &err),
                 HEDDLE_E_DATA);
    cr_assert(strstr(err.text, "no JSON"), "%s", err.text);
}

/* ---------------------------------------------------------------- memory --------------------- */

Test(safetensors, every_allocation_may_fail)
{
    size_t size;
    char *bytes = small_file(&size);
    heddle_status encoded = HEDDLE_E_MEMORY, parsed = HEDDLE_E_MEMORY;
    for (size_t n = 1; encoded != HEDDLE_OK; n++) {
        struct safetensors_output output;
        memory_fail_at(n, false);
        encoded = safetensors_encode(entries, 2, tensors, 2, &output, NULL);
        memory_fail_at(0, false);
        cr_assert(encoded == HEDDLE_OK ? n > 2 : encoded == HEDDLE_E_MEMORY);
        if (!encoded) {
            safetensors_output_done(&output);
        }
    }
    for (size_t n = 1; parsed != HEDDLE_OK; n++) {
        struct safetensors file;
        memory_fail_at(n, false);
        parsed = safetensors_parse(bytes, size, "m", &file, NULL);
        memory_fail_at(0, false);
        cr_assert(parsed == HEDDLE_OK ? n > 2 : parsed == HEDDLE_E_MEMORY);
        if (!parsed) {
            safetensors_done(&file);
        }
    }
    free(bytes);
}
