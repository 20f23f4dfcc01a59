/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/reconcile.h"

#include "base/error.h"

#include <string.h>

typedef struct {
    GArray *steps;
    GHashTable *living;
    int64_t now_us;
    bool is_pending;
} Plan;

static const int event_of_report[BERTH_N_MACHINE_REPORTS] = {
    [BERTH_REPORT_CREATING] = BERTH_MACHINE_EVENT_SEEN_CREATING,
    [BERTH_REPORT_STARTING] = BERTH_MACHINE_EVENT_SEEN_STARTING,
    [BERTH_REPORT_READY] = BERTH_MACHINE_EVENT_SEEN_READY,
    [BERTH_REPORT_STOPPED] = BERTH_MACHINE_EVENT_SEEN_STOPPED,
    [BERTH_REPORT_FROZEN] = BERTH_MACHINE_EVENT_SEEN_STOPPED,
    [BERTH_REPORT_FAILED] = BERTH_MACHINE_EVENT_SEEN_FAILED,
    [BERTH_REPORT_ABSENT] = BERTH_MACHINE_EVENT_SEEN_ABSENT,
};

static void
add(Plan *plan, BerthReconcileStep step)
{
    g_array_append_val(plan->steps, step);
}

/* Adds a step of a machine if it leads anywhere; returns the state that follows. */
static int
step_machine(Plan *plan, const BerthMachineRow *row, int state, int event)
{
    int next = state;
    int action = BERTH_MACHINE_DO_NOTHING;
    if (berth_fsm_step(&berth_machine_fsm, &next, event, &action) != BERTH_OK) {
        return state;
    }
    if (next != state || action != BERTH_MACHINE_DO_NOTHING) {
        add(plan, (BerthReconcileStep){
                      .kind = BERTH_RECONCILE_MACHINE_EVENT, .event = event, .id = row->id });
    }
    return next;
}

/*
 * Whether a machine that is to stay was there once and is not now, or is there with another disk.
 * Neither is ever mended by making it anew.
 */
static bool
is_data_missing(const BerthMachineRow *row, const BerthMachineReport *report)
{
    if (!row->is_kept || row->overlay[0] == '\0' || row->state == BERTH_MACHINE_DELETING ||
        row->state == BERTH_MACHINE_RECYCLING) {
        return false;
    }
    return report == NULL || report->state == BERTH_REPORT_ABSENT ||
           (report->epoch == row->epoch && strcmp(report->overlay, row->overlay) != 0);
}

static void
plan_data_missing(Plan *plan, const BerthMachineRow *row)
{
    if (row->state != BERTH_MACHINE_LOST || strcmp(row->condition, "missing") != 0) {
        add(plan, (BerthReconcileStep){ .kind = BERTH_RECONCILE_MISSING, .id = row->id });
    }
}

/* One that was claimed before it was ever made may take as long as any other to come up. */
static void
plan_missing(Plan *plan, const BerthMachineRow *row)
{
    int64_t limit_us =
        row->overlay[0] != '\0' ? BERTH_RECONCILE_ABSENT_US : BERTH_RECONCILE_UNMADE_US;
    plan->is_pending = plan->is_pending || row->state == BERTH_MACHINE_ASSIGNED;
    if (row->state != BERTH_MACHINE_ASSIGNED) {
        step_machine(plan, row, (int)row->state, BERTH_MACHINE_EVENT_SEEN_ABSENT);
    } else if (row->absent_us == 0) {
        add(plan, (BerthReconcileStep){
                      .kind = BERTH_RECONCILE_ABSENT, .time_us = plan->now_us, .id = row->id });
    } else if (plan->now_us - row->absent_us >= limit_us) {
        step_machine(plan, row, (int)row->state, BERTH_MACHINE_EVENT_SEEN_ABSENT);
    }
}

static bool
is_info_new(const BerthMachineRow *row, const BerthMachineReport *report)
{
    return strcmp(row->overlay, report->overlay) != 0 ||
           strcmp(row->condition, report->condition) != 0 || strcmp(row->code, report->code) != 0 ||
           strcmp(row->detail, report->detail) != 0;
}

