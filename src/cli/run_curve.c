/** run_curve: see run_curve.h. */
#include <math.h>

#include "run_curve.h"
#include "json_out.h"

enum {
    MANY_EPOCHS = 10, /* a run of more is shown by epochs, a shorter one by steps */
    FEW_POINTS = 10   /* a curve of fewer is shown by steps if that can be */
};

void run_curve_begin(struct run_curve *curve, const heddle_start *start)
{
    uint64_t an_epoch = start->steps_per_epoch;
    *curve = (struct run_curve){
        .rows = start->rows,
        .batch = start->batch,
        .steps_per_epoch = an_epoch,
        .first = start->resumed,
        .last = start->resumed,
        .begin = start->resumed,
        .width = start->steps / an_epoch > MANY_EPOCHS ? an_epoch : 1,
        .every = 1,
    };
    /* Points end where epochs do, also if the run goes on in the middle of one. */
    curve->end = start->resumed / curve->width * curve->width;
}

/** Every two points become one. */
static void halve_points(struct run_curve *curve)
{
    uint64_t begin = curve->end - curve->points * curve->width;
    size_t odd = begin / curve->width % 2; /* the first point then stays alone */
    size_t kept = odd;
    for (size_t i = odd; i < curve->points; i += 2) {
        double next = i + 1 < curve->points ? curve->loss[i + 1] : 0;
        curve->loss[kept++] = curve->loss[i] + next;
    }
    curve->width *= 2;
    curve->points = kept;
    curve->end = (curve->end + curve->width - 1) / curve->width * curve->width;
}

void run_curve_step(struct run_curve *curve, uint64_t step, double loss)
{
    if (step - curve->first <= CURVE_POINTS) {
        curve->early[step - curve->first - 1] = loss;
    }
    if (step > curve->end) {
        if (curve->points == CURVE_POINTS) {
            halve_points(curve);
        }
        if (step > curve->end) {
            curve->end += curve->width;
            curve->loss[curve->points++] = 0;
        }
    }
    curve->loss[curve->points - 1] += loss;
    curve->last = step;
}

void run_curve_report(struct run_curve *curve, const heddle_report *report)
{
    const struct curve_report kept = {
        .step = report->step,
        .loss = report->loss,
        .rate = report->rate,
        .validation_loss = report->has_validation ? report->validation_loss : (double)NAN,
        .validation_score = report->has_validation ? report->validation_score : (double)NAN,
        .seconds = report->seconds,
    };
    curve->newest = kept;
    curve->tutorial = report->tutorial;
    curve->has_validation = report->has_validation;
    if (report->has_validation &&
        (curve->best.step == 0 || kept.validation_loss < curve->best.validation_loss)) {
        curve->best = kept;
    }
    if (curve->seen++ % curve->every != 0) {
        return;
    }
    if (curve->reports == CURVE_POINTS) {
        for (size_t i = 0; 2 * i < curve->reports; i++) {
            curve->report[i] = curve->report[2 * i];
        }
        curve->reports /= 2;
        curve->every *= 2;
        if ((curve->seen - 1) % curve->every != 0) {
            return;
        }
    }
    curve->report[curve->reports++] = kept;
}

static json_t *report_json(const struct curve_report *report)
{
    json_t *object = json_object();
    json_put(object, "step", json_count(report->step));
    json_put(object, "loss", json_number(report->loss));
    json_put(object, "rate", json_number(report->rate));
    json_put(object, "validation_loss", json_number(report->validation_loss));
    json_put(object, "validation_score", json_number(report->validation_score));
    json_put(object, "seconds", json_number(report->seconds));
    return object;
}

/** Rows that the first `steps` steps go over. */
static double rows_of(const struct run_curve *curve, uint64_t steps)
{
    uint64_t an_epoch = curve->steps_per_epoch;
    return (double)(steps / an_epoch) * (double)curve->rows +
           (double)(steps % an_epoch * curve->batch);
}

/** The mean loss of steps from … to, whose losses have this sum, as a point of the curve. */
static json_t *point_json(const struct run_curve *curve, uint64_t from, uint64_t to, double loss,
                          bool sum)
{
    double rows = rows_of(curve, to) - rows_of(curve, from);
    json_t *point = json_array();
    json_array_append_new(point, json_count(to));
    json_array_append_new(point, json_number(loss / (sum ? rows / (double)curve->rows : rows)));
    return point;
}

static json_t *training_json(const struct run_curve *curve, bool sum, bool broken)
{
    json_t *training = json_array();
    uint64_t made = curve->last - curve->first;
    for (size_t i = 0; i < curve->reports && curve->report[i].step <= curve->first; i++) {
        json_t *point = json_array();
        json_array_append_new(point, json_count(curve->report[i].step));
        json_array_append_new(point, json_number(curve->report[i].loss));
        json_array_append_new(training, point);
    }
    if (curve->points < FEW_POINTS && made <= CURVE_POINTS) {
        for (uint64_t i = 0; i < made; i++) {
            uint64_t from = curve->first + i;
            json_array_append_new(training,
                                  point_json(curve, from, from + 1, curve->early[i], sum));
        }
        return training;
    }
    uint64_t begin = curve->end - curve->points * curve->width;
    for (size_t i = 0; i < curve->points; i++) {
        uint64_t from = begin + i * curve->width;
        uint64_t to = from + curve->width;
        /* A few steps are no fair sample of an epoch. */
        if (to <= curve->last || broken || curve->last - from >= curve->width / 2) {
            from = from > curve->first ? from : curve->first;
            to = to < curve->last ? to : curve->last;
            json_array_append_new(training, point_json(curve, from, to, curve->loss[i], sum));
        }
    }
    return training;
}

json_t *run_curve_json(const struct run_curve *curve, bool sum, bool broken)
{
    json_t *object = json_object();
    json_put(object, "steps_per_epoch", json_count(curve->steps_per_epoch));
    json_put(object, "resumed", json_count(curve->first));
    json_put(object, "begin", json_count(curve->begin));
    json_put(object, "last", json_count(curve->last));
    json_put(object, "tutorial", json_boolean(curve->tutorial));
    json_put(object, "validated", json_boolean(curve->has_validation));
    json_put(object, "training", training_json(curve, sum, broken));
    json_t *reports = json_array();
    for (size_t i = 0; i < curve->reports; i++) {
        json_array_append_new(reports, report_json(&curve->report[i]));
    }
    if (curve->reports > 0 && curve->newest.step != curve->report[curve->reports - 1].step) {
        json_array_append_new(reports, report_json(&curve->newest));
    }
    json_put(object, "reports", reports);
    json_put(object, "reports_made", json_count(curve->seen));
    json_put(object, "best", curve->best.step > 0 ? report_json(&curve->best) : json_null());
    return object;
}
