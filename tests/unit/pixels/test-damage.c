/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testing.h"

#include "display/pixels/damage.h"

#include <limits.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define W 200
#define H 150

static uint32_t
get_pixel(const BerthFrame *frame, int x, int y)
{
    uint32_t word;
    memcpy(&word, berth_frame_pixel(frame, x, y), sizeof word);
    return word;
}

static void
assert_rect(BerthRect got, int x, int y, int w, int h)
{
    assert_int_equal(got.x, x);
    assert_int_equal(got.y, y);
    assert_int_equal(got.w, w);
    assert_int_equal(got.h, h);
}

static void
new_damage_is_empty_and_resized_damage_is_whole(void **state)
{
    BerthDamage *damage = berth_damage_new(W, H);
    assert_true(berth_damage_is_empty(damage));
    assert_int_equal(berth_damage_get_rects(damage, NULL, 0), 0);
    assert_berth_ok(berth_damage_resize(damage, 65, 64));
    assert_int_equal(berth_damage_get_width(damage), 65);
    assert_int_equal(berth_damage_get_height(damage), 64);
    assert_int_equal(berth_damage_get_area_px(damage), 65 * 64);
    assert_int_equal(berth_damage_get_n_tiles(damage), 2);
    assert_berth_error(berth_damage_resize(damage, 1 << 20, 1), BERTH_ERR_TOO_LARGE);
    assert_int_equal(berth_damage_get_width(damage), 65);
    berth_damage_free(damage);
    assert_null(berth_damage_new(0, 5));
    berth_damage_free(NULL);
}

static void
rectangles_are_cut_to_the_picture(void **state)
{
    BerthDamage *damage = berth_damage_new(W, H);
    berth_damage_add_rect(damage, (BerthRect){ W, 0, 10, 10 });
    berth_damage_add_rect(damage, (BerthRect){ -10, 0, 10, 10 });
    berth_damage_add_rect(damage, (BerthRect){ INT_MAX, INT_MAX, INT_MAX, INT_MAX });
    berth_damage_add_rect(damage, (BerthRect){ 0, 0, INT_MIN, INT_MIN });
    assert_true(berth_damage_is_empty(damage));
    berth_damage_add_rect(damage, (BerthRect){ INT_MIN / 2, -5, INT_MAX, 7 });
    BerthRect rects[4];
    assert_int_equal(berth_damage_get_rects(damage, rects, 4), 1);
    assert_rect(rects[0], 0, 0, W, 2);
    berth_damage_free(damage);
}

static void
crops_that_fit_together_are_one_rectangle(void **state)
{
    BerthDamage *damage = berth_damage_new(W, H);
    berth_damage_add_rect(damage, (BerthRect){ 10, 60, 100, 10 });
    BerthRect rects[4];
    assert_int_equal(berth_damage_get_n_tiles(damage), 4);
    assert_int_equal(berth_damage_get_rects(damage, rects, 4), 2);
    assert_rect(rects[0], 10, 60, 100, 4);
    assert_rect(rects[1], 10, 64, 100, 6);
    assert_rect(berth_damage_get_tile(damage, 1, 0), 64, 60, 46, 4);
    assert_true(berth_rect_is_empty(berth_damage_get_tile(damage, 2, 0)));
    berth_damage_add_rect(damage, (BerthRect){ 70, 59, 1, 1 });
    assert_int_equal(berth_damage_get_rects(damage, rects, 1), 3);
    berth_damage_clear(damage);
    assert_true(berth_damage_is_empty(damage));
    berth_damage_free(damage);
}

static void
merge_is_the_union_of_boxes(void **state)
{
    BerthDamage *a = berth_damage_new(W, H);
    BerthDamage *b = berth_damage_new(W, H);
    BerthDamage *other_size = berth_damage_new(W + 1, H);
    berth_damage_add_rect(a, (BerthRect){ 1, 1, 2, 2 });
    berth_damage_add_rect(b, (BerthRect){ 10, 20, 2, 2 });
    berth_damage_add_rect(b, (BerthRect){ 128, 128, 2, 2 });
    assert_berth_ok(berth_damage_merge(a, b));
    assert_rect(berth_damage_get_tile(a, 0, 0), 1, 1, 11, 21);
    assert_rect(berth_damage_get_tile(a, 2, 2), 128, 128, 2, 2);
    assert_int_equal(berth_damage_get_n_tiles(a), 2);
    assert_berth_error(berth_damage_merge(a, other_size), BERTH_ERR_INVALID);
    berth_damage_free(a);
    berth_damage_free(b);
    berth_damage_free(other_size);
}

/* Bytes of a picture whose pixels all have other colours than a new frame. */
static uint8_t *
new_bytes(size_t n_bytes)
{
    uint8_t *bytes = malloc(n_bytes);
    assert_non_null(bytes);
    for (size_t i = 0; i < n_bytes; i++) {
        bytes[i] = (uint8_t)(i * 7 % 251 + 1);
    }
    return bytes;
}

