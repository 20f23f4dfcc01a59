/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the display messages of a session carry: bytes and pixels by the way they took.
 *
 * Reads only the heads of messages, and believes them: the frame decoder is what checks.  A value
 * without allocation; initialise with zeros.  Engine.  Thread: one at a time.
 */
#pragma once

#include "berth/limits.h"

#include <stddef.h>
#include <stdint.h>

typedef enum {
    BERTH_TRAFFIC_COPY,     /* moved within the picture */
    BERTH_TRAFFIC_FILL,     /* one colour */
    BERTH_TRAFFIC_CACHED,   /* tiles that the client had kept, and what keeps them */
    BERTH_TRAFFIC_EXACT,    /* as they are */
    BERTH_TRAFFIC_GRADIENT, /* exact, by prediction */
    BERTH_TRAFFIC_PHOTO,    /* not exact */
    BERTH_TRAFFIC_VIDEO,    /* not exact */
    BERTH_TRAFFIC_OTHER,    /* frames, heads, checks */
    BERTH_N_TRAFFIC_KINDS,
} BerthTrafficKind;

typedef struct {
    struct {
        uint64_t n_bytes; /* of payload */
        uint64_t n_px;    /* painted; a pixel that is painted twice counts twice */
    } kinds[BERTH_N_TRAFFIC_KINDS];

    uint32_t video_px[BERTH_LIMIT_VIDEO_STREAMS]; /* private: size of each open stream */
} BerthTraffic;

/* Counts one message of the display channel. */
void berth_traffic_note(BerthTraffic *self, uint8_t type, const uint8_t *payload, size_t len);

/* Adds what another one counted. */
void berth_traffic_add(BerthTraffic *self, const BerthTraffic *other);

/*
 * The share of the pixels painted so far that did not come by photo or video, in thousandths;
 * 1000 if none was painted.
 */
unsigned berth_traffic_get_exact_permille(const BerthTraffic *self);

/* "copy", "gradient", ...; never NULL for a kind. */
const char *berth_traffic_kind_name(BerthTrafficKind kind);
