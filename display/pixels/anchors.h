/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Places in a picture that are chosen by what is there: the same content has its anchors at the
 * same places wherever it moves, and only one of many pixels is one.
 *
 * Rows are fed from the top.  A window of 16x16 pixels that ends in the row fed last is an anchor
 * if its hash falls into a small part of all values, and if the window one pixel further left has
 * another hash (so that areas of one colour have none).
 *
 * Thread: one at a time.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Side of a window. */
#define BERTH_ANCHOR_PX 16

typedef struct BerthAnchors BerthAnchors;

typedef struct {
    const char *name;
    /* Adds a row to the sums: sums[i] covers the last 16 rows of column i. */
    void (*add_row)(uint16_t *sums, const uint8_t *row, size_t n_pixels);
    /*
     * Joins the sums of 16 neighbouring columns.
     *
     * sums:    n + 15 of them
     * hashes:  n of them
     * scratch: n + 15 of any value
     *
     * Behind each of the three, 32 more are there to be read and written.
     */
    void (*join)(uint16_t *hashes, const uint16_t *sums, uint16_t *scratch, size_t n);
    /* Lists the x of hashes that are below the limit and differ from the one before; room for n. */
    size_t (*choose)(const uint16_t *hashes, size_t n, uint16_t limit, uint16_t *xs);
} BerthAnchorKernels;

/* All forms that this processor can run, plain C first, the fastest last; ret_n gets their number.
 */
const BerthAnchorKernels *berth_anchor_kernels_all(size_t *ret_n);

/*
 * Makes room for rows of a width.
 *
 * width: BERTH_ANCHOR_PX..65535
 *
 * Errors: NULL if memory ran out.  State: 8 bytes a column.
 */
BerthAnchors *berth_anchors_new(int width);

/* NULL is allowed. */
void berth_anchors_free(BerthAnchors *self);

/*
 * Starts at the top of a picture.
 *
 * rarity: one of so many windows is an anchor, 2..65536
 */
void berth_anchors_start(BerthAnchors *self, int rarity);

/*
 * Feeds a row.
 *
 * row: as many pixels of 4 bytes as the width; X counts
 */
void berth_anchors_feed(BerthAnchors *self, const uint8_t *row);

/*
 * Lists the anchors that end in the row fed last.
 *
 * ret_xs: the left columns of the windows, ascending; borrowed until the next call
 *
 * Returns their number; 0 for the first 15 rows.
 */
size_t berth_anchors_list(BerthAnchors *self, const uint16_t **ret_xs);
