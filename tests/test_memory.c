/** Allocation: base/memory.h. */
#include <criterion/criterion.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/memory.h"

Test(memory, sizes_that_do_not_fit_are_refused)
{
    size_t result = 7;
    cr_assert_not(size_multiply(SIZE_MAX, 2, &result));
    cr_assert_not(size_multiply(SIZE_MAX / 2 + 1, 2, &result)); /* would be exactly 0 */
    cr_assert_not(size_add(SIZE_MAX, 1, &result));
    cr_assert(result == 7);
    cr_assert(size_multiply(SIZE_MAX, 1, &result) && result == SIZE_MAX);
    cr_assert(size_add(SIZE_MAX - 1, 1, &result) && result == SIZE_MAX);
    cr_assert(memory_new(SIZE_MAX / 2, 3) == NULL);
    cr_assert(memory_resize(NULL, SIZE_MAX / 2, 3) == NULL);
    cr_assert(arena_new(SIZE_MAX) == NULL);
    cr_assert(arena_new(SIZE_MAX - (2 << 20)) == NULL);
    char letter = 'a';
    cr_assert(memory_string_n(&letter, SIZE_MAX) == NULL);
}

Test(memory, nothing_is_still_a_pointer)
{
    void *nothing = memory_new(0, 8);
    cr_assert(nothing != NULL);
    nothing = memory_resize(nothing, 0, 8);
    cr_assert(nothing != NULL);
    memory_free(nothing);
    memory_free(NULL);
    void *arena = arena_new(0);
    cr_assert(arena != NULL);
    arena_free(arena, 0);
    arena_free(NULL, 0);
    arena_free(NULL, (size_t)8 << 20);
}

Test(memory, blocks_are_zero_and_keep_their_bytes_when_they_grow)
{
    unsigned char *block = memory_new(100, 3);
    for (int i = 0; i < 300; i++) {
        cr_assert(block[i] == 0);
        block[i] = (unsigned char)i;
    }
    block = memory_resize(block, 100000, 1);
    for (int i = 0; i < 300; i++) {
        cr_assert(block[i] == (unsigned char)i);
    }
    memory_free(block);
}

Test(memory, strings_are_copied)
{
    char *copy = memory_string("heddle");
    cr_assert_str_eq(copy, "heddle");
    memory_free(copy);
    copy = memory_string_n("heddle", 3);
    cr_assert_str_eq(copy, "hed");
    memory_free(copy);
    copy = memory_string_n(NULL, 0);
    cr_assert_str_eq(copy, "");
    memory_free(copy);
}

Test(memory, arenas_are_aligned_and_zero)
{
    const size_t mib = (size_t)1 << 20;
    const size_t sizes[] = {1,     63,    64,          65,      4096,        65535,
                            65536, 65537, 4 * mib - 1, 4 * mib, 4 * mib + 1, 9 * mib + 5};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        size_t bytes = sizes[i];
        unsigned char *arena = arena_new(bytes);
        cr_assert(arena != NULL);
        cr_assert((uintptr_t)arena % (bytes < 4 * mib ? 64 : 2 * mib) == 0, "%zu", bytes);
        for (size_t k = 0; k < bytes; k++) {
            cr_assert(arena[k] == 0);
            arena[k] = 1;
        }
        arena_free(arena, bytes);
    }
}

#if defined(__linux__) && !defined(__SANITIZE_ADDRESS__)
Test(memory, nobody_has_touched_the_pages_of_an_arena)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    const size_t sizes[] = {(size_t)64 << 10, (size_t)1 << 20, (size_t)8 << 20};
    unsigned char held[(8 << 20) / 4096];
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        unsigned char *arena = arena_new(sizes[i]);
        cr_assert(arena != NULL);
        cr_assert(mincore(arena, sizes[i], held) == 0);
        for (size_t k = 0; k < sizes[i] / page; k++) {
            cr_assert((held[k] & 1) == 0, "page %zu of %zu bytes", k, sizes[i]);
        }
        arena_free(arena, sizes[i]);
    }
}
#endif

Test(memory, a_test_can_make_one_allocation_fail)
{
    memory_fail_at(2, false);
    void *first = memory_new(1, 1), *second = memory_new(1, 1), *third = memory_new(1, 1);
    cr_assert(first != NULL && second == NULL && third != NULL);
    cr_assert(memory_count() == 3);
    memory_fail_at(0, false);
    cr_assert(memory_count() == 0);
    memory_free(first);
    memory_free(third);
}

Test(memory, a_test_can_make_all_allocations_fail_from_one_on)
{
    memory_fail_at(2, true);
    void *block = memory_new(1, 1);
    cr_assert(block != NULL);
    cr_assert(memory_resize(block, 2, 1) == NULL);
    cr_assert(memory_new(1, 1) == NULL);
    cr_assert(arena_new(1) == NULL);
    cr_assert(arena_new((size_t)8 << 20) == NULL);
    cr_assert(memory_string("x") == NULL);
    cr_assert(memory_count() == 6);
    memory_fail_at(0, false);
    memory_free(block);
}
