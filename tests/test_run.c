/** run: who of a team takes part. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "train/run.h"

/** Workers of 16 that take part in steps of so many rows through n[0]-n[1]-n[2]. */
static int taking_part(size_t in, size_t hidden, size_t out, size_t batch, size_t shard)
{
    static struct run_recipe recipe;
    recipe = (struct run_recipe){.batch = batch, .shard = shard};
    recipe.shape = (struct shape){
        .layers = 2,
        .width = {in, hidden, out},
        .activation = {ACTIVATION_LINEAR, ACTIVATION_SIGMOID, ACTIVATION_SIGMOID},
    };
    cr_assert(shape_finish(&recipe.shape, NULL) == HEDDLE_OK);
    return run_workers(16, &recipe);
}

Test(run, more_workers_than_the_work_is_worth_sit_out)
{
    unsetenv("HEDDLE_ALL_WORKERS");
    cr_assert(taking_part(2, 2, 1, 4, 4) == 1);
    cr_assert(taking_part(64, 32, 10, 32, 16) == 1);
    cr_assert(taking_part(64, 96, 10, 64, 16) == 4, "four shards, work for seven");
    cr_assert(taking_part(10, 46, 10, 128, 16) == 2);
    cr_assert(taking_part(10, 46, 10, 512, 64) == 8, "eight shards, work for nine");
}

Test(run, all_take_part_in_large_networks)
{
    unsetenv("HEDDLE_ALL_WORKERS");
    cr_assert(taking_part(784, 128, 10, 16, 16) == 16, "the update is shared too");
}

Test(run, all_that_have_shards_take_part_where_tests_ask_for_it)
{
    setenv("HEDDLE_ALL_WORKERS", "1", 1);
    cr_assert(taking_part(64, 32, 10, 32, 16) == 2);
    cr_assert(taking_part(2, 2, 1, 4, 4) == 1);
    cr_assert(taking_part(784, 128, 10, 16, 16) == 16);
}
