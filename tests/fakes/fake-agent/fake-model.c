/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Machines and sessions are kept as the JSON objects that an inventory shows.  What it does not
 * show has a key with an underscore in front: "_due_us" (when the next state comes), "_want", and
 * "_unlisted_us".
 */
#include "fake-model.h"

#include "base/id.h"
#include "fake-parts.h"

#include <string.h>

/* A machine that is not listed goes after it was missing for so long. */
#define UNLISTED_US (300LL * 1000 * 1000)

struct FakeModel {
    FakeModelConfig config;
    json_t *machines; /* object: id -> machine */
    json_t *sessions;
    FakeParts *parts;
    bool is_changed;
};

static const char *
get_text(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "";
}

static int64_t
get_int(const json_t *object, const char *key)
{
    return (int64_t)json_integer_value(json_object_get(object, key));
}

static void
set_text(json_t *object, const char *key, const char *text)
{
    json_object_set_new(object, key, json_string(text));
}

static void
set_int(json_t *object, const char *key, int64_t number)
{
    json_object_set_new(object, key, json_integer((json_int_t)number));
}

static bool
is_text(const json_t *object, const char *key, const char *text)
{
    return strcmp(get_text(object, key), text) == 0;
}

FakeModel *
fake_model_new(const FakeModelConfig *config)
{
    FakeModel *model = g_new0(FakeModel, 1);
    model->config = *config;
    model->machines = json_object();
    model->sessions = json_object();
    model->parts = fake_parts_new();
    return model;
}

void
fake_model_free(FakeModel *model)
{
    json_decref(model->machines);
    json_decref(model->sessions);
    fake_parts_free(model->parts);
    g_free(model);
}

/* ---- machines ---- */

static const char *
state_of_want(const char *want)
{
    return strcmp(want, "running") == 0 ? "ready" : want;
}

/* Where a machine is on its way to what is wanted; a step each delay. */
static void
advance(FakeModel *model, json_t *machine, int64_t now_us)
{
    const char *goal = state_of_want(get_text(machine, "_want"));
    bool is_far = is_text(machine, "state", "creating") && model->config.delay_us > 0;
    set_text(machine, "state", is_far ? "starting" : goal);
    set_int(machine, "_due_us", is_far ? now_us + model->config.delay_us : 0);
    model->is_changed = true;
}

static void
begin(FakeModel *model, json_t *machine, const char *state, int64_t now_us)
{
    set_text(machine, "state", state);
    set_int(machine, "_due_us", now_us + model->config.delay_us);
    model->is_changed = true;
    if (model->config.delay_us == 0) {
        advance(model, machine, now_us);
    }
}

static void
make_machine(FakeModel *model, const json_t *wanted, int64_t now_us)
{
    char overlay[BERTH_ID_HEX_CHARS + 1];
    json_t *machine = json_object();
    const char *known = get_text(wanted, "overlay");
    set_text(machine, "id", get_text(wanted, "id"));
    set_int(machine, "epoch", get_int(wanted, "epoch"));
    set_text(machine, "condition", "");
    set_text(machine, "code", "");
    set_text(machine, "detail", "");
    set_int(machine, "pid", 1);
    set_int(machine, "memory_mib", get_int(wanted, "memory_mib"));
    set_text(machine, "_want", get_text(wanted, "want"));
    json_object_set_new(model->machines, get_text(wanted, "id"), machine);
    if (json_is_true(json_object_get(wanted, "keep")) && known[0] != '\0') {
        /* That disk is not here, and another one would hide that. */
        set_text(machine, "overlay", "");
        set_text(machine, "state", "failed");
        set_text(machine, "code", "not-found");
        model->is_changed = true;
        return;
    }
    berth_id_random_hex(overlay);
    set_text(machine, "overlay", overlay);
    begin(model, machine, "creating", now_us);
}

static void
tell_news(FakeModel *model, const json_t *mine, const json_t *wanted)
{
    if (model->config.news != NULL &&
        (mine == NULL || get_int(mine, "epoch") != get_int(wanted, "epoch") ||
         !is_text(mine, "_want", get_text(wanted, "want")))) {
        model->config.news(get_text(wanted, "id"), get_int(wanted, "epoch"),
                           get_text(wanted, "want"), model->config.user_data);
    }
}

