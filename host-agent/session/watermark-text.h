/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a watermark says: the text of the policy with its places filled in.  Pure; thread: any.
 */
#pragma once

#include <stdint.h>

/* What the places are filled with; all borrowed. */
typedef struct {
    const char *user;    /* of the session */
    const char *session; /* its id, hexadecimal: the first eight digits are shown */
    int64_t wall_us;     /* since 1970: the day, in UTC */
} BerthWatermarkFacts;

/*
 * Fills in "{user}", "{session}" and "{date}"; what else stands in braces stays.  Control
 * characters become spaces, and what is longer than BERTH_LIMIT_WATERMARK_CHARS is cut.
 *
 * text: UTF-8 of a policy; "" is no watermark
 *
 * Ownership: new text, UTF-8.
 */
char *berth_watermark_text(const char *text, const BerthWatermarkFacts *facts);
