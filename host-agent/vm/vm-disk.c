/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * open in the store -> look whether QEMU has it -> blockdev-add -> device_add -> format -> mount.
 *
 * The block node and the device have the same fixed name: a machine has one user disk at most.
 * QEMU locks the file, so a second QEMU cannot open it, whatever anybody believes.
 */
#include "host-agent/vm/vm-disk.h"

#include "base/error.h"
#include "base/id.h"
#include "base/kill-point.h"
#include "base/log.h"
#include "berth/errors.h"
#include "host-agent/disks/disk-script.h"
#include "host-agent/vm/guest-exec.h"
#include "host-agent/vm/qemu-argv.h"

#include <string.h>

#define NODE "user-disk0"
#define MIB (1024LL * 1024)
/* An ext4 of some TiB is made in seconds; a check of one that was not unmounted needs longer. */
#define FORMAT_TIMEOUT_MS 300000
#define MOUNT_TIMEOUT_MS 180000
/* What a guest has not written back by then is lost; one that is busy may need long. */
#define LEAVE_TIMEOUT_MS 30000
#define UNPLUG_TIMEOUT_MS 30000
#define FREEZE_TIMEOUT_MS 10000

typedef enum {
    VM_DISK_NEW,
    VM_DISK_OPENING,
    VM_DISK_PLUGGING,
    VM_DISK_MOUNTING,
    VM_DISK_ATTACHED,
    VM_DISK_FAILED,
    VM_DISK_UNPLUGGING,
    VM_DISK_LEAVING,
} VmDiskState;

struct BerthVmDisk {
    BerthVmDiskConfig config;
    BerthMachineDisk disk;
    VmDiskState state;
    bool is_formatted;
    bool is_plugged;       /* QEMU has it, as far as is known */
    bool is_unplug_wanted; /* as soon as the step under way is over */
    int64_t grown_mib;     /* 0: nothing is wanted */
    char *path;
    BerthGuestExec *exec;
    guint unplug_source;

    BerthDiskPointAct point_act;
    char point[BERTH_ID_HEX_CHARS + 1];
    bool is_at_point;
    BerthGuestAgent *frozen_by; /* who has to thaw the file system; NULL: nobody */
    BerthDiskDone point_done;   /* NULL: nobody wants to know */
    void *point_data;
};

static void
fail(BerthVmDisk *self, int code, const char *text)
{
    berth_log_error("vm", "machine=%s: its user disk cannot be used: %s", self->config.hex_id,
                    text);
    self->state = VM_DISK_FAILED;
    berth_disk_store_set_failed(self->config.store, &self->disk.id, code, text);
    if (self->is_unplug_wanted) {
        berth_vm_disk_unplug(self);
    }
}

static void
command(BerthVmDisk *self, const char *name, json_t *arguments, BerthQmpReply reply)
{
    BerthQmp *qmp = self->config.get_qmp(self->config.user_data);
    if (qmp == NULL) {
        /* Begun anew when there is a monitor again. */
        json_decref(arguments);
        return;
    }
    berth_qmp_command(qmp, name, arguments, reply, self);
}

/* ---- in the guest ---- */

static void
run_script(BerthVmDisk *self, char *script, int timeout_ms, BerthGuestExecDone done)
{
    BerthGuestAgent *agent = self->config.get_agent(self->config.user_data);
    g_clear_pointer(&self->exec, berth_guest_exec_cancel);
    if (agent != NULL) {
        self->exec = berth_guest_exec(agent, script, timeout_ms, done, self);
    }
    g_free(script);
}

/* The outcome of a script, BERTH_OK or an error with a sentence. */
static int
read_result(const BerthGuestExecResult *result, char **ret_text)
{
    if (result->code == BERTH_OK) {
        return berth_disk_script_read(result->status, result->err, ret_text);
    }
    *ret_text = g_strdup_printf("the guest agent does not do it: %s", result->text);
    return result->code;
}

static void
on_grown(const BerthGuestExecResult *result, void *user_data)
{
    BerthVmDisk *self = user_data;
    g_autofree char *text = NULL;
    self->exec = NULL;
    if (read_result(result, &text) != BERTH_OK) {
        berth_log_warning("vm", "machine=%s: its user disk has grown, its file system not yet: %s",
                          self->config.hex_id, text);
    }
}

