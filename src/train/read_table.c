/**
 * read_table: heddle_table_read(): the readers of data/ with the workers of machine/ to help them,
 * and with the format that model/ knows.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/available.h"
#include "base/memory.h"
#include "base/status.h"
#include "data/csv_known.h"
#include "data/preprocess.h"
#include "data/readers.h"
#include "data/table_image.h"
#include "machine/cluster.h"
#include "machine/team.h"
#include "model/model.h"
#include "model/table_safetensors.h"

/* Below, a team takes longer to start than it saves. */
#define WORTH_A_TEAM ((off_t)2 << 20)

enum { SPARE = 8 };

static void run_team(void *team, void (*body)(void *context, int worker), void *context)
{
    team_run(team, body, context);
}

/* Is it worth to start a team for `path`? A compressed file grows, a pipe may be of any size. */
static bool is_large(const char *path)
{
    struct stat info;
    if (strncmp(path, "builtin:", 8) == 0)
        return false;
    if (strcmp(path, "-") == 0)
        return true;
    return stat(path, &info) == 0 && (!S_ISREG(info.st_mode) || info.st_size >= WORTH_A_TEAM);
}

/** Write all of it; false on failure. */
static bool write_all(int fd, const char *bytes, size_t count)
{
    while (count > 0) {
        ssize_t n = write(fd, bytes, count);
        if (n < 0 && errno != EINTR)
            return false;
        bytes += n > 0 ? n : 0;
        count -= n > 0 ? (size_t)n : 0;
    }
    return true;
}

/**
 * Collective: launchers give the standard input to rank 0 alone. Its bytes go to all, who find them
 * as their own standard input, a file in memory.
 */
static heddle_status share_input(heddle_error *err)
{
    enum { PIECE = 1 << 20 };
    struct {
        int64_t count; /* -1: the read failed */
        int number;    /* errno */
    } got = {.count = 1};
    heddle_error reason = {0};
    heddle_status status = HEDDLE_OK;
    char *piece = memory_new(PIECE, 1);
    int memory = memfd_create("standard input", MFD_CLOEXEC);
    if (!piece || memory < 0)
        status = status_memory(&reason, "standard input", PIECE);
    status = cluster_agree(status, &reason);
    bool whole = true;
    while (status == HEDDLE_OK && got.count > 0) {
        if (cluster_rank() == 0) {
            do
                got.count = read(STDIN_FILENO, piece, PIECE);
            while (got.count < 0 && errno == EINTR);
            got.number = errno;
        }
        cluster_broadcast(&got, sizeof got, 0);
        cluster_broadcast(piece, got.count > 0 ? (size_t)got.count : 0, 0);
        whole = whole && (got.count <= 0 || write_all(memory, piece, (size_t)got.count));
    }
    if (status == HEDDLE_OK && got.count < 0)
        status = status_set(&reason, HEDDLE_E_IO, "cannot read standard input: %s",
                            strerror(got.number));
    else if (status == HEDDLE_OK && (!whole || lseek(memory, 0, SEEK_SET) != 0 ||
                                     dup2(memory, STDIN_FILENO) != STDIN_FILENO))
        status = status_memory(&reason, "standard input", 0);
    status = cluster_agree(status, &reason);
    if (memory >= 0)
        close(memory);
    memory_free(piece);
    return status ? status_set(err, status, "%s", reason.text) : HEDDLE_OK;
}

/** What several ranks cannot read each for itself. */
static heddle_status check_ranks(const char *path, heddle_error *err)
{
    struct stat info;
    if (cluster_ranks() == 1 || !path)
        return HEDDLE_OK;
    if (strcmp(path, "-") == 0)
        return share_input(err);
    if (stat(path, &info) == 0 && S_ISFIFO(info.st_mode))
        return status_set(
            err, HEDDLE_E_ARGUMENT,
            "'%s' is a pipe, which only one rank could read: give a file, or the data "
            "on standard input",
            path);
    return HEDDLE_OK;
}

/** A reading with its team; begin_reading() never fails: what cannot be had is done without. */
struct helped {
    struct table_reading reading;
    struct topology *topology;
    struct plan *plan;
    struct table_workers workers;
    struct team *team;
    struct csv_known known;
};

