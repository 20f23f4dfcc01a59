/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Restore points of user disks: the kinds "disk-snapshot", "disk-restore" and "disk-drop-point".
 *
 * A point lies inside the disk's file.  While a machine has the disk, its QEMU makes or drops the
 * point, with the guest's file system frozen if that can be; a disk returns to one only at rest.
 * Each may be done twice.
 */
#include "host-agent/tasks/task-kind.h"

#include "base/error.h"
#include "base/id.h"
#include "berth/errors.h"
#include "host-agent/disks/disk-store.h"
#include "host-agent/json-fields.h"
#include "host-agent/tasks/task-kinds.h"

typedef struct {
    BerthTaskContext *context;
    BerthDiskStore *store;
    BerthId disk;
} Work;

static void
on_done(int code, const char *text, void *user_data)
{
    Work *self = user_data;
    BerthTaskContext *context = self->context;
    g_free(self);
    berth_task_finish(context, code, code == BERTH_OK ? "done" : text, NULL);
}

static bool
read_args(BerthTaskContext *context, BerthId *ret_disk, BerthId *ret_point, GError **error)
{
    BerthJsonFields fields;
    BerthId machine;
    berth_json_fields_init(&fields, berth_task_get_args(context), "task of a disk");
    berth_json_fields_id(&fields, "disk", ret_disk);
    berth_json_fields_id(&fields, "point", ret_point);
    berth_json_fields_optional_id(&fields, "machine", &machine);
    return berth_json_fields_finish(&fields, error);
}

static void *
start(BerthTaskContext *context, BerthDiskPointAct act, GError **error)
{
    BerthId point;
    BerthId disk;
    char hex[BERTH_ID_HEX_CHARS + 1];
    const BerthTaskHost *host = berth_task_get_host(context);
    if (!read_args(context, &disk, &point, error)) {
        return NULL;
    }
    if (host->vm_host->disks == NULL) {
        berth_set_error(error, BERTH_ERR_UNSUPPORTED, "this host keeps no user disks");
        return NULL;
    }
    BerthVm *vm = berth_machine_park_get_vm(host->machines, berth_task_get_machine(context));
    bool is_at_rest = berth_disk_store_is_free(host->vm_host->disks, &disk);
    if (!is_at_rest && (vm == NULL || act == BERTH_DISK_POINT_RETURN)) {
        berth_set_error(error, BERTH_ERR_BUSY, "the disk is in use");
        return NULL;
    }
    Work *self = g_new0(Work, 1);
    *self = (Work){ .context = context, .store = host->vm_host->disks, .disk = disk };
    berth_id_format(&point, hex);
    if (is_at_rest) {
        berth_disk_store_point(self->store, &disk, act, hex, on_done, self);
    } else if (!berth_vm_point_user_disk(vm, &disk, act, hex, on_done, self)) {
        g_free(self);
        berth_set_error(error, BERTH_ERR_BUSY, "the disk is on its way; try again in a moment");
        return NULL;
    }
    return self;
}

static void *
start_snapshot(BerthTaskContext *context, GError **error)
{
    return start(context, BERTH_DISK_POINT_KEEP, error);
}

static void *
start_restore(BerthTaskContext *context, GError **error)
{
    return start(context, BERTH_DISK_POINT_RETURN, error);
}

static void *
start_drop(BerthTaskContext *context, GError **error)
{
    return start(context, BERTH_DISK_POINT_DROP, error);
}

static void
free_work(void *data, bool is_undone)
{
    Work *self = data;
    const BerthTaskHost *host = berth_task_get_host(self->context);
    BerthVm *vm = berth_machine_park_get_vm(host->machines, berth_task_get_machine(self->context));
    if (vm != NULL) {
        berth_vm_forget_point(vm);
    }
    berth_disk_store_forget_point(self->store, &self->disk);
    g_free(self);
}

const BerthTaskKind berth_task_disk_snapshot = {
    .name = "disk-snapshot",
    .start = start_snapshot,
    .free = free_work,
};

const BerthTaskKind berth_task_disk_restore = {
    .name = "disk-restore",
    .start = start_restore,
    .free = free_work,
};

const BerthTaskKind berth_task_disk_drop_point = {
    .name = "disk-drop-point",
    .start = start_drop,
    .free = free_work,
};
