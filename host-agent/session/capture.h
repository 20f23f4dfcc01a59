/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A capture source: where a desktop's pixels come from and where its input goes.
 *
 * Pixels, cursor, mode, lock keys and the end of the desktop are written into BerthScreens by the
 * source's own reader thread, which always drains its peer and never waits for a client.  Input
 * goes the other way through the functions below, on the main thread; none of them blocks.
 *
 * Thread: main, except for what a source writes into the screen.
 */
#pragma once

#include "host-agent/session/heads.h"
#include "host-agent/session/sound-room.h"

#include "berth/protocol.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct BerthCapture BerthCapture;

/*
 * What a source can do.  Input functions return BERTH_OK, BERTH_ERR_BUSY if the desktop does not
 * keep up (the event is dropped, and the caller must not count it as given), BERTH_ERR_UNSUPPORTED
 * if the source has no such thing, or BERTH_ERR_CLOSED after the peer has gone.
 */
typedef struct {
    const char *name; /* as in the control message "start" */

    /*
     * Attaches to the desktop behind a connected socket.
     *
     * fd: taken, also on error; heads: must outlive the source
     *
     * Returns NULL with error set.  Later failures end head 0's screen (berth_screen_end).
     */
    BerthCapture *(*open)(int fd, BerthHeads *heads, GError **error);
    /* Detaches and frees; the screens stay.  Held keys are the caller's to release before. */
    void (*close)(BerthCapture *self);

    int (*key)(BerthCapture *self, uint16_t evdev, bool is_down);
    int (*pointer_abs)(BerthCapture *self, int head, int x_px, int y_px); /* inside its mode */
    int (*pointer_rel)(BerthCapture *self, int dx_px, int dy_px);
    int (*button)(BerthCapture *self, BerthButton button, bool is_down);
    int (*wheel)(BerthCapture *self, int n_right, int n_down); /* whole notches */
    /*
     * Asks the guest for a mode of a head, which may come into being by that; the guest may choose
     * another one, or none.  0, 0: the head is not wanted any more; never for head 0.
     */
    int (*resize)(BerthCapture *self, int head, int w_px, int h_px, int w_mm, int h_mm);
    /* Where its sound goes, once, after open.  room: a reference is taken.  NULL: it has none. */
    void (*set_sound)(BerthCapture *self, BerthSoundRoom *room);
} BerthCaptureOps;

/* Every source begins with this. */
struct BerthCapture {
    const BerthCaptureOps *ops;
};

extern const BerthCaptureOps berth_capture_qemu_dbus;
extern const BerthCaptureOps berth_capture_rfb;
extern const BerthCaptureOps berth_capture_vhost_gpu; /* its descriptor: capture-vhost-gpu.c */
extern const BerthCaptureOps berth_capture_x11;       /* its descriptor: x11-target.h */

/* Returns the source of that name, or NULL. */
const BerthCaptureOps *berth_capture_find(const char *name);
