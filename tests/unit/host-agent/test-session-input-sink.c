/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testing.h"

#include "host-agent/session/input-sink.h"
#include "host-agent/session/typist.h"

#include "berth/limits.h"

#include <linux/input-event-codes.h>

/* A source that remembers what it got. */
typedef struct {
    BerthCapture base;
    int result;
    int n_calls;
    int n_down;
    int last_head, last_x, last_y;
} FakeCapture;

static int
fake_key(BerthCapture *base, uint16_t evdev, bool is_down)
{
    FakeCapture *self = (FakeCapture *)base;

    self->n_calls++;
    self->last_x = evdev;
    self->last_y = is_down;
    if (self->result == BERTH_OK) {
        self->n_down += is_down ? 1 : -1;
    }
    return self->result;
}

static int
fake_point(BerthCapture *base, int x, int y)
{
    FakeCapture *self = (FakeCapture *)base;

    self->n_calls++;
    self->last_x = x;
    self->last_y = y;
    return self->result;
}

static int
fake_position(BerthCapture *base, int head, int x, int y)
{
    FakeCapture *self = (FakeCapture *)base;

    self->last_head = head;
    return fake_point(base, x, y);
}

static int
fake_button(BerthCapture *base, BerthButton button, bool is_down)
{
    return fake_key(base, (uint16_t)button, is_down);
}

static const BerthCaptureOps fake_ops = {
    .name = "fake",
    .key = fake_key,
    .pointer_abs = fake_position,
    .pointer_rel = fake_point,
    .button = fake_button,
    .wheel = fake_point,
};

typedef struct {
    FakeCapture capture;
    BerthInputSink *sink;
} Fixture;

static int
set_up(void **state)
{
    static Fixture fixture;

    fixture = (Fixture){ .capture = { .base = { &fake_ops } } };
    fixture.sink = berth_input_sink_new(BERTH_RIGHT_INPUT);
    berth_input_sink_set_capture(fixture.sink, &fixture.capture.base);
    berth_input_sink_set_mode(fixture.sink, 0, 1280, 800);
    berth_input_sink_set_absolute(fixture.sink, true);
    *state = &fixture;
    return 0;
}

static int
tear_down(void **state)
{
    Fixture *fixture = *state;

    berth_input_sink_free(fixture->sink);
    return 0;
}

static int
send_key(Fixture *fixture, uint16_t evdev, bool is_down, int64_t now_us)
{
    BerthMsgInput input = { .serial = 7, .key = { evdev, is_down } };

    int r = berth_input_sink_admit(fixture->sink, BERTH_MSG_KEY, &input, now_us);

    return r == BERTH_OK ? berth_input_sink_handle(fixture->sink, BERTH_MSG_KEY, &input) : r;
}

static void
keys_reach_the_guest(void **state)
{
    Fixture *fixture = *state;

    assert_berth_ok(send_key(fixture, 30, true, 0));
    assert_int_equal(fixture->capture.last_x, 30);
    assert_int_equal(berth_input_sink_get_serial(fixture->sink), 7);
    assert_berth_ok(send_key(fixture, 30, false, 0));
    assert_int_equal(fixture->capture.n_down, 0);
}

static void
without_the_right_nothing_reaches_the_guest(void **state)
{
    Fixture *fixture = *state;
    BerthInputSink *sink = berth_input_sink_new(BERTH_RIGHT_RESIZE);
    BerthMsgInput input = { .serial = 1, .key = { 30, true } };

    berth_input_sink_set_capture(sink, &fixture->capture.base);
    assert_berth_error(berth_input_sink_handle(sink, BERTH_MSG_KEY, &input), BERTH_ERR_FORBIDDEN);
    assert_int_equal(fixture->capture.n_calls, 0);
    berth_input_sink_free(sink);
}

static void
a_release_without_a_press_is_dropped(void **state)
{
    Fixture *fixture = *state;
    BerthMsgInput input = { .button = { BERTH_BUTTON_LEFT, false } };

    assert_berth_error(send_key(fixture, 30, false, 0), BERTH_ERR_STATE);
    assert_berth_error(berth_input_sink_handle(fixture->sink, BERTH_MSG_BUTTON, &input),
                       BERTH_ERR_STATE);
    assert_int_equal(fixture->capture.n_calls, 0);
}

