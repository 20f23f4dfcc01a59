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
    spec.has_run = spec.is_off = spec.keep = spec.has_identity = true;
    spec.resources.cpu_quota_pct = 150;
    spec.resources.io_write_iops = 700;
    spec.network.mode = BERTH_NETWORK_BRIDGE;
    g_strlcpy(spec.network.bridge, "br0", sizeof spec.network.bridge);
    spec.network.vlan = 12;
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

#define BARE(more) "{\"id\":\"" ID_A "\",\"epoch\":3,\"name\":\"n\",\"want\":\"running\"," more "}"

static void
a_machine_of_a_version_gets_its_manifest_later(void **state)
{
    BerthVmSpec spec = { 0 }, again = { 0 };
    BerthManifest manifest = { 0 };
    BerthDesired *desired =
        parse("{\"id\":\"" ID_A "\",\"epoch\":3,\"name\":\"n\",\"version\":\"" ID_B
              "\",\"vcpus\":3,\"maintenance\":true,\"want\":\"running\"}",
              "");
    BerthDesiredMachine *machine = desired->machines->pdata[0];
    assert_false(machine->is_broken);
    assert_true(machine->spec.is_maintenance);
    json_t *object = json_loads("{\"name\":\"x\",\"kernel\":\"k\",\"vcpus\":1,\"memory_mib\":64,"
                                "\"prepare\":\"true\"}",
                                0, NULL);
    assert_true(berth_manifest_parse(object, &manifest, NULL));
    berth_vm_spec_copy(&machine->spec, &spec);
    berth_vm_spec_set_manifest(&spec, &manifest);
    assert_string_equal(spec.manifest.kernel, "k");
    assert_string_equal(spec.manifest.prepare, "true");
    assert_int_equal(spec.vcpus, 3);
    assert_int_equal(spec.memory_mib, 64);
    spec.cluster = g_strdup("c");
    spec.machine_type = g_strdup("pc-q35-7.2");
    spec.condition = g_strdup("");
    json_t *file = berth_vm_spec_to_json(&spec);
    assert_true(berth_vm_spec_from_json(file, &again, NULL));
    assert_true(berth_id_equal(&again.version, &spec.version));
    assert_string_equal(again.manifest.kernel, "k");
    json_decref(file);
    json_decref(object);
    berth_manifest_clear(&manifest);
    berth_vm_spec_clear(&spec);
    berth_vm_spec_clear(&again);
    berth_desired_free(desired);
}

static void
a_machine_brings_its_limits_and_its_network(void **state)
{
    BerthDesired *desired =
        parse(BARE("\"manifest\":" MANIFEST ",\"keep\":true,\"kind\":\"vm\",\"resources\":"
                   "{\"cpu_weight\":50,\"io_read_mbps\":20},\"network\":{\"mode\":\"bridge\","
                   "\"bridge\":\"br0\",\"vlan\":7,\"isolate\":false}"),
              "");
    const BerthDesiredMachine *machine = desired->machines->pdata[0];
    assert_false(machine->is_broken);
    assert_true(machine->spec.keep);
    assert_int_equal(machine->spec.resources.cpu_weight, 50);
    assert_int_equal(machine->spec.resources.io_read_mbps, 20);
    assert_int_equal(machine->spec.resources.cpu_quota_pct, 0);
    assert_int_equal(machine->spec.network.mode, BERTH_NETWORK_BRIDGE);
    assert_string_equal(machine->spec.network.bridge, "br0");
    assert_int_equal(machine->spec.network.vlan, 7);
    assert_false(machine->spec.network.is_isolated);
    berth_desired_free(desired);
    desired = parse(GOOD_MACHINE, "");
    machine = desired->machines->pdata[0];
    assert_int_equal(machine->spec.network.mode, BERTH_NETWORK_USER);
    assert_true(machine->spec.network.is_isolated);
    berth_desired_free(desired);
}

static void
limits_and_networks_that_cannot_be_are_refused(void **state)
{
    assert_broken(BARE("\"manifest\":" MANIFEST ",\"resources\":{\"cpu_weight\":0}"));
    assert_broken(BARE("\"manifest\":" MANIFEST ",\"resources\":{\"io_weight\":10001}"));
    assert_broken(BARE("\"manifest\":" MANIFEST ",\"resources\":{\"speed\":1}"));
    assert_broken(BARE("\"manifest\":" MANIFEST ",\"resources\":[]"));
    assert_broken(BARE("\"manifest\":" MANIFEST ",\"network\":{\"mode\":\"tube\"}"));
    assert_broken(BARE("\"manifest\":" MANIFEST ",\"network\":{\"mode\":\"bridge\"}"));
    assert_broken(BARE("\"manifest\":" MANIFEST ",\"network\":{\"mode\":\"bridge\",\"bridge\":"
                       "\"br0; flush ruleset\"}"));
    assert_broken(BARE("\"manifest\":" MANIFEST ",\"network\":{\"mode\":\"bridge\",\"bridge\":"
                       "\"br0\",\"vlan\":4095}"));
    assert_broken(BARE("\"manifest\":" MANIFEST ",\"network\":{\"mode\":\"user\",\"vlan\":3}"));
}

