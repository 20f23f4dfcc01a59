/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Tries a new version before anybody else: a private machine without a network boots from it, its
 * agent must answer within the ready deadline, and its file system must have been clean.
 * Thread: main.
 */
#pragma once

#include "host-agent/tasks/guest-facts.h"
#include "host-agent/vm/vm.h"

typedef struct BerthSealCopy BerthSealCopy;

/*
 * The end; the machine and its folder are gone, the trial is freed.
 *
 * code, text:  BERTH_OK and what was found, or why the version is no good
 */
typedef void (*BerthSealCopyDone)(int code, const char *text, void *user_data);

/*
 * Starts.
 *
 * host:    its values are copied, what they point to is borrowed
 * disk:    name of the raw file, beside the other files of that machine's image
 * like:    machine to be like; copied
 * folder:  private folder of the trial; what is in it goes
 */
BerthSealCopy *berth_seal_copy_new(const BerthVmHost *host, const char *disk,
                                   const BerthVmSpec *like, const char *folder,
                                   BerthSealCopyDone done, void *user_data);

/*
 * Ends the trial; done is not called.
 *
 * is_undone:  its machine is stopped and its folder removed; else it dies with this agent.
 *
 * NULL is allowed.
 */
void berth_seal_copy_cancel(BerthSealCopy *self, bool is_undone);
