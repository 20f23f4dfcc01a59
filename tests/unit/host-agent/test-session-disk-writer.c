/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testing.h"

#include "host-agent/session/disk-writer.h"

#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

static void
note_failure(const char *text, void *user_data)
{
    char **ret = user_data;
    assert_null(*ret);
    *ret = g_strdup(text);
}

static void
bytes_come_in_order(void **state)
{
    g_autofree char *path = NULL;
    g_autofree char *seen = NULL;
    g_autoptr(GString) expected = g_string_new(NULL);
    char *failure = NULL;
    gsize len;
    int fd = g_file_open_tmp("berth-disk-XXXXXX", &path, NULL);
    assert_true(fd >= 0);
    BerthDiskWriter *writer = berth_disk_writer_new(NULL, fd, note_failure, &failure);
    for (int i = 0; i < 1000; i++) {
        char *text = g_strdup_printf("%d,", i);
        g_string_append(expected, text);
        berth_disk_writer_put(writer, (uint8_t *)text, strlen(text));
    }
    berth_disk_writer_put(writer, NULL, 0);
    berth_disk_writer_free(writer);
    assert_true(g_file_get_contents(path, &seen, &len, NULL));
    g_unlink(path);
    assert_string_equal(seen, expected->str);
    assert_null(failure);
}

static void
a_full_disk_is_told_once(void **state)
{
    char *failure = NULL;
    BerthDiskWriter *writer =
        berth_disk_writer_new(NULL, open("/dev/full", O_WRONLY), note_failure, &failure);
    for (int i = 0; i < 10; i++) {
        berth_disk_writer_put(writer, g_malloc0(1000), 1000);
    }
    while (failure == NULL || berth_disk_writer_get_queued_bytes(writer) > 0) {
        g_main_context_iteration(NULL, TRUE);
    }
    assert_string_equal(failure, "No space left on device");
    berth_disk_writer_put(writer, g_malloc0(1000), 1000); /* dropped */
    assert_int_equal(berth_disk_writer_get_queued_bytes(writer), 0);
    berth_disk_writer_free(writer);
    g_free(failure);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_come_in_order),
        cmocka_unit_test(a_full_disk_is_told_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
