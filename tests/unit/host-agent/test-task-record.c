/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/tasks/task-record.h"

#include "berth/errors.h"
#include "berth/limits.h"

#include "testing.h"

#include <string.h>

#define ID "00112233445566778899aabbccddeeff"

static json_t *
wish(void)
{
    return json_pack("{s:s, s:s, s:{s:s}}", "id", ID, "kind", "run-script", "args", "script",
                     "true");
}

static void
a_journal_survives_its_file(void **state)
{
    BerthTaskRecord record, again;
    json_t *object = wish();
    assert_true(berth_task_record_from_wish(object, &record, NULL));
    json_decref(object);
    record.n_starts = 3;
    record.checkpoint = json_pack("{s:s}", "step", "flattened");
    berth_task_record_set_progress(&record, 40, "copying");
    object = berth_task_record_to_json(&record);
    assert_true(berth_task_record_from_json(object, &again, NULL));
    assert_memory_equal(&again.id, &record.id, sizeof record.id);
    assert_string_equal(again.kind, "run-script");
    assert_string_equal(again.detail, "copying");
    assert_int_equal(again.n_starts, 3);
    assert_int_equal(again.progress_pct, 40);
    assert_true(json_equal(again.checkpoint, record.checkpoint));
    json_decref(object);
    berth_task_record_clear(&record);
    berth_task_record_clear(&again);
}

static void
an_end_forgets_the_checkpoint(void **state)
{
    BerthTaskRecord record;
    json_t *object = wish();
    assert_true(berth_task_record_from_wish(object, &record, NULL));
    json_decref(object);
    record.checkpoint = json_object();
    berth_task_record_end(&record, BERTH_OK, "done", json_pack("{s:i}", "n", 1));
    assert_null(record.checkpoint);
    json_t *report = berth_task_record_report(&record);
    assert_string_equal(json_string_value(json_object_get(report, "state")), "done");
    assert_int_equal(json_integer_value(json_object_get(report, "progress_pct")), 100);
    assert_null(json_object_get(report, "code"));
    json_decref(report);
    berth_task_record_clear(&record);
}

static void
a_result_over_its_limit_fails_the_task(void **state)
{
    BerthTaskRecord record;
    json_t *object = wish();
    assert_true(berth_task_record_from_wish(object, &record, NULL));
    json_decref(object);
    g_autofree char *text = g_strnfill(BERTH_LIMIT_TASK_RESULT_BYTES, 'x');
    berth_task_record_end(&record, BERTH_OK, "", json_pack("{s:s}", "text", text));
    assert_int_equal(record.state, BERTH_TASK_FAILED);
    assert_int_equal(record.code, BERTH_ERR_TOO_LARGE);
    assert_null(record.result);
    berth_task_record_clear(&record);
}

static void
what_a_guest_says_is_cut_and_cleaned(void **state)
{
    BerthTaskRecord record = { 0 };
    g_autofree char *text = g_strnfill(BERTH_LIMIT_TASK_DETAIL_BYTES, 'x');
    text[0] = '\n';
    text[1] = (char)0xff;
    g_autofree char *longer = g_strconcat(text, "\xc3\xa4\xc3\xa4", NULL);
    berth_task_record_set_progress(&record, 400, longer);
    assert_int_equal(record.progress_pct, 100);
    assert_true(strlen(record.detail) <= BERTH_LIMIT_TASK_DETAIL_BYTES);
    assert_true(g_utf8_validate(record.detail, -1, NULL));
    assert_int_equal(record.detail[0], ' ');
    berth_task_record_clear(&record);
}

static void
bad_wishes_are_refused(void **state)
{
    static const char *const texts[] = {
        "{}",
        "{\"id\":\"" ID "\"}",
        "{\"id\":\"" ID "\",\"kind\":3}",
        "{\"id\":\"" ID "\",\"kind\":\"a\",\"args\":[]}",
        "{\"id\":\"" ID "\",\"kind\":\"a\",\"other\":1}",
        "{\"id\":\"x\",\"kind\":\"a\"}",
        "{\"id\":\"" ID "\",\"kind\":\"a\",\"machine\":\"b\"}",
    };
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        BerthTaskRecord record;
        g_autoptr(GError) error = NULL;
        json_t *object = json_loads(texts[i], 0, NULL);
        if (berth_task_record_from_wish(object, &record, &error)) {
            fail_msg("%s is accepted", texts[i]);
        }
        assert_int_equal(error->code, BERTH_ERR_INVALID);
        json_decref(object);
    }
    g_autofree char *text = g_strnfill(BERTH_LIMIT_TASK_ARGS_BYTES, 'x');
    BerthTaskRecord record;
    json_t *object = wish();
    json_object_set_new(object, "args", json_pack("{s:s}", "script", text));
    assert_false(berth_task_record_from_wish(object, &record, NULL));
    json_decref(object);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_journal_survives_its_file),
        cmocka_unit_test(an_end_forgets_the_checkpoint),
        cmocka_unit_test(a_result_over_its_limit_fails_the_task),
        cmocka_unit_test(what_a_guest_says_is_cut_and_cleaned),
        cmocka_unit_test(bad_wishes_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
