/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testing.h"

#include "broker/fsm/assignment.h"
#include "broker/fsm/host.h"
#include "broker/fsm/job.h"
#include "broker/fsm/machine.h"
#include "broker/fsm/session.h"
#include "broker/steps-catalog.h"
#include "broker/steps.h"

static const BerthFsmTable *const tables[] = {
    &berth_machine_fsm, &berth_session_fsm,       &berth_host_fsm,    &berth_assignment_fsm,
    &berth_pool_fsm,    &berth_image_version_fsm, &berth_rollout_fsm, &berth_job_fsm,
};

static void
every_table_is_well_formed(void **state)
{
    for (size_t i = 0; i < G_N_ELEMENTS(tables); i++) {
        char *why = NULL;
        int error = berth_fsm_check(tables[i], &why);
        if (error != BERTH_OK) {
            print_error("%s: %s\n", tables[i]->name, why);
        }
        g_free(why);
        assert_berth_ok(error);
    }
}

static bool
has_row(const BerthFsmTable *table, int from, int event)
{
    for (int i = 0; i < table->n_rows; i++) {
        if (table->rows[i].from == from && table->rows[i].event == event) {
            return true;
        }
    }
    return false;
}

static void
all_states_meet_all_events(void **state)
{
    for (size_t t = 0; t < G_N_ELEMENTS(tables); t++) {
        const BerthFsmTable *table = tables[t];
        for (int from = 0; from < table->n_states; from++) {
            for (int event = 0; event < table->n_events; event++) {
                int next = from;
                int error = berth_fsm_step(table, &next, event, NULL);
                assert_berth_error(error, has_row(table, from, event) ? BERTH_OK : BERTH_ERR_STATE);
                assert_in_range(next, 0, table->n_states - 1);
                if (error != BERTH_OK) {
                    assert_int_equal(next, from);
                }
            }
        }
    }
}

static void
ready_is_reached_only_by_a_report_and_never_straight_from_an_owner(void **state)
{
    for (int i = 0; i < berth_machine_fsm.n_rows; i++) {
        const BerthFsmRow *row = &berth_machine_fsm.rows[i];
        if (row->to == BERTH_MACHINE_READY && row->from != BERTH_MACHINE_READY) {
            assert_int_equal(row->event, BERTH_MACHINE_EVENT_SEEN_READY);
            assert_int_not_equal(row->from, BERTH_MACHINE_ASSIGNED);
            assert_int_not_equal(row->from, BERTH_MACHINE_RECYCLING);
            assert_int_not_equal(row->from, BERTH_MACHINE_LOST);
        }
    }
}

static void
a_machine_that_is_switched_off_was_clean_before(void **state)
{
    for (int i = 0; i < berth_machine_fsm.n_rows; i++) {
        const BerthFsmRow *row = &berth_machine_fsm.rows[i];
        if (row->to == BERTH_MACHINE_STOPPED && row->from != BERTH_MACHINE_STOPPED) {
            assert_true(row->event == BERTH_MACHINE_EVENT_SEEN_STOPPED ||
                        row->event == BERTH_MACHINE_EVENT_STOP);
            assert_true(row->from == BERTH_MACHINE_CREATING ||
                        row->from == BERTH_MACHINE_STARTING || row->from == BERTH_MACHINE_READY);
        }
    }
}

static void
a_claim_switches_the_machine_on(void **state)
{
    for (int i = 0; i < berth_machine_fsm.n_rows; i++) {
        const BerthFsmRow *row = &berth_machine_fsm.rows[i];
        if (row->event == BERTH_MACHINE_EVENT_CLAIM) {
            assert_int_equal(row->to, BERTH_MACHINE_ASSIGNED);
            assert_int_equal(row->action, BERTH_MACHINE_DO_POWER_ON);
        }
    }
}

static void
an_owner_is_left_only_with_a_new_epoch(void **state)
{
    for (int i = 0; i < berth_machine_fsm.n_rows; i++) {
        const BerthFsmRow *row = &berth_machine_fsm.rows[i];
        if (row->from == BERTH_MACHINE_ASSIGNED && row->to != BERTH_MACHINE_ASSIGNED &&
            row->to != BERTH_MACHINE_LOST) {
            assert_true(row->action == BERTH_MACHINE_DO_RECYCLE ||
                        row->action == BERTH_MACHINE_DO_EVICT || row->to == BERTH_MACHINE_DELETED);
        }
    }
}

