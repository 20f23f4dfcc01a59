/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testing.h"

#include "client/core/file-saver.h"

#include "display/wire/msg-files.h"

#include <glib/gstdio.h>
#include <string.h>

/* A user's device: what the session is told and what the user sees, in one log. */
typedef struct {
    BerthShare *share;
    BerthFileTake *take;
    GString *log;
    size_t n_bytes;
    char *path; /* of the last file that was saved */
    bool is_over;
} Device;

static void
on_send(uint8_t type, const uint8_t *payload, size_t len, void *user_data)
{
    Device *device = user_data;
    BerthMsgFileAnswer take;
    BerthMsgFileAck ack;

    if (type == BERTH_MSG_FILE_TAKE) {
        assert_berth_ok(berth_msg_file_answer_decode(payload, len, &take));
        g_string_append_printf(device->log, "take%u=%u ", take.id, take.status);
    } else {
        assert_int_equal(type, BERTH_MSG_FILE_TAKE_ACK);
        assert_berth_ok(berth_msg_file_ack_decode(payload, len, &ack));
        g_string_append_printf(device->log, "ack%u ", (unsigned)ack.n_bytes);
    }
}

static void
on_offered(uint32_t id, const char *name, uint64_t size_bytes, void *user_data)
{
    g_string_append_printf(((Device *)user_data)->log, "offer:%s:%u ", name, (unsigned)size_bytes);
}

static void
on_bytes(uint32_t id, const uint8_t *data, size_t len, void *user_data)
{
    ((Device *)user_data)->n_bytes += len;
}

static void
on_ended(uint32_t id, BerthFileStatus status, void *user_data)
{
    g_string_append_printf(((Device *)user_data)->log, "end%u=%d ", id, (int)status);
}

static const BerthFileTakeListener listener = { on_offered, on_bytes, on_ended };

static void
begin(Device *device)
{
    *device = (Device){ .log = g_string_new(NULL) };
    device->take = berth_file_take_new(on_send, device);
    berth_file_take_set_listener(device->take, &listener, device);
}

static void
end(Device *device)
{
    berth_file_take_free(device->take);
    g_string_free(device->log, TRUE);
}

static void
expect(Device *device, const char *log)
{
    assert_string_equal(device->log->str, log);
    g_string_truncate(device->log, 0);
}

static int
give(BerthFileTake *take, uint32_t id, const char *name, uint64_t size)
{
    BerthMsgFileOffer offer = { .id = id, .size_bytes = size };
    BerthWriter writer;
    int r;

    g_strlcpy(offer.name, name, sizeof offer.name);
    berth_writer_init(&writer, 512);
    assert_berth_ok(berth_msg_file_offer_encode(&writer, &offer));
    r = berth_file_take_handle(take, BERTH_MSG_FILE_GIVE, writer.data, writer.len);
    berth_writer_clear(&writer);
    return r;
}

static int
give_data(BerthFileTake *take, uint32_t id, size_t len)
{
    static const uint8_t bytes[BERTH_LIMIT_SHARE_DATA_BYTES] = { 'x' };
    BerthMsgFileData data = { id, bytes, len };
    BerthWriter writer;
    int r;

    berth_writer_init(&writer, sizeof bytes + 64);
    assert_berth_ok(berth_msg_file_data_encode(&writer, &data));
    r = berth_file_take_handle(take, BERTH_MSG_FILE_GIVE_DATA, writer.data, writer.len);
    berth_writer_clear(&writer);
    return r;
}

static int
give_end(BerthFileTake *take, uint32_t id, BerthFileStatus status)
{
    BerthMsgFileAnswer message = { id, (uint8_t)status };
    BerthWriter writer;
    int r;

    berth_writer_init(&writer, 64);
    assert_berth_ok(berth_msg_file_answer_encode(&writer, &message));
    r = berth_file_take_handle(take, BERTH_MSG_FILE_GIVE_END, writer.data, writer.len);
    berth_writer_clear(&writer);
    return r;
}

