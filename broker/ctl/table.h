/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * JSON rows as a table for people.  Control bytes are shown as "?": what a server says cannot move
 * the cursor of a terminal.  Pure.
 */
#pragma once

#include <jansson.h>

/*
 * Formats rows.
 *
 * rows:     array of objects
 * columns:  names separated by spaces
 *
 * Returns text that ends with a newline; free with g_free().
 */
char *berth_ctl_format_table(const json_t *rows, const char *columns);

/* One "name  value" line for each member of an object; free with g_free(). */
char *berth_ctl_format_object(const json_t *object);

/* Any JSON as indented lines, lists with "-"; free with g_free(). */
char *berth_ctl_format_tree(const json_t *json);
