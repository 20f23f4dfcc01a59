/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/vm/vm-snapshot.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "berth/errors.h"

#include <string.h>

#define POLL_INTERVAL_MS 100
/* A monitor that is taken away says nothing. */
#define WATCH_INTERVAL_S 1

typedef enum {
    STEP_CLEAR, /* ends what an earlier process of ours left in QEMU */
    STEP_ADD,
    STEP_FREEZE,
    STEP_BEGIN,
    STEP_COPY,
    STEP_FORGET, /* the job is over and goes out of QEMU's list */
    STEP_REMOVE, /* and so does the file */
    STEP_OVER,
} Step;

struct BerthVmSnapshot {
    BerthVmSnapshotConfig config;
    BerthGuestFreezeConfig freeze_config;
    char *job;  /* its id in QEMU */
    char *node; /* the file's name in QEMU */
    BerthQmp *qmp;
    BerthGuestFreeze *freeze;
    Step step;
    guint poll_source;
    guint watch_source;
    int n_open; /* commands without an answer */
    int pct;
    bool is_orphan; /* freed by its owner, waits for the answers */
    bool has_node;
    int64_t frozen_since_us;
    BerthVmSnapshotResult result;
    char *text;
    BerthVmSnapshotDone done;
    void *user_data;
};

static void take_step(BerthVmSnapshot *self, Step step);

static void
destroy(BerthVmSnapshot *self)
{
    g_free((char *)self->config.device);
    g_free((char *)self->config.target_path);
    if (self->freeze_config.agent != NULL) {
        berth_guest_agent_unref(self->freeze_config.agent);
    }
    g_free((char *)self->freeze_config.agent_socket);
    g_free((char *)self->freeze_config.thaw_program);
    g_free(self->job);
    g_free(self->node);
    g_free(self->text);
    g_free(self);
}

static void
send(BerthVmSnapshot *self, const char *name, json_t *arguments, BerthQmpReply reply)
{
    self->n_open++;
    berth_qmp_command(self->qmp, name, arguments, reply, self);
}

/* Counts an answer; false if nobody is interested any more. */
static bool
take_answer(BerthVmSnapshot *self)
{
    self->n_open--;
    if (self->is_orphan) {
        if (self->n_open == 0) {
            destroy(self);
        }
        return false;
    }
    return self->step != STEP_OVER;
}

static void
note_failure(BerthVmSnapshot *self, int code, const char *text)
{
    if (self->result.code == BERTH_OK) {
        bool is_full = text != NULL && strstr(text, "No space left on device") != NULL;
        self->result.code = is_full ? BERTH_ERR_DISK_FULL : code;
        self->text = g_strdup(text != NULL ? text : berth_error_sentence(code));
    }
}

static void
finish(BerthVmSnapshot *self)
{
    self->step = STEP_OVER;
    g_clear_handle_id(&self->poll_source, g_source_remove);
    g_clear_handle_id(&self->watch_source, g_source_remove);
    g_clear_pointer(&self->freeze, berth_guest_freeze_free);
    self->result.text = self->text;
    self->done(&self->result, self->user_data);
}

/* Undoes what was done, from there on. */
static void
give_up(BerthVmSnapshot *self, int code, const char *text)
{
    note_failure(self, code, text);
    if (code == BERTH_ERR_CLOSED) {
        finish(self);
    } else {
        take_step(self, self->has_node ? STEP_REMOVE : STEP_OVER);
    }
}

/* ---- the job ---- */

const json_t *
berth_vm_snapshot_find_job(const json_t *jobs, const char *id, int *ret_pct)
{
    size_t i;
    json_t *job;
    json_array_foreach (jobs, i, job) {
        const char *name = json_string_value(json_object_get(job, "id"));
        if (name == NULL || strcmp(name, id) != 0) {
            continue;
        }
        json_int_t at = json_integer_value(json_object_get(job, "current-progress"));
        json_int_t of = json_integer_value(json_object_get(job, "total-progress"));
        *ret_pct = of > 0 && at > 0 ? (int)(100.0 * (double)MIN(at, of) / (double)of) : 0;
        return job;
    }
    return NULL;
}

static bool
is_job_in(const json_t *job, const char *status)
{
    const char *text = json_string_value(json_object_get(job, "status"));
    return text != NULL && strcmp(text, status) == 0;
}

static gboolean
on_poll(gpointer user_data)
{
    BerthVmSnapshot *self = user_data;
    self->poll_source = 0;
    take_step(self, self->step);
    return G_SOURCE_REMOVE;
}

static void
poll_later(BerthVmSnapshot *self)
{
    if (self->poll_source == 0) {
        self->poll_source = g_timeout_add(POLL_INTERVAL_MS, on_poll, self);
    }
}

