/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/core/settings.h"

#include "testing.h"

#include <glib/gstdio.h>
#include <sys/stat.h>

static void
what_is_saved_is_there_again_and_private(void **state)
{
    g_autofree char *folder = g_dir_make_tmp("berth-settings-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(folder, "deep", "client.ini", NULL);
    g_autofree char *parent = g_path_get_dirname(path);
    BerthSettings settings = { 0 };
    struct stat info;

    berth_settings_load(&settings, path);
    assert_string_equal(settings.broker, "");
    berth_settings_set(&settings.broker, "https://vdi");
    berth_settings_set(&settings.ca_file, "/etc/my ca.pem");
    berth_settings_set(&settings.user, "ann = \"x\"");
    assert_true(berth_settings_save(&settings, NULL));
    berth_settings_clear(&settings);

    berth_settings_load(&settings, path);
    assert_string_equal(settings.broker, "https://vdi");
    assert_string_equal(settings.ca_file, "/etc/my ca.pem");
    assert_string_equal(settings.user, "ann = \"x\"");
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    berth_settings_set(&settings.user, NULL);
    assert_string_equal(settings.user, "");
    berth_settings_clear(&settings);
    g_unlink(path);
    g_rmdir(parent);
    g_rmdir(folder);
}

static void
a_damaged_file_counts_as_empty(void **state)
{
    g_autofree char *path = NULL;
    int fd = g_file_open_tmp("berth-settings-XXXXXX", &path, NULL);
    BerthSettings settings = { 0 };

    assert_true(fd >= 0);
    g_close(fd, NULL);
    assert_true(g_file_set_contents(path, "broker = 1\n[[\xff", -1, NULL));
    berth_settings_load(&settings, path);
    assert_string_equal(settings.broker, "");
    assert_string_equal(settings.user, "");
    berth_settings_clear(&settings);
    g_unlink(path);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_saved_is_there_again_and_private),
        cmocka_unit_test(a_damaged_file_counts_as_empty),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