static void
only_what_differs_is_marked(void **state)
{
    BerthDamage *damage = berth_damage_new(W, H);
    BerthFrame *frame = berth_frame_new(W, H);
    uint8_t *bytes = new_bytes(W * H * 4);
    BerthPixelSource source = { bytes, W * H * 4, W * 4, berth_pixel_format_bgrx };
    BerthRect whole = berth_frame_get_rect(frame);
    assert_berth_ok(berth_damage_compare_copy(damage, frame, whole, &source));
    assert_int_equal(berth_damage_get_area_px(damage), W * H);
    berth_damage_clear(damage);
    assert_berth_ok(berth_damage_compare_copy(damage, frame, whole, &source));
    assert_true(berth_damage_is_empty(damage));
    bytes[3] ^= 0xff; /* X means nothing */
    bytes[(70 * W + 63) * 4] ^= 1;
    bytes[(70 * W + 64) * 4 + 1] ^= 1;
    bytes[(72 * W + 66) * 4 + 2] ^= 1;
    assert_berth_ok(berth_damage_compare_copy(damage, frame, whole, &source));
    assert_int_equal(berth_damage_get_n_tiles(damage), 2);
    assert_rect(berth_damage_get_tile(damage, 0, 1), 63, 70, 1, 1);
    assert_rect(berth_damage_get_tile(damage, 1, 1), 64, 70, 3, 3);
    free(bytes);
    berth_frame_unref(frame);
    berth_damage_free(damage);
}

static void
source_lands_at_its_hint(void **state)
{
    const int x[] = { 0, 1, 63, 64, 65, 100 };
    const int w[] = { 1, 2, 63, 64, 65, 100 };
    for (int i = 0; i < 36; i++) {
        BerthRect hint = { x[i / 6], 61, w[i % 6], 70 };
        size_t stride = (size_t)hint.w * 4 + 12;
        BerthDamage *damage = berth_damage_new(W, H);
        BerthFrame *frame = berth_frame_new(W, H);
        uint8_t *bytes = new_bytes(stride * 70);
        BerthPixelSource source = { bytes, stride * 70, stride, berth_pixel_format_bgrx };
        assert_berth_ok(berth_damage_compare_copy(damage, frame, hint, &source));
        assert_int_equal(berth_damage_get_area_px(damage), berth_rect_area_px(hint));
        for (int at = 0; at < W * H; at++) {
            BerthRect pixel = { at % W, at / W, 1, 1 };
            uint32_t expected = 0xff000000u;
            if (berth_rect_contains(hint, pixel)) {
                memcpy(&expected,
                       bytes + (size_t)(pixel.y - hint.y) * stride + (size_t)(pixel.x - hint.x) * 4,
                       4);
            }
            assert_int_equal(get_pixel(frame, pixel.x, pixel.y), expected | 0xff000000u);
        }
        free(bytes);
        berth_frame_unref(frame);
        berth_damage_free(damage);
    }
}

static void
foreign_formats_are_converted_and_compared(void **state)
{
    BerthDamage *damage = berth_damage_new(W, H);
    BerthFrame *frame = berth_frame_new(W, H);
    uint8_t *bytes = new_bytes(W * H * 2);
    BerthPixelSource source = { bytes, 100 * 2 * 90, 100 * 2,
                                berth_pixel_format_find_pixman(0x10020565) };
    BerthRect hint = { 30, 40, 100, 90 };
    memset(bytes, 0, 4);
    assert_berth_ok(berth_damage_compare_copy(damage, frame, hint, &source));
    uint8_t expected[4];
    berth_pixel_format_convert_row(source.format, expected, bytes + (89 * 100 + 99) * 2, 1);
    assert_memory_equal(berth_frame_pixel(frame, 129, 129), expected, 4);
    assert_int_equal(get_pixel(frame, 31, 40), 0xff000000u);
    berth_damage_clear(damage);
    assert_berth_ok(berth_damage_compare_copy(damage, frame, hint, &source));
    assert_true(berth_damage_is_empty(damage));
    free(bytes);
    berth_frame_unref(frame);
    berth_damage_free(damage);
}

