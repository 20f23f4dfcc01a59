/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testing.h"

#include "berth/protocol.h"
#include "policies/policy.h"

static void
the_most_restrictive_wins_in_every_member(void **state)
{
    BerthPolicy a = { .resume_window_s = 60,
                      .allow_input = true,
                      .allow_resize = false,
                      .observe = BERTH_POLICY_OBSERVE_ALWAYS };
    BerthPolicy b = { .resume_window_s = 180,
                      .allow_input = false,
                      .allow_resize = true,
                      .observe = BERTH_POLICY_OBSERVE_NEVER };
    BerthPolicy merged = berth_policy_merge(&a, &b);
    assert_int_equal(merged.resume_window_s, 60);
    assert_false(merged.allow_input);
    assert_false(merged.allow_resize);
    assert_int_equal(merged.observe, BERTH_POLICY_OBSERVE_NEVER);
    BerthPolicy swapped = berth_policy_merge(&b, &a);
    assert_memory_equal(&merged, &swapped, sizeof merged);
}

static void
what_is_missing_keeps_its_default(void **state)
{
    BerthPolicy policy;
    assert_true(berth_policy_from_text("{\"input\":false}", &policy, NULL));
    assert_int_equal(policy.resume_window_s, 180);
    assert_false(policy.allow_input);
    assert_true(policy.allow_resize);
    assert_int_equal(policy.observe, BERTH_POLICY_OBSERVE_ASK);
    assert_int_equal(berth_policy_rights(&policy), BERTH_RIGHT_RESIZE);
}

static void
json_comes_back_the_same(void **state)
{
    BerthPolicy policy = { .resume_window_s = 0,
                           .allow_input = false,
                           .allow_resize = true,
                           .observe = BERTH_POLICY_OBSERVE_ALWAYS };
    BerthPolicy again;
    json_t *json = berth_policy_to_json(&policy);
    bool is_read = berth_policy_from_json(json, &again, NULL);
    json_decref(json);
    assert_true(is_read);
    assert_int_equal(again.resume_window_s, 0);
    assert_false(again.allow_input);
    assert_true(again.allow_resize);
    assert_int_equal(again.observe, BERTH_POLICY_OBSERVE_ALWAYS);
}

static void
a_pool_says_who_may_watch(void **state)
{
    BerthPolicy policy = berth_policy_of_pool("{\"observe\":\"always\",\"resume_window_s\":900}");
    assert_int_equal(policy.observe, BERTH_POLICY_OBSERVE_ALWAYS);
    assert_int_equal(policy.resume_window_s, 180);
    policy = berth_policy_of_pool("{\"observe\":7}");
    assert_int_equal(policy.observe, BERTH_POLICY_OBSERVE_ASK);
    policy = berth_policy_of_pool(NULL);
    assert_int_equal(policy.observe, BERTH_POLICY_OBSERVE_ASK);
}

static void
strange_policies_are_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "[]",
        "{\"x\":1}",
        "{\"observe\":true}",
        "{\"observe\":\"maybe\"}",
        "{\"input\":1}",
        "{\"resume_window_s\":-1}",
        "{\"resume_window_s\":901}",
        "{\"resume_window_s\":1.5}",
        "{\"input\":true,\"input\":false}",
    };
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        BerthPolicy policy = { .resume_window_s = 7 };
        GError *error = NULL;
        bool is_read = berth_policy_from_text(texts[i], &policy, &error);
        int code = error != NULL ? error->code : BERTH_OK;
        g_clear_error(&error);
        assert_false(is_read);
        assert_berth_error(code, BERTH_ERR_INVALID);
        assert_int_equal(policy.resume_window_s, 7);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_most_restrictive_wins_in_every_member),
        cmocka_unit_test(what_is_missing_keeps_its_default),
        cmocka_unit_test(json_comes_back_the_same),
        cmocka_unit_test(a_pool_says_who_may_watch),
        cmocka_unit_test(strange_policies_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
