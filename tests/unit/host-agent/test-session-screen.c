/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testing.h"

#include "host-agent/session/heads.h"

#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

typedef struct {
    GMainContext *context;
    BerthScreen *screen;
    int n_wakes;
    uint32_t pixels[64 * 48];
} Fixture;

static void
on_change(void *user_data)
{
    Fixture *fixture = user_data;

    fixture->n_wakes++;
}

static int
set_up(void **state)
{
    static Fixture fixture;

    memset(&fixture, 0, sizeof(fixture));
    fixture.context = g_main_context_new();
    fixture.screen = berth_screen_new(fixture.context, on_change, &fixture);
    *state = &fixture;
    return 0;
}

static int
tear_down(void **state)
{
    Fixture *fixture = *state;

    berth_screen_detach(fixture->screen);
    berth_screen_unref(fixture->screen);
    g_main_context_unref(fixture->context);
    return 0;
}

/* Takes state and pixels. */
static unsigned
take_all(Fixture *fixture)
{
    unsigned changes = berth_screen_take(fixture->screen);

    assert_int_equal(changes & (BERTH_SCREEN_MODE | BERTH_SCREEN_DAMAGE),
                     berth_screen_take_picture(fixture->screen));
    return changes;
}

static void
write_rect(Fixture *fixture, BerthRect rect, uint32_t colour)
{
    BerthPixelSource source = { (const uint8_t *)fixture->pixels, sizeof(fixture->pixels), 64 * 4,
                                berth_pixel_format_bgrx };

    for (size_t i = 0; i < G_N_ELEMENTS(fixture->pixels); i++) {
        fixture->pixels[i] = colour;
    }
    assert_berth_ok(berth_screen_write(fixture->screen, rect, &source));
}

static void
run(Fixture *fixture)
{
    while (g_main_context_iteration(fixture->context, FALSE)) {
    }
}

static void
many_changes_wake_the_main_thread_once(void **state)
{
    Fixture *fixture = *state;

    assert_berth_ok(berth_screen_set_mode(fixture->screen, 64, 48));
    for (int i = 0; i < 48; i++) {
        write_rect(fixture, (BerthRect){ 0, i, 64, 1 }, 0xffffff);
    }
    berth_screen_set_leds(fixture->screen, 2);
    run(fixture);
    assert_int_equal(fixture->n_wakes, 1);
    assert_int_equal(take_all(fixture),
                     BERTH_SCREEN_MODE | BERTH_SCREEN_DAMAGE | BERTH_SCREEN_LEDS);
    assert_int_equal(berth_screen_get_leds(fixture->screen), 2);
    assert_int_equal(take_all(fixture), 0);
}

static void
the_picture_follows_exactly_what_changed(void **state)
{
    Fixture *fixture = *state;
    const BerthFrame *picture;

    assert_berth_ok(berth_screen_set_mode(fixture->screen, 64, 48));
    take_all(fixture);
    write_rect(fixture, (BerthRect){ 5, 6, 7, 8 }, 0x123456);
    write_rect(fixture, (BerthRect){ 5, 6, 7, 8 }, 0x123456);
    assert_int_equal(take_all(fixture), BERTH_SCREEN_DAMAGE);
    assert_int_equal(berth_damage_get_area_px(berth_screen_get_damage(fixture->screen)), 7 * 8);
    picture = berth_screen_get_picture(fixture->screen);
    assert_int_equal(berth_frame_pixel(picture, 11, 13)[0], 0x56);
    assert_int_equal(berth_frame_pixel(picture, 12, 13)[0], 0);
    write_rect(fixture, (BerthRect){ 5, 6, 7, 8 }, 0x123456);
    assert_int_equal(take_all(fixture), 0); /* nothing differs */
}

static void
a_new_mode_is_a_new_picture(void **state)
{
    Fixture *fixture = *state;

    assert_berth_ok(berth_screen_set_mode(fixture->screen, 64, 48));
    take_all(fixture);
    write_rect(fixture, (BerthRect){ 0, 0, 8, 8 }, 1);
    assert_berth_ok(berth_screen_set_mode(fixture->screen, 32, 16));
    write_rect(fixture, (BerthRect){ 0, 0, 32, 16 }, 2);
    assert_int_equal(take_all(fixture), BERTH_SCREEN_MODE | BERTH_SCREEN_DAMAGE);
    assert_int_equal(berth_screen_get_picture(fixture->screen)->width, 32);
    assert_int_equal(berth_damage_get_area_px(berth_screen_get_damage(fixture->screen)), 32 * 16);
    assert_int_equal(berth_frame_pixel(berth_screen_get_picture(fixture->screen), 31, 15)[0], 2);
    assert_berth_error(berth_screen_set_mode(fixture->screen, 0, 16), BERTH_ERR_TOO_LARGE);
}