static void
hostile_sources_are_refused_and_change_nothing(void **state)
{
    static uint8_t bytes[64 * 64 * 4];
    const BerthPixelFormat *bgrx = berth_pixel_format_bgrx;

    const struct {
        BerthRect hint;
        size_t size_bytes, stride_bytes;
        int expected;
    } cases[] = {
        { { 0, 0, 64, 64 }, 64 * 64 * 4 - 1, 256, BERTH_ERR_TRUNCATED },
        { { 0, 0, 64, 64 }, 64 * 64 * 4, 255, BERTH_ERR_INVALID },
        { { 0, 0, 64, 64 }, 64 * 64 * 4, 257, BERTH_ERR_TRUNCATED },
        { { 0, 0, 64, 64 }, 64 * 64 * 4, SIZE_MAX, BERTH_ERR_TRUNCATED },
        { { 0, 0, 64, 64 }, 64 * 64 * 4, SIZE_MAX / 63 + 1, BERTH_ERR_TRUNCATED },
        { { 0, 0, 64, 64 }, 64 * 64 * 4, 0, BERTH_ERR_INVALID },
        { { 0, 0, 64, 64 }, 0, 256, BERTH_ERR_TRUNCATED },
        { { W - 63, 0, 64, 64 }, 64 * 64 * 4, 256, BERTH_ERR_INVALID },
        { { -1, 0, 64, 64 }, 64 * 64 * 4, 256, BERTH_ERR_INVALID },
        { { 0, H, 64, 64 }, 64 * 64 * 4, 256, BERTH_ERR_INVALID },
        { { 0, 0, 0, 64 }, 64 * 64 * 4, 256, BERTH_ERR_INVALID },
        { { 0, 0, INT_MIN, INT_MIN }, 64 * 64 * 4, 256, BERTH_ERR_INVALID },
        { { INT_MAX, INT_MAX, INT_MAX, INT_MAX }, 64 * 64 * 4, 256, BERTH_ERR_INVALID },
    };

    BerthDamage *damage = berth_damage_new(W, H);
    BerthFrame *frame = berth_frame_new(W, H);
    BerthFrame *black = berth_frame_new(W, H);
    memset(bytes, 0x77, sizeof bytes);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        BerthPixelSource source = { bytes, cases[i].size_bytes, cases[i].stride_bytes, bgrx };
        assert_berth_error(berth_damage_compare_copy(damage, frame, cases[i].hint, &source),
                           cases[i].expected);
    }
    BerthFrame *other_size = berth_frame_new(W, H + 1);
    BerthPixelSource good = { bytes, sizeof bytes, 256, bgrx };
    assert_berth_error(
        berth_damage_compare_copy(damage, other_size, (BerthRect){ 0, 0, 64, 64 }, &good),
        BERTH_ERR_INVALID);
    assert_true(berth_damage_is_empty(damage));
    assert_true(berth_frame_rect_equal(frame, black, berth_frame_get_rect(black)));
    berth_frame_unref(other_size);
    berth_frame_unref(black);
    berth_frame_unref(frame);
    berth_damage_free(damage);
}

static void
source_is_never_read_behind_its_end(void **state)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t n_bytes = 61 * 4 * 9 + 17 * 4; /* the last row ends without its padding */
    size_t n_pages = n_bytes / page + 2;
    uint8_t *pages =
        mmap(NULL, n_pages * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(pages != MAP_FAILED);
    assert_int_equal(mprotect(pages + (n_pages - 1) * page, page, PROT_NONE), 0);
    uint8_t *data = pages + (n_pages - 1) * page - n_bytes;
    memset(data, 0x33, n_bytes);
    assert_int_equal(mprotect(pages, (n_pages - 1) * page, PROT_READ), 0);
    BerthDamage *damage = berth_damage_new(W, H);
    BerthFrame *frame = berth_frame_new(W, H);
    BerthPixelSource source = { data, n_bytes, 61 * 4, berth_pixel_format_bgrx };
    for (int x = 0; x <= 130; x++) {
        assert_berth_ok(
            berth_damage_compare_copy(damage, frame, (BerthRect){ x, 60, 17, 10 }, &source));
    }
    assert_int_equal(get_pixel(frame, 146, 69), 0xff333333u);
    berth_frame_unref(frame);
    berth_damage_free(damage);
    munmap(pages, n_pages * page);
}

static void
cropped_source_begins_at_the_rectangle(void **state)
{
    uint8_t *bytes = new_bytes(W * H * 4);
    BerthPixelSource source = { bytes, W * H * 4, W * 4, berth_pixel_format_bgrx };
    BerthPixelSource crop;
    assert_berth_ok(berth_pixel_source_crop(&source, W, H, (BerthRect){ 5, 6, 7, 8 }, &crop));
    assert_ptr_equal(crop.data, bytes + (6 * W + 5) * 4);
    assert_int_equal(crop.size_bytes, (W * H - 6 * W - 5) * 4);
    assert_berth_error(berth_pixel_source_crop(&source, W, H, (BerthRect){ W, 0, 1, 1 }, &crop),
                       BERTH_ERR_INVALID);
    source.stride_bytes = SIZE_MAX / 2;
    assert_berth_error(berth_pixel_source_crop(&source, W, H, (BerthRect){ 5, 6, 7, 8 }, &crop),
                       BERTH_ERR_TRUNCATED);
    free(bytes);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(new_damage_is_empty_and_resized_damage_is_whole),
        cmocka_unit_test(rectangles_are_cut_to_the_picture),
        cmocka_unit_test(crops_that_fit_together_are_one_rectangle),
        cmocka_unit_test(merge_is_the_union_of_boxes),
        cmocka_unit_test(only_what_differs_is_marked),
        cmocka_unit_test(source_lands_at_its_hint),
        cmocka_unit_test(foreign_formats_are_converted_and_compared),
        cmocka_unit_test(hostile_sources_are_refused_and_change_nothing),
        cmocka_unit_test(source_is_never_read_behind_its_end),
        cmocka_unit_test(cropped_source_begins_at_the_rectangle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
