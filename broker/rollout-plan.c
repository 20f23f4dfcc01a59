/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/rollout-plan.h"

#include <string.h>

static const char *const strategy_names[BERTH_N_STRATEGIES] = {
    [BERTH_STRATEGY_AT_LOGOFF] = "at-logoff",
    [BERTH_STRATEGY_IDLE_NOW] = "idle-now",
    [BERTH_STRATEGY_FORCE] = "force",
    [BERTH_STRATEGY_WINDOW] = "window",
};

typedef struct {
    const BerthRolloutInput *input;
    const BerthRolloutMachine *machines;
    size_t n_machines;
    BerthSide target;
    BerthRolloutPlan plan;
} Plan;

/* What the machines that are still to follow are like. */
typedef struct {
    int64_t n_busy;       /* in a session */
    int64_t n_coming;     /* not ready yet */
    int64_t n_unprepared; /* their hosts do not have the version */
    const char *host;     /* one of these */
} Left;

static bool
is_back(const Plan *self)
{
    return self->input->state == BERTH_ROLLOUT_ROLLING_BACK;
}

static bool
is_proactive(const Plan *self)
{
    return self->input->strategy == BERTH_STRATEGY_IDLE_NOW ||
           self->input->strategy == BERTH_STRATEGY_FORCE;
}

/* Whether the rollout is to move it at all: users' data and what people hold back stay. */
static bool
is_concerned(const BerthRolloutMachine *machine)
{
    switch (machine->state) {
    case BERTH_MACHINE_LOST: /* follows when its host is back */
    case BERTH_MACHINE_DELETING:
    case BERTH_MACHINE_DELETED:
        return false;
    default:
        return !machine->is_kept && !machine->is_held;
    }
}

static bool
is_left(const Plan *self, const BerthRolloutMachine *machine)
{
    return is_concerned(machine) && machine->side != self->target;
}

/* Nobody's, or so as good as nobody's that the strategy takes it. */
static bool
is_takeable(const Plan *self, const BerthRolloutMachine *machine)
{
    if (machine->is_in_session) {
        return false;
    }
    if (machine->is_owned) {
        return machine->state == BERTH_MACHINE_ASSIGNED && is_proactive(self);
    }
    switch (machine->state) {
    case BERTH_MACHINE_READY:
    case BERTH_MACHINE_STOPPED:
    case BERTH_MACHINE_FAILED:
        return true;
    default:
        return false;
    }
}

/* Waiting for it would gain nothing: it is away already, on a version that has to go. */
static bool
is_broken(const Plan *self, const BerthRolloutMachine *machine)
{
    return is_back(self) && !machine->is_owned && !machine->is_in_session &&
           (machine->state == BERTH_MACHINE_FAILED || machine->state == BERTH_MACHINE_STARTING ||
            machine->state == BERTH_MACHINE_CREATING);
}

/*
 * On its way, whoever sent it.  One that failed on the version that is to come may be a sign: the
 * way forward waits for it, the way back does not.
 */
static bool
is_away(const Plan *self, const BerthRolloutMachine *machine)
{
    if (machine->is_owned) {
        return false;
    }
    switch (machine->state) {
    case BERTH_MACHINE_RECYCLING:
    case BERTH_MACHINE_CREATING:
    case BERTH_MACHINE_STARTING:
        return true;
    case BERTH_MACHINE_FAILED:
        return is_back(self) ? machine->side != self->target && machine->is_prepared
                             : machine->side == self->target;
    default:
        return false;
    }
}

static void
add(Plan *self, BerthRolloutKind kind, const char *id, bool is_canary)
{
    const BerthRolloutAction action = { .kind = kind, .id = id, .is_canary = is_canary };
    g_array_append_val(self->plan.actions, action);
}

static void
step(Plan *self, BerthRolloutEvent event, const char *words)
{
    const BerthRolloutAction action = { .kind = BERTH_ROLLOUT_DO_STEP, .event = event };
    g_array_set_size(self->plan.actions, 0);
    g_array_append_val(self->plan.actions, action);
    g_free(self->plan.words);
    self->plan.words = g_strdup(words);
}

static void
say(Plan *self, char *words)
{
    g_free(self->plan.words);
    self->plan.words = words;
}

static Left
count(Plan *self)
{
    Left left = { 0 };
    for (size_t i = 0; i < self->n_machines; i++) {
        const BerthRolloutMachine *machine = &self->machines[i];
        self->plan.n_away += is_away(self, machine) ? 1 : 0;
        if (!is_left(self, machine)) {
            continue;
        }
        self->plan.n_left++;
        if (!machine->is_prepared) {
            left.n_unprepared++;
            left.host = machine->host;
        } else if (machine->is_owned || machine->is_in_session) {
            left.n_busy++;
        } else if (!is_takeable(self, machine)) {
            left.n_coming++;
        }
    }
    return left;
}