static void
release_all_leaves_nothing_down(void **state)
{
    Fixture *fixture = *state;
    BerthMsgInput button = { .button = { BERTH_BUTTON_EXTRA, true } };
    BerthMsgInput none = { .serial = 9 };

    for (uint16_t evdev = 1; evdev <= BERTH_WIRE_MAX_KEY; evdev++) {
        assert_berth_ok(send_key(fixture, evdev, true, evdev));
    }
    assert_berth_ok(berth_input_sink_handle(fixture->sink, BERTH_MSG_BUTTON, &button));
    assert_int_equal(fixture->capture.n_down, BERTH_WIRE_MAX_KEY + 1);
    assert_berth_ok(berth_input_sink_handle(fixture->sink, BERTH_MSG_RELEASE_ALL, &none));
    assert_int_equal(fixture->capture.n_down, 0);
    berth_input_sink_release_all(fixture->sink);
    assert_int_equal(fixture->capture.n_down, 0);
}

static void
a_press_that_the_guest_refused_is_not_held(void **state)
{
    Fixture *fixture = *state;

    fixture->capture.result = BERTH_ERR_BUSY;
    assert_berth_error(send_key(fixture, 30, true, 0), BERTH_ERR_BUSY);
    fixture->capture.n_calls = 0;
    berth_input_sink_release_all(fixture->sink);
    assert_int_equal(fixture->capture.n_calls, 0);
    assert_int_equal(berth_input_sink_get_serial(fixture->sink), 0);
}

static void
over_the_rate_only_releases_pass(void **state)
{
    Fixture *fixture = *state;

    for (unsigned i = 0; i < BERTH_LIMIT_INPUT_PER_SECOND; i++) {
        assert_berth_ok(send_key(fixture, 30, true, 1000));
    }
    assert_berth_error(send_key(fixture, 31, true, 1000), BERTH_ERR_THROTTLED);
    assert_berth_ok(send_key(fixture, 30, false, 1000));
    assert_berth_ok(send_key(fixture, 31, true, 1000 + 1000 * 1000));
}

static void
positions_outside_of_the_head_move_to_its_edge(void **state)
{
    Fixture *fixture = *state;
    BerthMsgInput input = { .abs = { 0, 5000, 800 } };

    assert_berth_ok(berth_input_sink_handle(fixture->sink, BERTH_MSG_POINTER_ABS, &input));
    assert_int_equal(fixture->capture.last_x, 1279);
    assert_int_equal(fixture->capture.last_y, 799);
}

static void
positions_name_their_head(void **state)
{
    Fixture *fixture = *state;
    BerthMsgInput input = { .abs = { 1, 5000, 3 } };

    assert_berth_error(berth_input_sink_handle(fixture->sink, BERTH_MSG_POINTER_ABS, &input),
                       BERTH_ERR_STATE);
    berth_input_sink_set_mode(fixture->sink, 1, 640, 480);
    assert_berth_ok(berth_input_sink_handle(fixture->sink, BERTH_MSG_POINTER_ABS, &input));
    assert_int_equal(fixture->capture.last_head, 1);
    assert_int_equal(fixture->capture.last_x, 639);
    input.abs.head = BERTH_LIMIT_HEADS;
    assert_berth_error(berth_input_sink_handle(fixture->sink, BERTH_MSG_POINTER_ABS, &input),
                       BERTH_ERR_INVALID);
}

static void
only_the_pointer_kind_of_the_guest_passes(void **state)
{
    Fixture *fixture = *state;
    BerthMsgInput position = { .abs = { 0, 1, 1 } };
    BerthMsgInput motion = { .rel = { -3, 4 } };

    assert_berth_error(berth_input_sink_handle(fixture->sink, BERTH_MSG_POINTER_REL, &motion),
                       BERTH_ERR_STATE);
    berth_input_sink_set_absolute(fixture->sink, false);
    assert_berth_error(berth_input_sink_handle(fixture->sink, BERTH_MSG_POINTER_ABS, &position),
                       BERTH_ERR_STATE);
    assert_berth_ok(berth_input_sink_handle(fixture->sink, BERTH_MSG_POINTER_REL, &motion));
    assert_int_equal(fixture->capture.last_x, -3);
    berth_input_sink_set_absolute(fixture->sink, true);
    berth_input_sink_set_mode(fixture->sink, 0, 0, 0);
    assert_berth_error(berth_input_sink_handle(fixture->sink, BERTH_MSG_POINTER_ABS, &position),
                       BERTH_ERR_STATE);
}

