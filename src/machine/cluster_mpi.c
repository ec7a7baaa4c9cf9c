/*
 * cluster: processes that speak MPI. The only file that knows it.
 *
 * A program started without mpirun or its like is a single rank and does not touch MPI: starting it
 * alone takes a third of a second, and Open MPI would start a daemon.
 *
 * Worker 0 of a team is the thread that began, so MPI_THREAD_FUNNELED is enough. Numbers of
 * elements are int in MPI: messages are cut into pieces below 2^30 bytes, and arrays are gathered in
 * units of their own.
 */
#include "machine/cluster.h"

#include <fcntl.h>
#include <mpi.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/status.h"
#include "base/text.h"

/* MPICH's MPI_STATUSES_IGNORE is an array at address 1, which gcc believes too short. */
#if defined __GNUC__ && !defined __clang__
#pragma GCC diagnostic ignored "-Wstringop-overflow"
#endif

#define PIECE_BYTES ((size_t)1 << 30)

static bool began;
static int ranks = 1, rank = 0;
static int sharers = 1, neighbours = 1, neighbour = 0;
static MPI_Comm machine = MPI_COMM_NULL; /* the neighbours */
static int *counts, *places;             /* (ranks), for cluster_gather() */
static int next_tag;

/* ---------------------------------------------------------------- launchers ------------------- */

/* Value of an environment variable that is a number of ranks; 0: not set, or no number. */
static uint64_t number_of(const char *variable)
{
    const char *text = getenv(variable);
    uint64_t number = 0;

    if (!text || !text_to_u64(text, strlen(text), &number))
        return 0;
    return number;
}

/* Has a launcher of MPI programs started us? */
static bool launched(void)
{
    static const char *const variables[] = {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK",
                                            "PMI_FD", "PALS_RANKID"};

    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++)
        if (getenv(variables[i]))
            return true;
    return false;
}

/*
 * A launcher of another MPI library, or srun without one, starts programs that do not find each
 * other: each would be rank 0 of 1 and all would write the same model.
 */
static heddle_status check_launcher(heddle_error *err)
{
    static const char *const variables[] = {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE",
                                            "SLURM_STEP_NUM_TASKS"};

    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) {
        const uint64_t told = number_of(variables[i]);

        if (told > 1 && ranks == 1) {
            char library[MPI_MAX_LIBRARY_VERSION_STRING];
            int length;

            MPI_Get_library_version(library, &length);
            library[strcspn(library, ",\n")] = 0;
            for (char *tab = library; (tab = strchr(tab, '\t'));) /* MPICH Version:\t4.0.2 */
                *tab = ' ';
            return status_set(err, HEDDLE_E_UNSUPPORTED,
                              "the launcher started %llu ranks (%s) but this program, linked with "
                              "%s, finds only itself: use the mpirun of that library, or srun "
                              "--mpi=pmix",
                              (unsigned long long)told, variables[i], library);
        }
    }
    return HEDDLE_OK;
}

/* ---------------------------------------------------------------- neighbours ------------------ */

/* Count the ranks on this machine, and those of them with our processors. False: no memory. */
static bool look_around(void)
{
    enum { BYTES = 1024 }; /* 8,192 processors */
    unsigned char mine[BYTES] = {0};
    unsigned char *all;

#ifdef __linux__
    sched_getaffinity(0, BYTES, (cpu_set_t *)(void *)mine);
#endif
    MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, rank, MPI_INFO_NULL, &machine);
    MPI_Comm_size(machine, &neighbours);
    MPI_Comm_rank(machine, &neighbour);
    all = memory_new((size_t)neighbours, BYTES);
    if (!all)
        return false;
    memcpy(all + (size_t)neighbour * BYTES, mine, BYTES);
    MPI_Allgather(MPI_IN_PLACE, 0, MPI_BYTE, all, BYTES, MPI_BYTE, machine);
    sharers = 0;
    for (int r = 0; r < neighbours; r++)
        sharers += memcmp(all + (size_t)r * BYTES, mine, BYTES) == 0;
    memory_free(all);
    return true;
}

int cluster_neighbour(void)
{
    return neighbour;
}

