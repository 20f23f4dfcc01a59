/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testing.h"

#include "host-agent/session/control-message.h"

#include "berth/protocol.h"

#include <jansson.h>
#include <string.h>

#define ID_A "00112233445566778899aabbccddeeff"
#define ID_B "ffeeddccbbaa99887766554433221100"
#define KEY "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const char good_start[] =
    "{\"op\":\"start\",\"session\":\"" ID_A "\",\"machine\":\"" ID_B "\",\"user\":\"" ID_A
    "\",\"user_name\":\"ann\",\"host\":\"" ID_B "\",\"epoch\":7,\"ticket_keys\":[\"" KEY
    "\"],\"policy\":{\"resume_window_s\":90,\"input\":true,\"resize\":false,"
    "\"observe\":\"never\"},\"capture\":\"qemu-dbus\"}";

static bool
parse(const char *text, BerthControlRequest *ret)
{
    g_autoptr(GError) error = NULL;
    bool is_good = berth_control_request_parse(text, strlen(text), ret, &error);

    assert_true(is_good == (error == NULL));
    return is_good;
}

static void
start_is_read_in_full(void **state)
{
    BerthControlRequest request;

    assert_true(parse(good_start, &request));
    assert_int_equal(request.op, BERTH_CONTROL_START);
    assert_int_equal(request.admission.session.bytes[1], 0x11);
    assert_int_equal(request.admission.machine.bytes[0], 0xff);
    assert_int_equal(request.admission.machine_epoch, 7);
    assert_int_equal(request.admission.n_keys, 1);
    assert_int_equal(request.admission.keys[0].bytes[1], 0x23);
    assert_true(request.admission.resume_window_us == 90LL * 1000 * 1000);
    assert_int_equal(request.admission.rights, BERTH_RIGHT_INPUT | BERTH_RIGHT_SCREENSHOT);
    assert_string_equal(request.watermark, "");
    assert_string_equal(request.user_name, "ann");
    assert_string_equal(request.capture, "qemu-dbus");
    assert_int_equal(berth_control_op_n_fds(request.op), 1);
    assert_int_equal(request.admission.observe, BERTH_POLICY_OBSERVE_NEVER);
}

static void
every_key_of_start_is_needed(void **state)
{
    json_t *good = json_loads(good_start, 0, NULL);
    const char *key;
    json_t *value;

    json_object_foreach (good, key, value) {
        json_t *spoilt = json_copy(good);
        BerthControlRequest request;
        char *text;

        json_object_del(spoilt, key);
        text = json_dumps(spoilt, 0);
        if (parse(text, &request)) {
            fail_msg("start is good without %s", key);
        }
        free(text);
        json_decref(spoilt);
    }
    json_decref(good);
}

static void
the_other_operations_are_read(void **state)
{
    BerthControlRequest request;

    assert_true(parse("{\"op\":\"client\"}", &request));
    assert_int_equal(request.op, BERTH_CONTROL_CLIENT);
    assert_true(parse("{\"op\":\"display\"}", &request));
    assert_int_equal(request.op, BERTH_CONTROL_DISPLAY);
    assert_true(
        parse("{\"op\":\"policy\",\"policy\":{\"input\":false,\"observe\":\"never\"}}", &request));
    assert_int_equal(request.op, BERTH_CONTROL_POLICY);
    assert_false(request.admission.rights & BERTH_RIGHT_INPUT);
    assert_int_equal(request.admission.observe, BERTH_POLICY_OBSERVE_NEVER);
    assert_int_equal(berth_control_op_n_fds(request.op), 0);
    assert_true(parse("{\"op\":\"notice\",\"number\":3,\"text\":\"Save.\"}", &request));
    assert_int_equal(request.number, 3);
    assert_string_equal(request.text, "Save.");
    assert_true(parse("{\"op\":\"record\"}", &request));
    assert_int_equal(request.op, BERTH_CONTROL_RECORD);
    assert_int_equal(berth_control_op_n_fds(request.op), 1);
    assert_true(parse("{\"op\":\"disconnect\",\"reason\":\"disconnected\",\"connection_epoch\":7}",
                      &request));
    assert_int_equal(request.reason, BERTH_ERR_DISCONNECTED);
    assert_int_equal(berth_control_op_n_fds(request.op), 0);
    assert_true(parse("{\"op\":\"end\",\"reason\":\"stale-epoch\"}", &request));
    assert_int_equal(request.reason, BERTH_ERR_STALE_EPOCH);
    assert_true(parse("{\"op\":\"end\",\"reason\":\"a-word-of-tomorrow\"}", &request));
    assert_int_equal(request.reason, BERTH_ERR_LOGGED_OFF);
}

