/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * When a machine gets its user disk and when it gives it back.
 *
 * spec.user_disk is the one that QEMU has or is about to have, written down before it is opened, so
 * that an agent that starts anew knows; wanted_disk is the broker's wish.
 */
#include "host-agent/vm/vm-private.h"

#include "base/id.h"
#include "base/log.h"

static BerthQmp *
get_qmp(void *user_data)
{
    return ((BerthVm *)user_data)->qmp;
}

static BerthGuestAgent *
get_agent(void *user_data)
{
    return berth_vm_get_guest_agent(user_data);
}

/* Another one may be wanted by now. */
static void
on_gone(void *user_data)
{
    BerthVm *self = user_data;
    g_clear_pointer(&self->user_disk, berth_vm_disk_free);
    self->spec.user_disk = (BerthMachineDisk){ 0 };
    berth_vm_save(self);
    berth_vm_sync_disk(self);
}

static void
on_left(void *user_data)
{
    berth_vm_end_process(user_data);
}

static void
make_disk(BerthVm *self, bool is_running)
{
    const BerthVmDiskConfig config = {
        .store = self->host->disks,
        .machine = self->spec.id,
        .hex_id = self->hex_id,
        .get_qmp = get_qmp,
        .get_agent = get_agent,
        .on_gone = on_gone,
        .on_left = on_left,
        .user_data = self,
    };
    self->user_disk = berth_vm_disk_new(&config, &self->spec.user_disk, is_running);
}

void
berth_vm_adopt_disk(BerthVm *self)
{
    if (self->host->disks != NULL && !berth_id_is_zero(&self->spec.user_disk.id)) {
        make_disk(self, true);
    }
}

void
berth_vm_sync_disk(BerthVm *self)
{
    bool is_template = self->boot.memory == BERTH_MEMORY_TEMPLATE;
    if (self->host->disks == NULL || is_template || self->state != BERTH_VM_READY ||
        self->qmp == NULL) {
        return;
    }
    if (self->user_disk != NULL) {
        if (berth_machine_disk_equal(berth_vm_disk_get(self->user_disk), &self->wanted_disk)) {
            berth_vm_disk_start(self->user_disk);
        } else {
            berth_vm_disk_unplug(self->user_disk);
        }
        return;
    }
    if (!berth_machine_disk_equal(&self->spec.user_disk, &self->wanted_disk)) {
        self->spec.user_disk = self->wanted_disk;
        berth_vm_save(self);
    }
    if (!berth_id_is_zero(&self->wanted_disk.id)) {
        make_disk(self, false);
        berth_vm_disk_start(self->user_disk);
    }
}

void
berth_vm_want_disk(BerthVm *self, const BerthMachineDisk *wanted)
{
    if (!berth_machine_disk_equal(&self->wanted_disk, wanted)) {
        self->wanted_disk = *wanted;
        berth_vm_sync_disk(self);
    }
}

bool
berth_vm_leave_disk(BerthVm *self)
{
    if (self->user_disk == NULL || self->has_left_disk || self->qmp == NULL) {
        return false;
    }
    self->has_left_disk = true;
    return berth_vm_disk_leave(self->user_disk);
}

void
berth_vm_end_disk(BerthVm *self)
{
    self->has_left_disk = false;
    g_clear_pointer(&self->user_disk, berth_vm_disk_end);
}

bool
berth_vm_point_user_disk(BerthVm *self, const BerthId *disk, BerthDiskPointAct act,
                         const char *point, BerthDiskDone done, void *user_data)
{
    return self->user_disk != NULL &&
           berth_id_equal(&berth_vm_disk_get(self->user_disk)->id, disk) &&
           berth_vm_disk_point(self->user_disk, act, point, done, user_data);
}

void
berth_vm_forget_point(BerthVm *self)
{
    if (self->user_disk != NULL) {
        berth_vm_disk_forget_point(self->user_disk);
    }
}
