/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/core/session-fsm.h"

#include "berth/errors.h"

/* Waits between attempts, by the time since the loss. */
#define BACKOFF_FIRST_US (200LL * 1000)
#define BACKOFF_FIRST_UNTIL_US (30LL * 1000 * 1000)
#define BACKOFF_NEXT_US (1000LL * 1000)
#define BACKOFF_NEXT_UNTIL_US (300LL * 1000 * 1000)
#define BACKOFF_MAX_US (5LL * 1000 * 1000)
/* After so many attempts at which somebody was there, but not the session, the broker is asked. */
#define TOKEN_ATTEMPTS 2

#define S(state) BERTH_CLIENT_##state
#define ON(event) BERTH_CLIENT_ON_##event
#define DO(action) BERTH_CLIENT_DO_##action

static const char *const state_names[BERTH_N_CLIENT_STATES] = {
    [S(IDLE)] = "idle",       [S(LOGIN)] = "login", [S(LIST)] = "list",   [S(PICK)] = "pick",
    [S(CONNECT)] = "connect", [S(DIAL)] = "dial",   [S(OPEN)] = "open",   [S(WAIT)] = "wait",
    [S(RESUME)] = "resume",   [S(RENEW)] = "renew", [S(ENDED)] = "ended",
};

static const char *const event_names[BERTH_N_CLIENT_EVENTS] = {
    [ON(LOGIN)] = "login",
    [ON(LOGIN_OK)] = "login-ok",
    [ON(LIST_OK)] = "list-ok",
    [ON(RELOAD)] = "reload",
    [ON(CHOOSE)] = "choose",
    [ON(TICKET)] = "ticket",
    [ON(REFUSED)] = "refused",
    [ON(UNREACHABLE)] = "unreachable",
    [ON(OPENED)] = "opened",
    [ON(LOST)] = "lost",
    [ON(TOKEN_REFUSED)] = "token-refused",
    [ON(OVER)] = "over",
    [ON(RETRY_TOKEN)] = "retry-token",
    [ON(RETRY_TICKET)] = "retry-ticket",
    [ON(GIVE_UP)] = "give-up",
    [ON(CLOSE)] = "close",
    [ON(LOGOUT)] = "logout",
};

/* clang-format off */
static const BerthFsmRow rows[] = {
    { S(IDLE),    ON(LOGIN),         S(LOGIN),   DO(LOGIN) },
    { S(LOGIN),   ON(LOGIN_OK),      S(LIST),    DO(ASK_LIST) },
    { S(LOGIN),   ON(REFUSED),       S(IDLE),    DO(SHOW_ERROR) },
    { S(LOGIN),   ON(UNREACHABLE),   S(IDLE),    DO(SHOW_ERROR) },
    { S(LOGIN),   ON(CLOSE),         S(IDLE),    DO(LEAVE) },
    { S(LIST),    ON(LIST_OK),       S(PICK),    DO(SHOW_LIST) },
    { S(LIST),    ON(REFUSED),       S(IDLE),    DO(SHOW_ERROR) },
    { S(LIST),    ON(UNREACHABLE),   S(IDLE),    DO(SHOW_ERROR) },
    { S(LIST),    ON(CLOSE),         S(IDLE),    DO(LEAVE) },
    { S(LIST),    ON(LOGOUT),        S(IDLE),    DO(FORGET) },
    { S(PICK),    ON(RELOAD),        S(LIST),    DO(ASK_LIST) },
    { S(PICK),    ON(CHOOSE),        S(CONNECT), DO(ASK_DESKTOP) },
    { S(PICK),    ON(LOGOUT),        S(IDLE),    DO(FORGET) },
    { S(PICK),    ON(LOGIN),         S(LOGIN),   DO(LOGIN) },
    { S(CONNECT), ON(TICKET),        S(DIAL),    DO(DIAL_TICKET) },
    { S(CONNECT), ON(REFUSED),       S(PICK),    DO(SHOW_ERROR) },
    { S(CONNECT), ON(UNREACHABLE),   S(PICK),    DO(SHOW_ERROR) },
    { S(CONNECT), ON(CLOSE),         S(PICK),    DO(LEAVE) },
    { S(DIAL),    ON(OPENED),        S(OPEN),    DO(SHOW_DESKTOP) },
    { S(DIAL),    ON(LOST),          S(PICK),    DO(SHOW_ERROR) },
    { S(DIAL),    ON(OVER),          S(PICK),    DO(SHOW_ERROR) },
    { S(DIAL),    ON(CLOSE),         S(PICK),    DO(LEAVE) },
    { S(OPEN),    ON(LOST),          S(WAIT),    DO(SCHEDULE) },
    { S(OPEN),    ON(OVER),          S(ENDED),   DO(END) },
    { S(OPEN),    ON(CLOSE),         S(ENDED),   DO(LEAVE) },
    { S(WAIT),    ON(RETRY_TOKEN),   S(RESUME),  DO(DIAL_TOKEN) },
    { S(WAIT),    ON(RETRY_TICKET),  S(RENEW),   DO(ASK_DESKTOP) },
    { S(WAIT),    ON(GIVE_UP),       S(ENDED),   DO(END) },
    { S(WAIT),    ON(CLOSE),         S(ENDED),   DO(LEAVE) },
    { S(RESUME),  ON(OPENED),        S(OPEN),    DO(SHOW_DESKTOP) },
    { S(RESUME),  ON(LOST),          S(WAIT),    DO(SCHEDULE) },
    { S(RESUME),  ON(TOKEN_REFUSED), S(RENEW),   DO(ASK_DESKTOP) },
    { S(RESUME),  ON(OVER),          S(ENDED),   DO(END) },
    { S(RESUME),  ON(GIVE_UP),       S(ENDED),   DO(END) },
    { S(RESUME),  ON(CLOSE),         S(ENDED),   DO(LEAVE) },
    { S(RENEW),   ON(TICKET),        S(RESUME),  DO(DIAL_TICKET) },
    { S(RENEW),   ON(REFUSED),       S(ENDED),   DO(END) },
    { S(RENEW),   ON(UNREACHABLE),   S(WAIT),    DO(SCHEDULE) },
    { S(RENEW),   ON(GIVE_UP),       S(ENDED),   DO(END) },
    { S(RENEW),   ON(CLOSE),         S(ENDED),   DO(LEAVE) },
    { S(ENDED),   ON(CHOOSE),        S(CONNECT), DO(ASK_DESKTOP) },
    { S(ENDED),   ON(RELOAD),        S(LIST),    DO(ASK_LIST) },
    { S(ENDED),   ON(LOGOUT),        S(IDLE),    DO(FORGET) },
    { S(ENDED),   ON(LOGIN),         S(LOGIN),   DO(LOGIN) },
};
/* clang-format on */

