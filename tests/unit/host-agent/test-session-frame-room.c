/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The frame room with its real threads, planner and streams: sources paint, viewers decode, and at
 * rest every viewer shows what its heads show, to the pixel.
 */
#include "testing.h"

#include "host-agent/session/frame-room.h"

#include "base/clock.h"
#include "berth/protocol.h"
#include "display/decode/frame-decoder.h"

#include <string.h>

#define N_HEADS 2

/* A viewer whose window the test opens and closes. */
typedef struct {
    BerthSeat *seat;
    BerthFrameDecoder *decoder;
    bool has_room;
    int64_t waiting_us;
    size_t budget_bytes;
    unsigned n_frames, n_configs, n_whole;
    uint32_t last_frame_id, last_serial;
    int64_t last_delay_us;
} Watcher;

typedef struct {
    GMainContext *context;
    BerthHeads *heads;
    BerthFrameRoom *room;
    Watcher watchers[3];
    BerthFrame *painted[N_HEADS]; /* what the test has put into the heads */
    BerthWatermark *mark;         /* that lies over it; NULL: none */
    uint32_t seed;
} Fixture;

static void
on_head_change(BerthHeads *heads, int head, void *user_data)
{
    Fixture *fixture = user_data;
    BerthScreen *screen = berth_heads_get(heads, head);

    berth_frame_room_note_head(fixture->room, head, screen ? berth_screen_take(screen) : 0);
}

static void
get_flow(BerthSeatFlow *ret, int64_t now_us, void *user_data)
{
    const Watcher *watcher = user_data;

    *ret = (BerthSeatFlow){
        .has_room = watcher->has_room,
        .has_bulk_room = watcher->has_room,
        .is_quiet = watcher->has_room,
        .waiting_us = watcher->has_room ? 0 : watcher->waiting_us,
        .fresh_bytes = watcher->budget_bytes,
        .bulk_bytes = watcher->budget_bytes,
        .refine_bytes = 1 << 20,
        .photo_quality = 85,
        .pointer_head = -1,
    };
}

static void
deliver(BerthSeatDelivery *delivery, void *user_data)
{
    Watcher *watcher = user_data;

    assert_berth_ok(delivery->error);
    for (size_t i = 0; i < delivery->n_messages; i++) {
        const BerthSeatMessage *message = &delivery->messages[i];
        BerthDecodedEvent event;

        assert_int_equal(message->channel, BERTH_CHANNEL_DISPLAY);
        assert_berth_ok(berth_frame_decoder_handle(watcher->decoder, message->type,
                                                   message->payload, message->len, &event));
        assert_int_not_equal(event.kind, BERTH_DECODED_WRONG);
        watcher->n_configs += event.kind == BERTH_DECODED_HEAD;
        if (event.kind == BERTH_DECODED_FRAME) {
            assert_int_equal(event.frame_id, watcher->last_frame_id + 1);
            watcher->last_frame_id = event.frame_id;
            watcher->last_serial = event.input_serial;
            watcher->n_frames++;
        }
    }
}

static const BerthSeatCallbacks seat_callbacks = { .get_flow = get_flow, .deliver = deliver };

static void
sit_down(Fixture *fixture, Watcher *watcher, bool is_driver)
{
    const BerthClientCaps caps = { .window_log = 18,
                                   .gradient_window_log = 16,
                                   .n_cache_tiles = 64 };
    const BerthFrameDecoderCaps decoder_caps = { .max_width = 4096,
                                                 .max_height = 4096,
                                                 .window_log = 18,
                                                 .gradient_window_log = 16,
                                                 .n_cache_tiles = 64 };

    *watcher = (Watcher){ .has_room = true };
    watcher->decoder = berth_frame_decoder_new(&decoder_caps);
    watcher->seat =
        berth_frame_room_add_seat(fixture->room, &caps, is_driver, &seat_callbacks, watcher);
    assert_non_null(watcher->seat);
    berth_frame_room_look(fixture->room);
}

static void
stand_up(Fixture *fixture, Watcher *watcher)
{
    berth_frame_room_remove_seat(fixture->room, watcher->seat);
    berth_frame_decoder_free(watcher->decoder);
    watcher->seat = NULL;
    watcher->decoder = NULL;
}

