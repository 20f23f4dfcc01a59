/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testing.h"

#include "broker/pool-planner.h"

#include <string.h>

#define NOW_US (100000LL * 1000 * 1000)
#define MAX_MACHINES 64

/*
 * A pool in one line: a letter a machine, in the order of its age.
 *
 * p planned, c creating, s starting, r ready, z frozen, o cold, y recycling, a assigned, x failed,
 * l lost, d deleting, k kept and nobody's; behind it: ! dirty, - stranded, # held, ~ just came,
 * ' to be switched off when it is made, + owned.
 */
static BerthPlanMachine
machine_from_letter(char letter)
{
    static const char letters[] = "pcsrzoyaxldk";
    static const BerthMachineState states[] = {
        BERTH_MACHINE_PLANNED,   BERTH_MACHINE_CREATING, BERTH_MACHINE_STARTING,
        BERTH_MACHINE_READY,     BERTH_MACHINE_STOPPED,  BERTH_MACHINE_STOPPED,
        BERTH_MACHINE_RECYCLING, BERTH_MACHINE_ASSIGNED, BERTH_MACHINE_FAILED,
        BERTH_MACHINE_LOST,      BERTH_MACHINE_DELETING, BERTH_MACHINE_READY,
    };
    const char *found = strchr(letters, letter);
    assert_non_null(found);
    return (BerthPlanMachine){
        .state = states[found - letters],
        .power = letter == 'z'   ? BERTH_POWER_FROZEN
                 : letter == 'o' ? BERTH_POWER_OFF
                                 : BERTH_POWER_ON,
        .is_owned = letter == 'a',
        .is_dirty = letter == 'a' || letter == 'y',
        .is_kept = letter == 'k',
        .since_us = NOW_US - BERTH_PLAN_SURPLUS_US,
    };
}

static void
modify(BerthPlanMachine *machine, char sign)
{
    switch (sign) {
    case '!':
        machine->is_dirty = true;
        break;
    case '-':
        machine->is_stranded = true;
        break;
    case '#':
        machine->is_held = true;
        break;
    case '~':
        machine->since_us = NOW_US - 1;
        break;
    case '\'':
        machine->power = BERTH_POWER_OFF;
        break;
    case '+':
        machine->is_owned = true;
        break;
    default:
        fail_msg("there is no sign '%c'", sign);
    }
}

static size_t
parse(const char *line, BerthPlanMachine machines[MAX_MACHINES], char ids[MAX_MACHINES][4])
{
    size_t n = 0;
    for (const char *c = line; *c != '\0'; c++) {
        if (g_ascii_isalpha(*c)) {
            machines[n] = machine_from_letter(*c);
            g_snprintf(ids[n], 4, "%zu", n);
            machines[n].id = ids[n];
            n++;
        } else if (*c != ' ') {
            modify(&machines[n - 1], *c);
        }
    }
    return n;
}

static char *
plan(const BerthPlanPool *pool, const char *line)
{
    static const char *const verbs[] = {
        [BERTH_PLAN_CREATE] = "new",    [BERTH_PLAN_START] = "start",
        [BERTH_PLAN_STOP] = "stop",     [BERTH_PLAN_RECYCLE] = "recycle",
        [BERTH_PLAN_DELETE] = "delete",
    };
    BerthPlanMachine machines[MAX_MACHINES];
    char ids[MAX_MACHINES][4];
    size_t n = parse(line, machines, ids);
    g_autoptr(GArray) actions = berth_plan_pool(pool, machines, n);
    GString *text = g_string_new(NULL);
    for (guint i = 0; i < actions->len; i++) {
        const BerthPlanAction *action = &g_array_index(actions, BerthPlanAction, i);
        bool has_power = action->kind == BERTH_PLAN_CREATE || action->kind == BERTH_PLAN_STOP;
        g_string_append_printf(text, "%s%s %s", i > 0 ? ", " : "", verbs[action->kind],
                               action->id != NULL ? action->id : "");
        if (has_power) {
            g_string_append_printf(text, "%s%s", action->id != NULL ? " " : "",
                                   berth_power_name(action->power));
        }
    }
    return g_string_free(text, FALSE);
}

