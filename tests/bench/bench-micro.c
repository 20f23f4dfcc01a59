/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The inner loops of the display engines, each beside its physical limit on this machine:
 * bench-micro [seconds for each line]
 *
 * Pictures have 1920x1080 pixels, all numbers are for one thread and its processor time.
 */
#include "tests/bench/micro-table.h"

#include "display/encode/motion-finder.h"
#include "display/encode/scroll-finder.h"
#include "display/pixels/anchors.h"
#include "display/pixels/classify.h"
#include "display/pixels/convert.h"
#include "display/pixels/copy.h"
#include "display/pixels/damage.h"
#include "display/pixels/diff.h"
#include "display/pixels/gradient.h"
#include "display/pixels/kernels.h"
#include "display/pixels/tile-hash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>
#if defined(__x86_64__)
#include <xxh_x86dispatch.h>
#endif

#define PICTURE_PX ((double)MICRO_W * MICRO_H)
#define PICTURE_BYTES ((size_t)MICRO_W * MICRO_H * 4)
#define TILE ((int)BERTH_LIMIT_TILE_PX)
#define MAX_COPIES 256

typedef struct {
    BerthFrame *text;
    BerthFrame *photo;
    BerthFrame *other; /* something to write to */
    BerthFrame *moved; /* text, but scrolled or dragged */
    BerthDamage *damage;
    BerthScrollFinder *scrolls;
    BerthMotionFinder *motions;
    uint8_t *bytes; /* a picture's worth */
    uint8_t key[BERTH_TILE_HASH_KEY_BYTES];
    uint64_t masks[MICRO_W / 64];
    uint64_t sink; /* so that nothing is optimised away */
    /* Of the line at work. */
    const BerthPixelKernels *kernels;
    const BerthGradientKernels *gradient;
    const BerthClassifyKernels *classify;
    const BerthConvertKernels *convert;
    const BerthAnchorKernels *anchors;
    const BerthPixelFormat *format;
    const BerthFrame *picture;
    size_t n_found;
} Bench;

static uint8_t *
row_of(const BerthFrame *frame, int y)
{
    return berth_frame_pixel(frame, 0, y);
}

static void
run_memcpy(void *user_data)
{
    Bench *bench = user_data;
    memcpy(bench->other->data, bench->text->data, PICTURE_BYTES);
}

static void
run_memcmp(void *user_data)
{
    Bench *bench = user_data;
    bench->sink += (uint64_t)memcmp(bench->other->data, bench->text->data, PICTURE_BYTES);
}

static void
run_xxh3(void *user_data)
{
    Bench *bench = user_data;
    bench->sink += XXH3_128bits(bench->text->data, PICTURE_BYTES).low64;
}

static void
run_compare_copy(void *user_data)
{
    Bench *bench = user_data;
    for (int y = 0; y < MICRO_H; y++) {
        bench->kernels->compare_copy_row(row_of(bench->other, y), row_of(bench->text, y), MICRO_W,
                                         bench->masks);
        bench->sink += bench->masks[0];
    }
}

static void
run_compare(void *user_data)
{
    Bench *bench = user_data;
    for (int y = 0; y < MICRO_H; y++) {
        bench->kernels->compare_row(row_of(bench->other, y), row_of(bench->text, y), MICRO_W,
                                    bench->masks);
        bench->sink += bench->masks[0];
    }
}

static void
run_pack(void *user_data)
{
    Bench *bench = user_data;
    for (int y = 0; y < MICRO_H; y++) {
        bench->kernels->pack_rgb_row(bench->bytes + (size_t)y * MICRO_W * 3, row_of(bench->text, y),
                                     MICRO_W);
    }
}

static void
run_unpack(void *user_data)
{
    Bench *bench = user_data;
    for (int y = 0; y < MICRO_H; y++) {
        bench->kernels->unpack_rgb_row(row_of(bench->other, y),
                                       bench->bytes + (size_t)y * MICRO_W * 3, MICRO_W);
    }
}

static void
run_hash(void *user_data)
{
    Bench *bench = user_data;
    for (int y = 0; y < MICRO_H; y++) {
        for (int x = 0; x + 64 <= MICRO_W; x += 64) {
            bench->sink += bench->kernels->hash_64(berth_frame_pixel(bench->text, x, y));
        }
    }
}

