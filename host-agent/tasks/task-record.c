/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/tasks/task-record.h"

#include "base/error.h"
#include "base/id.h"
#include "berth/errors.h"
#include "berth/limits.h"
#include "host-agent/json-fields.h"

#include <string.h>

static const char *const state_names[] = {
    [BERTH_TASK_RUNNING] = "running",
    [BERTH_TASK_DONE] = "done",
    [BERTH_TASK_FAILED] = "failed",
};

static bool
is_within(const json_t *object, size_t max_bytes)
{
    return json_dumpb(object, NULL, 0, JSON_COMPACT) <= max_bytes;
}

/* What wish and journal share. */
static void
read_task(BerthJsonFields *fields, BerthTaskRecord *ret)
{
    berth_json_fields_id(fields, "id", &ret->id);
    const char *kind = berth_json_fields_string(fields, "kind", BERTH_LIMIT_NAME_BYTES);
    berth_json_fields_optional_id(fields, "machine", &ret->machine);
    json_t *args = berth_json_fields_optional_object(fields, "args");
    if (args != NULL && !is_within(args, BERTH_LIMIT_TASK_ARGS_BYTES)) {
        berth_json_fields_fail(fields, "args", "is too large");
        args = NULL;
    }
    ret->kind = g_strdup(kind);
    ret->args = args != NULL ? json_incref(args) : json_object();
}

static bool
finish(BerthJsonFields *fields, BerthTaskRecord *record, BerthTaskRecord *ret, GError **error)
{
    if (!berth_json_fields_finish(fields, error)) {
        berth_task_record_clear(record);
        return false;
    }
    *ret = *record;
    return true;
}

bool
berth_task_record_from_wish(const json_t *wish, BerthTaskRecord *ret, GError **error)
{
    BerthJsonFields fields;
    BerthTaskRecord record = { 0 };
    berth_json_fields_init(&fields, wish, "task");
    read_task(&fields, &record);
    record.detail = g_strdup("");
    return finish(&fields, &record, ret, error);
}

json_t *
berth_task_record_to_json(const BerthTaskRecord *self)
{
    json_t *object = json_object();
    berth_json_set_id(object, "id", &self->id);
    berth_json_set_id(object, "machine", &self->machine);
    json_object_set_new(object, "kind", json_string(self->kind));
    json_object_set(object, "args", self->args);
    json_object_set_new(object, "state", json_string(state_names[self->state]));
    json_object_set_new(object, "n_starts", json_integer(self->n_starts));
    json_object_set_new(object, "progress_pct", json_integer(self->progress_pct));
    json_object_set_new(object, "detail", json_string(self->detail));
    json_object_set_new(object, "code", json_integer(self->code));
    if (self->checkpoint != NULL) {
        json_object_set(object, "checkpoint", self->checkpoint);
    }
    if (self->result != NULL) {
        json_object_set(object, "result", self->result);
    }
    return object;
}

static BerthTaskState
read_state(BerthJsonFields *fields)
{
    const char *name = berth_json_fields_string(fields, "state", BERTH_LIMIT_NAME_BYTES);
    for (int i = 0; i < (int)G_N_ELEMENTS(state_names); i++) {
        if (strcmp(name, state_names[i]) == 0) {
            return (BerthTaskState)i;
        }
    }
    berth_json_fields_fail(fields, "state", "is neither running nor done nor failed");
    return BERTH_TASK_FAILED;
}

bool
berth_task_record_from_json(const json_t *object, BerthTaskRecord *ret, GError **error)
{
    BerthJsonFields fields;
    BerthTaskRecord record = { 0 };
    berth_json_fields_init(&fields, object, "journal of a task");
    read_task(&fields, &record);
    record.state = read_state(&fields);
    record.n_starts = (int)berth_json_fields_int(&fields, "n_starts", 0, INT32_MAX);
    record.progress_pct = (int)berth_json_fields_int(&fields, "progress_pct", 0, 100);
    const char *detail = berth_json_fields_string(&fields, "detail", BERTH_LIMIT_TASK_DETAIL_BYTES);
    record.detail = g_strdup(detail);
    record.code = (int)berth_json_fields_int(&fields, "code", INT32_MIN, 0);
    json_t *checkpoint = berth_json_fields_optional_object(&fields, "checkpoint");
    record.checkpoint = json_incref(checkpoint);
    json_t *result = berth_json_fields_optional_object(&fields, "result");
    record.result = json_incref(result);
    return finish(&fields, &record, ret, error);
}

json_t *
berth_task_record_report(const BerthTaskRecord *self)
{
    json_t *object = json_object();
    berth_json_set_id(object, "id", &self->id);
    json_object_set_new(object, "state", json_string(state_names[self->state]));
    json_object_set_new(object, "progress_pct", json_integer(self->progress_pct));
    json_object_set_new(object, "detail", json_string(self->detail));
    if (self->code != BERTH_OK) {
        json_object_set_new(object, "code", json_string(berth_error_name(self->code)));
    }
    if (self->result != NULL) {
        json_object_set(object, "result", self->result);
    }
    return object;
}

/* Valid UTF-8 without control characters, within its limit: it may be what a guest wrote. */
static char *
dup_detail(const char *text)
{
    g_autofree char *valid = g_utf8_make_valid(text, -1);
    for (char *at = valid; *at != '\0'; at++) {
        *at = (unsigned char)*at < ' ' || *at == 0x7f ? ' ' : *at;
    }
    if (strlen(valid) <= BERTH_LIMIT_TASK_DETAIL_BYTES) {
        return g_steal_pointer(&valid);
    }
    char *end = g_utf8_find_prev_char(valid, valid + BERTH_LIMIT_TASK_DETAIL_BYTES);
    *end = '\0';
    return g_steal_pointer(&valid);
}

void
berth_task_record_set_progress(BerthTaskRecord *self, int pct, const char *detail)
{
    g_autofree char *old = self->detail;
    self->progress_pct = CLAMP(pct, 0, 100);
    self->detail = dup_detail(detail);
}

void
berth_task_record_end(BerthTaskRecord *self, int code, const char *detail, json_t *result)
{
    json_decref(self->result);
    self->result = result;
    if (result != NULL && !is_within(result, BERTH_LIMIT_TASK_RESULT_BYTES)) {
        json_decref(result);
        self->result = NULL;
        code = BERTH_ERR_TOO_LARGE;
        detail = "what this task found out is more than a host may report";
    }
    self->code = code;
    self->state = code == BERTH_OK ? BERTH_TASK_DONE : BERTH_TASK_FAILED;
    berth_task_record_set_progress(self, code == BERTH_OK ? 100 : self->progress_pct, detail);
    g_clear_pointer(&self->checkpoint, json_decref);
}

void
berth_task_record_clear(BerthTaskRecord *self)
{
    g_free(self->kind);
    g_free(self->detail);
    json_decref(self->args);
    json_decref(self->checkpoint);
    json_decref(self->result);
    memset(self, 0, sizeof *self);
}
