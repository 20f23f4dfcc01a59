/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The watermark: what it says, where it lies, and that everything else stays as it is.
 */
#include "testing.h"

#include "host-agent/session/marked-picture.h"
#include "host-agent/session/watermark-text.h"

#include "berth/errors.h"
#include "berth/limits.h"

#include <stdlib.h>
#include <string.h>

#define DAY_US (24LL * 3600 * G_USEC_PER_SEC)
#define WIDTH 900
#define HEIGHT 700

static void
places_are_filled_in(void **state)
{
    const BerthWatermarkFacts facts = { "ann", "00112233445566778899aabbccddeeff", 20000 * DAY_US };

    const struct {
        const char *text, *wanted;
    } rows[] = {
        { "", "" },
        { "secret", "secret" },
        { "{user}", "ann" },
        { "for {user} only, {date}", "for ann only, 2024-10-04" },
        { "{session}/{user}{user}", "00112233/annann" },
        { "{who} {user", "{who} {user" },
        { "{{user}}", "{ann}" },
        { "f\xc3\xbcr {user}", "f\xc3\xbcr ann" },
        { "a\tb\nc", "a b c" },
        { "  \t ", "" },
        { "\xff{user}", "\xef\xbf\xbd"
                        "ann" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *text = berth_watermark_text(rows[i].text, &facts);

        assert_string_equal(text, rows[i].wanted);
    }
}

static void
long_texts_are_cut_between_characters(void **state)
{
    const BerthWatermarkFacts facts = { "ann", "0", 0 };
    g_autoptr(GString) text = g_string_new(NULL);
    g_autofree char *cut = NULL;

    for (int i = 0; i < 2 * (int)BERTH_LIMIT_WATERMARK_CHARS; i++) {
        g_string_append(text, "\xc3\xbc");
    }
    cut = berth_watermark_text(text->str, &facts);
    assert_true(g_utf8_validate(cut, -1, NULL));
    assert_int_equal(g_utf8_strlen(cut, -1), BERTH_LIMIT_WATERMARK_CHARS);
}

static BerthWatermark *
new_mark(const char *text)
{
    g_autoptr(BerthWatermarkFont) font = berth_watermark_font_new(BERTH_WATERMARK_FONT);
    g_autoptr(GError) error = NULL;
    BerthWatermark *mark = berth_watermark_new(font, text, &error);

    if (mark == NULL) {
        fail_msg("%s", error->message);
    }
    return mark;
}

/* Bands of greys, dark to light, and a colour. */
static BerthFrame *
new_picture(int width, int height)
{
    BerthFrame *picture = berth_frame_new(width, height);

    for (int y = 0; y < height; y += 10) {
        uint32_t grey = (uint32_t)(y * 255 / height);
        uint32_t colour = y % 3 == 0 ? 0x2040c0 : grey << 16 | grey << 8 | grey;

        berth_frame_fill(picture, (BerthRect){ 0, y, width, MIN(10, height - y) }, colour);
    }
    return picture;
}

static bool
differs(const BerthFrame *a, const BerthFrame *b, int x, int y)
{
    return memcmp(berth_frame_pixel(a, x, y), berth_frame_pixel(b, x, y), 4) != 0;
}

static void
marks_are_everywhere_and_faint(void **state)
{
    BerthWatermark *mark = new_mark("ann 2024-10-04");
    BerthFrame *bare = new_picture(WIDTH, HEIGHT);
    BerthFrame *marked = new_picture(WIDTH, HEIGHT);
    unsigned n_marked = 0;
    unsigned n_in_part[3][3] = { { 0 } };

    berth_watermark_draw(mark, marked, berth_frame_get_rect(marked));
    for (int y = 0; y < HEIGHT; y++) {
        for (int x = 0; x < WIDTH; x++) {
            for (int i = 0; i < 3; i++) {
                int by = berth_frame_pixel(marked, x, y)[i] - berth_frame_pixel(bare, x, y)[i];

                assert_in_range(abs(by), 0, BERTH_WATERMARK_STRENGTH);
            }
            assert_int_equal(berth_frame_pixel(marked, x, y)[3], 0xff);
            n_marked += differs(marked, bare, x, y);
            n_in_part[y * 3 / HEIGHT][x * 3 / WIDTH] += differs(marked, bare, x, y);
        }
    }
    assert_in_range(n_marked, WIDTH * HEIGHT / 200, WIDTH * HEIGHT / 8);
    for (int i = 0; i < 9; i++) {
        assert_true(n_in_part[i / 3][i % 3] > 200);
    }
    berth_frame_unref(bare);
    berth_frame_unref(marked);
    berth_watermark_unref(mark);
}

/* What is drawn in parts is what is drawn at once: viewers see no seams. */
static void
parts_fit_together(void **state)
{
    BerthWatermark *mark = new_mark("bob");
    BerthFrame *whole = new_picture(WIDTH, HEIGHT);
    BerthFrame *parts = new_picture(WIDTH, HEIGHT);

    berth_watermark_draw(mark, whole, berth_frame_get_rect(whole));
    for (int y = 0; y < HEIGHT; y += 37) {
        for (int x = 0; x < WIDTH; x += 53) {
            berth_watermark_draw(mark, parts,
                                 (BerthRect){ x, y, MIN(53, WIDTH - x), MIN(37, HEIGHT - y) });
        }
    }
    assert_true(berth_frame_rect_equal(whole, parts, berth_frame_get_rect(whole)));
    berth_frame_unref(whole);
    berth_frame_unref(parts);
    berth_watermark_unref(mark);
}

static void
texts_of_any_length_have_a_pattern(void **state)
{
    g_autofree char *wide = g_strnfill(BERTH_LIMIT_WATERMARK_CHARS, 'W');
    const char *const texts[] = { "i", "\xe6\xbc\xa2", "\xd7\xa9\xd7\x9c", wide };

    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        BerthWatermark *mark = new_mark(texts[i]);
        BerthFrame *bare = new_picture(WIDTH, HEIGHT);
        BerthFrame *marked = new_picture(WIDTH, HEIGHT);

        berth_watermark_draw(mark, marked, berth_frame_get_rect(marked));
        assert_false(berth_frame_rect_equal(bare, marked, berth_frame_get_rect(bare)));
        berth_frame_unref(bare);
        berth_frame_unref(marked);
        berth_watermark_unref(mark);
    }
}

