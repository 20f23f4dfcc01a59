/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/steps-private.h"

#include "base/error.h"
#include "broker/breaker-step.h"
#include "broker/version-choice.h"
#include "broker/version-samples.h"

#include <string.h>

#define SECOND_US (1000LL * 1000)

/* A planned machine may have to wait for the start slots of its host. */
#define PLANNED_LIMIT_US (1800 * SECOND_US)
/* A guest without hardware acceleration may need minutes to boot. */
#define CREATING_LIMIT_US (120 * SECOND_US)
#define STARTING_LIMIT_US (300 * SECOND_US)
#define RECYCLING_LIMIT_US (120 * SECOND_US)
/* The host is asked as long as it takes; so often it is said aloud that it is late. */
#define DELETING_LIMIT_US (300 * SECOND_US)
/* A failed machine is tried again after 5, 10, 20 ... 300 s; after MAX_RETRIES it waits for people.
 */
#define RETRY_FIRST_US (5 * SECOND_US)
#define RETRY_LAST_US (300 * SECOND_US)
#define MAX_RETRIES 8

typedef struct {
    const char *id;
    BerthMachineState state;
    char *assignment; /* NULL if nobody's */
    char *pool;
    char *host;
    char *power;
    char *scrub_overlay;
    char *image;   /* NULL if it has none */
    char *version; /* NULL if its image has none */
    char *code;    /* what its host said last */
    int64_t epoch;
    int64_t memory_mib;
    int64_t vcpus;
    int64_t n_failures;
    int64_t since_us;
    bool is_kept; /* holds its user's data */
} Machine;

/* What a step brings along besides its event. */
typedef struct {
    BerthMachineEvent event;
    const char *owner;   /* assignment, for CLAIM; else NULL */
    const char *overlay; /* the new one, for SCRUBBED */
    const char *power;   /* for STOP: "off" or "frozen" */
    const char *reason;
    bool is_explicit; /* an administrator gives the user's data up */
} Step;

static void
machine_clear(Machine *machine)
{
    g_free(machine->assignment);
    g_free(machine->pool);
    g_free(machine->host);
    g_free(machine->power);
    g_free(machine->scrub_overlay);
    g_free(machine->image);
    g_free(machine->version);
    g_free(machine->code);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Machine, machine_clear)

int64_t
berth_machine_deadline_us(BerthMachineState state, int64_t n_failures, int64_t now_us)
{
    switch (state) {
    case BERTH_MACHINE_PLANNED:
        return now_us + PLANNED_LIMIT_US;
    case BERTH_MACHINE_CREATING:
        return now_us + CREATING_LIMIT_US;
    case BERTH_MACHINE_STARTING:
        return now_us + STARTING_LIMIT_US;
    case BERTH_MACHINE_RECYCLING:
        return now_us + RECYCLING_LIMIT_US;
    case BERTH_MACHINE_DELETING:
        return now_us + DELETING_LIMIT_US;
    case BERTH_MACHINE_FAILED:
        if (n_failures > MAX_RETRIES) {
            return 0;
        }
        return now_us + MIN(RETRY_FIRST_US << MAX(n_failures - 1, 0), RETRY_LAST_US);
    default:
        return 0;
    }
}

static int
read_machine(BerthTx *tx, const char *id, Machine *ret)
{
    BerthRows rows;
    berth_tx_query(tx, &rows, BERTH_SQL_MACHINE_LOCK, "s", id);
    bool is_there = berth_rows_next(&rows);
    if (is_there) {
        int state = berth_fsm_state_from_name(&berth_machine_fsm, berth_rows_text(&rows, 0));
        *ret = (Machine){
            .id = id,
            .state = (BerthMachineState)state,
            .assignment = berth_rows_is_null(&rows, 1) ? NULL : g_strdup(berth_rows_text(&rows, 1)),
            .epoch = berth_rows_int(&rows, 2),
            .pool = g_strdup(berth_rows_text(&rows, 3)),
            .host = g_strdup(berth_rows_text(&rows, 4)),
            .memory_mib = berth_rows_int(&rows, 5),
            .vcpus = berth_rows_int(&rows, 6),
            .n_failures = berth_rows_int(&rows, 7),
            .scrub_overlay = g_strdup(berth_rows_text(&rows, 8)),
            .power = g_strdup(berth_rows_text(&rows, 9)),
            .is_kept = berth_rows_int(&rows, 10) != 0,
            .image = berth_rows_is_null(&rows, 11) ? NULL : g_strdup(berth_rows_text(&rows, 11)),
            .code = g_strdup(berth_rows_text(&rows, 12)),
            .version = berth_rows_is_null(&rows, 13) ? NULL : g_strdup(berth_rows_text(&rows, 13)),
            .since_us = berth_rows_int(&rows, 14),
        };
    }
    int error = berth_rows_end(&rows);
    return error == BERTH_OK && !is_there ? BERTH_ERR_NOT_FOUND : error;
}