static void
on_resized(int code, const json_t *result, const char *text, void *user_data)
{
    BerthVmDisk *self = user_data;
    if (code != BERTH_OK) {
        berth_log_warning("vm", "machine=%s: its user disk cannot grow: %s", self->config.hex_id,
                          text != NULL ? text : "the monitor closed");
        return;
    }
    berth_kill_point(BERTH_KILL_DISK_RESIZED);
    berth_disk_store_set_grown(self->config.store, &self->disk.id, self->grown_mib);
    self->grown_mib = 0;
    if (self->state == VM_DISK_ATTACHED && self->exec == NULL) {
        run_script(self, berth_disk_script_grow(&self->disk), MOUNT_TIMEOUT_MS, on_grown);
    }
}

static void
maybe_grow(BerthVmDisk *self)
{
    if (self->state == VM_DISK_ATTACHED && self->grown_mib != 0) {
        command(
            self, "block_resize",
            json_pack("{s:s,s:I}", "node-name", NODE, "size", (json_int_t)(self->grown_mib * MIB)),
            on_resized);
    }
}

static void
become_attached(BerthVmDisk *self)
{
    berth_kill_point(BERTH_KILL_DISK_MOUNTED);
    self->state = VM_DISK_ATTACHED;
    berth_log_info("vm", "machine=%s has its user disk", self->config.hex_id);
    berth_disk_store_set_mounted(self->config.store, &self->disk.id);
    if (self->is_unplug_wanted) {
        berth_vm_disk_unplug(self);
        return;
    }
    maybe_grow(self);
}

static void
on_mounted(const BerthGuestExecResult *result, void *user_data)
{
    BerthVmDisk *self = user_data;
    g_autofree char *text = NULL;
    self->exec = NULL;
    int code = read_result(result, &text);
    if (code != BERTH_OK) {
        fail(self, code, text);
        return;
    }
    become_attached(self);
}

static void
mount_it(BerthVmDisk *self)
{
    run_script(self, berth_disk_script_mount(&self->disk), MOUNT_TIMEOUT_MS, on_mounted);
}

/* Written down before it is mounted: whatever a user writes is never formatted over. */
static void
on_formatted(const BerthGuestExecResult *result, void *user_data)
{
    BerthVmDisk *self = user_data;
    g_autofree char *text = NULL;
    self->exec = NULL;
    int code = read_result(result, &text);
    if (code != BERTH_OK) {
        fail(self, code, text);
        return;
    }
    berth_kill_point(BERTH_KILL_DISK_FORMATTED);
    if (!berth_disk_store_set_formatted(self->config.store, &self->disk.id)) {
        fail(self, BERTH_ERR_IO, "that it is formatted cannot be written down");
        return;
    }
    berth_kill_point(BERTH_KILL_DISK_FORMAT_NOTED);
    self->is_formatted = true;
    mount_it(self);
}

static void
enter_guest(BerthVmDisk *self)
{
    const BerthDiskWish *wish = berth_disk_store_find_wish(self->config.store, &self->disk.id);
    berth_kill_point(BERTH_KILL_DISK_PLUGGED);
    self->is_plugged = true;
    self->state = VM_DISK_MOUNTING;
    if (wish != NULL && wish->fs == BERTH_DISK_FS_NONE) {
        become_attached(self);
    } else if (self->is_formatted) {
        mount_it(self);
    } else {
        run_script(self, berth_disk_script_format(&self->disk), FORMAT_TIMEOUT_MS, on_formatted);
    }
}

/* ---- in QEMU ---- */

static void
fail_plugging(BerthVmDisk *self, int code, const char *text)
{
    if (code == BERTH_ERR_CLOSED) {
        return; /* begun anew with the next monitor, or the machine is gone */
    }
    g_autofree char *sentence = g_strdup_printf("QEMU does not take it: %s", text);
    fail(self, strstr(text, "\" lock") != NULL ? BERTH_ERR_BUSY : BERTH_ERR_IO, sentence);
}

static void
on_device_added(int code, const json_t *result, const char *text, void *user_data)
{
    BerthVmDisk *self = user_data;
    if (code != BERTH_OK) {
        fail_plugging(self, code, text);
        return;
    }
    enter_guest(self);
}

