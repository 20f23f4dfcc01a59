/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testing.h"

#include "broker/ctl/apply-plan.h"

#include <string.h>

static const char site_text[] =
    "{\"pools\": [{\"id\": \"1\", \"name\": \"office\", \"size\": 4, \"image\": \"demo\","
    "              \"policy\": {}},"
    "             {\"id\": \"2\", \"name\": \"lab\", \"size\": 1, \"image\": \"demo\"}],"
    " \"groups\": [{\"id\": \"3\", \"name\": \"staff\"}],"
    " \"entitlements\": [{\"id\": \"4\", \"user\": null, \"group\": \"staff\", \"pool\": \"office\","
    "                     \"schedule\": null}],"
    " \"policies\": [{\"level\": \"site\", \"target\": \"\", \"name\": \"\","
    "                 \"policy\": {\"usb\": false}}]}";

/* All changes as text, or the code of the error. */
static int
plan(const char *file_text, bool is_prune, char *ret, size_t size)
{
    json_t *file = json_loads(file_text, JSON_REJECT_DUPLICATES, NULL);
    json_t *site = json_loads(site_text, JSON_REJECT_DUPLICATES, NULL);
    GError *error = NULL;
    GArray *changes = berth_ctl_plan(file, site, is_prune, &error);
    int code = error != NULL ? error->code : BERTH_OK;
    ret[0] = '\0';
    for (guint i = 0; changes != NULL && i < changes->len; i++) {
        char *text = berth_ctl_format_change(&g_array_index(changes, BerthCtlChange, i));
        g_strlcat(ret, text, size);
        g_free(text);
    }
    g_clear_pointer(&changes, g_array_unref);
    g_clear_error(&error);
    json_decref(file);
    json_decref(site);
    return code;
}

static void
what_is_as_it_should_be_needs_no_change(void **state)
{
    char text[1024];
    assert_berth_ok(plan("{\"pools\": [{\"name\": \"office\", \"size\": 4}],"
                         " \"entitlements\": [{\"group\": \"staff\", \"pool\": \"office\"}],"
                         " \"policies\": {\"site\": {\"usb\": false}}}",
                         false, text, sizeof text));
    assert_string_equal(text, "");
    assert_berth_ok(plan("{}", true, text, sizeof text));
    assert_string_equal(text, "");
}

static void
only_what_differs_is_changed(void **state)
{
    char text[1024];
    assert_berth_ok(plan("{\"pools\": [{\"name\": \"office\", \"size\": 9, \"image\": \"demo\"},"
                         "             {\"name\": \"new\", \"size\": 1}]}",
                         false, text, sizeof text));
    assert_string_equal(text, "~ pools \"office\"\n    size: 4 -> 9\n"
                              "+ pools \"new\"\n    name: \"new\"\n    size: 1\n");
}

static void
an_entitlement_with_other_windows_is_exchanged(void **state)
{
    char text[1024];
    assert_berth_ok(plan("{\"entitlements\": [{\"group\": \"staff\", \"pool\": \"office\","
                         " \"schedule\": \"day\"}]}",
                         false, text, sizeof text));
    assert_string_equal(text,
                        "- entitlements group \"staff\" for pool \"office\"\n"
                        "+ entitlements group \"staff\" for pool \"office\"\n"
                        "    group: \"staff\"\n    pool: \"office\"\n    schedule: \"day\"\n");
}

static void
pruning_deletes_last_and_backwards(void **state)
{
    char text[1024];
    assert_berth_ok(plan("{\"groups\": [{\"name\": \"guests\"}], \"pools\": [],"
                         " \"entitlements\": []}",
                         true, text, sizeof text));
    assert_string_equal(text, "+ groups \"guests\"\n    name: \"guests\"\n"
                              "- entitlements group \"staff\" for pool \"office\"\n"
                              "- pools \"lab\"\n- pools \"office\"\n- groups \"staff\"\n");
}

static void
policies_are_compared_whole(void **state)
{
    char text[1024];
    assert_berth_ok(plan("{\"policies\": {\"site\": {\"usb\": true},"
                         " \"groups\": {\"staff\": {\"input\": false}}}}",
                         true, text, sizeof text));
    assert_string_equal(text,
                        "~ policies of the site\n    policy: {\"usb\":false} -> {\"usb\":true}\n"
                        "+ policies of group \"staff\"\n    level: \"group\"\n"
                        "    name: \"staff\"\n    policy: {\"input\":false}\n");
}

static void
what_is_no_plan_is_refused(void **state)
{
    static const char *const files[] = {
        "[]",
        "{\"clouds\": []}",
        "{\"pools\": {}}",
        "{\"pools\": [{}]}",
        "{\"pools\": [7]}",
        "{\"pools\": [{\"name\": \"a\"}, {\"name\": \"a\"}]}",
        "{\"entitlements\": [{\"pool\": \"office\"}]}",
        "{\"entitlements\": [{\"user\": \"ann\"}]}",
        "{\"policies\": {\"pools\": {}}}",
        "{\"policies\": {\"site\": 7}}",
    };
    char text[1024];
    for (size_t i = 0; i < G_N_ELEMENTS(files); i++) {
        assert_berth_error(plan(files[i], false, text, sizeof text), BERTH_ERR_CONFIG);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_as_it_should_be_needs_no_change),
        cmocka_unit_test(only_what_differs_is_changed),
        cmocka_unit_test(an_entitlement_with_other_windows_is_exchanged),
        cmocka_unit_test(pruning_deletes_last_and_backwards),
        cmocka_unit_test(policies_are_compared_whole),
        cmocka_unit_test(what_is_no_plan_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
