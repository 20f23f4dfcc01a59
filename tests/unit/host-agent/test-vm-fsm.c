/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/vm/vm-fsm.h"

#include "testing.h"

#include <stdbool.h>

static void
the_table_is_sound(void **state)
{
    g_autofree char *why = NULL;
    if (berth_fsm_check(&berth_vm_fsm, &why) != BERTH_OK) {
        fail_msg("%s", why);
    }
}

static bool
allows(int from, int event, int *ret_to, int *ret_action)
{
    *ret_to = from;
    return berth_fsm_step(&berth_vm_fsm, ret_to, event, ret_action) == BERTH_OK;
}

static void
a_stop_ends_every_state(void **state)
{
    int to, action;
    for (int from = 0; from < BERTH_VM_N_STATES; from++) {
        assert_true(allows(from, BERTH_VM_EVENT_STOP, &to, &action));
        assert_true(to == BERTH_VM_STOPPING || to == BERTH_VM_GONE);
        if (to == BERTH_VM_STOPPING && from != BERTH_VM_STOPPING) {
            assert_int_equal(action, BERTH_VM_DO_KILL);
        }
    }
    assert_true(allows(BERTH_VM_STOPPING, BERTH_VM_EVENT_EXITED, &to, &action));
    assert_int_equal(to, BERTH_VM_GONE);
    assert_int_equal(action, BERTH_VM_DO_REMOVE);
}

static void
only_a_power_off_or_removal_leads_out_of_failed(void **state)
{
    int to, action;
    for (int event = 0; event < BERTH_VM_N_EVENTS; event++) {
        if (allows(BERTH_VM_FAILED, event, &to, &action)) {
            bool is_powered_off = event == BERTH_VM_EVENT_POWER_OFF && to == BERTH_VM_POWERING_OFF;
            assert_true(is_powered_off || to == BERTH_VM_FAILED || to == BERTH_VM_STOPPING);
        }
    }
}

static void
only_an_unready_fork_retreats_to_a_cold_boot(void **state)
{
    int to, action;
    for (int from = 0; from < BERTH_VM_N_STATES; from++) {
        bool is_allowed = allows(from, BERTH_VM_EVENT_FORK_FAILED, &to, &action);
        assert_int_equal(is_allowed, from == BERTH_VM_STARTING);
    }
    assert_true(allows(BERTH_VM_RETREATING, BERTH_VM_EVENT_EXITED, &to, &action));
    assert_int_equal(to, BERTH_VM_CREATING);
    assert_int_equal(action, BERTH_VM_DO_MAKE_OVERLAY);
}

static void
a_disk_outlives_its_process_only_on_purpose(void **state)
{
    int to, action;
    for (int from = 0; from < BERTH_VM_N_STATES; from++) {
        for (int event = 0; event < BERTH_VM_N_EVENTS; event++) {
            if (allows(from, event, &to, &action) && to == BERTH_VM_STOPPED) {
                assert_int_equal(action, BERTH_VM_DO_REST);
                assert_true(event == BERTH_VM_EVENT_REST ||
                            (event == BERTH_VM_EVENT_EXITED && from == BERTH_VM_POWERING_OFF));
            }
        }
    }
    assert_true(allows(BERTH_VM_STOPPED, BERTH_VM_EVENT_POWER_ON, &to, &action));
    assert_int_equal(action, BERTH_VM_DO_SPAWN);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_is_sound),
        cmocka_unit_test(a_stop_ends_every_state),
        cmocka_unit_test(only_a_power_off_or_removal_leads_out_of_failed),
        cmocka_unit_test(a_disk_outlives_its_process_only_on_purpose),
        cmocka_unit_test(only_an_unready_fork_retreats_to_a_cold_boot),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
