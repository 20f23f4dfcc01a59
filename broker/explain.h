/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which desktops a user gets, why or why not, and how the last connect went.
 *
 * Reads only.  Thread: any.
 */
#pragma once

#include "broker/audit.h"

/*
 * Explains one user.
 *
 * ret:  {"user", "enabled", "pools": [{"pool", "name", "entitlements": [...], "desktop": {...},
 *       "waiting": {...}, "machines": {...}, "why_not": ["sentence", ...], "last_connect":
 * {...}}]}, new reference; an empty why_not says that a connect would be granted or go on
 *
 * Errors: BERTH_ERR_NOT_FOUND if there is no such account, those of tx.h.
 */
int berth_explain(BerthTx *tx, const BerthCause *cause, const char *account, json_t **ret);
