/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Every form of every kernel against the plain one, with the data at the very end of a mapped page
 * so that a load or store too far is a crash.
 */
#include "guarded.h"

#include "display/pixels/kernels.h"

#include <string.h>

#define MAX_PIXELS 200
#define MAX_BYTES (MAX_PIXELS * 4)

/* Two rows of frames: X is 0xff; few differences, so that masks are not all ones. */
static void
make_rows(uint8_t *a, uint8_t *b, size_t n_pixels)
{
    for (size_t i = 0; i < n_pixels * 4; i++) {
        a[i] = i % 4 == 3 ? 0xff : random_byte();
        b[i] = a[i];
    }
    for (size_t i = 0; i < n_pixels; i++) {
        if (random_byte() < 40) {
            b[4 * i + random_byte() % 3] ^= (uint8_t)(1 << random_byte() % 8);
        }
    }
}

static void
check_compare(const BerthPixelKernels *kernels, const BerthPixelKernels *plain, size_t n)
{
    uint8_t *dst = new_guarded(n * 4);
    uint8_t *src = new_guarded(n * 4);
    uint8_t plain_dst[MAX_BYTES];
    uint64_t masks[4] = { 0 };
    uint64_t expected[4] = { 0 };
    make_rows(dst, src, n);
    for (size_t i = 0; i < n; i++) {
        src[4 * i + 3] = random_byte(); /* X of a source is junk */
    }
    memcpy(plain_dst, dst, n * 4);
    kernels->compare_row(dst, src, n, masks);
    plain->compare_row(dst, src, n, expected);
    assert_memory_equal(masks, expected, sizeof masks);
    memset(masks, 0, sizeof masks);
    kernels->compare_copy_row(dst, src, n, masks);
    plain->compare_copy_row(plain_dst, src, n, expected);
    assert_memory_equal(masks, expected, sizeof masks);
    assert_memory_equal(dst, plain_dst, n * 4);
    for (size_t i = 0; i < n; i++) {
        assert_memory_equal(dst + 4 * i, src + 4 * i, 3);
        assert_int_equal(dst[4 * i + 3], 0xff);
    }
    free_guarded(dst, n * 4);
    free_guarded(src, n * 4);
}

static void
check_rgb(const BerthPixelKernels *kernels, const BerthPixelKernels *plain, size_t n)
{
    uint8_t *pixels = new_guarded(n * 4);
    uint8_t *rgb = new_guarded(n * 3);
    uint8_t expected[MAX_BYTES];
    make_rows(pixels, expected, n);
    plain->pack_rgb_row(expected, pixels, n);
    kernels->pack_rgb_row(rgb, pixels, n);
    assert_memory_equal(rgb, expected, n * 3);
    memcpy(expected, pixels, n * 4);
    memset(pixels, 0, n * 4);
    kernels->unpack_rgb_row(pixels, rgb, n);
    assert_memory_equal(pixels, expected, n * 4);
    free_guarded(pixels, n * 4);
    free_guarded(rgb, n * 3);
}

static void
all_forms_give_the_same_answer_and_stay_inside(void **state)
{
    size_t n_forms;
    const BerthPixelKernels *const *all = berth_pixel_kernels_all(&n_forms);
    assert_true(n_forms >= 1);
    assert_string_equal(all[0]->name, "plain");
    assert_ptr_equal(all[n_forms - 1], berth_pixel_kernels());
    for (size_t form = 0; form < n_forms; form++) {
        for (size_t n = 1; n <= MAX_PIXELS; n++) {
            check_compare(all[form], all[0], n);
            check_rgb(all[form], all[0], n);
        }
    }
}

static void
all_forms_hash_alike_and_every_bit_counts(void **state)
{
    size_t n_forms;
    const BerthPixelKernels *const *all = berth_pixel_kernels_all(&n_forms);
    uint8_t *pixels = new_guarded(256);
    for (int round = 0; round < 100; round++) {
        for (size_t i = 0; i < 256; i++) {
            pixels[i] = round == 0 ? 0 : round == 1 ? 0xff : random_byte();
        }
        uint64_t expected = all[0]->hash_64(pixels);
        for (size_t form = 1; form < n_forms; form++) {
            assert_true(all[form]->hash_64(pixels) == expected);
        }
        for (size_t bit = 0; bit < 256 * 8; bit++) {
            pixels[bit / 8] ^= (uint8_t)(1 << bit % 8);
            assert_false(all[n_forms - 1]->hash_64(pixels) == expected);
            pixels[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
    }
    free_guarded(pixels, 256);
}

/* Two pixels that change places, and runs that move: what text does. */
static void
order_counts_in_hashes(void **state)
{
    uint8_t pixels[256];
    uint64_t seen[64];
    for (size_t i = 0; i < 64; i++) {
        memset(pixels, 0xff, sizeof pixels);
        memset(pixels + 4 * i, 0x20, 3);
        seen[i] = berth_pixel_kernels()->hash_64(pixels);
        for (size_t j = 0; j < i; j++) {
            assert_false(seen[i] == seen[j]);
        }
    }
}

static void
packed_order_is_red_green_blue(void **state)
{
    const uint8_t pixel[4] = { 1, 2, 3, 0xff };
    uint8_t rgb[3];
    uint8_t back[4];
    berth_pixel_kernels()->pack_rgb_row(rgb, pixel, 1);
    assert_memory_equal(rgb, ((uint8_t[]){ 3, 2, 1 }), 3);
    berth_pixel_kernels()->unpack_rgb_row(back, rgb, 1);
    assert_memory_equal(back, pixel, 4);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_forms_give_the_same_answer_and_stay_inside),
        cmocka_unit_test(all_forms_hash_alike_and_every_bit_counts),
        cmocka_unit_test(order_counts_in_hashes),
        cmocka_unit_test(packed_order_is_red_green_blue),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
