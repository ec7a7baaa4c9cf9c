/* bench_scaling: the sentence that says what stops the scaling, for made-up measurements. */
#include <criterion/criterion.h>
#include <string.h>

#include "cli/bench_scaling.h"

static const heddle_machine quiet = {
    .cores = 8, .processors = 8, .allowed_cores = 8, .allowed_processors = 8};

/* A step of `us` on so many threads, of which each adds 100 GFLOP/s to the limit. */
static heddle_bench_row row_of(int threads, double us)
{
    return (heddle_bench_row){.batch = 1024,
                              .shard = 64,
                              .shards = 16,
                              .pieces = 16,
                              .threads = threads,
                              .us_per_step = us,
                              .us_min = us * 0.98,
                              .us_max = us * 1.03,
                              .limit_gflops = 100 * threads,
                              .moved_bytes = 1000,
                              .memory_gbs = __builtin_nan("")};
}

static void expect_of(const heddle_bench_row *rows, size_t count, const heddle_machine *machine,
                      const char *wanted, const char *unwanted)
{
    char text[SCALING_TEXT];

    cr_assert(scaling_text(rows, count, machine, text) == text);
    cr_expect(strncmp(text, "Scaling: ", 9) == 0, "%s", text);
    cr_expect(strstr(text, wanted) != NULL, "'%s' does not say '%s'", text, wanted);
    cr_expect(!unwanted || strstr(text, unwanted) == NULL, "'%s' says '%s'", text, unwanted);
}

Test(bench_scaling, one_number_of_threads_is_not_compared)
{
    const heddle_bench_row rows[] = {row_of(4, 100)};

    expect_of(rows, 1, &quiet, "only 4 threads were measured", NULL);
}

Test(bench_scaling, nothing_stops_what_scales)
{
    const heddle_bench_row rows[] = {row_of(1, 8000), row_of(8, 1010)};

    expect_of(rows, 2, &quiet, "7.92 times as fast as 1 (99 % of ideal); nothing stops it", NULL);
}

Test(bench_scaling, shards_that_do_not_divide)
{
    heddle_bench_row rows[] = {row_of(1, 8000), row_of(3, 3050)};

    rows[0].batch = rows[1].batch = 512;
    rows[0].pieces = rows[1].pieces = rows[0].shards = rows[1].shards = 8;
    expect_of(rows, 2, &quiet, "8 shards of a batch do not divide by 3 workers", "besides");
    expect_of(rows, 2, &quiet, "2.67 times the most", NULL);
}

Test(bench_scaling, fewer_shards_than_workers)
{
    heddle_bench_row rows[] = {row_of(1, 8000), row_of(8, 4100)};

    rows[0].batch = rows[1].batch = 128;
    rows[0].pieces = rows[1].pieces = rows[0].shards = rows[1].shards = 2;
    expect_of(rows, 2, &quiet, "2 shards of 64, so that 6 of 8 workers have nothing to do",
              "besides");
    expect_of(rows, 2, &quiet, "a larger --batch or a smaller --shard feeds more", NULL);
}

Test(bench_scaling, fewer_pieces_than_workers_where_shards_are_split)
{
    heddle_bench_row rows[] = {row_of(1, 8000), row_of(24, 900)};

    rows[0].batch = rows[1].batch = 128;
    rows[0].pieces = rows[0].shards = rows[1].shards = 2;
    rows[1].pieces = 16;
    expect_of(rows, 2, &quiet, "128 is 16 pieces, so that 8 of 24 workers have nothing to do",
              "--shard");
}

Test(bench_scaling, a_quota)
{
    heddle_bench_row rows[] = {row_of(1, 8000), row_of(8, 2700)};
    heddle_machine machine = quiet;

    machine.quota = 3;
    rows[1].limit_gflops = 300;
    rows[1].us_max = 4 * rows[1].us_min; /* throttled now and then */
    expect_of(rows, 2, &machine, "the cgroup quota is 3 processors: 3 times the multiply-adds",
              "other programs");
    machine.quota = 1;
    expect_of(rows, 2, &machine, "the cgroup quota is 1 processor:", NULL);
}

Test(bench_scaling, more_threads_than_processors)
{
    heddle_bench_row rows[] = {row_of(1, 8000), row_of(16, 1020)};

    rows[1].limit_gflops = 800;
    expect_of(rows, 2, &quiet, "16 threads share 8 processors: 8 times", "besides");
    rows[1].us_per_step = 3000;
    expect_of(rows, 2, &quiet, "besides, 2000 µs of each step (67 %)", NULL);
}

Test(bench_scaling, two_threads_on_a_core)
{
    heddle_bench_row rows[] = {row_of(1, 8000), row_of(8, 1900)};
    heddle_machine machine = quiet;

    machine.allowed_cores = 4;
    rows[1].limit_gflops = 430;
    expect_of(rows, 2, &machine, "two on a core (SMT) share its arithmetic: 4.3 times", NULL);
}

Test(bench_scaling, a_clock_that_falls)
{
    heddle_bench_row rows[] = {row_of(1, 8000), row_of(8, 1300)};

    rows[1].limit_gflops = 640;
    expect_of(rows, 2, &quiet, "the processor slows down or other programs use it: 6.4 times",
              NULL);
}

Test(bench_scaling, memory)
{
    heddle_bench_row rows[] = {row_of(1, 8000), row_of(8, 4000)};

    rows[1].memory_gbs = 20;
    rows[1].moved_bytes = 60000000; /* 3 of the 4 ms */
    expect_of(rows, 2, &quiet, "memory; a step moves at least 60 MB", NULL);
    expect_of(rows, 2, &quiet, "75 % of its time at the 20 GB/s measured", NULL);
    rows[1].moved_bytes = 6000000;
    expect_of(rows, 2, &quiet, "are not divided", "memory;");
}

Test(bench_scaling, short_steps)
{
    const heddle_bench_row rows[] = {row_of(1, 2), row_of(8, 5)};

    expect_of(rows, 2, &quiet, "a step of 2 µs is short for the meetings of 8 workers", NULL);
    expect_of(rows, 2, &quiet, "about 4.75 µs more", NULL);
}

Test(bench_scaling, other_programs_are_told_and_nothing_else_is_blamed)
{
    heddle_bench_row rows[] = {row_of(1, 8000), row_of(8, 3000)};

    rows[0].us_max = 2.5 * rows[0].us_min;
    expect_of(rows, 2, &quiet, "lie up to 2.5 times apart: other programs are running", "divided");
    rows[1].us_per_step = 200; /* 40 times as fast is no feat of ours */
    expect_of(rows, 2, &quiet, "so measure again", "nothing stops");
}

Test(bench_scaling, a_limit_below_what_was_reached_is_not_believed)
{
    heddle_bench_row rows[] = {row_of(1, 8000), row_of(8, 4000)};

    rows[1].limit_gflops = 40; /* 0.4 times */
    expect_of(rows, 2, &quiet, "2 times the multiply-adds a second", "0.4 times");
}

Test(bench_scaling, rows_in_any_order)
{
    const heddle_bench_row rows[] = {row_of(4, 2050), row_of(8, 1020), row_of(2, 4000)};

    expect_of(rows, 3, &quiet, "8 threads are 3.92 times as fast as 2 (98 % of ideal)", NULL);
}