static void
a_font_that_is_not_there_is_refused(void **state)
{
    g_autofree char *name = NULL;
    int fd = g_file_open_tmp("berth-font-XXXXXX", &name, NULL);
    const char *const paths[] = { "/nonexistent/font.ttf", name };

    assert_int_equal(write(fd, "no font", 7), 7);
    close(fd);
    for (size_t i = 0; i < G_N_ELEMENTS(paths); i++) {
        g_autoptr(BerthWatermarkFont) font = berth_watermark_font_new(paths[i]);
        g_autoptr(GError) error = NULL;

        assert_null(berth_watermark_new(font, "ann", &error));
        assert_int_equal(error->code, BERTH_ERR_UNSUPPORTED);
    }
    unlink(name);
}

/* --- the picture under the mark --- */

static void
assert_shows(const BerthFrame *shown, const BerthFrame *picture, BerthWatermark *mark)
{
    BerthFrame *wanted = berth_frame_new(picture->width, picture->height);

    berth_frame_copy_rect(wanted, picture, berth_frame_get_rect(picture));
    if (mark != NULL) {
        berth_watermark_draw(mark, wanted, berth_frame_get_rect(wanted));
    }
    assert_int_equal(shown->width, wanted->width);
    assert_int_equal(shown->height, wanted->height);
    assert_true(berth_frame_rect_equal(shown, wanted, berth_frame_get_rect(wanted)));
    berth_frame_unref(wanted);
}

static void
the_marked_picture_follows(void **state)
{
    BerthWatermark *first = new_mark("ann");
    BerthWatermark *second = new_mark("bob");
    BerthFrame *picture = new_picture(300, 200);
    BerthDamage *damage = berth_damage_new(300, 200);
    BerthMarkedPicture marked = { 0 };
    const BerthFrame *shown = NULL;
    bool is_all = true;

    assert_berth_ok(berth_marked_picture_follow(&marked, NULL, picture, NULL, &shown, &is_all));
    assert_ptr_equal(shown, picture);
    assert_false(is_all);
    assert_berth_ok(berth_marked_picture_follow(&marked, first, picture, NULL, &shown, &is_all));
    assert_true(is_all);
    assert_shows(shown, picture, first);

    berth_frame_fill(picture, (BerthRect){ 10, 20, 150, 90 }, 0x123456);
    berth_damage_add_rect(damage, (BerthRect){ 10, 20, 150, 90 });
    assert_berth_ok(berth_marked_picture_follow(&marked, first, picture, damage, &shown, &is_all));
    assert_false(is_all);
    assert_shows(shown, picture, first);

    assert_berth_ok(berth_marked_picture_follow(&marked, second, picture, NULL, &shown, &is_all));
    assert_true(is_all);
    assert_shows(shown, picture, second);
    berth_frame_unref(picture);
    picture = new_picture(200, 300);
    assert_berth_ok(berth_marked_picture_follow(&marked, second, picture, NULL, &shown, &is_all));
    assert_true(is_all);
    assert_shows(shown, picture, second);

    assert_berth_ok(berth_marked_picture_follow(&marked, NULL, picture, NULL, &shown, &is_all));
    assert_true(is_all);
    assert_ptr_equal(shown, picture);
    berth_marked_picture_clear(&marked);
    berth_damage_free(damage);
    berth_frame_unref(picture);
    berth_watermark_unref(first);
    berth_watermark_unref(second);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(places_are_filled_in),
        cmocka_unit_test(long_texts_are_cut_between_characters),
        cmocka_unit_test(marks_are_everywhere_and_faint),
        cmocka_unit_test(parts_fit_together),
        cmocka_unit_test(texts_of_any_length_have_a_pattern),
        cmocka_unit_test(a_font_that_is_not_there_is_refused),
        cmocka_unit_test(the_marked_picture_follows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
