/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/inventory.h"

#include "base/error.h"
#include "berth/errors.h"
#include "host-agent/json-fields.h"

/* Less is no idleness that anybody asks for. */
#define IDLE_FROM_S 30

/*
 * A fork that retreats is still starting for the broker, and so is a guest that shuts down: on its
 * way to a state at rest.  One that is removed is not usable any more.
 */
static const char *
machine_state_name(BerthVmState state, bool is_frozen)
{
    switch (state) {
    case BERTH_VM_NEW:
    case BERTH_VM_CREATING:
        return "creating";
    case BERTH_VM_STARTING:
    case BERTH_VM_RETREATING:
        return "starting";
    case BERTH_VM_POWERING_OFF:
        return "starting";
    case BERTH_VM_READY:
        return "ready";
    case BERTH_VM_STOPPED:
        return is_frozen ? "frozen" : "stopped";
    case BERTH_VM_FAILED:
        return "failed";
    default:
        return "absent";
    }
}

json_t *
berth_inventory_machine(const BerthVmSpec *spec, BerthVmState state, bool is_frozen,
                        const char *condition)
{
    json_t *object = json_object();
    berth_json_set_id(object, "id", &spec->id);
    json_object_set_new(object, "epoch", json_integer((json_int_t)spec->epoch));
    json_object_set_new(object, "state", json_string(machine_state_name(state, is_frozen)));
    berth_json_set_id(object, "overlay", &spec->overlay);
    json_object_set_new(object, "condition", json_string(condition));
    json_object_set_new(object, "pid", json_integer(spec->pid));
    json_object_set_new(object, "memory_mib", json_integer(spec->memory_mib));
    if (spec->failure != BERTH_OK) {
        json_object_set_new(object, "code", json_string(berth_error_name(spec->failure)));
        json_object_set_new(object, "detail",
                            json_string(spec->failure_text != NULL ? spec->failure_text : ""));
    }
    return object;
}

void
berth_inventory_set_ended(json_t *machine)
{
    json_object_set_new(machine, "state", json_string("failed"));
    json_object_set_new(machine, "code", json_string(berth_error_name(BERTH_ERR_DESKTOP_GONE)));
    json_object_set_new(machine, "detail",
                        json_string("QEMU ended by itself; it is started again soon"));
}

/* Numbers that count on by themselves, by list. */
static const struct {
    const char *list;
    const char *key;
} progress_keys[] = {
    { "images", "bytes" },
    { "tasks", "progress_pct" },
    { "disks", "used_mib" },
};

static void
delete_progress(json_t *news)
{
    size_t i;
    json_t *item;
    for (size_t k = 0; k < G_N_ELEMENTS(progress_keys); k++) {
        json_array_foreach (json_object_get(news, progress_keys[k].list), i, item) {
            json_object_del(item, progress_keys[k].key);
        }
    }
    json_object_del(news, "memory");
}

json_t *
berth_inventory_progress(const json_t *inventory)
{
    size_t i;
    json_t *item;
    json_t *progress = json_array();
    for (size_t k = 0; k < G_N_ELEMENTS(progress_keys); k++) {
        json_array_foreach (json_object_get(inventory, progress_keys[k].list), i, item) {
            json_t *value = json_object_get(item, progress_keys[k].key);
            json_array_append(progress, value != NULL ? value : json_null());
        }
    }
    return progress;
}

json_t *
berth_inventory_news(const json_t *inventory)
{
    json_t *news = json_deep_copy(inventory);
    size_t i;
    json_t *item;
    json_object_del(news, "usage");
    delete_progress(news);
    json_array_foreach (json_object_get(news, "machines"), i, item) {
        json_object_del(item, "usage");
    }
    json_array_foreach (json_object_get(news, "sessions"), i, item) {
        bool is_idle = json_integer_value(json_object_get(item, "idle_s")) > 0;
        json_object_set_new(item, "idle_s", json_boolean(is_idle));
    }
    return news;
}

json_t *
berth_inventory_refused_machine(const BerthId *id, uint64_t epoch, int code, const char *detail)
{
    json_t *object = json_object();
    berth_json_set_id(object, "id", id);
    json_object_set_new(object, "epoch", json_integer((json_int_t)epoch));
    json_object_set_new(object, "state", json_string("failed"));
    json_object_set_new(object, "condition", json_string(""));
    json_object_set_new(object, "code", json_string(berth_error_name(code)));
    json_object_set_new(object, "detail", json_string(detail));
    json_object_set_new(object, "pid", json_integer(0));
    json_object_set_new(object, "memory_mib", json_integer(0));
    return object;
}

json_t *
berth_inventory_session(const BerthSessionReport *report, int64_t now_us)
{
    json_t *object = json_object();
    berth_json_set_id(object, "id", &report->id);
    berth_json_set_id(object, "machine", &report->machine);
    json_object_set_new(object, "epoch", json_integer((json_int_t)report->epoch));
    json_object_set_new(object, "state", json_string(berth_session_host_state_name(report->state)));
    json_object_set_new(object, "session_key", json_string(report->session_key));
    json_object_set_new(object, "connection_epoch",
                        json_integer((json_int_t)report->connection_epoch));
    int64_t idle_s = report->input_us != 0 ? (now_us - report->input_us) / 1000000 : 0;
    json_object_set_new(object, "idle_s", json_integer(idle_s >= IDLE_FROM_S ? idle_s : 0));
    if (report->first_frame_us > 0) {
        json_object_set_new(object, "first_frame_ms",
                            json_integer((json_int_t)(report->first_frame_us / 1000 + 1)));
    }
    if (report->code != BERTH_OK) {
        json_object_set_new(object, "code", json_string(berth_error_name(report->code)));
    }
    return object;
}