static void
converge_machine(FakeModel *model, const json_t *wanted, int64_t now_us)
{
    const char *want = get_text(wanted, "want");
    json_t *mine = json_object_get(model->machines, get_text(wanted, "id"));
    tell_news(model, mine, wanted);
    if (mine != NULL && get_int(wanted, "epoch") < get_int(mine, "epoch")) {
        return;
    }
    if (strcmp(want, "absent") == 0) {
        model->is_changed = model->is_changed || mine != NULL;
        json_object_del(model->machines, get_text(wanted, "id"));
        return;
    }
    if (mine != NULL) {
        json_object_del(mine, "_unlisted_us");
    }
    if (model->config.is_manual) {
        return;
    }
    if (mine == NULL || get_int(mine, "epoch") < get_int(wanted, "epoch")) {
        make_machine(model, wanted, now_us);
    } else if (!is_text(mine, "_want", want)) {
        set_text(mine, "_want", want);
        begin(model, mine, strcmp(want, "running") == 0 ? "starting" : get_text(mine, "state"),
              now_us);
    }
}

static bool
is_listed(const json_t *list, const char *id)
{
    size_t i = 0;
    json_t *item = NULL;
    json_array_foreach (list, i, item) {
        if (is_text(item, "id", id)) {
            return true;
        }
    }
    return false;
}

static void
forget_unlisted(FakeModel *model, const json_t *desired, int64_t now_us)
{
    void *next = NULL;
    const char *id = NULL;
    json_t *item = NULL;
    json_object_foreach_safe(model->machines, next, id, item)
    {
        int64_t since_us = get_int(item, "_unlisted_us");
        if (is_listed(json_object_get(desired, "machines"), id)) {
            continue;
        }
        if (since_us == 0) {
            set_int(item, "_unlisted_us", now_us);
        } else if (now_us - since_us >= UNLISTED_US) {
            json_object_del(model->machines, id);
            model->is_changed = true;
        }
    }
    json_object_foreach_safe(model->sessions, next, id, item)
    {
        if (!is_listed(json_object_get(desired, "sessions"), id)) {
            json_object_del(model->sessions, id);
            model->is_changed = true;
        }
    }
}

/* ---- sessions ---- */

static void
end_session(FakeModel *model, json_t *session, const char *code)
{
    if (!is_text(session, "state", "ended")) {
        set_text(session, "state", "ended");
        set_text(session, "code", code);
        model->is_changed = true;
    }
}

static bool
is_up(const FakeModel *model, const json_t *session)
{
    const json_t *machine = json_object_get(model->machines, get_text(session, "machine"));
    return machine != NULL && is_text(machine, "state", "ready") &&
           get_int(machine, "epoch") == get_int(session, "epoch");
}

static void
make_session(FakeModel *model, const json_t *wanted)
{
    char key[2 * BERTH_ID_HEX_CHARS + 1];
    json_t *session = json_object();
    berth_id_random_hex(key);
    berth_id_random_hex(key + BERTH_ID_HEX_CHARS);
    set_text(session, "id", get_text(wanted, "id"));
    set_text(session, "machine", get_text(wanted, "machine"));
    set_int(session, "epoch", get_int(wanted, "epoch"));
    set_text(session, "state", "listening");
    set_text(session, "session_key", key);
    set_int(session, "connection_epoch", 0);
    set_int(session, "idle_s", 0);
    set_text(session, "code", "");
    json_object_set_new(model->sessions, get_text(wanted, "id"), session);
    model->is_changed = true;
}

static void
converge_session(FakeModel *model, const json_t *wanted)
{
    json_t *mine = json_object_get(model->sessions, get_text(wanted, "id"));
    if (is_text(wanted, "want", "ended")) {
        if (mine != NULL) {
            end_session(model, mine, get_text(wanted, "reason"));
        }
        return;
    }
    if (mine == NULL && is_text(wanted, "want", "open") && is_up(model, wanted)) {
        make_session(model, wanted);
        return;
    }
    if (mine == NULL) {
        return;
    }
    set_int(mine, "_connection_epoch", get_int(wanted, "connection_epoch"));
    if (is_text(wanted, "want", "disconnected") && is_text(mine, "state", "connected") &&
        get_int(mine, "connection_epoch") <= get_int(wanted, "connection_epoch")) {
        set_text(mine, "state", "listening");
        model->is_changed = true;
    }
}

