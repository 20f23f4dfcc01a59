/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/rollout-step.h"

#include "base/error.h"
#include "base/id.h"
#include "base/kill-point.h"
#include "base/log.h"
#include "broker/metrics.h"
#include "broker/rollout-plan.h"
#include "broker/rollout-settings.h"
#include "broker/rollouts.h"
#include "broker/schedule.h"
#include "broker/steps-catalog.h"
#include "broker/steps.h"
#include "broker/unit.h"

#include <string.h>

typedef struct {
    char *id; /* "": none, the machines of a pool follow its version */
    char *pool, *from, *to;
    char *gate, *reason; /* as they stand in the store */
    BerthRolloutInput input;
    BerthRolloutSettings settings;
    int64_t created_us, since_us;
    bool is_template;
    int64_t vcpus, memory_mib;
} Rollout;

typedef struct {
    const BerthCause *cause;
    Rollout *rollout;
    int n_changes;
} Work;

static void
rollout_clear(gpointer data)
{
    Rollout *self = data;
    g_free(self->id);
    g_free(self->pool);
    g_free(self->from);
    g_free(self->to);
    g_free(self->gate);
    g_free(self->reason);
    berth_rollout_settings_clear(&self->settings);
}

static Rollout
rollout_from_row(const BerthRows *rows, int64_t now_us)
{
    Rollout self = {
        .id = g_strdup(berth_rows_text(rows, 0)),
        .pool = g_strdup(berth_rows_text(rows, 1)),
        .from = g_strdup(berth_rows_text(rows, 2)),
        .to = g_strdup(berth_rows_text(rows, 3)),
        .input = { .state = (BerthRolloutState)berth_fsm_state_from_name(&berth_rollout_fsm,
                                                                         berth_rows_text(rows, 4)),
                   .n_canary = berth_rows_int(rows, 6),
                   .batch = berth_rows_int(rows, 7),
                   .max_unavailable = berth_rows_int(rows, 8),
                   .deadline_us = berth_rows_int(rows, 13),
                   .sentence = "",
                   .now_us = now_us },
        .gate = g_strdup(berth_rows_text(rows, 10)),
        .created_us = berth_rows_int(rows, 11),
        .since_us = berth_rows_int(rows, 12),
        .is_template = berth_rows_int(rows, 14) != 0,
        .vcpus = berth_rows_int(rows, 15),
        .memory_mib = berth_rows_int(rows, 16),
        .reason = g_strdup(berth_rows_text(rows, 17)),
    };
    (void)berth_strategy_from_name(berth_rows_text(rows, 5), &self.input.strategy);
    berth_rollout_settings_load(berth_rows_text(rows, 9), self.input.n_canary, &self.settings);
    self.input.is_pausing = self.settings.is_pausing;
    return self;
}

static bool
is_back(const Rollout *self)
{
    return self->input.state == BERTH_ROLLOUT_ROLLING_BACK;
}

static BerthSide
side_of(const Rollout *self, const char *version)
{
    if (strcmp(version, self->to) == 0) {
        return BERTH_SIDE_TO;
    }
    return strcmp(version, self->from) == 0 ? BERTH_SIDE_FROM : BERTH_SIDE_OTHER;
}

typedef struct {
    GArray *machines;    /* of BerthRolloutMachine */
    GPtrArray *sessions; /* one a machine, NULL without */
    GStringChunk *texts;
} Machines;

static void
machines_clear(Machines *self)
{
    g_clear_pointer(&self->machines, g_array_unref);
    g_clear_pointer(&self->sessions, g_ptr_array_unref);
    g_clear_pointer(&self->texts, g_string_chunk_free);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Machines, machines_clear)

