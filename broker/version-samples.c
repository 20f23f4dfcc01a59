/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/version-samples.h"

#include "base/error.h"
#include "base/id.h"
#include "berth/ids.h"

#include <glib.h>

#define MS_US 1000

/* The machine of a session, and when its user was let in. */
typedef struct {
    char *version, *pool, *host, *machine;
    int64_t granted_us;
    bool was_connected;
} Session;

static void
session_clear(Session *self)
{
    g_free(self->version);
    g_free(self->pool);
    g_free(self->host);
    g_free(self->machine);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Session, session_clear)

/* Without a version if there is nothing to measure. */
static int
read_session(BerthTx *tx, const char *id, Session *ret)
{
    BerthRows rows;
    berth_tx_query(tx, &rows, BERTH_SQL_SAMPLE_SESSION, "s", id);
    if (berth_rows_next(&rows)) {
        *ret = (Session){ .version = g_strdup(berth_rows_text(&rows, 0)),
                          .pool = g_strdup(berth_rows_text(&rows, 1)),
                          .host = g_strdup(berth_rows_text(&rows, 2)),
                          .machine = g_strdup(berth_rows_text(&rows, 3)),
                          .granted_us = berth_rows_int(&rows, 4),
                          .was_connected = !berth_rows_is_null(&rows, 5) };
    }
    return berth_rows_end(&rows);
}

static int
insert(BerthTx *tx, const BerthCause *cause, const char *id, const BerthSampleMachine *of,
       const char *kind, bool is_ok, int64_t value_ms)
{
    char random[BERTH_ID_HEX_CHARS + 1];
    berth_id_random_hex(random);
    return berth_tx_post(tx, BERTH_SQL_SAMPLE_INSERT, "ssssssbii", id != NULL ? id : random,
                         of->version, of->pool, of->host, of->id, kind, (int)is_ok,
                         MAX(value_ms, 0), cause->now_us);
}

static int
insert_of_session(BerthTx *tx, const BerthCause *cause, const char *id, const Session *session,
                  const char *kind, bool is_ok, int64_t value_ms)
{
    const BerthSampleMachine of = { .id = session->machine,
                                    .version = session->version,
                                    .pool = session->pool,
                                    .host = session->host };
    return insert(tx, cause, id, &of, kind, is_ok, value_ms);
}

BerthSampleKind
berth_sample_of_step(BerthMachineState from, BerthMachineEvent event, BerthMachineState to)
{
    bool is_coming_up = from == BERTH_MACHINE_CREATING || from == BERTH_MACHINE_STARTING;
    bool was_up = from == BERTH_MACHINE_READY || from == BERTH_MACHINE_ASSIGNED;
    if (is_coming_up && to == BERTH_MACHINE_READY) {
        return BERTH_SAMPLE_READY;
    }
    if ((is_coming_up || from == BERTH_MACHINE_RECYCLING) && to == BERTH_MACHINE_FAILED) {
        return BERTH_SAMPLE_BOOT_FAILED;
    }
    return was_up && event == BERTH_MACHINE_EVENT_SEEN_FAILED ? BERTH_SAMPLE_CRASH
                                                              : BERTH_SAMPLE_NOTHING;
}

int
berth_sample_machine(BerthTx *tx, const BerthCause *cause, const BerthSampleMachine *machine,
                     BerthMachineEvent event, BerthMachineState to)
{
    int64_t ms = (cause->now_us - machine->since_us) / MS_US;
    if (machine->version == NULL) {
        return BERTH_OK;
    }
    switch (berth_sample_of_step(machine->state, event, to)) {
    case BERTH_SAMPLE_READY: {
        int error = insert(tx, cause, NULL, machine, "boot", true, ms);
        return error == BERTH_OK ? insert(tx, cause, NULL, machine, "ready", true, ms) : error;
    }
    case BERTH_SAMPLE_BOOT_FAILED:
        return insert(tx, cause, NULL, machine, "boot", false, ms);
    case BERTH_SAMPLE_CRASH:
        return insert(tx, cause, NULL, machine, "crash", false, 0);
    case BERTH_SAMPLE_NOTHING:
        break;
    }
    return BERTH_OK;
}

int
berth_sample_logon(BerthTx *tx, const BerthCause *cause, const char *session)
{
    g_auto(Session) row = { 0 };
    int error = read_session(tx, session, &row);
    if (error != BERTH_OK || row.version == NULL || row.was_connected || row.granted_us == 0) {
        return error;
    }
    return insert_of_session(tx, cause, NULL, &row, "logon", true,
                             (cause->now_us - row.granted_us) / MS_US);
}

int
berth_sample_logon_failed(BerthTx *tx, const BerthCause *cause, const char *session)
{
    g_auto(Session) row = { 0 };
    int error = read_session(tx, session, &row);
    return error != BERTH_OK || row.version == NULL || row.was_connected
               ? error
               : insert_of_session(tx, cause, NULL, &row, "logon", false, 0);
}

int
berth_sample_first_frame(BerthTx *tx, const BerthCause *cause, const char *session,
                         int64_t first_frame_ms)
{
    g_auto(Session) row = { 0 };
    int error = read_session(tx, session, &row);
    /* The id of the session is the sample's: there is one a session. */
    return error != BERTH_OK || row.version == NULL
               ? error
               : insert_of_session(tx, cause, session, &row, "first-frame", true, first_frame_ms);
}