static void
on_copying(int code, const json_t *result, const char *text, void *user_data)
{
    BerthVmSnapshot *self = user_data;
    if (!take_answer(self)) {
        return;
    }
    if (code != BERTH_OK) {
        give_up(self, code, text);
        return;
    }
    const json_t *job = berth_vm_snapshot_find_job(result, self->job, &self->pct);
    if (job == NULL) {
        give_up(self, BERTH_ERR_IO, "QEMU forgot the copy of the disk");
    } else if (is_job_in(job, "concluded")) {
        const char *error = json_string_value(json_object_get(job, "error"));
        if (error != NULL) {
            note_failure(self, BERTH_ERR_IO, error);
        }
        take_step(self, STEP_FORGET);
    } else {
        poll_later(self);
    }
}

static void
on_thawed(int code, const char *text, void *user_data)
{
    if (code != BERTH_OK) {
        berth_log_error("vm", "a guest was frozen for a snapshot: %s", text);
    }
}

static void
on_begun(int code, const json_t *result, const char *text, void *user_data)
{
    BerthVmSnapshot *self = user_data;
    (void)result;
    if (!take_answer(self)) {
        return;
    }
    if (self->freeze != NULL && self->frozen_since_us != 0) {
        self->result.frozen_us = berth_monotonic_us() - self->frozen_since_us;
        self->result.was_frozen = !berth_guest_freeze_was_late(self->freeze);
        berth_guest_freeze_thaw(self->freeze, on_thawed, NULL);
    }
    if (code != BERTH_OK) {
        give_up(self, code, text);
    } else if (self->frozen_since_us != 0 && self->config.needs_freeze &&
               !self->result.was_frozen) {
        note_failure(self, BERTH_ERR_TIMEOUT, "the guest was thawed before the copy began");
        berth_qmp_command(self->qmp, "job-cancel", json_pack("{s:s}", "id", self->job), NULL, NULL);
        take_step(self, STEP_COPY);
    } else {
        take_step(self, STEP_COPY);
    }
}

/* ---- before it ---- */

static void
on_frozen(int code, const char *text, void *user_data)
{
    BerthVmSnapshot *self = user_data;
    if (code == BERTH_OK) {
        self->frozen_since_us = berth_monotonic_us();
    } else if (self->config.needs_freeze) {
        g_autofree char *sentence = g_strdup_printf("the guest cannot be frozen: %s", text);
        give_up(self, code == BERTH_ERR_CLOSED ? BERTH_ERR_STATE : code, sentence);
        return;
    } else {
        berth_log_warning("vm",
                          "the snapshot is as after a power cut, the guest cannot be frozen: "
                          "%s",
                          text);
    }
    take_step(self, STEP_BEGIN);
}

static void
on_added(int code, const json_t *result, const char *text, void *user_data)
{
    BerthVmSnapshot *self = user_data;
    (void)result;
    if (!take_answer(self)) {
        return;
    }
    if (code != BERTH_OK) {
        give_up(self, code, text);
        return;
    }
    self->has_node = true;
    take_step(self, self->config.freeze != NULL ? STEP_FREEZE : STEP_BEGIN);
}

static void
on_cleared_node(int code, const json_t *result, const char *text, void *user_data)
{
    BerthVmSnapshot *self = user_data;
    (void)result;
    (void)text;
    if (!take_answer(self)) {
        return;
    }
    if (code == BERTH_ERR_CLOSED) {
        give_up(self, code, text);
        return;
    }
    take_step(self, STEP_ADD);
}

static void
on_jobs_to_clear(int code, const json_t *result, const char *text, void *user_data)
{
    BerthVmSnapshot *self = user_data;
    int pct = 0;
    if (!take_answer(self)) {
        return;
    }
    if (code != BERTH_OK) {
        give_up(self, code, text);
        return;
    }
    const json_t *job = berth_vm_snapshot_find_job(result, self->job, &pct);
    if (job == NULL) {
        send(self, "blockdev-del", json_pack("{s:s}", "node-name", self->node), on_cleared_node);
        return;
    }
    const char *order = is_job_in(job, "concluded") ? "job-dismiss" : "job-cancel";
    berth_qmp_command(self->qmp, order, json_pack("{s:s}", "id", self->job), NULL, NULL);
    poll_later(self);
}

/* ---- after it ---- */

static void
on_removed(int code, const json_t *result, const char *text, void *user_data)
{
    BerthVmSnapshot *self = user_data;
    (void)result;
    if (!take_answer(self)) {
        return;
    }
    if (code != BERTH_OK) {
        note_failure(self, code, text);
    }
    finish(self);
}