static int
read_machines(BerthTx *tx, const Rollout *rollout, Machines *ret)
{
    BerthRows rows;
    ret->machines = g_array_new(FALSE, FALSE, sizeof(BerthRolloutMachine));
    ret->sessions = g_ptr_array_new();
    ret->texts = g_string_chunk_new(4096);
    berth_tx_query(tx, &rows, BERTH_SQL_ROLLOUT_MACHINES, "ssibiii", rollout->pool,
                   is_back(rollout) ? rollout->from : rollout->to, rollout->since_us,
                   (int)rollout->is_template, rollout->vcpus, rollout->memory_mib,
                   rollout->input.now_us - BERTH_ROLLOUT_TEMPLATE_US);
    while (berth_rows_next(&rows)) {
        bool has_session = !berth_rows_is_null(&rows, 8);
        const BerthRolloutMachine machine = {
            .id = g_string_chunk_insert(ret->texts, berth_rows_text(&rows, 0)),
            .host = g_string_chunk_insert_const(ret->texts, berth_rows_text(&rows, 1)),
            .state = (BerthMachineState)berth_fsm_state_from_name(&berth_machine_fsm,
                                                                  berth_rows_text(&rows, 2)),
            .side = side_of(rollout, berth_rows_text(&rows, 3)),
            .is_canary = berth_rows_int(&rows, 4) != 0,
            .is_owned = berth_rows_int(&rows, 5) != 0,
            .is_in_session = has_session,
            .is_kept = berth_rows_int(&rows, 6) != 0,
            .is_held = berth_rows_int(&rows, 7) != 0,
            .is_warned = berth_rows_int(&rows, 9) != 0,
            .is_prepared = berth_rows_int(&rows, 10) != 0,
        };
        g_array_append_val(ret->machines, machine);
        g_ptr_array_add(ret->sessions,
                        has_session ? g_string_chunk_insert(ret->texts, berth_rows_text(&rows, 8))
                                    : NULL);
    }
    return berth_rows_end(&rows);
}

typedef struct {
    int64_t n, n_ok;
    GArray *values_ms;
} Samples;

int
berth_rollout_measure(BerthTx *tx, const char *version, const char *pool, int64_t since_us,
                      BerthGateNumbers *ret)
{
    enum {
        BOOT,
        READY,
        LOGON,
        FIRST_FRAME,
        CRASH,
        N_KINDS
    };

    static const char *const kinds[N_KINDS] = { "boot", "ready", "logon", "first-frame", "crash" };
    Samples samples[N_KINDS] = { 0 };
    BerthRows rows;
    for (int i = 0; i < N_KINDS; i++) {
        samples[i].values_ms = g_array_new(FALSE, FALSE, sizeof(int64_t));
    }
    berth_tx_query(tx, &rows, BERTH_SQL_ROLLOUT_SAMPLES, "ssi", version, pool, since_us);
    while (berth_rows_next(&rows)) {
        int64_t value_ms = berth_rows_int(&rows, 2);
        for (int i = 0; i < N_KINDS; i++) {
            if (strcmp(kinds[i], berth_rows_text(&rows, 0)) == 0) {
                samples[i].n++;
                samples[i].n_ok += berth_rows_int(&rows, 1);
                if (berth_rows_int(&rows, 1) != 0) {
                    g_array_append_val(samples[i].values_ms, value_ms);
                }
            }
        }
    }
    int error = berth_rows_end(&rows);
    int64_t p95_ms[N_KINDS];
    for (int i = 0; i < N_KINDS; i++) {
        p95_ms[i] = berth_gate_p95((int64_t *)(void *)samples[i].values_ms->data,
                                   samples[i].values_ms->len);
        g_array_unref(samples[i].values_ms);
    }
    *ret = (BerthGateNumbers){ .n_boots = samples[BOOT].n,
                               .n_boots_ok = samples[BOOT].n_ok,
                               .n_ready = samples[READY].n_ok,
                               .ready_p95_ms = p95_ms[READY],
                               .n_logons = samples[LOGON].n,
                               .n_logons_ok = samples[LOGON].n_ok,
                               .logon_p95_ms = p95_ms[LOGON],
                               .n_frames = samples[FIRST_FRAME].n_ok,
                               .first_frame_p95_ms = p95_ms[FIRST_FRAME],
                               .n_crashes = samples[CRASH].n };
    return error;
}