/*
 * The version of a machine's next life.  It keeps its own while its host has not got the other one.
 */
static int
choose_version(BerthTx *tx, const Machine *machine, BerthVersionChoice *ret)
{
    g_autofree char *replica = NULL;
    *ret = (BerthVersionChoice){ 0 };
    if (machine->version == NULL) {
        return BERTH_OK;
    }
    int error = berth_version_choose(tx, machine->pool, machine->id, ret);
    if (error != BERTH_OK || strcmp(ret->version, machine->version) == 0) {
        return error;
    }
    error =
        berth_tx_get_text(tx, &replica, BERTH_SQL_REPLICA_STATE, "ss", ret->version, machine->host);
    if (error == BERTH_ERR_NOT_FOUND || g_strcmp0(replica, "present") != 0) {
        ret->version[0] = '\0';
    }
    return error == BERTH_ERR_NOT_FOUND ? BERTH_OK : error;
}

static int
write_recycle(BerthTx *tx, const BerthCause *cause, const Machine *machine, int state)
{
    BerthVersionChoice choice;
    int error = choose_version(tx, machine, &choice);
    if (error != BERTH_OK) {
        return error;
    }
    bool is_new = choice.version[0] != '\0';
    return berth_tx_run_one(
        tx, BERTH_SQL_MACHINE_SET_RECYCLE, "ssiisi", machine->id,
        berth_fsm_state_name(&berth_machine_fsm, state), cause->now_us,
        berth_machine_deadline_us((BerthMachineState)state, machine->n_failures, cause->now_us),
        is_new ? choice.version : NULL, (int64_t)(is_new && choice.is_canary));
}

static int
write_state(BerthTx *tx, const BerthCause *cause, const Machine *machine, int state,
            const char *owner, const char *power)
{
    int64_t n_failures = machine->n_failures;
    if (state == BERTH_MACHINE_FAILED && machine->state != BERTH_MACHINE_FAILED) {
        n_failures++;
    } else if (state == BERTH_MACHINE_READY) {
        n_failures = 0;
    }
    return berth_tx_run_one(
        tx, BERTH_SQL_MACHINE_SET_STATE, "sssiiis", machine->id,
        berth_fsm_state_name(&berth_machine_fsm, state), owner, n_failures, cause->now_us,
        berth_machine_deadline_us((BerthMachineState)state, n_failures, cause->now_us), power);
}

static int
free_capacity(BerthTx *tx, const Machine *machine)
{
    int error = berth_tx_run_one(tx, BERTH_SQL_POOL_FREE_PLACE, "s", machine->pool);
    if (error == BERTH_OK) {
        error = berth_tx_run_one(tx, BERTH_SQL_HOST_UNRESERVE, "sii", machine->host,
                                 machine->memory_mib, machine->vcpus);
    }
    return error;
}

static int
put_owner_out(BerthTx *tx, const BerthCause *cause, const Machine *machine, const char *reason)
{
    return machine->assignment != NULL
               ? berth_steps_close_assignment(tx, cause, machine->assignment, reason)
               : BERTH_OK;
}

