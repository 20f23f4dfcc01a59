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

/* What every message of data begins with: bytes that are not alike. */
static const uint8_t *
get_bytes(void)
{
    static uint8_t bytes[BERTH_LIMIT_SHARE_DATA_BYTES];

    for (uint32_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)(i * 2654435761u >> 24);
    }
    return bytes;
}

static int
give_data(BerthFileTake *take, uint32_t id, size_t len)
{
    BerthMsgFileData data = { id, get_bytes(), len };
    BerthWriter writer;
    int r;

    berth_writer_init(&writer, BERTH_LIMIT_SHARE_DATA_BYTES + 64);
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

/* The user's device with a folder of its own. */
typedef struct {
    Device device;
    char *folder;
    BerthFileSaver *saver;
} Saver;

static void
begin_saver(Saver *self)
{
    *self = (Saver){ .device = { .log = g_string_new(NULL), .share = berth_share_new() } };
    self->device.take = berth_share_get_taken(self->device.share);
    self->folder = g_dir_make_tmp("berth-saver-XXXXXX", NULL);
    assert_non_null(self->folder);
    self->saver =
        berth_file_saver_new(self->device.share, self->folder, &saver_callbacks, &self->device);
}

/* The folder must be empty. */
static void
end_saver(Saver *self)
{
    berth_file_saver_free(self->saver);
    berth_share_free(self->device.share);
    assert_int_equal(g_rmdir(self->folder), 0);
    g_free(self->folder);
    g_free(self->device.path);
    g_string_free(self->device.log, TRUE);
}

static unsigned
count_files(const char *folder, const char *suffix)
{
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    const char *name;
    unsigned n = 0;

    while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
        n += g_str_has_suffix(name, suffix) ? 1 : 0;
    }
    return n;
}

/* Waits for n files with that suffix; has_main: what workers did is heard of meanwhile. */
static void
wait_for_files(const Saver *self, unsigned n, const char *suffix, bool has_main)
{
    int64_t until_us = g_get_monotonic_time() + 60 * G_USEC_PER_SEC;

    while (count_files(self->folder, suffix) != n && g_get_monotonic_time() < until_us) {
        if (!has_main || !g_main_context_iteration(NULL, FALSE)) {
            g_thread_yield();
        }
    }
    assert_int_equal(count_files(self->folder, suffix), n);
}

static void
assert_file(const char *path, size_t n_bytes)
{
    g_autofree char *text = NULL;
    gsize len = 0;

    assert_true(g_file_get_contents(path, &text, &len, NULL));
    assert_int_equal(len, n_bytes);
    for (size_t at = 0; at < len; at += BERTH_LIMIT_SHARE_DATA_BYTES) {
        assert_memory_equal(text + at, get_bytes(), MIN(len - at, BERTH_LIMIT_SHARE_DATA_BYTES));
    }
}

static void
files_are_saved_beside_what_is_there(void **state)
{
    Saver self;
    Device *device = &self.device;
    size_t size = BERTH_LIMIT_SHARE_DATA_BYTES + 4464;

    begin_saver(&self);
    g_autofree char *first = g_build_filename(self.folder, "a.txt", NULL);
    g_autofree char *second = g_build_filename(self.folder, "a (2).txt", NULL);
    g_autofree char *third = g_build_filename(self.folder, "a (3).txt", NULL);
    assert_true(g_file_set_contents(first, "mine", -1, NULL));
    assert_berth_ok(give(device->take, 1, "a.txt", size));
    berth_file_saver_accept(self.saver, 1);
    assert_berth_ok(give_data(device->take, 1, BERTH_LIMIT_SHARE_DATA_BYTES));
    assert_berth_ok(give_data(device->take, 1, 4464));
    wait_for_end(device);
    assert_string_equal(device->path, second);
    assert_file(second, size);
    g_string_truncate(device->log, 0);
    assert_berth_ok(give(device->take, 2, "a.txt", 0));
    berth_file_saver_accept(self.saver, 2);
    wait_for_end(device);
    expect(device, "offer:a.txt:0 end=3 ");
    assert_string_equal(device->path, third);
    assert_file(third, 0);
    assert_int_equal(g_unlink(first) + g_unlink(second) + g_unlink(third), 0);
    end_saver(&self);
}

static void
what_is_stopped_leaves_nothing(void **state)
{
    Saver self;
    Device *device = &self.device;

    begin_saver(&self);
    assert_berth_ok(give(device->take, 3, "half", 10));
    berth_file_saver_accept(self.saver, 3);
    assert_berth_ok(give_data(device->take, 3, 5));
    wait_for_files(&self, 1, ".part", false);
    berth_file_saver_refuse(self.saver, 3);
    expect(device, "offer:half:10 end=1 ");
    wait_for_files(&self, 0, "", true);
    /* It has its name already, but nobody has heard of it. */
    assert_berth_ok(give(device->take, 0, "whole", 5));
    berth_file_saver_accept(self.saver, 0);
    assert_berth_ok(give_data(device->take, 0, 5));
    wait_for_files(&self, 1, "whole", false);
    berth_file_saver_refuse(self.saver, 0);
    expect(device, "offer:whole:5 end=1 ");
    wait_for_files(&self, 0, "", true);
    end_saver(&self);
}

static void
what_cannot_be_written_says_so(void **state)
{
    Saver self;

    begin_saver(&self);
    berth_file_saver_free(self.saver);
    self.saver =
        berth_file_saver_new(self.device.share, "/proc/not-there", &saver_callbacks, &self.device);
    assert_berth_ok(give(self.device.take, 4, "b", 1));
    berth_file_saver_accept(self.saver, 4);
    assert_berth_ok(give_data(self.device.take, 4, 1));
    wait_for_end(&self.device);
    expect(&self.device, "offer:b:1 end=2 ");
    end_saver(&self);
}

static void
a_file_with_the_longest_name_is_saved(void **state)
{
    g_autofree char *stem = g_strnfill(BERTH_LIMIT_FILE_NAME_BYTES - 4, 'n');
    g_autofree char *name = g_strconcat(stem, ".txt", NULL);
    Saver self;

    begin_saver(&self);
    g_autofree char *path = g_build_filename(self.folder, name, NULL);
    assert_berth_ok(give(self.device.take, 1, name, 0));
    berth_file_saver_accept(self.saver, 1);
    wait_for_end(&self.device);
    assert_true(g_str_has_suffix(self.device.log->str, "end=3 "));
    assert_string_equal(self.device.path, path);
    assert_int_equal(g_unlink(path), 0);
    end_saver(&self);
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
        cmocka_unit_test(what_is_stopped_leaves_nothing),
        cmocka_unit_test(what_cannot_be_written_says_so),
        cmocka_unit_test(a_file_with_the_longest_name_is_saved),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
