/** run: who of a team takes part. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

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
    cr_assert(taking_part(64, 96, 10, 64, 16) == 7, "rows for eight, work for seven");
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

/* Where weight deltas are divided by weights, shards may be split, and feed more. */
Test(run, a_batch_has_rows_for)
{
    const struct {
        size_t width[4], batch, shard, feeds;
        int workers; /* and for so many the pieces are */
        size_t pieces;
        double clip;
    } cases[] = {
        {{784, 128, 10}, 128, 16, 32, 16, 32, 0}, /* 16 times 8 rows, two blocks of units */
        {{784, 128, 10}, 100, 16, 26, 4, 26, 0},
        {{784, 128, 10}, 128, 16, 32, 4, 32, 1}, /* the norm takes a meeting more */
        {{784, 128, 10}, 128, 4, 32, 8, 32, 0},
        {{10, 46, 10}, 128, 16, 8, 2, 8, 0}, /* few weights */
        {{784, 128, 10}, 60000, 64, 938, 2, 938, 0},
        /* too few for units; more values than weights, and six without a shard */
        {{64, 96, 10}, 128, 64, 16, 8, 16, 0},
        {{64, 96, 10}, 128, 64, 16, 2, 2, 0},
        {{784, 40, 784}, 64, 16, 8, 2, 8, 0}, /* half of the work is divided by units */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        static struct run_recipe recipe;
        recipe = (struct run_recipe){
            .batch = cases[i].batch, .shard = cases[i].shard, .clip = cases[i].clip};
        recipe.shape = (struct shape){.layers = 2};
        memcpy(recipe.shape.width, cases[i].width, 3 * sizeof *cases[i].width);
        cr_assert(shape_finish(&recipe.shape, NULL) == HEDDLE_OK);
        cr_expect(trainer_feeds(&recipe) == cases[i].feeds, "case %zu: %zu", i,
                  trainer_feeds(&recipe));
        cr_expect(trainer_pieces(&recipe, cases[i].workers) == cases[i].pieces, "case %zu: %zu", i,
                  trainer_pieces(&recipe, cases[i].workers));
    }
}
