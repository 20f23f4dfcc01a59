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
nothing_leads_back_from_failed_but_removal(void **state)
{
    int to, action;
    for (int event = 0; event < BERTH_VM_N_EVENTS; event++) {
        if (allows(BERTH_VM_FAILED, event, &to, &action)) {
            assert_true(to == BERTH_VM_FAILED || to == BERTH_VM_STOPPING);
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

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_is_sound),
        cmocka_unit_test(a_stop_ends_every_state),
        cmocka_unit_test(nothing_leads_back_from_failed_but_removal),
        cmocka_unit_test(only_an_unready_fork_retreats_to_a_cold_boot),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