static void
parts_of_a_wheel_notch_add_up(void **state)
{
    Fixture *fixture = *state;
    BerthMsgInput input = { .wheel = { 0, 50 } };

    assert_berth_ok(berth_input_sink_handle(fixture->sink, BERTH_MSG_WHEEL, &input));
    assert_berth_ok(berth_input_sink_handle(fixture->sink, BERTH_MSG_WHEEL, &input));
    assert_int_equal(fixture->capture.n_calls, 0);
    assert_berth_ok(berth_input_sink_handle(fixture->sink, BERTH_MSG_WHEEL, &input));
    assert_int_equal(fixture->capture.n_calls, 1);
    assert_int_equal(fixture->capture.last_y, -1); /* away from the user is up */
}

static int
send_locks(Fixture *fixture, uint8_t locks)
{
    BerthMsgInput input = { .serial = 8, .locks = locks };

    return berth_input_sink_handle(fixture->sink, BERTH_MSG_LOCKS, &input);
}

static void
lock_keys_are_pressed_until_the_lights_agree(void **state)
{
    Fixture *fixture = *state;

    assert_berth_ok(send_locks(fixture, 0));
    assert_int_equal(fixture->capture.n_calls, 0);
    assert_berth_ok(send_locks(fixture, BERTH_LED_CAPS));
    assert_int_equal(fixture->capture.n_calls, 2);
    assert_int_equal(fixture->capture.last_x, KEY_CAPSLOCK);
    assert_int_equal(fixture->capture.n_down, 0);
    /* The guest has not told yet, and once it has, they agree. */
    assert_berth_ok(send_locks(fixture, BERTH_LED_CAPS));
    berth_input_sink_set_leds(fixture->sink, BERTH_LED_CAPS);
    assert_berth_ok(send_locks(fixture, BERTH_LED_CAPS));
    assert_int_equal(fixture->capture.n_calls, 2);
    /* A key that the user presses changes both sides. */
    assert_berth_ok(send_key(fixture, KEY_CAPSLOCK, true, 0));
    assert_berth_ok(send_key(fixture, KEY_CAPSLOCK, true, 0));
    assert_berth_ok(send_key(fixture, KEY_CAPSLOCK, false, 0));
    assert_int_equal(fixture->capture.n_calls, 5);
    assert_berth_ok(send_locks(fixture, 0));
    assert_int_equal(fixture->capture.n_calls, 5);
    assert_berth_ok(send_locks(fixture, BERTH_LED_NUM | BERTH_LED_SCROLL));
    assert_int_equal(fixture->capture.n_calls, 9);
}

static int
send_touch(Fixture *fixture, BerthTouchPhase phase, uint8_t finger, uint16_t x)
{
    BerthMsgInput input = { .serial = 9, .touch = { (uint8_t)phase, finger, 0, x, 5 } };

    return berth_input_sink_handle(fixture->sink, BERTH_MSG_TOUCH, &input);
}

static void
the_first_finger_is_the_pointer(void **state)
{
    Fixture *fixture = *state;

    assert_berth_ok(send_touch(fixture, BERTH_TOUCH_MOVE, 3, 10));
    assert_int_equal(fixture->capture.n_calls, 0);
    assert_berth_ok(send_touch(fixture, BERTH_TOUCH_DOWN, 3, 10));
    assert_int_equal(fixture->capture.n_calls, 2);
    assert_int_equal(fixture->capture.n_down, 1);
    assert_berth_ok(send_touch(fixture, BERTH_TOUCH_DOWN, 4, 99));
    assert_berth_ok(send_touch(fixture, BERTH_TOUCH_UP, 4, 99));
    assert_int_equal(fixture->capture.n_calls, 2);
    assert_berth_ok(send_touch(fixture, BERTH_TOUCH_MOVE, 3, 20));
    assert_int_equal(fixture->capture.last_x, 20);
    assert_berth_ok(send_touch(fixture, BERTH_TOUCH_UP, 3, 20));
    assert_int_equal(fixture->capture.n_down, 0);
    assert_berth_ok(send_touch(fixture, BERTH_TOUCH_DOWN, 1, 10));
    berth_input_sink_release_all(fixture->sink);
    assert_int_equal(fixture->capture.n_down, 0);
    assert_berth_ok(send_touch(fixture, BERTH_TOUCH_DOWN, 2, 10));
    assert_berth_ok(send_touch(fixture, BERTH_TOUCH_CANCEL, 2, 10));
    assert_int_equal(fixture->capture.n_down, 0);
}

