/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testing.h"

#include "berth/errors.h"
#include "berth/limits.h"
#include "display/decode/tile-store.h"

static void
kept_tile_is_drawn_elsewhere(void **state)
{
    BerthTileStore *store = berth_tile_store_new(2);
    BerthFrame *canvas = berth_frame_new(100, 100);
    berth_frame_fill(canvas, (BerthRect){ 0, 0, 64, 64 }, 0x123456);
    berth_frame_fill(canvas, (BerthRect){ 64, 64, 36, 36 }, 0x654321);
    assert_berth_ok(berth_tile_store_put(store, 0, canvas, (BerthRect){ 64, 64, 36, 36 }));
    berth_frame_fill(canvas, (BerthRect){ 64, 64, 36, 36 }, 0);
    assert_berth_ok(berth_tile_store_draw(store, 0, canvas, (BerthRect){ 64, 64, 36, 36 }));
    uint32_t xrgb;
    assert_true(berth_frame_get_solid(canvas, (BerthRect){ 64, 64, 36, 36 }, &xrgb));
    assert_int_equal(xrgb, 0x654321);
    berth_tile_store_free(store);
    berth_frame_unref(canvas);
}

static void
what_was_never_kept_is_refused(void **state)
{
    BerthTileStore *store = berth_tile_store_new(2);
    BerthFrame *canvas = berth_frame_new(100, 100);
    BerthRect whole = { 0, 0, 64, 64 };
    assert_berth_error(berth_tile_store_draw(store, 1, canvas, whole), BERTH_ERR_INVALID);
    assert_berth_error(berth_tile_store_draw(store, 2, canvas, whole), BERTH_ERR_INVALID);
    assert_berth_error(berth_tile_store_put(store, 2, canvas, whole), BERTH_ERR_INVALID);
    assert_berth_error(berth_tile_store_put(store, 65535, canvas, whole), BERTH_ERR_INVALID);
    assert_berth_ok(berth_tile_store_put(store, 1, canvas, whole));
    assert_berth_error(berth_tile_store_draw(store, 1, canvas, (BerthRect){ 64, 0, 36, 64 }),
                       BERTH_ERR_INVALID);
    assert_berth_ok(berth_tile_store_draw(store, 1, canvas, whole));
    assert_null(berth_tile_store_new(BERTH_LIMIT_CACHE_TILES + 1));
    berth_tile_store_free(store);
    berth_tile_store_free(NULL);
    berth_frame_unref(canvas);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kept_tile_is_drawn_elsewhere),
        cmocka_unit_test(what_was_never_kept_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
