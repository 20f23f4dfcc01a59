/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reads what the scripts guest/check.sh and guest/facts.sh wrote.
 *
 * A guest wrote it, so anything may be in it: texts are made printable, lists and their bytes are
 * bounded, and what is cut is counted.  Pure.
 */
#pragma once

#include <glib.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    char *os;    /* "Debian GNU/Linux 12 (bookworm)", "" if unknown; owned */
    char *agent; /* version of the guest agent; owned */
    int64_t used_kib, free_kib;
    char *unclean; /* what the kernel said of a file system that it had to put right; NULL; owned */
} BerthGuestCheck;

/*
 * Reads the output of guest/check.sh.  ret is filled on success only.
 *
 * Errors: BERTH_ERR_PROTOCOL if the numbers are missing.
 */
bool berth_guest_check_read(const char *text, size_t len, BerthGuestCheck *ret, GError **error);

/* Frees the strings and zeroes the value. */
void berth_guest_check_clear(BerthGuestCheck *self);

/*
 * Reads the output of guest/facts.sh as a report, a new reference:
 *
 *   {"packages": ["name version", ...], "has_baseline": true,
 *    "package_changes": ["M name old new", ...],
 *    "files": {"added": 1, "changed": 2, "removed": 0}, "file_changes": ["A /etc/x", ...],
 *    "is_cut": false}
 *
 * Its text has at most BERTH_LIMIT_FACTS_BYTES: lists are cut in the order files, packages.
 *
 * Returns NULL if the script did not come to its end.  Errors: BERTH_ERR_PROTOCOL.
 */
json_t *berth_guest_facts_read(const char *text, size_t len, GError **error);
