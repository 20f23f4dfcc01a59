/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The scripts that make a guest one of its own: before a template is frozen, right after a fork
 * runs, and once it is ready.  Pure but for fresh random bytes and keys.
 *
 * They are plain POSIX sh, go in by the QEMU guest agent and need nothing that a small Debian does
 * not have.  The first one stops what knows the old identity by heart and removes the old host
 * keys, so that no fork ever has them; the second one starts as few programs as it can, because
 * each costs ten milliseconds under emulation.
 */
#pragma once

#include "host-agent/vm/vm-spec.h"

/* The host name that a machine's name makes: letters, digits and hyphens, at most 63; g_free(). */
char *berth_guest_host_name(const char *machine_name);

/* Runs in the guest that becomes a template, after the image's own "prepare".  Constant. */
const char *berth_guest_freeze_script(void);

/*
 * Runs in a fork before it has a network card, and in a machine that boots a golden image for the
 * first time: random numbers, clock, host name, machine-id, SSH host keys, the hooks in
 * /etc/berth/identity.d, and what the network needs.
 *
 * wall_us:    the time to set, microseconds since 1970
 * is_booted:  no fork: what runs already is made to see the new name and the new keys
 *
 * It holds secrets: free it with berth_ssh_key_clear().  NULL if no keys can be made.
 */
char *berth_guest_identity_script(const BerthVmSpec *spec, int64_t wall_us, bool is_booted);

/* Runs when the fork is ready: starts again what was stopped for the template.  Constant. */
const char *berth_guest_resume_script(void);
