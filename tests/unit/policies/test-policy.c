/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testing.h"

#include "berth/protocol.h"
#include "policies/policy-decision.h"

#include <string.h>

static BerthPolicy
read_policy(const char *text)
{
    BerthPolicy policy;
    json_t *json = json_loads(text, 0, NULL);
    bool is_read = berth_policy_from_json(json, &policy, NULL);
    json_decref(json);
    assert_true(is_read);
    return policy;
}

static BerthPolicySource
source(BerthPolicyLevel level, const char *name, const char *text)
{
    BerthPolicySource source = { .level = level, .name = name };
    assert_true(berth_policy_rule_from_text(text, &source.rule, NULL));
    return source;
}

static void
every_key_has_a_whole_row(void **state)
{
    for (int i = 0; i < BERTH_N_POLICY_KEYS; i++) {
        const BerthPolicyField *field = &berth_policy_fields[i];
        bool is_text = field->type == BERTH_POLICY_TYPE_TEXT;
        bool has_names =
            field->type == BERTH_POLICY_TYPE_CHOICE || field->type == BERTH_POLICY_TYPE_SET;
        assert_non_null(field->name);
        assert_non_null(field->doc);
        assert_int_equal(berth_policy_find_key(field->name), i);
        assert_true(is_text == (i < BERTH_N_POLICY_TEXTS));
        assert_true(has_names == (field->names != NULL));
        assert_true(field->otherwise >= field->min && field->otherwise <= field->max);
    }
    assert_int_equal(berth_policy_find_key("nothing"), -1);
}

static void
what_is_missing_keeps_its_default(void **state)
{
    BerthPolicy policy = read_policy("{\"input\":false}");
    assert_int_equal(berth_policy_number(&policy, BERTH_POLICY_RESUME_WINDOW_S), 180);
    assert_false(berth_policy_allows(&policy, BERTH_POLICY_INPUT));
    assert_true(berth_policy_allows(&policy, BERTH_POLICY_RESIZE));
    assert_int_equal(berth_policy_number(&policy, BERTH_POLICY_OBSERVE), BERTH_POLICY_OBSERVE_ASK);
    assert_int_equal(berth_policy_rights(&policy), BERTH_RIGHT_RESIZE | BERTH_RIGHT_SCREENSHOT);
    policy = read_policy("{\"screenshot\":false}");
    assert_int_equal(berth_policy_rights(&policy), BERTH_RIGHT_INPUT | BERTH_RIGHT_RESIZE);
}

static void
json_comes_back_the_same(void **state)
{
    BerthPolicy policy = read_policy("{\"resume_window_s\":0,\"input\":false,"
                                     "\"observe\":\"always\",\"clipboard_types\":[\"html\"],"
                                     "\"watermark\":\"ann\",\"usb\":true}");
    BerthPolicy again;
    json_t *json = berth_policy_to_json(&policy);
    bool is_read = berth_policy_from_json(json, &again, NULL);
    assert_int_equal(json_object_size(json), BERTH_N_POLICY_KEYS);
    json_decref(json);
    assert_true(is_read);
    assert_memory_equal(again.numbers, policy.numbers, sizeof again.numbers);
    assert_string_equal(again.texts[BERTH_POLICY_WATERMARK], "ann");
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
        "{\"clipboard_types\":\"text\"}",
        "{\"clipboard_types\":[\"sound\"]}",
        "{\"watermark\":7}",
        "{\"strict\":[\"input\"]}",
        "{\"input\":true,\"strict\":[\"nothing\"]}",
        "{\"input\":true,\"strict\":[1]}",
        "{\"input\":true,\"strict\":\"input\"}",
    };
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        BerthPolicyRule rule = { .is_set = { true } };
        GError *error = NULL;
        bool is_read = berth_policy_rule_from_text(texts[i], &rule, &error);
        int code = error != NULL ? error->code : BERTH_OK;
        g_clear_error(&error);
        assert_false(is_read);
        assert_berth_error(code, BERTH_ERR_INVALID);
        assert_true(rule.is_set[0]);
    }
}

