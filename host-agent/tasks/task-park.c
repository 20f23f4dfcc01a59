/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/tasks/task-park.h"

#include "base/error.h"
#include "base/id.h"
#include "base/log.h"
#include "berth/errors.h"
#include "berth/limits.h"
#include "host-agent/state-file.h"
#include "host-agent/tasks/task-plan.h"
#include "host-agent/tasks/task-record.h"

#include <string.h>
#include <unistd.h>

#define JOURNAL_SUFFIX ".json"
/* Arguments, checkpoint and result, and some. */
#define JOURNAL_BYTES (2 * BERTH_LIMIT_TASK_RESULT_BYTES + BERTH_LIMIT_TASK_ARGS_BYTES + 4096)
/* Progress is told so often. */
#define PROGRESS_MS 1000

struct BerthTaskContext {
    BerthTaskPark *park;
    char id[BERTH_ID_HEX_CHARS + 1];
    BerthTaskRecord record;
    const BerthTaskKind *kind; /* NULL: this agent does not know it */
    void *work;                /* NULL: none is under way */
    bool is_listed;
};

struct BerthTaskPark {
    BerthTaskParkConfig config;
    GHashTable *tasks; /* id as text (of the context) -> BerthTaskContext * */
    bool is_safe_mode;
    guint plan_source;
    guint progress_source;
};

static void
context_free(gpointer data)
{
    BerthTaskContext *task = data;
    if (task->work != NULL) {
        task->kind->free(task->work, false);
    }
    berth_task_record_clear(&task->record);
    g_free(task);
}

/* ---- journal ---- */

static bool
save(BerthTaskContext *task, GError **error)
{
    g_autofree char *name = g_strconcat(task->id, JOURNAL_SUFFIX, NULL);
    json_t *object = berth_task_record_to_json(&task->record);
    bool is_saved = berth_state_file_save(task->park->config.folder, name, object, error);
    json_decref(object);
    return is_saved;
}

static void
remove_journal(BerthTaskContext *task)
{
    g_autofree char *name = g_strconcat(task->id, JOURNAL_SUFFIX, NULL);
    g_autofree char *path = g_build_filename(task->park->config.folder, name, NULL);
    unlink(path);
}

static const BerthTaskKind *
find_kind(const BerthTaskPark *self, const char *name)
{
    for (const BerthTaskKind *const *kind = self->config.kinds; *kind != NULL; kind++) {
        if (strcmp((*kind)->name, name) == 0) {
            return *kind;
        }
    }
    return NULL;
}

/* record: taken. */
static BerthTaskContext *
add_task(BerthTaskPark *self, BerthTaskRecord *record)
{
    BerthTaskContext *task = g_new0(BerthTaskContext, 1);
    task->park = self;
    task->record = *record;
    task->kind = find_kind(self, record->kind);
    task->is_listed = true;
    berth_id_format(&record->id, task->id);
    g_hash_table_insert(self->tasks, task->id, task);
    return task;
}

static void
load_one(BerthTaskPark *self, const char *name)
{
    GError *error = NULL;
    BerthTaskRecord record;
    json_t *object = berth_state_file_load(self->config.folder, name, JOURNAL_BYTES, &error);
    if (object == NULL || !berth_task_record_from_json(object, &record, &error)) {
        berth_log_warning("tasks", "the journal %s is of no use and is forgotten: %s", name,
                          error->message);
        g_autofree char *path = g_build_filename(self->config.folder, name, NULL);
        unlink(path);
        g_error_free(error);
    } else {
        add_task(self, &record);
    }
    json_decref(object);
}

static void
load_all(BerthTaskPark *self)
{
    const char *name;
    GDir *dir = g_dir_open(self->config.folder, 0, NULL);
    while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
        if (g_str_has_suffix(name, JOURNAL_SUFFIX)) {
            load_one(self, name);
        }
    }
    g_clear_pointer(&dir, g_dir_close);
}

/* ---- work ---- */

static void
changed(BerthTaskPark *self)
{
    self->config.on_changed(self->config.user_data);
}

/* Ends a task, with or without work before; the journal tells it as long as it is listed. */
static void
end_task(BerthTaskContext *task, int code, const char *detail, json_t *result)
{
    GError *error = NULL;
    berth_task_record_end(&task->record, code, detail, result);
    if (task->record.code == BERTH_OK) {
        berth_log_info("tasks", "task=%s (%s) is done", task->id, task->record.kind);
    } else {
        berth_log_warning("tasks", "task=%s (%s) failed (%s): %s", task->id, task->record.kind,
                          berth_error_name(task->record.code), task->record.detail);
    }
    /* Not written, it is begun again by a later agent: kinds bear that. */
    if (!save(task, &error)) {
        berth_log_warning("tasks", "task=%s: its end is not in the journal: %s", task->id,
                          error->message);
        g_error_free(error);
    }
    changed(task->park);
}

