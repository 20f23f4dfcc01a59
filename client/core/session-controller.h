/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A user's way from the login to a desktop: the broker, the session and the steps between them.
 *
 * Without a broker the way begins at the list: a connection file names the one session there is.
 *
 * The window and the probe both drive one of these.  It owns the login, the key that tickets are
 * bound to (made new for every run), the picture and the numbers; it resumes a lost connection by
 * itself, first with the session's token, then through the broker.
 *
 * Callbacks come in the main context, never from inside berth_session_controller_new(); commands
 * may be given inside them, but not inside frame, cursor, pointer_mode and leds, and never
 * berth_session_controller_free().  Thread: main.
 */
#pragma once

#include "client/core/broker-client.h"
#include "client/core/connection-file.h"
#include "client/core/login-flow.h"
#include "client/core/session-client.h"
#include "client/core/session-fsm.h"
#include "client/core/start-progress.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct BerthSessionController BerthSessionController;

/* All may be NULL. */
typedef struct {
    /* Another state; what belongs to it was told before. */
    void (*state)(BerthClientState state, void *user_data);
    /* What the user has to do to be logged in; berth_session_controller_answer() a code. */
    void (*ask)(const BerthLoginQuestion *question, void *user_data);
    /* Codes that stand in for a lost second factor: shown this once. */
    void (*recovery_codes)(const char *const *codes, void *user_data);
    /* Where else a user may log in: BerthProviderName. */
    void (*providers)(GPtrArray *providers, void *user_data);
    /* How far the desktop is that is being opened. */
    void (*progress)(const BerthStartProgress *progress, void *user_data);
    /* A step failed, the user may try again; retry_after_s is 0 if at once. */
    void (*error)(const GError *error, int64_t retry_after_s, void *user_data);
    /* The user's desktops: BerthDesktop. */
    void (*desktops)(GPtrArray *desktops, void *user_data);
    void (*opened)(bool is_resumed, void *user_data);
    void (*frame)(const BerthFrameNews *news, void *user_data);
    void (*cursor)(const BerthCursorImage *image, void *user_data);
    void (*pointer_mode)(bool is_absolute, void *user_data);
    void (*leds)(uint8_t leds, void *user_data);
    /* A head is gone; those other than 0 go with their connection, too. */
    void (*head_gone)(unsigned head, void *user_data);
    /* Somebody wants to watch; berth_session_client_answer() by its id.  NULL refuses. */
    void (*shadow_ask)(const BerthMsgShadowAsk *ask, void *user_data);
    /* Who else watches now. */
    void (*viewers)(const BerthMsgViewers *viewers, void *user_data);
    /* The site says something to the user; number tells one notice from the next. */
    void (*notice)(const char *text, uint32_t number, void *user_data);
    /* The connection was lost; both are monotonic times. */
    void (*waiting)(const char *why, int64_t retry_at_us, int64_t give_up_at_us, void *user_data);
    /* The desktop is closed; NULL if the user left it. */
    void (*ended)(const GError *why, void *user_data);
    /* The broker answered to something that is no step: disconnect, log off, restart ... */
    void (*done)(BerthBrokerRequest request, const GError *error, void *user_data);
    BerthShare *share;       /* clipboard and files of its owner, borrowed; NULL: not offered */
    BerthSoundClient *sound; /* likewise what it hears and says */
} BerthControllerCallbacks;

/* What becomes of the desktop when the user leaves it. */
typedef enum {
    BERTH_LEAVE_DISCONNECT, /* it goes on, and can be opened again */
    BERTH_LEAVE_LOGOFF,     /* it is thrown away */
} BerthLeave;

/*
 * Makes a controller; connects to nothing yet.
 *
 * files:  see berth_broker_client_new()
 * name:   of this device, for logs
 *
 * Returns NULL with BERTH_ERR_TLS if no key can be made.
 */
BerthSessionController *berth_session_controller_new(const BerthBrokerAddress *address,
                                                     const BerthBrokerFiles *files,
                                                     const char *name,
                                                     const BerthControllerCallbacks *callbacks,
                                                     void *user_data, GError **error);

/*
 * Makes a controller for the session of a connection file, in state PICK: _choose() opens it, with
 * any pool.  What else is asked of a broker is done at once.
 *
 * file: copied
 *
 * Returns NULL with BERTH_ERR_TLS if no key can be made.
 */
BerthSessionController *berth_session_controller_new_direct(
    const BerthConnectionFile *file, const char *name, const BerthControllerCallbacks *callbacks,
    void *user_data, GError **error);

/* Drops everything at once.  NULL is allowed. */
void berth_session_controller_free(BerthSessionController *self);

/*
 * Commands.  Return BERTH_OK, or BERTH_ERR_STATE if the present state does not allow it; nothing
 * happens then.
 */
int berth_session_controller_login(BerthSessionController *self,
                                   const BerthCredentials *credentials);
/* The code of the second factor that `ask` wants. */
int berth_session_controller_answer(BerthSessionController *self, const char *code);
int berth_session_controller_reload(BerthSessionController *self);
int berth_session_controller_choose(BerthSessionController *self, const BerthId *pool);
/* As _choose(), for somebody else's session: watches it, or helps, once its user agrees. */
int berth_session_controller_watch(BerthSessionController *self, const BerthId *session,
                                   bool wants_control);
/* Stops what is under way: a login, a connect, a desktop.  The broker is not told. */
int berth_session_controller_cancel(BerthSessionController *self);
/* Leaves the desktop and tells the broker; `done` brings the answer. */
int berth_session_controller_leave(BerthSessionController *self, BerthLeave leave);
/* Gives the login back; `done` brings the answer. */
int berth_session_controller_logout(BerthSessionController *self);

BerthClientState berth_session_controller_get_state(const BerthSessionController *self);

/*
 * The broker, for requests that are no step on the way to a desktop (providers, restart, report):
 * `providers` and `done` bring their answers.  NULL without a broker.  Borrowed.
 */
BerthBrokerClient *berth_session_controller_get_broker(const BerthSessionController *self);

/* The connection for input and requests; NULL unless the state is OPEN.  Borrowed. */
BerthSessionClient *berth_session_controller_get_session(const BerthSessionController *self);

/* The picture of a head below BERTH_LIMIT_HEADS, for the life of the controller. */
BerthPicture *berth_session_controller_get_picture(const BerthSessionController *self,
                                                   unsigned head);

/* The numbers until now. */
const BerthStats *berth_session_controller_get_stats(BerthSessionController *self);