static void
add_device(BerthVmDisk *self)
{
    char serial[BERTH_DISK_SERIAL_CHARS + 1];
    berth_disk_serial(&self->disk.id, serial);
    command(self, "device_add",
            json_pack("{s:s,s:s,s:s,s:s,s:s}", "driver", "virtio-blk-pci", "id", NODE, "bus",
                      BERTH_QEMU_USER_DISK_BUS, "drive", NODE, "serial", serial),
            on_device_added);
}

static void
on_node_added(int code, const json_t *result, const char *text, void *user_data)
{
    BerthVmDisk *self = user_data;
    if (code != BERTH_OK) {
        fail_plugging(self, code, text);
        return;
    }
    add_device(self);
}

/* "backing" is null: whatever the header says, no other file is read. */
static void
add_node(BerthVmDisk *self)
{
    command(self, "blockdev-add",
            json_pack("{s:s,s:s,s:s,s:s,s:n,s:{s:s,s:s,s:s}}", "driver", "qcow2", "node-name", NODE,
                      "discard", "unmap", "detect-zeroes", "unmap", "backing", "file", "driver",
                      "file", "filename", self->path, "locking", "on"),
            on_node_added);
}

/* What an agent that was killed in between left behind. */
static void
on_node_removed(int code, const json_t *result, const char *text, void *user_data)
{
    BerthVmDisk *self = user_data;
    if (code != BERTH_ERR_CLOSED) {
        add_node(self);
    }
}

static void
on_looked(int code, const json_t *result, const char *text, void *user_data)
{
    BerthVmDisk *self = user_data;
    size_t i = 0;
    json_t *item = NULL;
    if (code != BERTH_OK) {
        fail_plugging(self, code, text);
        return;
    }
    json_array_foreach (result, i, item) {
        if (g_strcmp0(json_string_value(json_object_get(item, "name")), NODE) == 0) {
            enter_guest(self);
            return;
        }
    }
    command(self, "blockdev-del", json_pack("{s:s}", "node-name", NODE), on_node_removed);
}

static void
plug(BerthVmDisk *self)
{
    self->state = VM_DISK_PLUGGING;
    command(self, "qom-list", json_pack("{s:s}", "path", "/machine/peripheral"), on_looked);
}

/* ---- the store ---- */

static void
on_opened(int code, const char *path, bool is_formatted, const char *text, void *user_data)
{
    BerthVmDisk *self = user_data;
    if (code != BERTH_OK) {
        self->state = VM_DISK_FAILED;
        if (self->is_unplug_wanted) {
            berth_vm_disk_unplug(self);
        }
        return;
    }
    self->is_formatted = is_formatted;
    g_free(self->path);
    self->path = g_strdup(path);
    plug(self);
}

static void
on_size_wanted(int64_t size_mib, void *user_data)
{
    BerthVmDisk *self = user_data;
    self->grown_mib = size_mib;
    maybe_grow(self);
}

static const BerthDiskHolder holder = { .opened = on_opened, .size_wanted = on_size_wanted };

void
berth_vm_disk_start(BerthVmDisk *self)
{
    switch (self->state) {
    case VM_DISK_NEW:
        self->state = VM_DISK_OPENING;
        berth_disk_store_open(self->config.store, &self->disk, &self->config.machine, &holder,
                              self);
        break;
    case VM_DISK_PLUGGING:
    case VM_DISK_MOUNTING:
        /* A new monitor: the replies of the one before will not come. */
        plug(self);
        break;
    case VM_DISK_UNPLUGGING:
        berth_vm_disk_unplug(self);
        break;
    case VM_DISK_OPENING:
    case VM_DISK_ATTACHED:
    case VM_DISK_FAILED:
    case VM_DISK_LEAVING:
        break;
    }
}

/* ---- and back ---- */

static void
gone(BerthVmDisk *self)
{
    g_clear_handle_id(&self->unplug_source, g_source_remove);
    g_clear_pointer(&self->exec, berth_guest_exec_cancel);
    berth_kill_point(BERTH_KILL_DISK_UNPLUGGED);
    berth_disk_store_close(self->config.store, &self->disk.id, &self->config.machine);
    self->config.on_gone(self->config.user_data);
}

static void
on_node_deleted(int code, const json_t *result, const char *text, void *user_data)
{
    BerthVmDisk *self = user_data;
    if (code == BERTH_OK || code == BERTH_ERR_INVALID) {
        gone(self);
    }
}