static void
run_damage(void *user_data)
{
    Bench *bench = user_data;
    BerthPixelSource source = { bench->text->data, PICTURE_BYTES, bench->text->stride_bytes,
                                berth_pixel_format_bgrx };
    berth_damage_clear(bench->damage);
    berth_damage_compare_copy(bench->damage, bench->other, berth_frame_get_rect(bench->text),
                              &source);
}

static void
run_diff(void *user_data)
{
    Bench *bench = user_data;
    for (int y = 0; y < MICRO_H; y += TILE) {
        BerthRect rects[MICRO_W / 64];
        for (int x = 0; x < MICRO_W; x += TILE) {
            rects[x / TILE] = berth_rect_intersect((BerthRect){ x, y, TILE, TILE },
                                                   berth_frame_get_rect(bench->text));
        }
        berth_diff_take_row(bench->other, bench->text, rects, MICRO_W / 64);
        bench->sink += (uint64_t)rects[0].w;
    }
}

static void
run_move(void *user_data)
{
    Bench *bench = user_data;
    BerthMove move = { { 0, 54, MICRO_W, MICRO_H - 54 }, 0, 0 };
    berth_copy_apply(bench->other, &move, 1);
}

static void
run_encode_gradient(void *user_data)
{
    Bench *bench = user_data;
    for (int y = 0; y < MICRO_H; y++) {
        bench->gradient->encode_row(bench->bytes + (size_t)y * MICRO_W * 3, row_of(bench->photo, y),
                                    y == 0 ? NULL : row_of(bench->photo, y - 1), MICRO_W);
    }
}

static void
run_decode_gradient(void *user_data)
{
    Bench *bench = user_data;
    for (int y = 0; y < MICRO_H; y++) {
        bench->gradient->decode_row(row_of(bench->other, y), bench->bytes + (size_t)y * MICRO_W * 3,
                                    y == 0 ? NULL : row_of(bench->other, y - 1), MICRO_W);
    }
}

/* Calls a function for each tile of the picture. */
static void
visit_tiles(Bench *bench, void (*visit)(Bench *bench, BerthRect tile))
{
    for (int y = 0; y < MICRO_H; y += TILE) {
        for (int x = 0; x < MICRO_W; x += TILE) {
            visit(bench, berth_rect_intersect((BerthRect){ x, y, TILE, TILE },
                                              berth_frame_get_rect(bench->text)));
        }
    }
}

static void
classify_tile(Bench *bench, BerthRect tile)
{
    BerthPixelStats stats = berth_classify_count_with(bench->classify, bench->picture, tile);
    bench->sink += (uint64_t)stats.n_colours;
}

static void
run_classify(void *user_data)
{
    visit_tiles(user_data, classify_tile);
}

static void
hash_tile(Bench *bench, BerthRect tile)
{
    bench->sink += berth_tile_hash(bench->text, tile, bench->key).low;
}

static void
run_tile_hash(void *user_data)
{
    visit_tiles(user_data, hash_tile);
}

static void
run_convert(void *user_data)
{
    Bench *bench = user_data;
    for (int y = 0; y < MICRO_H; y++) {
        bench->convert->convert_row(bench->format, row_of(bench->other, y),
                                    bench->bytes + (size_t)y * MICRO_W * 4, MICRO_W);
    }
}

static void
run_anchors(void *user_data)
{
    Bench *bench = user_data;
    static uint16_t sums[MICRO_W + 64];
    static uint16_t hashes[MICRO_W + 64];
    static uint16_t scratch[MICRO_W + 64];
    static uint16_t xs[MICRO_W + 64];
    for (int y = 0; y < MICRO_H; y++) {
        bench->anchors->add_row(sums, row_of(bench->text, y), MICRO_W);
        bench->anchors->join(hashes, sums, scratch, MICRO_W - 15);
        bench->sink += bench->anchors->choose(hashes, MICRO_W - 15, 256, xs);
    }
}

