/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testing.h"

#include "broker/rollout-plan.h"
#include "broker/version-choice.h"

#include <string.h>

#define NOW_US (100000LL * 1000 * 1000)
#define MAX_MACHINES 32

/*
 * A pool in one line: a letter a machine; a small one is on the old version, a capital one on the
 * new.
 *
 * r ready, o stopped, y recycling, s starting, x failed, a assigned and in a session, b assigned
 * and nobody in, l lost, d deleting; behind it: * canary, # held, + kept, - its host has not what
 * it needs, ! warned.
 */
static BerthRolloutMachine
machine_from_letter(char letter)
{
    static const char letters[] = "roysxabld";
    static const BerthMachineState states[] = {
        BERTH_MACHINE_READY,    BERTH_MACHINE_STOPPED, BERTH_MACHINE_RECYCLING,
        BERTH_MACHINE_STARTING, BERTH_MACHINE_FAILED,  BERTH_MACHINE_ASSIGNED,
        BERTH_MACHINE_ASSIGNED, BERTH_MACHINE_LOST,    BERTH_MACHINE_DELETING,
    };
    const char *found = strchr(letters, g_ascii_tolower(letter));
    assert_non_null(found);
    BerthMachineState state = states[found - letters];
    return (BerthRolloutMachine){
        .state = state,
        .host = "alpha",
        .side = g_ascii_isupper(letter) ? BERTH_SIDE_TO : BERTH_SIDE_FROM,
        .is_owned = state == BERTH_MACHINE_ASSIGNED,
        .is_in_session = g_ascii_tolower(letter) == 'a',
        .is_prepared = true,
    };
}

static void
modify(BerthRolloutMachine *machine, char sign)
{
    machine->is_canary |= sign == '*';
    machine->is_held |= sign == '#';
    machine->is_kept |= sign == '+';
    machine->is_warned |= sign == '!';
    machine->is_prepared &= sign != '-';
}

static size_t
parse(const char *line, BerthRolloutMachine machines[MAX_MACHINES], char ids[MAX_MACHINES][4])
{
    size_t n = 0;
    for (const char *c = line; *c != '\0'; c++) {
        if (g_ascii_isalpha(*c)) {
            machines[n] = machine_from_letter(*c);
            g_snprintf(ids[n], 4, "%zu", n);
            machines[n].id = ids[n];
            n++;
        } else {
            modify(&machines[n - 1], *c);
        }
    }
    return n;
}

static void
print(GString *text, const BerthRolloutAction *action)
{
    const char *space = text->len > 0 ? " " : "";
    switch (action->kind) {
    case BERTH_ROLLOUT_DO_RECYCLE:
        g_string_append_printf(text, "%s%s%s", space, action->id, action->is_canary ? "*" : "");
        break;
    case BERTH_ROLLOUT_DO_WARN:
        g_string_append_printf(text, "%swarn-%s", space, action->id);
        break;
    case BERTH_ROLLOUT_DO_STEP:
        g_string_append_printf(text, "%s%s", space,
                               berth_fsm_event_name(&berth_rollout_fsm, (int)action->event));
        break;
    }
}

typedef struct {
    const char *why;
    BerthRolloutInput input;
    const char *machines;
    const char *expected;
    const char *words;
} Row;

static void
assert_rows(const Row *rows, size_t n_rows)
{
    for (size_t i = 0; i < n_rows; i++) {
        BerthRolloutMachine machines[MAX_MACHINES];
        char ids[MAX_MACHINES][4];
        size_t n = parse(rows[i].machines, machines, ids);
        BerthRolloutInput input = rows[i].input;
        input.sentence = input.sentence != NULL ? input.sentence : "the gate says so";
        input.now_us = NOW_US;
        g_auto(BerthRolloutPlan) plan = berth_rollout_plan(&input, machines, n);
        g_autoptr(GString) text = g_string_new(NULL);
        for (guint j = 0; j < plan.actions->len; j++) {
            print(text, &g_array_index(plan.actions, BerthRolloutAction, j));
        }
        if (strcmp(text->str, rows[i].expected) != 0 ||
            (rows[i].words != NULL && strstr(plan.words, rows[i].words) == NULL)) {
            fail_msg("%s: \"%s\" instead of \"%s\": \"%s\"", rows[i].why, text->str,
                     rows[i].expected, plan.words);
        }
    }
}

