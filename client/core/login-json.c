/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/core/login-json.h"

#include "client/core/json-fields.h"

#include "base/error.h"
#include "base/id.h"
#include "base/secret.h"
#include "berth/limits.h"

#include <string.h>

static void
wipe_text(char **text)
{
    if (*text != NULL) {
        berth_wipe(*text, strlen(*text));
    }
    g_clear_pointer(text, g_free);
}

void
berth_login_clear(BerthLogin *login)
{
    berth_wipe(login->token, sizeof login->token);
    berth_wipe(login->pending, sizeof login->pending);
    for (size_t i = 0; login->recovery_codes != NULL && login->recovery_codes[i] != NULL; i++) {
        berth_wipe(login->recovery_codes[i], strlen(login->recovery_codes[i]));
    }
    g_clear_pointer(&login->recovery_codes, g_strfreev);
    g_clear_pointer(&login->user_name, g_free);
    g_clear_pointer(&login->desktop, g_free);
}

void
berth_enrolment_clear(BerthEnrolment *enrolment)
{
    wipe_text(&enrolment->secret);
    wipe_text(&enrolment->uri);
}

void
berth_provider_name_free(BerthProviderName *provider)
{
    g_free(provider->name);
    g_free(provider);
}

void
berth_browser_login_clear(BerthBrowserLogin *browser)
{
    berth_wipe(browser->flow, sizeof browser->flow);
    g_clear_pointer(&browser->url, g_free);
}

/* Printable ASCII without spaces, of 1 to max characters. */
static bool
is_plain(const char *text, size_t max)
{
    size_t len = text != NULL ? strlen(text) : 0;

    for (size_t i = 0; i < len; i++) {
        if (!g_ascii_isgraph(text[i])) {
            return false;
        }
    }
    return len > 0 && len <= max;
}

/* Codes that are missing are no error; codes of another shape are none that could be typed. */
static GStrv
take_codes(json_t *root)
{
    json_t *list = json_object_get(root, "recovery_codes");
    GPtrArray *codes;

    if (!json_is_array(list) || json_array_size(list) == 0 ||
        json_array_size(list) > BERTH_LIMIT_CLIENT_RECOVERY_CODES) {
        return NULL;
    }
    codes = g_ptr_array_new();
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *code = json_string_value(json_array_get(list, i));

        if (is_plain(code, BERTH_LIMIT_CLIENT_CODE_CHARS)) {
            g_ptr_array_add(codes, g_strdup(code));
        }
    }
    g_ptr_array_add(codes, NULL);
    return (GStrv)g_ptr_array_free(codes, FALSE);
}

/* A login that owes a second factor. */
static bool
take_pending(json_t *root, BerthLogin *login, GError **error)
{
    const char *factor = json_string_value(json_object_get(root, "second_factor"));

    login->must_enrol = g_strcmp0(factor, "enrol") == 0;
    if (!login->must_enrol && g_strcmp0(factor, "totp") != 0) {
        return berth_json_wrong_key("second_factor", error);
    }
    return berth_json_hex(root, "pending", BERTH_API_TOKEN_CHARS, login->pending) ||
           berth_json_wrong_key("pending", error);
}

static bool
take_token(json_t *root, BerthLogin *login, GError **error)
{
    json_t *user = json_object_get(root, "user");
    BerthId desktop;

    if (!berth_json_hex(root, "token", BERTH_API_TOKEN_CHARS, login->token)) {
        return berth_json_wrong_key("token", error);
    }
    login->user_name = berth_json_dup_name(user, "name");
    if (login->user_name == NULL) {
        return berth_json_wrong_key("user", error);
    }
    if (berth_json_id(root, "desktop", &desktop)) {
        login->desktop = g_strdup(json_string_value(json_object_get(root, "desktop")));
    }
    login->is_admin = berth_json_flag(user, "admin", false);
    login->recovery_codes = take_codes(root);
    return true;
}

bool
berth_login_json_parse(const char *text, size_t len, BerthLogin *ret_login, GError **error)
{
    g_autoptr(BerthJson) root = berth_json_parse(text, len, error);
    BerthLogin login = { 0 };
    bool is_pending;

    if (root == NULL) {
        return false;
    }
    is_pending = json_object_get(root, "pending") != NULL;
    if (is_pending ? !take_pending(root, &login, error) : !take_token(root, &login, error)) {
        berth_login_clear(&login);
        return false;
    }
    login.expires_in_s =
        berth_json_number(root, "expires_in_s", BERTH_LIMIT_LOGIN_LIFE_US / 1000000);
    *ret_login = login;
    return true;
}

bool
berth_login_json_enrolment(const char *text, size_t len, BerthEnrolment *ret_enrolment,
                           GError **error)
{
    g_autoptr(BerthJson) root = berth_json_parse(text, len, error);
    const char *secret = json_string_value(json_object_get(root, "secret"));
    const char *uri = json_string_value(json_object_get(root, "uri"));

    if (root == NULL) {
        return false;
    }
    if (!is_plain(secret, BERTH_LIMIT_CLIENT_CODE_CHARS)) {
        return berth_json_wrong_key("secret", error);
    }
    if (!is_plain(uri, BERTH_LIMIT_CLIENT_URL_CHARS) || !g_str_has_prefix(uri, "otpauth://")) {
        return berth_json_wrong_key("uri", error);
    }
    *ret_enrolment = (BerthEnrolment){ .secret = g_strdup(secret), .uri = g_strdup(uri) };
    return true;
}

GPtrArray *
berth_login_json_providers(const char *text, size_t len, GError **error)
{
    g_autoptr(BerthJson) root = berth_json_parse(text, len, error);
    g_autoptr(GPtrArray) providers =
        g_ptr_array_new_with_free_func((GDestroyNotify)berth_provider_name_free);
    json_t *list;

    if (root == NULL) {
        return NULL;
    }
    list = json_object_get(root, "sources");
    if (!json_is_array(list)) {
        berth_json_wrong_key("sources", error);
        return NULL;
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        json_t *source = json_array_get(list, i);
        const char *kind = json_string_value(json_object_get(source, "kind"));
        BerthProviderName provider = { 0 };

        if (g_strcmp0(kind, "oidc") != 0 || providers->len == BERTH_LIMIT_CLIENT_PROVIDERS) {
            continue;
        }
        provider.name = berth_json_dup_name(source, "name");
        if (provider.name == NULL || !berth_json_id(source, "id", &provider.id)) {
            g_free(provider.name);
            berth_json_wrong_key("sources", error);
            return NULL;
        }
        g_ptr_array_add(providers, g_memdup2(&provider, sizeof provider));
    }
    return g_steal_pointer(&providers);
}

bool
berth_login_json_browser(const char *text, size_t len, BerthBrowserLogin *ret_browser,
                         GError **error)
{
    g_autoptr(BerthJson) root = berth_json_parse(text, len, error);
    const char *url = json_string_value(json_object_get(root, "url"));
    BerthBrowserLogin browser = { 0 };

    if (root == NULL) {
        return false;
    }
    if (!is_plain(url, BERTH_LIMIT_CLIENT_URL_CHARS) || !g_str_has_prefix(url, "https://")) {
        return berth_json_wrong_key("url", error);
    }
    if (!berth_json_hex(root, "state", BERTH_API_TOKEN_CHARS, browser.state)) {
        return berth_json_wrong_key("state", error);
    }
    if (!berth_json_hex(root, "flow", BERTH_API_TOKEN_CHARS, browser.flow)) {
        return berth_json_wrong_key("flow", error);
    }
    browser.url = g_strdup(url);
    *ret_browser = browser;
    return true;
}