typedef struct {
    const char *why;
    int64_t size, hot, frozen, cold, n_queued;
    const char *machines;
    const char *expected;
} Row;

static void
assert_rows(const Row *rows, size_t n_rows, bool is_enabled, bool is_physical)
{
    for (size_t i = 0; i < n_rows; i++) {
        const Row *row = &rows[i];
        BerthPlanPool pool = { .is_enabled = is_enabled,
                               .is_physical = is_physical,
                               .size = row->size,
                               .spares = { row->hot, row->frozen, row->cold },
                               .n_queued = row->n_queued,
                               .now_us = NOW_US };
        g_autofree char *got = plan(&pool, row->machines);
        if (strcmp(got, row->expected) != 0) {
            fail_msg("%s: \"%s\", expected \"%s\"", row->why, got, row->expected);
        }
    }
}

static void
the_whole_gap_is_closed_at_once(void **state)
{
    static const Row rows[] = {
        { "an empty pool", 10, 3, 0, 0, 0, "", "new on, new on, new on" },
        { "size limits it", 3, 4, 0, 0, 0, "ar", "new on" },
        { "one in use is replaced", 10, 1, 0, 0, 0, "a", "new on" },
        { "what comes counts", 10, 4, 0, 0, 0, "pcsy", "" },
        { "failed and lost are no spares", 3, 2, 0, 0, 0, "xl", "new on" },
        { "who waits counts", 5, 0, 0, 0, 2, "", "new on, new on" },
        { "who waits counts beside spares", 5, 1, 0, 0, 2, "r", "new on, new on" },
        { "one that is held is no spare", 5, 1, 0, 0, 0, "r#", "new on" },
        { "one that holds data is no spare", 5, 1, 0, 0, 0, "k", "new on" },
        { "all three temperatures", 9, 1, 2, 1, 0, "", "new on, new frozen, new frozen, new off" },
        { "what is made to be off is no hot one", 9, 1, 0, 1, 0, "c'", "new on" },
        { "one that is being deleted is gone", 1, 1, 0, 0, 0, "d", "new on" },
        { "hot ones first where places are few", 2, 1, 2, 1, 0, "", "new on, new frozen" },
        { "nothing to do", 9, 1, 1, 1, 0, "raz o a", "" },
    };
    assert_rows(rows, G_N_ELEMENTS(rows), true, false);
}

static void
what_is_switched_off_wakes_before_anything_is_made(void **state)
{
    static const Row rows[] = {
        { "frozen first", 9, 2, 0, 1, 0, "ooz", "start 2, start 0" },
        { "then the rest is made", 9, 3, 0, 0, 0, "oz", "start 1, start 0, new on" },
        { "what was woken is made again below", 9, 1, 1, 0, 0, "z", "start 0, new frozen" },
        { "who waits wakes one", 3, 0, 1, 0, 1, "z", "start 0, new frozen" },
        { "not one that is held", 9, 1, 0, 0, 0, "z#", "new on" },
    };
    assert_rows(rows, G_N_ELEMENTS(rows), true, false);
}

static void
too_many_hot_ones_cool_down_and_then_go(void **state)
{
    static const Row rows[] = {
        { "into the freezer, at once", 9, 1, 1, 0, 0, "r~r~", "stop 0 frozen" },
        { "and into the cold", 9, 0, 1, 1, 0, "r~r~", "stop 0 frozen, stop 1 off" },
        { "one too many stays for a while", 9, 1, 0, 0, 0, "r~r~", "" },
        { "and goes after that", 9, 1, 0, 0, 0, "rr", "delete 0" },
        { "only as many as are too many", 9, 2, 0, 0, 0, "rrrr", "delete 0, delete 1" },
        { "a frozen one becomes a cold one", 9, 0, 0, 1, 0, "z", "stop 0 off" },
        { "stopped ones that nobody wants", 9, 0, 0, 0, 0, "zo", "delete 0, delete 1" },
        { "not begun, not needed", 9, 0, 0, 0, 0, "p~", "delete 0" },
        { "begun is left to end", 9, 0, 0, 0, 0, "cs", "" },
        { "held ones stay", 9, 0, 0, 0, 0, "r#z#o#", "" },
    };
    assert_rows(rows, G_N_ELEMENTS(rows), true, false);
}

