/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/desired.h"

#include "base/id.h"
#include "host-agent/json-fields.h"
#include "host-agent/session-host.h"
#include "testing.h"

#include <string.h>

#define ID_A "0123456789abcdef0123456789abcdef"
#define ID_B "ffffffffffffffffffffffffffffffff"
#define MANIFEST "{\"name\":\"x\",\"kernel\":\"k\",\"ready\":\"display\"}"
#define GOOD_MACHINE                                                                         \
    "{\"id\":\"" ID_A "\",\"epoch\":3,\"name\":\"n\",\"image\":\"x\",\"manifest\":" MANIFEST \
    ",\"vcpus\":2,\"memory_mib\":64,\"template\":true,\"want\":\"running\"}"
#define GOOD_SESSION                                                               \
    "{\"id\":\"" ID_B "\",\"machine\":\"" ID_A                                     \
    "\",\"epoch\":3,\"user\":\"u\",\"user_name\":\"anna\",\"connection_epoch\":1," \
    "\"want\":\"open\",\"policy\":{}}"

static BerthDesired *
parse(const char *machines, const char *sessions)
{
    g_autofree char *text = g_strdup_printf(
        "{\"type\":\"desired\",\"generation\":7,\"machines\":[%s],\"sessions\":[%s]}", machines,
        sessions);
    json_t *message = berth_json_parse_object(text, strlen(text), "test", NULL);
    assert_non_null(message);
    BerthDesired *desired = berth_desired_parse(message, NULL);
    json_decref(message);
    return desired;
}

static void
a_whole_message_is_read(void **state)
{
    BerthDesired *desired = parse(GOOD_MACHINE, GOOD_SESSION);
    BerthId id;
    assert_int_equal(desired->generation, 7);
    berth_id_parse(ID_A, &id);
    const BerthDesiredMachine *machine = berth_desired_find_machine(desired, &id);
    assert_non_null(machine);
    assert_false(machine->is_broken);
    assert_int_equal(machine->spec.epoch, 3);
    assert_int_equal(machine->spec.memory_mib, 64);
    assert_true(machine->spec.use_template);
    assert_string_equal(machine->spec.manifest.kernel, "k");
    assert_null(berth_desired_find_session(desired, &id));
    berth_id_parse(ID_B, &id);
    const BerthDesiredSession *session = berth_desired_find_session(desired, &id);
    assert_non_null(session);
    assert_string_equal(session->user_name, "anna");
    assert_int_equal(session->want, BERTH_WANT_OPEN);
    berth_desired_free(desired);
}

static void
assert_broken(const char *machine_text)
{
    BerthDesired *desired = parse(machine_text, "");
    assert_non_null(desired);
    assert_int_equal(desired->machines->len, 1);
    const BerthDesiredMachine *machine = desired->machines->pdata[0];
    assert_true(machine->is_broken);
    assert_non_null(machine->problem);
    berth_desired_free(desired);
}

static void
a_machine_that_cannot_be_is_kept_as_broken(void **state)
{
    assert_broken("{\"id\":\"" ID_A "\",\"epoch\":3}");
    assert_broken("{\"id\":\"" ID_A "\",\"epoch\":3,\"name\":\"n\",\"want\":\"running\","
                  "\"manifest\":{\"name\":\"x\",\"disk\":\"../x\"}}");
    assert_broken("{\"id\":\"" ID_A "\",\"epoch\":3,\"name\":\"n\",\"want\":\"running\","
                  "\"vcpus\":4000,\"manifest\":" MANIFEST "}");
    assert_broken("{\"id\":\"" ID_A "\",\"epoch\":3,\"name\":\"n\",\"want\":\"flying\","
                  "\"manifest\":" MANIFEST "}");
    assert_broken("{\"id\":\"" ID_A "\",\"epoch\":3,\"name\":\"n\",\"want\":\"running\","
                  "\"surprise\":1,\"manifest\":" MANIFEST "}");
}

