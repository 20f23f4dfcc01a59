/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fake-parts.h"

#include <glib.h>
#include <string.h>

struct FakeParts {
    json_t *lists; /* object: "images" ... -> array, as an inventory shows them */
};

FakeParts *
fake_parts_new(void)
{
    FakeParts *parts = g_new0(FakeParts, 1);
    parts->lists = json_pack("{s:[], s:[], s:[], s:[]}", "images", "templates", "tasks", "disks");
    return parts;
}

void
fake_parts_free(FakeParts *parts)
{
    json_decref(parts->lists);
    g_free(parts);
}

static json_t *
get(const json_t *object, const char *key)
{
    json_t *value = json_object_get(object, key);
    return value != NULL ? value : json_null();
}

static json_t *
image_of(const json_t *wanted)
{
    size_t i = 0;
    json_t *file = NULL;
    json_int_t bytes = 0;
    json_array_foreach (get(get(wanted, "manifest"), "files"), i, file) {
        bytes += json_integer_value(get(file, "size_bytes"));
    }
    return json_pack("{s:O, s:s, s:I, s:I, s:s, s:s}", "version", get(wanted, "version"), "state",
                     "present", "bytes", bytes, "total_bytes", bytes, "code", "", "detail", "");
}

static json_t *
template_of(const json_t *wanted)
{
    return json_pack("{s:O, s:O, s:O, s:O, s:s, s:i, s:s}", "key", get(wanted, "version"),
                     "version", get(wanted, "version"), "vcpus", get(wanted, "vcpus"), "memory_mib",
                     get(wanted, "memory_mib"), "state", "ready", "forks", 0, "detail", "");
}

static json_t *
task_of(const json_t *wanted)
{
    return json_pack("{s:O, s:s, s:i, s:s, s:s, s:{}}", "id", get(wanted, "id"), "state", "done",
                     "progress_pct", 100, "code", "", "detail", "", "result");
}

static json_t *
disk_of(const json_t *wanted)
{
    if (g_strcmp0(json_string_value(get(wanted, "want")), "absent") == 0) {
        return NULL;
    }
    return json_pack("{s:O, s:O, s:s, s:i, s:s, s:s}", "id", get(wanted, "id"), "epoch",
                     get(wanted, "epoch"), "state", "present", "used_mib", 1, "code", "", "detail",
                     "");
}

static bool
converge_list(FakeParts *parts, const json_t *desired, const char *key,
              json_t *(*make)(const json_t *wanted))
{
    size_t i = 0;
    json_t *wanted = NULL;
    json_t *list = json_array();
    json_array_foreach (json_object_get(desired, key), i, wanted) {
        json_t *item = make(wanted);
        if (item != NULL) {
            json_array_append_new(list, item);
        }
    }
    bool is_new = !json_equal(list, json_object_get(parts->lists, key));
    json_object_set_new(parts->lists, key, list);
    return is_new;
}

bool
fake_parts_converge(FakeParts *parts, const json_t *desired)
{
    bool is_new = converge_list(parts, desired, "images", image_of);
    is_new = converge_list(parts, desired, "templates", template_of) || is_new;
    is_new = converge_list(parts, desired, "tasks", task_of) || is_new;
    return converge_list(parts, desired, "disks", disk_of) || is_new;
}

void
fake_parts_report(const FakeParts *parts, json_t *inventory)
{
    json_object_update(inventory, parts->lists);
    json_object_set_new(inventory, "memory", json_object());
}
