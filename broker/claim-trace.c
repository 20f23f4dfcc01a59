/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/claim-trace.h"

#include "base/clock.h"
#include "base/error.h"

void
berth_trace_init(BerthTrace *trace)
{
    int64_t now_us = berth_monotonic_us();
    *trace = (BerthTrace){ .steps = json_array(), .began_us = now_us, .last_us = now_us };
}

static json_t *
milliseconds(int64_t duration_us)
{
    return json_real((double)duration_us / 1000.0);
}

void
berth_trace_step(BerthTrace *trace, const char *step, const char *result, json_t *details)
{
    int64_t now_us = berth_monotonic_us();
    json_t *object = details != NULL ? details : json_object();
    json_object_set_new(object, "step", json_string(step));
    json_object_set_new(object, "result", json_string(result));
    json_object_set_new(object, "ms", milliseconds(now_us - trace->last_us));
    json_array_append_new(trace->steps, object);
    trace->last_us = now_us;
}

int
berth_trace_write(BerthTrace *trace, BerthTx *tx, const BerthCause *cause, const char *account,
                  const char *pool, const char *outcome)
{
    json_auto_t *object =
        json_pack("{s:s, s:o, s:O}", "outcome", outcome, "total_ms",
                  milliseconds(berth_monotonic_us() - trace->began_us), "steps", trace->steps);
    char *text = json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS | JSON_REAL_PRECISION(6));
    if (text == NULL) {
        return BERTH_ERR_NO_MEMORY;
    }
    int error = berth_tx_post(tx, BERTH_SQL_TRACE_SET, "ssis", account, pool, cause->now_us, text);
    free(text);
    return error;
}

void
berth_trace_clear(BerthTrace *trace)
{
    json_decref(trace->steps);
    trace->steps = NULL;
}
