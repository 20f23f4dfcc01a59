/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/core/launch-link.h"

#include "testing.h"

#include <glib/gstdio.h>
#include <string.h>

#define CODE "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static void
a_link_names_broker_desktop_and_code(void **state)
{
    BerthLaunchLink link;

    assert_true(
        berth_launch_link_parse("berth://vdi.example:8443/My%20Office?code=" CODE, &link, NULL));
    assert_string_equal(link.address.url, "https://vdi.example:8443");
    assert_string_equal(link.desktop, "My Office");
    assert_string_equal(link.code, CODE);
    assert_true(berth_launch_link_parse("BERTH://[::1]", &link, NULL));
    assert_string_equal(link.address.url, "https://[::1]:443");
    assert_string_equal(link.desktop, "");
    assert_string_equal(link.code, "");
    berth_launch_link_clear(&link);
}

static void
hostile_links_are_refused(void **state)
{
    static const char *const links[] = {
        "",
        "berth:",
        "berth://",
        "https://vdi.example/",
        "berth://https://vdi.example/",
        "berth://ann@vdi.example/",
        "berth://vdi.example/a/b",
        "berth://vdi.example/../../etc",
        "berth://vdi.example/a%2",
        "berth://vdi.example/a%00b",
        "berth://vdi.example/a%0ab",
        "berth://vdi.example/%e2%80%aeevil",
        "berth://vdi.example/%ff",
        "berth://vdi.example/x#y",
        "berth://vdi.example:0/",
        "berth://vdi.example:99999/",
        "berth://vdi.example/?ca=/tmp/evil.pem",
        "berth://vdi.example/?code=" CODE "&ca=x",
        "berth://vdi.example/?code=" CODE "0",
        "berth://vdi.example/?code=ABC",
        "berth://vdi.example/?",
        "berth://vdi\x1b[2J/",
        "berth://-oProxyCommand=x\\y/",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(links); i++) {
        BerthLaunchLink link = { 0 };
        GError *error = NULL;

        assert_false(berth_launch_link_parse(links[i], &link, &error));
        assert_int_equal(error->code, BERTH_ERR_INVALID);
        assert_null(strstr(error->message, CODE));
        g_clear_error(&error);
    }
}

static void
a_file_says_the_same(void **state)
{
    const char *text = "[berth]\r\nbroker=https://vdi.example\r\n\r\ndesktop=B\xc3\xbcro\n"
                       "code=" CODE "\n";
    BerthLaunchLink link;

    assert_true(berth_launch_link_parse_file(text, strlen(text), &link, NULL));
    assert_string_equal(link.address.url, "https://vdi.example:443");
    assert_string_equal(link.desktop, "B\xc3\xbcro");
    assert_string_equal(link.code, CODE);
    berth_launch_link_clear(&link);
}

static void
hostile_files_are_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "[berth]\n",
        "[other]\nbroker=https://a\n",
        "broker=https://a\n",
        "[berth]\nbroker=https://a\nbroker=https://b\n",
        "[berth]\nbroker=https://a\nca=/tmp/x\n",
        "[berth]\nbroker=file:///x\n",
        "[berth]\nbroker=https://a\ndesktop=\n",
        "[berth]\nbroker=https://a\ndesktop=a\x1b[2J\n",
        "[berth]\nbroker=https://a\ncode=1\n",
        "[berth]\nbroker=https://a\nnonsense\n",
        "[berth]\n[berth]\nbroker=https://a\n",
    };
    g_autofree char *large = g_strnfill(BERTH_LIMIT_LAUNCH_LINK_BYTES + 1, '\n');
    BerthLaunchLink link = { 0 };

    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        GError *error = NULL;

        assert_false(berth_launch_link_parse_file(texts[i], strlen(texts[i]), &link, &error));
        assert_int_equal(error->code, BERTH_ERR_INVALID);
        g_clear_error(&error);
    }
    assert_false(
        berth_launch_link_parse_file(large, BERTH_LIMIT_LAUNCH_LINK_BYTES + 1, &link, NULL));
    assert_false(berth_launch_link_parse_file("[berth]\n\0", 9, &link, NULL));
}

static void
files_are_named_by_path_or_by_address(void **state)
{
    static const char text[] = "[berth]\nbroker=https://vdi.example\ncode=" CODE "\n";
    g_autofree char *folder = g_dir_make_tmp("berth-link-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(folder, "B\xc3\xbcro of ann.berth", NULL);
    g_autofree char *uri = g_filename_to_uri(path, NULL, NULL);
    const char *const names[] = { path, uri };

    assert_true(g_file_set_contents(path, text, -1, NULL));
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        BerthLaunchLink link = { 0 };

        assert_true(berth_launch_link_load(names[i], &link, NULL));
        assert_string_equal(link.code, CODE);
        berth_launch_link_clear(&link);
    }
    g_remove(path);
    g_rmdir(folder);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_link_names_broker_desktop_and_code),
        cmocka_unit_test(hostile_links_are_refused),
        cmocka_unit_test(a_file_says_the_same),
        cmocka_unit_test(hostile_files_are_refused),
        cmocka_unit_test(files_are_named_by_path_or_by_address),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
