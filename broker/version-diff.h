/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What changed between two versions, from the reports of their seals.  Pure.
 *
 * A report is what a host found in a guest: it may be wrong, but it is bounded JSON.
 */
#pragma once

#include <jansson.h>
#include <stddef.h>

/* Versions between the two that are compared. */
#define BERTH_VERSION_CHAIN_MAX 64

/*
 * Packages: {"added": ["name version"], "removed": [...], "changed": ["name old new"]}.
 *
 * from, to:  "packages" of two reports
 *
 * Returns a new reference; NULL if either is not known.
 */
json_t *berth_version_diff_packages(const json_t *from, const json_t *to);

/*
 * Files: {"added": ["/path"], "removed": [...], "changed": [...], "is_cut": false}.
 *
 * reports:  of the versions after the first one up to the last one, oldest first; what was added
 *           and removed again between them does not appear
 *
 * Returns a new reference; NULL if one of them does not know what it changed.
 */
json_t *berth_version_diff_files(const json_t *const *reports, size_t n_reports);
