/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Prints the state machines as docs/STATE-MACHINES.md; a test compares.
 */
#include "broker/fsm/assignment.h"
#include "broker/fsm/host.h"
#include "broker/fsm/job.h"
#include "broker/fsm/machine.h"
#include "broker/fsm/session.h"
#include "broker/steps-catalog.h"
#include "broker/steps.h"

#include <stdbool.h>
#include <stdio.h>

static const char *const machine_actions[] = {
    [BERTH_MACHINE_DO_NOTHING] = "",
    [BERTH_MACHINE_DO_RECYCLE] = "new epoch, scrub",
    [BERTH_MACHINE_DO_EVICT] = "end the assignment, new epoch, scrub",
    [BERTH_MACHINE_DO_CLEAN] = "not dirty any more",
    [BERTH_MACHINE_DO_FREE] = "free memory and place in the pool",
    [BERTH_MACHINE_DO_FORGET] = "end the assignment, free memory and place in the pool",
    [BERTH_MACHINE_DO_POWER_ON] = "power on",
    [BERTH_MACHINE_DO_POWER_OFF] = "power off, the disk stays",
    [BERTH_MACHINE_DO_REMIND] = "say that the host is late, ask on",
};

typedef struct {
    const BerthFsmTable *table;
    const char *text;
} Section;

static const Section sections[] = {
    { &berth_machine_fsm,
      "`ready` and `stopped` are the only states in which a machine waits to be handed out: one runs,\n"
      "the other is switched off and has its disk. A machine that had an owner comes back to them\n"
      "only through `recycling` and a scrub receipt: an inventory with the new epoch and another\n"
      "overlay. An epoch has one owner at most. A machine that holds its user's data (`keep`) takes\n"
      "no step that ends it but on an administrator's word: missing, it is `lost`; failed, it stays\n"
      "its user's. A VM that should run and is off is reported as `seen-starting`." },
    { &berth_session_fsm,
      "One user at one machine, over any number of connections. `allocating`: the host has not told\n"
      "the session's key; `connecting`: a ticket is out; `active`: a client shows it;\n"
      "`disconnected`: it waits for its user; `ending`: the host is told." },
    { &berth_host_fsm,
      "`degraded` (its agent says what is wrong): no new machines, those it has go on. `suspect`\n"
      "after 6 s of silence: no new desktops there. `lost` after 60 s: nobody knows what runs there,\n"
      "its machines and sessions are `lost` with it until it reports again. `fenced`: an\n"
      "administrator said that it is off. `removed` is the end. Draining and maintenance are flags\n"
      "beside the state: no new machines, and spares go." },
    { &berth_pool_fsm,
      "`disabled`: nobody gets a new desktop and the pool does not grow; who has one keeps it.\n"
      "`deleted` needs an empty pool and is the end; the row stays for history." },
    { &berth_image_version_fsm,
      "`sealed` and later: the bytes never change again. `available`: hosts may run it. `retired`: no\n"
      "new machines from it, kept to roll back to." },
    { &berth_rollout_fsm,
      "`canary`: a few desktops try the new version; `rolling`: the others follow at log-off;\n"
      "`paused`: people decide, and it goes on where it was; `rolling-back`: the same way backwards.\n"
      "The broker with the lease takes the steps, `pause`, `resume-*` and `roll-back` are people's." },
    { &berth_assignment_fsm, "Released once, never opened again." },
    { &berth_job_fsm,
      "Timers as rows; a second delivery of one (kind, target, epoch) is harmless. `running`: a\n"
      "broker has it until its lease of 30 s is over, then any other takes it. After five attempts\n"
      "it is `dead` and waits for people." },
};

static int64_t
deadline_s(const BerthFsmTable *table, int state)
{
    int64_t us = 0;
    if (table == &berth_machine_fsm) {
        us = berth_machine_deadline_us((BerthMachineState)state, 1, 0);
    } else if (table == &berth_session_fsm) {
        us = berth_session_deadline_us((BerthSessionState)state, 0);
    } else if (table == &berth_image_version_fsm) {
        us = berth_image_version_deadline_us((BerthImageVersionState)state, 0);
    } else if (table == &berth_rollout_fsm) {
        us = berth_rollout_deadline_us((BerthRolloutState)state, 0);
    }
    return us / (1000 * 1000);
}

static bool
is_resting(const BerthFsmTable *table, int state)
{
    if (table == &berth_machine_fsm) {
        return berth_machine_is_resting((BerthMachineState)state);
    }
    return table == &berth_session_fsm && berth_session_is_resting((BerthSessionState)state);
}

static void
print_resting(const BerthFsmTable *table)
{
    bool has_any = false;
    for (int i = 0; i < table->n_states; i++) {
        if (is_resting(table, i)) {
            printf("%s`%s`", has_any ? ", " : "Resting: ", table->states[i]);
            has_any = true;
        }
    }
    printf("%s", has_any ? ".\n\n" : "");
}

static void
print_deadlines(const BerthFsmTable *table)
{
    bool has_any = false;
    for (int i = 0; i < table->n_states; i++) {
        if (deadline_s(table, i) > 0) {
            printf("%s`%s` %d s", has_any ? ", " : "Deadlines: ", table->states[i],
                   (int)deadline_s(table, i));
            has_any = true;
        }
    }
    printf("%s", has_any ? " (then the event `timeout`).\n\n" : "");
}

static void
print_section(const Section *section)
{
    const BerthFsmTable *table = section->table;
    printf("\n## %s\n\n%s\n\n", table->name, section->text);
    print_deadlines(table);
    print_resting(table);
    printf("| from | event | to | action |\n|---|---|---|---|\n");
    for (int i = 0; i < table->n_rows; i++) {
        const BerthFsmRow *row = &table->rows[i];
        printf("| %s | %s | %s | %s |\n", table->states[row->from], table->events[row->event],
               table->states[row->to],
               table == &berth_machine_fsm ? machine_actions[row->action] : "");
    }
}

int
main(void)
{
    printf(
        "# State machines of the broker\n\n"
        "Generated from the tables in `broker/fsm/` by `broker/print-state-machines`; a pair of\n"
        "state and event without a row is refused. Every step is written with its audit row in\n"
        "one transaction (`broker/steps.h`).\n");
    for (size_t i = 0; i < G_N_ELEMENTS(sections); i++) {
        print_section(&sections[i]);
    }
    return 0;
}
