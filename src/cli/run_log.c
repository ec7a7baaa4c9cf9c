/** run_log: see run_log.h. */
#include <errno.h>
#include <string.h>

#include "run_log.h"
#include "json_out.h"
#include "output.h"
#include "run_earlier.h"
#include "steady.h"
#include "trace.h"

void run_log_begin(struct run_log *log, const char *path, json_t *start)
{
    *log = (struct run_log){.path = path, .start = start};
}

/** Write record on a line of its own; it is taken over. */
static void write_record(struct run_log *log, json_t *record)
{
    if (log->stream != NULL && log->status == 0) {
        errno = 0;
        json_write(log->stream, record, false);
        if (fflush(log->stream) != 0 || ferror(log->stream)) {
            complain("cannot write '%s': %s; training goes on without a log", log->path,
                     strerror(errno != 0 ? errno : EIO));
            log->status = EXIT_IO;
        }
    }
    json_decref(record);
}

void run_log_touch(struct run_log *log)
{
    if (log->start == NULL || !log->begun) {
        return;
    }
    log->stream = log->keep > 0 ? steady_go_on(log->path, log->keep) : steady_open(log->path, NULL);
    if (log->stream == NULL) {
        complain("cannot create '%s': %s; training goes on without a log", log->path,
                 strerror(errno));
        log->status = EXIT_CREATE;
    }
    json_t *start = log->start;
    log->start = NULL;
    write_record(log, start);
}

void run_log_start(struct run_log *log, const heddle_start *start)
{
    log->begun = true;
    log->keep = run_earlier_length(log->path, start);
}

void run_log_step(struct run_log *log, uint64_t step, double loss)
{
    if (log->path == NULL || (step > RUN_LOG_STEPS && (step & (step - 1)) != 0)) {
        return;
    }
    run_log_touch(log);
    json_t *record = json_object();
    json_put(record, "event", json_text("step"));
    json_put(record, "step", json_count(step));
    json_put(record, "loss", json_number(loss));
    write_record(log, record);
}

void run_log_report(struct run_log *log, const heddle_report *report, size_t k)
{
    if (log->path == NULL) {
        return;
    }
    run_log_touch(log);
    json_t *record = json_object();
    json_put(record, "event", json_text("report"));
    json_put(record, "step", json_count(report->step));
    json_put(record, "epoch", json_count(report->epoch));
    json_put(record, "loss", json_number(report->loss));
    json_put(record, "rate", json_number(report->rate));
    if (report->has_validation) {
        json_put(record, "validation_loss", json_number(report->validation_loss));
        json_put(record, "validation_score", json_number(report->validation_score));
    }
    if (report->validation != NULL) {
        json_put(record, "validation", json_score(report->validation, NULL, k));
    }
    json_put(record, "seconds", json_number(report->seconds));
    trace_write(report, record);
    json_put(record, "last", json_boolean(report->last));
    write_record(log, record);
}

void run_log_result(struct run_log *log, json_t *result)
{
    json_t *record = json_object();
    json_put(record, "event", json_text("end"));
    json_object_update(record, result);
    json_decref(result);
    run_log_touch(log);
    write_record(log, record);
}

void run_log_error(struct run_log *log, const heddle_error *err)
{
    json_t *record = json_object();
    json_put(record, "event", json_text("error"));
    json_put(record, "status", json_text(heddle_status_name(err->status)));
    json_put(record, "message", json_text(err->text));
    write_record(log, record);
}

int run_log_end(struct run_log *log)
{
    if (log->stream != NULL && fclose(log->stream) != 0 && log->status == 0) {
        complain("cannot write '%s': %s", log->path, strerror(errno));
        log->status = EXIT_IO;
    }
    json_decref(log->start);
    return log->status;
}
