/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testing.h"

#include "host-agent/session/dbus-listener.h"

#include "berth/limits.h"

#define XRGB 0x20020888u
#define RGB565 0x10020565u

static uint8_t bytes[64 * 1024];

static void
a_sane_scanout_is_accepted(void **state)
{
    BerthListenerPicture picture;

    assert_berth_ok(berth_dbus_listener_check_scanout(10, 5, 40, XRGB, bytes, 200, &picture));
    assert_int_equal(picture.rect.w, 10);
    assert_int_equal(picture.rect.h, 5);
    assert_ptr_equal(picture.source.data, bytes);
    assert_int_equal(picture.source.stride_bytes, 40);
}

static void
the_last_row_may_end_early(void **state)
{
    BerthListenerPicture picture;

    assert_berth_ok(
        berth_dbus_listener_check_scanout(10, 5, 64, XRGB, bytes, 4 * 64 + 40, &picture));
    assert_berth_error(
        berth_dbus_listener_check_scanout(10, 5, 64, XRGB, bytes, 4 * 64 + 39, &picture),
        BERTH_ERR_TRUNCATED);
}

static void
hostile_scanouts_are_refused(void **state)
{
    static const struct {
        uint32_t w, h, stride, format;
        size_t n_bytes;
        int expected;
    } rows[] = {
        { 0, 5, 40, XRGB, 200, BERTH_ERR_INVALID },
        { 10, 0, 40, XRGB, 200, BERTH_ERR_INVALID },
        { 10, 5, 39, XRGB, 200, BERTH_ERR_INVALID },
        { 10, 5, 0, XRGB, 200, BERTH_ERR_INVALID },
        { 10, 5, 40, 0, 200, BERTH_ERR_UNSUPPORTED },
        { 10, 5, 40, UINT32_MAX, 200, BERTH_ERR_UNSUPPORTED },
        { 10, 5, UINT32_MAX, XRGB, 200, BERTH_ERR_TRUNCATED },
        { 10, 5, 40, XRGB, 0, BERTH_ERR_TRUNCATED },
        { UINT32_MAX, UINT32_MAX, UINT32_MAX, XRGB, 200, BERTH_ERR_TOO_LARGE },
        { BERTH_LIMIT_HEAD_SIDE_PX + 1, 1, UINT32_MAX, XRGB, 200, BERTH_ERR_TOO_LARGE },
        { BERTH_LIMIT_HEAD_SIDE_PX, BERTH_LIMIT_HEAD_SIDE_PX, 65536, XRGB, 200,
          BERTH_ERR_TOO_LARGE },
        { 10, 5, 20, RGB565, 99, BERTH_ERR_TRUNCATED },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        BerthListenerPicture picture;

        assert_berth_error(berth_dbus_listener_check_scanout(rows[i].w, rows[i].h, rows[i].stride,
                                                             rows[i].format, bytes, rows[i].n_bytes,
                                                             &picture),
                           rows[i].expected);
    }
}

static void
an_update_must_lie_in_the_mode(void **state)
{
    static const struct {
        BerthRect rect;
        int mode_w, mode_h, expected;
    } rows[] = {
        { { 0, 0, 10, 5 }, 10, 5, BERTH_OK },
        { { 9, 4, 1, 1 }, 10, 5, BERTH_OK },
        { { 0, 0, 10, 5 }, 0, 0, BERTH_ERR_STATE },
        { { 1, 0, 10, 5 }, 10, 5, BERTH_ERR_STATE },
        { { 0, 1, 10, 5 }, 10, 5, BERTH_ERR_STATE },
        { { 0, 0, 720, 16 }, 640, 480, BERTH_ERR_STATE },
        { { -1, 0, 5, 5 }, 10, 5, BERTH_ERR_INVALID },
        { { 0, 0, 0, 5 }, 10, 5, BERTH_ERR_INVALID },
        { { 0, 0, 5, -5 }, 10, 5, BERTH_ERR_INVALID },
        { { INT32_MAX, INT32_MAX, INT32_MAX, INT32_MAX }, 10, 5, BERTH_ERR_INVALID },
        { { INT32_MIN, INT32_MIN, INT32_MAX, INT32_MAX }, 10, 5, BERTH_ERR_INVALID },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        BerthListenerPicture picture;

        assert_berth_error(berth_dbus_listener_check_update(&rows[i].rect, 40, XRGB, bytes, 200,
                                                            rows[i].mode_w, rows[i].mode_h,
                                                            &picture),
                           rows[i].expected);
    }
}

static void
cursors_are_checked_against_limit_and_bytes(void **state)
{
    BerthCursorShape shape;
    int side = (int)BERTH_LIMIT_CURSOR_SIDE_PX;

    assert_berth_ok(berth_dbus_listener_check_cursor(64, 64, 3, 4, bytes, 64 * 64 * 4, &shape));
    assert_int_equal(shape.hot_x, 3);
    assert_int_equal(shape.size_bytes, 64 * 64 * 4);
    assert_berth_error(
        berth_dbus_listener_check_cursor(64, 64, 3, 4, bytes, 64 * 64 * 4 - 1, &shape),
        BERTH_ERR_TRUNCATED);
    assert_berth_error(berth_dbus_listener_check_cursor(0, 64, 0, 0, bytes, 100, &shape),
                       BERTH_ERR_INVALID);
    assert_berth_error(berth_dbus_listener_check_cursor(64, INT32_MIN, 0, 0, bytes, 100, &shape),
                       BERTH_ERR_INVALID);
    assert_berth_error(
        berth_dbus_listener_check_cursor(side + 1, 1, 0, 0, bytes, sizeof(bytes), &shape),
        BERTH_ERR_TOO_LARGE);
    assert_berth_error(
        berth_dbus_listener_check_cursor(INT32_MAX, INT32_MAX, 0, 0, bytes, sizeof(bytes), &shape),
        BERTH_ERR_TOO_LARGE);
}

static void
cursor_colours_are_divided_by_their_alpha(void **state)
{
    uint8_t pixels[] = {
        0x80, 0x40, 0x00, 0x80, /* half of ff, 80, 00 */
        1,    2,    3,    255,  /* opaque: as it is */
        9,    9,    9,    0,    /* nothing */
        200,  1,    0,    100,  /* brighter than its alpha */
    };
    static const uint8_t expected[] = {
        255, 128, 0, 0x80, 1, 2, 3, 255, 0, 0, 0, 0, 255, 3, 0, 100
    };

    berth_dbus_listener_straighten_cursor(pixels, 4);
    assert_memory_equal(pixels, expected, sizeof(expected));
}

/* So that a client which multiplies again shows exactly what the guest drew. */
static void
multiplying_again_gives_the_guest_s_colours(void **state)
{
    for (unsigned alpha = 1; alpha < 256; alpha++) {
        for (unsigned colour = 0; colour <= alpha; colour++) {
            uint8_t pixel[4] = { (uint8_t)colour, 0, (uint8_t)alpha, (uint8_t)alpha };

            berth_dbus_listener_straighten_cursor(pixel, 1);
            assert_int_equal((pixel[0] * alpha + 127) / 255, colour);
            assert_int_equal(pixel[2], 255);
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sane_scanout_is_accepted),
        cmocka_unit_test(the_last_row_may_end_early),
        cmocka_unit_test(hostile_scanouts_are_refused),
        cmocka_unit_test(an_update_must_lie_in_the_mode),
        cmocka_unit_test(cursors_are_checked_against_limit_and_bytes),
        cmocka_unit_test(cursor_colours_are_divided_by_their_alpha),
        cmocka_unit_test(multiplying_again_gives_the_guest_s_colours),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