static void
frames_name_the_input_that_came_before_them(void **state)
{
    Fixture *fixture = *state;

    assert_berth_ok(berth_screen_set_mode(fixture->screen, 64, 48));
    berth_screen_set_input_stamp(fixture->screen, 41);
    write_rect(fixture, (BerthRect){ 0, 0, 1, 1 }, 1);
    berth_screen_set_input_stamp(fixture->screen, 42);
    take_all(fixture);
    assert_int_equal(berth_screen_get_input_stamp(fixture->screen), 41);
    write_rect(fixture, (BerthRect){ 0, 0, 1, 1 }, 2);
    take_all(fixture);
    assert_int_equal(berth_screen_get_input_stamp(fixture->screen), 42);
}

static void
pixels_wait_until_they_are_taken(void **state)
{
    Fixture *fixture = *state;

    assert_berth_ok(berth_screen_set_mode(fixture->screen, 64, 48));
    take_all(fixture);
    run(fixture);
    fixture->n_wakes = 0;
    write_rect(fixture, (BerthRect){ 0, 0, 1, 1 }, 1);
    run(fixture);
    assert_int_equal(berth_screen_take(fixture->screen), BERTH_SCREEN_DAMAGE);
    write_rect(fixture, (BerthRect){ 9, 0, 1, 1 }, 2);
    run(fixture);
    assert_int_equal(fixture->n_wakes, 1); /* main knows already */
    berth_screen_set_leds(fixture->screen, 1);
    run(fixture);
    assert_int_equal(fixture->n_wakes, 2); /* but not of this */
    assert_int_equal(berth_screen_take(fixture->screen), BERTH_SCREEN_DAMAGE | BERTH_SCREEN_LEDS);
    assert_int_equal(berth_screen_take_picture(fixture->screen), BERTH_SCREEN_DAMAGE);
    assert_int_equal(berth_damage_get_area_px(berth_screen_get_damage(fixture->screen)), 10);
    assert_int_equal(take_all(fixture), 0);
}

static void
note_head(BerthHeads *heads, int head, void *user_data)
{
    *(int *)user_data = head;
}

static void
heads_come_and_go(void **state)
{
    Fixture *fixture = *state;
    int noted = -1;
    g_autoptr(BerthHeads) heads = berth_heads_new(fixture->context, note_head, &noted);
    BerthScreen *second = berth_heads_ensure(heads, 1);

    assert_non_null(berth_heads_get(heads, 0));
    assert_ptr_equal(berth_heads_get(heads, 1), second);
    assert_null(berth_heads_get(heads, 2));
    assert_null(berth_heads_ensure(heads, BERTH_LIMIT_HEADS));
    assert_null(berth_heads_get(heads, -1));
    berth_screen_ref(second); /* a source's reader still writes */
    assert_berth_ok(berth_screen_set_mode(second, 64, 48));
    run(fixture);
    assert_int_equal(noted, 1);
    berth_heads_remove(heads, 0);
    assert_non_null(berth_heads_get(heads, 0));
    noted = -1;
    berth_heads_remove(heads, 1);
    assert_int_equal(noted, 1);
    assert_null(berth_heads_get(heads, 1));
    noted = -1;
    berth_screen_blank(second);
    run(fixture);
    assert_int_equal(noted, -1);
    berth_screen_unref(second);
}

/* An offer of one rectangle in one colour. */
static void
fetch_rect(BerthFrame *picture, BerthDamage *damage, void *user_data)
{
    const uint32_t *colour = user_data;
    uint32_t pixels[8 * 8];
    BerthPixelSource source = { (const uint8_t *)pixels, sizeof(pixels), 8 * 4,
                                berth_pixel_format_bgrx };

    for (size_t i = 0; i < G_N_ELEMENTS(pixels); i++) {
        pixels[i] = *colour;
    }
    assert_berth_ok(berth_damage_compare_copy(damage, picture, (BerthRect){ 4, 4, 8, 8 }, &source));
}