static void
delete_node(BerthVmDisk *self)
{
    command(self, "blockdev-del", json_pack("{s:s}", "node-name", NODE), on_node_deleted);
}

static gboolean
on_unplug_late(gpointer user_data)
{
    BerthVmDisk *self = user_data;
    self->unplug_source = 0;
    berth_log_warning("vm", "machine=%s does not let its user disk go, asking again",
                      self->config.hex_id);
    berth_vm_disk_unplug(self);
    return G_SOURCE_REMOVE;
}

/* Refused: QEMU has no such device, or is at it already. */
static void
on_device_del(int code, const json_t *result, const char *text, void *user_data)
{
    BerthVmDisk *self = user_data;
    if (code == BERTH_ERR_INVALID && text != NULL && strstr(text, "not found") != NULL) {
        delete_node(self);
    }
}

static void
delete_device(BerthVmDisk *self)
{
    command(self, "device_del", json_pack("{s:s}", "id", NODE), on_device_del);
    g_clear_handle_id(&self->unplug_source, g_source_remove);
    self->unplug_source = g_timeout_add(UNPLUG_TIMEOUT_MS, on_unplug_late, self);
}

static void
on_unmounted(const BerthGuestExecResult *result, void *user_data)
{
    BerthVmDisk *self = user_data;
    g_autofree char *text = NULL;
    self->exec = NULL;
    if (read_result(result, &text) != BERTH_OK) {
        berth_log_warning("vm", "machine=%s: its user disk is not unmounted cleanly: %s",
                          self->config.hex_id, text);
    }
    delete_device(self);
}

void
berth_vm_disk_unplug(BerthVmDisk *self)
{
    bool is_busy = self->state == VM_DISK_OPENING || self->state == VM_DISK_PLUGGING ||
                   self->state == VM_DISK_MOUNTING;
    self->is_unplug_wanted = true;
    if (is_busy || self->state == VM_DISK_LEAVING) {
        return;
    }
    if (!self->is_plugged) {
        self->state = VM_DISK_UNPLUGGING;
        gone(self);
        return;
    }
    self->state = VM_DISK_UNPLUGGING;
    run_script(self, berth_disk_script_leave(&self->disk, false), LEAVE_TIMEOUT_MS, on_unmounted);
    if (self->exec == NULL) {
        delete_device(self);
    }
}

void
berth_vm_disk_event(BerthVmDisk *self, const char *name, const json_t *data)
{
    const char *device = json_string_value(json_object_get(data, "device"));
    if (strcmp(name, "DEVICE_DELETED") == 0 && g_strcmp0(device, NODE) == 0) {
        self->is_plugged = false;
        delete_node(self);
    }
}

static void
on_left(const BerthGuestExecResult *result, void *user_data)
{
    BerthVmDisk *self = user_data;
    g_autofree char *text = NULL;
    self->exec = NULL;
    if (read_result(result, &text) != BERTH_OK) {
        berth_log_warning("vm", "machine=%s ends with its user disk mounted: %s",
                          self->config.hex_id, text);
    }
    berth_kill_point(BERTH_KILL_DISK_LEFT);
    self->config.on_left(self->config.user_data);
}

bool
berth_vm_disk_leave(BerthVmDisk *self)
{
    /* A restarted agent has not looked yet, and the guest has it mounted all the same. */
    bool may_be_mounted = self->state == VM_DISK_PLUGGING || self->state == VM_DISK_MOUNTING ||
                          self->state == VM_DISK_ATTACHED || self->state == VM_DISK_UNPLUGGING;
    g_clear_handle_id(&self->unplug_source, g_source_remove);
    self->state = VM_DISK_LEAVING;
    if (!may_be_mounted || !self->is_plugged) {
        return false;
    }
    run_script(self, berth_disk_script_leave(&self->disk, true), LEAVE_TIMEOUT_MS, on_left);
    return self->exec != NULL;
}

/* ---- points ---- */

static void
end_point(BerthVmDisk *self, int code, const char *text)
{
    BerthDiskDone done = self->point_done;
    self->is_at_point = false;
    self->point_done = NULL;
    if (self->frozen_by != NULL) {
        berth_guest_agent_call(self->frozen_by, "guest-fsfreeze-thaw", NULL, FREEZE_TIMEOUT_MS,
                               NULL, NULL);
        g_clear_pointer(&self->frozen_by, berth_guest_agent_unref);
    }
    if (done != NULL) {
        done(code, text, self->point_data);
    }
}