static int64_t
most_away(const Plan *self)
{
    int64_t quarter = MAX((int64_t)self->n_machines / 4, 1);
    return self->input->max_unavailable > 0 ? self->input->max_unavailable : quarter;
}

/* How many more may be taken away now. */
static int64_t
budget(const Plan *self)
{
    int64_t most = most_away(self);
    int64_t free = MAX(most - self->plan.n_away, 0);
    if (is_proactive(self) || is_back(self) || self->input->state == BERTH_ROLLOUT_CANARY) {
        return free;
    }
    int64_t batch = self->input->batch > 0 ? self->input->batch : most;
    return self->plan.n_away > 0 ? 0 : MIN(batch, most);
}

static void
explain(Plan *self, const Left *left)
{
    if (left->n_unprepared > 0) {
        say(self, g_strdup_printf("waits for host \"%s\", which does not have the version ready "
                                  "yet: %" G_GINT64_FORMAT " desktops are there",
                                  left->host, left->n_unprepared));
    } else if (self->plan.n_away > 0) {
        say(self, g_strdup_printf("waits for %" G_GINT64_FORMAT " desktops to come back",
                                  self->plan.n_away));
    } else if (left->n_coming > 0) {
        say(self, g_strdup_printf("waits for %" G_GINT64_FORMAT " desktops that are not ready yet",
                                  left->n_coming));
    } else if (left->n_busy > 0) {
        say(self, g_strdup_printf("waits for %" G_GINT64_FORMAT " users to log off", left->n_busy));
    }
}

static bool
is_resting(const Plan *self)
{
    return self->input->strategy == BERTH_STRATEGY_WINDOW && !self->input->is_window_open &&
           !is_back(self);
}

/* Everyone who is left follows, a few at a time. */
static void
move(Plan *self)
{
    Left left = count(self);
    int64_t n_free = budget(self);
    explain(self, &left);
    if (is_resting(self)) {
        say(self, g_strdup("waits for its window to open"));
        return;
    }
    for (size_t i = 0; i < self->n_machines; i++) {
        const BerthRolloutMachine *machine = &self->machines[i];
        if (!is_left(self, machine) || !machine->is_prepared) {
            continue;
        }
        if (is_broken(self, machine)) {
            add(self, BERTH_ROLLOUT_DO_RECYCLE, machine->id, false);
        } else if (is_takeable(self, machine) && n_free > 0) {
            add(self, BERTH_ROLLOUT_DO_RECYCLE, machine->id, false);
            n_free--;
        } else if (machine->is_in_session && self->input->strategy == BERTH_STRATEGY_FORCE &&
                   !machine->is_warned) {
            add(self, BERTH_ROLLOUT_DO_WARN, machine->id, false);
        }
    }
}

static void
stop_by_gate(Plan *self)
{
    step(self,
         self->input->is_pausing ? BERTH_ROLLOUT_EVENT_PAUSE : BERTH_ROLLOUT_EVENT_GATE_FAILED,
         self->input->sentence);
}

/* Machines that can be canaries, those that are among them. */
static int64_t
count_canaries(const Plan *self, int64_t *ret_n_possible)
{
    int64_t n = 0;
    *ret_n_possible = 0;
    for (size_t i = 0; i < self->n_machines; i++) {
        const BerthRolloutMachine *machine = &self->machines[i];
        bool is_possible = is_concerned(machine) || machine->is_canary;
        n += machine->is_canary || machine->side == BERTH_SIDE_TO ? 1 : 0;
        *ret_n_possible += is_possible ? 1 : 0;
    }
    return n;
}

/* Idle, whole, and where the new version is. */
static bool
can_try(const Plan *self, const BerthRolloutMachine *machine)
{
    return is_left(self, machine) && machine->is_prepared && !machine->is_owned &&
           is_takeable(self, machine) && machine->state != BERTH_MACHINE_FAILED;
}

static void
explain_missing(Plan *self, int64_t n_missing, const Left *left)
{
    if (left->n_unprepared > 0) {
        explain(self, left);
    } else if (self->plan.n_away == 0 && self->plan.actions->len == 0) {
        say(self, g_strdup_printf("waits for an idle desktop to try the new version on: "
                                  "%" G_GINT64_FORMAT " more",
                                  n_missing));
    }
}

