/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What kind of content a rectangle holds, in one pass: how many colours, and how neighbours differ.
 *
 * Text and widgets have few colours, or runs of one colour with hard edges; photos and films have
 * many, and neighbours that nearly agree.  All counts are exact and the same on every processor,
 * but for the number of colours: a picture that is drawn to make counting slow has "many".
 *
 * Thread: any.
 */
#pragma once

#include "display/pixels/frame.h"

/* More colours than this are not counted. */
#define BERTH_CLASSIFY_MAX_COLOURS 256
/* Neighbours are near if no channel differs by more than this. */
#define BERTH_CLASSIFY_NEAR 24

typedef struct {
    int n_colours;       /* 1..BERTH_CLASSIFY_MAX_COLOURS, or one more: many */
    uint32_t colours[2]; /* 0x00RRGGBB: the first two that occur; both the same if there is one */
    int n_same;          /* pixels equal to their left neighbour */
    int n_near;          /* pixels that differ from it a little */
    int n_far;           /* pixels that differ from it by more */
} BerthPixelStats;

typedef enum {
    BERTH_CONTENT_FILL,     /* one colour */
    BERTH_CONTENT_PLAIN,    /* text, lines, widgets: repetitions that zstd finds */
    BERTH_CONTENT_GRADIENT, /* many colours, too sharp or too small for a photo codec */
    BERTH_CONTENT_PHOTO,    /* many colours that change gradually */
} BerthContent;

/* What the pixels of a row have in common with their left neighbours; a bit a pixel. */
typedef struct {
    uint64_t same;
    uint64_t near; /* and not same */
} BerthNeighbours;

typedef struct {
    const char *name;
    /* row: n_pixels * 4 bytes, 1..64 pixels; bit 0 is never set */
    BerthNeighbours (*compare_row)(const uint8_t *row, int n_pixels);
} BerthClassifyKernels;

/* All forms that this processor can run, plain C first, the fastest last; ret_n gets their number.
 */
const BerthClassifyKernels *berth_classify_kernels_all(size_t *ret_n);

/* Counts a rectangle of at most BERTH_LIMIT_TILE_PX on a side, inside the frame. */
BerthPixelStats berth_classify_count(const BerthFrame *frame, BerthRect rect);

/* The same with one of the forms. */
BerthPixelStats berth_classify_count_with(const BerthClassifyKernels *kernels,
                                          const BerthFrame *frame, BerthRect rect);

/* The kind of content that has these counts.  Pure. */
BerthContent berth_classify_decide(const BerthPixelStats *stats);