#define CANARY .state = BERTH_ROLLOUT_CANARY
#define ROLLING .state = BERTH_ROLLOUT_ROLLING
#define BACK .state = BERTH_ROLLOUT_ROLLING_BACK
#define PASS .verdict = BERTH_GATE_PASS
#define FAIL .verdict = BERTH_GATE_FAIL

static const Row canary_rows[] = {
    { "it begins", { .state = BERTH_ROLLOUT_PLANNED, .n_canary = 2 }, "rrr", "start", NULL },
    { "two idle ones go", { CANARY, .n_canary = 2, .max_unavailable = 5 }, "rrra", "0* 1*", "" },
    { "never more than may be away",
      { CANARY, .n_canary = 3, .max_unavailable = 1 },
      "rrr",
      "0*",
      NULL },
    { "one is there, one misses",
      { CANARY, .n_canary = 2, .max_unavailable = 5 },
      "rR*r",
      "0*",
      NULL },
    { "one is on its way", { CANARY, .n_canary = 1, .max_unavailable = 5 }, "rY*r", "", NULL },
    { "the failed and the busy are no canaries",
      { CANARY, .n_canary = 2, .max_unavailable = 5 },
      "xaabr#r+l",
      "",
      "waits for an idle desktop to try the new version on: 2 more" },
    { "one that came back as it was goes again",
      { CANARY, .n_canary = 1, .max_unavailable = 5 },
      "rr*",
      "1*",
      NULL },
    { "hosts that do not have it",
      { CANARY, .n_canary = 1 },
      "r-r-",
      "",
      "waits for host \"alpha\"" },
    { "waits for users", { CANARY, .n_canary = 1 }, "R*rr", "", "the gate says so" },
    { "passed", { CANARY, .n_canary = 1, PASS }, "R*rr", "passed", "the gate says so" },
    { "passed before all were tried",
      { CANARY, .n_canary = 2, PASS, .max_unavailable = 1 },
      "R*rr",
      "1*",
      NULL },
    { "a pool of one has one canary", { CANARY, .n_canary = 2, PASS }, "R*", "passed", NULL },
    { "no canary was asked for", { CANARY }, "rr", "passed", NULL },
    { "a pool of none", { CANARY, .n_canary = 2 }, "", "passed", "nothing to try" },
    { "bad: all goes back",
      { CANARY, .n_canary = 1, FAIL },
      "X*rr",
      "gate-failed",
      "the gate says so" },
    { "bad: people decide",
      { CANARY, .n_canary = 1, FAIL, .is_pausing = true },
      "X*rr",
      "pause",
      "the gate says so" },
    { "nobody came in a day",
      { CANARY, .n_canary = 1, .deadline_us = NOW_US },
      "R*rr",
      "timeout",
      "it took too long" },
};

static void
canary_tries_it_on_a_few(void **state)
{
    (void)state;
    assert_rows(canary_rows, G_N_ELEMENTS(canary_rows));
}

static const Row rolling_rows[] = {
    { "a batch", { ROLLING, .batch = 2, .max_unavailable = 3 }, "rrrr", "0 1", NULL },
    { "not before the last one is back",
      { ROLLING, .batch = 2, .max_unavailable = 3 },
      "rrRY",
      "",
      "waits for 1 desktops to come back" },
    { "a batch is never more than may be away",
      { ROLLING, .batch = 9, .max_unavailable = 3 },
      "rrrrr",
      "0 1 2",
      NULL },
    { "a quarter may be away if nothing is said", { ROLLING }, "rrrrrrrr", "0 1", NULL },
    { "who is in a session stays", { ROLLING }, "aab", "", "waits for 3 users to log off" },
    { "switched off ones follow, too", { ROLLING, .max_unavailable = 9 }, "oor", "0 1 2", NULL },
    { "what people hold, keep or lost does not count",
      { ROLLING },
      "r#r+a+ldRR",
      "finished",
      "all desktops are on the new version" },
    { "one that starts is waited for", { ROLLING }, "sR", "", "waits for 1 desktops to come back" },
    { "idle-now does not wait for a batch",
      { ROLLING, .strategy = BERTH_STRATEGY_IDLE_NOW, .batch = 1, .max_unavailable = 2 },
      "rrYa",
      "0",
      NULL },
    { "idle-now takes what nobody is in",
      { ROLLING, .strategy = BERTH_STRATEGY_IDLE_NOW, .max_unavailable = 2 },
      "ab",
      "1",
      NULL },
    { "force warns once",
      { ROLLING, .strategy = BERTH_STRATEGY_FORCE, .max_unavailable = 2 },
      "aa!b",
      "warn-0 2",
      NULL },
    { "a closed window",
      { ROLLING, .strategy = BERTH_STRATEGY_WINDOW },
      "rr",
      "",
      "waits for its window to open" },
    { "an open window",
      { ROLLING, .strategy = BERTH_STRATEGY_WINDOW, .is_window_open = true },
      "rr",
      "0",
      NULL },
    { "a window that is closed before it begins",
      { .state = BERTH_ROLLOUT_PLANNED, .strategy = BERTH_STRATEGY_WINDOW },
      "rr",
      "",
      "waits for its window" },
    { "bad after all", { ROLLING, FAIL }, "XRrr", "gate-failed", "the gate says so" },
    { "paused: nothing moves", { .state = BERTH_ROLLOUT_PAUSED, FAIL }, "rXY", "", NULL },
    { "done: stragglers follow", { .state = BERTH_ROLLOUT_DONE }, "Rra", "1", NULL },
    { "done: all is well", { .state = BERTH_ROLLOUT_DONE }, "RR", "", "" },
};

