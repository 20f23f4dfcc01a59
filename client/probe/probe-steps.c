/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/probe/probe-steps.h"

#include <stdio.h>
#include <stdlib.h>

void
berth_probe_print(json_t *object)
{
    char *text = json_dumps(object, JSON_COMPACT);

    fprintf(stdout, "%s\n", text);
    fflush(stdout);
    free(text);
}

void
berth_probe_steps_begin(BerthProbeSteps *self, const char *name, int64_t now_us)
{
    self->name = name;
    self->began_us = now_us;
}

void
berth_probe_steps_end(BerthProbeSteps *self, json_t *counters, int64_t now_us)
{
    if (self->is_wanted && self->name != NULL) {
        json_object_set_new(counters, "command", json_string(self->name));
        json_object_set_new(counters, "ok", json_true());
        json_object_set_new(counters, "elapsed_us", json_integer(now_us - self->began_us));
        berth_probe_print(counters);
    }
    self->name = NULL;
    json_decref(counters);
}

void
berth_probe_steps_end_action(BerthProbeSteps *self, json_t *answer)
{
    if (self->is_wanted) {
        berth_probe_print(answer);
    }
    if (json_is_true(json_object_get(answer, "ok"))) {
        self->name = NULL;
    }
}

void
berth_probe_steps_close(const BerthProbeSteps *self, int status, const char *reason, int64_t now_us)
{
    json_t *object;

    if (!self->is_wanted) {
        return;
    }
    object = json_pack("{s:s, s:b, s:i, s:I, s:s?, s:s?}", "command", "end", "ok", status == 0,
                       "status", status, "elapsed_us", (json_int_t)(now_us - self->all_began_us),
                       "during", status == 0 ? NULL : self->name, "error", reason);
    berth_probe_print(object);
    json_decref(object);
}