static void
a_physical_machine_needs_an_address_and_no_manifest(void **state)
{
    BerthDesired *desired = parse(BARE("\"kind\":\"physical\",\"address\":\"192.0.2.1:5900\""), "");
    const BerthDesiredMachine *machine = desired->machines->pdata[0];
    assert_false(machine->is_broken);
    assert_true(machine->wish.is_physical);
    assert_string_equal(machine->wish.address, "192.0.2.1:5900");
    berth_desired_free(desired);
    assert_broken(BARE("\"kind\":\"physical\""));
    assert_broken(BARE("\"kind\":\"physical\",\"address\":\"host:5900\""));
    assert_broken(BARE("\"kind\":\"vm\",\"address\":\"192.0.2.1:5900\""));
    assert_broken(BARE("\"kind\":\"cloud\",\"manifest\":" MANIFEST));
}

static void
a_session_brings_its_notice(void **state)
{
    g_autofree char *text = g_strdup(GOOD_SESSION);
    text[strlen(text) - 1] = '\0';
    g_autofree char *good =
        g_strconcat(text, ",\"notice\":{\"number\":4,\"text\":\"Save your work.\"}}", NULL);
    g_autofree char *bad = g_strconcat(text, ",\"notice\":{\"number\":4}}", NULL);
    BerthDesired *desired = parse("", good);
    const BerthDesiredSession *session = desired->sessions->pdata[0];
    assert_int_equal(session->notice, 4);
    assert_string_equal(session->notice_text, "Save your work.");
    berth_desired_free(desired);
    desired = parse("", bad);
    assert_int_equal(desired->sessions->len, 0);
    berth_desired_free(desired);
}

static int
read_session(const char *text, BerthSessionReport *report, BerthSessionAsks *ret_asks)
{
    berth_id_parse(ID_B, &report->id);
    report->epoch = 3;
    return berth_session_message_read(text, strlen(text), report, ret_asks);
}

static void
a_session_process_is_understood_and_not_believed(void **state)
{
    BerthSessionReport report = { 0 };
    BerthSessionAsks asks = BERTH_SESSION_ASKS_NOTHING;
    const char key[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    g_autofree char *listening =
        g_strdup_printf("{\"op\":\"listening\",\"session\":\"" ID_B "\",\"machine\":\"" ID_A
                        "\",\"epoch\":3,\"session_key\":\"%s\"}",
                        key);
    assert_berth_ok(read_session(listening, &report, &asks));
    assert_int_equal(report.state, BERTH_SESSION_LISTENING);
    assert_string_equal(report.session_key, key);
    assert_berth_ok(
        read_session("{\"op\":\"state\",\"connected\":true,\"connection_epoch\":4,\"frames\":1,"
                     "\"bytes_out\":2,\"width\":3,\"height\":4}",
                     &report, &asks));
    assert_int_equal(report.state, BERTH_SESSION_CONNECTED);
    assert_int_equal(report.connection_epoch, 4);
    assert_int_equal(asks, BERTH_SESSION_ASKS_NOTHING);
    assert_berth_ok(read_session("{\"op\":\"guest-lost\",\"port\":\"spice\"}", &report, &asks));
    assert_int_equal(asks, BERTH_SESSION_LOST_SPICE);
    assert_berth_ok(read_session("{\"op\":\"guest-lost\",\"port\":\"berth\"}", &report, &asks));
    assert_int_equal(asks, BERTH_SESSION_LOST_BERTH);
    assert_berth_error(read_session("{\"op\":\"guest-lost\",\"port\":\"x\"}", &report, &asks),
                       BERTH_ERR_PROTOCOL);
    assert_berth_error(read_session("{\"op\":\"dance\"}", &report, &asks), BERTH_ERR_PROTOCOL);
    assert_berth_error(read_session("[]", &report, &asks), BERTH_ERR_PROTOCOL);
    assert_berth_error(read_session("{\"op\":\"listening\",\"session\":\"" ID_A
                                    "\",\"machine\":\"" ID_A
                                    "\",\"epoch\":3,\"session_key\":\"00\"}",
                                    &report, &asks),
                       BERTH_ERR_PROTOCOL);
    assert_string_equal(report.session_key, key);
    assert_berth_ok(
        read_session("{\"op\":\"failed\",\"code\":\"io\",\"detail\":\"x\"}", &report, &asks));
    assert_int_equal(asks, BERTH_SESSION_GIVES_UP);
    assert_int_equal(report.code, BERTH_ERR_IO);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_message_is_read),
        cmocka_unit_test(a_machine_that_cannot_be_is_kept_as_broken),
        cmocka_unit_test(what_has_no_id_is_skipped),
        cmocka_unit_test(a_machine_of_a_version_gets_its_manifest_later),
        cmocka_unit_test(a_machine_brings_its_limits_and_its_network),
        cmocka_unit_test(limits_and_networks_that_cannot_be_are_refused),
        cmocka_unit_test(a_physical_machine_needs_an_address_and_no_manifest),
        cmocka_unit_test(a_session_brings_its_notice),
        cmocka_unit_test(a_spec_survives_its_file),
        cmocka_unit_test(a_session_process_is_understood_and_not_believed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