/* One that was chosen and came back as it was goes again; others are chosen while some miss. */
static void
choose_canaries(Plan *self, int64_t n_missing, const Left *left)
{
    int64_t n_free = budget(self);
    for (size_t i = 0; i < self->n_machines && n_free > 0; i++) {
        const BerthRolloutMachine *machine = &self->machines[i];
        if (can_try(self, machine) && (machine->is_canary || n_missing > 0)) {
            add(self, BERTH_ROLLOUT_DO_RECYCLE, machine->id, true);
            n_free--;
            n_missing -= machine->is_canary ? 0 : 1;
        }
    }
    if (n_missing > 0) {
        explain_missing(self, n_missing, left);
    }
}

static void
plan_canary(Plan *self)
{
    int64_t n_possible = 0;
    int64_t n_canaries = count_canaries(self, &n_possible);
    int64_t n_wanted = MIN(self->input->n_canary, n_possible);
    Left left = count(self);
    if (n_wanted == 0) {
        step(self, BERTH_ROLLOUT_EVENT_PASSED, "there is nothing to try the new version on");
        return;
    }
    if (self->input->verdict == BERTH_GATE_PASS && n_canaries >= n_wanted) {
        step(self, BERTH_ROLLOUT_EVENT_PASSED, self->input->sentence);
        return;
    }
    say(self, g_strdup(self->input->sentence));
    if (is_resting(self)) {
        say(self, g_strdup("waits for its window to open"));
    } else {
        choose_canaries(self, MAX(n_wanted - n_canaries, 0), &left);
    }
}

static void
plan_rolling(Plan *self)
{
    move(self);
    if (self->plan.n_left == 0) {
        step(self, BERTH_ROLLOUT_EVENT_FINISHED,
             is_back(self) ? "all desktops are back on the old version"
                           : "all desktops are on the new version");
    }
}

static void
plan_state(Plan *self)
{
    switch (self->input->state) {
    case BERTH_ROLLOUT_PLANNED:
        if (is_resting(self)) {
            say(self, g_strdup("waits for its window to open"));
        } else {
            step(self, BERTH_ROLLOUT_EVENT_START, "");
        }
        return;
    case BERTH_ROLLOUT_CANARY:
        plan_canary(self);
        return;
    case BERTH_ROLLOUT_ROLLING:
    case BERTH_ROLLOUT_ROLLING_BACK:
        plan_rolling(self);
        return;
    case BERTH_ROLLOUT_DONE:
        move(self);
        return;
    case BERTH_ROLLOUT_PAUSED:
    case BERTH_ROLLOUT_ROLLED_BACK:
    case BERTH_N_ROLLOUT_STATES:
        (void)count(self);
        return;
    }
}

/* Whether the gate or the time ends the state before anything else is looked at. */
static bool
end_early(Plan *self)
{
    const BerthRolloutInput *input = self->input;
    bool is_forward = input->state == BERTH_ROLLOUT_CANARY || input->state == BERTH_ROLLOUT_ROLLING;
    if (is_forward && input->verdict == BERTH_GATE_FAIL) {
        stop_by_gate(self);
    } else if ((is_forward || is_back(self)) && input->deadline_us != 0 &&
               input->now_us >= input->deadline_us) {
        step(self, BERTH_ROLLOUT_EVENT_TIMEOUT, "it took too long");
    } else {
        return false;
    }
    return true;
}

BerthRolloutPlan
berth_rollout_plan(const BerthRolloutInput *input, const BerthRolloutMachine *machines,
                   size_t n_machines)
{
    Plan self = {
        .input = input,
        .machines = machines,
        .n_machines = n_machines,
        .target =
            input->state == BERTH_ROLLOUT_ROLLING_BACK || input->state == BERTH_ROLLOUT_ROLLED_BACK
                ? BERTH_SIDE_FROM
                : BERTH_SIDE_TO,
        .plan = { .actions = g_array_new(FALSE, FALSE, sizeof(BerthRolloutAction)),
                  .words = g_strdup("") },
    };
    if (!end_early(&self)) {
        plan_state(&self);
    }
    return self.plan;
}

void
berth_rollout_plan_clear(BerthRolloutPlan *plan)
{
    g_clear_pointer(&plan->actions, g_array_unref);
    g_clear_pointer(&plan->words, g_free);
}

const char *
berth_strategy_name(BerthStrategy strategy)
{
    return strategy_names[strategy];
}

bool
berth_strategy_from_name(const char *name, BerthStrategy *ret_strategy)
{
    for (int i = 0; i < BERTH_N_STRATEGIES; i++) {
        if (g_strcmp0(strategy_names[i], name) == 0) {
            *ret_strategy = (BerthStrategy)i;
            return true;
        }
    }
    return false;
}