const BerthFsmTable berth_client_fsm = {
    .name = "client",
    .states = state_names,
    .n_states = BERTH_N_CLIENT_STATES,
    .events = event_names,
    .n_events = BERTH_N_CLIENT_EVENTS,
    .rows = rows,
    .n_rows = sizeof rows / sizeof rows[0],
};

/* What the end of a connection means, by its code: at its end with a reconnect token that the other
 * side refused in words, with a token otherwise, and without one.  Other codes are the last row. */
static const struct {
    int code;
    BerthClientEvent refused, token, plain;
} closes[] = {
    { BERTH_ERR_TAKEN_OVER, ON(OVER), ON(OVER), ON(OVER) },
    { BERTH_ERR_LOGGED_OFF, ON(OVER), ON(OVER), ON(OVER) },
    { BERTH_ERR_DISCONNECTED, ON(OVER), ON(OVER), ON(OVER) },
    { BERTH_ERR_DESKTOP_GONE, ON(OVER), ON(OVER), ON(OVER) },
    { BERTH_ERR_VERSION, ON(OVER), ON(OVER), ON(OVER) },
    { BERTH_ERR_CLOSED, ON(TOKEN_REFUSED), ON(LOST), ON(LOST) },
    { BERTH_ERR_IO, ON(TOKEN_REFUSED), ON(LOST), ON(LOST) },
    { BERTH_ERR_TLS, ON(TOKEN_REFUSED), ON(LOST), ON(LOST) },
    { BERTH_ERR_TIMEOUT, ON(TOKEN_REFUSED), ON(LOST), ON(LOST) },
    { BERTH_ERR_AGAIN, ON(TOKEN_REFUSED), ON(LOST), ON(LOST) },
    { BERTH_ERR_BUSY, ON(TOKEN_REFUSED), ON(LOST), ON(LOST) },
    { BERTH_ERR_HOST_DOWN, ON(TOKEN_REFUSED), ON(LOST), ON(LOST) },
    { BERTH_ERR_NOT_FOUND, ON(TOKEN_REFUSED), ON(LOST), ON(LOST) },
    /* A new session process has a new key: only the broker can vouch for it. */
    { BERTH_ERR_UNTRUSTED, ON(TOKEN_REFUSED), ON(TOKEN_REFUSED), ON(OVER) },
    { BERTH_OK, ON(TOKEN_REFUSED), ON(OVER), ON(OVER) },
};

BerthClientEvent
berth_client_event_of_close(int code, bool is_bye, bool is_token)
{
    size_t i = 0;
    while (i + 1 < sizeof closes / sizeof closes[0] && closes[i].code != code) {
        i++;
    }
    if (!is_token) {
        return closes[i].plain;
    }
    return is_bye ? closes[i].refused : closes[i].token;
}

BerthClientEvent
berth_client_event_of_refusal(int code)
{
    static const int passing[] = { BERTH_ERR_CLOSED,    BERTH_ERR_IO,        BERTH_ERR_TLS,
                                   BERTH_ERR_TIMEOUT,   BERTH_ERR_AGAIN,     BERTH_ERR_BUSY,
                                   BERTH_ERR_NOT_FOUND, BERTH_ERR_HOST_DOWN, BERTH_ERR_THROTTLED };
    for (size_t i = 0; i < sizeof passing / sizeof passing[0]; i++) {
        if (passing[i] == code) {
            return ON(UNREACHABLE);
        }
    }
    return ON(REFUSED);
}

BerthClientEvent
berth_client_plan_retry(unsigned n_unheard, bool has_token)
{
    return has_token && n_unheard < TOKEN_ATTEMPTS ? ON(RETRY_TOKEN) : ON(RETRY_TICKET);
}

int64_t
berth_client_backoff_us(int64_t lost_for_us, uint32_t random)
{
    int64_t wait_us = BACKOFF_MAX_US;

    if (lost_for_us < BACKOFF_FIRST_UNTIL_US) {
        wait_us = BACKOFF_FIRST_US;
    } else if (lost_for_us < BACKOFF_NEXT_UNTIL_US) {
        wait_us = BACKOFF_NEXT_US;
    }
    return wait_us + (int64_t)random % (wait_us / 4 + 1);
}