static void
all_follow_in_batches(void **state)
{
    (void)state;
    assert_rows(rolling_rows, G_N_ELEMENTS(rolling_rows));
}

static const Row back_rows[] = {
    { "only those on the new version", { BACK, .max_unavailable = 9 }, "rraR*R", "3 4", NULL },
    { "the gate is not asked any more", { BACK, FAIL, .max_unavailable = 9 }, "rR", "1", NULL },
    { "broken ones cost nothing", { BACK, .max_unavailable = 4 }, "XXSRR", "0 1 2 3", NULL },
    { "who is in a session stays", { BACK }, "rA", "", "waits for 1 users to log off" },
    { "without waiting for a batch",
      { BACK, .batch = 1, .max_unavailable = 3 },
      "yRRR",
      "1 2",
      NULL },
    { "no window is waited for", { BACK, .strategy = BERTH_STRATEGY_WINDOW }, "rR", "1", NULL },
    { "all are back", { BACK }, "rra", "finished", "back on the old version" },
    { "it takes its time", { BACK, .deadline_us = NOW_US - 1 }, "A", "timeout", NULL },
};

static void
back_is_the_same_way(void **state)
{
    (void)state;
    assert_rows(back_rows, G_N_ELEMENTS(back_rows));
}

static void
version_is_chosen_by_the_rollout(void **state)
{
    (void)state;

    static const struct {
        BerthVersionFacts facts;
        const char *expected;
    } rows[] = {
        { { .pool_version = "", .own = "" }, "" },
        { { .pool_version = "p", .own = "o" }, "p" },
        { { "f", true, BERTH_ROLLOUT_PLANNED, "f", "t", "", true }, "f" },
        { { "f", true, BERTH_ROLLOUT_CANARY, "f", "t", "", false }, "f" },
        { { "f", true, BERTH_ROLLOUT_CANARY, "f", "t", "f", true }, "t" },
        { { "f", true, BERTH_ROLLOUT_ROLLING, "f", "t", "f", false }, "t" },
        { { "f", true, BERTH_ROLLOUT_PAUSED, "f", "t", "t", false }, "t" },
        { { "f", true, BERTH_ROLLOUT_PAUSED, "f", "t", "", false }, "f" },
        { { "t", true, BERTH_ROLLOUT_ROLLING_BACK, "f", "t", "t", true }, "f" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        assert_string_equal(berth_version_wanted(&rows[i].facts), rows[i].expected);
    }
}

static void
strategies_have_names(void **state)
{
    (void)state;
    BerthStrategy strategy = BERTH_STRATEGY_AT_LOGOFF;
    for (int i = 0; i < BERTH_N_STRATEGIES; i++) {
        assert_true(berth_strategy_from_name(berth_strategy_name((BerthStrategy)i), &strategy));
        assert_int_equal(strategy, i);
    }
    assert_false(berth_strategy_from_name("yesterday", &strategy));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(canary_tries_it_on_a_few),
        cmocka_unit_test(all_follow_in_batches),
        cmocka_unit_test(back_is_the_same_way),
        cmocka_unit_test(version_is_chosen_by_the_rollout),
        cmocka_unit_test(strategies_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
