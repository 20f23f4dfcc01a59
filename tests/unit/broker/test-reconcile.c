/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testing.h"

#include "broker/reconcile.h"

#define ID "00000000000000000000000000000001"
#define OLD "old-overlay"
#define NEW "new-overlay"

/* What one machine row and one report lead to: kinds and events as text, "event:seen-ready info".
 */
static char *
plan(BerthMachineRow row, const char *report_state, int64_t epoch, const char *overlay,
     int64_t now_us)
{
    g_autofree char *text =
        report_state == NULL
            ? g_strdup("{\"machines\":[],\"sessions\":[]}")
            : g_strdup_printf("{\"machines\":[{\"id\":\"" ID "\",\"epoch\":%d,\"state\":\"%s\","
                              "\"overlay\":\"%s\"}],\"sessions\":[]}",
                              (int)epoch, report_state, overlay);
    json_auto_t *json = json_loads(text, 0, NULL);
    g_autoptr(BerthInventory) inventory = berth_inventory_new_from_json(json, NULL);
    g_assert_nonnull(inventory);
    g_strlcpy(row.id, ID, sizeof row.id);
    g_autoptr(GArray) steps = berth_reconcile(&row, 1, NULL, 0, inventory, now_us);
    GString *out = g_string_new(NULL);
    for (guint i = 0; i < steps->len; i++) {
        const BerthReconcileStep *step = &g_array_index(steps, BerthReconcileStep, i);
        g_string_append(out, i > 0 ? " " : "");
        switch (step->kind) {
        case BERTH_RECONCILE_MACHINE_EVENT:
            g_string_append(out, berth_fsm_event_name(&berth_machine_fsm, step->event));
            break;
        case BERTH_RECONCILE_SCRUBBED:
            g_string_append(out, "scrub-receipt");
            break;
        case BERTH_RECONCILE_INFO:
            g_string_append(out, "info");
            break;
        case BERTH_RECONCILE_ABSENT:
            g_string_append(out, step->absent_us != 0 ? "missing" : "found");
            break;
        default:
            g_string_append(out, "?");
        }
    }
    return g_string_free(out, FALSE);
}

static void
assert_steps(BerthMachineRow row, const char *report_state, int64_t epoch, const char *overlay,
             int64_t now_us, const char *expected)
{
    char got[256];
    char *text = plan(row, report_state, epoch, overlay, now_us);
    g_strlcpy(got, text, sizeof got);
    g_free(text);
    assert_string_equal(got, expected);
}

static void
a_machine_follows_its_host_to_ready(void **state)
{
    BerthMachineRow row = { .state = BERTH_MACHINE_CREATING, .epoch = 1 };
    assert_steps(row, "creating", 1, "", 0, "");
    assert_steps(row, "starting", 1, NEW, 0, "info seen-starting");
    assert_steps(row, "ready", 1, NEW, 0, "info seen-ready");
    assert_steps(row, "failed", 1, "", 0, "seen-failed");
    assert_steps(row, NULL, 0, "", 0, "");
}

static void
the_same_report_twice_changes_nothing(void **state)
{
    BerthMachineRow row = { .state = BERTH_MACHINE_READY, .epoch = 1, .overlay = NEW };
    assert_steps(row, "ready", 1, NEW, 0, "");
}

static void
only_a_new_overlay_at_the_new_epoch_is_a_scrub_receipt(void **state)
{
    BerthMachineRow row = {
        .state = BERTH_MACHINE_RECYCLING, .epoch = 2, .is_dirty = true, .scrub_overlay = OLD
    };
    assert_steps(row, "ready", 1, OLD, 0, "");
    assert_steps(row, "ready", 1, NEW, 0, "");
    assert_steps(row, "ready", 2, OLD, 0, "");
    assert_steps(row, "ready", 2, "", 0, "");
    assert_steps(row, "ready", 3, NEW, 0, "");
    assert_steps(row, "failed", 2, NEW, 0, "info seen-failed");
    assert_steps(row, NULL, 0, "", 0, "");
    assert_steps(row, "starting", 2, NEW, 0, "scrub-receipt info");
    assert_steps(row, "ready", 2, NEW, 0, "scrub-receipt info seen-ready");
}

