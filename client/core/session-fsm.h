/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The steps from a login to a desktop and back, as a const table, and the decisions around them.
 *
 * Pure: session-controller.c carries the actions out.  Thread: any.
 */
#pragma once

#include "base/fsm.h"

#include <stdbool.h>
#include <stdint.h>

typedef enum {
    BERTH_CLIENT_IDLE,    /* not logged in */
    BERTH_CLIENT_LOGIN,   /* the broker checks the password */
    BERTH_CLIENT_LIST,    /* the broker is asked for the desktops */
    BERTH_CLIENT_PICK,    /* the user chooses one */
    BERTH_CLIENT_CONNECT, /* the broker is asked for that desktop */
    BERTH_CLIENT_DIAL,    /* the session is being reached with the first ticket */
    BERTH_CLIENT_OPEN,    /* the desktop is in use */
    BERTH_CLIENT_WAIT,    /* the connection was lost; the next attempt comes */
    BERTH_CLIENT_RESUME,  /* the session is being reached again */
    BERTH_CLIENT_RENEW,   /* the broker is asked for a new ticket */
    BERTH_CLIENT_ENDED,   /* the desktop is closed; the login may still be good */
    BERTH_N_CLIENT_STATES,
} BerthClientState;

typedef enum {
    BERTH_CLIENT_ON_LOGIN, /* the user gives name and password */
    BERTH_CLIENT_ON_LOGIN_OK,
    BERTH_CLIENT_ON_LIST_OK,
    BERTH_CLIENT_ON_RELOAD,        /* the user wants the list again */
    BERTH_CLIENT_ON_CHOOSE,        /* the user wants a desktop */
    BERTH_CLIENT_ON_TICKET,        /* the broker gives a launch */
    BERTH_CLIENT_ON_REFUSED,       /* the broker says no */
    BERTH_CLIENT_ON_UNREACHABLE,   /* the broker does not answer */
    BERTH_CLIENT_ON_OPENED,        /* the session said WELCOME */
    BERTH_CLIENT_ON_LOST,          /* the connection failed, a new one may work */
    BERTH_CLIENT_ON_TOKEN_REFUSED, /* the session wants a ticket */
    BERTH_CLIENT_ON_OVER,          /* the session ended it, or it must not be trusted */
    BERTH_CLIENT_ON_RETRY_TOKEN,   /* time for the next attempt, with the reconnect token */
    BERTH_CLIENT_ON_RETRY_TICKET,  /* time for the next attempt, through the broker */
    BERTH_CLIENT_ON_GIVE_UP,       /* the time to resume is over */
    BERTH_CLIENT_ON_CLOSE,         /* the user leaves the desktop */
    BERTH_CLIENT_ON_LOGOUT,        /* the user logs out */
    BERTH_N_CLIENT_EVENTS,
} BerthClientEvent;

typedef enum {
    BERTH_CLIENT_DO_NOTHING,
    BERTH_CLIENT_DO_LOGIN,
    BERTH_CLIENT_DO_ASK_LIST,
    BERTH_CLIENT_DO_SHOW_LIST,
    BERTH_CLIENT_DO_ASK_DESKTOP,
    BERTH_CLIENT_DO_DIAL_TICKET,
    BERTH_CLIENT_DO_DIAL_TOKEN,
    BERTH_CLIENT_DO_SHOW_DESKTOP,
    BERTH_CLIENT_DO_SCHEDULE,   /* wait, then try again */
    BERTH_CLIENT_DO_SHOW_ERROR, /* tell the user, stay usable */
    BERTH_CLIENT_DO_END,        /* tell the user why the desktop is closed */
    BERTH_CLIENT_DO_LEAVE,      /* drop whatever is under way, without a word */
    BERTH_CLIENT_DO_FORGET,     /* give the login back */
    BERTH_N_CLIENT_ACTIONS,
} BerthClientAction;

extern const BerthFsmTable berth_client_fsm;

/*
 * What the end of a connection means.
 *
 * code:       0 or BERTH_ERR_*, as the link reported it
 * is_bye:     the session said it, as opposed to a failure
 * is_token:   the connection was being resumed with the token and was not open yet
 *
 * Returns ON_LOST, ON_TOKEN_REFUSED or ON_OVER.
 */
BerthClientEvent berth_client_event_of_close(int code, bool is_bye, bool is_token);

/*
 * What an error of the broker means.  Returns ON_UNREACHABLE if asking again may help while a
 * session waits, ON_REFUSED if not.
 */
BerthClientEvent berth_client_event_of_refusal(int code);

/*
 * How to try again: with the token, which needs nobody but the session.  Where somebody answers but
 * not the session, the broker is asked: it knows if the desktop is elsewhere or gone.
 *
 * n_unheard: attempts with the token since the broker was asked last that reached the gateway and
 *            heard nothing of the session;  has_token: a token was given and not refused
 *
 * Returns ON_RETRY_TOKEN or ON_RETRY_TICKET.
 */
BerthClientEvent berth_client_plan_retry(unsigned n_unheard, bool has_token);

/*
 * Time to wait before an attempt: 0.2 s in the first half minute, because a user sits before a
 * picture that stands still, 1 s for five minutes, then 5 s.  Up to a quarter longer by chance, so
 * that a hall full of clients does not come back at once.
 *
 * lost_for_us: since the loss;  random: any number
 *
 * Returns microseconds.
 */
int64_t berth_client_backoff_us(int64_t lost_for_us, uint32_t random);
