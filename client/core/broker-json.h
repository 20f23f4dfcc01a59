/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a broker's answers mean: JSON text in, checked values out.  The broker is not trusted.
 *
 * Keys that are not known are skipped, so that a newer broker can say more; known ones must have
 * the right type, length and alphabet.  Text for people is cut, and control characters in it are
 * replaced, so that it can be shown.  Engine: no I/O.  Thread: any.
 */
#pragma once

#include "berth/ids.h"
#include "berth/limits.h"
#include "berth/ticket.h"

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* "<session id>.<host id>.session.berth" */
#define BERTH_SESSION_SNI_CHARS (2 * BERTH_ID_HEX_CHARS + 15)

typedef enum {
    BERTH_DESKTOP_AVAILABLE,
    BERTH_DESKTOP_IN_USE, /* the user's own session waits there */
    BERTH_DESKTOP_BUSY,   /* nothing is free at the moment */
    BERTH_DESKTOP_DISABLED,
} BerthDesktopState;

/* One desktop that the user may open. */
typedef struct {
    BerthId pool;
    char *name;
    char icon[BERTH_LIMIT_ICON_CHARS + 1]; /* of an icon theme; "" without */
    BerthDesktopState state;
    BerthId session;      /* zero if there is none */
    int64_t last_used_us; /* microseconds since 1970; 0 is never */
    bool may_restart;     /* the user may restart it */
    bool may_report;      /* the user may tell what is wrong with it */
} BerthDesktop;

/* Where and how to reach a session: the broker's answer when a desktop is ready. */
typedef struct {
    BerthId session;
    char sni[BERTH_SESSION_SNI_CHARS + 1];
    uint8_t ticket[BERTH_TICKET_BYTES]; /* secret */
    uint8_t session_key_hash[BERTH_KEY_HASH_BYTES];
    int64_t resume_window_us;
    bool may_input;
    bool may_resize;
} BerthLaunch;

/* The answer to connect: a launch, or a place in the queue. */
typedef struct {
    bool is_ready;
    BerthLaunch launch; /* if is_ready */
    bool is_queued;     /* waits for a free desktop; otherwise one is being started */
    int64_t position;   /* in the queue, from 1; 0 if not told */
    int64_t estimate_s; /* 0 if not told */
    int64_t retry_ms;   /* when to ask again, within the limits of the client */
} BerthConnectAnswer;

/* Why a request was refused (application/problem+json). */
typedef struct {
    int code;              /* BERTH_ERR_* */
    char *title;           /* one sentence; never NULL */
    char *detail;          /* more about it; "" if there is nothing */
    int64_t retry_after_s; /* 0 if not told */
} BerthProblem;

/* Frees a desktop of a list. */
void berth_desktop_free(BerthDesktop *desktop);

/* Wipes the ticket. */
void berth_connect_answer_clear(BerthConnectAnswer *answer);

void berth_problem_clear(BerthProblem *problem);

/*
 * The answer to GET /v1/me/desktops.
 *
 * Returns BerthDesktop pointers, freed with the array; NULL with BERTH_ERR_PROTOCOL.
 */
GPtrArray *berth_broker_json_desktops(const char *text, size_t len, GError **error);

/*
 * The answer to POST /v1/me/desktops/{pool}/connect, of status 200 or 202.
 *
 * ret_answer: set on success only; berth_connect_answer_clear() it
 *
 * Errors: BERTH_ERR_PROTOCOL.
 */
bool berth_broker_json_connect(const char *text, size_t len, BerthConnectAnswer *ret_answer,
                               GError **error);

/*
 * Any refusal.  Never fails: what cannot be read becomes a problem that tells the HTTP status.
 *
 * ret_problem: always set; berth_problem_clear() it
 */
void berth_broker_json_problem(int status, const char *text, size_t len, BerthProblem *ret_problem);
