/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Names, sentences and GError dress for the numbers of berth/errors.h.
 *
 * Engines return int (BERTH_OK or BERTH_ERR_*); code above them returns bool and fills a GError
 * whose domain is BERTH_ERROR and whose code is the same number.  Thread: any.
 */
#pragma once

#include "berth/errors.h"

#include <glib.h>
#include <stdbool.h>

#define BERTH_ERROR berth_error_quark()

/* Domain of every GError that Berth makes; its codes are BERTH_ERR_*. */
GQuark berth_error_quark(void);

/* Name of a code as on the wire, "stale-epoch"; "ok" for 0, "unknown" for a foreign number. */
const char *berth_error_name(int code);

/* Sentence of a code for people, lower case, no full stop; never NULL. */
const char *berth_error_sentence(int code);

/* Code of a name; BERTH_OK for "ok", BERTH_ERR_INTERNAL for NULL or a name that is not known. */
int berth_error_from_name(const char *name);

/*
 * Fills error with a printf-formatted sentence.
 *
 * error:  may be NULL; must not be set already
 * code:   BERTH_ERR_*
 *
 * Returns false always, so that a function can end with `return berth_set_error(...)`.
 */
bool berth_set_error(GError **error, int code, const char *format, ...) G_GNUC_PRINTF(3, 4);

/* Code for an errno value: ENOSPC is DISK_FULL, EAGAIN is AGAIN, what has no better name is IO. */
int berth_error_from_errno(int errnum);