static bool has_word(char *const *word, size_t words, const char *wanted)
{
    while (words > 0 && strcmp(word[words - 1], wanted) != 0)
        words--;
    return words > 0;
}

/** One column more that the table should have; word[0 … words) if it is text. False: no memory. */
static bool know_column(struct csv_known *known, const char *name, bool text, char *const *word,
                        size_t words, size_t place)
{
    uint32_t code;
    if (!distinct_words_add(&known->names, name, strlen(name), &code))
        return false;
    known->place[code] = place;
    if (text)
        known->kind[code] = has_word(word, words, "-") ? CSV_TEXT | CSV_MINUS : CSV_TEXT;
    return true;
}

static bool know_model(struct csv_known *known, const struct preprocess *p)
{
    bool fits = true;
    for (size_t j = 0; fits && j < p->inputs; j++) {
        const struct preprocess_input *input = &p->input[j];
        fits = know_column(known, input->name, input->text, input->category, input->categories,
                           input->position);
    }
    const bool words = p->task == TASK_CLASSIFY && !p->class_number;
    for (size_t t = 0; fits && t < p->targets; t++)
        fits = know_column(known, p->target[t].name, words, p->class_name, p->classes,
                           p->target[t].position);
    return fits;
}

static bool know_table(struct csv_known *known, const heddle_table *like)
{
    bool fits = true;
    for (size_t c = 0; fits && c < like->columns; c++) {
        const struct table_column *column = &like->column[c];
        fits = know_column(known, column->name, column->text && !column->flaw, column->word,
                           column->words, c);
    }
    return fits;
}

/** The columns that the table should have, if the options tell; false: no memory. */
static bool find_known(struct helped *h)
{
    const heddle_read_options *options = h->reading.options;
    const struct preprocess *p = options->model ? options->model->preprocess : NULL;
    const heddle_table *like = options->like;
    struct csv_known *known = &h->known;
    if (!p && !like)
        return true;
    const size_t most = p ? p->inputs + p->targets : like->columns;
    known->named = p ? p->named : like->named;
    known->columns = p ? p->columns : like->columns;
    known->inputs = p ? p->inputs : like->columns;
    known->kind = memory_new(most, 1);
    known->place = memory_new(most, sizeof *known->place);
    h->reading.known = known;
    return known->kind && known->place && (p ? know_model(known, p) : know_table(known, like));
}

static void begin_reading(struct helped *h, const char *path, const heddle_read_options *options)
{
    static const heddle_read_options defaults;
    *h = (struct helped){
        .reading = {.options = options ? options : &defaults, .more = &table_safetensors},
        .workers = {.count = 1, .run = run_team}};
    struct table_reading *reading = &h->reading;
    reading->limit_given = reading->options->max_bytes > 0;
    reading->limit = reading->options->max_bytes;
    if (!reading->limit_given) {
        const size_t available = memory_available("", 1);
        reading->limit = available - available / SPARE; /* for what is not counted */
    }
    if (!find_known(h))
        reading->known = NULL;
    if (path && *path && is_large(path) && reading->options->threads != 1) {
        const int threads = reading->options->threads;
        heddle_status status = plan_create(NULL, threads, BIND_NONE, &h->plan, NULL);
        if (status != HEDDLE_OK)
            status = topology_create(&h->topology, NULL);
        if (status == HEDDLE_OK && h->topology)
            status = plan_create(h->topology, threads, BIND_NONE, &h->plan, NULL);
        if (status == HEDDLE_OK && h->plan->workers > 1)
            (void)team_create(h->plan, &h->team, NULL); /* without one, one worker reads */
        if (h->team) {
            h->workers.team = h->team;
            h->workers.count = team_workers(h->team);
            reading->workers = &h->workers;
        }
    }
}

static void end_reading(struct helped *h)
{
    team_free(h->team);
    plan_free(h->plan);
    topology_free(h->topology);
    distinct_words_done(&h->known.names);
    memory_free(h->known.kind);
    memory_free(h->known.place);
}

