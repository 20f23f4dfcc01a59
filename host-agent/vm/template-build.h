/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Makes one RAM template: boots a machine of its own until it is ready, lets it prepare itself,
 * stops it, saves its device state, and lays memory, state and disk - all of that instant - into a
 * folder.  The machine is gone then.  Thread: main.
 */
#pragma once

#include "host-agent/vm/vm.h"

typedef struct BerthTemplateBuild BerthTemplateBuild;

/*
 * The end, called once from the loop; free the build then.
 *
 * code:       BERTH_OK: the folder is complete and has its marker
 * text:       why not, a sentence; NULL on BERTH_OK
 */
typedef void (*BerthTemplateBuildDone)(int code, const char *text, void *user_data);

/*
 * Starts.
 *
 * host, qemu_version:  borrowed for life
 * spec:                copied; the machine gets an identity of its own
 * folder:              of the template's files; made new
 * machine_folder:      of the machine; made and removed
 */
BerthTemplateBuild *berth_template_build_new(const BerthVmHost *host, const char *qemu_version,
                                             const BerthVmSpec *spec, const char *folder,
                                             const char *machine_folder,
                                             BerthTemplateBuildDone done, void *user_data);

/* Ends a build that is under way; NULL is allowed. */
void berth_template_build_free(BerthTemplateBuild *self);