static void
start_work(BerthTaskContext *task)
{
    GError *error = NULL;
    task->record.n_starts++;
    if (!save(task, &error)) {
        end_task(task, error->code, error->message, NULL);
        g_error_free(error);
        return;
    }
    berth_log_info("tasks", "task=%s (%s) %s", task->id, task->record.kind,
                   task->record.n_starts > 1 ? "is taken up again" : "begins");
    task->work = task->kind->start(task, &error);
    if (task->work == NULL) {
        end_task(task, error->code, error->message, NULL);
        g_error_free(error);
    }
}

static void
start_task(BerthTaskContext *task)
{
    if (task->kind == NULL) {
        g_autofree char *text =
            g_strdup_printf("this host knows no tasks of kind \"%s\"", task->record.kind);
        end_task(task, BERTH_ERR_UNSUPPORTED, text, NULL);
        return;
    }
    start_work(task);
}

static void
cancel_work(BerthTaskContext *task)
{
    if (task->work == NULL && task->kind != NULL && task->record.n_starts > 0) {
        /* An earlier agent began it: what it made is only known to the work itself. */
        task->work = task->kind->start(task, NULL);
    }
    if (task->work != NULL) {
        task->kind->free(g_steal_pointer(&task->work), true);
        berth_log_info("tasks", "task=%s (%s) is stopped: the broker does not list it any more",
                       task->id, task->record.kind);
    }
}

/* ---- plan ---- */

static int
count_working(const BerthTaskPark *self)
{
    int n = 0;
    GHashTableIter iter;
    gpointer value;
    g_hash_table_iter_init(&iter, self->tasks);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        n += ((BerthTaskContext *)value)->work != NULL ? 1 : 0;
    }
    return n;
}

static bool
is_machine_busy(const BerthTaskPark *self, const BerthTaskContext *task)
{
    GHashTableIter iter;
    gpointer value;
    if (berth_id_is_zero(&task->record.machine)) {
        return false;
    }
    g_hash_table_iter_init(&iter, self->tasks);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const BerthTaskContext *other = value;
        if (other != task && other->work != NULL &&
            berth_id_equal(&other->record.machine, &task->record.machine)) {
            return true;
        }
    }
    return false;
}

/* Returns false if the task is forgotten. */
static bool
plan_task(BerthTaskPark *self, BerthTaskContext *task)
{
    const BerthTaskFacts facts = {
        .is_listed = task->is_listed,
        .is_finished = task->record.state != BERTH_TASK_RUNNING,
        .is_working = task->work != NULL,
        .is_machine_busy = is_machine_busy(self, task),
        .is_room = count_working(self) < BERTH_TASKS_AT_ONCE,
        .is_safe_mode = self->is_safe_mode,
        .n_starts = task->record.n_starts,
    };
    switch (berth_task_plan(&facts)) {
    case BERTH_TASK_PLAN_START:
        start_task(task);
        return true;
    case BERTH_TASK_PLAN_GIVE_UP:
        end_task(task, BERTH_ERR_INTERNAL,
                 "the agent of this host ended each time that it worked on this; see its log",
                 NULL);
        return true;
    case BERTH_TASK_PLAN_CANCEL:
        cancel_work(task);
        return false;
    case BERTH_TASK_PLAN_FORGET:
        return false;
    case BERTH_TASK_PLAN_KEEP:
    default:
        return true;
    }
}

static gboolean
on_plan(gpointer user_data)
{
    BerthTaskPark *self = user_data;
    self->plan_source = 0;
    g_autoptr(GList) tasks = g_hash_table_get_values(self->tasks);
    for (GList *item = tasks; item != NULL; item = item->next) {
        BerthTaskContext *task = item->data;
        if (!plan_task(self, task)) {
            remove_journal(task);
            g_hash_table_remove(self->tasks, task->id);
            changed(self);
        }
    }
    return G_SOURCE_REMOVE;
}

static void
plan_soon(BerthTaskPark *self)
{
    if (self->plan_source == 0) {
        self->plan_source = g_idle_add(on_plan, self);
    }
}

/* ---- for the kinds ---- */

const char *
berth_task_get_id(const BerthTaskContext *context)
{
    return context->id;
}

const BerthId *
berth_task_get_machine(const BerthTaskContext *context)
{
    return &context->record.machine;
}

const json_t *
berth_task_get_args(const BerthTaskContext *context)
{
    return context->record.args;
}

