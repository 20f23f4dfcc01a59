/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Keeps the watermark of a session as its policy wants it: fills in the text, draws the pattern
 * anew when the text changes (another policy, another day), and gives it to the frame room.
 *
 * Thread: main.
 */
#pragma once

#include "host-agent/session/frame-room.h"

#include "berth/ids.h"

#include <glib.h>
#include <stdbool.h>

typedef struct BerthWatermarkKeeper BerthWatermarkKeeper;

/* Of no watermark.  Opens the font: before the sandbox. */
BerthWatermarkKeeper *berth_watermark_keeper_new(void);

/* NULL is allowed. */
void berth_watermark_keeper_free(BerthWatermarkKeeper *self);

/*
 * The room that shows it, and whose session it is.
 *
 * room: borrowed; user: copied
 */
void berth_watermark_keeper_attach(BerthWatermarkKeeper *self, BerthFrameRoom *room,
                                   const BerthId *session, const char *user);

/*
 * Another policy: its text, with places; see watermark-text.h.  "" is no watermark.
 *
 * Errors: those of berth_watermark_new(); the session must not go on without.
 */
bool berth_watermark_keeper_set(BerthWatermarkKeeper *self, const char *text, int64_t wall_us,
                                GError **error);

/* Some time has passed: the day may be another.  Errors: as above. */
bool berth_watermark_keeper_tick(BerthWatermarkKeeper *self, int64_t wall_us, GError **error);
