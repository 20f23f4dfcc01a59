/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What one viewer's path can carry, turned into quality: how often frames go out, how good photos
 * are, how many bits videos get, how much may be spent on refinement.
 *
 * When frames wait on the path, the frame rate goes down first, then the quality of photos, then
 * that of videos; exact pixels never.  It goes down within some tenths of a second and up again one
 * rung a second, so that it does not swing.
 *
 * A value; pure; now_us is any monotonic clock.  Thread: one at a time.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is known now; the flow engine's statistics have most of it (display/wire/flow.h). */
typedef struct {
    int64_t now_us;
    uint64_t rate_kbps;   /* what the path carries; 0 is unknown */
    int64_t queue_us;     /* how long the last frames waited behind others */
    uint32_t n_in_flight; /* frames sent and not acknowledged */
    bool is_stalled;      /* the client stands still: nothing can be learnt */
} BerthLadderInput;

typedef struct {
    int64_t frame_interval_us; /* 16000, 33000, 50000 or 100000 between two frames of a flow */
    uint8_t photo_quality;     /* 85, 75, 60 or 40, of JPEG */
    unsigned video_kbps;       /* at most this for all videos together; changes in steps */
} BerthLadderOutput;

typedef struct {
    BerthLadderOutput output;
    unsigned rung;         /* 0 is the best */
    int64_t changed_us;    /* when the rung changed last */
    int64_t bad_since_us;  /* frames wait too long since; -1: they do not */
    int64_t good_since_us; /* no frame waits since; -1: some do */
    int64_t refilled_us;
    double refine_bytes; /* that refinement may spend now */
    uint64_t rate_kbps;  /* that quality was chosen for; 0 is unknown */
} BerthLadder;

/* The best of everything. */
void berth_ladder_init(BerthLadder *self, int64_t now_us);

/*
 * Takes what is known now; call it before each frame.  Returns what to do, borrowed until the next
 * call.
 */
const BerthLadderOutput *berth_ladder_step(BerthLadder *self, const BerthLadderInput *input);

/*
 * Returns the bytes that a frame of refinement may have now: 0 if it has to wait.  All of them
 * together take at most 30 % of the path, and nothing while frames wait.
 */
size_t berth_ladder_get_refine_bytes(const BerthLadder *self);

/* Takes the bytes of a frame of refinement off. */
void berth_ladder_note_refined(BerthLadder *self, size_t n_bytes);
