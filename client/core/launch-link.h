/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a berth:// link or a .berth file says: which broker, which desktop, and a one-time code that
 * stands in for the password.  Nothing else: whoever sends one can choose no file, no authority and
 * no option of this program.
 *
 *   berth://HOST[:PORT]/[DESKTOP][?code=CODE]
 *
 *   [berth]
 *   broker=https://HOST[:PORT]
 *   desktop=DESKTOP
 *   code=CODE
 *
 * Everything comes from strangers.  A key that is not known or comes twice, a port, name or code of
 * another shape refuse the whole.  A value without allocation.  Thread: any.
 */
#pragma once

#include "client/core/broker-address.h"

#include "berth/limits.h"

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

#define BERTH_LAUNCH_CODE_CHARS 64

typedef struct {
    BerthBrokerAddress address;
    char desktop[BERTH_LIMIT_NAME_BYTES + 1]; /* name or id; "" if it is not told */
    char code[BERTH_LAUNCH_CODE_CHARS + 1];   /* secret; "" if the user has to log in */
} BerthLaunchLink;

/*
 * Reads a link.
 *
 * ret: set on success only; berth_launch_link_clear() it
 *
 * Errors: BERTH_ERR_INVALID with a sentence that never quotes a code.
 */
bool berth_launch_link_parse(const char *text, BerthLaunchLink *ret, GError **error);

/* Reads the text of a file, of any len bytes.  Errors: BERTH_ERR_INVALID. */
bool berth_launch_link_parse_file(const char *text, size_t len, BerthLaunchLink *ret,
                                  GError **error);

/*
 * Reads what the command line names: a link if it begins with "berth:", else a file, by its path or
 * its file: address.  Blocks.
 *
 * Errors: BERTH_ERR_INVALID, BERTH_ERR_IO with a sentence that names the file.
 */
bool berth_launch_link_load(const char *link_or_path, BerthLaunchLink *ret, GError **error);

/* Wipes the code. */
void berth_launch_link_clear(BerthLaunchLink *self);
