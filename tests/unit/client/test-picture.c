/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/core/picture.h"

#include "testing.h"

#include <glib.h>

#define RED 0xff0000u
#define BLUE 0x0000ffu

/* A sink that notes what it is told. */
typedef struct {
    unsigned n_made, n_before, n_after;
    bool makes_memory;
    BerthFrame *made; /* borrowed */
    BerthFrame *next; /* where the next pixels shall go; NULL: where they were */
    BerthFrame *lent; /* where the next picture may be drawn; NULL: nowhere */
    BerthRect last;
    uint32_t seen; /* first pixel at `after` */
} Note;

static BerthFrame *
new_frame(int width, int height, void *user_data)
{
    Note *note = user_data;

    note->n_made++;
    note->made = note->makes_memory ? berth_frame_new(width, height) : NULL;
    return note->made;
}

static BerthFrame *
before(BerthFrame *frame, const BerthRect *rects, size_t n_rects, void *user_data)
{
    Note *note = user_data;

    note->n_before++;
    return note->next != NULL ? note->next : frame;
}

/* It has missed everything. */
static BerthFrame *
lend(BerthFrame *frame, BerthRegion *ret_missed, void *user_data)
{
    Note *note = user_data;

    berth_region_init(ret_missed, 1);
    berth_region_add(ret_missed, berth_frame_get_rect(frame));
    return note->lent;
}

static bool
after(const BerthFrame *frame, const BerthRect *rects, size_t n_rects, void *user_data)
{
    Note *note = user_data;

    note->n_after++;
    note->last = rects[n_rects - 1];
    assert_true(berth_frame_get_solid(frame, (BerthRect){ 0, 0, 1, 1 }, &note->seen));
    return true;
}

static const BerthPictureSink sink = { .new_frame = new_frame, .before = before, .after = after };
static const BerthPictureSink lender = {
    .new_frame = new_frame, .before = before, .lend = lend, .after = after
};

static BerthFrame *
new_canvas(int width, int height, uint32_t xrgb)
{
    BerthFrame *canvas = berth_frame_new(width, height);

    assert_non_null(canvas);
    berth_frame_fill(canvas, berth_frame_get_rect(canvas), xrgb);
    return canvas;
}

static uint32_t
first_pixel(BerthPicture *picture)
{
    uint32_t xrgb = 0;
    const BerthFrame *frame = berth_picture_lock(picture);

    assert_true(berth_frame_get_solid(frame, (BerthRect){ 0, 0, 1, 1 }, &xrgb));
    berth_picture_unlock(picture);
    return xrgb;
}

static bool
update(BerthPicture *picture, BerthFrame *canvas, bool expect_resized)
{
    BerthRect whole = berth_frame_get_rect(canvas);
    BerthPictureChange change = berth_picture_update(picture, canvas, &whole, 1);

    assert_int_equal(change.is_resized, expect_resized);
    assert_true(!change.is_shown || !expect_resized);
    return change.is_changed;
}

static void
an_update_tells_if_a_pixel_differs(void **state)
{
    BerthPicture *picture = berth_picture_new();
    BerthFrame *canvas = new_canvas(8, 4, RED);
    int width, height;

    berth_picture_get_size(picture, &width, &height);
    assert_int_equal(width, 0);
    assert_true(update(picture, canvas, true));
    assert_false(update(picture, canvas, false));
    berth_frame_fill(canvas, (BerthRect){ 0, 0, 1, 1 }, BLUE);
    assert_true(update(picture, canvas, false));
    assert_int_equal(first_pixel(picture), BLUE);
    berth_picture_get_size(picture, &width, &height);
    assert_int_equal(width, 8);
    assert_int_equal(height, 4);
    berth_picture_clear(picture);
    berth_picture_get_size(picture, &width, &height);
    assert_int_equal(width, 0);
    assert_true(update(picture, canvas, true));
    berth_frame_unref(canvas);
    berth_picture_unref(picture);
}

static void
a_sink_gets_the_present_picture_and_every_frame(void **state)
{
    Note note = { .makes_memory = true };
    BerthPicture *picture = berth_picture_new();
    BerthFrame *canvas = new_canvas(8, 4, RED);

    update(picture, canvas, true);
    berth_picture_set_sink(picture, &sink, &note);
    assert_int_equal(note.n_made, 1);
    assert_int_equal(note.n_after, 1);
    assert_int_equal(note.seen, RED);
    assert_ptr_equal(berth_picture_lock(picture), note.made);
    berth_picture_unlock(picture);

    berth_frame_fill(canvas, berth_frame_get_rect(canvas), BLUE);
    update(picture, canvas, false);
    assert_int_equal(note.n_before, 1);
    assert_int_equal(note.n_after, 2);
    assert_int_equal(note.seen, BLUE);
    assert_int_equal(note.last.w, 8);
    berth_frame_unref(canvas);

    berth_picture_set_sink(picture, NULL, NULL);
    canvas = new_canvas(16, 4, RED);
    update(picture, canvas, true);
    assert_int_equal(note.n_made, 1);
    assert_int_equal(note.n_after, 2);
    berth_frame_unref(canvas);
    berth_picture_unref(picture);
}

