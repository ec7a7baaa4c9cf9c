/**
 * read_table: heddle_table_read(): the readers of data/ with the workers of machine/ to help them,
 * and with the format that model/ knows.
 */
#include <string.h>
#include <sys/stat.h>

#include "base/available.h"
#include "data/readers.h"
#include "machine/team.h"
#include "model/table_safetensors.h"

/* Below, a team takes longer to start than it saves. */
#define WORTH_A_TEAM ((off_t)2 << 20)

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

heddle_status heddle_table_read(const char *path, const heddle_read_options *options,
                                heddle_table **table, heddle_error *err)
{
    static const heddle_read_options defaults;
    struct table_reading reading = {.options = options ? options : &defaults,
                                    .more = &table_safetensors};
    reading.limit_given = reading.options->max_bytes > 0;
    reading.limit = reading.limit_given ? reading.options->max_bytes : memory_available("");
    struct topology *topology = NULL;
    struct plan *plan = NULL;
    struct table_workers workers = {.count = 1, .run = run_team};
    struct team *team = NULL;
    if (path && *path && is_large(path) && reading.options->threads != 1) {
        /* What cannot be had is done without: the table is the same. */
        heddle_status status = topology_create(&topology, NULL);
        if (status == HEDDLE_OK)
            status = plan_create(topology, reading.options->threads, BIND_NONE, &plan, NULL);
        if (status == HEDDLE_OK && plan->workers > 1)
            status = team_create(plan, &team, NULL);
        if (team) {
            workers.team = team;
            workers.count = team_workers(team);
            reading.workers = &workers;
        }
    }
    heddle_status status = table_read(path, &reading, table, err);
    team_free(team);
    plan_free(plan);
    topology_free(topology);
    return status;
}
