/* run_curve: what is kept of a run's learning curve, for runs of every length. */
#include <criterion/criterion.h>
#include <math.h>

#include "cli/run_curve.h"

/** A loss that each step has by itself, a row. */
static double row_loss(uint64_t step)
{
    return 1.0 / (double)step + 0.25 * (double)(step % 7);
}

static heddle_start start_of(size_t rows, size_t batch, uint64_t steps, uint64_t resumed)
{
    return (heddle_start){.rows = rows,
                          .batch = batch,
                          .steps = steps,
                          .steps_per_epoch = (rows + batch - 1) / batch,
                          .resumed = resumed};
}

static double rows_in(const heddle_start *start, uint64_t step)
{
    bool last = step % start->steps_per_epoch == 0;
    size_t tail = start->rows - (size_t)(start->steps_per_epoch - 1) * start->batch;
    return (double)(last ? tail : start->batch);
}

/** Make steps resumed + 1 … last; each point must be the mean of its steps, and none be lost. */
static void expect_points(const heddle_start *start, uint64_t last, bool broken)
{
    struct run_curve curve;
    run_curve_begin(&curve, start);
    for (uint64_t step = start->resumed + 1; step <= last; step++) {
        run_curve_step(&curve, step, row_loss(step) * rows_in(start, step));
    }
    json_t *object = run_curve_json(&curve, false, broken);
    const json_t *points = json_object_get(object, "training");
    size_t count = json_array_size(points);
    uint64_t from = start->resumed;
    cr_assert(count > 0 && count <= CURVE_POINTS);
    for (size_t i = 0; i < count; i++) {
        const json_t *point = json_array_get(points, i);
        uint64_t to = (uint64_t)json_integer_value(json_array_get(point, 0));
        double loss = 0;
        double rows = 0;
        cr_assert(to > from && to <= last);
        for (uint64_t step = from + 1; step <= to; step++) {
            loss += row_loss(step) * rows_in(start, step);
            rows += rows_in(start, step);
        }
        double got = json_real_value(json_array_get(point, 1));
        cr_assert(fabs(got - loss / rows) <= 1e-12 * got, "point %zu: %g, not %g", i, got,
                  loss / rows);
        from = to;
    }
    cr_assert(!broken || from == last);
    cr_assert(last - from < last / 8 + 2); /* at most a part of the last point is left out */
    json_decref(object);
}

Test(run_curve, points_are_the_means_of_their_steps)
{
    static const struct {
        size_t rows, batch;
        uint64_t steps, resumed, last;
    } cases[] = {
        {4, 4, 100001, 0, 100001},     {1000, 64, 16 * 200, 0, 16 * 200},
        {1000, 64, 16 * 5, 0, 16 * 5}, {1000, 64, 16 * 2000, 0, 16 * 1513 + 5},
        {1000, 64, 16 * 200, 37, 900}, {1000, 64, 16 * 5, 37, 70},
        {1000, 1, 5000, 0, 4999},      {100, 1000, UINT64_MAX, 3, 40000},
        {77, 8, UINT64_MAX, 513, 514}, {77, 8, 10, 0, 1},
        {77, 8, 10 * 512, 511, 1023},  {77, 8, 10 * 512, 511, 1024},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t batch = cases[i].batch < cases[i].rows ? cases[i].batch : cases[i].rows;
        heddle_start start = start_of(cases[i].rows, batch, cases[i].steps, cases[i].resumed);
        expect_points(&start, cases[i].last, false);
        expect_points(&start, cases[i].last, true);
    }
}

Test(run_curve, a_short_run_is_shown_step_by_step)
{
    struct run_curve curve;
    heddle_start start = start_of(100, 10, 1000, 0);
    run_curve_begin(&curve, &start);
    for (uint64_t step = 1; step <= 25; step++) {
        run_curve_step(&curve, step, 10.0 * (double)step);
    }
    json_t *object = run_curve_json(&curve, false, true);
    const json_t *points = json_object_get(object, "training");
    cr_assert(json_array_size(points) == 25);
    cr_assert(json_real_value(json_array_get(json_array_get(points, 24), 1)) == 25);
    json_decref(object);
}

Test(run_curve, sums_over_a_pass_stay_sums)
{
    struct run_curve curve;
    heddle_start start = start_of(4, 4, 3, 0);
    run_curve_begin(&curve, &start);
    for (uint64_t step = 1; step <= 3; step++) {
        run_curve_step(&curve, step, 0.5);
    }
    json_t *object = run_curve_json(&curve, true, false);
    const json_t *points = json_object_get(object, "training");
    cr_assert(json_array_size(points) == 3);
    cr_assert(json_real_value(json_array_get(json_array_get(points, 2), 1)) == 0.5);
    json_decref(object);
}

Test(run_curve, of_many_reports_every_nth_is_kept_and_the_best_and_the_last)
{
    struct run_curve curve;
    heddle_start start = start_of(10, 10, 100000, 0);
    run_curve_begin(&curve, &start);
    enum { REPORTS = 12345, BEST = 4567 };
    for (uint64_t step = 1; step <= REPORTS; step++) {
        const heddle_report report = {.step = step,
                                      .loss = 1,
                                      .has_validation = true,
                                      .validation_loss = step == BEST ? 0.5 : 1,
                                      .validation_score = 0.25};
        run_curve_report(&curve, &report);
    }
    json_t *object = run_curve_json(&curve, false, false);
    const json_t *reports = json_object_get(object, "reports");
    size_t count = json_array_size(reports);
    cr_assert(count > CURVE_POINTS / 2 && count <= CURVE_POINTS + 1);
    json_int_t apart = 0;
    for (size_t i = 0; i < count; i++) {
        json_int_t step = json_integer_value(json_object_get(json_array_get(reports, i), "step"));
        json_int_t wanted = i + 1 == count ? REPORTS : 1 + (json_int_t)i * apart;
        apart = i == 1 ? step - 1 : apart;
        cr_assert(i == 1 || step == wanted);
    }
    cr_assert(json_integer_value(json_object_get(object, "reports_made")) == REPORTS);
    cr_assert(json_integer_value(json_object_get(json_object_get(object, "best"), "step")) == BEST);
    json_decref(object);
}