static int
set_up(void **state)
{
    static Fixture fixture;

    fixture = (Fixture){ .context = g_main_context_new(), .seed = 1 };
    fixture.heads = berth_heads_new(fixture.context, on_head_change, &fixture);
    fixture.room = berth_frame_room_new(fixture.context, fixture.heads);
    *state = &fixture;
    return 0;
}

static int
tear_down(void **state)
{
    Fixture *fixture = *state;

    for (size_t i = 0; i < G_N_ELEMENTS(fixture->watchers); i++) {
        if (fixture->watchers[i].seat) {
            stand_up(fixture, &fixture->watchers[i]);
        }
    }
    berth_frame_room_free(fixture->room);
    berth_heads_free(fixture->heads);
    for (int i = 0; i < N_HEADS; i++) {
        berth_frame_unref(fixture->painted[i]);
    }
    g_main_context_unref(fixture->context);
    return 0;
}

static uint32_t
next_random(Fixture *fixture)
{
    fixture->seed = fixture->seed * 1664525 + 1013904223;
    return fixture->seed >> 8;
}

static void
set_mode(Fixture *fixture, int head, int w, int h)
{
    berth_frame_unref(fixture->painted[head]);
    fixture->painted[head] = berth_frame_new(w, h);
    assert_berth_ok(berth_screen_set_mode(berth_heads_ensure(fixture->heads, head), w, h));
}

/* Paints a block of noise or of one colour somewhere. */
static void
paint(Fixture *fixture, int head)
{
    BerthFrame *frame = fixture->painted[head];
    int w = 1 + (int)(next_random(fixture) % (uint32_t)frame->width);
    int h = 1 + (int)(next_random(fixture) % (uint32_t)frame->height);
    BerthRect rect = { (int)(next_random(fixture) % (uint32_t)(frame->width - w + 1)),
                       (int)(next_random(fixture) % (uint32_t)(frame->height - h + 1)), w, h };
    uint32_t mask = next_random(fixture) % 3 ? 0 : 0x0f0f0f;
    uint32_t colour = next_random(fixture);
    BerthPixelSource source = { berth_frame_pixel(frame, rect.x, rect.y),
                                frame->stride_bytes * (size_t)rect.h, frame->stride_bytes,
                                berth_pixel_format_bgrx };

    for (int y = rect.y; y < rect.y + rect.h; y++) {
        for (int x = rect.x; x < rect.x + rect.w; x++) {
            uint32_t pixel = 0xff000000u | ((colour ^ (next_random(fixture) & mask)) & 0xffffff);

            memcpy(berth_frame_pixel(frame, x, y), &pixel, sizeof(pixel));
        }
    }
    source.size_bytes -= frame->stride_bytes - (size_t)rect.w * 4;
    assert_berth_ok(berth_screen_write(berth_heads_get(fixture->heads, head), rect, &source));
}

static bool
shows(const Watcher *watcher, int head, const BerthFrame *frame)
{
    const BerthFrame *canvas = berth_frame_decoder_get_canvas(watcher->decoder, (uint16_t)head);

    return canvas && canvas->width == frame->width && canvas->height == frame->height &&
           berth_frame_rect_equal(canvas, frame, berth_frame_get_rect(frame));
}

/* What viewers are to see of a head: what was painted, under the mark that there is. */
static BerthFrame *
new_wanted(const Fixture *fixture, const BerthFrame *painted)
{
    BerthFrame *wanted = berth_frame_new(painted->width, painted->height);

    berth_frame_copy_rect(wanted, painted, berth_frame_get_rect(painted));
    if (fixture->mark) {
        berth_watermark_draw(fixture->mark, wanted, berth_frame_get_rect(wanted));
    }
    return wanted;
}

/* Runs the loop until a viewer shows all that was painted. */
static void
wait_until_shown(Fixture *fixture, const Watcher *watcher)
{
    for (int head = 0; head < N_HEADS; head++) {
        if (fixture->painted[head]) {
            BerthFrame *wanted = new_wanted(fixture, fixture->painted[head]);

            while (!shows(watcher, head, wanted)) {
                g_main_context_iteration(fixture->context, TRUE);
            }
            berth_frame_unref(wanted);
        }
    }
}

static void
run_ready(Fixture *fixture)
{
    while (g_main_context_iteration(fixture->context, FALSE)) {
    }
}