const json_t *
berth_task_get_checkpoint(const BerthTaskContext *context)
{
    return context->record.checkpoint;
}

const BerthTaskHost *
berth_task_get_host(const BerthTaskContext *context)
{
    return &context->park->config.host;
}

bool
berth_task_set_checkpoint(BerthTaskContext *context, json_t *checkpoint, GError **error)
{
    json_decref(context->record.checkpoint);
    context->record.checkpoint = checkpoint;
    return save(context, error);
}

static gboolean
on_progress(gpointer user_data)
{
    BerthTaskPark *self = user_data;
    self->progress_source = 0;
    changed(self);
    return G_SOURCE_REMOVE;
}

void
berth_task_set_progress(BerthTaskContext *context, int pct, const char *detail)
{
    BerthTaskPark *self = context->park;
    berth_task_record_set_progress(&context->record, pct, detail);
    if (self->progress_source == 0) {
        self->progress_source = g_timeout_add(PROGRESS_MS, on_progress, self);
    }
}

void
berth_task_finish(BerthTaskContext *context, int code, const char *detail, json_t *result)
{
    context->work = NULL;
    end_task(context, code, detail, result);
    plan_soon(context->park);
}

/* ---- public ---- */

BerthTaskPark *
berth_task_park_new(const BerthTaskParkConfig *config)
{
    BerthTaskPark *self = g_new0(BerthTaskPark, 1);
    self->config = *config;
    self->tasks = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, context_free);
    load_all(self);
    plan_soon(self);
    return self;
}

void
berth_task_park_free(BerthTaskPark *self)
{
    if (self == NULL) {
        return;
    }
    g_clear_handle_id(&self->plan_source, g_source_remove);
    g_hash_table_unref(self->tasks);
    g_clear_handle_id(&self->progress_source, g_source_remove);
    g_clear_handle_id(&self->plan_source, g_source_remove);
    g_free(self);
}

/* What cannot be read but has an id fails, so that the broker hears of it. */
static void
refuse_wish(BerthTaskPark *self, const json_t *wish, const GError *error)
{
    BerthTaskRecord record = { 0 };
    berth_log_warning("tasks", "the broker wants a task that cannot be: %s", error->message);
    if (berth_id_parse(json_string_value(json_object_get(wish, "id")), &record.id) != BERTH_OK) {
        return;
    }
    record.kind = g_strdup("unknown");
    record.args = json_object();
    record.detail = g_strdup("");
    end_task(add_task(self, &record), error->code, error->message, NULL);
}

static void
take_wish(BerthTaskPark *self, const json_t *wish)
{
    GError *error = NULL;
    BerthTaskRecord record;
    const char *id = json_string_value(json_object_get(wish, "id"));
    BerthTaskContext *known = id != NULL ? g_hash_table_lookup(self->tasks, id) : NULL;
    if (known != NULL) {
        known->is_listed = true;
    } else if (berth_task_record_from_wish(wish, &record, &error)) {
        add_task(self, &record);
    } else {
        refuse_wish(self, wish, error);
        g_error_free(error);
    }
}

void
berth_task_park_want(BerthTaskPark *self, const json_t *tasks)
{
    GHashTableIter iter;
    gpointer value;
    size_t i;
    json_t *wish;
    g_hash_table_iter_init(&iter, self->tasks);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        ((BerthTaskContext *)value)->is_listed = false;
    }
    json_array_foreach ((json_t *)tasks, i, wish) {
        if (i < BERTH_LIMIT_HOST_TASKS) {
            take_wish(self, wish);
        }
    }
    plan_soon(self);
}

void
berth_task_park_set_safe_mode(BerthTaskPark *self, bool is_safe_mode)
{
    self->is_safe_mode = is_safe_mode;
}

json_t *
berth_task_park_report(const BerthTaskPark *self)
{
    json_t *array = json_array();
    GHashTableIter iter;
    gpointer value;
    size_t n_bytes = 0;
    g_hash_table_iter_init(&iter, self->tasks);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const BerthTaskContext *task = value;
        json_t *object = berth_task_record_report(&task->record);
        size_t size = json_dumpb(object, NULL, 0, JSON_COMPACT);
        bool is_ended = task->record.state != BERTH_TASK_RUNNING;
        if (is_ended && n_bytes > 0 && n_bytes + size > BERTH_LIMIT_TASK_REPORT_BYTES) {
            json_object_set_new(object, "state", json_string("running"));
            json_object_del(object, "result");
            json_object_del(object, "code");
        } else {
            n_bytes += size;
        }
        json_array_append_new(array, object);
    }
    return array;
}
