/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The kinds of things that the API lists, as one const table: where they are and how they show.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

typedef struct {
    const char *name;    /* "pools": as in commands */
    const char *one;     /* "pool" */
    const char *path;    /* of the list */
    const char *member;  /* of the answer that has the rows */
    const char *key;     /* member that people call it by */
    const char *columns; /* of a table for people, separated by spaces */
    bool is_removable;
    bool has_one; /* one may be asked for by its id; else it is looked for in the list */
} BerthCtlKind;

extern const BerthCtlKind berth_ctl_kinds[];
extern const size_t berth_ctl_n_kinds;

/* The kind of that name, "pool" or "pools"; NULL if there is none. */
const BerthCtlKind *berth_ctl_find_kind(const char *name);
