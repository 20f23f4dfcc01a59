/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/core/login-json.h"

#include "testing.h"

#include <string.h>

#define ID_A "00112233445566778899aabbccddeeff"
#define ID_B "ffeeddccbbaa99887766554433221100"
#define TOKEN ID_A ID_B

static void
a_good_login_gives_token_and_name(void **state)
{
    const char *text = "{\"token\":\"" TOKEN "\",\"expires_in_s\":36000,"
                       "\"user\":{\"id\":\"" ID_A "\",\"name\":\"ada\",\"admin\":true},\"new\":1}";
    BerthLogin login = { 0 };

    assert_true(berth_login_json_parse(text, strlen(text), &login, NULL));
    assert_string_equal(login.token, TOKEN);
    assert_string_equal(login.user_name, "ada");
    assert_true(login.is_admin);
    assert_int_equal(login.expires_in_s, 36000);
    berth_login_clear(&login);
    assert_int_equal(login.token[0], 0);
}

static void
a_token_that_could_break_a_header_is_refused(void **state)
{
    static const char *const tokens[] = {
        "",
        "abc",
        TOKEN "0",
        "00112233445566778899aabbccddeeff\\r\\nX: y0000000000000000000000",
        "ZZ112233445566778899aabbccddeeffffeeddccbbaa99887766554433221100",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(tokens); i++) {
        g_autofree char *text =
            g_strdup_printf("{\"token\":\"%s\",\"user\":{\"name\":\"ada\"}}", tokens[i]);
        GError *error = NULL;
        BerthLogin login = { 0 };

        assert_false(berth_login_json_parse(text, strlen(text), &login, &error));
        assert_int_equal(error->code, BERTH_ERR_PROTOCOL);
        g_clear_error(&error);
    }
}

static void
a_login_that_owes_a_second_factor_has_no_token(void **state)
{
    const char *owed = "{\"pending\":\"" TOKEN "\",\"second_factor\":\"totp\"}";
    const char *none = "{\"pending\":\"" TOKEN "\",\"second_factor\":\"enrol\","
                       "\"token\":\"" TOKEN "\",\"user\":{\"name\":\"ada\"}}";
    const char *bad[] = { "{\"pending\":\"x\",\"second_factor\":\"totp\"}",
                          "{\"pending\":\"" TOKEN "\",\"second_factor\":\"sms\"}",
                          "{\"pending\":\"" TOKEN "\"}" };
    BerthLogin login = { 0 };

    assert_true(berth_login_json_parse(owed, strlen(owed), &login, NULL));
    assert_string_equal(login.pending, TOKEN);
    assert_string_equal(login.token, "");
    assert_false(login.must_enrol);
    berth_login_clear(&login);
    assert_true(berth_login_json_parse(none, strlen(none), &login, NULL));
    assert_true(login.must_enrol);
    assert_string_equal(login.token, "");
    berth_login_clear(&login);
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        assert_false(berth_login_json_parse(bad[i], strlen(bad[i]), &login, NULL));
    }
}

static void
recovery_codes_come_along_once(void **state)
{
    const char *text = "{\"token\":\"" TOKEN "\",\"user\":{\"name\":\"ada\"},"
                       "\"recovery_codes\":[\"aaaa-bbbb\",7,\"x y\",\"cccc-dddd\"]}";
    BerthLogin login = { 0 };

    assert_true(berth_login_json_parse(text, strlen(text), &login, NULL));
    assert_int_equal(g_strv_length(login.recovery_codes), 2);
    assert_string_equal(login.recovery_codes[1], "cccc-dddd");
    berth_login_clear(&login);
    assert_null(login.recovery_codes);
}

static void
only_providers_are_offered(void **state)
{
    const char *text = "{\"sources\":[{\"id\":\"" ID_A "\",\"name\":\"Company\",\"kind\":\"oidc\"},"
                       "{\"id\":\"" ID_B "\",\"name\":\"ldap\",\"kind\":\"ldap\"}]}";
    const char *bad = "{\"sources\":[{\"id\":\"../x\",\"name\":\"Company\",\"kind\":\"oidc\"}]}";
    GPtrArray *providers = berth_login_json_providers(text, strlen(text), NULL);

    assert_non_null(providers);
    assert_int_equal(providers->len, 1);
    assert_string_equal(((BerthProviderName *)g_ptr_array_index(providers, 0))->name, "Company");
    g_ptr_array_unref(providers);
    assert_null(berth_login_json_providers(bad, strlen(bad), NULL));
}

/* The address is given to another program: it must not be a file, a command or two words. */
static void
only_web_addresses_reach_the_browser(void **state)
{
    static const struct {
        const char *url;
        bool is_good;
    } cases[] = {
        { "https://login.example/auth?state=x&scope=openid%20email", true },
        { "http://login.example/", false },
        { "file:///etc/passwd", false },
        { "https://a.example/ --option", false },
        { "https://a.example/\\n", false },
        { "-https://a.example/", false },
        { "javascript:alert(1)", false },
        { "", false },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *text = g_strdup_printf(
            "{\"url\":\"%s\",\"state\":\"" TOKEN "\",\"flow\":\"" TOKEN "\"}", cases[i].url);
        BerthBrowserLogin browser = { 0 };

        assert_int_equal(berth_login_json_browser(text, strlen(text), &browser, NULL),
                         cases[i].is_good);
        berth_browser_login_clear(&browser);
    }
}

static void
a_new_factor_is_two_secrets(void **state)
{
    const char *good = "{\"secret\":\"ABCDEFGH\",\"uri\":\"otpauth://totp/x?secret=ABCDEFGH\"}";
    const char *bad = "{\"secret\":\"ABCDEFGH\",\"uri\":\"https://evil.example\"}";
    BerthEnrolment enrolment = { 0 };

    assert_true(berth_login_json_enrolment(good, strlen(good), &enrolment, NULL));
    assert_string_equal(enrolment.secret, "ABCDEFGH");
    berth_enrolment_clear(&enrolment);
    assert_null(enrolment.uri);
    assert_false(berth_login_json_enrolment(bad, strlen(bad), &enrolment, NULL));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_login_gives_token_and_name),
        cmocka_unit_test(a_token_that_could_break_a_header_is_refused),
        cmocka_unit_test(a_login_that_owes_a_second_factor_has_no_token),
        cmocka_unit_test(recovery_codes_come_along_once),
        cmocka_unit_test(only_providers_are_offered),
        cmocka_unit_test(only_web_addresses_reach_the_browser),
        cmocka_unit_test(a_new_factor_is_two_secrets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
