/**
 * readers: one function a format. Each takes the bytes of a file, already unpacked, and makes a
 * table of them. Which one is asked is decided in read.c.
 */
#ifndef DATA_READERS_H
#define DATA_READERS_H

#include "base/file.h"
#include "data/table.h"

/** Who helps: run() calls body(context, worker) for worker = 0 … count-1, beside each other. */
struct table_workers {
    int count;
    void (*run)(void *team, void (*body)(void *context, int worker), void *context);
    void *team;
};

struct table_format;
struct csv_known;

/** How to read: what readers are given besides the bytes. */
struct table_reading {
    const heddle_read_options *options;  /* never NULL */
    const struct table_workers *workers; /* NULL: the caller alone. What is read is the same */
    size_t limit;                        /* bytes that a table may take */
    bool limit_given;                    /* … by the user; else it is what the machine has */
    const struct table_format *more;     /* a format known elsewhere, or NULL */
    const struct csv_known *known;       /* of the columns it should have, or NULL */
};

/**
 * A reader may keep the file in the table: then it moves *bytes to table->source and leaves
 * nothing to release.
 *
 * All: HEDDLE_E_DATA with the place of what is wrong, HEDDLE_E_MEMORY (also if the table would
 * need more than reading->limit).
 */
typedef heddle_status reader(const char *path, struct file_bytes *bytes,
                             const struct table_reading *reading, heddle_table **table,
                             heddle_error *err);

struct table_format {
    bool (*recognise)(const struct file_bytes *bytes); /* do they begin like such a file? */
    reader *read;
    /* what the first bytes of one say of its size (a file_look), or NULL: they never do */
    heddle_status (*claim)(const char *path, const struct file_bytes *head,
                           struct file_claim *claim, heddle_error *err);
    bool text; /* in lines */
};

reader csv_read, arff_read, idx_read, npy_read, svmlight_read, fann_read;
bool idx_recognise(const struct file_bytes *bytes);
bool npy_recognise(const struct file_bytes *bytes);
bool arff_recognise(const struct file_bytes *bytes);
bool svmlight_recognise(const struct file_bytes *bytes);
bool fann_recognise(const struct file_bytes *bytes);
heddle_status idx_claim(const char *path, const struct file_bytes *head, struct file_claim *claim,
                        heddle_error *err);
heddle_status npy_claim(const char *path, const struct file_bytes *head, struct file_claim *claim,
                        heddle_error *err);
heddle_status fann_claim(const char *path, const struct file_bytes *head, struct file_claim *claim,
                         heddle_error *err);

/** Could these, or what they are the beginning of, be delimited text? Else HEDDLE_E_DATA. */
heddle_status csv_check_text(const char *path, const struct file_bytes *bytes, heddle_error *err);

/** A stretch of a delimited text: where it begins ({0}: with the first record) and its bytes. */
struct csv_part {
    size_t begin, line; /* byte, from 0; line, from 1. Out: of the next part */
    size_t size;        /* about; 0: to the end */
    size_t moved;       /* what is to be added to `begin` for the place in the file */
    bool cut;           /* the file goes on behind the bytes */
    bool more;          /* out: is there a next part? */
};

/** csv_read() of the records that begin in a part. The bytes stay the caller's. */
heddle_status csv_read_part(const char *path, const struct file_bytes *bytes,
                            const struct table_reading *reading, struct csv_part *part,
                            heddle_table **table, heddle_error *err);

/** heddle_table_read_parts() but for the help. */
heddle_status table_read_parts(const char *path, const struct table_reading *reading,
                               int (*take)(void *user, const heddle_table *part), void *user,
                               heddle_error *err);

/** The data set "builtin:NAME"; HEDDLE_E_ARGUMENT if there is none of that name. */
heddle_status builtin_read(const char *path, heddle_table **table, heddle_error *err);

/** Any of them, and the file of labels that goes with it: heddle_table_read() but for the help. */
heddle_status table_read(const char *path, const struct table_reading *reading,
                         heddle_table **table, heddle_error *err);

/** HEDDLE_OK, or HEDDLE_E_MEMORY if a table of `bytes` bytes is more than allowed. */
heddle_status reader_check_size(const char *path, const struct table_reading *reading, size_t bytes,
                                heddle_error *err);

/**
 * An array in `bytes` becomes the block of a table, which keeps the bytes if it can be a view.
 * shape (rank) are its sizes, each at least 1, of `type` elements from bytes->data + start on;
 * their product is known to lie in the file. fortran: the first index is the fastest.
 *
 * The columns are numbered "`prefix`0", …; of a rank of 1 the only one is named `single`.
 */
struct array_shape {
    enum element_type type;
    bool swapped, fortran;
    size_t start, rows, columns;
    const size_t *shape;
    size_t rank;
    const char *prefix, *single;
};
heddle_status reader_array(const char *path, struct file_bytes *bytes,
                           const struct array_shape *shape, const struct table_reading *reading,
                           heddle_table **table, heddle_error *err);

#endif
