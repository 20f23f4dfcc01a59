/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What an administrator may say of a pool: defaults, and a check of the whole.
 *
 * A pool is a JSON object with the names of the API.  A change is merged into what the pool was,
 * then all of it is checked: what fits together is looked at in one place.  Pure.
 */
#pragma once

#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

#define BERTH_POOL_MAX_SIZE 10000
#define BERTH_POOL_MAX_SECONDS (31 * 24 * 3600)

/*
 * Fills in what a new pool leaves out, by its kind.
 *
 * pool:  with "kind", which is checked
 */
void berth_pool_settings_complete(json_t *pool);

/*
 * Checks everything that needs no store: sizes, timers, power, resources, network, app, labels, and
 * what does not go together.
 *
 * Errors: BERTH_ERR_INVALID with a sentence that names the key.
 */
bool berth_pool_settings_check(const json_t *pool, GError **error);

/* Checks labels: an object of at most BERTH_LIMIT_LABELS texts. */
bool berth_labels_check(const json_t *labels, GError **error);