static void
viewers_show_what_was_painted(void **state)
{
    Fixture *fixture = *state;

    sit_down(fixture, &fixture->watchers[0], true);
    set_mode(fixture, 0, 300, 200);
    for (int i = 0; i < 200; i++) {
        paint(fixture, 0);
        run_ready(fixture);
        if (i == 100) {
            sit_down(fixture, &fixture->watchers[1], false);
        }
        if (i % 50 == 49) {
            wait_until_shown(fixture, &fixture->watchers[0]);
        }
    }
    wait_until_shown(fixture, &fixture->watchers[0]);
    wait_until_shown(fixture, &fixture->watchers[1]);
    assert_int_equal(fixture->watchers[0].n_configs, 1);
}

static void
set_mark(Fixture *fixture, const char *text)
{
    g_autoptr(BerthWatermarkFont) font = berth_watermark_font_new(BERTH_WATERMARK_FONT);

    berth_watermark_unref(fixture->mark);
    fixture->mark = text ? berth_watermark_new(font, text, NULL) : NULL;
    assert_true((fixture->mark != NULL) == (text != NULL));
    berth_frame_room_set_watermark(fixture->room, fixture->mark);
}

/* It comes, changes and goes while nothing is painted, and whatever is painted lies below it. */
static void
viewers_see_the_watermark(void **state)
{
    Fixture *fixture = *state;
    const char *const texts[] = { "ann", "bob", NULL, "ann", NULL };

    sit_down(fixture, &fixture->watchers[0], true);
    sit_down(fixture, &fixture->watchers[1], false);
    set_mode(fixture, 0, 700, 500);
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        set_mark(fixture, texts[i]);
        wait_until_shown(fixture, &fixture->watchers[0]);
        for (int k = 0; k < 20; k++) {
            paint(fixture, 0);
            run_ready(fixture);
        }
        set_mode(fixture, 1, 320, 200 + (int)i);
        paint(fixture, 1);
        wait_until_shown(fixture, &fixture->watchers[0]);
        wait_until_shown(fixture, &fixture->watchers[1]);
    }
}

static void
a_viewer_without_room_holds_nobody_and_catches_up(void **state)
{
    Fixture *fixture = *state;
    Watcher *driver = &fixture->watchers[0];
    Watcher *slow = &fixture->watchers[1];
    unsigned n_frames;

    sit_down(fixture, driver, true);
    sit_down(fixture, slow, false);
    set_mode(fixture, 0, 200, 200);
    wait_until_shown(fixture, driver);
    wait_until_shown(fixture, slow);
    slow->has_room = false;
    slow->waiting_us = 60 * 1000 * 1000;
    n_frames = slow->n_frames;
    for (int i = 0; i < 20; i++) {
        paint(fixture, 0);
        wait_until_shown(fixture, driver);
    }
    assert_int_equal(slow->n_frames, n_frames);
    slow->has_room = true;
    berth_frame_room_look(fixture->room);
    wait_until_shown(fixture, slow);
    assert_int_equal(slow->n_frames, n_frames + 1); /* what waited came merged */
}

static void
large_frames_are_cut_and_end_exact(void **state)
{
    Fixture *fixture = *state;
    Watcher *driver = &fixture->watchers[0];

    sit_down(fixture, driver, true);
    driver->budget_bytes = 4096;
    set_mode(fixture, 0, 640, 480);
    for (int i = 0; i < 20; i++) {
        paint(fixture, 0);
        run_ready(fixture);
    }
    wait_until_shown(fixture, driver);
    assert_true(driver->n_frames > 3);
}

static void
a_driver_without_room_keeps_the_pixels_waiting(void **state)
{
    Fixture *fixture = *state;
    Watcher *driver = &fixture->watchers[0];
    unsigned n_frames;

    sit_down(fixture, driver, true);
    set_mode(fixture, 0, 100, 100);
    wait_until_shown(fixture, driver);
    n_frames = driver->n_frames;
    driver->has_room = false;
    for (int i = 0; i < 20; i++) {
        paint(fixture, 0);
        run_ready(fixture);
    }
    driver->has_room = true;
    berth_frame_room_look(fixture->room);
    wait_until_shown(fixture, driver);
    assert_int_equal(driver->n_frames, n_frames + 1);
}

