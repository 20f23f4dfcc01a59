/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which files of the image store may go.  Pure.
 *
 * Nothing goes on doubt: a root goes when the broker has not wanted it for five minutes of its own
 * talking, no machine of this host stands on it, it is half an hour old (what is sealed here is
 * wanted only after that was told), and the broker is not in safe mode.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define BERTH_IMAGE_ABSENCE_US (300LL * 1000 * 1000)
#define BERTH_IMAGE_YOUNG_US (1800LL * 1000 * 1000)

typedef struct {
    bool is_wanted; /* a version that the broker lists has it */
    bool is_used;   /* a machine stands on it, or somebody works at it */
    bool is_safe_mode;
    int64_t unwanted_us; /* since when it is not wanted, monotonic; 0: unknown */
    int64_t heard_us;    /* when the broker's last list came, monotonic; 0: never */
    int64_t age_us;      /* of the file, by the wall clock; negative: from the future */
} BerthImageFacts;

/* Decides. */
bool berth_image_may_go(const BerthImageFacts *facts);