/* The first may take its time (it reads a file), on processors that the others need not keep busy. */
void cluster_tell_neighbours(void *data, size_t bytes)
{
    const struct timespec shortly = {.tv_nsec = 200000};
    MPI_Request request;
    int done = 0;

    if (neighbours == 1)
        return;
    MPI_Ibcast(data, (int)bytes, MPI_BYTE, 0, machine, &request);
    for (MPI_Test(&request, &done, MPI_STATUS_IGNORE); !done;
         MPI_Test(&request, &done, MPI_STATUS_IGNORE))
        nanosleep(&shortly, NULL);
}

/* Is it true for all neighbours? */
static bool all_true(bool mine)
{
    int own = mine, all = 0;

    MPI_Allreduce(&own, &all, 1, MPI_INT, MPI_LAND, machine);
    return all != 0;
}

bool cluster_neighbours_alike(const void *data, size_t bytes)
{
    void *first = memory_new(1, bytes);
    bool alike;

    if (neighbours == 1) {
        memory_free(first);
        return true;
    }
    alike = all_true(first != NULL);
    if (alike) {
        memcpy(first, data, bytes);
        MPI_Bcast(first, (int)bytes, MPI_BYTE, 0, machine);
        alike = all_true(memcmp(first, data, bytes) == 0);
    }
    memory_free(first);
    return alike;
}

/* A file in memory that has no name, so it is gone with the last of us, however we end. */
void *cluster_share(size_t bytes)
{
    struct {
        long process;
        int file;
    } first = {.process = (long)getpid(), .file = -1};
    void *memory = MAP_FAILED;
    int file = -1;
    bool shared;

    if (neighbour == 0) {
        file = memfd_create("heddle", MFD_CLOEXEC);
        /* now, or who writes a page for which there is no memory is killed */
        if (file >= 0 && posix_fallocate(file, 0, (off_t)bytes) == 0)
            first.file = file;
    }
    MPI_Bcast(&first, sizeof first, MPI_BYTE, 0, machine);
    if (neighbour > 0 && first.file >= 0) {
        char path[64];

        snprintf(path, sizeof path, "/proc/%ld/fd/%d", first.process, first.file);
        file = open(path, O_RDWR | O_CLOEXEC);
    }
    if (file >= 0 && first.file >= 0)
        memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    shared = all_true(memory != MAP_FAILED);
    if (file >= 0)
        close(file);
    if (!shared && memory != MAP_FAILED)
        munmap(memory, bytes);
    return shared ? memory : NULL;
}

/* ---------------------------------------------------------------- begin and end --------------- */

heddle_status cluster_begin(heddle_error *err)
{
    int provided;
    heddle_status status;

    if (!launched())
        return number_of("SLURM_STEP_NUM_TASKS") > 1 ? check_launcher(err) : HEDDLE_OK;
    if (MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &provided) != MPI_SUCCESS)
        return status_set(err, HEDDLE_E_UNSUPPORTED, "MPI does not start");
    began = true;
    MPI_Comm_size(MPI_COMM_WORLD, &ranks);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    if (provided < MPI_THREAD_FUNNELED)
        return status_set(err, HEDDLE_E_UNSUPPORTED,
                          "this MPI library cannot be used by a program with threads");
    status = check_launcher(err);
    if (status != HEDDLE_OK)
        return status;
    counts = memory_new((size_t)ranks, sizeof *counts);
    places = memory_new((size_t)ranks, sizeof *places);
    if (!counts || !places || !look_around())
        return status_memory(err, "the ranks", 2 * (size_t)ranks * sizeof *counts);
    return HEDDLE_OK;
}

void cluster_end(void)
{
    memory_free(counts);
    memory_free(places);
    counts = places = NULL;
    if (began && machine != MPI_COMM_NULL)
        MPI_Comm_free(&machine);
    if (began)
        MPI_Finalize();
    began = false;
    ranks = 1;
    rank = 0;
}

bool cluster_launched(void)
{
    return began;
}

int cluster_ranks(void)
{
    return ranks;
}

int cluster_rank(void)
{
    return rank;
}

int cluster_sharers(void)
{
    return sharers;
}

int cluster_neighbours(void)
{
    return neighbours;
}

/* ---------------------------------------------------------------- to all ---------------------- */