static void
the_nearest_level_that_speaks_wins(void **state)
{
    const BerthPolicySource sources[] = {
        source(BERTH_POLICY_LEVEL_USER, "ann", "{\"usb\":true}"),
        source(BERTH_POLICY_LEVEL_SITE, "", "{\"usb\":false,\"audio_in\":false}"),
        source(BERTH_POLICY_LEVEL_POOL, "office", "{\"audio_in\":true,\"printing\":false}"),
        source(BERTH_POLICY_LEVEL_DEVICE, "desk 7", "{\"printing\":true}"),
    };
    BerthPolicyDecision decision;
    berth_policy_decide(sources, G_N_ELEMENTS(sources), &decision);
    assert_true(berth_policy_allows(&decision.policy, BERTH_POLICY_USB));
    assert_int_equal(decision.winners[BERTH_POLICY_USB], 0);
    assert_true(berth_policy_allows(&decision.policy, BERTH_POLICY_AUDIO_IN));
    assert_int_equal(decision.winners[BERTH_POLICY_AUDIO_IN], 2);
    assert_true(berth_policy_allows(&decision.policy, BERTH_POLICY_PRINTING));
    assert_int_equal(decision.winners[BERTH_POLICY_PRINTING], 3);
    assert_int_equal(decision.winners[BERTH_POLICY_INPUT], BERTH_POLICY_BY_DEFAULT);
}

static void
of_several_groups_the_narrowest_wins(void **state)
{
    const BerthPolicySource sources[] = {
        source(BERTH_POLICY_LEVEL_GROUP, "all",
               "{\"clipboard_types\":[\"text\",\"image\"],\"session_max_s\":0,\"input\":true,"
               "\"photo_quality_min\":20}"),
        source(BERTH_POLICY_LEVEL_GROUP, "guests",
               "{\"clipboard_types\":[\"image\",\"html\"],\"session_max_s\":600,\"input\":false,"
               "\"photo_quality_min\":60}"),
        source(BERTH_POLICY_LEVEL_POOL, "office", "{\"session_max_s\":60}"),
    };
    for (int turn = 0; turn < 2; turn++) {
        BerthPolicySource order[] = { sources[turn], sources[1 - turn], sources[2] };
        BerthPolicyDecision decision;
        berth_policy_decide(order, G_N_ELEMENTS(order), &decision);
        assert_int_equal(berth_policy_number(&decision.policy, BERTH_POLICY_CLIPBOARD_TYPES), 2);
        assert_int_equal(berth_policy_number(&decision.policy, BERTH_POLICY_SESSION_MAX_S), 600);
        assert_false(berth_policy_allows(&decision.policy, BERTH_POLICY_INPUT));
        assert_int_equal(berth_policy_number(&decision.policy, BERTH_POLICY_PHOTO_QUALITY_MIN), 60);
    }
}

static void
a_strict_rule_is_a_ceiling(void **state)
{
    const BerthPolicySource sources[] = {
        source(BERTH_POLICY_LEVEL_SITE, "",
               "{\"clipboard_max_kib\":64,\"usb\":false,\"watermark\":\"site\",\"strict\":true}"),
        source(BERTH_POLICY_LEVEL_USER, "ann",
               "{\"clipboard_max_kib\":4096,\"usb\":true,\"watermark\":\"ann\"}"),
        source(BERTH_POLICY_LEVEL_GROUP, "guests", "{\"clipboard_max_kib\":8}"),
    };
    BerthPolicyDecision decision;
    berth_policy_decide(sources, G_N_ELEMENTS(sources), &decision);
    assert_int_equal(berth_policy_number(&decision.policy, BERTH_POLICY_CLIPBOARD_MAX_KIB), 64);
    assert_int_equal(decision.winners[BERTH_POLICY_CLIPBOARD_MAX_KIB], 0);
    assert_true(decision.is_capped[BERTH_POLICY_CLIPBOARD_MAX_KIB]);
    assert_false(berth_policy_allows(&decision.policy, BERTH_POLICY_USB));
    assert_string_equal(decision.policy.texts[BERTH_POLICY_WATERMARK], "site");

    berth_policy_decide(&sources[0], 1, &decision);
    assert_false(decision.is_capped[BERTH_POLICY_CLIPBOARD_MAX_KIB]);
}