static void
run_scrolls(void *user_data)
{
    Bench *bench = user_data;
    BerthWireCopy copies[MAX_COPIES];
    bench->n_found = berth_scroll_finder_find(bench->scrolls, bench->text, bench->moved,
                                              bench->damage, copies, MAX_COPIES);
}

static void
run_motions(void *user_data)
{
    Bench *bench = user_data;
    BerthWireCopy copies[MAX_COPIES];
    bench->n_found = berth_motion_finder_find(bench->motions, bench->text, bench->moved,
                                              bench->damage, copies, MAX_COPIES);
}

static void
bench_pixels(Bench *bench, double memcpy_px, double memcmp_px)
{
    size_t n_forms;
    const BerthPixelKernels *const *all = berth_pixel_kernels_all(&n_forms);
    micro_print_head("pixels");
    for (size_t i = 0; i < n_forms; i++) {
        const char *form = all[i]->name;
        bench->kernels = all[i];
        run_memcpy(bench);
        micro_print_row("compare and copy, equal", form,
                        micro_measure(run_compare_copy, bench, PICTURE_PX), "memcmp", memcmp_px);
        micro_print_row("compare", form, micro_measure(run_compare, bench, PICTURE_PX), "memcmp",
                        memcmp_px);
        micro_print_row("hash 64 pixels", form, micro_measure(run_hash, bench, PICTURE_PX),
                        "memcmp", memcmp_px);
        micro_print_row("BGRX to RGB", form, micro_measure(run_pack, bench, PICTURE_PX), "memcpy",
                        memcpy_px);
        micro_print_row("RGB to BGRX", form, micro_measure(run_unpack, bench, PICTURE_PX), "memcpy",
                        memcpy_px);
    }
    run_memcpy(bench);
    micro_print_row("take in a capture, equal", "best",
                    micro_measure(run_damage, bench, PICTURE_PX), "memcmp", memcmp_px);
    micro_print_row("take differences, equal", "best", micro_measure(run_diff, bench, PICTURE_PX),
                    "memcmp", memcmp_px);
    micro_print_row("move up by 54 rows", "best", micro_measure(run_move, bench, PICTURE_PX),
                    "memcpy", memcpy_px);
}

static void
bench_formats(Bench *bench, double memcpy_px)
{
    size_t n_forms;
    const BerthConvertKernels *all = berth_convert_kernels_all(&n_forms);
    static const char *const names[] = { "x8b8g8r8", "x2r10g10b10", "r8g8b8", "r5g6b5" };
    size_t n_formats;
    const BerthPixelFormat *formats = berth_pixel_formats(&n_formats);
    micro_print_head("formats to BGRX");
    for (size_t i = 0; i < n_forms; i++) {
        bench->convert = &all[i];
        for (size_t name = 0; name < sizeof names / sizeof names[0]; name++) {
            for (size_t j = 0; j < n_formats; j++) {
                bench->format = &formats[j];
                if (strcmp(formats[j].name, names[name]) == 0) {
                    micro_print_row(names[name], all[i].name,
                                    micro_measure(run_convert, bench, PICTURE_PX), "memcpy",
                                    memcpy_px);
                }
            }
        }
    }
}

static void
bench_content(Bench *bench, double memcpy_px, double memcmp_px)
{
    size_t n_forms;
    const BerthGradientKernels *const *gradients = berth_gradient_kernels_all(&n_forms);
    micro_print_head("content");
    for (size_t i = 0; i < n_forms; i++) {
        bench->gradient = gradients[i];
        micro_print_row("predict a photo", gradients[i]->name,
                        micro_measure(run_encode_gradient, bench, PICTURE_PX), "memcpy", memcpy_px);
        micro_print_row("and back", gradients[i]->name,
                        micro_measure(run_decode_gradient, bench, PICTURE_PX), "memcpy", memcpy_px);
    }
    const BerthClassifyKernels *classifiers = berth_classify_kernels_all(&n_forms);
    for (size_t i = 0; i < n_forms; i++) {
        bench->classify = &classifiers[i];
        bench->picture = bench->text;
        micro_print_row("classify text", classifiers[i].name,
                        micro_measure(run_classify, bench, PICTURE_PX), "memcmp", memcmp_px);
        bench->picture = bench->photo;
        micro_print_row("classify a photo", classifiers[i].name,
                        micro_measure(run_classify, bench, PICTURE_PX), "memcmp", memcmp_px);
    }
    micro_print_row("keyed hashes of tiles", "best",
                    micro_measure(run_tile_hash, bench, PICTURE_PX), "XXH3 in one piece",
                    micro_measure(run_xxh3, bench, PICTURE_PX));
}

