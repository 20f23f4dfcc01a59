/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testing.h"

#include "broker/desired.h"
#include "broker/host-wish.h"

#include <string.h>

#define A "0000000000000000000000000000000a"
#define B "0000000000000000000000000000000b"

static char *
offer(BerthHostWish *wish, const char *text)
{
    json_auto_t *desired = json_loads(text, 0, NULL);
    g_assert_nonnull(desired);
    return berth_host_wish_offer(wish, desired);
}

#define MACHINE(id, epoch, want) "{\"id\":\"" id "\",\"epoch\":" epoch ",\"want\":\"" want "\"}"
#define DESIRED(machines) "{\"machines\":[" machines "],\"sessions\":[]}"

static void
the_same_content_is_told_once(void **state)
{
    BerthHostWish *wish = berth_host_wish_new(100);
    g_autofree char *first = offer(wish, DESIRED(MACHINE(A, "1", "running")));
    g_autofree char *again = offer(wish, DESIRED(MACHINE(A, "1", "running")));
    g_autofree char *next = offer(wish, DESIRED(MACHINE(A, "2", "running")));
    assert_string_equal(first, "{\"type\":\"desired\",\"generation\":101,\"machines\":[" MACHINE(
                                   A, "1", "running") "],\"sessions\":[]}");
    assert_null(again);
    assert_non_null(next);
    assert_int_equal(berth_host_wish_get_generation(wish), 102);
    berth_host_wish_forget(wish);
    g_autofree char *repeated = offer(wish, DESIRED(MACHINE(A, "2", "running")));
    assert_non_null(repeated);
    berth_host_wish_free(wish);
}

static bool
lives(const BerthHostWish *wish, const char *id)
{
    g_autoptr(GHashTable) living = berth_host_wish_ref_living(wish);
    return g_hash_table_contains(living, id);
}

static void
a_machine_may_come_until_its_end_was_taken_in(void **state)
{
    BerthHostWish *wish = berth_host_wish_new(0);
    assert_false(lives(wish, A));
    g_autofree char *one = offer(wish, DESIRED(MACHINE(A, "1", "running")));
    assert_true(berth_host_wish_is_open(wish));
    assert_true(lives(wish, A));
    g_autofree char *two = offer(wish, DESIRED(MACHINE(A, "1", "absent")));
    berth_host_wish_ack(wish, 1); /* an old one: the second is still on its way */
    assert_true(berth_host_wish_is_open(wish));
    berth_host_wish_ack(wish, 2);
    assert_false(lives(wish, A));
    assert_non_null(one);
    assert_non_null(two);

    g_autofree char *three =
        offer(wish, DESIRED(MACHINE(A, "1", "absent") "," MACHINE(B, "1", "running")));
    berth_host_wish_ack(wish, 3);
    g_autofree char *four = offer(wish, DESIRED(""));
    assert_true(lives(wish, B));
    berth_host_wish_ack(wish, 4);
    assert_false(lives(wish, B));
    assert_non_null(three);
    assert_non_null(four);
    berth_host_wish_free(wish);
}

static void
safe_mode_tells_nothing_that_could_hurt(void **state)
{
    json_auto_t *report = json_loads("{\"machines\":[{\"id\":\"" A
                                     "\",\"epoch\":2,\"state\":\"ready\"}],\"sessions\":[],"
                                     "\"tasks\":[{\"id\":\"" A "\",\"state\":\"running\"}]}",
                                     0, NULL);
    g_autoptr(BerthInventory) inventory = berth_inventory_new_from_json(report, NULL);

    static const struct {
        const char *machine;
        bool is_told;
    } rows[] = {
        { MACHINE(A, "1", "running"), true }, { MACHINE(A, "2", "running"), true },
        { MACHINE(A, "2", "stopped"), true }, { MACHINE(A, "3", "running"), false },
        { MACHINE(A, "2", "absent"), false }, { MACHINE(B, "9", "running"), true },
        { MACHINE(B, "9", "absent"), false },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *text = g_strdup_printf("{\"machines\":[%s],\"sessions\":[{\"id\":\"" A
                                                "\",\"want\":\"ended\"},"
                                                "{\"id\":\"" B "\",\"want\":\"open\"}],"
                                                "\"tasks\":[{\"id\":\"" A "\"},{\"id\":\"" B "\"}],"
                                                "\"disks\":[{\"id\":\"" A "\",\"want\":\"absent\"},"
                                                "{\"id\":\"" B "\",\"want\":\"present\"}]}",
                                                rows[i].machine);
        json_auto_t *desired = json_loads(text, 0, NULL);
        berth_desired_make_safe(desired, inventory);
        assert_int_equal(json_array_size(json_object_get(desired, "machines")),
                         rows[i].is_told ? 1 : 0);
        assert_int_equal(json_array_size(json_object_get(desired, "sessions")), 1);
        const json_t *tasks = json_object_get(desired, "tasks");
        assert_int_equal(json_array_size(tasks), 1);
        assert_string_equal(json_string_value(json_object_get(json_array_get(tasks, 0), "id")), A);
        assert_int_equal(json_array_size(json_object_get(desired, "disks")), 1);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_content_is_told_once),
        cmocka_unit_test(a_machine_may_come_until_its_end_was_taken_in),
        cmocka_unit_test(safe_mode_tells_nothing_that_could_hurt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
