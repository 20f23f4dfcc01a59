/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * All client connections of one desktop: who uses it, who watches, who is at the door.
 *
 * One viewer at a time is present: the desktop is its, and the next one who is let in takes its
 * place.  Observers sit beside it; the user is asked first (consent.h) and is told how many there
 * are.  The others are in their handshake or on their way out.
 *
 * Callbacks come from the main context.  Thread: main.
 */
#pragma once

#include "host-agent/session/admission.h"
#include "host-agent/session/capture.h"
#include "host-agent/session/consent.h"
#include "host-agent/session/frame-room.h"
#include "host-agent/session/heads.h"
#include "host-agent/session/viewer.h"

#include "display/transport/tls.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct BerthAudience BerthAudience;

typedef struct {
    /* Another viewer is present; capture gets its input. */
    void (*opened)(void *user_data);
    /* The present viewer has gone; nobody has taken its place so far. */
    void (*left)(void *user_data);
    /* A message of the present viewer on a channel of the guest's services; see viewer.h. */
    int (*service)(BerthChannel channel, uint8_t type, const uint8_t *payload, size_t len,
                   void *user_data);
    /* What was sent to the present viewer has left. */
    void (*writable)(void *user_data);
    /* A permitted and sane HEAD_REQUEST of the present viewer. */
    void (*resize)(const BerthMsgHeadRequest *request, void *user_data);
    /* A connection has ended, or the number of observers has changed. */
    void (*changed)(void *user_data);
} BerthAudienceCallbacks;

/* What it needs; all borrowed, must outlive it. */
typedef struct {
    BerthViewerParts viewer;
    BerthAdmission *admission;
    const BerthAdmissionConfig *config; /* session, resume window, policy of observers */
} BerthAudienceParts;

/* Of all connections since the beginning. */
typedef struct {
    bool is_present;
    unsigned n_observers;
    uint64_t n_frames;
    uint64_t bytes_out;
    uint64_t n_checks_failed;
    int64_t input_us;       /* monotonic time of the last input or connection; 0: none */
    int64_t first_frame_us; /* of the present viewer; see BerthViewerStats */
} BerthAudienceStats;

/* An audience without anybody.  parts: copied; callbacks: borrowed, must outlive it. */
BerthAudience *berth_audience_new(const BerthAudienceParts *parts,
                                  const BerthAudienceCallbacks *callbacks, void *user_data);

/* Drops all connections.  NULL is allowed. */
void berth_audience_free(BerthAudience *self);

/* A client at the door.  fd: taken. */
void berth_audience_add(BerthAudience *self, int fd);

/* Where input goes; NULL is nowhere.  The old source must still live. */
void berth_audience_set_capture(BerthAudience *self, BerthCapture *capture);

/* What the present viewer offers; NULL if there is none.  Borrowed. */
const BerthMsgHello *berth_audience_get_present_hello(const BerthAudience *self);

/* The guest's agent has typed: input that waited for that goes on. */
void berth_audience_go_on(BerthAudience *self);

/* Sends a message of the guest's services to the present viewer, if there is one. */
void berth_audience_send_service(BerthAudience *self, BerthChannel channel, uint8_t type,
                                 const uint8_t *payload, size_t len);

/* Bytes that wait for the present viewer on a channel; 0 if there is none. */
size_t berth_audience_get_queued_bytes(const BerthAudience *self, BerthChannel channel);

/* A head's screen was taken; see berth_viewer_note_changes(). */
void berth_audience_note_changes(BerthAudience *self, int head, unsigned changes);

/* Whether the picture is being recorded; the viewers are told. */
void berth_audience_set_recorded(BerthAudience *self, bool is_recorded);

/*
 * Another policy: parts.config was changed.  Everybody keeps at most its rights; observers leave if
 * nobody is to watch.
 */
void berth_audience_apply_policy(BerthAudience *self);

/* Says something to the user, now or when the user comes. */
void berth_audience_notify(BerthAudience *self, uint32_t number, const char *text);

/* Says BYE to the present viewer, or to everybody. */
void berth_audience_close_present(BerthAudience *self, int code, const char *text);
void berth_audience_close_all(BerthAudience *self, int code, const char *text);

/* True if no connection is left. */
bool berth_audience_is_empty(const BerthAudience *self);

void berth_audience_get_stats(const BerthAudience *self, BerthAudienceStats *ret);