static void
a_sink_may_have_the_pixels_written_elsewhere(void **state)
{
    Note note = { .makes_memory = true };
    BerthPicture *picture = berth_picture_new();
    BerthFrame *canvas = new_canvas(8, 4, RED);
    BerthFrame *other = new_canvas(8, 4, RED);
    BerthRect left = { 0, 0, 1, 4 };
    BerthPictureChange change;
    uint32_t xrgb = 0;

    update(picture, canvas, true);
    berth_picture_set_sink(picture, &sink, &note);
    berth_frame_ref(note.made); /* as a sink that will want it again */
    note.next = other;
    change = berth_picture_update(picture, canvas, &left, 1);
    assert_false(change.is_changed);
    berth_frame_fill(canvas, left, BLUE);
    assert_ptr_equal(berth_picture_lock(picture), other);
    berth_picture_unlock(picture);
    note.next = note.made;
    change = berth_picture_update(picture, canvas, &left, 1);
    assert_true(change.is_changed);
    assert_int_equal(note.seen, BLUE);
    /* What was on the screen until now is as it was. */
    assert_true(berth_frame_get_solid(other, berth_frame_get_rect(other), &xrgb));
    assert_int_equal(xrgb, RED);
    berth_frame_unref(canvas);
    berth_frame_unref(other);
    berth_frame_unref(note.made);
    berth_picture_unref(picture);
}

/* Draws one pixel as a decoder does: what it draws on is the canvas from there on. */
static BerthPictureChange
draw(BerthPicture *picture, BerthFrame **canvas, uint32_t xrgb)
{
    static const BerthRect first = { 0, 0, 1, 1 };
    BerthCatchUp catch_up = { 0 };
    BerthFrame *next = berth_picture_begin(picture, *canvas, &catch_up);

    berth_frame_unref(*canvas);
    *canvas = next;
    berth_catch_up_write(&catch_up, first);
    berth_frame_fill(next, first, xrgb);
    berth_catch_up_finish(&catch_up);
    return berth_picture_update(picture, next, &first, 1);
}

static bool
is_front(BerthPicture *picture, const BerthFrame *frame)
{
    bool is_front = berth_picture_lock(picture) == frame;

    berth_picture_unlock(picture);
    return is_front;
}

static void
a_picture_may_be_drawn_in_memory_of_the_sink(void **state)
{
    Note note = { .makes_memory = true };
    BerthPicture *picture = berth_picture_new();
    BerthFrame *canvas = new_canvas(8, 4, RED);
    BerthFrame *lent = new_canvas(8, 4, 0);
    uint32_t xrgb;

    update(picture, canvas, true);
    berth_picture_set_sink(picture, &lender, &note);
    note.lent = lent;
    assert_true(draw(picture, &canvas, BLUE).is_changed);
    assert_ptr_equal(canvas, lent);
    assert_true(is_front(picture, lent));
    assert_int_equal(note.n_before, 0);
    assert_int_equal(note.n_after, 2);
    assert_int_equal(note.seen, BLUE);
    assert_true(berth_frame_get_solid(lent, (BerthRect){ 1, 0, 7, 4 }, &xrgb));
    assert_int_equal(xrgb, RED);

    /* Nothing to lend: not in the picture that is seen, and copied there. */
    note.lent = NULL;
    assert_true(draw(picture, &canvas, RED).is_changed);
    assert_ptr_not_equal(canvas, lent);
    assert_true(is_front(picture, lent));
    assert_int_equal(note.n_before, 1);
    assert_false(draw(picture, &canvas, RED).is_changed);
    assert_int_equal(first_pixel(picture), RED);
    berth_frame_unref(canvas);
    berth_frame_unref(lent);
    berth_picture_unref(picture);
}

static void
a_sink_may_go_while_its_memory_is_drawn_on(void **state)
{
    Note note = { .makes_memory = true };
    BerthPicture *picture = berth_picture_new();
    BerthFrame *canvas = new_canvas(8, 4, RED);
    BerthRect whole = berth_frame_get_rect(canvas);
    BerthCatchUp catch_up = { 0 };
    BerthFrame *lent;

    update(picture, canvas, true);
    berth_picture_set_sink(picture, &lender, &note);
    note.lent = lent = new_canvas(8, 4, 0);
    assert_ptr_equal(berth_picture_begin(picture, canvas, &catch_up), lent);
    berth_picture_set_sink(picture, NULL, NULL);
    berth_frame_fill(lent, whole, BLUE);
    berth_catch_up_clear(&catch_up);
    assert_true(update(picture, lent, false));
    assert_false(is_front(picture, lent));
    assert_int_equal(first_pixel(picture), BLUE);
    assert_int_equal(note.n_after, 1);
    berth_frame_unref(canvas);
    berth_frame_unref(lent); /* as who draws */
    berth_frame_unref(lent); /* as the sink */
    berth_picture_unref(picture);
}

static void
a_sink_without_memory_still_sees_another_size(void **state)
{
    Note note = { 0 };
    BerthPicture *picture = berth_picture_new();
    BerthFrame *canvas = new_canvas(8, 4, RED);

    berth_picture_set_sink(picture, &sink, &note);
    assert_int_equal(note.n_made, 0);
    update(picture, canvas, true);
    assert_int_equal(note.n_made, 1);
    assert_int_equal(note.n_after, 1);
    assert_int_equal(first_pixel(picture), RED);
    berth_frame_unref(canvas);
    berth_picture_unref(picture);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_update_tells_if_a_pixel_differs),
        cmocka_unit_test(a_sink_gets_the_present_picture_and_every_frame),
        cmocka_unit_test(a_sink_may_have_the_pixels_written_elsewhere),
        cmocka_unit_test(a_picture_may_be_drawn_in_memory_of_the_sink),
        cmocka_unit_test(a_sink_may_go_while_its_memory_is_drawn_on),
        cmocka_unit_test(a_sink_without_memory_still_sees_another_size),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
