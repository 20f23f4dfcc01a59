/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The broker's answers: any bytes give checked values or an error, whichever answer they are taken
 * for, and a refusal is never a success.
 */
#include "client/core/broker-json.h"
#include "client/core/login-json.h"

#include "base/error.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_login(const char *text, size_t size)
{
    BerthLogin login = { 0 };
    g_autoptr(GError) error = NULL;

    if (berth_login_json_parse(text, size, &login, &error)) {
        bool is_pending = login.pending[0] != '\0';

        g_assert(strlen(is_pending ? login.pending : login.token) == BERTH_API_TOKEN_CHARS);
        g_assert(is_pending ? login.token[0] == '\0' : login.user_name != NULL);
        g_assert(login.expires_in_s >= 0);
    } else {
        g_assert(error != NULL);
    }
    berth_login_clear(&login);
}

static void
check_login_parts(const char *text, size_t size)
{
    g_autoptr(GPtrArray) providers = berth_login_json_providers(text, size, NULL);
    BerthEnrolment enrolment = { 0 };
    BerthBrowserLogin browser = { 0 };

    g_assert(providers == NULL || providers->len <= BERTH_LIMIT_CLIENT_PROVIDERS);
    if (berth_login_json_enrolment(text, size, &enrolment, NULL)) {
        g_assert(g_str_has_prefix(enrolment.uri, "otpauth://"));
    }
    if (berth_login_json_browser(text, size, &browser, NULL)) {
        g_assert(g_str_has_prefix(browser.url, "https://"));
        g_assert(strpbrk(browser.url, " \n\r\t\x1b") == NULL);
    }
    berth_enrolment_clear(&enrolment);
    berth_browser_login_clear(&browser);
}

static void
check_desktops(const char *text, size_t size)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) desktops = berth_broker_json_desktops(text, size, &error);

    g_assert((desktops == NULL) == (error != NULL));
    for (guint i = 0; desktops != NULL && i < desktops->len; i++) {
        const BerthDesktop *desktop = g_ptr_array_index(desktops, i);

        g_assert(strlen(desktop->name) <= BERTH_LIMIT_NAME_BYTES);
        g_assert(g_utf8_validate(desktop->name, -1, NULL));
        g_assert(strpbrk(desktop->name, "\n\r\x1b") == NULL);
    }
}

static void
check_connect(const char *text, size_t size)
{
    BerthConnectAnswer answer = { 0 };

    if (berth_broker_json_connect(text, size, &answer, NULL)) {
        g_assert(answer.retry_ms >= BERTH_LIMIT_CLIENT_RETRY_MIN_MS);
        g_assert(answer.retry_ms <= BERTH_LIMIT_CLIENT_RETRY_MAX_MS);
        g_assert(!answer.is_ready || strlen(answer.launch.sni) == BERTH_SESSION_SNI_CHARS);
    }
    berth_connect_answer_clear(&answer);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    BerthProblem problem = { 0 };

    check_login(text, size);
    check_login_parts(text, size);
    check_desktops(text, size);
    check_connect(text, size);
    berth_broker_json_problem(500, text, size, &problem);
    g_assert(problem.code < 0);
    g_assert(problem.title[0] != '\0' && strlen(problem.title) <= BERTH_LIMIT_REASON_BYTES);
    g_assert(strpbrk(problem.detail, "\n\r\x1b") == NULL);
    berth_problem_clear(&problem);
    return 0;
}
