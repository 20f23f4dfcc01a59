/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "guarded.h"

#include "display/pixels/anchors.h"

#include <string.h>

#define W 150
#define H 120
#define ROOM (W + 48)

static void
all_forms_add_join_and_choose_alike(void **state)
{
    size_t n_forms;
    const BerthAnchorKernels *all = berth_anchor_kernels_all(&n_forms);
    assert_string_equal(all[0].name, "plain");
    for (size_t form = 1; form < n_forms; form++) {
        for (size_t n = 16; n <= W; n++) {
            uint8_t *row = new_guarded(n * 4);
            uint16_t sums[2][ROOM] = { 0 };
            uint16_t hashes[2][ROOM] = { 0 };
            uint16_t scratch[ROOM];
            uint16_t xs[2][ROOM];
            for (int round = 0; round < 20; round++) {
                for (size_t i = 0; i < n * 4; i++) {
                    row[i] = round < 3 ? 0xff : random_byte() % 3 ? 0x80 : random_byte();
                }
                all[0].add_row(sums[0], row, n);
                all[form].add_row(sums[1], row, n);
                assert_memory_equal(sums[0], sums[1], n * 2);
                all[0].join(hashes[0], sums[0], scratch, n - 15);
                all[form].join(hashes[1], sums[1], scratch, n - 15);
                assert_memory_equal(hashes[0], hashes[1], (n - 15) * 2);
                uint16_t limit = (uint16_t)(1u << random_byte() % 16);
                size_t n_chosen = all[0].choose(hashes[0], n - 15, limit, xs[0]);
                assert_int_equal(all[form].choose(hashes[0], n - 15, limit, xs[1]), n_chosen);
                assert_memory_equal(xs[0], xs[1], n_chosen * 2);
            }
            free_guarded(row, n * 4);
        }
    }
}

/* A picture of noise with the same 64x64 pixels at two places. */
static void
make_picture(uint32_t *pixels, int x, int y)
{
    static uint32_t patch[64 * 64];
    for (int i = 0; i < 64 * 64; i++) {
        patch[i] = 0xff000000u | (uint32_t)(i * 2654435761u >> 12);
    }
    for (int i = 0; i < W * H; i++) {
        pixels[i] = 0xff000000u | (uint32_t)random_byte() << 16 | (uint32_t)random_byte() << 8;
    }
    for (int row = 0; row < 64; row++) {
        memcpy(pixels + (y + row) * W + x, patch + row * 64, 256);
    }
}

/* The anchors inside of the patch, as a map with one byte for each place in it. */
static int
map_anchors(uint8_t *map, int x, int y)
{
    static uint32_t pixels[W * H];
    BerthAnchors *anchors = berth_anchors_new(W);
    int n_inside = 0;
    make_picture(pixels, x, y);
    memset(map, 0, 64 * 64);
    berth_anchors_start(anchors, 16);
    for (int row = 0; row < H; row++) {
        const uint16_t *xs;
        berth_anchors_feed(anchors, (const uint8_t *)(pixels + row * W));
        size_t n = berth_anchors_list(anchors, &xs);
        assert_true(n <= W - 15);
        for (size_t i = 0; i < n; i++) {
            int left = xs[i] - x;
            int top = row - 15 - y;
            assert_true(row >= 15 && xs[i] + 15 < W);
            /* What is left of the window counts, too. */
            if (left >= 1 && left + 16 <= 64 && top >= 0 && top + 16 <= 64) {
                map[top * 64 + left] = 1;
                n_inside++;
            }
        }
    }
    berth_anchors_free(anchors);
    return n_inside;
}

static void
the_same_content_has_the_same_anchors_wherever_it_is(void **state)
{
    uint8_t here[64 * 64];
    uint8_t there[64 * 64];
    int n = map_anchors(here, 0, 0);
    /* About one of 16 windows. */
    assert_in_range(n, 48 * 48 / 16 / 2, 48 * 48 / 16 * 2);
    assert_int_equal(map_anchors(there, 41, 55), n);
    assert_memory_equal(here, there, sizeof here);
}

static void
one_colour_has_no_anchors(void **state)
{
    BerthAnchors *anchors = berth_anchors_new(W);
    uint32_t row[W];
    for (uint32_t colour = 0; colour < 64; colour++) {
        for (int i = 0; i < W; i++) {
            row[i] = 0xff000000u | colour * 0x050301u;
        }
        berth_anchors_start(anchors, 2);
        for (int y = 0; y < 40; y++) {
            const uint16_t *xs;
            berth_anchors_feed(anchors, (const uint8_t *)row);
            assert_int_equal(berth_anchors_list(anchors, &xs), 0);
        }
    }
    berth_anchors_free(anchors);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_forms_add_join_and_choose_alike),
        cmocka_unit_test(the_same_content_has_the_same_anchors_wherever_it_is),
        cmocka_unit_test(one_colour_has_no_anchors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