static int
act(BerthTx *tx, const BerthCause *cause, const Machine *machine, int state, int action,
    const Step *step)
{
    int error = BERTH_OK;
    switch ((BerthMachineAction)action) {
    case BERTH_MACHINE_DO_EVICT:
        error = put_owner_out(tx, cause, machine, step->reason);
        return error == BERTH_OK ? write_recycle(tx, cause, machine, state) : error;
    case BERTH_MACHINE_DO_RECYCLE:
        return write_recycle(tx, cause, machine, state);
    case BERTH_MACHINE_DO_FORGET:
        error = put_owner_out(tx, cause, machine, step->reason);
        error = error == BERTH_OK ? free_capacity(tx, machine) : error;
        break;
    case BERTH_MACHINE_DO_FREE:
        error = free_capacity(tx, machine);
        break;
    case BERTH_MACHINE_DO_CLEAN:
        return berth_tx_run_one(tx, BERTH_SQL_MACHINE_SET_CLEAN, "sssii", machine->id,
                                berth_fsm_state_name(&berth_machine_fsm, state), step->overlay,
                                cause->now_us, cause->now_us + STARTING_LIMIT_US);
    case BERTH_MACHINE_DO_REMIND:
        return berth_tx_run_one(tx, BERTH_SQL_MACHINE_SET_OVERDUE, "si", machine->id,
                                cause->now_us + DELETING_LIMIT_US);
    case BERTH_MACHINE_DO_POWER_ON:
        return write_state(tx, cause, machine, state, step->owner, "on");
    case BERTH_MACHINE_DO_POWER_OFF:
        return write_state(tx, cause, machine, state, NULL, step->power);
    case BERTH_MACHINE_DO_NOTHING:
    case BERTH_N_MACHINE_ACTIONS:
        break;
    }
    return error == BERTH_OK ? write_state(tx, cause, machine, state, step->owner, machine->power)
                             : error;
}

/* Whether the step writes nothing that is not there already. */
static bool
is_idle(const Machine *machine, int state, int action, const Step *step)
{
    if (state != (int)machine->state) {
        return false;
    }
    switch ((BerthMachineAction)action) {
    case BERTH_MACHINE_DO_NOTHING:
        return true;
    case BERTH_MACHINE_DO_POWER_ON:
        return strcmp(machine->power, "on") == 0;
    case BERTH_MACHINE_DO_POWER_OFF:
        return strcmp(machine->power, step->power) == 0;
    default:
        return false;
    }
}

/*
 * What really happens to a machine that holds its user's data.  A missing one is lost, not
 * recycled; no report and no timer makes an end of it, and neither does a request that does not
 * say that the data may go.
 *
 * Returns BERTH_OK with another event, BERTH_ERR_STATE if the step is refused.
 */
static int
keep_data(const Machine *machine, Step *step, bool *ret_is_held)
{
    *ret_is_held = false;
    switch (step->event) {
    case BERTH_MACHINE_EVENT_RECYCLE:
    case BERTH_MACHINE_EVENT_DELETE:
    case BERTH_MACHINE_EVENT_RELEASE:
        return BERTH_ERR_STATE;
    case BERTH_MACHINE_EVENT_SEEN_ABSENT:
        if (machine->state == BERTH_MACHINE_ASSIGNED) {
            step->event = BERTH_MACHINE_EVENT_HOST_LOST;
            step->reason = "missing";
            return BERTH_OK;
        }
        *ret_is_held = true;
        return BERTH_OK;
    default:
        *ret_is_held = true;
        return BERTH_OK;
    }
}

/* A VM that should run and is off is one that is not up yet. */
static void
read_report_by_power(const Machine *machine, Step *step)
{
    bool is_on = strcmp(machine->power, "on") == 0;
    bool is_coming_up = machine->state == BERTH_MACHINE_CREATING ||
                        machine->state == BERTH_MACHINE_STARTING ||
                        machine->state == BERTH_MACHINE_READY;
    if (step->event == BERTH_MACHINE_EVENT_SEEN_STOPPED && is_on && is_coming_up) {
        step->event = BERTH_MACHINE_EVENT_SEEN_STARTING;
    }
}

/* The next state and its action; *ret_is_held if the machine has to stay as it is. */
static int
choose(const Machine *machine, Step *step, int *ret_state, int *ret_action, bool *ret_is_held)
{
    *ret_is_held = false;
    read_report_by_power(machine, step);
    *ret_state = (int)machine->state;
    int error = berth_fsm_step(&berth_machine_fsm, ret_state, step->event, ret_action);
    bool is_end = *ret_state == BERTH_MACHINE_DELETING ||
                  berth_machine_action_loses_data((BerthMachineAction)*ret_action);
    bool is_over = machine->state == BERTH_MACHINE_DELETING;
    if (error != BERTH_OK || !machine->is_kept || step->is_explicit || !is_end || is_over) {
        return error;
    }
    error = keep_data(machine, step, ret_is_held);
    if (error == BERTH_OK && !*ret_is_held) {
        *ret_state = (int)machine->state;
        error = berth_fsm_step(&berth_machine_fsm, ret_state, step->event, ret_action);
    }
    return error;
}

