/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/core/broker-json.h"

#include "testing.h"

#include <string.h>

#define ID_A "00112233445566778899aabbccddeeff"
#define ID_B "ffeeddccbbaa99887766554433221100"
#define TOKEN ID_A ID_B
#define SNI ID_A "." ID_B ".session.berth"

/* 248 bytes of zero in base64. */
static char *
zero_ticket(void)
{
    guchar zeros[BERTH_TICKET_BYTES] = { 0 };

    return g_base64_encode(zeros, sizeof zeros);
}

static char *
ready_answer(const char *session, const char *sni, const char *key, const char *ticket)
{
    return g_strdup_printf("{\"state\":\"ready\",\"session\":\"%s\",\"machine\":\"x\","
                           "\"sni\":\"%s\",\"ticket\":\"%s\",\"session_key\":\"%s\","
                           "\"expires_in_s\":60,\"policy\":{\"resume_window_s\":180,"
                           "\"input\":true,\"resize\":false}}",
                           session, sni, ticket, key);
}

static void
desktops_are_listed(void **state)
{
    const char *text =
        "{\"desktops\":[{\"pool\":\"" ID_A "\",\"name\":\"Office\",\"kind\":\"floating\","
        "\"state\":\"in-use\",\"session\":\"" ID_B "\",\"machine\":null,\"last_used_us\":12,"
        "\"icon\":\"applications-office\"},"
        "{\"pool\":\"" ID_B "\",\"name\":\"Lab\",\"state\":\"busy\",\"session\":null,"
        "\"icon\":\"../x\"}]}";
    GPtrArray *desktops = berth_broker_json_desktops(text, strlen(text), NULL);
    const BerthDesktop *first, *second;

    assert_non_null(desktops);
    assert_int_equal(desktops->len, 2);
    first = g_ptr_array_index(desktops, 0);
    second = g_ptr_array_index(desktops, 1);
    assert_string_equal(first->name, "Office");
    assert_int_equal(first->state, BERTH_DESKTOP_IN_USE);
    assert_int_equal(first->session.bytes[0], 0xff);
    assert_int_equal(first->last_used_us, 12);
    assert_string_equal(first->icon, "applications-office");
    assert_int_equal(second->state, BERTH_DESKTOP_BUSY);
    assert_int_equal(second->session.bytes[0], 0);
    assert_string_equal(second->icon, "");
    g_ptr_array_unref(desktops);
}

static void
lists_that_are_wrong_or_too_long_are_refused(void **state)
{
    static const char *const cases[] = {
        "",
        "[]",
        "{}",
        "{\"desktops\":{}}",
        "{\"desktops\":[1]}",
        "{\"desktops\":[{\"pool\":\"x\",\"name\":\"a\",\"state\":\"busy\"}]}",
        "{\"desktops\":[{\"pool\":\"" ID_A "\",\"name\":\"\",\"state\":\"busy\"}]}",
        "{\"desktops\":[{\"pool\":\"" ID_A "\",\"name\":\"a\",\"state\":\"odd\"}]}",
        "{\"desktops\":[{\"pool\":\"" ID_A "\",\"name\":\"a\",\"state\":\"busy\",\"session\":1}]}",
        "{\"desktops\":[],\"desktops\":[]}",
    };
    GString *many = g_string_new("{\"desktops\":[");

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        assert_null(berth_broker_json_desktops(cases[i], strlen(cases[i]), NULL));
    }
    for (unsigned i = 0; i <= BERTH_LIMIT_CLIENT_DESKTOPS; i++) {
        g_string_append(many, i > 0 ? ",{}" : "{}");
    }
    g_string_append(many, "]}");
    assert_null(berth_broker_json_desktops(many->str, many->len, NULL));
    g_string_free(many, TRUE);
}

static void
names_are_cut_and_cannot_hold_control_characters(void **state)
{
    g_autofree char *fill = g_strnfill(1000, 'x');
    g_autofree char *text =
        g_strdup_printf("{\"desktops\":[{\"pool\":\"" ID_A "\",\"name\":\"a\\nb\\u202ec\\u0085%s\","
                        "\"state\":\"busy\"}]}",
                        fill);
    GPtrArray *desktops = berth_broker_json_desktops(text, strlen(text), NULL);
    const BerthDesktop *desktop;

    assert_non_null(desktops);
    desktop = g_ptr_array_index(desktops, 0);
    assert_true(strlen(desktop->name) <= BERTH_LIMIT_NAME_BYTES);
    assert_memory_equal(desktop->name, "a b c xxx", 9);
    g_ptr_array_unref(desktops);
}

static void
a_ready_desktop_gives_a_launch(void **state)
{
    g_autofree char *ticket = zero_ticket();
    g_autofree char *text = ready_answer(ID_A, SNI, TOKEN, ticket);
    BerthConnectAnswer answer = { 0 };

    assert_true(berth_broker_json_connect(text, strlen(text), &answer, NULL));
    assert_true(answer.is_ready);
    assert_string_equal(answer.launch.sni, SNI);
    assert_int_equal(answer.launch.resume_window_us, 180 * 1000000);
    assert_true(answer.launch.may_input);
    assert_false(answer.launch.may_resize);
    assert_int_equal(answer.launch.session_key_hash[31], 0x00);
    assert_int_equal(answer.launch.session_key_hash[16], 0xff);
    berth_connect_answer_clear(&answer);
}