static void
another_viewer_drives_while_the_driver_is_stalled(void **state)
{
    Fixture *fixture = *state;

    sit_down(fixture, &fixture->watchers[0], true);
    sit_down(fixture, &fixture->watchers[1], false);
    fixture->watchers[0].has_room = false;
    fixture->watchers[0].waiting_us = 60 * 1000 * 1000;
    set_mode(fixture, 0, 100, 100);
    paint(fixture, 0);
    wait_until_shown(fixture, &fixture->watchers[1]);
    assert_int_equal(fixture->watchers[0].n_frames, 0);
}

static void
sizes_may_change_with_every_frame(void **state)
{
    Fixture *fixture = *state;

    sit_down(fixture, &fixture->watchers[0], true);
    sit_down(fixture, &fixture->watchers[1], false);
    for (int i = 0; i < 300; i++) {
        set_mode(fixture, 0, 64 + (int)(next_random(fixture) % 200), 48 + i % 100);
        paint(fixture, 0);
        fixture->watchers[1].has_room = i % 3 == 0;
        run_ready(fixture);
    }
    fixture->watchers[1].has_room = true;
    berth_frame_room_look(fixture->room);
    wait_until_shown(fixture, &fixture->watchers[0]);
    wait_until_shown(fixture, &fixture->watchers[1]);
}

static void
several_heads_share_one_connection(void **state)
{
    Fixture *fixture = *state;
    Watcher *driver = &fixture->watchers[0];

    sit_down(fixture, driver, true);
    set_mode(fixture, 0, 150, 100);
    set_mode(fixture, 1, 90, 210);
    for (int i = 0; i < 60; i++) {
        paint(fixture, i % 2);
        run_ready(fixture);
    }
    wait_until_shown(fixture, driver);
    berth_heads_remove(fixture->heads, 1);
    g_clear_pointer(&fixture->painted[1], berth_frame_unref);
    paint(fixture, 0);
    wait_until_shown(fixture, driver);
    set_mode(fixture, 1, 77, 55); /* and it comes back */
    paint(fixture, 1);
    wait_until_shown(fixture, driver);
}

/* At most one whole picture a second, however often a client asks. */
static void
refreshes_are_thinned_out(void **state)
{
    Fixture *fixture = *state;
    Watcher *driver = &fixture->watchers[0];
    int64_t start_us = berth_monotonic_us();
    unsigned n_frames;

    sit_down(fixture, driver, true);
    set_mode(fixture, 0, 100, 100);
    wait_until_shown(fixture, driver);
    n_frames = driver->n_frames;
    berth_seat_refresh(driver->seat, 0);
    berth_frame_room_look(fixture->room);
    while (driver->n_frames == n_frames) {
        g_main_context_iteration(fixture->context, TRUE);
    }
    for (int i = 0; i < 1000; i++) {
        berth_seat_refresh(driver->seat, 0);
        berth_seat_refresh(driver->seat, 3);
        berth_seat_refresh(driver->seat, -1);
        berth_frame_room_look(fixture->room);
        run_ready(fixture);
    }
    assert_in_range(driver->n_frames, n_frames + 1,
                    n_frames + 2 + (unsigned)((berth_monotonic_us() - start_us) / G_USEC_PER_SEC));
}

static void
frames_name_the_viewers_own_input(void **state)
{
    Fixture *fixture = *state;
    Watcher *driver = &fixture->watchers[0];
    Watcher *other = &fixture->watchers[1];

    sit_down(fixture, driver, true);
    sit_down(fixture, other, false);
    set_mode(fixture, 0, 100, 100);
    wait_until_shown(fixture, driver);
    berth_seat_note_input(driver->seat, berth_heads_begin_input(fixture->heads), 41);
    berth_seat_note_input(other->seat, berth_heads_begin_input(fixture->heads), 7);
    berth_seat_note_input(other->seat, berth_heads_begin_input(fixture->heads), 8);
    berth_heads_take_back_input(fixture->heads);
    berth_seat_take_back_input(other->seat);
    paint(fixture, 0);
    wait_until_shown(fixture, driver);
    wait_until_shown(fixture, other);
    assert_int_equal(driver->last_serial, 41);
    assert_int_equal(other->last_serial, 7);
}

static void
viewers_leave_while_frames_are_made(void **state)
{
    Fixture *fixture = *state;

    sit_down(fixture, &fixture->watchers[0], true);
    set_mode(fixture, 0, 200, 200);
    for (int i = 0; i < 50; i++) {
        paint(fixture, 0);
        sit_down(fixture, &fixture->watchers[1 + i % 2], false);
        g_main_context_iteration(fixture->context, FALSE);
        if (i % 10 == 9) {
            stand_up(fixture, &fixture->watchers[0]);
            sit_down(fixture, &fixture->watchers[0], true);
        }
        stand_up(fixture, &fixture->watchers[1 + i % 2]);
    }
    wait_until_shown(fixture, &fixture->watchers[0]);
}

