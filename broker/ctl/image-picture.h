/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who is on which version of an image, as a picture in text for a terminal.  What a server says
 * cannot move its cursor.  Pure.
 */
#pragma once

#include <jansson.h>
#include <stdint.h>

/*
 * Draws the answer of GET /v1/images/{id}/status.
 *
 * now_us:  wall clock; how long a rollout is where it is
 *
 * Returns text that ends with a newline; free with g_free().
 */
char *berth_ctl_draw_image(const json_t *status, int64_t now_us);
