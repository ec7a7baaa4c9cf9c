/**
 * memory: see base/memory.h.
 *
 * All allocations go through admit(), which counts them and fails the one a test asked for. The
 * counter is one atomic for all threads: allocation happens before a run, never in a step, so
 * nobody waits for it.
 */
#include "base/memory.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/text.h"

/* From ARENA_MAPPED on an arena is mapped, so that nobody has touched it: a smaller one shares pages
 * with its neighbours anyway. From ARENA_HUGE on it asks for huge pages, HUGE_PAGE being that of
 * x86-64 and of aarch64 with 4 KiB pages. */
#define ARENA_HUGE ((size_t)4 << 20)
#ifdef __SANITIZE_ADDRESS__ /* which guards the ends of malloc'ed blocks alone */
#define ARENA_MAPPED ARENA_HUGE
#else
#define ARENA_MAPPED ((size_t)64 << 10)
#endif
#define HUGE_PAGE ((size_t)2 << 20)
#define LINE ((size_t)64)

static atomic_size_t asked;
static atomic_size_t fail_at;
static atomic_bool fail_on;
static pthread_once_t environment_read = PTHREAD_ONCE_INIT;

bool size_multiply(size_t a, size_t b, size_t *product)
{
    size_t result;
    if (__builtin_mul_overflow(a, b, &result)) {
        return false;
    }
    *product = result;
    return true;
}

bool size_add(size_t a, size_t b, size_t *sum)
{
    size_t result;
    if (__builtin_add_overflow(a, b, &result)) {
        return false;
    }
    *sum = result;
    return true;
}

static void fail_from(const char *variable, bool persistent)
{
    const char *text = getenv(variable);
    uint64_t n;
    if (text != NULL && text_to_u64(text, strlen(text), &n) && n <= SIZE_MAX) {
        atomic_store(&fail_at, (size_t)n);
        atomic_store(&fail_on, persistent);
    }
}

static void read_environment(void)
{
    fail_from("HEDDLE_FAIL_ALLOC", false);
    fail_from("HEDDLE_FAIL_ALLOC_FROM", true);
}

static bool admit(void)
{
    pthread_once(&environment_read, read_environment);
    size_t k = atomic_fetch_add(&asked, 1) + 1;
    size_t n = atomic_load(&fail_at);
    return n == 0 || (atomic_load(&fail_on) ? k < n : k != n);
}

void memory_fail_at(size_t n, bool persistent)
{
    pthread_once(&environment_read, read_environment);
    atomic_store(&fail_at, (size_t)0);
    atomic_store(&asked, (size_t)0);
    atomic_store(&fail_on, persistent);
    atomic_store(&fail_at, n);
}

size_t memory_count(void)
{
    return atomic_load(&asked);
}

void *memory_new(size_t count, size_t size)
{
    size_t bytes;
    if (!size_multiply(count, size, &bytes) || !admit()) {
        return NULL;
    }
    return calloc(1, bytes > 0 ? bytes : 1);
}

void *memory_resize(void *block, size_t count, size_t size)
{
    size_t bytes;
    if (!size_multiply(count, size, &bytes) || !admit()) {
        return NULL;
    }
    return realloc(block, bytes > 0 ? bytes : 1);
}

void memory_free(void *block)
{
    free(block);
}

char *memory_string(const char *text)
{
    return memory_string_n(text, strlen(text));
}

char *memory_string_n(const char *text, size_t n)
{
    size_t bytes;
    char *copy = size_add(n, 1, &bytes) ? memory_new(bytes, 1) : NULL;
    if (copy != NULL && n > 0) {
        memcpy(copy, text, n);
    }
    return copy;
}

static void *map(size_t bytes)
{
    void *start = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return start == MAP_FAILED ? NULL : start;
}

/* A mapping aligned to a huge page: map one huge page too much and give back both ends. */
static void *map_aligned(size_t bytes)
{
    size_t padded;
    if (!size_add(bytes, HUGE_PAGE, &padded)) {
        return NULL;
    }
    char *start = map(padded);
    if (start == NULL) {
        return NULL;
    }
    size_t before = (HUGE_PAGE - (uintptr_t)start % HUGE_PAGE) % HUGE_PAGE;
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t used = (bytes + page - 1) / page * page;
    if (before > 0) {
        munmap(start, before);
    }
    if (padded > before + used) {
        munmap(start + before + used, padded - before - used);
    }
#ifdef MADV_HUGEPAGE
    /* A wish: where it is refused the arena works with small pages. */
    (void)madvise(start + before, used, MADV_HUGEPAGE);
#endif
    return start + before;
}

void *arena_new(size_t bytes)
{
    if (!admit()) {
        return NULL;
    }
    if (bytes >= ARENA_MAPPED) {
        return bytes >= ARENA_HUGE ? map_aligned(bytes) : map(bytes);
    }
    size_t rounded = bytes > 0 ? (bytes + LINE - 1) / LINE * LINE : LINE;
    void *arena = aligned_alloc(LINE, rounded);
    if (arena != NULL) {
        memset(arena, 0, rounded);
    }
    return arena;
}

void arena_free(void *arena, size_t bytes)
{
    if (arena != NULL && bytes >= ARENA_MAPPED) {
        size_t page = (size_t)sysconf(_SC_PAGESIZE);
        munmap(arena, (bytes + page - 1) / page * page);
    } else {
        free(arena);
    }
}
