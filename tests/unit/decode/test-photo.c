/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Photos there and back: how good they are, and what a hostile one can do.
 */
#include "guarded.h"
#include "pictures.h"

#include "berth/limits.h"
#include "display/decode/photo-decoder.h"
#include "display/encode/photo-encoder.h"

#include <glib.h>
#include <turbojpeg.h>

#define PAPER 0x204060u

typedef struct {
    BerthPhotoEncoder *encoder;
    BerthPhotoDecoder *decoder;
    BerthFrame *source;
    BerthFrame *canvas;
} Photos;

static int
set_up(void **state)
{
    Photos *self = g_new0(Photos, 1);
    self->encoder = berth_photo_encoder_new();
    self->decoder = berth_photo_decoder_new();
    self->source = berth_frame_new(300, 200);
    self->canvas = berth_frame_new(300, 200);
    picture_paint_photo(self->source, berth_frame_get_rect(self->source), 0);
    berth_frame_fill(self->canvas, berth_frame_get_rect(self->canvas), PAPER);
    *state = self;
    return 0;
}

static int
tear_down(void **state)
{
    Photos *self = *state;
    berth_photo_encoder_free(self->encoder);
    berth_photo_decoder_free(self->decoder);
    berth_frame_unref(self->source);
    berth_frame_unref(self->canvas);
    g_free(self);
    return 0;
}

static uint8_t *
encode(Photos *self, BerthRect rect, int quality, size_t *ret_len)
{
    uint8_t *data = NULL;
    assert_berth_ok(
        berth_photo_encoder_encode(self->encoder, self->source, rect, quality, &data, ret_len));
    return data;
}

static void
photo_comes_back_as_good_as_its_quality(void **state)
{
    static const struct {
        int quality;
        double least_db;
    } rows[] = { { 60, 36 }, { 75, 38 }, { 85, 40 }, { 92, 43 }, { 100, 48 } };

    Photos *self = *state;
    BerthRect rect = { 13, 7, 251, 131 };
    double last_db = 0;
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        size_t len;
        uint8_t *data = encode(self, rect, rows[i].quality, &len);
        assert_berth_ok(berth_photo_decoder_decode(self->decoder, data, len, self->canvas, rect));
        double db = picture_psnr(self->source, self->canvas, rect);
        print_message("# quality %d: %zu bytes, %.1f dB\n", rows[i].quality, len, db);
        assert_true(db >= rows[i].least_db);
        assert_true(db > last_db);
        assert_int_equal(berth_frame_pixel(self->canvas, rect.x, rect.y)[3], 0xff);
        assert_true(picture_is_untouched(self->canvas, rect, PAPER));
        last_db = db;
        g_free(data);
    }
}

/* Red letters on black stay red: the colours are not halved. */
static void
coloured_edges_stay_sharp(void **state)
{
    Photos *self = *state;
    BerthRect rect = { 0, 0, 64, 64 };
    berth_frame_fill(self->source, rect, 0);
    for (int x = 1; x < 64; x += 4) {
        berth_frame_fill(self->source, (BerthRect){ x, 0, 1, 64 }, 0xff0000);
    }
    size_t len;
    uint8_t *data = encode(self, rect, 95, &len);
    assert_berth_ok(berth_photo_decoder_decode(self->decoder, data, len, self->canvas, rect));
    assert_true(berth_frame_pixel(self->canvas, 5, 30)[2] > 220);
    assert_true(berth_frame_pixel(self->canvas, 7, 30)[2] < 40);
    g_free(data);
}

static void
any_shape_fits(void **state)
{
    static const BerthRect rects[] = { { 0, 0, 1, 1 },      { 299, 199, 1, 1 }, { 0, 0, 300, 1 },
                                       { 10, 0, 1, 200 },   { 3, 5, 17, 9 },    { 0, 0, 300, 200 },
                                       { 236, 136, 64, 64 } };
    Photos *self = *state;
    for (size_t i = 0; i < G_N_ELEMENTS(rects); i++) {
        size_t len;
        uint8_t *data = encode(self, rects[i], 100, &len);
        assert_berth_ok(
            berth_photo_decoder_decode(self->decoder, data, len, self->canvas, rects[i]));
        assert_true(picture_psnr(self->source, self->canvas, rects[i]) > 38);
        g_free(data);
    }
}

