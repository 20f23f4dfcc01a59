/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "guarded.h"

#include "display/pixels/convert.h"
#include "display/pixels/format.h"

#include <string.h>

typedef struct {
    uint32_t pixman_code;
    uint8_t bytes[4];
    uint8_t expected[3]; /* blue, green, red */
} Case;

static void
known_pixels_are_converted(void **state)
{
    static const Case cases[] = {
        { 0x20020888, { 1, 2, 3, 77 }, { 1, 2, 3 } },              /* x8r8g8b8 */
        { 0x20028888, { 1, 2, 3, 0 }, { 1, 2, 3 } },               /* a8r8g8b8 */
        { 0x20030888, { 1, 2, 3, 77 }, { 3, 2, 1 } },              /* x8b8g8r8 */
        { 0x20038888, { 1, 2, 3, 77 }, { 3, 2, 1 } },              /* a8b8g8r8 */
        { 0x20080888, { 77, 1, 2, 3 }, { 3, 2, 1 } },              /* b8g8r8x8 */
        { 0x20088888, { 77, 1, 2, 3 }, { 3, 2, 1 } },              /* b8g8r8a8 */
        { 0x20090888, { 77, 1, 2, 3 }, { 1, 2, 3 } },              /* r8g8b8x8 */
        { 0x20098888, { 77, 1, 2, 3 }, { 1, 2, 3 } },              /* r8g8b8a8 */
        { 0x20020aaa, { 0xff, 0x03, 0x00, 0x00 }, { 255, 0, 0 } }, /* x2r10g10b10 */
        { 0x20020aaa, { 0x00, 0x00, 0xf0, 0x3f }, { 0, 0, 255 } },
        { 0x18020888, { 1, 2, 3, 99 }, { 1, 2, 3 } },      /* r8g8b8 */
        { 0x18030888, { 1, 2, 3, 99 }, { 3, 2, 1 } },      /* b8g8r8 */
        { 0x10020565, { 0xff, 0xff }, { 255, 255, 255 } }, /* r5g6b5 */
        { 0x10020565, { 0x00, 0xf8 }, { 0, 0, 255 } },
        { 0x10020565, { 0xe0, 0x07 }, { 0, 255, 0 } },
        { 0x10020565, { 0x10, 0x00 }, { 132, 0, 0 } },
        { 0x10020555, { 0xff, 0x7f }, { 255, 255, 255 } }, /* x1r5g5b5 */
        { 0x10020555, { 0x00, 0xfc }, { 0, 0, 255 } },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const BerthPixelFormat *format = berth_pixel_format_find_pixman(cases[i].pixman_code);
        assert_non_null(format);
        uint8_t pixel[5] = { 0, 0, 0, 0, 0x5a };
        berth_pixel_format_convert_row(format, pixel, cases[i].bytes, 1);
        assert_memory_equal(pixel, cases[i].expected, 3);
        assert_int_equal(pixel[3], 0xff);
        assert_int_equal(pixel[4], 0x5a);
    }
}

static void
all_forms_convert_alike_and_stay_inside(void **state)
{
    size_t n_forms;
    size_t n_formats;
    const BerthConvertKernels *all = berth_convert_kernels_all(&n_forms);
    const BerthPixelFormat *formats = berth_pixel_formats(&n_formats);
    assert_string_equal(all[0].name, "plain");
    for (size_t i = 0; i < n_formats; i++) {
        for (size_t n = 1; n <= 70; n++) {
            uint8_t *src = new_guarded(n * formats[i].pixel_bytes);
            uint8_t *dst = new_guarded(n * 4);
            uint8_t expected[70 * 4];
            for (size_t j = 0; j < n * formats[i].pixel_bytes; j++) {
                src[j] = random_byte();
            }
            all[0].convert_row(&formats[i], expected, src, n);
            for (size_t form = 1; form < n_forms; form++) {
                memset(dst, 0, n * 4);
                all[form].convert_row(&formats[i], dst, src, n);
                assert_memory_equal(dst, expected, n * 4);
            }
            free_guarded(src, n * formats[i].pixel_bytes);
            free_guarded(dst, n * 4);
        }
    }
}

static void
masks_of_x11_and_rfb_are_found(void **state)
{
    const BerthPixelFormat *format = berth_pixel_format_find_masks(4, 0xff0000, 0x00ff00, 0x0000ff);
    assert_ptr_equal(format, berth_pixel_format_bgrx);
    format = berth_pixel_format_find_masks(2, 0xf800, 0x07e0, 0x001f);
    assert_string_equal(format->name, "r5g6b5");
    format = berth_pixel_format_find_masks(4, 0x3ff00000, 0x000ffc00, 0x000003ff);
    assert_string_equal(format->name, "x2r10g10b10");
    assert_null(berth_pixel_format_find_masks(2, 0xff0000, 0x00ff00, 0x0000ff));
    assert_null(berth_pixel_format_find_masks(1, 0xe0, 0x1c, 0x03));
}

static void
codes_are_unique_and_found(void **state)
{
    size_t n_formats;
    const BerthPixelFormat *formats = berth_pixel_formats(&n_formats);
    for (size_t i = 0; i < n_formats; i++) {
        assert_ptr_equal(berth_pixel_format_find_pixman(formats[i].pixman_code), &formats[i]);
        assert_ptr_equal(berth_pixel_format_find_drm(formats[i].drm_fourcc), &formats[i]);
        assert_int_equal(formats[i].pixman_code >> 24, formats[i].pixel_bytes * 8);
    }
    assert_null(berth_pixel_format_find_pixman(0));
    assert_null(berth_pixel_format_find_drm(0));
    assert_string_equal(berth_pixel_format_bgrx->name, "x8r8g8b8");
    assert_true(berth_pixel_format_is_bgrx(berth_pixel_format_bgrx));
    assert_true(berth_pixel_format_is_bgrx(berth_pixel_format_find_drm(0x34325241)));
    assert_false(berth_pixel_format_is_bgrx(berth_pixel_format_find_pixman(0x20020aaa)));
    assert_false(berth_pixel_format_is_bgrx(berth_pixel_format_find_pixman(0x18020888)));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_pixels_are_converted),
        cmocka_unit_test(all_forms_convert_alike_and_stay_inside),
        cmocka_unit_test(masks_of_x11_and_rfb_are_found),
        cmocka_unit_test(codes_are_unique_and_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
