/**
 * csv: what the passes over delimited text share: csv_header.c finds the columns, csv.c reads
 * numbers, csv_words.c the words of the columns that have any. Of no use to anyone else.
 */
#ifndef DATA_CSV_H
#define DATA_CSV_H

#include "data/csv_known.h"
#include "data/csv_scan.h"
#include "data/readers.h"

/** Where a cell is: its record and that record's line. */
struct csv_place {
    const char *record;
    size_t line;
};

struct csv_column {
    size_t missing, words, infinite; /* cells that are no number */
    bool plus;                       /* one of the words is '+' */
    size_t absent; /* of the words: those that say "missing" if there is nothing but numbers else */
    struct csv_place word, infinity; /* the first such cells */
};

/**
 * The text is cut at line ends into chunks that are read beside each other. A line end may stand
 * within quotes, so that a chunk does not begin where a record does; nobody can know before the
 * text in front of it was read. Hence: read as if it did; then, one chunk after the other, see
 * where the one in front really ended, and read it again from there if that is somewhere else.
 */
struct csv_chunk {
    const char *begin, *end;
    size_t line;                  /* of begin */
    size_t ends;                  /* line ends in it */
    size_t first, room;           /* row it may fill first, and how many */
    size_t rows;                  /* it has filled */
    const char *reached;          /* end of its last record: `end`, or beyond */
    size_t reached_line;          /* of that */
    struct csv_column *column;    /* (columns) what it found */
    struct distinct_words *words; /* (columns) of the columns of words */
    const char **latin; /* (columns) its first record with a word that is not UTF-8, or NULL */
    size_t *latin_line;
    heddle_status status;
    heddle_error error;
};

struct csv {
    const char *path;
    const struct file_bytes *bytes;
    const struct table_workers *workers; /* or NULL */
    const char *text, *end;              /* without a byte order mark */
    size_t line;                         /* of text */
    const char *stop;                    /* records that begin here are not read */
    bool cut;                            /* the text goes on behind its end, unseen */
    size_t moved; /* from a place among the bytes to that in the file, for what is not first */
    char delimiter;
    bool arff;              /* the rows are those of an ARFF file */
    bool comma;             /* a comma may stand for the decimal point */
    bool title;             /* something stands above the table */
    bool header;            /* the columns have names */
    bool units;             /* … and a line of units is below them */
    bool row_names;         /* the first has none, for it holds the names of the rows */
    struct csv_place first; /* record of data */
    struct csv_place next;  /* behind the last one */
    size_t columns;
    struct distinct_words names; /* as read, "" for those that have none … */
    uint32_t *name;              /* (columns) … and which is which column's */
    const char *declared;        /* (columns) of enum csv_kind, what the file says; or NULL */
    char *kind;                  /* (columns) … with what else is known before */
    bool dressed;                /* numbers had signs, which were taken off */
    struct csv_column *column;
    struct csv_chunk *chunk;
    size_t chunks;
    heddle_table *table;
};

heddle_status csv_no_memory(const struct csv *csv, heddle_error *err);

/**
 * HEDDLE_E_DATA if there is a 0 from begin to end: then it is no text. `bytes` is where the file
 * begins, or would.
 */
heddle_status csv_check_zeros(const char *path, const uint8_t *bytes, const void *begin,
                              const void *end, heddle_error *err);

/** Begin a scan of the text at p. */
void csv_scan_at(const struct csv *csv, struct csv_scan *scan, const char *p, size_t line);

/**
 * All passes: the records from csv->first to csv->stop become csv->table, which has csv->columns
 * still empty columns.
 */
heddle_status csv_read_records(struct csv *csv, const struct table_reading *reading,
                               heddle_error *err);
void csv_done(struct csv *csv);

/** Behind the first line end at or behind p; CRLF is one. */
const char *csv_next_line(const char *p, const char *end);

/** Cut the records from csv->first to csv->stop into chunks; and count the line ends of each. */
heddle_status csv_make_chunks(struct csv *csv, heddle_error *err);
heddle_status csv_count_lines(struct csv *csv, heddle_error *err);

/** Do something with every chunk, beside each other if there are workers. */
void csv_with_chunks(struct csv *csv, void (*each)(struct csv *csv, struct csv_chunk *chunk));

/**
 * Find the columns, their names, and where the data begin. Sets header, row_names, first, columns,
 * names and name.
 *
 * HEDDLE_E_DATA: no rows, too many columns, a name that is not UTF-8.
 */
heddle_status csv_read_header(struct csv *csv, const struct table_reading *reading,
                              heddle_error *err);

/** Find the columns of words, and read them. */
heddle_status csv_read_words(struct csv *csv, heddle_error *err);

#endif