/* Asks the gate; ret_gate is what is shown of it. */
static int
judge(BerthTx *tx, Rollout *rollout, char **ret_sentence, json_t **ret_gate)
{
    BerthGateNumbers old_version;
    BerthGateNumbers new_version;
    int error =
        berth_rollout_measure(tx, rollout->from, rollout->pool,
                              rollout->input.now_us - BERTH_ROLLOUT_COMPARE_US, &old_version);
    if (error == BERTH_OK) {
        error = berth_rollout_measure(tx, rollout->to, rollout->pool, rollout->created_us,
                                      &new_version);
    }
    if (error != BERTH_OK) {
        return error;
    }
    rollout->input.verdict =
        berth_gate_judge(&old_version, &new_version, &rollout->settings.gates, ret_sentence);
    rollout->input.sentence = *ret_sentence;
    *ret_gate =
        json_pack("{s:o, s:o, s:s, s:s}", "old", berth_gate_numbers_to_json(&old_version), "new",
                  berth_gate_numbers_to_json(&new_version), "verdict",
                  berth_gate_verdict_name(rollout->input.verdict), "sentence", *ret_sentence);
    return BERTH_OK;
}

static int
look_at_window(BerthTx *tx, Rollout *rollout)
{
    BerthRows rows;
    g_autoptr(GError) why = NULL;
    if (rollout->input.strategy != BERTH_STRATEGY_WINDOW) {
        return BERTH_OK;
    }
    berth_tx_query(tx, &rows, BERTH_SQL_SCHEDULE_RULES, "s", rollout->settings.schedule);
    if (berth_rows_next(&rows)) {
        rollout->input.is_window_open = berth_schedule_is_open(
            berth_rows_text(&rows, 0), berth_rows_text(&rows, 1), rollout->input.now_us, &why);
    }
    return berth_rows_end(&rows);
}

static int
set_pool_version(BerthTx *tx, const BerthCause *cause, const Rollout *rollout, const char *version)
{
    int error = berth_tx_run_one(tx, BERTH_SQL_ROLLOUT_SET_POOL, "ss", rollout->pool, version);
    if (error == BERTH_OK) {
        error = berth_tx_run(tx, BERTH_SQL_ROLLOUT_CLEAR_CANARIES, "s", rollout->pool);
    }
    return error != BERTH_OK
               ? error
               : berth_audit(tx, cause, "pool.version", rollout->pool,
                             json_pack("{s:s, s:s}", "version", version, "rollout", rollout->id));
}

/* The pool is where the rollout went; hosts keep the other version's templates for a while. */
static int
finish(BerthTx *tx, const BerthCause *cause, const Rollout *rollout)
{
    const char *reached = is_back(rollout) ? rollout->from : rollout->to;
    int error = set_pool_version(tx, cause, rollout, reached);
    if (error == BERTH_OK) {
        error = berth_tx_run(tx, BERTH_SQL_ROLLOUT_KEEP_OLD, "si", rollout->id,
                             cause->now_us + BERTH_ROLLOUT_OLD_KEEP_US);
    }
    berth_kill_point(BERTH_KILL_ROLLOUT_FINISHED);
    return error;
}