/* A session lives with its machine. */
static void
end_orphans(FakeModel *model)
{
    const char *id = NULL;
    json_t *session = NULL;
    json_object_foreach (model->sessions, id, session) {
        if (!is_up(model, session)) {
            end_session(model, session, "desktop-gone");
        }
    }
}

void
fake_model_converge(FakeModel *model, const json_t *desired, bool is_safe_mode, int64_t now_us)
{
    size_t i = 0;
    json_t *item = NULL;
    json_array_foreach (json_object_get(desired, "machines"), i, item) {
        converge_machine(model, item, now_us);
    }
    if (!is_safe_mode) {
        forget_unlisted(model, desired, now_us);
    }
    end_orphans(model);
    json_array_foreach (json_object_get(desired, "sessions"), i, item) {
        converge_session(model, item);
    }
    if (!model->config.is_manual && fake_parts_converge(model->parts, desired)) {
        model->is_changed = true;
    }
}

bool
fake_model_tick(FakeModel *model, int64_t now_us)
{
    const char *id = NULL;
    json_t *machine = NULL;
    bool is_any = false;
    json_object_foreach (model->machines, id, machine) {
        int64_t due_us = get_int(machine, "_due_us");
        if (due_us != 0 && due_us <= now_us) {
            advance(model, machine, now_us);
            is_any = true;
        }
    }
    if (is_any) {
        end_orphans(model);
    }
    return is_any;
}

bool
fake_model_take_changed(FakeModel *model)
{
    bool is_changed = model->is_changed;
    model->is_changed = false;
    return is_changed;
}

/* The values of an object as a list, without what an inventory does not show. */
static json_t *
list_values(const json_t *object)
{
    json_t *list = json_array();
    const char *id = NULL;
    json_t *item = NULL;
    json_object_foreach ((json_t *)object, id, item) {
        const char *key = NULL;
        json_t *value = NULL;
        json_t *shown = json_object();
        json_object_foreach (item, key, value) {
            if (key[0] != '_') {
                json_object_set(shown, key, value);
            }
        }
        json_array_append_new(list, shown);
    }
    return list;
}

json_t *
fake_model_report(const FakeModel *model)
{
    json_t *report = json_pack("{s:o, s:o}", "machines", list_values(model->machines), "sessions",
                               list_values(model->sessions));
    fake_parts_report(model->parts, report);
    return report;
}

json_t *
fake_model_save(const FakeModel *model)
{
    return json_pack("{s:O, s:O}", "machines", model->machines, "sessions", model->sessions);
}

void
fake_model_load(FakeModel *model, const json_t *saved)
{
    json_object_update(model->machines, json_object_get(saved, "machines"));
    json_object_update(model->sessions, json_object_get(saved, "sessions"));
}

static bool
set_keys(FakeModel *model, json_t *object, const json_t *keys)
{
    if (object == NULL) {
        return false;
    }
    json_object_update(object, (json_t *)keys);
    model->is_changed = true;
    end_orphans(model);
    return true;
}

bool
fake_model_set_machine(FakeModel *model, const char *id, const json_t *keys)
{
    json_t *machine = json_object_get(model->machines, id);
    if (machine == NULL) {
        machine = json_pack("{s:s, s:i, s:s, s:s, s:s, s:s, s:s}", "id", id, "epoch", 1, "state",
                            "creating", "overlay", "", "condition", "", "code", "", "detail", "");
        json_object_set_new(model->machines, id, machine);
    }
    set_int(machine, "_due_us", 0);
    return set_keys(model, machine, keys);
}

bool
fake_model_set_session(FakeModel *model, const char *id, const json_t *keys)
{
    return set_keys(model, json_object_get(model->sessions, id), keys);
}

int
fake_model_connect(FakeModel *model, const char *id)
{
    int n = 0;
    const char *key = NULL;
    json_t *session = NULL;
    json_object_foreach (model->sessions, key, session) {
        if ((id == NULL || strcmp(id, key) == 0) && is_text(session, "state", "listening")) {
            set_text(session, "state", "connected");
            set_int(session, "connection_epoch", get_int(session, "_connection_epoch"));
            model->is_changed = true;
            n++;
        }
    }
    return n;
}
