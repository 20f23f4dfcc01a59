/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every form against the plain one, at both ends of mapped memory, and the plain one by hand. */
#include "guarded.h"

#include "display/pixels/gradient.h"

#include <string.h>

#define MAX_PIXELS 150

/* What the rows are made of. */
typedef enum {
    NOISE,
    SMOOTH,
    EXTREMES,
    N_KINDS
} Kind;

static void
make_pixels(uint8_t *pixels, size_t n, Kind kind)
{
    for (size_t i = 0; i < n * 4; i++) {
        uint8_t smooth = (uint8_t)(100 + 3 * i + random_byte() % 8);
        pixels[i] = kind == NOISE ? random_byte() : kind == SMOOTH ? smooth : 0;
        if (kind == EXTREMES) {
            pixels[i] = random_byte() % 2 == 0 ? 0 : 0xff;
        }
    }
}

static void
check_row(const BerthGradientKernels *kernels, size_t n, Kind kind, bool has_above)
{
    const BerthGradientKernels *plain = berth_gradient_kernels_all(&(size_t){ 0 })[0];
    uint8_t *row = new_guarded(n * 4);
    uint8_t *above = new_guarded(n * 4);
    uint8_t *residuals = new_guarded(n * 3);
    uint8_t *decoded = new_guarded(n * 4);
    uint8_t expected[MAX_PIXELS * 3];
    make_pixels(row, n, kind);
    make_pixels(above, n, kind);
    plain->encode_row(expected, row, has_above ? above : NULL, n);
    kernels->encode_row(residuals, row, has_above ? above : NULL, n);
    assert_memory_equal(residuals, expected, n * 3);
    kernels->decode_row(decoded, residuals, has_above ? above : NULL, n);
    for (size_t i = 0; i < n; i++) {
        assert_memory_equal(decoded + 4 * i, row + 4 * i, 3);
        assert_int_equal(decoded[4 * i + 3], 0xff);
    }
    free_guarded(row, n * 4);
    free_guarded(above, n * 4);
    free_guarded(residuals, n * 3);
    free_guarded(decoded, n * 4);
}

static void
all_forms_give_the_same_residuals_and_come_back(void **state)
{
    size_t n_forms;
    const BerthGradientKernels *const *all = berth_gradient_kernels_all(&n_forms);
    assert_string_equal(all[0]->name, "plain");
    assert_ptr_equal(all[n_forms - 1], berth_gradient_kernels());
    for (size_t form = 0; form < n_forms; form++) {
        for (size_t n = 1; n <= MAX_PIXELS; n++) {
            for (Kind kind = 0; kind < N_KINDS; kind++) {
                check_row(all[form], n, kind, false);
                check_row(all[form], n, kind, true);
            }
        }
    }
}

/* A row must not be read before its first pixel, either. */
static void
nothing_before_the_rows_is_touched(void **state)
{
    size_t n_forms;
    const BerthGradientKernels *const *all = berth_gradient_kernels_all(&n_forms);
    uint8_t *row = new_guarded_front(64 * 4);
    uint8_t *above = new_guarded_front(64 * 4);
    uint8_t *residuals = new_guarded_front(64 * 3);
    for (size_t form = 0; form < n_forms; form++) {
        all[form]->encode_row(residuals, row, above, 64);
        all[form]->decode_row(row, residuals, above, 64);
        all[form]->encode_row(residuals, row, NULL, 64);
        all[form]->decode_row(row, residuals, NULL, 64);
    }
    free_guarded_front(row, 64 * 4);
    free_guarded_front(above, 64 * 4);
    free_guarded_front(residuals, 64 * 3);
}

static void
any_residuals_decode_alike(void **state)
{
    size_t n_forms;
    const BerthGradientKernels *const *all = berth_gradient_kernels_all(&n_forms);
    uint8_t residuals[MAX_PIXELS * 3];
    uint8_t above[MAX_PIXELS * 4];
    uint8_t expected[MAX_PIXELS * 4];
    uint8_t decoded[MAX_PIXELS * 4];
    for (int round = 0; round < 200; round++) {
        for (size_t i = 0; i < sizeof residuals; i++) {
            residuals[i] = random_byte();
        }
        make_pixels(above, MAX_PIXELS, (Kind)(round % N_KINDS));
        all[0]->decode_row(expected, residuals, above, MAX_PIXELS);
        for (size_t form = 1; form < n_forms; form++) {
            all[form]->decode_row(decoded, residuals, above, MAX_PIXELS);
            assert_memory_equal(decoded, expected, sizeof expected);
        }
    }
}

static void
residuals_are_what_the_median_edge_detector_leaves(void **state)
{
    /* Blue, green, red: above 10 20 30, then 11 22 33; below 12 24 36, then 13 26 39. */
    const uint8_t above[8] = { 10, 20, 30, 0xff, 11, 22, 33, 0xff };
    const uint8_t row[8] = { 12, 24, 36, 0xff, 13, 26, 39, 0xff };
    uint8_t residuals[6];
    berth_gradient_kernels()->encode_row(residuals, above, NULL, 2);
    /* Red less green 10, green 20, blue less green -10; then less those on the left. */
    assert_memory_equal(residuals, ((uint8_t[]){ 10, 20, 246, 1, 2, 255 }), 6);
    berth_gradient_kernels()->encode_row(residuals, row, above, 2);
    /* First less above; then a + b - c cut to [a, b]: 12 + 11 - 10 = 13 is cut to 12, and so on. */
    assert_memory_equal(residuals, ((uint8_t[]){ 2, 4, 254, 1, 2, 255 }), 6);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_forms_give_the_same_residuals_and_come_back),
        cmocka_unit_test(nothing_before_the_rows_is_touched),
        cmocka_unit_test(any_residuals_decode_alike),
        cmocka_unit_test(residuals_are_what_the_median_edge_detector_leaves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
