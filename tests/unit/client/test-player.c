/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Records 25 s of a changing picture with the encoder of the session, a frame each 100 ms and a new
 * stream each 10 s, and plays it: the picture at any time must be the one that was there.
 */
#include "testing.h"

#include "client/play/player.h"
#include "client/play/recording-file.h"

#include "display/encode/client-stream.h"
#include "display/encode/planner.h"
#include "display/wire/recording-writer.h"

#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define W 200
#define H 150
#define N_FRAMES 250
#define FRAME_US 100000LL
#define FRAMES_PER_STREAM 100

typedef struct {
    char path[64];
    BerthRecordingWriter *recording;
    BerthWriter file;
    int64_t t_us;
} World;

/* What is on the screen in frame n. */
static void
paint(BerthFrame *frame, unsigned n)
{
    for (unsigned i = 0; i < 40; i++) {
        BerthRect rect = { (int)(i * 5 % (W - 20)), (int)((n * 3 + i * 7) % (H - 10)), 3, 7 };
        berth_frame_fill(frame, rect, n * 0x010203u + i * 0x30507u);
    }
}

static int
emit(BerthChannel channel, uint8_t type, const uint8_t *payload, size_t len, void *user_data)
{
    World *world = user_data;
    return berth_recording_writer_message(world->recording, world->t_us, channel, type, payload,
                                          len, &world->file);
}

static BerthClientStream *
start_stream(World *world)
{
    static const BerthRecordingCaps caps = { .exact_window_log = 20 };
    BerthClientStream *stream = berth_client_stream_new(&(BerthClientCaps){ .window_log = 20 }, 1);
    assert_berth_ok(
        berth_recording_writer_stream(world->recording, world->t_us, &caps, &world->file));
    assert_berth_ok(berth_client_stream_configure_head(stream, 0, W, H, emit, world));
    return stream;
}

static void
record_frame(World *world, BerthPlanner *planner, BerthClientStream *stream, BerthFrame *frame,
             uint32_t id)
{
    BerthDamage *damage = berth_damage_new(W, H);
    BerthPlanInput input = { .now_us = world->t_us };
    BerthFrameInfo info = { .frame_id = id, .capture_us = world->t_us };
    BerthPlan *plan;
    berth_damage_add_all(damage);
    assert_berth_ok(berth_planner_plan(planner, frame, damage, &input, &plan));
    assert_berth_ok(berth_client_stream_encode(stream, plan, &info, emit, world, NULL));
    assert_berth_ok(berth_client_stream_end(stream, 0, emit, world));
    berth_plan_free(plan);
    berth_damage_free(damage);
}

static void
record(World *world)
{
    BerthPlanner *planner = berth_planner_new();
    BerthClientStream *stream = NULL;
    BerthFrame *frame = berth_frame_new(W, H);
    const BerthRecordingHeader header = { 0 };
    assert_berth_ok(berth_planner_configure(planner, W, H));
    assert_berth_ok(berth_recording_writer_begin(world->recording, &header, &world->file));
    for (unsigned n = 0; n < N_FRAMES; n++) {
        world->t_us = n * FRAME_US;
        if (n % FRAMES_PER_STREAM == 0) {
            berth_client_stream_free(stream);
            stream = start_stream(world);
        }
        paint(frame, n);
        record_frame(world, planner, stream, frame, n + 1);
    }
    assert_berth_ok(berth_recording_writer_end(world->recording, &world->file));
    berth_client_stream_free(stream);
    berth_planner_free(planner);
    berth_frame_unref(frame);
}

static int
setup(void **state)
{
    World *world = g_new0(World, 1);
    g_strlcpy(world->path, "/tmp/berth-player-XXXXXX", sizeof world->path);
    int fd = g_mkstemp(world->path);
    world->recording = berth_recording_writer_new();
    berth_writer_init(&world->file, 64 * 1024 * 1024);
    record(world);
    assert_int_equal(write(fd, world->file.data, world->file.len), world->file.len);
    close(fd);
    *state = world;
    return 0;
}

static int
teardown(void **state)
{
    World *world = *state;
    g_unlink(world->path);
    berth_recording_writer_free(world->recording);
    berth_writer_clear(&world->file);
    g_free(world);
    return 0;
}

static void
shows_frame(const BerthPlayer *player, unsigned n)
{
    BerthFrame *expected = berth_frame_new(W, H);
    const BerthFrame *seen = berth_player_get_picture(player, 0);
    for (unsigned i = 0; i <= n; i++) {
        paint(expected, i);
    }
    assert_non_null(seen);
    for (int y = 0; y < H; y++) {
        for (int x = 0; x < W; x++) {
            assert_memory_equal(berth_frame_pixel(seen, x, y), berth_frame_pixel(expected, x, y),
                                3);
        }
    }
    berth_frame_unref(expected);
}