static void
an_explanation_names_winner_and_losers(void **state)
{
    const BerthPolicySource sources[] = {
        source(BERTH_POLICY_LEVEL_SITE, "", "{\"usb\":false,\"strict\":[\"usb\"]}"),
        source(BERTH_POLICY_LEVEL_POOL, "lab", "{\"usb\":true}"),
    };
    BerthPolicyDecision decision;
    berth_policy_decide(sources, G_N_ELEMENTS(sources), &decision);
    json_t *why = berth_policy_explain(sources, G_N_ELEMENTS(sources), &decision);
    const json_t *usb = json_array_get(why, BERTH_POLICY_USB);
    assert_int_equal(json_array_size(why), BERTH_N_POLICY_KEYS);
    assert_string_equal(json_string_value(json_object_get(usb, "key")), "usb");
    assert_true(json_is_false(json_object_get(usb, "value")));
    assert_string_equal(json_string_value(json_object_get(usb, "from")), "site");
    assert_true(json_is_true(json_object_get(usb, "strict")));
    const json_t *also = json_array_get(json_object_get(usb, "also"), 0);
    assert_string_equal(json_string_value(json_object_get(also, "from")), "pool \"lab\"");
    assert_string_equal(
        json_string_value(json_object_get(json_array_get(why, BERTH_POLICY_INPUT), "from")),
        "default");
    json_decref(why);
}

static void
every_preset_is_a_strict_rule(void **state)
{
    BerthPolicyRule rule;
    for (size_t i = 0; berth_policy_presets[i] != NULL; i++) {
        assert_true(
            berth_policy_rule_from_text(berth_policy_preset(berth_policy_presets[i]), &rule, NULL));
        assert_true(rule.is_strict[BERTH_POLICY_FILES_FROM_GUEST]);
        assert_false(berth_policy_allows(&rule.values, BERTH_POLICY_CLIPBOARD_FROM_GUEST));
    }
    assert_null(berth_policy_preset("nothing"));
}

static void
a_pool_that_says_nothing_has_the_default(void **state)
{
    BerthPolicy policy = berth_policy_of_pool("{\"observe\":\"always\",\"resume_window_s\":900}");
    assert_int_equal(berth_policy_number(&policy, BERTH_POLICY_OBSERVE),
                     BERTH_POLICY_OBSERVE_ALWAYS);
    assert_int_equal(berth_policy_number(&policy, BERTH_POLICY_RESUME_WINDOW_S), 900);
    policy = berth_policy_of_pool("{\"observe\":7}");
    assert_int_equal(berth_policy_number(&policy, BERTH_POLICY_OBSERVE), BERTH_POLICY_OBSERVE_ASK);
    policy = berth_policy_of_pool(NULL);
    assert_int_equal(berth_policy_number(&policy, BERTH_POLICY_OBSERVE), BERTH_POLICY_OBSERVE_ASK);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_key_has_a_whole_row),
        cmocka_unit_test(what_is_missing_keeps_its_default),
        cmocka_unit_test(json_comes_back_the_same),
        cmocka_unit_test(strange_policies_are_refused),
        cmocka_unit_test(the_nearest_level_that_speaks_wins),
        cmocka_unit_test(of_several_groups_the_narrowest_wins),
        cmocka_unit_test(a_strict_rule_is_a_ceiling),
        cmocka_unit_test(an_explanation_names_winner_and_losers),
        cmocka_unit_test(every_preset_is_a_strict_rule),
        cmocka_unit_test(a_pool_that_says_nothing_has_the_default),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