static void
on_forgotten(int code, const json_t *result, const char *text, void *user_data)
{
    BerthVmSnapshot *self = user_data;
    (void)result;
    if (!take_answer(self)) {
        return;
    }
    if (code != BERTH_OK) {
        note_failure(self, code, text);
    }
    take_step(self, STEP_REMOVE);
}

static json_t *
node_options(const BerthVmSnapshot *self)
{
    return json_pack("{s:s, s:s, s:n, s:{s:s, s:s, s:{s:b}}}", "driver", "qcow2", "node-name",
                     self->node, "backing", "file", "driver", "file", "filename",
                     self->config.target_path, "cache", "direct", 0);
}

static void
carry_out(BerthVmSnapshot *self)
{
    switch (self->step) {
    case STEP_CLEAR:
        send(self, "query-jobs", NULL, on_jobs_to_clear);
        break;
    case STEP_ADD:
        send(self, "blockdev-add", node_options(self), on_added);
        break;
    case STEP_FREEZE:
        self->freeze = berth_guest_freeze_new(&self->freeze_config, on_frozen, self);
        break;
    case STEP_BEGIN:
        send(self, "blockdev-backup",
             json_pack("{s:s, s:s, s:s, s:s, s:b}", "job-id", self->job, "device",
                       self->config.device, "target", self->node, "sync", "top", "auto-dismiss", 0),
             on_begun);
        break;
    case STEP_COPY:
        send(self, "query-jobs", NULL, on_copying);
        break;
    case STEP_FORGET:
        send(self, "job-dismiss", json_pack("{s:s}", "id", self->job), on_forgotten);
        break;
    case STEP_REMOVE:
        send(self, "blockdev-del", json_pack("{s:s}", "node-name", self->node), on_removed);
        break;
    case STEP_OVER:
        finish(self);
        break;
    }
}

static bool
has_monitor(const BerthVmSnapshot *self)
{
    return self->qmp != NULL && self->config.get_qmp(self->config.owner) == self->qmp;
}

static void
take_step(BerthVmSnapshot *self, Step step)
{
    self->step = step;
    if (!has_monitor(self)) {
        note_failure(self, BERTH_ERR_CLOSED, "the machine's QEMU is not there any more");
        finish(self);
        return;
    }
    carry_out(self);
}

static gboolean
on_watch(gpointer user_data)
{
    BerthVmSnapshot *self = user_data;
    if (has_monitor(self)) {
        return G_SOURCE_CONTINUE;
    }
    self->watch_source = 0;
    take_step(self, self->step);
    return G_SOURCE_REMOVE;
}

/* ---- public ---- */

static gboolean
on_start(gpointer user_data)
{
    BerthVmSnapshot *self = user_data;
    self->poll_source = 0;
    take_step(self, STEP_CLEAR);
    return G_SOURCE_REMOVE;
}

BerthVmSnapshot *
berth_vm_snapshot_new(const BerthVmSnapshotConfig *config, BerthVmSnapshotDone done,
                      void *user_data)
{
    BerthVmSnapshot *self = g_new0(BerthVmSnapshot, 1);
    self->config = *config;
    self->config.device = g_strdup(config->device);
    self->config.target_path = g_strdup(config->target_path);
    if (config->freeze != NULL) {
        self->freeze_config = *config->freeze;
        self->freeze_config.agent = berth_guest_agent_ref(config->freeze->agent);
        self->freeze_config.agent_socket = g_strdup(config->freeze->agent_socket);
        self->freeze_config.thaw_program = g_strdup(config->freeze->thaw_program);
        self->config.freeze = &self->freeze_config;
    }
    self->job = g_strdup_printf("backup-%s", config->device);
    self->node = g_strdup_printf("backup-file-%s", config->device);
    self->qmp = config->get_qmp(config->owner);
    self->done = done;
    self->user_data = user_data;
    self->poll_source = g_idle_add(on_start, self);
    self->watch_source = g_timeout_add_seconds(WATCH_INTERVAL_S, on_watch, self);
    return self;
}

int
berth_vm_snapshot_get_pct(const BerthVmSnapshot *self)
{
    return self->step > STEP_COPY ? 100 : self->pct;
}

void
berth_vm_snapshot_free(BerthVmSnapshot *self)
{
    if (self == NULL) {
        return;
    }
    g_clear_handle_id(&self->poll_source, g_source_remove);
    g_clear_handle_id(&self->watch_source, g_source_remove);
    g_clear_pointer(&self->freeze, berth_guest_freeze_free);
    if (has_monitor(self) && self->step != STEP_OVER) {
        /* A job that is over knows no cancelling; the next snapshot clears up what is left. */
        berth_qmp_command(self->qmp, "job-cancel", json_pack("{s:s}", "id", self->job), NULL, NULL);
    }
    if (self->n_open > 0 && has_monitor(self)) {
        self->is_orphan = true;
        return;
    }
    destroy(self);
}