static int
plan_back(Plan *plan, const BerthMachineRow *row)
{
    int event = BERTH_MACHINE_EVENT_BACK_CLEAN;
    if (row->is_owned) {
        event = BERTH_MACHINE_EVENT_BACK_OWNED;
    } else if (row->is_kept && row->is_dirty) {
        return (int)row->state; /* whose data that is, people have to say */
    } else if (row->is_dirty || row->scrub_overlay[0] != '\0') {
        event = BERTH_MACHINE_EVENT_BACK_DIRTY;
    }
    return step_machine(plan, row, (int)row->state, event);
}

static bool
is_receipt(const BerthMachineRow *row, const BerthMachineReport *report)
{
    return report->state != BERTH_REPORT_FAILED && report->overlay[0] != '\0' &&
           strcmp(report->overlay, row->scrub_overlay) != 0;
}

static void
step_reported(Plan *plan, const BerthMachineRow *row, int state, const BerthMachineReport *report)
{
    /* A failed machine with data is started again from its disk, by its host. */
    if (!row->is_kept || state != BERTH_MACHINE_ASSIGNED || report->state != BERTH_REPORT_FAILED) {
        step_machine(plan, row, state, event_of_report[report->state]);
    }
}

/* A report of the epoch that the row has. */
static void
plan_present(Plan *plan, const BerthMachineRow *row, const BerthMachineReport *report)
{
    int state = (int)row->state;
    if (row->absent_us != 0) {
        add(plan, (BerthReconcileStep){ .kind = BERTH_RECONCILE_ABSENT, .id = row->id });
    }
    if (state == BERTH_MACHINE_RECYCLING && report->state != BERTH_REPORT_FAILED) {
        if (!is_receipt(row, report)) {
            return;
        }
        add(plan, (BerthReconcileStep){
                      .kind = BERTH_RECONCILE_SCRUBBED, .id = row->id, .report = report });
        state = BERTH_MACHINE_STARTING;
    } else if (state == BERTH_MACHINE_LOST) {
        state = plan_back(plan, row);
        if (state == BERTH_MACHINE_RECYCLING) {
            return;
        }
    } else if (state == BERTH_MACHINE_FAILED && report->state != BERTH_REPORT_FAILED) {
        /* It was given up: only its next epoch counts. */
        return;
    }
    if (is_info_new(row, report)) {
        add(plan,
            (BerthReconcileStep){ .kind = BERTH_RECONCILE_INFO, .id = row->id, .report = report });
    }
    step_reported(plan, row, state, report);
}

static void
plan_machine(Plan *plan, const BerthMachineRow *row, const BerthMachineReport *report)
{
    bool may_come = report == NULL && row->state == BERTH_MACHINE_DELETING &&
                    plan->living != NULL && g_hash_table_contains(plan->living, row->id);
    if (may_come) {
        /* It is not gone but not there yet: the agent has not heard that it is to go. */
        plan->is_pending = true;
    } else if (is_data_missing(row, report)) {
        plan_data_missing(plan, row);
    } else if (report == NULL || report->state == BERTH_REPORT_ABSENT) {
        plan_missing(plan, row);
    } else if (report->epoch == row->epoch) {
        plan_present(plan, row, report);
    } else if (report->epoch < row->epoch && row->state == BERTH_MACHINE_LOST && !row->is_kept) {
        step_machine(plan, row, (int)row->state, BERTH_MACHINE_EVENT_BACK_DIRTY);
    }
}

static void
step_session(Plan *plan, const BerthSessionRow *row, int event, const BerthSessionReport *report)
{
    int state = (int)row->state;
    if (berth_fsm_step(&berth_session_fsm, &state, event, NULL) == BERTH_OK &&
        state != (int)row->state) {
        add(plan, (BerthReconcileStep){ .kind = BERTH_RECONCILE_SESSION_EVENT,
                                        .event = event,
                                        .id = row->id,
                                        .session_report = report });
    }
}

static void
plan_idle(Plan *plan, const BerthSessionRow *row, const BerthSessionReport *report)
{
    int64_t since_us = 0;
    if (report->idle_s > 0) {
        since_us = plan->now_us - report->idle_s * 1000 * 1000;
    }
    if (ABS(since_us - row->idle_since_us) >= BERTH_RECONCILE_IDLE_SLACK_US) {
        add(plan, (BerthReconcileStep){ .kind = BERTH_RECONCILE_SESSION_IDLE,
                                        .time_us = since_us,
                                        .id = row->id,
                                        .session_report = report });
    }
}