static void
bad_requests_are_refused(void **state)
{
    Photos *self = *state;
    uint8_t *data = NULL;
    size_t len = 0;
    static const BerthRect outside[] = { { 0, 0, 301, 1 }, { -1, 0, 5, 5 }, { 0, 0, 0, 5 } };
    for (size_t i = 0; i < G_N_ELEMENTS(outside); i++) {
        assert_berth_error(
            berth_photo_encoder_encode(self->encoder, self->source, outside[i], 80, &data, &len),
            BERTH_ERR_INVALID);
    }
    BerthRect rect = { 0, 0, 8, 8 };
    assert_berth_error(
        berth_photo_encoder_encode(self->encoder, self->source, rect, 0, &data, &len),
        BERTH_ERR_INVALID);
    assert_berth_error(
        berth_photo_encoder_encode(self->encoder, self->source, rect, 101, &data, &len),
        BERTH_ERR_INVALID);
    assert_null(data);
}

static void
too_large_a_photo_is_refused(void **state)
{
    Photos *self = *state;
    BerthFrame *wide = berth_frame_new(4096, 1025);
    BerthRect rect = berth_frame_get_rect(wide);
    uint8_t *data = NULL;
    size_t len = 0;
    assert_berth_error(berth_photo_encoder_encode(self->encoder, wide, rect, 80, &data, &len),
                       BERTH_ERR_TOO_LARGE);
    uint8_t byte = 0xff;
    assert_berth_error(berth_photo_decoder_decode(self->decoder, &byte, 1, wide, rect),
                       BERTH_ERR_TOO_LARGE);
    assert_berth_error(berth_photo_decoder_decode(self->decoder, &byte,
                                                  (size_t)BERTH_LIMIT_PHOTO_BYTES + 1, self->canvas,
                                                  (BerthRect){ 0, 0, 8, 8 }),
                       BERTH_ERR_TOO_LARGE);
    berth_frame_unref(wide);
}

static void
another_size_than_the_rectangle_is_refused(void **state)
{
    static const BerthRect others[] = {
        { 0, 0, 41, 30 }, { 0, 0, 40, 31 }, { 0, 0, 39, 30 }, { 0, 0, 30, 40 }, { 0, 0, 1, 1 },
    };
    Photos *self = *state;
    size_t len;
    uint8_t *data = encode(self, (BerthRect){ 0, 0, 40, 30 }, 80, &len);
    for (size_t i = 0; i < G_N_ELEMENTS(others); i++) {
        assert_berth_error(
            berth_photo_decoder_decode(self->decoder, data, len, self->canvas, others[i]),
            BERTH_ERR_CORRUPT);
    }
    BerthRect nothing = { 0, 0, 0, 0 };
    assert_true(picture_is_untouched(self->canvas, nothing, PAPER));
    g_free(data);
}

/* Another encoder's picture; flags and sampling as turbojpeg has them. */
static uint8_t *
encode_foreign(Photos *self, BerthRect rect, int sampling, int flags, size_t *ret_len)
{
    tjhandle codec = tjInitCompress();
    unsigned char *bytes = NULL;
    unsigned long len = 0;
    assert_int_equal(tjCompress2(codec, berth_frame_pixel(self->source, rect.x, rect.y), rect.w,
                                 (int)self->source->stride_bytes, rect.h, TJPF_BGRX, &bytes, &len,
                                 sampling, 80, flags),
                     0);
    uint8_t *data = g_memdup2(bytes, len);
    *ret_len = len;
    tjFree(bytes);
    tjDestroy(codec);
    return data;
}

static void
progressive_pictures_are_refused(void **state)
{
    Photos *self = *state;
    BerthRect rect = { 0, 0, 48, 48 };
    size_t len;
    uint8_t *data = encode_foreign(self, rect, TJSAMP_444, TJFLAG_PROGRESSIVE, &len);
    assert_berth_error(berth_photo_decoder_decode(self->decoder, data, len, self->canvas, rect),
                       BERTH_ERR_CORRUPT);
    g_free(data);
}

