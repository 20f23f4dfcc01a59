/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/tasks/guest-facts.h"

#include "berth/errors.h"
#include "berth/limits.h"

#include "testing.h"

#include <string.h>

static json_t *
read_facts(const char *text)
{
    return berth_guest_facts_read(text, strlen(text), NULL);
}

static void
a_check_is_read(void **state)
{
    BerthGuestCheck check;
    const char *text = "os Debian 12\nagent 7.2\nused_kib 10\nfree_kib 20\n";
    assert_true(berth_guest_check_read(text, strlen(text), &check, NULL));
    assert_string_equal(check.os, "Debian 12");
    assert_string_equal(check.agent, "7.2");
    assert_int_equal(check.used_kib, 10);
    assert_int_equal(check.free_kib, 20);
    assert_null(check.unclean);
    berth_guest_check_clear(&check);
}

static void
a_check_without_numbers_is_none(void **state)
{
    BerthGuestCheck check;
    g_autoptr(GError) error = NULL;
    assert_false(berth_guest_check_read("os x\n", 5, &check, &error));
    assert_int_equal(error->code, BERTH_ERR_PROTOCOL);
}

static void
changes_are_told(void **state)
{
    json_t *report = read_facts("package bash 5.2\nbaseline yes\np M bash 5.1 5.2\nn_files A 1\n"
                                "n_files M 0\nn_files D 0\nf A /etc/x\nend\n");
    assert_non_null(report);
    char *text = json_dumps(report, JSON_COMPACT | JSON_SORT_KEYS);
    assert_string_equal(text,
                        "{\"file_changes\":[\"A /etc/x\"],\"files\":{\"added\":1,\"changed\":0,"
                        "\"removed\":0},\"has_baseline\":true,\"is_cut\":false,"
                        "\"package_changes\":[\"M bash 5.1 5.2\"],\"packages\":[\"bash 5.2\"]}");
    free(text);
    json_decref(report);
}

static void
half_a_list_is_none(void **state)
{
    assert_null(read_facts("package bash 5.2\nbaseline yes\n"));
}

static void
a_flood_is_cut_and_said_so(void **state)
{
    GString *text = g_string_new("baseline yes\n");
    for (int i = 0; i < 20000; i++) {
        g_string_append_printf(text, "package package-number-%d 1.2.3-4\n", i);
        g_string_append_printf(text, "f A /usr/share/something/long/%d\x1b[1m\n", i);
    }
    g_string_append(text, "end\n");
    json_t *report = berth_guest_facts_read(text->str, text->len, NULL);
    assert_non_null(report);
    assert_true(json_is_true(json_object_get(report, "is_cut")));
    assert_true(json_dumpb(report, NULL, 0, JSON_COMPACT) <= BERTH_LIMIT_FACTS_BYTES + 1024);
    assert_true(json_array_size(json_object_get(report, "file_changes")) > 0);
    json_decref(report);
    g_string_free(text, TRUE);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_check_is_read),
        cmocka_unit_test(a_check_without_numbers_is_none),
        cmocka_unit_test(changes_are_told),
        cmocka_unit_test(half_a_list_is_none),
        cmocka_unit_test(a_flood_is_cut_and_said_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
