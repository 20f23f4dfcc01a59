/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One connection to one session: dial, TLS, handshake, pictures in, input out.
 *
 * Pictures and pointers are decoded in a thread of their own and land in a BerthPicture a head;
 * every frame is acknowledged with its times.  Held keys are known, so that they can be let go.  A
 * lost connection is never mended here: the controller makes a new one.
 *
 * Callbacks come in the main context; `closed` comes once, last, and is the only one in which the
 * client may be freed or dismissed.  Thread: main.
 */
#pragma once

#include "client/core/decode-worker.h"
#include "client/core/held-keys.h"
#include "client/core/picture.h"
#include "client/core/share.h"
#include "client/core/sound-client.h"
#include "client/core/stats.h"

#include "display/transport/tls-key.h"
#include "display/wire/msg-control.h"
#include "display/wire/msg-input.h"
#include "display/wire/msg-notice.h"
#include "display/wire/msg-viewers.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct BerthSessionClient BerthSessionClient;

/* Where and how; borrowed for the time of the call, what is needed is copied. */
typedef struct {
    const char *host; /* of the gateway */
    uint16_t port;
    const char *sni;    /* names the session */
    const uint8_t *pin; /* BERTH_KEY_HASH_BYTES of the session's key */
    BerthTlsKey *key;   /* ours, which the ticket is bound to */
    const BerthMsgAuth *auth;
    const char *name;              /* of this device, for logs */
    BerthPicture *const *pictures; /* of BERTH_LIMIT_HEADS heads; get the frames */
    BerthStats *stats;             /* borrowed for the life of the client */
    BerthShare *share;             /* likewise; NULL: clipboard and files are not offered */
    unsigned patience_ms;          /* from TCP to WELCOME; 0: as long as the other end likes */
    BerthSoundClient *sound;       /* the same; NULL: nothing is to be heard */
} BerthSessionTarget;

typedef struct {
    void (*opened)(const BerthMsgWelcome *welcome, void *user_data);
    void (*frame)(const BerthFrameNews *news, void *user_data);
    /* Another shape; NULL hides the pointer.  Borrowed until return. */
    void (*cursor)(const BerthCursorImage *image, void *user_data);
    void (*pointer_mode)(bool is_absolute, void *user_data);
    void (*leds)(uint8_t leds, void *user_data);
    /* A head is gone, its picture is empty. */
    void (*head_gone)(unsigned head, void *user_data);
    /* Somebody wants to watch; see berth_session_client_answer(). */
    void (*shadow_ask)(const BerthMsgShadowAsk *ask, void *user_data);
    /* Somebody else watches or records, or does no more. */
    void (*viewers)(const BerthMsgViewers *viewers, void *user_data);
    /* The site says something to the user, or the rights changed. */
    void (*notice)(const BerthMsgNotice *notice, void *user_data);
    /* It is over; see BerthLinkCallbacks.closed. */
    void (*closed)(int code, const char *text, bool is_bye, void *user_data);
} BerthSessionCallbacks;

/*
 * Starts to connect.
 *
 * Returns NULL with error set (BERTH_ERR_TLS) if not even a TLS context can be made.
 */
BerthSessionClient *berth_session_client_new(const BerthSessionTarget *target,
                                             const BerthSessionCallbacks *callbacks,
                                             void *user_data, GError **error);

/* Drops the connection without a word.  NULL is allowed. */
void berth_session_client_free(BerthSessionClient *self);

/*
 * Lets all keys go and says goodbye.  The client is given away: no callback comes any more, and
 * it frees itself when the goodbye has left, or after a second.  NULL is allowed.
 */
void berth_session_client_dismiss(BerthSessionClient *self);

/* Breaks the connection as a failing network would: for tests of the resume. */
void berth_session_client_break(BerthSessionClient *self);

bool berth_session_client_is_open(const BerthSessionClient *self);

/* Whether somebody was there: the TCP connection came to be. */
bool berth_session_client_was_reached(const BerthSessionClient *self);

/* Bytes of this connection so far. */
uint64_t berth_session_client_get_bytes_in(const BerthSessionClient *self);
uint64_t berth_session_client_get_bytes_out(const BerthSessionClient *self);

/* Round trip in microseconds, -1 if unknown. */
int64_t berth_session_client_get_rtt_us(const BerthSessionClient *self);

/*
 * Input.  Dropped while the connection is not open or if the ticket does not allow it; repeats
 * and releases of what is not held are dropped as well.
 *
 * Return the serial of the message, 0 if none was sent.
 */
uint32_t berth_session_client_key(BerthSessionClient *self, uint16_t evdev, bool is_down);
uint32_t berth_session_client_pointer(BerthSessionClient *self, unsigned head, int x_px, int y_px);
uint32_t berth_session_client_pointer_relative(BerthSessionClient *self, int dx_px, int dy_px);
uint32_t berth_session_client_button(BerthSessionClient *self, BerthButton button, bool is_down);

/* Wheel in 1/120 of a notch; positive is right and away from the user. */
uint32_t berth_session_client_wheel(BerthSessionClient *self, int dx, int dy);

/*
 * More input, each only if the session takes it.  text is UTF-8 of any length; what holds a control
 * character, or is not UTF-8, is not sent.  locks: BERTH_LED_*.
 *
 * Return whether the session takes such messages at all.
 */
bool berth_session_client_text(BerthSessionClient *self, const char *text);
bool berth_session_client_locks(BerthSessionClient *self, uint8_t locks);
bool berth_session_client_layout(BerthSessionClient *self, const BerthKeyLayout *layout);
bool berth_session_client_touch(BerthSessionClient *self, BerthTouchPhase phase, unsigned finger,
                                unsigned head, int x_px, int y_px);

/* Lets every held key and button go, Alt and Super last. */
void berth_session_client_release_all(BerthSessionClient *self);

/*
 * Asks the guest for a head of a size in pixels; sides are brought into the limits.  A head other
 * than 0 comes to be by that.  May be ignored.
 */
void berth_session_client_request_size(BerthSessionClient *self, unsigned head, int width_px,
                                       int height_px, int width_mm, int height_mm);

/* Gives a head other than 0 back: no more frames of it. */
void berth_session_client_drop_head(BerthSessionClient *self, unsigned head);

/* Asks for the whole picture of a head again. */
void berth_session_client_refresh(BerthSessionClient *self, unsigned head);

/* Answers a shadow_ask by its id. */
void berth_session_client_answer(BerthSessionClient *self, uint32_t id, bool is_allowed);