static void
a_file_comes_when_the_user_wants_it(void **state)
{
    Device device;

    begin(&device);
    assert_berth_ok(give(device.take, 7, "a", 5));
    expect(&device, "offer:a:5 ");
    berth_file_take_accept(device.take, 7);
    assert_berth_ok(give_data(device.take, 7, 5));
    assert_int_equal(device.n_bytes, 5);
    berth_file_take_note_saved(device.take, 7, 5);
    expect(&device, "take7=0 ack5 take7=3 end7=3 ");
    assert_berth_ok(give(device.take, 8, "b", 5));
    berth_file_take_refuse(device.take, 8, BERTH_FILE_CANCELLED);
    expect(&device, "offer:b:5 take8=1 end8=1 ");
    assert_berth_ok(give_data(device.take, 8, 5)); /* it does not know yet */
    assert_berth_ok(give(device.take, 9, "c", 5));
    assert_berth_ok(give_end(device.take, 9, BERTH_FILE_NOT_ALLOWED));
    expect(&device, "offer:c:5 end9=7 ");
    assert_berth_ok(give(device.take, 10, "d", 5));
    berth_file_take_reset(device.take);
    expect(&device, "offer:d:5 end10=2 ");
    berth_file_take_set_listener(device.take, NULL, NULL);
    assert_berth_ok(give(device.take, 11, "e", 5));
    expect(&device, "take11=1 ");
    end(&device);
}

static void
a_session_that_sends_what_was_not_wanted_is_left(void **state)
{
    Device device;

    begin(&device);
    assert_berth_ok(give(device.take, 1, "a", 5));
    assert_berth_error(give(device.take, 1, "again", 5), BERTH_ERR_PROTOCOL);
    assert_berth_error(give_data(device.take, 1, 1), BERTH_ERR_PROTOCOL);
    berth_file_take_accept(device.take, 1);
    assert_berth_error(give_data(device.take, 1, 6), BERTH_ERR_PROTOCOL);
    assert_berth_error(give_end(device.take, 1, BERTH_FILE_DONE), BERTH_ERR_PROTOCOL);
    for (uint32_t id = 2; id <= BERTH_LIMIT_TRANSFERS; id++) {
        assert_berth_ok(give(device.take, id, "a", 1 << 30));
    }
    assert_berth_error(give(device.take, 99, "a", 5), BERTH_ERR_PROTOCOL);
    berth_file_take_accept(device.take, 2);
    for (size_t n = 0; n < BERTH_LIMIT_FILE_WINDOW_BYTES; n += BERTH_LIMIT_SHARE_DATA_BYTES) {
        assert_berth_ok(give_data(device.take, 2, BERTH_LIMIT_SHARE_DATA_BYTES));
    }
    assert_berth_error(give_data(device.take, 2, 1), BERTH_ERR_PROTOCOL);
    assert_berth_error(berth_file_take_handle(device.take, BERTH_MSG_FILE_TAKE, NULL, 0),
                       BERTH_ERR_PROTOCOL);
    end(&device);
}