static void
a_shrunk_pool_lets_the_least_valuable_go(void **state)
{
    static const Row rows[] = {
        { "in order", 1, 9, 9, 9, 0, "rszoc pxy",
          "delete 6, delete 5, delete 7, delete 4, delete 3, delete 2, delete 1" },
        { "never one in use", 1, 1, 0, 0, 0, "arxa", "delete 2, delete 1" },
        { "never one with data, never a held one", 0, 0, 0, 0, 0, "kr#al", "" },
        { "not more than too many", 3, 3, 0, 0, 0, "rrrr", "delete 0" },
    };
    assert_rows(rows, G_N_ELEMENTS(rows), true, false);
}

static void
a_host_that_takes_nothing_is_left_by_its_spares(void **state)
{
    static const Row rows[] = {
        { "and they are replaced", 9, 2, 0, 0, 0, "r-r", "delete 0, new on" },
        { "users stay", 9, 0, 0, 0, 0, "a-", "" },
        { "whatever they do", 9, 0, 0, 0, 0, "p-c-s-z-y-x-",
          "delete 0, delete 1, delete 2, delete 3, delete 4, delete 5" },
        { "what is lost or going stays as it is", 9, 0, 0, 0, 0, "l-d-", "" },
        { "data and held ones stay", 9, 0, 0, 0, 0, "k-r#-", "" },
    };
    assert_rows(rows, G_N_ELEMENTS(rows), true, false);
}

static void
what_is_dirty_and_nobodys_is_recycled(void **state)
{
    static const Row rows[] = {
        { "it stays a spare", 9, 2, 0, 0, 0, "c!s!", "recycle 0, recycle 1" },
        { "not while it has an owner", 9, 0, 0, 0, 0, "c!+", "" },
    };
    assert_rows(rows, G_N_ELEMENTS(rows), true, false);
}

static void
a_pool_that_is_off_does_not_grow(void **state)
{
    static const Row rows[] = {
        { "no new ones", 9, 3, 1, 1, 2, "", "" },
        { "none woken", 9, 3, 0, 0, 0, "zo", "delete 0, delete 1" },
        { "shrinks", 1, 1, 0, 0, 0, "rr", "delete 0" },
    };
    assert_rows(rows, G_N_ELEMENTS(rows), false, false);
}

static void
physical_machines_are_neither_made_nor_deleted(void **state)
{
    static const Row rows[] = {
        { "not made", 9, 3, 1, 1, 2, "", "" },
        { "not deleted", 0, 0, 0, 0, 0, "r-x-z", "" },
        { "dirty ones are recycled", 9, 0, 0, 0, 0, "s!", "recycle 0" },
    };
    assert_rows(rows, G_N_ELEMENTS(rows), true, true);
}

static void
fifty_spares_are_planned_in_one_go_and_not_twice(void **state)
{
    BerthPlanPool pool = { .is_enabled = true, .size = 50, .spares = { 50 }, .now_us = NOW_US };
    BerthPlanMachine machines[MAX_MACHINES];
    g_autoptr(GArray) first = berth_plan_pool(&pool, NULL, 0);
    assert_int_equal(first->len, 50);
    for (guint i = 0; i < first->len; i++) {
        machines[i] = (BerthPlanMachine){ .id = "x", .state = BERTH_MACHINE_PLANNED };
    }
    g_autoptr(GArray) second = berth_plan_pool(&pool, machines, 50);
    assert_int_equal(second->len, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_whole_gap_is_closed_at_once),
        cmocka_unit_test(what_is_switched_off_wakes_before_anything_is_made),
        cmocka_unit_test(too_many_hot_ones_cool_down_and_then_go),
        cmocka_unit_test(a_shrunk_pool_lets_the_least_valuable_go),
        cmocka_unit_test(a_host_that_takes_nothing_is_left_by_its_spares),
        cmocka_unit_test(what_is_dirty_and_nobodys_is_recycled),
        cmocka_unit_test(a_pool_that_is_off_does_not_grow),
        cmocka_unit_test(physical_machines_are_neither_made_nor_deleted),
        cmocka_unit_test(fifty_spares_are_planned_in_one_go_and_not_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
