/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The small pure parts: lines, names, probe output, qemu-img output, guest answers, processes. */
#include "host-agent/json-fields.h"
#include "host-agent/line-buffer.h"
#include "host-agent/process-identity.h"
#include "host-agent/vm/guest-agent.h"
#include "host-agent/vm/host-probe.h"
#include "host-agent/vm/overlay.h"

#include "testing.h"

#include <string.h>
#include <unistd.h>

static void
assert_line(BerthLineBuffer *buffer, const char *expected)
{
    const char *line;
    size_t len;
    assert_berth_ok(berth_line_buffer_take(buffer, &line, &len));
    assert_int_equal(len, strlen(expected));
    assert_memory_equal(line, expected, len);
}

static void
lines_are_cut_wherever_the_bytes_are(void **state)
{
    static const char text[] = "one\r\n\ntwo\nthree";
    const char *line;
    size_t len;
    for (size_t piece = 1; piece < sizeof text; piece++) {
        BerthLineBuffer buffer;
        berth_line_buffer_init(&buffer, 5);
        char joined[64] = "";
        for (size_t i = 0; i < sizeof text - 1; i += piece) {
            size_t n = MIN(piece, sizeof text - 1 - i);
            assert_berth_ok(berth_line_buffer_feed(&buffer, text + i, n));
            while (berth_line_buffer_take(&buffer, &line, &len) == BERTH_OK) {
                size_t used = strlen(joined);
                g_snprintf(joined + used, sizeof joined - used, "[%.*s]", (int)len, line);
            }
        }
        assert_string_equal(joined, "[one][][two]");
        berth_line_buffer_clear(&buffer);
    }
}

static void
a_line_over_its_limit_is_an_error_that_sticks(void **state)
{
    BerthLineBuffer buffer;
    berth_line_buffer_init(&buffer, 5);
    assert_berth_ok(berth_line_buffer_feed(&buffer, "12345\n123", 9));
    assert_line(&buffer, "12345");
    assert_berth_error(berth_line_buffer_feed(&buffer, "456", 3), BERTH_ERR_TOO_LARGE);
    assert_berth_error(berth_line_buffer_feed(&buffer, "\n", 1), BERTH_ERR_TOO_LARGE);
    berth_line_buffer_clear(&buffer);
}

static void
plain_names_have_no_path_and_no_option_in_them(void **state)
{
    static const char *const good[] = { "a", "tg-vmlinuz", "debian_12.qcow2", "a+b" };
    static const char *const bad[] = { "",    ".",   "..",  ".x",   "-x",
                                       "a/b", "a,b", "a b", "a\nb", "\xc3\xa4" };
    for (size_t i = 0; i < G_N_ELEMENTS(good); i++) {
        assert_true(berth_name_is_plain(good[i]));
    }
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        assert_false(berth_name_is_plain(bad[i]));
    }
}

static void
an_unknown_or_wrong_key_is_named(void **state)
{
    BerthJsonFields fields;
    GError *error = NULL;
    json_t *object = json_loads("{\"name\": \"x\", \"colour\": 1, \"n\": 7}", 0, NULL);
    berth_json_fields_init(&fields, object, "thing");
    assert_string_equal(berth_json_fields_string(&fields, "name", 10), "x");
    assert_int_equal(berth_json_fields_int(&fields, "n", 0, 7), 7);
    assert_false(berth_json_fields_finish(&fields, &error));
    assert_string_equal(error->message, "\"colour\" of the thing is not a known key");
    g_clear_error(&error);
    berth_json_fields_init(&fields, object, "thing");
    assert_int_equal(berth_json_fields_int(&fields, "n", 0, 6), 0);
    assert_false(berth_json_fields_finish(&fields, &error));
    assert_string_equal(error->message, "\"n\" of the thing is 7, allowed are 0 to 6");
    g_clear_error(&error);
    json_decref(object);
}

static void
qemu_tells_its_version_and_machines(void **state)
{
    char text[32];
    assert_berth_ok(berth_host_probe_read_version(
        "QEMU emulator version 7.2.22 (Debian 1:7.2)\nCopyright", text, sizeof text));
    assert_string_equal(text, "7.2.22");
    assert_berth_error(berth_host_probe_read_version("version 7", text, sizeof text),
                       BERTH_ERR_PROTOCOL);
    assert_berth_ok(berth_host_probe_choose_machine(
        "Supported machines are:\npc-q35-7.20          x\npc-q35-7.1           y\n"
        "pc-q35-6.2           z\n",
        text, sizeof text));
    assert_string_equal(text, "pc-q35-7.1");
    assert_berth_error(berth_host_probe_choose_machine("none machine\n", text, sizeof text),
                       BERTH_ERR_UNSUPPORTED);
}

static void
a_failed_qemu_img_is_understood(void **state)
{
    assert_berth_ok(berth_overlay_classify(0, "noise"));
    assert_berth_error(
        berth_overlay_classify(1, "qemu-img: x: Could not resize: No space left on device\n"),
        BERTH_ERR_DISK_FULL);
    assert_berth_error(berth_overlay_classify(1, "Could not open: No such file or directory"),
                       BERTH_ERR_NOT_FOUND);
    assert_berth_error(berth_overlay_classify(-11, ""), BERTH_ERR_IO);
    assert_berth_error(berth_overlay_classify(BERTH_CHILD_TIMEOUT, ""), BERTH_ERR_TIMEOUT);
}

static bool
is_answer(const char *line)
{
    return berth_guest_agent_is_sync_answer(line, strlen(line), 42);
}

static void
only_our_own_number_proves_a_guest_agent(void **state)
{
    assert_true(is_answer("{\"return\": 42}"));
    assert_true(is_answer("garbage\xff{\"return\": 42}"));
    assert_false(is_answer("{\"return\": 43}"));
    assert_false(is_answer("{\"return\": \"42\"}"));
    assert_false(is_answer("{\"return\": 42, \"return\": 42}"));
    assert_false(is_answer("42"));
    assert_false(is_answer(""));
}

static void
a_reused_pid_is_not_taken_for_ours(void **state)
{
    uint64_t ticks = berth_process_get_start_ticks(getpid());
    assert_true(ticks > 0);
    int fd = berth_process_open(getpid(), ticks);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(berth_process_open(getpid(), ticks + 1), -1);
    assert_int_equal(berth_process_open(0, ticks), -1);
    assert_int_equal(berth_process_get_start_ticks(0), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_cut_wherever_the_bytes_are),
        cmocka_unit_test(a_line_over_its_limit_is_an_error_that_sticks),
        cmocka_unit_test(plain_names_have_no_path_and_no_option_in_them),
        cmocka_unit_test(an_unknown_or_wrong_key_is_named),
        cmocka_unit_test(qemu_tells_its_version_and_machines),
        cmocka_unit_test(a_failed_qemu_img_is_understood),
        cmocka_unit_test(only_our_own_number_proves_a_guest_agent),
        cmocka_unit_test(a_reused_pid_is_not_taken_for_ours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