static int
step(BerthTx *tx, const BerthCause *cause, const Rollout *rollout, BerthRolloutEvent event,
     const char *words)
{
    /* Why it went back stays what people read in the end. */
    if (is_back(rollout) && rollout->reason[0] != '\0') {
        words = rollout->reason;
    }
    int error = event == BERTH_ROLLOUT_EVENT_GATE_FAILED
                    ? berth_rollouts_turn_back(tx, cause, rollout->id, event, words)
                    : berth_rollout_step(tx, cause, rollout->id, event, words);
    berth_kill_point(BERTH_KILL_ROLLOUT_STEPPED);
    if (error == BERTH_OK && event == BERTH_ROLLOUT_EVENT_FINISHED) {
        error = finish(tx, cause, rollout);
    }
    if (rollout->input.verdict == BERTH_GATE_FAIL && !is_back(rollout)) {
        berth_metric_add(BERTH_METRIC_ROLLOUT_GATES_FAILED, 1);
    }
    if (event == BERTH_ROLLOUT_EVENT_GATE_FAILED || event == BERTH_ROLLOUT_EVENT_PAUSE ||
        event == BERTH_ROLLOUT_EVENT_TIMEOUT) {
        berth_log_warning("rollout", "rollout \"%s\" of pool \"%s\" does not go on: %s",
                          rollout->id, rollout->pool, words);
    }
    return error;
}

static int
recycle(BerthTx *tx, const BerthCause *cause, const BerthRolloutAction *action)
{
    int error = BERTH_OK;
    if (action->is_canary) {
        error = berth_tx_run_one(tx, BERTH_SQL_ROLLOUT_SET_CANARY, "s", action->id);
        berth_kill_point(BERTH_KILL_ROLLOUT_CHOSEN);
    }
    if (error == BERTH_OK) {
        error =
            berth_machine_step(tx, cause, action->id, BERTH_MACHINE_EVENT_RECYCLE, NULL, "rollout");
        berth_metric_add(BERTH_METRIC_ROLLOUT_RECYCLES, 1);
        berth_kill_point(BERTH_KILL_ROLLOUT_RECYCLED);
    }
    return error;
}

static int
warn(BerthTx *tx, const BerthCause *cause, const Rollout *rollout, const char *session)
{
    char id[BERTH_ID_HEX_CHARS + 1];
    berth_id_random_hex(id);
    int error = berth_session_notify(tx, cause, session, rollout->settings.message);
    if (error == BERTH_OK) {
        error =
            berth_tx_run(tx, BERTH_SQL_JOB_INSERT_ONCE, "sssisi", id, BERTH_ROLLOUT_JOB, session,
                         rollout->since_us, "{}", cause->now_us + rollout->settings.force_after_us);
        berth_kill_point(BERTH_KILL_ROLLOUT_WARNED);
    }
    return error;
}

static const char *
session_of(const Machines *machines, const char *id)
{
    for (guint i = 0; i < machines->machines->len; i++) {
        if (strcmp(g_array_index(machines->machines, BerthRolloutMachine, i).id, id) == 0) {
            return g_ptr_array_index(machines->sessions, i);
        }
    }
    return NULL;
}

static int
carry_out(BerthTx *tx, Work *work, const Machines *machines, const BerthRolloutPlan *plan)
{
    int error = BERTH_OK;
    for (guint i = 0; i < plan->actions->len && error == BERTH_OK; i++) {
        const BerthRolloutAction *action = &g_array_index(plan->actions, BerthRolloutAction, i);
        switch (action->kind) {
        case BERTH_ROLLOUT_DO_RECYCLE:
            error = recycle(tx, work->cause, action);
            break;
        case BERTH_ROLLOUT_DO_WARN:
            error = warn(tx, work->cause, work->rollout, session_of(machines, action->id));
            break;
        case BERTH_ROLLOUT_DO_STEP:
            error = step(tx, work->cause, work->rollout, action->event, plan->words);
            break;
        }
        work->n_changes++;
    }
    return error;
}

/* What people see of it; written when it changes only. */
static int
write_gate(BerthTx *tx, const Rollout *rollout, json_t *gate, const BerthRolloutPlan *plan)
{
    json_object_set_new(gate, "waits", json_string(plan->words));
    json_object_set_new(gate, "left", json_integer((json_int_t)plan->n_left));
    json_object_set_new(gate, "away", json_integer((json_int_t)plan->n_away));
    char *text = json_dumps(gate, JSON_COMPACT | JSON_SORT_KEYS);
    int error = strcmp(text, rollout->gate) == 0
                    ? BERTH_OK
                    : berth_tx_run_one(tx, BERTH_SQL_ROLLOUT_SET_GATE, "ss", rollout->id, text);
    free(text);
    return error;
}

