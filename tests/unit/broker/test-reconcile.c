/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testing.h"

#include "broker/hello.h"
#include "broker/reconcile.h"

#define ID "00000000000000000000000000000001"
#define OLD "old-overlay"
#define NEW "new-overlay"

/* Machines that the agent may be about to make; NULL for none. */
static GHashTable *living_ids;

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
    g_auto(BerthReconcilePlan) made =
        berth_reconcile(&row, 1, NULL, 0, inventory, living_ids, now_us);
    GArray *steps = made.steps;
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
            g_string_append(out, step->time_us != 0 ? "missing" : "found");
            break;
        case BERTH_RECONCILE_MISSING:
            g_string_append(out, "data-missing");
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
a_machine_that_is_switched_off_waits(void **state)
{
    BerthMachineRow row = { .state = BERTH_MACHINE_CREATING, .epoch = 1, .overlay = NEW };
    assert_steps(row, "stopped", 1, NEW, 0, "seen-stopped");
    assert_steps(row, "frozen", 1, NEW, 0, "seen-stopped");
    row.state = BERTH_MACHINE_STOPPED;
    assert_steps(row, "frozen", 1, NEW, 0, "");
    assert_steps(row, NULL, 0, "", 0, "seen-absent");
    row.state = BERTH_MACHINE_RECYCLING;
    g_strlcpy(row.scrub_overlay, OLD, sizeof row.scrub_overlay);
    assert_steps(row, "stopped", 1, NEW, 0, "scrub-receipt seen-stopped");
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
    assert_steps(row, NULL, 0, "", 5 + BERTH_RECONCILE_UNMADE_US - 1, "");
    assert_steps(row, NULL, 0, "", 5 + BERTH_RECONCILE_UNMADE_US, "seen-absent");
    g_strlcpy(row.overlay, OLD, sizeof row.overlay);
    assert_steps(row, NULL, 0, "", 5 + BERTH_RECONCILE_ABSENT_US - 1, "");
    assert_steps(row, NULL, 0, "", 5 + BERTH_RECONCILE_ABSENT_US, "seen-absent");
    assert_steps(row, "ready", 1, OLD, 9, "found");
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
a_machine_with_data_is_never_recycled_on_doubt(void **state)
{
    BerthMachineRow row = { .state = BERTH_MACHINE_ASSIGNED,
                            .epoch = 3,
                            .is_owned = true,
                            .is_dirty = true,
                            .is_kept = true,
                            .overlay = OLD,
                            .absent_us = 1 };
    assert_steps(row, NULL, 0, "", INT64_MAX / 2, "data-missing");
    assert_steps(row, "absent", 3, "", 9, "data-missing");
    assert_steps(row, "ready", 3, NEW, 9, "data-missing");
    assert_steps(row, "creating", 3, "", 9, "data-missing");
    assert_steps(row, "ready", 3, OLD, 9, "found");
    row.absent_us = 0;
    assert_steps(row, "failed", 3, OLD, 9, "");
    assert_steps(row, "ready", 2, OLD, 9, "");
    row.state = BERTH_MACHINE_LOST;
    assert_steps(row, "ready", 2, OLD, 9, "");
    assert_steps(row, "ready", 3, OLD, 9, "back-owned");
    assert_steps(row, NULL, 0, "", 9, "data-missing");
    g_strlcpy(row.condition, "missing", sizeof row.condition);
    assert_steps(row, NULL, 0, "", 9, "");
    assert_steps(row, "ready", 3, OLD, 9, "back-owned info");
    row.is_owned = false;
    assert_steps(row, "ready", 3, OLD, 9, "info");
    row.state = BERTH_MACHINE_DELETING;
    assert_steps(row, NULL, 0, "", 9, "seen-absent");
    row.state = BERTH_MACHINE_RECYCLING;
    row.overlay[0] = '\0';
    g_strlcpy(row.scrub_overlay, OLD, sizeof row.scrub_overlay);
    assert_steps(row, "starting", 3, NEW, 9, "scrub-receipt info");
}

/* What a session row and a report with that idleness lead to: INT64_MIN if to nothing. */
static int64_t
plan_idle_since(int64_t since_us, int idle_s, int64_t now_us)
{
    g_autofree char *text =
        g_strdup_printf("{\"machines\":[],\"sessions\":[{\"id\":\"" ID "\",\"epoch\":1,"
                        "\"state\":\"connected\",\"idle_s\":%d}]}",
                        idle_s);
    json_auto_t *json = json_loads(text, 0, NULL);
    g_autoptr(BerthInventory) inventory = berth_inventory_new_from_json(json, NULL);
    BerthSessionRow row = {
        .id = ID, .state = BERTH_SESSION_ACTIVE, .epoch = 1, .idle_since_us = since_us
    };
    g_auto(BerthReconcilePlan) plan_made =
        berth_reconcile(NULL, 0, &row, 1, inventory, NULL, now_us);
    GArray *steps = plan_made.steps;
    if (steps->len == 0) {
        return INT64_MIN;
    }
    const BerthReconcileStep *step = &g_array_index(steps, BerthReconcileStep, 0);
    return steps->len == 1 && step->kind == BERTH_RECONCILE_SESSION_IDLE ? step->time_us : -1;
}

static void
idleness_is_written_when_it_begins_and_when_it_ends(void **state)
{
    const int64_t second_us = 1000 * 1000;
    const int64_t now_us = 5000 * second_us;
    assert_int_equal(plan_idle_since(0, 0, now_us), INT64_MIN);
    assert_int_equal(plan_idle_since(0, 30, now_us), now_us - 30 * second_us);
    assert_int_equal(plan_idle_since(now_us - 31 * second_us, 30, now_us), INT64_MIN);
    assert_int_equal(plan_idle_since(now_us - 90 * second_us, 30, now_us), now_us - 30 * second_us);
    assert_int_equal(plan_idle_since(now_us - 90 * second_us, 0, now_us), 0);
}

static BerthInventory *
inventory_of(const char *state, const char *cpu_ms, const char *conditions)
{
    g_autofree char *text =
        g_strdup_printf("{\"serial\":7,\"machines\":[{\"id\":\"" ID "\",\"epoch\":1,"
                        "\"state\":\"%s\",\"usage\":{\"cpu_ms\":%s}}],\"sessions\":[],"
                        "\"conditions\":%s}",
                        state, cpu_ms, conditions);
    json_auto_t *json = json_loads(text, 0, NULL);
    return berth_inventory_new_from_json(json, NULL);
}

static void
numbers_of_usage_are_no_news(void **state)
{
    g_autoptr(BerthInventory) a = inventory_of("stopped", "1", "[]");
    g_autoptr(BerthInventory) b = inventory_of("stopped", "2", "[]");
    g_autoptr(BerthInventory) c = inventory_of("frozen", "2", "[]");
    g_autoptr(BerthInventory) d = inventory_of("stopped", "2", "[\"disk-low\",\"hot\"]");
    assert_non_null(a);
    assert_int_equal(a->serial, 7);
    assert_int_equal(g_array_index(b->machines, BerthMachineReport, 0).usage.cpu_ms, 2);
    assert_true(berth_inventory_is_same(a, b));
    assert_false(berth_inventory_is_same(a, c));
    assert_false(berth_inventory_is_same(a, d));
    assert_false(berth_inventory_is_same(a, NULL));
    assert_string_equal(d->conditions, "disk-low, hot");
    assert_ptr_equal(berth_inventory_find(a, ID), a->machines->data);
    assert_null(berth_inventory_find(a, "00000000000000000000000000000002"));
}

static void
a_deleted_machine_is_gone_when_the_host_says_so(void **state)
{
    BerthMachineRow row = { .state = BERTH_MACHINE_DELETING, .epoch = 1 };
    assert_steps(row, "absent", 1, "", 0, "seen-absent");
    assert_steps(row, NULL, 0, "", 0, "seen-absent");
    assert_steps(row, "ready", 1, "", 0, "");
    living_ids = g_hash_table_new(g_str_hash, g_str_equal);
    g_hash_table_add(living_ids, (gpointer)ID);
    assert_steps(row, NULL, 0, "", 0, "");
    assert_steps(row, "absent", 1, "", 0, "seen-absent");
    g_clear_pointer(&living_ids, g_hash_table_unref);
}

static void
strange_inventories_are_refused(void **state)
{
    static const char *const texts[] = {
        "{}",
        "{\"machines\":[]}",
        "{\"machines\":{},\"sessions\":[]}",
        "{\"machines\":[1],\"sessions\":[]}",
        "{\"machines\":[],\"sessions\":[],\"conditions\":[1]}",
        "{\"machines\":[],\"sessions\":[],\"conditions\":{}}",
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

#define HELLO_1                                                                                  \
    "\"host\":\"" ID "\",\"boot_id\":\"b\",\"agent_epoch\":1,\"display_address\":\"1.2.3.4:5\"," \
    "\"accel\":\"tcg\",\"memory_limit_mib\":10,\"start_slots\":2,\"qemu\":\"7.2\","              \
    "\"image_address\":\"1.2.3.4:6\",\"cpu_model\":\"c\""

static bool
read_hello(const char *rest, BerthHello *ret)
{
    g_autofree char *text = g_strdup_printf("{%s%s}", HELLO_1, rest);
    json_auto_t *json = json_loads(text, 0, NULL);
    g_assert_nonnull(json);
    return berth_hello_from_json(json, ret, NULL);
}

static void
a_hello_of_version_3_is_read_whole(void **state)
{
    BerthHello hello;
    assert_true(read_hello(",\"version\":3,\"cluster_epoch\":5,\"vcpu_limit\":8,\"cgroup\":\"v1\","
                           "\"labels\":{\"b\":\"2\",\"a\":\"1\"},\"networks\":[\"user\"]",
                           &hello));
    assert_int_equal(hello.cluster_epoch, 5);
    assert_int_equal(hello.vcpu_limit, 8);
    assert_string_equal(hello.cgroup, "v1");
    assert_string_equal(hello.image_address, "1.2.3.4:6");
    assert_string_equal(hello.cpu_model, "c");
    assert_string_equal(hello.labels, "{\"a\":\"1\",\"b\":\"2\"}");
    assert_string_equal(hello.networks, "[\"user\"]");
    assert_false(read_hello(",\"version\":1", &hello));
    assert_false(read_hello(",\"version\":3", &hello));
    assert_false(read_hello(",\"version\":4", &hello));
    assert_false(read_hello(",\"version\":3,\"cluster_epoch\":-1,\"vcpu_limit\":8,\"cgroup\":\"\","
                            "\"labels\":{},\"networks\":[]",
                            &hello));
    assert_false(read_hello(",\"version\":3,\"cluster_epoch\":1,\"vcpu_limit\":8,\"cgroup\":\"\","
                            "\"labels\":{\"a\":1},\"networks\":[]",
                            &hello));
    assert_false(read_hello(",\"version\":3,\"cluster_epoch\":1,\"vcpu_limit\":8,\"cgroup\":\"\","
                            "\"labels\":{},\"networks\":[{}]",
                            &hello));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_machine_follows_its_host_to_ready),
        cmocka_unit_test(a_machine_that_is_switched_off_waits),
        cmocka_unit_test(the_same_report_twice_changes_nothing),
        cmocka_unit_test(only_a_new_overlay_at_the_new_epoch_is_a_scrub_receipt),
        cmocka_unit_test(an_owned_machine_is_given_up_only_after_it_was_missing_for_a_while),
        cmocka_unit_test(a_lost_machine_comes_back_as_what_it_was),
        cmocka_unit_test(reports_of_another_epoch_are_not_about_this_owner),
        cmocka_unit_test(a_machine_with_data_is_never_recycled_on_doubt),
        cmocka_unit_test(idleness_is_written_when_it_begins_and_when_it_ends),
        cmocka_unit_test(numbers_of_usage_are_no_news),
        cmocka_unit_test(a_deleted_machine_is_gone_when_the_host_says_so),
        cmocka_unit_test(a_hello_of_version_3_is_read_whole),
        cmocka_unit_test(strange_inventories_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
