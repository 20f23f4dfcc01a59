/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/core/settings.h"

#include "berth/limits.h"
#include "testing.h"

#include <glib/gstdio.h>
#include <sys/stat.h>

#define ID_A "00112233445566778899aabbccddeeff"
#define ID_B "ffeeddccbbaa99887766554433221100"

typedef struct {
    char *folder, *parent, *path;
    BerthSettings settings;
} Fixture;

static int
set_up(void **state)
{
    Fixture *f = g_new0(Fixture, 1);

    f->folder = g_dir_make_tmp("berth-settings-XXXXXX", NULL);
    f->path = g_build_filename(f->folder, "deep", "client.ini", NULL);
    f->parent = g_path_get_dirname(f->path);
    berth_settings_load(&f->settings, f->path);
    *state = f;
    return 0;
}

static int
tear_down(void **state)
{
    Fixture *f = *state;

    berth_settings_clear(&f->settings);
    g_unlink(f->path);
    g_rmdir(f->parent);
    g_rmdir(f->folder);
    g_free(f->path);
    g_free(f->parent);
    g_free(f->folder);
    g_free(f);
    return 0;
}

static void
load_again(Fixture *f)
{
    assert_true(berth_settings_save(&f->settings, NULL));
    berth_settings_clear(&f->settings);
    berth_settings_load(&f->settings, f->path);
}

static void
the_host_key_is_kept_and_is_always_one(void **state)
{
    Fixture *f = *state;

    assert_string_equal(f->settings.host_key->name, "right-ctrl");
    f->settings.host_key = berth_host_key_find("pause");
    load_again(f);
    assert_string_equal(f->settings.host_key->name, "pause");
    assert_string_equal(berth_host_key_find("enter")->name, "right-ctrl");
    for (size_t i = 0; i < berth_n_host_key_choices; i++) {
        assert_ptr_equal(berth_host_key_find(berth_host_key_choices[i].name),
                         &berth_host_key_choices[i]);
    }
}

static void
what_is_saved_is_there_again_and_private(void **state)
{
    Fixture *f = *state;
    BerthProfile *profile;
    struct stat info;

    assert_string_equal(f->settings.profile->broker, "");
    profile = berth_settings_use_broker(&f->settings, "https://vdi");
    berth_settings_set(&profile->ca_file, "/etc/my ca.pem");
    berth_settings_set(&profile->certificate_file, "/etc/device.pem");
    berth_settings_set(&profile->user, "ann = \"x\"");
    berth_profile_set_favourite(profile, ID_A, true);
    load_again(f);
    profile = f->settings.profile;
    assert_string_equal(profile->name, "vdi");
    assert_string_equal(profile->broker, "https://vdi");
    assert_string_equal(profile->ca_file, "/etc/my ca.pem");
    assert_string_equal(profile->certificate_file, "/etc/device.pem");
    assert_string_equal(profile->user, "ann = \"x\"");
    assert_true(berth_profile_is_favourite(profile, ID_A));
    assert_false(berth_profile_is_favourite(profile, ID_B));
    assert_int_equal(stat(f->path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
}

static void
each_broker_has_a_profile_and_the_last_one_used_comes_first(void **state)
{
    Fixture *f = *state;
    BerthProfile *office = berth_settings_use_broker(&f->settings, "https://office.example");

    berth_settings_set(&office->user, "ann");
    berth_settings_use_broker(&f->settings, "lab.example:8443");
    berth_settings_use_broker(&f->settings, "https://lab.example:9000");
    assert_int_equal(f->settings.profiles->len, 3);
    assert_string_equal(f->settings.profile->name, "https://lab.example:9000");
    /* The same broker, written in another way. */
    assert_ptr_equal(berth_settings_use_broker(&f->settings, "office.example:443/"), office);
    load_again(f);
    assert_int_equal(f->settings.profiles->len, 3);
    assert_string_equal(f->settings.profile->name, "office.example");
    assert_string_equal(f->settings.profile->user, "ann");
    assert_string_equal(berth_settings_find(&f->settings, "lab.example")->user, "");
    berth_settings_forget(&f->settings);
    load_again(f);
    assert_int_equal(f->settings.profiles->len, 2);
    assert_null(berth_settings_find(&f->settings, "office.example"));
    berth_settings_forget(&f->settings);
    berth_settings_forget(&f->settings);
    assert_string_equal(f->settings.profile->broker, "");
}

static void
lists_do_not_grow_without_end(void **state)
{
    Fixture *f = *state;
    BerthProfile *profile = NULL;

    for (unsigned i = 0; i < BERTH_LIMIT_CLIENT_PROFILES + 5; i++) {
        g_autofree char *broker = g_strdup_printf("https://b%u.example", i);

        profile = berth_settings_use_broker(&f->settings, broker);
    }
    assert_int_equal(f->settings.profiles->len, BERTH_LIMIT_CLIENT_PROFILES);
    for (unsigned i = 0; i < BERTH_LIMIT_CLIENT_FAVOURITES + 5; i++) {
        g_autofree char *id = g_strdup_printf("%032x", i);

        berth_profile_set_favourite(profile, id, true);
        berth_profile_set_favourite(profile, id, true);
    }
    assert_int_equal(profile->favourites->len, BERTH_LIMIT_CLIENT_FAVOURITES);
    berth_profile_set_favourite(profile, g_ptr_array_index(profile->favourites, 0), false);
    assert_int_equal(profile->favourites->len, BERTH_LIMIT_CLIENT_FAVOURITES - 1);
}

static void
a_damaged_file_counts_as_empty(void **state)
{
    static const char *const texts[] = {
        "broker = 1\n[[\xff",
        "[client]\nprofile=x\n[profile 1]\nbroker=https://a\n[profile 2]\nname=\n",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autofree char *path = NULL;
        int fd = g_file_open_tmp("berth-settings-XXXXXX", &path, NULL);
        BerthSettings settings = { 0 };

        assert_true(fd >= 0);
        g_close(fd, NULL);
        assert_true(g_file_set_contents(path, texts[i], -1, NULL));
        berth_settings_load(&settings, path);
        assert_string_equal(settings.profile->broker, "");
        assert_string_equal(settings.profile->user, "");
        berth_settings_clear(&settings);
        g_unlink(path);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_host_key_is_kept_and_is_always_one, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_saved_is_there_again_and_private, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(each_broker_has_a_profile_and_the_last_one_used_comes_first,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(lists_do_not_grow_without_end, set_up, tear_down),
        cmocka_unit_test(a_damaged_file_counts_as_empty),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
