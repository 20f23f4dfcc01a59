/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where frames are made: joins heads, viewers' seats, the plan thread and its helpers.
 *
 * One turn at a time: main chooses the head and who takes part (frame-schedule.h), the plan thread
 * does the work (frame-job.h), main hands out the messages and chooses again.  Pixels that come
 * meanwhile merge in the screen: the latest frame wins, nothing is queued here.  One plan serves
 * all viewers of a head; the driver's window decides when it is made.
 *
 * Thread: main.
 */
#pragma once

#include "host-agent/session/heads.h"
#include "host-agent/session/seat.h"
#include "host-agent/session/watermark.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct BerthFrameRoom BerthFrameRoom;

/*
 * Starts the plan thread.
 *
 * context: where seats are called; NULL is the default one
 * heads:   borrowed, must outlive the room
 */
BerthFrameRoom *berth_frame_room_new(GMainContext *context, BerthHeads *heads);

/* Waits for the turn at work, ends the threads and frees.  All seats are given up.  NULL is
 * allowed. */
void berth_frame_room_free(BerthFrameRoom *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(BerthFrameRoom, berth_frame_room_free)

/* A head has changed, or is gone: changes as berth_screen_take() returned, 0 if it is gone. */
void berth_frame_room_note_head(BerthFrameRoom *self, int head, unsigned changes);

/*
 * A viewer sits down; it gets whole pictures of all heads.
 *
 * is_driver: its window decides when frames are made; takes the place of an earlier driver.  If
 *            there is none, the oldest seat drives.
 * callbacks: borrowed, must outlive the seat
 *
 * NULL if there is no place (BERTH_SCHEDULE_MAX_SEATS) or the stream cannot be made.
 */
BerthSeat *berth_frame_room_add_seat(BerthFrameRoom *self, const BerthClientCaps *caps,
                                     bool is_driver, const BerthSeatCallbacks *callbacks,
                                     void *user_data);

/* Gives a seat up; nothing is delivered to it any more.  seat may be NULL. */
void berth_frame_room_remove_seat(BerthFrameRoom *self, BerthSeat *seat);

/* What lies over all pictures from now on; NULL is nothing.  Takes a reference. */
void berth_frame_room_set_watermark(BerthFrameRoom *self, BerthWatermark *watermark);

/* Something may have become possible: a window opened, a refresh was asked for. */
void berth_frame_room_look(BerthFrameRoom *self);