static void
recycling_is_left_for_service_only_by_a_scrub_receipt(void **state)
{
    for (int i = 0; i < berth_machine_fsm.n_rows; i++) {
        const BerthFsmRow *row = &berth_machine_fsm.rows[i];
        if (row->from == BERTH_MACHINE_RECYCLING && row->to == BERTH_MACHINE_STARTING) {
            assert_int_equal(row->event, BERTH_MACHINE_EVENT_SCRUBBED);
            assert_int_equal(row->action, BERTH_MACHINE_DO_CLEAN);
        }
        if (row->action == BERTH_MACHINE_DO_CLEAN) {
            assert_int_equal(row->from, BERTH_MACHINE_RECYCLING);
        }
    }
}

static void
every_state_rests_or_has_a_deadline_and_a_way_out_of_it(void **state)
{
    for (int i = 0; i < berth_machine_fsm.n_states; i++) {
        bool has_deadline = berth_machine_deadline_us((BerthMachineState)i, 1, 1000) != 0;
        assert_int_equal(has_deadline, !berth_machine_is_resting((BerthMachineState)i));
        assert_int_equal(has_deadline, has_row(&berth_machine_fsm, i, BERTH_MACHINE_EVENT_TIMEOUT));
    }
    for (int i = 0; i < berth_session_fsm.n_states; i++) {
        bool has_deadline = berth_session_deadline_us((BerthSessionState)i, 1000) != 0;
        assert_int_equal(has_deadline, !berth_session_is_resting((BerthSessionState)i));
        assert_int_equal(has_deadline, has_row(&berth_session_fsm, i, BERTH_SESSION_EVENT_TIMEOUT));
    }
}

static void
a_failing_machine_is_tried_ever_more_slowly_and_then_left_alone(void **state)
{
    int64_t last_us = 0;
    for (int n = 1; n <= 8; n++) {
        int64_t wait_us = berth_machine_deadline_us(BERTH_MACHINE_FAILED, n, 0);
        assert_true(wait_us >= last_us && wait_us <= 300LL * 1000 * 1000);
        last_us = wait_us;
    }
    assert_int_equal(berth_machine_deadline_us(BERTH_MACHINE_FAILED, 9, 0), 0);
}

/* Every state that is left by a time-out has a deadline, and the other way round. */
static void
what_may_wait_for_ever_of_images_and_rollouts_has_no_deadline(void **state)
{
    for (int s = 0; s < BERTH_N_IMAGE_VERSION_STATES; s++) {
        assert_int_equal(has_row(&berth_image_version_fsm, s, BERTH_IMAGE_VERSION_EVENT_TIMEOUT),
                         berth_image_version_deadline_us((BerthImageVersionState)s, 1) > 0);
    }
    for (int s = 0; s < BERTH_N_ROLLOUT_STATES; s++) {
        assert_int_equal(has_row(&berth_rollout_fsm, s, BERTH_ROLLOUT_EVENT_TIMEOUT),
                         berth_rollout_deadline_us((BerthRolloutState)s, 1) > 0);
    }
}

static void
nothing_leaves_a_removed_host_and_only_silence_is_fenced(void **state)
{
    for (int i = 0; i < berth_host_fsm.n_rows; i++) {
        const BerthFsmRow *row = &berth_host_fsm.rows[i];
        assert_int_not_equal(row->from, BERTH_HOST_REMOVED);
        if (row->event == BERTH_HOST_EVENT_FENCE) {
            assert_true(row->from == BERTH_HOST_LOST || row->from == BERTH_HOST_FENCED);
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_table_is_well_formed),
        cmocka_unit_test(what_may_wait_for_ever_of_images_and_rollouts_has_no_deadline),
        cmocka_unit_test(nothing_leaves_a_removed_host_and_only_silence_is_fenced),
        cmocka_unit_test(all_states_meet_all_events),
        cmocka_unit_test(ready_is_reached_only_by_a_report_and_never_straight_from_an_owner),
        cmocka_unit_test(a_machine_that_is_switched_off_was_clean_before),
        cmocka_unit_test(a_claim_switches_the_machine_on),
        cmocka_unit_test(an_owner_is_left_only_with_a_new_epoch),
        cmocka_unit_test(recycling_is_left_for_service_only_by_a_scrub_receipt),
        cmocka_unit_test(every_state_rests_or_has_a_deadline_and_a_way_out_of_it),
        cmocka_unit_test(a_failing_machine_is_tried_ever_more_slowly_and_then_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