/* What a source still writes to is not what is being encoded: the copy is the room's own. */
typedef struct {
    BerthScreen *screen;
    gint is_over;
} Painter;

static gpointer
paint_without_end(gpointer user_data)
{
    Painter *painter = user_data;
    uint32_t pixels[64 * 64];
    uint32_t colour = 0;

    while (!g_atomic_int_get(&painter->is_over)) {
        BerthPixelSource source = { (const uint8_t *)pixels, sizeof(pixels), 64 * 4,
                                    berth_pixel_format_bgrx };

        for (size_t i = 0; i < G_N_ELEMENTS(pixels); i++) {
            pixels[i] = colour++ * 2654435761u;
        }
        berth_screen_write(painter->screen, (BerthRect){ 64 * (int)(colour % 3), 0, 64, 64 },
                           &source);
    }
    return NULL;
}

static void
pixels_that_change_while_a_frame_is_made_harm_nothing(void **state)
{
    Fixture *fixture = *state;
    Watcher *driver = &fixture->watchers[0];
    Painter painter = { 0 };
    GThread *thread;

    sit_down(fixture, driver, true);
    sit_down(fixture, &fixture->watchers[1], false);
    set_mode(fixture, 0, 192, 100);
    painter.screen = berth_screen_ref(berth_heads_get(fixture->heads, 0));
    thread = g_thread_new("painter", paint_without_end, &painter);
    while (driver->n_frames < 200) {
        g_main_context_iteration(fixture->context, TRUE);
    }
    g_atomic_int_set(&painter.is_over, 1);
    g_thread_join(thread);
    berth_screen_unref(painter.screen);
    for (int i = 0; i < 3; i++) { /* the painter's last blocks are painted over by known ones */
        BerthPixelSource source = { fixture->painted[0]->data,
                                    fixture->painted[0]->stride_bytes * 100,
                                    fixture->painted[0]->stride_bytes, berth_pixel_format_bgrx };

        berth_screen_write(berth_heads_get(fixture->heads, 0), (BerthRect){ 0, 0, 192, 100 },
                           &source);
    }
    wait_until_shown(fixture, driver);
    wait_until_shown(fixture, &fixture->watchers[1]);
}

static void
pixels_are_wanted_while_the_driver_has_room(void **state)
{
    Fixture *fixture = *state;
    BerthScreen *screen = berth_heads_get(fixture->heads, 0);

    assert_false(berth_screen_is_wanted(screen));
    sit_down(fixture, &fixture->watchers[0], true);
    set_mode(fixture, 0, 100, 100);
    wait_until_shown(fixture, &fixture->watchers[0]);
    run_ready(fixture);
    assert_true(berth_screen_is_wanted(screen));
    fixture->watchers[0].has_room = false;
    berth_frame_room_look(fixture->room);
    assert_false(berth_screen_is_wanted(screen));
    fixture->watchers[0].has_room = true;
    berth_frame_room_look(fixture->room);
    assert_true(berth_screen_is_wanted(screen));
    stand_up(fixture, &fixture->watchers[0]);
    assert_false(berth_screen_is_wanted(screen));
}

#define ROOM_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        ROOM_TEST(viewers_show_what_was_painted),
        ROOM_TEST(viewers_see_the_watermark),
        ROOM_TEST(a_viewer_without_room_holds_nobody_and_catches_up),
        ROOM_TEST(large_frames_are_cut_and_end_exact),
        ROOM_TEST(a_driver_without_room_keeps_the_pixels_waiting),
        ROOM_TEST(another_viewer_drives_while_the_driver_is_stalled),
        ROOM_TEST(sizes_may_change_with_every_frame),
        ROOM_TEST(several_heads_share_one_connection),
        ROOM_TEST(refreshes_are_thinned_out),
        ROOM_TEST(frames_name_the_viewers_own_input),
        ROOM_TEST(viewers_leave_while_frames_are_made),
        ROOM_TEST(pixels_that_change_while_a_frame_is_made_harm_nothing),
        ROOM_TEST(pixels_are_wanted_while_the_driver_has_room),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