/* What came of a start is news for the circuit breaker of its pool, host and image. */
static int
tell_breaker(BerthTx *tx, const BerthCause *cause, const Machine *machine, int state,
             const Step *step)
{
    bool is_coming_up =
        machine->state == BERTH_MACHINE_CREATING || machine->state == BERTH_MACHINE_STARTING;
    if (is_coming_up && (state == BERTH_MACHINE_READY || state == BERTH_MACHINE_STOPPED)) {
        return berth_breaker_note_success(tx, cause, machine->pool, machine->host, machine->image);
    }
    if (state != BERTH_MACHINE_FAILED || machine->state == BERTH_MACHINE_FAILED) {
        return BERTH_OK;
    }
    const char *code = machine->code[0] != '\0'
                           ? machine->code
                           : berth_fsm_event_name(&berth_machine_fsm, (int)step->event);
    return berth_breaker_note_failure(tx, cause, machine->pool, machine->host, machine->image,
                                      code);
}

/* And for how its version does. */
static int
tell_samples(BerthTx *tx, const BerthCause *cause, const Machine *machine, int state,
             const Step *step)
{
    const BerthSampleMachine sample = { .id = machine->id,
                                        .version = machine->version,
                                        .pool = machine->pool,
                                        .host = machine->host,
                                        .state = machine->state,
                                        .since_us = machine->since_us };
    return berth_sample_machine(tx, cause, &sample, step->event, (BerthMachineState)state);
}

static int
step_machine(BerthTx *tx, const BerthCause *cause, const Machine *machine, Step *step, json_t *data)
{
    json_auto_t *details = data;
    int state = 0;
    int action = BERTH_MACHINE_DO_NOTHING;
    bool is_held = false;
    int error = choose(machine, step, &state, &action, &is_held);
    if (error != BERTH_OK || is_held || is_idle(machine, state, action, step)) {
        return error;
    }
    error = act(tx, cause, machine, state, action, step);
    if (error == BERTH_OK && machine->is_kept && state == BERTH_MACHINE_LOST &&
        strcmp(step->reason, "missing") == 0) {
        error = berth_tx_run_one(tx, BERTH_SQL_MACHINE_SET_CONDITION, "ss", machine->id, "missing");
    }
    if (error == BERTH_OK) {
        error = tell_breaker(tx, cause, machine, state, step);
    }
    if (error == BERTH_OK) {
        error = tell_samples(tx, cause, machine, state, step);
    }
    if (error == BERTH_OK) {
        json_object_set_new(details, "epoch", json_integer(machine->epoch));
        error = berth_steps_audit(tx, cause, &berth_machine_fsm, machine->id, (int)machine->state,
                                  (int)step->event, state, g_steal_pointer(&details), step->reason);
    }
    return error;
}

static int
read_and_step(BerthTx *tx, const BerthCause *cause, const char *id, Step *step, json_t *data)
{
    g_auto(Machine) machine = { 0 };
    int error = read_machine(tx, id, &machine);
    if (error != BERTH_OK) {
        json_decref(data);
        return error;
    }
    return step_machine(tx, cause, &machine, step, data);
}

int
berth_machine_step(BerthTx *tx, const BerthCause *cause, const char *id, BerthMachineEvent event,
                   const char *owner, const char *reason)
{
    Step step = { .event = event, .owner = owner, .power = "off", .reason = reason };
    return read_and_step(tx, cause, id, &step, json_object());
}