static void
what_is_offered_comes_when_it_is_taken(void **state)
{
    Fixture *fixture = *state;
    uint32_t colour = 1;

    assert_berth_ok(berth_screen_set_mode(fixture->screen, 64, 48));
    take_all(fixture);
    berth_screen_set_input_stamp(fixture->screen, 5);
    berth_screen_offer(fixture->screen, berth_screen_get_input_stamp_now(fixture->screen), 1,
                       fetch_rect, &colour);
    berth_screen_set_input_stamp(fixture->screen, 6);
    colour = 2; /* the pixels are those of the moment when they are taken */
    assert_int_equal(take_all(fixture), BERTH_SCREEN_DAMAGE);
    assert_int_equal(berth_damage_get_area_px(berth_screen_get_damage(fixture->screen)), 8 * 8);
    assert_int_equal(berth_frame_pixel(berth_screen_get_picture(fixture->screen), 4, 4)[0], 2);
    assert_int_equal(berth_screen_get_input_stamp(fixture->screen), 5);

    /* The same again: there is a change to look at, but nothing differs. */
    berth_screen_offer(fixture->screen, 6, 1, fetch_rect, &colour);
    assert_int_equal(berth_screen_take(fixture->screen), BERTH_SCREEN_DAMAGE);
    assert_int_equal(berth_screen_take_picture(fixture->screen), 0);

    colour = 3;
    berth_screen_offer(fixture->screen, 6, 1, fetch_rect, &colour);
    berth_screen_withdraw(fixture->screen);
    assert_int_equal(berth_screen_take_picture(fixture->screen), 0);
}

static void
a_source_is_woken_when_a_picture_is_wanted(void **state)
{
    Fixture *fixture = *state;
    int wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    eventfd_t count;

    assert_berth_ok(berth_screen_set_mode(fixture->screen, 64, 48));
    berth_screen_set_source_wake(fixture->screen, wake_fd);
    take_all(fixture);
    assert_false(berth_screen_is_wanted(fixture->screen));
    assert_int_equal(eventfd_read(wake_fd, &count), -1);

    berth_screen_set_wanted(fixture->screen, 0);
    assert_true(berth_screen_is_wanted(fixture->screen));
    assert_int_equal(eventfd_read(wake_fd, &count), 0);

    /* One picture that nobody took is enough. */
    write_rect(fixture, (BerthRect){ 0, 0, 8, 8 }, 1);
    assert_false(berth_screen_is_wanted(fixture->screen));
    assert_int_equal(eventfd_read(wake_fd, &count), -1);
    take_all(fixture);
    assert_true(berth_screen_is_wanted(fixture->screen));
    assert_int_equal(eventfd_read(wake_fd, &count), 0);
    berth_screen_set_source_wake(fixture->screen, -1);
    close(wake_fd);
}

static void
only_the_first_end_counts(void **state)
{
    Fixture *fixture = *state;
    const char *text;

    berth_screen_end(fixture->screen, BERTH_ERR_DESKTOP_GONE, "first");
    berth_screen_end(fixture->screen, BERTH_ERR_IO, "second");
    assert_int_equal(take_all(fixture), BERTH_SCREEN_ENDED);
    assert_int_equal(berth_screen_get_end(fixture->screen, &text), BERTH_ERR_DESKTOP_GONE);
    assert_string_equal(text, "first");
    berth_screen_reopen(fixture->screen);
    assert_int_equal(berth_screen_get_end(fixture->screen, NULL), BERTH_OK);
}

static void
cursors_are_copied(void **state)
{
    Fixture *fixture = *state;
    uint8_t pixels[4] = { 1, 2, 3, 4 };
    BerthCursorShape shape = { 1, 1, 0, 0, pixels, sizeof(pixels) };
    BerthCursorShape seen;
    int32_t x, y;

    assert_false(berth_screen_get_cursor(fixture->screen, &seen));
    berth_screen_set_cursor(fixture->screen, &shape);
    berth_screen_set_pointer(fixture->screen, 5, -6, true);
    memset(pixels, 0, sizeof(pixels));
    assert_int_equal(take_all(fixture), BERTH_SCREEN_CURSOR | BERTH_SCREEN_POINTER);
    assert_true(berth_screen_get_cursor(fixture->screen, &seen));
    assert_int_equal(seen.pixels[3], 4);
    assert_true(berth_screen_get_pointer(fixture->screen, &x, &y));
    assert_int_equal(y, -6);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(many_changes_wake_the_main_thread_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_picture_follows_exactly_what_changed, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_new_mode_is_a_new_picture, set_up, tear_down),
        cmocka_unit_test_setup_teardown(frames_name_the_input_that_came_before_them, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(pixels_wait_until_they_are_taken, set_up, tear_down),
        cmocka_unit_test_setup_teardown(heads_come_and_go, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_offered_comes_when_it_is_taken, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_source_is_woken_when_a_picture_is_wanted, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(only_the_first_end_counts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(cursors_are_copied, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