static void
plan_first_frame(Plan *plan, const BerthSessionRow *row, const BerthSessionReport *report)
{
    if (report->first_frame_ms > 0 && !row->is_measured) {
        add(plan, (BerthReconcileStep){ .kind = BERTH_RECONCILE_SESSION_FRAME,
                                        .id = row->id,
                                        .session_report = report });
    }
}

static void
plan_session(Plan *plan, const BerthSessionRow *row, const BerthSessionReport *report)
{
    bool is_told = report != NULL && report->epoch == row->epoch;
    const char *key = is_told ? report->session_key : "";
    bool is_ended = is_told && report->state == BERTH_REPORT_SESSION_ENDED;
    if (row->state == BERTH_SESSION_ENDING) {
        if (!is_told || is_ended) {
            step_session(plan, row, BERTH_SESSION_EVENT_SEEN_ENDED, NULL);
        }
        return;
    }
    if (is_ended) {
        step_session(plan, row, BERTH_SESSION_EVENT_SEEN_ENDED, report);
        return;
    }
    if (strcmp(key, row->session_key) != 0) {
        add(plan, (BerthReconcileStep){ .kind = BERTH_RECONCILE_SESSION_KEY,
                                        .id = row->id,
                                        .session_report = is_told ? report : NULL });
    }
    if (is_told) {
        plan_idle(plan, row, report);
        plan_first_frame(plan, row, report);
    }
    if (is_told && report->state == BERTH_REPORT_SESSION_CONNECTED) {
        step_session(plan, row, BERTH_SESSION_EVENT_SEEN_CONNECTED, report);
    } else if (is_told && report->state == BERTH_REPORT_SESSION_LISTENING) {
        step_session(plan, row, BERTH_SESSION_EVENT_SEEN_LISTENING, report);
    }
}

static int
plan_machines(Plan *plan, const BerthMachineRow *machines, size_t n_machines,
              const BerthInventory *inventory)
{
    int n_strangers = 0;
    g_autoptr(GHashTable) by_id = g_hash_table_new(g_str_hash, g_str_equal);
    for (guint i = 0; i < inventory->machines->len; i++) {
        BerthMachineReport *report = &g_array_index(inventory->machines, BerthMachineReport, i);
        g_hash_table_insert(by_id, report->id, report);
        n_strangers += report->state != BERTH_REPORT_ABSENT ? 1 : 0;
    }
    for (size_t i = 0; i < n_machines; i++) {
        const BerthMachineReport *report = g_hash_table_lookup(by_id, machines[i].id);
        n_strangers -= report != NULL && report->state != BERTH_REPORT_ABSENT ? 1 : 0;
        plan_machine(plan, &machines[i], report);
    }
    return n_strangers;
}

BerthReconcilePlan
berth_reconcile(const BerthMachineRow *machines, size_t n_machines, const BerthSessionRow *sessions,
                size_t n_sessions, const BerthInventory *inventory, GHashTable *living,
                int64_t now_us)
{
    Plan plan = { .steps = g_array_new(FALSE, FALSE, sizeof(BerthReconcileStep)),
                  .living = living,
                  .now_us = now_us };
    int n_strangers = plan_machines(&plan, machines, n_machines, inventory);
    g_autoptr(GHashTable) by_id = g_hash_table_new(g_str_hash, g_str_equal);
    for (guint i = 0; i < inventory->sessions->len; i++) {
        BerthSessionReport *report = &g_array_index(inventory->sessions, BerthSessionReport, i);
        g_hash_table_insert(by_id, report->id, report);
    }
    for (size_t i = 0; i < n_sessions; i++) {
        plan_session(&plan, &sessions[i], g_hash_table_lookup(by_id, sessions[i].id));
    }
    return (BerthReconcilePlan){ .steps = plan.steps,
                                 .is_pending = plan.is_pending,
                                 .n_strangers = n_strangers };
}

void
berth_reconcile_plan_clear(BerthReconcilePlan *plan)
{
    g_clear_pointer(&plan->steps, g_array_unref);
}
