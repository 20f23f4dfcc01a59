/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/config.h"

#include "testing.h"

#include <stdio.h>
#include <string.h>

static const BerthConfigRow schema[] = {
    { "server", "listen", BERTH_CONFIG_STRING, 1, 64, NULL, "address to listen on" },
    { "server", "threads", BERTH_CONFIG_INT, 1, 64, "4", "number of threads" },
    { "server", "verbose", BERTH_CONFIG_BOOL, 0, 0, "no", "talk more" },
    { "files", "state_dir", BERTH_CONFIG_PATH, 1, 0, "/var/lib/x", "where state is kept" },
    { "files", "cache", BERTH_CONFIG_SIZE, 1024, INT64_MAX, "64M", "bytes of cache" },
    { "files", "extra", BERTH_CONFIG_STRING, 1, 8, "", "optional" },
};

static BerthConfig *
load(const char *text, GError **error)
{
    return berth_config_load_data(schema, G_N_ELEMENTS(schema), text, strlen(text), error);
}

static void
values_and_defaults_are_there(void **state)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(BerthConfig) config = load("# a comment\n\n[server]\n  listen = [::]:443 \r\n"
                                         "verbose=on\n; another\n[files]\ncache=2G\n"
                                         "[server]\nthreads = 8\n",
                                         &error);
    assert_non_null(config);
    assert_string_equal(berth_config_get_string(config, "server", "listen"), "[::]:443");
    assert_int_equal(berth_config_get_int(config, "server", "threads"), 8);
    assert_true(berth_config_get_bool(config, "server", "verbose"));
    assert_string_equal(berth_config_get_string(config, "files", "state_dir"), "/var/lib/x");
    assert_true(berth_config_get_int(config, "files", "cache") == 2LL << 30);
    assert_string_equal(berth_config_get_string(config, "files", "extra"), "");
    assert_true(berth_config_is_set(config, "server", "threads"));
    assert_false(berth_config_is_set(config, "files", "extra"));
}

static void
every_mistake_is_named(void **state)
{
    static const struct {
        const char *text;
        const char *message;
    } cases[] = {
        { "", "config: [server] lacks \"listen\"" },
        { "[server]\nlisten=\n", "config:2: listen is 0 bytes long, not 1 to 64" },
        { "[server]\nlisten=a\nthread=3\n",
          "config:3: [server] has no key \"thread\", did you mean \"threads\"?" },
        { "[server]\nlisten=a\nlisten=b\n", "config:3: listen is given twice" },
        { "listen=a\n", "config:1: \"listen\" stands before the first group" },
        { "[sever]\n", "config:1: there is no group \"sever\"" },
        { "[server\n", "config:1: \"[server\" is not a group such as [name]" },
        { "[]\n", "config:1: \"[]\" is not a group such as [name]" },
        { "[server]\nlisten\n", "config:2: \"listen\" is neither a group nor key = value" },
        { "[server]\nthreads=0\n", "config:2: threads 0 is not between 1 and 64" },
        { "[server]\nthreads=65\n", "config:2: threads 65 is not between 1 and 64" },
        { "[server]\nthreads=4x\n", "config:2: threads \"4x\" is not a whole number" },
        { "[server]\nthreads= -\n", "config:2: threads \"-\" is not a whole number" },
        { "[server]\nthreads=99999999999999999999\n",
          "config:2: threads \"99999999999999999999\" is not a whole number" },
        { "[server]\nverbose=maybe\n", "config:2: verbose \"maybe\" is neither true nor false" },
        { "[files]\ncache=1Q\n", "config:2: cache \"1Q\" is not a size such as 512M" },
        { "[files]\ncache=9999999999T\n",
          "config:2: cache \"9999999999T\" is not a size such as 512M" },
        { "[files]\ncache=1\n", "config:2: cache 1 is not between 1024 and 9223372036854775807" },
        { "[files]\nextra=123456789\n", "config:2: extra is 9 bytes long, not 1 to 8" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        assert_null(load(cases[i].text, &error));
        assert_int_equal(error->code, BERTH_ERR_CONFIG);
        assert_string_equal(error->message, cases[i].message);
    }
}

static void
what_is_not_text_is_refused(void **state)
{
    static const char with_zero[] = "[server]\nlisten=a\0b\n";
    g_autoptr(GError) error = NULL;
    assert_null(berth_config_load_data(schema, G_N_ELEMENTS(schema), with_zero,
                                       sizeof(with_zero) - 1, &error));
    assert_non_null(strstr(error->message, "not UTF-8 text"));
    g_clear_error(&error);
    assert_null(load("[server]\nlisten=\xff\xfe\n", &error));
    assert_non_null(strstr(error->message, "not UTF-8 text"));
}

static void
relative_paths_start_at_the_folder_of_the_file(void **state)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *folder = g_dir_make_tmp("berth-config-XXXXXX", &error);
    assert_non_null(folder);
    g_autofree char *path = g_build_filename(folder, "x.conf", NULL);
    g_autofree char *expected = g_build_filename(folder, "state", NULL);
    assert_true(
        g_file_set_contents(path, "[server]\nlisten=a\n[files]\nstate_dir=state\n", -1, &error));
    g_autoptr(BerthConfig) config = berth_config_load(schema, G_N_ELEMENTS(schema), path, &error);
    assert_non_null(config);
    assert_string_equal(berth_config_get_string(config, "files", "state_dir"), expected);
    remove(path);
    remove(folder);
}

static void
a_missing_file_is_named(void **state)
{
    g_autoptr(GError) error = NULL;
    assert_null(berth_config_load(schema, G_N_ELEMENTS(schema), "/nowhere/x.conf", &error));
    assert_int_equal(error->code, BERTH_ERR_NOT_FOUND);
    assert_non_null(strstr(error->message, "/nowhere/x.conf"));
}

static void
a_folder_is_not_a_configuration(void **state)
{
    g_autoptr(GError) error = NULL;
    assert_null(berth_config_load(schema, G_N_ELEMENTS(schema), "/", &error));
    assert_non_null(error);
}

static void
the_description_with_its_gaps_filled_is_a_good_file(void **state)
{
    g_autofree char *text = berth_config_describe(schema, G_N_ELEMENTS(schema));
    assert_non_null(strstr(text, "# number of threads\n#threads = 4\n"));
    char *gap = strstr(text, "listen =\n");
    assert_non_null(gap);
    memcpy(gap, "listen=a\n", 9);
    g_autoptr(GError) error = NULL;
    g_autoptr(BerthConfig) config = load(text, &error);
    assert_non_null(config);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_and_defaults_are_there),
        cmocka_unit_test(every_mistake_is_named),
        cmocka_unit_test(what_is_not_text_is_refused),
        cmocka_unit_test(relative_paths_start_at_the_folder_of_the_file),
        cmocka_unit_test(a_missing_file_is_named),
        cmocka_unit_test(a_folder_is_not_a_configuration),
        cmocka_unit_test(the_description_with_its_gaps_filled_is_a_good_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
