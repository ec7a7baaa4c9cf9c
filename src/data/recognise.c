/** recognise: see data/recognise.h. */
#include "data/recognise.h"

#include <string.h>

#include "base/status.h"
#include "data/csv_guess.h"
#include "data/utf16.h"

/* ---------------------------------------------------------------- formats -------------------- */

/* Readers by content, asked in this order; what none of them recognises is delimited text. */
static const struct table_format formats[] = {
    {idx_recognise, idx_read, idx_claim, false},     {npy_recognise, npy_read, npy_claim, false},
    {fann_recognise, fann_read, fann_claim, true},   {arff_recognise, arff_read, NULL, true},
    {svmlight_recognise, svmlight_read, NULL, true},
};

/* Files that begin like this are known and not read. */
static const struct foreign {
    const char *magic;
    size_t n;
    const char *what;
} foreign[] = {
    {"PK\x03\x04", 4,
     "a zip archive (perhaps a spreadsheet or .npz); save the table as CSV or .npy"},
    {"PAR1", 4, "a Parquet file; save the table as CSV"},
    {"ARROW1", 6, "an Arrow file; save the table as CSV"},
    {"Obj\x01", 4, "an Avro file; save the table as CSV"},
    {"\x89HDF\r\n", 6, "an HDF5 file; save the table as CSV"},
    {"CDF\x01", 4, "a NetCDF file; save the table as CSV"},
    {"SQLite format 3", 15, "an SQLite database; save the table as CSV"},
    {"\xd0\xcf\x11\xe0", 4, "an old spreadsheet or document; save the table as CSV"},
    {"%PDF", 4, "a PDF document"},
    {"\x89PNG", 4, "a PNG picture"},
    {"\xff\xd8\xff", 3, "a JPEG picture"},
    {"GIF8", 4, "a GIF picture"},
    {"\x7f"
     "ELF",
     4, "a program"},
    {"\x1f\x9d", 2, "packed with compress; unpack it with gzip -d"},
    {"\x1f\x8b", 2, "packed twice; unpack it once"},
    {"\x28\xb5\x2f\xfd", 4, "packed twice; unpack it once"},
    {"BZh", 3, "packed with bzip2; unpack it, or pack it with gzip or zstd"},
    {"\xfd"
     "7zXZ",
     5, "packed with xz; unpack it, or pack it with gzip or zstd"},
    {"7z\xbc\xaf", 4, "packed with 7z; unpack it, or pack it with gzip or zstd"},
    {"\x04\x22\x4d\x18", 4, "packed with lz4; unpack it, or pack it with gzip or zstd"},
    {"<!DOCTYPE", 9, "a web page; was the download refused?"},
    {"<!doctype", 9, "a web page; was the download refused?"},
    {"<html", 5, "a web page; was the download refused?"},
    {"<?xml", 5, "an XML file; save the table as CSV"},
    {"{\"event\": \"start\"", 17,
     "the log of a run, no data; 'heddle verify' repeats that run, and 'heddle train --report "
     "FILE.html' writes a page about one"},
    {"{\"", 2, "a JSON file; save the table as CSV"},
    {"version https://git-lfs", 23, "a Git LFS pointer, not the data; run 'git lfs pull'"},
};

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

heddle_status recognise_foreign(const char *path, const struct file_bytes *bytes, heddle_error *err)
{
    const char *data = (const char *)bytes->data, *end = data + bytes->size;
    if (bytes->size >= 3 && memcmp(data, "\xef\xbb\xbf", 3) == 0)
        data += 3;
    while (data < end && is_blank(*data))
        data++;
    if (bytes->size > 262 && memcmp(bytes->data + 257, "ustar", 5) == 0)
        return status_set(err, HEDDLE_E_DATA, "'%s' is a tar archive; take the table out of it",
                          path);
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++)
        if ((size_t)(end - data) >= foreign[i].n &&
            memcmp(data, foreign[i].magic, foreign[i].n) == 0)
            return status_set(err, HEDDLE_E_DATA, "'%s' is %s", path, foreign[i].what);
    /* JSON with blanks: a bracket, then another or a name */
    if (data < end && (*data == '{' || *data == '[')) {
        const char *next = data + 1;
        while (next < end && is_blank(*next))
            next++;
        if (next < end && (*next == '"' || *next == '{' || (*data == '[' && *next == '[')))
            return status_set(err, HEDDLE_E_DATA, "'%s' is a JSON file; save the table as CSV",
                              path);
    }
    return HEDDLE_OK;
}

const struct table_format *recognise_format(const struct table_reading *reading,
                                            const struct file_bytes *bytes)
{
    if (reading->more && reading->more->recognise(bytes))
        return reading->more;
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (formats[i].recognise(bytes))
            return &formats[i];
    return NULL;
}

/* ---------------------------------------------------------------- the first look ------------- */

/*
 * Text says nothing of its size. What a packed one is unpacked for is that records go on to come, none
 * larger than twice the file itself and so much more: a hundred packed bytes can be a hundred thousand.
 */
enum { GAP_MOST = 12 << 20, GAP_STEP = 4 << 20, LOOK_GROWTH = 8 };

/* Does the text's last stretch of n bytes have a line with something on it that ends there? */
static bool goes_on(const char *data, size_t size, size_t n)
{
    const char *end = data + size, *low = end - n;
    while (end > low && is_blank(end[-1]))
        end--;
    while (end > low && end[-1] != '\n' && end[-1] != '\r')
        end--;
    return end > low;
}

/* begun: the first record was seen, or need not be. */
static heddle_status look_at_text(const char *path, const struct file_bytes *head, bool begun,
                                  struct file_claim *claim, heddle_error *err)
{
    const char *data = (const char *)head->data;
    const size_t most = GAP_MOST + 2 * head->stored;
    begun = begun || csv_begins(data, data + head->size);
    const size_t n = begun && most < head->size ? most : head->size;
    if (begun ? goes_on(data, head->size, n) : head->size < most) {
        claim->again = begun ? head->size + GAP_STEP : LOOK_GROWTH * head->size;
        claim->again = begun || claim->again < most ? claim->again : most;
        return HEDDLE_OK;
    }
    return status_set(
        err, HEDDLE_E_DATA,
        "'%s': no record ends in the %zu bytes from byte %zu on, more than is believed "
        "of %s to a file if it is right",
        path, n, head->size - n,
        *head->packing ? "a packed file of its size; unpack it" : "a pipe; save it");
}

heddle_status recognise_look(void *context, const struct file_bytes *head, struct file_claim *claim,
                             heddle_error *err)
{
    const struct recognise_sight *sight = context;
    const struct table_format *format = recognise_format(sight->reading, head);
    heddle_status status = HEDDLE_OK;
    if (format && format->claim)
        status = format->claim(sight->path, head, claim, err);
    if (!format && utf16_marked(head)) /* its lines end with the same byte, too */
        return look_at_text(sight->path, head, true, claim, err);
    if (!format)
        status = recognise_foreign(sight->path, head, err);
    if (status == HEDDLE_OK && !format)
        status = csv_check_text(sight->path, head, err);
    if (status == HEDDLE_OK && (!format || format->text))
        status = look_at_text(sight->path, head, format != NULL, claim, err);
    return status;
}