static void
a_launch_with_one_wrong_part_is_refused(void **state)
{
    g_autofree char *ticket = zero_ticket();

    struct {
        const char *session, *sni, *key, *ticket;
    } cases[] = {
        { "x", SNI, TOKEN, ticket },
        { ID_B, SNI, TOKEN, ticket }, /* the name of another session */
        { ID_A, "evil.example.org", TOKEN, ticket },
        { ID_A, ID_A "." ID_B ".session.berti", TOKEN, ticket },
        { ID_A, ID_A "." ID_B ".session.berth.", TOKEN, ticket },
        { ID_A, ID_A "." ID_A "0.session.berth", TOKEN, ticket },
        { ID_A, SNI, ID_A, ticket },
        { ID_A, SNI, TOKEN, "" },
        { ID_A, SNI, TOKEN, "AAAA" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *text =
            ready_answer(cases[i].session, cases[i].sni, cases[i].key, cases[i].ticket);
        BerthConnectAnswer answer = { 0 };

        assert_false(berth_broker_json_connect(text, strlen(text), &answer, NULL));
        assert_false(answer.is_ready);
    }
}

static void
a_place_in_the_queue_is_read_and_the_retry_time_bounded(void **state)
{
    const char *queued = "{\"state\":\"queued\",\"session\":null,\"position\":3,"
                         "\"estimate_s\":9,\"retry_ms\":500}";
    const char *hurried = "{\"state\":\"starting\",\"retry_ms\":-5}";
    const char *lazy = "{\"state\":\"starting\",\"retry_ms\":9000000000}";
    BerthConnectAnswer answer;

    assert_true(berth_broker_json_connect(queued, strlen(queued), &answer, NULL));
    assert_false(answer.is_ready);
    assert_true(answer.is_queued);
    assert_int_equal(answer.position, 3);
    assert_int_equal(answer.retry_ms, 500);
    assert_true(berth_broker_json_connect(hurried, strlen(hurried), &answer, NULL));
    assert_int_equal(answer.retry_ms, BERTH_LIMIT_CLIENT_RETRY_MIN_MS);
    assert_true(berth_broker_json_connect(lazy, strlen(lazy), &answer, NULL));
    assert_int_equal(answer.retry_ms, BERTH_LIMIT_CLIENT_RETRY_MAX_MS);
}

static void
every_refusal_becomes_a_problem_that_is_no_success(void **state)
{
    static const struct {
        int status;
        const char *text;
        int code;
        const char *title;
        int retry_after_s;
    } cases[] = {
        { 401, "{\"status\":401,\"code\":\"bad-credentials\",\"title\":\"wrong\"}",
          BERTH_ERR_BAD_CREDENTIALS, "wrong", 0 },
        { 429, "{\"code\":\"throttled\",\"title\":\"slow\",\"retry_after_s\":7}",
          BERTH_ERR_THROTTLED, "slow", 7 },
        { 409, "{\"code\":\"no-desktop\",\"title\":\"a\\u0007b\"}", BERTH_ERR_NO_DESKTOP, "a b",
          0 },
        { 500, "{\"code\":\"ok\",\"title\":\"t\"}", BERTH_ERR_PROTOCOL, "t", 0 },
        { 500, "{\"code\":\"never-heard-of\",\"title\":\"t\"}", BERTH_ERR_INTERNAL, "t", 0 },
        { 503, "<html>", BERTH_ERR_HOST_DOWN, "the broker answered with HTTP status 503", 0 },
        { 302, "", BERTH_ERR_PROTOCOL, "the broker answered with HTTP status 302", 0 },
        { 401, "{\"code\":5,\"title\":[]}", BERTH_ERR_EXPIRED,
          "the broker answered with HTTP status 401", 0 },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        BerthProblem problem = { 0 };

        berth_broker_json_problem(cases[i].status, cases[i].text, strlen(cases[i].text), &problem);
        assert_berth_error(problem.code, cases[i].code);
        assert_string_equal(problem.title, cases[i].title);
        assert_string_equal(problem.detail, "");
        assert_int_equal(problem.retry_after_s, cases[i].retry_after_s);
        berth_problem_clear(&problem);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(desktops_are_listed),
        cmocka_unit_test(lists_that_are_wrong_or_too_long_are_refused),
        cmocka_unit_test(names_are_cut_and_cannot_hold_control_characters),
        cmocka_unit_test(a_ready_desktop_gives_a_launch),
        cmocka_unit_test(a_launch_with_one_wrong_part_is_refused),
        cmocka_unit_test(a_place_in_the_queue_is_read_and_the_retry_time_bounded),
        cmocka_unit_test(every_refusal_becomes_a_problem_that_is_no_success),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