static void
any_time_shows_its_picture(void **state)
{
    static const unsigned frames[] = { 0, 5, 6, 99, 100, 101, 249, 200, 3, 150 };
    World *world = *state;
    g_autoptr(GError) error = NULL;
    g_autoptr(BerthRecordingFile) file = berth_recording_file_open(world->path, &error);
    assert_non_null(file);
    g_autoptr(BerthPlayer) player = berth_player_new(berth_recording_file_get_reader(file));
    for (size_t i = 0; i < G_N_ELEMENTS(frames); i++) {
        assert_true(berth_player_seek(player, frames[i] * FRAME_US + 50000, &error));
        shows_frame(player, frames[i]);
        assert_true(berth_player_get_n_frames(player) <= FRAMES_PER_STREAM);
    }
}

static void
playing_on_shows_all_of_it(void **state)
{
    World *world = *state;
    g_autoptr(GError) error = NULL;
    g_autoptr(BerthRecordingFile) file = berth_recording_file_open(world->path, &error);
    g_autoptr(BerthPlayer) player = berth_player_new(berth_recording_file_get_reader(file));
    unsigned n = 0;
    assert_true(berth_player_seek(player, 0, &error));
    while (!berth_player_is_at_end(player)) {
        shows_frame(player, n++);
        assert_int_equal(berth_player_get_n_frames(player), n);
        assert_true(berth_player_advance(player, n * FRAME_US, INT64_MAX, &error));
    }
    assert_int_equal(n, N_FRAMES - 1);
    shows_frame(player, N_FRAMES - 1);
    assert_int_equal(berth_player_get_time_us(player), (N_FRAMES - 1) * FRAME_US);
}

static void
a_player_that_is_late_shows_whole_frames(void **state)
{
    World *world = *state;
    g_autoptr(GError) error = NULL;
    g_autoptr(BerthRecordingFile) file = berth_recording_file_open(world->path, &error);
    g_autoptr(BerthPlayer) player = berth_player_new(berth_recording_file_get_reader(file));
    assert_true(berth_player_seek(player, 0, &error));
    for (unsigned n = 1; n < 20; n++) {
        /* The time is up before it begins: one frame comes. */
        assert_true(berth_player_advance(player, INT64_MAX, 0, &error));
        while (berth_player_get_n_frames(player) <= n) {
            assert_true(berth_player_advance(player, INT64_MAX, 0, &error));
        }
        shows_frame(player, n);
    }
}

static void
damage_is_told_with_its_time(void **state)
{
    World *world = *state;
    g_autoptr(GError) error = NULL;
    /* The last of the second stream's records gets a type that is none. */
    size_t middle = world->file.len / 2;
    FILE *out = fopen(world->path, "r+b");
    assert_non_null(out);
    assert_int_equal(fseek(out, (long)middle, SEEK_SET), 0);
    for (int i = 0; i < 4000; i++) {
        fputc(0xff, out);
    }
    fclose(out);
    g_autoptr(BerthRecordingFile) file = berth_recording_file_open(world->path, &error);
    assert_non_null(file);
    g_autoptr(BerthPlayer) player = berth_player_new(berth_recording_file_get_reader(file));
    assert_false(berth_player_seek(player, 19 * 1000000, &error));
    assert_non_null(strstr(error->message, "the recording is damaged after "));
    g_clear_error(&error);
    assert_true(berth_player_seek(player, 500000, &error));
    shows_frame(player, 5);
}

static void
other_files_are_refused(void **state)
{
    g_autoptr(GError) error = NULL;
    assert_null(berth_recording_file_open("/nowhere/x", &error));
    assert_string_equal(error->message, "/nowhere/x cannot be opened: No such file or directory");
    g_clear_error(&error);
    assert_null(berth_recording_file_open("/dev/null", &error));
    assert_string_equal(error->message, "/dev/null is not a file");
    g_clear_error(&error);
    assert_null(berth_recording_file_open("/etc/passwd", &error));
    assert_string_equal(error->message, "/etc/passwd is not a recording, or holds no picture");
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(any_time_shows_its_picture),
        T(playing_on_shows_all_of_it),
        T(a_player_that_is_late_shows_whole_frames),
        T(damage_is_told_with_its_time),
        cmocka_unit_test(other_files_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
