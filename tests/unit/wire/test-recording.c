/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Recordings there and back, cut at every byte, and with the values that must be refused.
 */
#include "testing.h"

#include "berth/limits.h"
#include "display/wire/recording-reader.h"
#include "display/wire/recording-writer.h"

#include <string.h>

#define SECOND_US 1000000LL

typedef struct {
    BerthWriter file;
    size_t size; /* that the source gives; at most file.len */
} World;

static int
setup(void **state)
{
    World *world = g_new0(World, 1);
    berth_writer_init(&world->file, 1024 * 1024);
    *state = world;
    return 0;
}

static int
teardown(void **state)
{
    World *world = *state;
    berth_writer_clear(&world->file);
    g_free(world);
    return 0;
}

static int
read_source(uint64_t offset, uint8_t *data, size_t len, void *user_data)
{
    const World *world = user_data;
    assert_true(offset <= world->size && len <= world->size - offset);
    memcpy(data, world->file.data + offset, len);
    return BERTH_OK;
}

static BerthRecordingReader *
open_file(World *world, size_t size, int *ret_error)
{
    world->size = size;
    BerthRecordingSource source = { size, read_source, world };
    return berth_recording_reader_new(&source, ret_error);
}

static BerthRecordingReader *
open_whole(World *world)
{
    int error;
    BerthRecordingReader *reader = open_file(world, world->file.len, &error);
    assert_berth_ok(error);
    return reader;
}

static const BerthRecordingCaps caps = { 23, 20, 2048, 1, 7, 64 };

/* Three streams, 10 s apart, each with a display message a second and one of the cursor. */
static BerthRecordingWriter *
record(World *world)
{
    BerthRecordingWriter *writer = berth_recording_writer_new();
    const BerthRecordingHeader header = { 1700000000000000, { { 1, 2, 3 } } };
    assert_berth_ok(berth_recording_writer_begin(writer, &header, &world->file));
    for (uint8_t t = 0; t < 30; t++) {
        if (t % 10 == 0) {
            assert_berth_ok(
                berth_recording_writer_stream(writer, t * SECOND_US, &caps, &world->file));
            assert_berth_ok(berth_recording_writer_message(
                writer, t * SECOND_US, BERTH_CHANNEL_CURSOR, 3, NULL, 0, &world->file));
        }
        const uint8_t payload[] = { t, 7, 7 };
        assert_berth_ok(berth_recording_writer_message(writer, t * SECOND_US + 1,
                                                       BERTH_CHANNEL_DISPLAY, 9, payload,
                                                       sizeof payload, &world->file));
    }
    assert_int_equal(berth_recording_writer_get_size(writer), world->file.len);
    return writer;
}

static void
record_and_close(World *world)
{
    BerthRecordingWriter *writer = record(world);
    assert_berth_ok(berth_recording_writer_end(writer, &world->file));
    assert_int_equal(berth_recording_writer_get_size(writer), world->file.len);
    berth_recording_writer_free(writer);
}

static void
records_come_back_in_order(void **state)
{
    World *world = *state;
    BerthRecord record;
    unsigned n_streams = 0, n_cursors = 0;
    uint8_t n_displays = 0;
    int r;
    record_and_close(world);
    g_autoptr(BerthRecordingReader) reader = open_whole(world);
    assert_false(berth_recording_reader_is_cut(reader));
    assert_int_equal(berth_recording_reader_get_n_streams(reader), 3);
    assert_int_equal(berth_recording_reader_get_duration_us(reader), 29 * SECOND_US + 1);
    assert_int_equal(berth_recording_reader_get_header(reader)->started_us, 1700000000000000);
    assert_int_equal(berth_recording_reader_get_header(reader)->session.bytes[2], 3);
    while ((r = berth_recording_reader_next(reader, &record)) == BERTH_OK) {
        if (record.type == BERTH_RECORD_STREAM) {
            assert_memory_equal(&record.caps, &caps, sizeof caps);
            assert_int_equal(record.t_us, n_streams++ * 10 * SECOND_US);
        } else if (record.type == BERTH_RECORD_CURSOR) {
            n_cursors++;
            assert_true(record.message == 3 && record.len == 0);
        } else {
            assert_true(record.message == 9 && record.len == 3);
            assert_int_equal(record.payload[0], n_displays);
            assert_int_equal(record.t_us, n_displays++ * SECOND_US + 1);
        }
    }
    assert_berth_error(r, BERTH_ERR_NOT_FOUND);
    assert_true(n_streams == 3 && n_cursors == 3 && n_displays == 30);
    assert_berth_error(berth_recording_reader_next(reader, &record), BERTH_ERR_NOT_FOUND);
}

static void
any_time_is_found(void **state)
{
    static const struct {
        int64_t t_us;
        unsigned stream;
    } rows[] = {
        { -5, 0 },
        { 0, 0 },
        { 9999999, 0 },
        { 10 * SECOND_US, 1 },
        { 10 * SECOND_US + 1, 1 },
        { 25 * SECOND_US, 2 },
        { INT64_MAX, 2 },
    };

    World *world = *state;
    BerthRecord record;
    record_and_close(world);
    g_autoptr(BerthRecordingReader) reader = open_whole(world);
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        berth_recording_reader_seek(reader, rows[i].t_us);
        assert_berth_ok(berth_recording_reader_next(reader, &record));
        assert_int_equal(record.type, BERTH_RECORD_STREAM);
        assert_int_equal(record.t_us, rows[i].stream * 10 * SECOND_US);
    }
}