static void
a_wheel_that_turns_back_begins_anew(void **state)
{
    Fixture *fixture = *state;
    BerthMsgInput up = { .wheel = { 0, 100 } };
    BerthMsgInput down = { .wheel = { 0, -60 } };

    assert_berth_ok(berth_input_sink_handle(fixture->sink, BERTH_MSG_WHEEL, &up));
    assert_berth_ok(berth_input_sink_handle(fixture->sink, BERTH_MSG_WHEEL, &down));
    assert_int_equal(fixture->capture.n_calls, 0);
    assert_berth_ok(berth_input_sink_handle(fixture->sink, BERTH_MSG_WHEEL, &down));
    assert_int_equal(fixture->capture.n_calls, 1);
    assert_int_equal(fixture->capture.last_y, 1);
}

static void
alt_and_super_go_up_last(void **state)
{
    Fixture *fixture = *state;

    assert_berth_ok(send_key(fixture, KEY_LEFTALT, true, 0));
    assert_berth_ok(send_key(fixture, KEY_RIGHT, true, 0));
    berth_input_sink_release_all(fixture->sink);
    assert_int_equal(fixture->capture.last_x, KEY_LEFTALT);
    assert_int_equal(fixture->capture.n_down, 0);
}

static void
wait_typed(BerthTypist *typist)
{
    while (berth_typist_get_n_waiting(typist) > 0) {
        g_main_context_iteration(NULL, TRUE);
    }
}

static void
a_text_is_typed_in_its_time(void **state)
{
    Fixture *fixture = *state;
    BerthTypist *typist = berth_typist_new(fixture->sink);
    g_autofree char *page = g_strnfill(BERTH_LIMIT_TYPED_CHARS, 'x');
    gunichar first = 1;

    assert_berth_ok(berth_typist_push(typist, "aB", &first));
    assert_int_equal(first, 0);
    assert_int_equal(fixture->capture.n_calls, 0);
    wait_typed(typist);
    assert_int_equal(fixture->capture.n_calls, 2 + 4);
    assert_int_equal(fixture->capture.last_x, KEY_LEFTSHIFT);
    assert_int_equal(fixture->capture.n_down, 0);
    assert_berth_ok(berth_typist_push(typist, "\xc3\xa9z\xc3\xa8", &first));
    assert_int_equal(first, 0xe9);
    berth_typist_flush(typist);
    assert_int_equal(fixture->capture.n_calls, 8);
    assert_int_equal(fixture->capture.last_x, KEY_Z);
    assert_berth_ok(berth_typist_push(typist, page, &first));
    assert_berth_error(berth_typist_push(typist, "x", &first), BERTH_ERR_THROTTLED);
    berth_typist_forget(typist);
    assert_int_equal(berth_typist_get_n_waiting(typist), 0);
    assert_int_equal(fixture->capture.n_calls, 8);
    berth_typist_free(typist);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(keys_reach_the_guest, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_the_right_nothing_reaches_the_guest, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_release_without_a_press_is_dropped, set_up, tear_down),
        cmocka_unit_test_setup_teardown(release_all_leaves_nothing_down, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_press_that_the_guest_refused_is_not_held, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(over_the_rate_only_releases_pass, set_up, tear_down),
        cmocka_unit_test_setup_teardown(positions_name_their_head, set_up, tear_down),
        cmocka_unit_test_setup_teardown(positions_outside_of_the_head_move_to_its_edge, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(only_the_pointer_kind_of_the_guest_passes, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(parts_of_a_wheel_notch_add_up, set_up, tear_down),
        cmocka_unit_test_setup_teardown(lock_keys_are_pressed_until_the_lights_agree, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(the_first_finger_is_the_pointer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_wheel_that_turns_back_begins_anew, set_up, tear_down),
        cmocka_unit_test_setup_teardown(alt_and_super_go_up_last, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_text_is_typed_in_its_time, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
