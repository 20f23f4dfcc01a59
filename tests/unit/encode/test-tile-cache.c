/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testing.h"

#include "display/encode/tile-cache.h"

static BerthTileHash
hash_of(uint64_t number)
{
    return (BerthTileHash){ number % 3, number };
}

static void
tiles_are_found_by_what_they_show(void **state)
{
    BerthTileCache *cache = berth_tile_cache_new(5);
    uint16_t slot;
    assert_false(berth_tile_cache_find(cache, hash_of(1), &slot));
    for (uint64_t i = 0; i < 5; i++) {
        assert_int_equal(berth_tile_cache_store(cache, hash_of(i)), i);
    }
    for (uint64_t i = 0; i < 5; i++) {
        assert_true(berth_tile_cache_find(cache, hash_of(i), &slot));
        assert_int_equal(slot, i);
    }
    berth_tile_cache_clear(cache);
    assert_false(berth_tile_cache_find(cache, hash_of(1), &slot));
    berth_tile_cache_free(cache);
    berth_tile_cache_free(NULL);
}

static void
what_is_of_use_stays_longest(void **state)
{
    BerthTileCache *cache = berth_tile_cache_new(3);
    uint16_t slot;
    for (uint64_t i = 0; i < 3; i++) {
        berth_tile_cache_store(cache, hash_of(i));
    }
    assert_true(berth_tile_cache_find(cache, hash_of(0), &slot));
    assert_int_equal(berth_tile_cache_store(cache, hash_of(10)), 1);
    assert_int_equal(berth_tile_cache_store(cache, hash_of(11)), 2);
    assert_true(berth_tile_cache_find(cache, hash_of(0), &slot));
    assert_false(berth_tile_cache_find(cache, hash_of(1), &slot));
    /* All of use: the oldest goes. */
    assert_true(berth_tile_cache_find(cache, hash_of(10), &slot));
    assert_true(berth_tile_cache_find(cache, hash_of(11), &slot));
    assert_int_equal(berth_tile_cache_store(cache, hash_of(12)), 0);
    berth_tile_cache_free(cache);
}

static void
one_slot_is_enough(void **state)
{
    BerthTileCache *cache = berth_tile_cache_new(1);
    uint16_t slot;
    for (uint64_t i = 0; i < 10; i++) {
        assert_int_equal(berth_tile_cache_store(cache, hash_of(i)), 0);
        assert_true(berth_tile_cache_find(cache, hash_of(i), &slot));
        assert_false(berth_tile_cache_find(cache, hash_of(i + 1), &slot));
    }
    berth_tile_cache_free(cache);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tiles_are_found_by_what_they_show),
        cmocka_unit_test(what_is_of_use_stays_longest),
        cmocka_unit_test(one_slot_is_enough),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
