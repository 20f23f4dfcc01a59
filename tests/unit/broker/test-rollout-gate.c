/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testing.h"

#include "broker/rollout-gate.h"

#include <string.h>

#define OLD                                                                                    \
    {                                                                                          \
        .n_boots = 50, .n_boots_ok = 50, .n_ready = 50, .ready_p95_ms = 10000, .n_logons = 50, \
        .n_logons_ok = 50, .logon_p95_ms = 4000, .n_frames = 50, .first_frame_p95_ms = 2000    \
    }

/* So many boots, of which so many went well, so many logons, and three times. */
#define NEW(boots, ok, logons, ready, logon, frame)                                       \
    .n_boots = (boots), .n_boots_ok = (ok), .n_ready = (ok), .ready_p95_ms = (ready),     \
    .n_logons = (logons), .n_logons_ok = (ok), .logon_p95_ms = (logon), .n_frames = (ok), \
    .first_frame_p95_ms = (frame)

typedef struct {
    const char *why;
    BerthGateNumbers new_version;
    BerthGateVerdict expected;
    const char *words; /* in the sentence */
} Row;

static const BerthGateLimits limits = {
    .min_boots = 2,
    .min_sessions = 1,
    .max_crashes = 0,
    .boot_success_pct = 90,
    .ready_p95_factor = 1.3,
    .logon_p95_factor = 1.5,
    .first_frame_factor = 1.5,
};

static const Row rows[] = {
    { "nothing was seen", { 0 }, BERTH_GATE_WAIT, "boots of the new version: 0 of 2" },
    { "one boot is too few", { .n_boots = 1, .n_boots_ok = 1 }, BERTH_GATE_WAIT, "1 of 2" },
    { "nobody logged on",
      { .n_boots = 2, .n_boots_ok = 2, .n_ready = 2, .ready_p95_ms = 9000 },
      BERTH_GATE_WAIT,
      "users who log on to the new version: 0 of 1" },
    { "all is well",
      { NEW(2, 2, 2, 11000, 4100, 2100) },
      BERTH_GATE_PASS,
      "as good as the old one: 2 boots, 2 logons" },
    { "the first of two boots fails: no other can mend it",
      { .n_boots = 1 },
      BERTH_GATE_FAIL,
      "1 of 1 boots of the new version failed; 90 % must succeed" },
    { "one of twenty may fail",
      { NEW(20, 19, 19, 11000, 4100, 2100) },
      BERTH_GATE_PASS,
      "20 boots" },
    { "three of twenty may not",
      { NEW(20, 17, 17, 11000, 4100, 2100) },
      BERTH_GATE_FAIL,
      "3 of 20 boots" },
    { "one crash",
      { NEW(2, 2, 2, 11000, 4100, 2100), .n_crashes = 1 },
      BERTH_GATE_FAIL,
      "crashed 1 times; 0 are allowed" },
    { "a logon fails", { NEW(2, 2, 3, 11000, 4100, 2100) }, BERTH_GATE_FAIL, "1 of 3 logons" },
    { "slow boots",
      { NEW(2, 2, 2, 13001, 4100, 2100) },
      BERTH_GATE_FAIL,
      "ready after 13.0 s (95 of 100 are faster), with the old version after 10.0 s" },
    { "just as slow as allowed", { NEW(2, 2, 2, 13000, 4100, 2100) }, BERTH_GATE_PASS, "as good" },
    { "one slow boot alone does not tell",
      { NEW(1, 1, 1, 60000, 4100, 2100) },
      BERTH_GATE_WAIT,
      "1 of 2" },
    { "slow logons", { NEW(2, 2, 2, 11000, 6001, 2100) }, BERTH_GATE_FAIL, "a user is logged on" },
    { "slow pictures",
      { NEW(2, 2, 2, 11000, 4100, 3001) },
      BERTH_GATE_FAIL,
      "the first picture comes after 3.0 s" },
};

static void
new_version_is_judged_by_its_numbers(void **state)
{
    (void)state;
    const BerthGateNumbers old_version = OLD;
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *sentence = NULL;
        BerthGateVerdict verdict =
            berth_gate_judge(&old_version, &rows[i].new_version, &limits, &sentence);
        if (verdict != rows[i].expected || strstr(sentence, rows[i].words) == NULL) {
            fail_msg("%s: %s: \"%s\"", rows[i].why, berth_gate_verdict_name(verdict), sentence);
        }
    }
}

static void
nothing_to_compare_with_is_no_fault(void **state)
{
    (void)state;
    const BerthGateNumbers none = { 0 };
    const BerthGateNumbers slow = { NEW(2, 2, 2, 900000, 900000, 2100) };
    g_autofree char *sentence = NULL;
    assert_int_equal(berth_gate_judge(&none, &slow, &limits, &sentence), BERTH_GATE_PASS);
}

static void
what_nobody_notices_is_no_fault(void **state)
{
    (void)state;
    const BerthGateNumbers fast = { .n_ready = 9,
                                    .ready_p95_ms = 300,
                                    .n_logons_ok = 9,
                                    .n_logons = 9,
                                    .logon_p95_ms = 100,
                                    .n_frames = 9,
                                    .first_frame_p95_ms = 80 };
    const BerthGateNumbers slower = { NEW(2, 2, 2, 2200, 1000, 500) };
    g_autofree char *sentence = NULL;
    assert_int_equal(berth_gate_judge(&fast, &slower, &limits, &sentence), BERTH_GATE_PASS);
}

static void
factor_of_nought_looks_at_nothing(void **state)
{
    (void)state;
    const BerthGateNumbers old_version = OLD;
    const BerthGateNumbers slow = { NEW(2, 2, 2, 900000, 4100, 2100) };
    BerthGateLimits lax = limits;
    lax.ready_p95_factor = 0;
    g_autofree char *sentence = NULL;
    assert_int_equal(berth_gate_judge(&old_version, &slow, &lax, &sentence), BERTH_GATE_PASS);
}

static void
percentile_is_the_nearest_rank(void **state)
{
    (void)state;
    int64_t hundred[100];
    int64_t three[] = { 30, 10, 20 };
    for (int i = 0; i < 100; i++) {
        hundred[i] = 100 - i;
    }
    assert_int_equal(berth_gate_p95(NULL, 0), 0);
    assert_int_equal(berth_gate_p95(three, 1), 30);
    assert_int_equal(berth_gate_p95(three, 3), 30);
    assert_int_equal(berth_gate_p95(hundred, 100), 95);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(new_version_is_judged_by_its_numbers),
        cmocka_unit_test(nothing_to_compare_with_is_no_fault),
        cmocka_unit_test(what_nobody_notices_is_no_fault),
        cmocka_unit_test(factor_of_nought_looks_at_nothing),
        cmocka_unit_test(percentile_is_the_nearest_rank),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