static void
on_point_kept(int code, const json_t *result, const char *text, void *user_data)
{
    end_point(user_data, code == BERTH_ERR_INVALID ? BERTH_ERR_IO : code, text);
}

/* One of that name is gone, or there was none. */
static void
on_point_dropped(int code, const json_t *result, const char *text, void *user_data)
{
    BerthVmDisk *self = user_data;
    if (code == BERTH_ERR_CLOSED || self->point_act == BERTH_DISK_POINT_DROP) {
        end_point(self, code == BERTH_ERR_CLOSED ? code : BERTH_OK, text);
        return;
    }
    command(self, "blockdev-snapshot-internal-sync",
            json_pack("{s:s,s:s}", "device", NODE, "name", self->point), on_point_kept);
}

static void
drop_point(BerthVmDisk *self)
{
    command(self, "blockdev-snapshot-delete-internal-sync",
            json_pack("{s:s,s:s}", "device", NODE, "name", self->point), on_point_dropped);
}

/* A guest that cannot freeze leaves a disk as a power cut would: its journal sees to that. */
static void
on_frozen(int code, const json_t *result, const char *text, void *user_data)
{
    BerthVmDisk *self = user_data;
    if (code != BERTH_OK) {
        berth_log_info("vm", "machine=%s does not freeze its user disk: %s", self->config.hex_id,
                       text);
    }
    drop_point(self);
}

bool
berth_vm_disk_point(BerthVmDisk *self, BerthDiskPointAct act, const char *point, BerthDiskDone done,
                    void *user_data)
{
    if (self->state != VM_DISK_ATTACHED || self->is_at_point ||
        self->config.get_qmp(self->config.user_data) == NULL) {
        return false;
    }
    BerthGuestAgent *agent = self->config.get_agent(self->config.user_data);
    self->is_at_point = true;
    self->point_act = act;
    self->point_done = done;
    self->point_data = user_data;
    g_strlcpy(self->point, point, sizeof self->point);
    if (act == BERTH_DISK_POINT_DROP || agent == NULL) {
        drop_point(self);
        return true;
    }
    self->frozen_by = berth_guest_agent_ref(agent);
    berth_guest_agent_call(agent, "guest-fsfreeze-freeze-list",
                           json_pack("{s:[s]}", "mountpoints", self->disk.mount), FREEZE_TIMEOUT_MS,
                           on_frozen, self);
    return true;
}

void
berth_vm_disk_forget_point(BerthVmDisk *self)
{
    self->point_done = NULL;
}

/* ---- life ---- */

BerthVmDisk *
berth_vm_disk_new(const BerthVmDiskConfig *config, const BerthMachineDisk *disk, bool is_running)
{
    BerthVmDisk *self = g_new0(BerthVmDisk, 1);
    self->config = *config;
    self->disk = *disk;
    const char *path = is_running ? berth_disk_store_adopt(config->store, disk, &config->machine,
                                                           &holder, self, &self->is_formatted)
                                  : NULL;
    if (path != NULL) {
        self->path = g_strdup(path);
        self->state = VM_DISK_PLUGGING;
        self->is_plugged = true; /* looked at, and the worse case until then */
    }
    return self;
}

const BerthMachineDisk *
berth_vm_disk_get(const BerthVmDisk *self)
{
    return &self->disk;
}

void
berth_vm_disk_free(BerthVmDisk *self)
{
    if (self == NULL) {
        return;
    }
    g_clear_handle_id(&self->unplug_source, g_source_remove);
    berth_guest_exec_cancel(self->exec);
    if (self->frozen_by != NULL) {
        berth_guest_agent_forget(self->frozen_by, self);
    }
    if (self->is_at_point) {
        end_point(self, BERTH_ERR_CLOSED, "its machine is gone");
    }
    g_free(self->path);
    g_free(self);
}

void
berth_vm_disk_end(BerthVmDisk *self)
{
    if (self != NULL) {
        berth_disk_store_close(self->config.store, &self->disk.id, &self->config.machine);
        berth_vm_disk_free(self);
    }
}