static void
an_owned_machine_is_given_up_only_after_it_was_missing_for_a_while(void **state)
{
    BerthMachineRow row = { .state = BERTH_MACHINE_ASSIGNED, .epoch = 1, .is_owned = true };
    assert_steps(row, NULL, 0, "", 5, "missing");
    row.absent_us = 5;
    assert_steps(row, NULL, 0, "", 5 + BERTH_RECONCILE_ABSENT_US - 1, "");
    assert_steps(row, NULL, 0, "", 5 + BERTH_RECONCILE_ABSENT_US, "seen-absent");
    assert_steps(row, "ready", 1, "", 9, "found");
}

static void
a_lost_machine_comes_back_as_what_it_was(void **state)
{
    BerthMachineRow row = { .state = BERTH_MACHINE_LOST, .epoch = 1, .overlay = OLD };
    assert_steps(row, "ready", 1, OLD, 0, "back-clean seen-ready");
    row.is_owned = true;
    row.is_dirty = true;
    assert_steps(row, "ready", 1, OLD, 0, "back-owned");
    row.is_owned = false;
    assert_steps(row, "ready", 1, OLD, 0, "back-dirty");
    row.epoch = 2;
    row.scrub_overlay[0] = 'x';
    assert_steps(row, "ready", 1, OLD, 0, "back-dirty");
}

static void
reports_of_another_epoch_are_not_about_this_owner(void **state)
{
    BerthMachineRow row = { .state = BERTH_MACHINE_ASSIGNED, .epoch = 3, .is_owned = true };
    assert_steps(row, "failed", 2, "", 0, "");
    assert_steps(row, "failed", 4, "", 0, "");
}

static void
a_deleted_machine_is_gone_when_the_host_says_so(void **state)
{
    BerthMachineRow row = { .state = BERTH_MACHINE_DELETING, .epoch = 1 };
    assert_steps(row, "absent", 1, "", 0, "seen-absent");
    assert_steps(row, NULL, 0, "", 0, "seen-absent");
    assert_steps(row, "ready", 1, "", 0, "");
}

static void
strange_inventories_are_refused(void **state)
{
    static const char *const texts[] = {
        "{}",
        "{\"machines\":[]}",
        "{\"machines\":{},\"sessions\":[]}",
        "{\"machines\":[1],\"sessions\":[]}",
        "{\"machines\":[{\"id\":\"x\"}],\"sessions\":[]}",
        "{\"machines\":[{\"id\":\"" ID "\",\"epoch\":-1,\"state\":\"ready\"}],\"sessions\":[]}",
        "{\"machines\":[{\"id\":\"" ID "\",\"epoch\":1,\"state\":\"happy\"}],\"sessions\":[]}",
        "{\"machines\":[{\"id\":\"" ID "\",\"epoch\":1,\"state\":\"ready\",\"overlay\":7}],"
        "\"sessions\":[]}",
        "{\"machines\":[{\"id\":\"" ID "\",\"epoch\":1,\"state\":\"ready\"},{\"id\":\"" ID
        "\",\"epoch\":1,\"state\":\"ready\"}],\"sessions\":[]}",
        "{\"machines\":[],\"sessions\":[{\"id\":\"" ID
        "\",\"epoch\":1,\"state\":\"listening\",\"session_key\":\"abc\"}]}",
    };
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        json_auto_t *json = json_loads(texts[i], 0, NULL);
        BerthInventory *inventory = berth_inventory_new_from_json(json, NULL);
        assert_non_null(json);
        assert_null(inventory);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_machine_follows_its_host_to_ready),
        cmocka_unit_test(the_same_report_twice_changes_nothing),
        cmocka_unit_test(only_a_new_overlay_at_the_new_epoch_is_a_scrub_receipt),
        cmocka_unit_test(an_owned_machine_is_given_up_only_after_it_was_missing_for_a_while),
        cmocka_unit_test(a_lost_machine_comes_back_as_what_it_was),
        cmocka_unit_test(reports_of_another_epoch_are_not_about_this_owner),
        cmocka_unit_test(a_deleted_machine_is_gone_when_the_host_says_so),
        cmocka_unit_test(strange_inventories_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