/* One of the pool's present image, or one of an older image. */
static int
take_ready(BerthTx *tx, const BerthCause *cause, const char *pool, const char *owner,
           const char *host, bool is_old, char ret_machine[BERTH_ID_HEX_CHARS + 1],
           char ret_host[BERTH_ID_HEX_CHARS + 1], int64_t *ret_epoch)
{
    BerthRows rows;
    const char *state = berth_fsm_state_name(&berth_machine_fsm, BERTH_MACHINE_ASSIGNED);
    if (host[0] == '\0') {
        berth_tx_query(tx, &rows, BERTH_SQL_MACHINE_CLAIM_READY, "sssib", pool, owner, state,
                       cause->now_us, (int)is_old);
    } else {
        berth_tx_query(tx, &rows, BERTH_SQL_MACHINE_CLAIM_READY_AT, "sssibs", pool, owner, state,
                       cause->now_us, (int)is_old, host);
    }
    bool is_found = berth_rows_next(&rows);
    if (is_found) {
        g_strlcpy(ret_machine, berth_rows_text(&rows, 0), BERTH_ID_HEX_CHARS + 1);
        g_strlcpy(ret_host, berth_rows_text(&rows, 1), BERTH_ID_HEX_CHARS + 1);
        *ret_epoch = berth_rows_int(&rows, 2);
    }
    int error = berth_rows_end(&rows);
    return error == BERTH_OK && !is_found ? BERTH_ERR_NOT_FOUND : error;
}

int
berth_machine_claim_ready(BerthTx *tx, const BerthCause *cause, const char *pool, const char *owner,
                          const char *host, char ret_machine[BERTH_ID_HEX_CHARS + 1],
                          char ret_host[BERTH_ID_HEX_CHARS + 1], int64_t *ret_epoch)
{
    int state = BERTH_MACHINE_READY;
    int error = berth_fsm_step(&berth_machine_fsm, &state, BERTH_MACHINE_EVENT_CLAIM, NULL);
    if (error == BERTH_OK) {
        error = take_ready(tx, cause, pool, owner, host, false, ret_machine, ret_host, ret_epoch);
    }
    if (error == BERTH_ERR_NOT_FOUND) {
        error = take_ready(tx, cause, pool, owner, host, true, ret_machine, ret_host, ret_epoch);
    }
    if (error != BERTH_OK) {
        return error;
    }
    return berth_steps_audit(tx, cause, &berth_machine_fsm, ret_machine, BERTH_MACHINE_READY,
                             BERTH_MACHINE_EVENT_CLAIM, state,
                             json_pack("{s:I}", "epoch", (json_int_t)*ret_epoch), "");
}

int
berth_machine_set_power(BerthTx *tx, const BerthCause *cause, const char *id, const char *power,
                        const char *reason)
{
    bool is_on = strcmp(power, "on") == 0;
    if (!is_on && strcmp(power, "off") != 0 && strcmp(power, "frozen") != 0) {
        return BERTH_ERR_INVALID;
    }
    Step step = { .event = is_on ? BERTH_MACHINE_EVENT_START : BERTH_MACHINE_EVENT_STOP,
                  .power = power,
                  .reason = reason };
    return read_and_step(tx, cause, id, &step, json_pack("{s:s}", "power", power));
}

int
berth_machine_discard(BerthTx *tx, const BerthCause *cause, const char *id, BerthMachineEvent event,
                      const char *reason)
{
    if (event != BERTH_MACHINE_EVENT_RECYCLE && event != BERTH_MACHINE_EVENT_DELETE &&
        event != BERTH_MACHINE_EVENT_FORGET) {
        return BERTH_ERR_INVALID;
    }
    Step step = { .event = event, .reason = reason, .is_explicit = true };
    return read_and_step(tx, cause, id, &step, json_pack("{s:b}", "data_given_up", 1));
}

int
berth_machine_scrubbed(BerthTx *tx, const BerthCause *cause, const char *id, const char *overlay)
{
    g_auto(Machine) machine = { 0 };
    int error = read_machine(tx, id, &machine);
    if (error != BERTH_OK) {
        return error;
    }
    if (overlay[0] == '\0' || strcmp(overlay, machine.scrub_overlay) == 0) {
        return BERTH_ERR_INVALID;
    }
    Step step = { .event = BERTH_MACHINE_EVENT_SCRUBBED, .overlay = overlay, .reason = "" };
    json_t *receipt =
        json_pack("{s:s, s:s}", "old_overlay", machine.scrub_overlay, "new_overlay", overlay);
    return step_machine(tx, cause, &machine, &step, receipt);
}
