/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/core/browser-return.h"

#include "testing.h"

#include <gio/gio.h>
#include <string.h>

#define STATE "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define OTHER "ffeeddccbbaa9988776655443322110000112233445566778899aabbccddeeff"
#define END " HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"

static void
requests_are_told_apart(void **state)
{
    static const struct {
        const char *text;
        BerthReturnKind kind;
        const char *value;
    } cases[] = {
        { "GET /login?state=" STATE "&code=a%2Fb+c" END, BERTH_RETURN_CODE, "a/b c" },
        { "GET /login?code=x&state=" STATE "&iss=y" END, BERTH_RETURN_CODE, "x" },
        { "GET /login?state=" STATE "&error=access_denied" END, BERTH_RETURN_REFUSED,
          "access_denied" },
        { "GET /login?state=" STATE "&error=x&error_description=no%0Aentry" END,
          BERTH_RETURN_REFUSED, "no entry" },
        { "GET /login?state=" STATE, BERTH_RETURN_MORE, NULL },
        { "GET /login?code=x" END, BERTH_RETURN_OTHER, NULL },
        { "GET /login?state=short&code=x" END, BERTH_RETURN_OTHER, NULL },
        { "GET /login?state=" STATE "&state=" STATE "&code=x" END, BERTH_RETURN_OTHER, NULL },
        { "GET /login?state=" STATE "&code=%zz" END, BERTH_RETURN_OTHER, NULL },
        { "GET /login?state=" STATE "&code=%00" END, BERTH_RETURN_OTHER, NULL },
        { "GET /login?state=" STATE "&code=%ff" END, BERTH_RETURN_OTHER, NULL },
        { "GET /favicon.ico" END, BERTH_RETURN_OTHER, NULL },
        { "POST /login?state=" STATE "&code=x" END, BERTH_RETURN_OTHER, NULL },
        { "GET /login? HTTP/1.1\r\n\r\n", BERTH_RETURN_OTHER, NULL },
        { "GET /login?\r\n\r\n", BERTH_RETURN_OTHER, NULL },
        { "\r\n\r\n", BERTH_RETURN_OTHER, NULL },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        BerthReturn what;

        assert_int_equal(berth_return_parse(cases[i].text, strlen(cases[i].text), &what),
                         cases[i].kind);
        if (cases[i].value != NULL) {
            assert_string_equal(what.code != NULL ? what.code : what.why, cases[i].value);
            assert_string_equal(what.state, STATE);
        }
        berth_return_clear(&what);
    }
}

typedef struct {
    char *code;
    unsigned n_calls;
} Back;

static void
on_back(const char *code, const char *why, void *user_data)
{
    Back *back = user_data;

    g_free(back->code);
    back->code = g_strdup(code);
    back->n_calls++;
}

static void
on_read(GObject *source, GAsyncResult *result, gpointer user_data)
{
    gssize *ret_n = user_data;

    *ret_n = g_input_stream_read_finish(G_INPUT_STREAM(source), result, NULL);
}

/* What the listener answers to a request; the loop runs meanwhile.  Owned. */
static char *
ask(const BerthBrowserReturn *listener, const char *request)
{
    const char *uri = berth_browser_return_get_uri(listener);
    uint16_t port = (uint16_t)g_ascii_strtoull(strrchr(uri, ':') + 1, NULL, 10);
    g_autoptr(GSocketClient) client = g_socket_client_new();
    g_autoptr(GSocketConnection) connection =
        g_socket_client_connect_to_host(client, "127.0.0.1", port, NULL, NULL);
    char answer[4096] = "";
    gssize n = -2;

    assert_non_null(connection);
    assert_true(g_output_stream_write_all(g_io_stream_get_output_stream(G_IO_STREAM(connection)),
                                          request, strlen(request), NULL, NULL, NULL));
    g_input_stream_read_async(g_io_stream_get_input_stream(G_IO_STREAM(connection)), answer,
                              sizeof answer - 1, G_PRIORITY_DEFAULT, NULL, on_read, &n);
    while (n == -2) {
        g_main_context_iteration(NULL, TRUE);
    }
    return g_strdup(answer);
}

static void
only_the_right_state_comes_back_and_once(void **state)
{
    Back back = { 0 };
    BerthBrowserReturn *listener = berth_browser_return_new(on_back, &back, NULL);
    g_autofree char *early = NULL, *wrong = NULL, *right = NULL, *again = NULL;

    assert_non_null(listener);
    early = ask(listener, "GET /login?state=" STATE "&code=early" END);
    assert_non_null(strstr(early, "404"));
    berth_browser_return_expect(listener, STATE);
    wrong = ask(listener, "GET /login?state=" OTHER "&code=evil" END);
    assert_non_null(strstr(wrong, "404"));
    assert_int_equal(back.n_calls, 0);
    right = ask(listener, "GET /login?state=" STATE "&code=good" END);
    assert_non_null(strstr(right, "200 OK"));
    assert_non_null(strstr(right, "no-store"));
    again = ask(listener, "GET /login?state=" STATE "&code=replayed" END);
    assert_non_null(strstr(again, "404"));
    assert_int_equal(back.n_calls, 1);
    assert_string_equal(back.code, "good");
    berth_browser_return_free(listener);
    g_free(back.code);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_are_told_apart),
        cmocka_unit_test(only_the_right_state_comes_back_and_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
