/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Saves a stopped VM's device state to a file, or loads it into a VM that waits with -incoming
 * defer.  The memory itself stays where it is (capability x-ignore-shared): that is what makes
 * RAM templates and their forks fast.  The descriptor goes over the monitor, so QEMU needs no
 * right to start programs or to open paths.  Thread: main.
 */
#pragma once

#include "host-agent/vm/qmp.h"

typedef struct BerthQemuMigration BerthQemuMigration;

typedef enum {
    BERTH_MIGRATION_SAVE,
    BERTH_MIGRATION_LOAD,
} BerthMigrationKind;

/* BERTH_OK, or an error with a sentence.  The job is over; free it (here or later). */
typedef void (*BerthMigrationDone)(int code, const char *text, void *user_data);

/* Starts; qmp is borrowed and must outlive the job.  fd: taken. */
BerthQemuMigration *berth_qemu_migration_new(BerthQmp *qmp, BerthMigrationKind kind, int fd,
                                             BerthMigrationDone done, void *user_data);

/*
 * Forgets the job; done is not called any more.  If its commands are still open the monitor must
 * be freed next, because they hold on to the job.  NULL is allowed.
 */
void berth_qemu_migration_free(BerthQemuMigration *self);

/* Tells the job of an event MIGRATION of its monitor: it is over sooner than by asking. */
void berth_qemu_migration_event(BerthQemuMigration *self, const json_t *data);