static void
names_are_free_and_seen(void **state)
{
    static const struct {
        const char *name;
        unsigned n;
        const char *wanted;
    } rows[] = {
        { "a.txt", 1, "a.txt" },
        { "a.txt", 2, "a (2).txt" },
        { "a", 3, "a (3)" },
        { "a.tar.gz", 2, "a.tar (2).gz" },
        { ".bashrc", 1, "_bashrc" },
        { ".bashrc", 2, "_bashrc (2)" },
        { "Gr\xc3\xb6\xc3\x9f\x65.pdf", 2, "Gr\xc3\xb6\xc3\x9f\x65 (2).pdf" },
        { "bill\xe2\x80\xaegpj.exe", 1, "bill_gpj.exe" },
        { "bill\xe2\x80\xaegpj.exe", 2, "bill_gpj (2).exe" },
        { "\xe2\x80\xae.txt", 1, "_.txt" },
        { "a.a sentence after a dot", 2, "a.a sentence after a dot (2)" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *name = berth_file_saver_name(rows[i].name, rows[i].n);

        assert_string_equal(name, rows[i].wanted);
    }
}

static void
a_long_name_is_cut_between_letters(void **state)
{
    GString *name = g_string_new("a"); /* so that a letter of two bytes is in the way */

    for (int i = 0; i < 125; i++) {
        g_string_append(name, "\xc3\xb6");
    }
    g_string_append(name, ".txt");
    assert_int_equal(name->len, 255);
    for (unsigned n = 1; n < 1000; n += 99) {
        g_autofree char *cut = berth_file_saver_name(name->str, n);

        assert_true(g_utf8_validate(cut, -1, NULL));
        assert_true(strlen(cut) <= 255 && strlen(cut) >= 253);
        assert_true(g_str_has_suffix(cut, ".txt"));
    }
    g_string_free(name, TRUE);
}

/* ---- with a folder ---- */

static void
on_progress(uint32_t id, uint64_t n_bytes, uint64_t size_bytes, void *user_data)
{
}

static void
on_saved(uint32_t id, BerthFileStatus status, const char *path, void *user_data)
{
    Device *device = user_data;

    g_free(device->path);
    device->path = g_strdup(path);
    g_string_append_printf(device->log, "end=%d ", (int)status);
    device->is_over = true;
}

static const BerthFileSaverCallbacks saver_callbacks = { on_offered, on_progress, on_saved };

static void
wait_for_end(Device *device)
{
    while (!device->is_over) {
        g_main_context_iteration(NULL, TRUE);
    }
    device->is_over = false;
}

static void
files_are_saved_beside_what_is_there(void **state)
{
    g_autofree char *folder = g_dir_make_tmp("berth-saver-XXXXXX", NULL);
    g_autofree char *first = g_build_filename(folder, "a.txt", NULL);
    g_autofree char *second = g_build_filename(folder, "a (2).txt", NULL);
    g_autofree char *third = g_build_filename(folder, "a (3).txt", NULL);
    g_autofree char *text = NULL;
    Device device = { .log = g_string_new(NULL) };
    BerthFileSaver *saver;
    gsize len = 0;

    device.share = berth_share_new();
    device.take = berth_share_get_taken(device.share);
    saver = berth_file_saver_new(device.share, folder, &saver_callbacks, &device);
    assert_true(g_file_set_contents(first, "mine", -1, NULL));
    assert_berth_ok(give(device.take, 1, "a.txt", 70000));
    berth_file_saver_accept(saver, 1);
    assert_berth_ok(give_data(device.take, 1, 65536));
    assert_berth_ok(give_data(device.take, 1, 70000 - 65536));
    wait_for_end(&device);
    expect(&device, "offer:a.txt:70000 end=3 ");
    assert_string_equal(device.path, second);
    assert_true(g_file_get_contents(second, &text, &len, NULL));
    assert_int_equal(len, 70000);
    assert_berth_ok(give(device.take, 2, "a.txt", 0));
    berth_file_saver_accept(saver, 2);
    wait_for_end(&device);
    expect(&device, "offer:a.txt:0 end=3 ");
    assert_string_equal(device.path, third);
    /* What is stopped leaves nothing; what cannot be written says so. */
    assert_berth_ok(give(device.take, 3, "stopped", 10));
    berth_file_saver_accept(saver, 3);
    assert_berth_ok(give_data(device.take, 3, 5));
    berth_file_saver_refuse(saver, 3);
    wait_for_end(&device);
    berth_file_saver_free(saver);
    while (g_main_context_iteration(NULL, FALSE)) {
    }
    assert_int_equal(g_unlink(first) + g_unlink(second) + g_unlink(third), 0);
    saver = berth_file_saver_new(device.share, "/proc/not-there", &saver_callbacks, &device);
    g_string_truncate(device.log, 0);
    assert_berth_ok(give(device.take, 4, "b", 1));
    berth_file_saver_accept(saver, 4);
    assert_berth_ok(give_data(device.take, 4, 1));
    wait_for_end(&device);
    expect(&device, "offer:b:1 end=2 ");
    berth_file_saver_free(saver);
    berth_share_free(device.share);
    g_rmdir(folder);
    g_free(device.path);
    g_string_free(device.log, TRUE);
}

static void
a_file_with_the_longest_name_is_saved(void **state)
{
    g_autofree char *folder = g_dir_make_tmp("berth-saver-XXXXXX", NULL);
    g_autofree char *stem = g_strnfill(BERTH_LIMIT_FILE_NAME_BYTES - 4, 'n');
    g_autofree char *name = g_strconcat(stem, ".txt", NULL);
    g_autofree char *path = g_build_filename(folder, name, NULL);
    Device device = { .log = g_string_new(NULL), .share = berth_share_new() };
    BerthFileSaver *saver = berth_file_saver_new(device.share, folder, &saver_callbacks, &device);

    device.take = berth_share_get_taken(device.share);
    assert_berth_ok(give(device.take, 1, name, 0));
    berth_file_saver_accept(saver, 1);
    wait_for_end(&device);
    assert_true(g_str_has_suffix(device.log->str, "end=3 "));
    assert_string_equal(device.path, path);
    berth_file_saver_free(saver);
    berth_share_free(device.share);
    assert_int_equal(g_unlink(path), 0);
    assert_int_equal(g_rmdir(folder), 0);
    g_free(device.path);
    g_string_free(device.log, TRUE);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_comes_when_the_user_wants_it),
        cmocka_unit_test(a_session_that_sends_what_was_not_wanted_is_left),
        cmocka_unit_test(names_are_free_and_seen),
        cmocka_unit_test(a_long_name_is_cut_between_letters),
        cmocka_unit_test(files_are_saved_beside_what_is_there),
        cmocka_unit_test(a_file_with_the_longest_name_is_saved),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
