/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The scripts that make a guest one of its own: before a template is frozen (twice), right after a
 * fork runs, and once it is ready.  Pure but for fresh random bytes and keys.
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
 * Runs in it after that, once the network card was plugged in without a cable: waits until it was
 * found, 5 s at most.  Constant.
 */
const char *berth_guest_card_script(void);

/*
 * Runs in a fork before its network card has a cable, and in a machine that boots a golden image
 * for the first time: random numbers, clock, host name, machine-id, SSH host keys, the hooks in
 * /etc/berth/identity.d, and what the network of a fork needs: the card's address and, in QEMU's
 * own network, which is the same for every guest, the IP address.
 *
 * wall_us:    the time to set, microseconds since 1970
 * is_booted:  no fork: what runs already is made to see the new name and the new keys
 *
 * It holds secrets: free it with berth_ssh_key_clear().  NULL if no keys can be made.
 */
char *berth_guest_identity_script(const BerthVmSpec *spec, int64_t wall_us, bool is_booted);

/* Whether it has given the guest an IP address.  out: what it printed, anything. */
bool berth_guest_identity_has_address(const char *out);

/* Whether the guest knows no network card, so that it will never have an address. */
bool berth_guest_identity_lacks_card(const char *out);

/* Runs when the fork is ready: starts again what was stopped for the template.  Constant. */
const char *berth_guest_resume_script(void);