static void
other_samplings_are_understood(void **state)
{
    static const int samplings[] = { TJSAMP_420, TJSAMP_422, TJSAMP_GRAY };
    Photos *self = *state;
    BerthRect rect = { 5, 5, 47, 33 };
    for (size_t i = 0; i < G_N_ELEMENTS(samplings); i++) {
        size_t len;
        uint8_t *data = encode_foreign(self, rect, samplings[i], 0, &len);
        assert_berth_ok(berth_photo_decoder_decode(self->decoder, data, len, self->canvas, rect));
        assert_true(picture_is_untouched(self->canvas, rect, PAPER));
        g_free(data);
    }
}

/* The second scan is appended where the picture's end was. */
static void
second_scan_is_refused(void **state)
{
    Photos *self = *state;
    BerthRect rect = { 0, 0, 16, 16 };
    size_t len;
    uint8_t *data = encode(self, rect, 80, &len);
    GByteArray *twice = g_byte_array_new();
    g_byte_array_append(twice, data, (guint)len - 2);
    size_t scan = 0;
    while (data[scan] != 0xff || data[scan + 1] != 0xda) {
        scan++;
    }
    g_byte_array_append(twice, data + scan, (guint)(len - scan));
    BerthFrame *canvas = berth_frame_new(16, 16);
    int error = berth_photo_decoder_decode(self->decoder, twice->data, twice->len, canvas, rect);
    /* The codec stops at the first picture, or says that it wants its end: never a second pass. */
    assert_true(error == BERTH_OK || error == BERTH_ERR_CORRUPT);
    berth_frame_unref(canvas);
    g_byte_array_unref(twice);
    g_free(data);
}

static void
picture_cut_anywhere_is_refused(void **state)
{
    Photos *self = *state;
    BerthRect rect = { 7, 9, 40, 24 };
    size_t len;
    uint8_t *data = encode(self, rect, 60, &len);
    /* The last two bytes are only the mark of the end. */
    for (size_t cut = 0; cut + 2 < len; cut++) {
        uint8_t *bytes = guarded_dup(data, cut);
        assert_berth_error(
            berth_photo_decoder_decode(self->decoder, bytes, cut, self->canvas, rect),
            BERTH_ERR_CORRUPT);
        guarded_free(bytes, cut);
    }
    assert_true(picture_is_untouched(self->canvas, rect, PAPER));
    g_free(data);
}

/* Every single byte of a picture, changed: it may decode to something else, nothing more. */
static void
changed_bytes_stay_inside_the_rectangle(void **state)
{
    static const uint8_t changes[] = { 0x01, 0x80, 0xff };
    Photos *self = *state;
    const int width = 33, height = 17;
    BerthRect rect = { 0, 0, width, height };
    BerthFrame canvas = guarded_frame(width, height);
    size_t len;
    uint8_t *data = encode(self, rect, 60, &len);
    uint8_t *bytes = guarded_dup(data, len);
    for (size_t i = 0; i < len * G_N_ELEMENTS(changes); i++) {
        size_t at = i / G_N_ELEMENTS(changes);
        bytes[at] ^= changes[i % G_N_ELEMENTS(changes)];
        int error = berth_photo_decoder_decode(self->decoder, bytes, len, &canvas, rect);
        assert_true(error == BERTH_OK || error == BERTH_ERR_CORRUPT);
        bytes[at] = data[at];
    }
    assert_berth_ok(berth_photo_decoder_decode(self->decoder, bytes, len, &canvas, rect));
    guarded_free(bytes, len);
    guarded_frame_clear(&canvas);
    g_free(data);
}

int
main(void)
{
#define PHOTO_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        PHOTO_TEST(photo_comes_back_as_good_as_its_quality),
        PHOTO_TEST(coloured_edges_stay_sharp),
        PHOTO_TEST(any_shape_fits),
        PHOTO_TEST(bad_requests_are_refused),
        PHOTO_TEST(too_large_a_photo_is_refused),
        PHOTO_TEST(another_size_than_the_rectangle_is_refused),
        PHOTO_TEST(progressive_pictures_are_refused),
        PHOTO_TEST(other_samplings_are_understood),
        PHOTO_TEST(second_scan_is_refused),
        PHOTO_TEST(picture_cut_anywhere_is_refused),
        PHOTO_TEST(changed_bytes_stay_inside_the_rectangle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