static void
a_cut_file_plays_up_to_its_end(void **state)
{
    World *world = *state;
    BerthRecord record;
    int64_t last_us = 0;
    record_and_close(world);
    for (size_t size = 0; size < world->file.len; size++) {
        int error;
        BerthRecordingReader *reader = open_file(world, size, &error);
        if (size < BERTH_RECORDING_HEADER_BYTES + BERTH_RECORDING_RECORD_BYTES + 8) {
            assert_null(reader);
            assert_berth_error(error, BERTH_ERR_CORRUPT);
            continue;
        }
        assert_berth_ok(error);
        assert_true(berth_recording_reader_is_cut(reader));
        int64_t t_us = 0;
        while ((error = berth_recording_reader_next(reader, &record)) == BERTH_OK) {
            t_us = record.t_us;
        }
        assert_berth_error(error, BERTH_ERR_NOT_FOUND);
        assert_int_equal(t_us, berth_recording_reader_get_duration_us(reader));
        assert_true(t_us >= last_us);
        last_us = t_us;
        berth_recording_reader_free(reader);
    }
    assert_int_equal(last_us, 29 * SECOND_US + 1);
}

static void
a_wrong_index_is_not_believed(void **state)
{
    World *world = *state;
    record_and_close(world);
    size_t places = world->file.len - BERTH_RECORDING_TRAILER_BYTES - 3 * 16;
    for (size_t i = 0; i < 3 * 16; i++) {
        uint8_t before = world->file.data[places + i];
        world->file.data[places + i] ^= 0x81;
        g_autoptr(BerthRecordingReader) reader = open_whole(world);
        assert_true(berth_recording_reader_is_cut(reader));
        assert_int_equal(berth_recording_reader_get_n_streams(reader), 3);
        assert_int_equal(berth_recording_reader_get_duration_us(reader), 29 * SECOND_US + 1);
        world->file.data[places + i] = before;
    }
}

static void
damaged_records_end_it(void **state)
{
    World *world = *state;
    BerthRecord record;
    record_and_close(world);
    g_autoptr(BerthRecordingReader) reader = open_whole(world);
    size_t second = BERTH_RECORDING_HEADER_BYTES + BERTH_RECORDING_RECORD_BYTES + 8;
    static const uint8_t types[] = { 0, 5, 255, BERTH_RECORD_INDEX };
    for (size_t i = 0; i < G_N_ELEMENTS(types); i++) {
        world->file.data[second + 4] = types[i];
        berth_recording_reader_seek(reader, 0);
        assert_berth_ok(berth_recording_reader_next(reader, &record));
        assert_berth_error(berth_recording_reader_next(reader, &record), BERTH_ERR_CORRUPT);
    }
    world->file.data[second + 4] = BERTH_RECORD_CURSOR;
    memset(world->file.data + second, 0xff, 4); /* longer than the file */
    berth_recording_reader_seek(reader, 0);
    assert_berth_ok(berth_recording_reader_next(reader, &record));
    assert_berth_error(berth_recording_reader_next(reader, &record), BERTH_ERR_CORRUPT);
}

static void
other_files_are_refused(void **state)
{
    World *world = *state;
    int error;
    record_and_close(world);
    world->file.data[8] = 2; /* version */
    assert_null(open_file(world, world->file.len, &error));
    assert_berth_error(error, BERTH_ERR_VERSION);
    world->file.data[0] = 'X';
    assert_null(open_file(world, world->file.len, &error));
    assert_berth_error(error, BERTH_ERR_CORRUPT);
}

static void
the_writer_keeps_its_order(void **state)
{
    World *world = *state;
    g_autoptr(BerthRecordingWriter) writer = berth_recording_writer_new();
    const BerthRecordingHeader header = { 0 };
    BerthWriter *file = &world->file;
    assert_berth_error(berth_recording_writer_stream(writer, 0, &caps, file), BERTH_ERR_STATE);
    assert_berth_error(berth_recording_writer_end(writer, file), BERTH_ERR_STATE);
    assert_berth_ok(berth_recording_writer_begin(writer, &header, file));
    assert_berth_error(berth_recording_writer_begin(writer, &header, file), BERTH_ERR_STATE);
    assert_berth_error(
        berth_recording_writer_message(writer, 0, BERTH_CHANNEL_DISPLAY, 1, NULL, 0, file),
        BERTH_ERR_STATE);
    assert_berth_ok(berth_recording_writer_stream(writer, 500, &caps, file));
    assert_berth_error(
        berth_recording_writer_message(writer, 0, BERTH_CHANNEL_INPUT, 1, NULL, 0, file),
        BERTH_ERR_INVALID);
    assert_berth_error(berth_recording_writer_message(writer, BERTH_LIMIT_RECORDING_US + 1,
                                                      BERTH_CHANNEL_DISPLAY, 1, NULL, 0, file),
                       BERTH_ERR_TOO_LARGE);
    /* A clock that goes back does not. */
    assert_berth_ok(
        berth_recording_writer_message(writer, 100, BERTH_CHANNEL_DISPLAY, 1, NULL, 0, file));
    assert_berth_ok(berth_recording_writer_end(writer, file));
    assert_berth_error(berth_recording_writer_end(writer, file), BERTH_ERR_STATE);
    g_autoptr(BerthRecordingReader) reader = open_whole(world);
    assert_int_equal(berth_recording_reader_get_duration_us(reader), 500);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(records_come_back_in_order),     T(any_time_is_found),
        T(a_cut_file_plays_up_to_its_end), T(a_wrong_index_is_not_believed),
        T(damaged_records_end_it),         T(other_files_are_refused),
        T(the_writer_keeps_its_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