static int
run_one(BerthTx *tx, void *data)
{
    Work *work = data;
    Rollout *rollout = work->rollout;
    bool is_real = rollout->id[0] != '\0';
    g_auto(Machines) machines = { 0 };
    g_autofree char *sentence = NULL;
    json_auto_t *gate = NULL;
    berth_kill_point(BERTH_KILL_ROLLOUT_LOOKED);
    int error = look_at_window(tx, rollout);
    if (error == BERTH_OK && is_real) {
        error = judge(tx, rollout, &sentence, &gate);
    }
    if (error == BERTH_OK) {
        error = read_machines(tx, rollout, &machines);
    }
    if (error != BERTH_OK) {
        return error;
    }
    g_auto(BerthRolloutPlan) plan = berth_rollout_plan(
        &rollout->input, (const BerthRolloutMachine *)(void *)machines.machines->data,
        machines.machines->len);
    error = carry_out(tx, work, &machines, &plan);
    return error == BERTH_OK && is_real ? write_gate(tx, rollout, gate, &plan) : error;
}

static int
run_all(BerthTx *tx, const BerthCause *cause, BerthStatement statement, int *n_changes)
{
    BerthRows rows;
    g_autoptr(GArray) rollouts = g_array_new(FALSE, FALSE, sizeof(Rollout));
    g_array_set_clear_func(rollouts, rollout_clear);
    berth_tx_query(tx, &rows, statement, "");
    while (berth_rows_next(&rows)) {
        Rollout rollout = rollout_from_row(&rows, cause->now_us);
        g_array_append_val(rollouts, rollout);
    }
    int error = berth_rows_end(&rows);
    for (guint i = 0; i < rollouts->len && error == BERTH_OK; i++) {
        int result = BERTH_OK;
        Work work = { .cause = cause, .rollout = &g_array_index(rollouts, Rollout, i) };
        error = berth_unit_run(tx, run_one, &work, &result);
        if (error == BERTH_OK && result != BERTH_OK) {
            berth_log_error("rollout", "the rollout of pool \"%s\" is not carried on: %s",
                            work.rollout->pool, berth_error_sentence(result));
        } else {
            *n_changes += work.n_changes;
        }
    }
    return error;
}

int
berth_rollouts_step(BerthTx *tx, const BerthCause *cause, bool is_thorough, int *n_changes)
{
    int error = run_all(tx, cause, BERTH_SQL_ROLLOUTS_ACTIVE, n_changes);
    return error == BERTH_OK && is_thorough
               ? run_all(tx, cause, BERTH_SQL_ROLLOUT_STRAYS, n_changes)
               : error;
}

int
berth_rollout_fire(BerthTx *tx, const BerthCause *cause, const char *session, int64_t epoch)
{
    BerthRows rows;
    bool is_due = false;
    berth_tx_query(tx, &rows, BERTH_SQL_ROLLOUT_FORCED, "s", session);
    if (berth_rows_next(&rows)) {
        bool is_going_back = strcmp(berth_rows_text(&rows, 1), "rolling-back") == 0;
        const char *target = berth_rows_text(&rows, is_going_back ? 4 : 5);
        const char *state = berth_rows_text(&rows, 6);
        is_due = strcmp(berth_rows_text(&rows, 3), "force") == 0 &&
                 berth_rows_int(&rows, 2) == epoch && strcmp(state, "ending") != 0 &&
                 strcmp(state, "ended") != 0 && strcmp(berth_rows_text(&rows, 0), target) != 0;
    }
    int error = berth_rows_end(&rows);
    return error == BERTH_OK && is_due ? berth_session_logoff(tx, cause, session, "rollout")
                                       : error;
}
