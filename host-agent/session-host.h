/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The agent's side of one session: starts its berth-session process, gives it the guest's display
 * and the clients that arrive, and starts it again if it dies.
 *
 * The process outlives the agent: its control socket lies in the session's folder, and a restarted
 * agent connects there again.  Thread: main.
 */
#pragma once

#include "base/poller.h"
#include "berth/ids.h"
#include "host-agent/desired.h"
#include "host-agent/guest-port-kind.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct BerthSessionHost BerthSessionHost;

typedef enum {
    BERTH_SESSION_STARTING,
    BERTH_SESSION_LISTENING,
    BERTH_SESSION_CONNECTED,
    BERTH_SESSION_ENDED,
} BerthSessionHostState;

/* Where sessions live and what they are told; borrowed by every session. */
typedef struct {
    BerthPoller *poller;
    const char *session_program;
    const char *folder; /* of all sessions */
    BerthId host_id;
    const json_t *(*get_ticket_keys)(void *user_data); /* array of hexadecimal keys, borrowed */
    /*
     * A new display peer of a machine at that epoch, and the name of its capture source (constant);
     * false while it has none.
     */
    bool (*attach_display)(const BerthId *machine, uint64_t epoch, int *ret_fd,
                           const char **ret_capture, GError **error, void *user_data);
    /* As berth_machine_park_take_guest_port() and berth_machine_park_give_back_guest_port(). */
    int (*take_guest_port)(const BerthId *machine, uint64_t epoch, BerthGuestPortKind kind,
                           void *user_data);
    void (*give_back_guest_port)(const BerthId *machine, BerthGuestPortKind kind, void *user_data);
    void (*on_changed)(BerthSessionHost *session, void *user_data);
    void *user_data;
} BerthSessionEnvironment;

/* What the inventory tells about a session. */
typedef struct {
    BerthId id, machine;
    uint64_t epoch;
    BerthSessionHostState state;
    char session_key[2 * BERTH_KEY_HASH_BYTES + 1]; /* "" until known */
    uint64_t connection_epoch;
    int64_t input_us;       /* monotonic time of the last input or connection; 0: none so far */
    int64_t first_frame_us; /* how long its first picture took; 0 before */
    int code;               /* why it ended or cannot start; BERTH_OK */
} BerthSessionReport;

/* Makes the session and starts its process.  environment: borrowed. */
BerthSessionHost *berth_session_host_new(const BerthSessionEnvironment *environment,
                                         const BerthDesiredSession *wanted);

/*
 * Finds a session of an earlier agent by its folder's name.
 *
 * Returns NULL and removes the folder if it cannot be read.
 */
BerthSessionHost *berth_session_host_adopt(const BerthSessionEnvironment *environment,
                                           const char *name);

/* Lets go; the process goes on.  NULL is allowed. */
void berth_session_host_free(BerthSessionHost *self);

/* Follows the broker: new policy, disconnect, end. */
void berth_session_host_update(BerthSessionHost *self, const BerthDesiredSession *wanted);

/* Tries again what had to wait for the machine's display or its agent's port. */
void berth_session_host_poke(BerthSessionHost *self);

/* Gives it a client whose first bytes are unread.  fd: taken if true; false: it was refused. */
bool berth_session_host_give_client(BerthSessionHost *self, int fd);

/* Ends it: says goodbye to the client, then kills what is left. */
void berth_session_host_end(BerthSessionHost *self, int code);

void berth_session_host_get_report(const BerthSessionHost *self, BerthSessionReport *ret);

/* Name of a state as in the inventory. */
const char *berth_session_host_state_name(BerthSessionHostState state);

/* What a message of a session process asks for, beside what it reports. */
typedef enum {
    BERTH_SESSION_ASKS_NOTHING,
    BERTH_SESSION_GIVES_UP,
    BERTH_SESSION_LOST_SPICE, /* the port of that agent of the guest is closed */
    BERTH_SESSION_LOST_BERTH,
} BerthSessionAsks;

/*
 * Reads one message of a session process into the report.  Pure.
 *
 * Errors: BERTH_ERR_PROTOCOL.
 */
int berth_session_message_read(const char *text, size_t len, BerthSessionReport *report,
                               BerthSessionAsks *ret_asks);