void cluster_broadcast(void *data, size_t bytes, int root)
{
    char *at = data;

    for (size_t piece; ranks > 1 && bytes > 0; bytes -= piece, at += piece) {
        piece = bytes < PIECE_BYTES ? bytes : PIECE_BYTES;
        MPI_Bcast(at, (int)piece, MPI_BYTE, root, MPI_COMM_WORLD);
    }
}

void cluster_gather(void *data, size_t unit, const size_t *begin)
{
    MPI_Datatype type;

    if (ranks == 1)
        return;
    for (int r = 0; r < ranks; r++) {
        counts[r] = (int)(begin[r + 1] - begin[r]);
        places[r] = (int)begin[r];
    }
    MPI_Type_contiguous((int)unit, MPI_BYTE, &type);
    MPI_Type_commit(&type);
    MPI_Allgatherv(MPI_IN_PLACE, 0, type, data, counts, places, type, MPI_COMM_WORLD);
    MPI_Type_free(&type);
}

/* ---------------------------------------------------------------- exchanges ------------------- */

struct cluster_exchange {
    int receives, count;   /* receives come first */
    MPI_Request request[]; /* (count) */
};

static size_t pieces_of(const struct cluster_message *message, size_t messages)
{
    size_t pieces = 0;

    for (size_t i = 0; i < messages; i++)
        pieces += (message[i].bytes + PIECE_BYTES - 1) / PIECE_BYTES;
    return pieces;
}

/* Pieces of one message travel in order: that is how they are told apart. */
static void prepare(struct cluster_exchange *exchange, const struct cluster_message *message,
                    size_t messages, bool sends, int tag)
{
    for (size_t i = 0; i < messages; i++) {
        char *at = message[i].data;
        size_t left = message[i].bytes;

        for (size_t piece; left > 0; left -= piece, at += piece) {
            MPI_Request *request = &exchange->request[exchange->count++];

            piece = left < PIECE_BYTES ? left : PIECE_BYTES;
            if (sends)
                MPI_Send_init(at, (int)piece, MPI_BYTE, message[i].rank, tag, MPI_COMM_WORLD,
                              request);
            else
                MPI_Recv_init(at, (int)piece, MPI_BYTE, message[i].rank, tag, MPI_COMM_WORLD,
                              request);
        }
    }
}

heddle_status cluster_exchange_create(const struct cluster_message *send, size_t sends,
                                      const struct cluster_message *receive, size_t receives,
                                      struct cluster_exchange **exchange, heddle_error *err)
{
    const size_t requests = pieces_of(send, sends) + pieces_of(receive, receives);
    const size_t bytes = sizeof **exchange + requests * sizeof(MPI_Request);
    struct cluster_exchange *made = memory_new(1, bytes);
    const int tag = next_tag++ % 32768; /* the least that MPI promises */

    if (!made)
        return status_memory(err, "the messages", bytes);
    prepare(made, receive, receives, false, tag);
    made->receives = made->count;
    prepare(made, send, sends, true, tag);
    *exchange = made;
    return HEDDLE_OK;
}

void cluster_exchange_free(struct cluster_exchange *exchange)
{
    if (!exchange)
        return;
    cluster_exchange_finish(exchange);
    for (int i = 0; i < exchange->count; i++)
        MPI_Request_free(&exchange->request[i]);
    memory_free(exchange);
}

/* One by one: MPI_Startall may start them in any order. */

void cluster_exchange_receive(struct cluster_exchange *exchange)
{
    for (int i = 0; i < exchange->receives; i++)
        MPI_Start(&exchange->request[i]);
}

void cluster_exchange_send(struct cluster_exchange *exchange)
{
    for (int i = exchange->receives; i < exchange->count; i++)
        MPI_Start(&exchange->request[i]);
}

bool cluster_exchange_progress(struct cluster_exchange *exchange)
{
    int done = 1;

    if (exchange->count > 0)
        MPI_Testall(exchange->count, exchange->request, &done, MPI_STATUSES_IGNORE);
    return done != 0;
}

void cluster_exchange_finish(struct cluster_exchange *exchange)
{
    MPI_Waitall(exchange->count, exchange->request, MPI_STATUSES_IGNORE);
}