static void
bench_motion(Bench *bench, double memcmp_px)
{
    size_t n_forms;
    const BerthAnchorKernels *all = berth_anchor_kernels_all(&n_forms);
    BerthRect whole = { 0, 0, MICRO_W, MICRO_H };
    micro_print_head("motion");
    for (size_t i = 0; i < n_forms; i++) {
        bench->anchors = &all[i];
        micro_print_row("anchors of a picture", all[i].name,
                        micro_measure(run_anchors, bench, PICTURE_PX), "memcmp", memcmp_px);
    }
    berth_damage_add_all(bench->damage);
    berth_frame_copy_rect(bench->moved, bench->text, whole);
    berth_frame_move(bench->moved, (BerthRect){ 0, 54, MICRO_W, MICRO_H - 54 }, 0, 0);
    micro_print_row("strips, all of it scrolled", "best",
                    micro_measure(run_scrolls, bench, PICTURE_PX), "memcmp", memcmp_px);
    micro_require(bench->n_found > 0, "finding the scroll");
    berth_frame_copy_rect(bench->moved, bench->text, whole);
    berth_frame_move(bench->moved, (BerthRect){ 37, 54, MICRO_W - 37, MICRO_H - 54 }, 0, 0);
    micro_print_row("any direction, all of it dragged", "best",
                    micro_measure(run_motions, bench, PICTURE_PX), "memcmp", memcmp_px);
    micro_require(bench->n_found > 0, "finding the drag");
    berth_frame_copy_rect(bench->moved, bench->photo, whole);
    micro_print_row("any direction, nothing found", "best",
                    micro_measure(run_motions, bench, PICTURE_PX), "memcmp", memcmp_px);
}

int
main(int argc, char **argv)
{
    static Bench bench;
    micro_set_budget(argc > 1 ? strtod(argv[1], NULL) : 0.3);
    bench.text = micro_new_text();
    bench.photo = micro_new_photo();
    bench.other = berth_frame_new(MICRO_W, MICRO_H);
    bench.moved = berth_frame_new(MICRO_W, MICRO_H);
    bench.damage = berth_damage_new(MICRO_W, MICRO_H);
    bench.scrolls = berth_scroll_finder_new();
    bench.motions = berth_motion_finder_new();
    bench.bytes = calloc(PICTURE_BYTES, 1);
    micro_require(bench.other != NULL && bench.moved != NULL && bench.damage != NULL &&
                      bench.scrolls != NULL && bench.motions != NULL && bench.bytes != NULL,
                  "memory");
    double memcpy_px = micro_measure(run_memcpy, &bench, PICTURE_PX);
    double memcmp_px = micro_measure(run_memcmp, &bench, PICTURE_PX);
    printf("%-34s %-7s %9.0f   (%.1f GB/s)\n", "memcpy of a picture", "libc", memcpy_px,
           memcpy_px * 4 / 1000);
    printf("%-34s %-7s %9.0f   (%.1f GB/s of each)\n", "memcmp of equal pictures", "libc",
           memcmp_px, memcmp_px * 4 / 1000);
    bench_pixels(&bench, memcpy_px, memcmp_px);
    bench_formats(&bench, memcpy_px);
    bench_content(&bench, memcpy_px, memcmp_px);
    bench_motion(&bench, memcmp_px);
    micro_run_codecs();
    berth_frame_unref(bench.text);
    berth_frame_unref(bench.photo);
    berth_frame_unref(bench.other);
    berth_frame_unref(bench.moved);
    berth_damage_free(bench.damage);
    berth_scroll_finder_free(bench.scrolls);
    berth_motion_finder_free(bench.motions);
    free(bench.bytes);
    return bench.sink == 1;
}