static void
what_has_no_id_is_skipped(void **state)
{
    BerthDesired *desired = parse("{\"id\":\"x\"}," GOOD_MACHINE, "{}," GOOD_SESSION);
    assert_int_equal(desired->machines->len, 1);
    assert_int_equal(desired->sessions->len, 1);
    berth_desired_free(desired);
}

static void
a_spec_survives_its_file(void **state)
{
    BerthDesired *desired = parse(GOOD_MACHINE, "");
    const BerthDesiredMachine *machine = desired->machines->pdata[0];
    BerthVmSpec spec, again;
    berth_vm_spec_copy(&machine->spec, &spec);
    berth_vm_spec_choose_identity(&spec);
    spec.cluster = g_strdup(ID_B);
    spec.machine_type = g_strdup("pc-q35-7.2");
    spec.condition = g_strdup("no-agent");
    spec.pid = 77;
    spec.pid_start_ticks = 123456789;
    berth_vm_spec_set_failure(&spec, BERTH_ERR_DISK_FULL, "no\tspace \xff left");
    json_t *first = berth_vm_spec_to_json(&spec);
    assert_true(berth_vm_spec_from_json(first, &again, NULL));
    json_t *second = berth_vm_spec_to_json(&again);
    assert_true(json_equal(first, second));
    assert_string_equal(again.failure_text, "no?space ? left");
    assert_memory_equal(again.mac, spec.mac, sizeof spec.mac);
    json_decref(first);
    json_decref(second);
    berth_vm_spec_clear(&spec);
    berth_vm_spec_clear(&again);
    berth_desired_free(desired);
}

static int
read_session(const char *text, BerthSessionReport *report, bool *ret_is_failed)
{
    berth_id_parse(ID_B, &report->id);
    report->epoch = 3;
    return berth_session_message_read(text, strlen(text), report, ret_is_failed);
}

static void
a_session_process_is_understood_and_not_believed(void **state)
{
    BerthSessionReport report = { 0 };
    bool is_failed = false;
    const char key[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    g_autofree char *listening =
        g_strdup_printf("{\"op\":\"listening\",\"session\":\"" ID_B "\",\"machine\":\"" ID_A
                        "\",\"epoch\":3,\"session_key\":\"%s\"}",
                        key);
    assert_berth_ok(read_session(listening, &report, &is_failed));
    assert_int_equal(report.state, BERTH_SESSION_LISTENING);
    assert_string_equal(report.session_key, key);
    assert_berth_ok(
        read_session("{\"op\":\"state\",\"connected\":true,\"connection_epoch\":4,\"frames\":1,"
                     "\"bytes_out\":2,\"width\":3,\"height\":4}",
                     &report, &is_failed));
    assert_int_equal(report.state, BERTH_SESSION_CONNECTED);
    assert_int_equal(report.connection_epoch, 4);
    assert_false(is_failed);
    assert_berth_error(read_session("{\"op\":\"dance\"}", &report, &is_failed), BERTH_ERR_PROTOCOL);
    assert_berth_error(read_session("[]", &report, &is_failed), BERTH_ERR_PROTOCOL);
    assert_berth_error(read_session("{\"op\":\"listening\",\"session\":\"" ID_A
                                    "\",\"machine\":\"" ID_A
                                    "\",\"epoch\":3,\"session_key\":\"00\"}",
                                    &report, &is_failed),
                       BERTH_ERR_PROTOCOL);
    assert_string_equal(report.session_key, key);
    assert_berth_ok(
        read_session("{\"op\":\"failed\",\"code\":\"io\",\"detail\":\"x\"}", &report, &is_failed));
    assert_true(is_failed);
    assert_int_equal(report.code, BERTH_ERR_IO);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_message_is_read),
        cmocka_unit_test(a_machine_that_cannot_be_is_kept_as_broken),
        cmocka_unit_test(what_has_no_id_is_skipped),
        cmocka_unit_test(a_spec_survives_its_file),
        cmocka_unit_test(a_session_process_is_understood_and_not_believed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