static void
bad_packets_are_refused(void **state)
{
    static const char *const packets[] = {
        "",
        "[]",
        "{}",
        "{\"op\":1}",
        "{\"op\":\"fly\"}",
        "{\"op\":\"client\",\"more\":1}",
        "{\"op\":\"client\",\"op\":\"client\"}",
        "{\"op\":\"end\"}",
        "{\"op\":\"client\"} x",
        "{\"op\":\"start\"}",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(packets); i++) {
        BerthControlRequest request;

        if (parse(packets[i], &request)) {
            fail_msg("%s is good", packets[i]);
        }
    }
}

static void
ticket_keys_must_be_keys(void **state)
{
    static const char *const lists[] = { "[]", "[1]", "[\"00\"]", "{}" };
    json_t *good = json_loads(good_start, 0, NULL);

    for (size_t i = 0; i < G_N_ELEMENTS(lists); i++) {
        BerthControlRequest request;
        char *text;

        json_object_set_new(good, "ticket_keys", json_loads(lists[i], 0, NULL));
        text = json_dumps(good, 0);
        assert_false(parse(text, &request));
        free(text);
    }
    json_decref(good);
}

/* What is shared directly needs no broker's key, but a token that is one. */
static void
a_share_token_does_without_ticket_keys(void **state)
{
    static const char *const tokens[] = { KEY, "00", "" };
    json_t *good = json_loads(good_start, 0, NULL);

    json_object_set_new(good, "ticket_keys", json_array());
    for (size_t i = 0; i < G_N_ELEMENTS(tokens); i++) {
        BerthControlRequest request;
        char *text;

        json_object_set_new(good, "share_token", json_string(tokens[i]));
        text = json_dumps(good, 0);
        assert_int_equal(parse(text, &request), i == 0);
        free(text);
        assert_true(i > 0 || request.admission.has_share_token);
    }
    json_decref(good);
}

static void
reports_have_the_keys_of_the_contract(void **state)
{
    BerthControlState control = { true, 5, 100, 2000, 1280, 800, 2, 1, 777, 900 };
    BerthAdmissionConfig config = { .machine_epoch = 7, .session_key_hash = { 0xab } };
    g_autofree char *listening = berth_control_format_listening(&config, &control);
    g_autofree char *report = berth_control_format_state(&control);
    g_autofree char *failed = berth_control_format_failed(BERTH_ERR_DESKTOP_GONE, "it \"went\"");
    json_t *object = json_loads(listening, JSON_REJECT_DUPLICATES, NULL);

    assert_string_equal(json_string_value(json_object_get(object, "op")), "listening");
    assert_int_equal(json_integer_value(json_object_get(object, "epoch")), 7);
    assert_int_equal(json_string_length(json_object_get(object, "session_key")), 64);
    assert_true(json_is_true(json_object_get(object, "connected")));
    json_decref(object);
    assert_string_equal(report, "{\"op\":\"state\",\"connected\":true,\"connection_epoch\":5,"
                                "\"frames\":100,\"bytes_out\":2000,\"width\":1280,"
                                "\"height\":800,\"observers\":2,\"checks_failed\":1,"
                                "\"input_us\":777,\"first_frame_us\":900}");
    assert_string_equal(failed, "{\"op\":\"failed\",\"code\":\"desktop-gone\","
                                "\"detail\":\"it \\\"went\\\"\"}");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(start_is_read_in_full),
        cmocka_unit_test(every_key_of_start_is_needed),
        cmocka_unit_test(the_other_operations_are_read),
        cmocka_unit_test(bad_packets_are_refused),
        cmocka_unit_test(ticket_keys_must_be_keys),
        cmocka_unit_test(a_share_token_does_without_ticket_keys),
        cmocka_unit_test(reports_have_the_keys_of_the_contract),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