/** Each rank for itself. */
static heddle_status read_alone(const char *path, const heddle_read_options *options,
                                heddle_table **table, heddle_error *err)
{
    struct helped h;
    begin_reading(&h, path, options);
    heddle_status status = table_read(path, &h.reading, table, err);
    end_reading(&h);
    return status;
}

/** What the ranks of a machine must have alike for one of them to read for all. */
struct reading_key {
    struct {
        dev_t device;
        ino_t file;
        off_t size;
        struct timespec time;
    } data, labels;
    size_t max_bytes;
    int header;
    char delimiter;
    char categories[200]; /* as far as it goes */
    bool large;
};

static struct reading_key key_of(const char *path, const heddle_read_options *options)
{
    struct reading_key key;
    struct stat info;
    memset(&key, 0, sizeof key); /* gaps, too */
    if (path && is_large(path)) {
        key.large = true;
        if (strcmp(path, "-") != 0 && stat(path, &info) == 0) {
            key.data.device = info.st_dev;
            key.data.file = info.st_ino;
            key.data.size = info.st_size;
            key.data.time = info.st_mtim;
        }
    }
    if (options && options->labels && stat(options->labels, &info) == 0) {
        key.labels.device = info.st_dev;
        key.labels.file = info.st_ino;
        key.labels.size = info.st_size;
        key.labels.time = info.st_mtim;
    }
    if (options) {
        key.max_bytes = options->max_bytes;
        key.header = (int)options->header;
        key.delimiter = options->delimiter;
        if (options->categories)
            strncpy(key.categories, options->categories, sizeof key.categories - 1);
    }
    return key;
}

/**
 * Collective for the ranks of a machine: put the table that the first of them has read, if its
 * status is good, where all see it. *table stays NULL where each has to read for itself.
 */
static heddle_status share_table(heddle_status status, heddle_table **table, heddle_error *err)
{
    struct {
        heddle_error err;
        size_t bytes;
    } first = {.bytes = 0};
    heddle_table *shared = NULL;
    if (status)
        first.err = *err;
    else if (*table)
        first.bytes = table_image_size(*table);
    cluster_tell_neighbours(&first, sizeof first);
    if (first.err.status)
        return status_set(err, first.err.status, "%s", first.err.text);
    void *image = first.bytes ? cluster_share(first.bytes) : NULL;
    if (!image)
        return HEDDLE_OK;
    if (*table)
        table_image_write(*table, image);
    cluster_tell_neighbours(&first, sizeof first); /* it is written */
    mprotect(image, first.bytes, PROT_READ);
    shared = table_image_read(image, first.bytes);
    if (!shared) {
        munmap(image, first.bytes);
        return *table ? HEDDLE_OK : status_memory(err, "a table", 0);
    }
    heddle_table_free(*table);
    *table = shared;
    return HEDDLE_OK;
}

heddle_status heddle_table_read(const char *path, const heddle_read_options *options,
                                heddle_table **table, heddle_error *err)
{
    heddle_status status = check_ranks(path, err);
    if (status)
        return status;
    if (cluster_neighbours() == 1)
        return read_alone(path, options, table, err);
    heddle_table *read = NULL;
    struct reading_key key = key_of(path, options);
    if (cluster_neighbours_alike(&key, sizeof key) && key.large) {
        if (cluster_neighbour() == 0)
            status = read_alone(path, options, &read, err);
        status = share_table(status, &read, err);
    }
    if (!status && !read)
        status = read_alone(path, options, &read, err);
    if (path && strcmp(path, "-") == 0) /* a file in memory of our own: it has been read */
        (void)!ftruncate(STDIN_FILENO, 0);
    if (!status)
        *table = read;
    return status;
}

heddle_status heddle_table_read_parts(const char *path, const heddle_read_options *options,
                                      int (*take)(void *user, const heddle_table *part), void *user,
                                      heddle_error *err)
{
    struct helped h;
    begin_reading(&h, path, options);
    heddle_status status = table_read_parts(path, &h.reading, take, user, err);
    end_reading(&h);
    return status;
}
