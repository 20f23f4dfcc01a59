/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testing.h"

#include "broker/auth/directory-settings.h"
#include "broker/auth/directory-text.h"

static void
what_users_type_cannot_leave_its_place(void **state)
{
    static const struct {
        const char *value;
        const char *filter;
        const char *dn;
    } rows[] = {
        { "anna", "anna", "anna" },
        { "a.b-c_d@e", "a.b-c_d@e", "a.b-c_d@e" },
        { "*", "\\2a", "\\2a" },
        { "a)(uid=*", "a\\29\\28uid=\\2a", "a\\29\\28uid\\3d\\2a" },
        { "a\\b", "a\\5cb", "a\\5cb" },
        { "x,dc=evil", "x,dc=evil", "x\\2cdc\\3devil" },
        { " #a ", " \\23a ", "\\20\\23a\\20" },
        { "a+b\"<>;", "a\\2bb\\22\\3c\\3e\\3b", "a\\2bb\\22\\3c\\3e\\3b" },
        { "\xc3\xa9", "\\c3\\a9", "\\c3\\a9" },
        { "\r\n", "\\0d\\0a", "\\0d\\0a" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *filter = berth_directory_escape_filter(rows[i].value);
        g_autofree char *dn = berth_directory_escape_dn(rows[i].value);
        assert_string_equal(filter, rows[i].filter);
        assert_string_equal(dn, rows[i].dn);
    }
}

static void
a_template_is_filled_once(void **state)
{
    g_autofree char *text =
        berth_directory_fill("(|(uid={user})(mail={user}))", "{user}", "{user}");
    assert_string_equal(text, "(|(uid={user})(mail={user}))");
    g_autofree char *other = berth_directory_fill("(uid={user})", "{user}", "anna");
    assert_string_equal(other, "(uid=anna)");
}

static void
settings_are_strict(void **state)
{
    static const struct {
        const char *json;
        const char *complaint; /* NULL: good */
    } rows[] = {
        { "{\"urls\": [\"ldaps://a\"], \"base\": \"dc=a\"}", NULL },
        { "{\"urls\": [\"ldap://a\", \"ldapi:///\"], \"bind_template\": \"uid={user},dc=a\"}",
          NULL },
        { "{}", "urls" },
        { "{\"urls\": []}", "urls" },
        { "{\"urls\": [7]}", "address" },
        { "{\"urls\": [\"http://a\"]}", "http://a" },
        { "{\"urls\": [\"ldaps://a\"]}", "base" },
        { "{\"urls\": [\"ldaps://a\"], \"base\": \"dc=a\", \"user_filter\": \"(uid=*)\"}",
          "user_filter" },
        { "{\"urls\": [\"ldaps://a\"], \"bind_template\": \"uid=anna\"}", "{user}" },
        { "{\"urls\": [\"ldaps://a\"], \"base\": \"dc=a\", \"bind_dn\": \"cn=x\"}",
          "bind_password_file" },
        { "{\"urls\": [\"ldaps://a\"], \"base\": 1}", "base" },
        { "{\"urls\": [\"ldaps://a\"], \"base\": \"dc=a\", \"nested\": \"deep\"}", "nested" },
        { "{\"urls\": [\"ldaps://a\"], \"base\": \"dc=a\", \"timeout_s\": 0}", "timeout_s" },
        { "{\"urls\": [\"ldaps://a\"], \"base\": \"dc=a\", \"tls\": false}", "tls" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;
        json_auto_t *settings = json_loads(rows[i].json, 0, NULL);
        g_autoptr(BerthDirectory) directory = berth_directory_new(settings, &error);
        assert_int_equal(directory != NULL, rows[i].complaint == NULL);
        if (rows[i].complaint != NULL) {
            assert_int_equal(error->code, BERTH_ERR_INVALID);
            assert_non_null(strstr(error->message, rows[i].complaint));
        }
    }
}

static void
an_empty_password_never_reaches_a_server(void **state)
{
    g_autoptr(GError) error = NULL;
    json_auto_t *settings =
        json_loads("{\"urls\": [\"ldaps://nowhere.invalid\"], \"base\": \"dc=a\"}", 0, NULL);
    g_autoptr(BerthDirectory) directory = berth_directory_new(settings, NULL);
    assert_null(berth_directory_login(directory, "anna", "", &error));
    assert_int_equal(error->code, BERTH_ERR_BAD_CREDENTIALS);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_users_type_cannot_leave_its_place),
        cmocka_unit_test(a_template_is_filled_once),
        cmocka_unit_test(settings_are_strict),
        cmocka_unit_test(an_empty_password_never_reaches_a_server),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
