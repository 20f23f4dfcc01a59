/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Videos there and back: how good they are, what stays untouched, and what a hostile one can do.
 */
#include "testing.h"

#include "guarded.h"
#include "pictures.h"

#include "berth/limits.h"
#include "berth/protocol.h"
#include "display/decode/video-decoder.h"
#include "display/encode/video-encoder.h"

#include <glib.h>

#define PAPER 0x204060u
#define FRAME_US 33333
#define W 400
#define H 300

static const uint8_t codecs[] = { BERTH_VIDEO_VP9_420, BERTH_VIDEO_VP9_444, BERTH_VIDEO_VP8 };

typedef struct {
    uint8_t codec;
    BerthRect rect;
    BerthFrame *source, *canvas;
    BerthVideoEncoder *encoder;
    BerthVideoDecoder *decoder;
    int64_t now_us;
} Film;

static void
film_init(Film *film, uint8_t codec, BerthRect rect, unsigned kbps)
{
    BerthVideoEncoderConfig config = { codec, rect.w, rect.h, kbps, 3, 1 };
    *film = (Film){ .codec = codec, .rect = rect, .now_us = 1000000 };
    film->source = berth_frame_new(W, H);
    film->canvas = berth_frame_new(W, H);
    film->encoder = berth_video_encoder_new(&config);
    film->decoder = berth_video_decoder_new(codec, rect.w, rect.h, 1);
    assert_non_null(film->encoder);
    assert_non_null(film->decoder);
    berth_frame_fill(film->canvas, berth_frame_get_rect(film->canvas), PAPER);
    picture_paint_photo(film->source, rect, 0);
}

static void
film_clear(Film *film)
{
    berth_frame_unref(film->source);
    berth_frame_unref(film->canvas);
    berth_video_encoder_free(film->encoder);
    berth_video_decoder_free(film->decoder);
}

static BerthVideoPacket
film_encode(Film *film, const BerthDamage *damage, bool is_key)
{
    BerthVideoPacket packet;
    film->now_us += FRAME_US;
    assert_berth_ok(berth_video_encoder_encode(film->encoder, film->source, film->rect.x,
                                               film->rect.y, damage, film->now_us, is_key,
                                               &packet));
    assert_non_null(packet.data);
    return packet;
}

static double
film_step(Film *film, const BerthDamage *damage, bool is_key, size_t *ret_len)
{
    BerthVideoPacket packet = film_encode(film, damage, is_key);
    uint8_t *bytes = guarded_dup(packet.data, packet.len);
    assert_berth_ok(berth_video_decoder_decode(film->decoder, bytes, packet.len));
    guarded_free(bytes, packet.len);
    assert_berth_ok(berth_video_decoder_paint(film->decoder, film->canvas, film->rect.x,
                                              film->rect.y, NULL, 0));
    *ret_len = packet.len;
    return picture_psnr(film->source, film->canvas, film->rect);
}

static void
film_comes_back_well(void **state)
{
    static const BerthRect rects[] = { { 0, 0, 320, 240 }, { 33, 17, 257, 131 } };
    for (size_t i = 0; i < G_N_ELEMENTS(codecs) * G_N_ELEMENTS(rects); i++) {
        Film film;
        BerthRect rect = rects[i / G_N_ELEMENTS(codecs)];
        film_init(&film, codecs[i % G_N_ELEMENTS(codecs)], rect, 0);
        double least = 99;
        size_t bytes = 0;
        size_t key_bytes = 0;
        for (int n = 0; n < 12; n++) {
            size_t len;
            picture_paint_photo(film.source, rect, n * 3);
            least = fmin(least, film_step(&film, NULL, false, &len));
            bytes += len;
            key_bytes = n == 0 ? len : key_bytes;
        }
        print_message("# codec %d, %dx%d: %.1f dB at least, key %zu, all %zu bytes\n", film.codec,
                      rect.w, rect.h, least, key_bytes, bytes);
        assert_true(least > 35);
        assert_true(picture_is_untouched(film.canvas, rect, PAPER));
        assert_int_equal(berth_frame_pixel(film.canvas, rect.x, rect.y)[3], 0xff);
        film_clear(&film);
    }
}

/* Colours come back as they were: both directions use the same matrix and range. */
static void
flat_colours_are_right(void **state)
{
    static const uint32_t colours[] = { 0x000000, 0xffffff, 0xff0000, 0x00ff00,
                                        0x0000ff, 0x808080, 0x123456, 0xfedcba };
    for (size_t i = 0; i < G_N_ELEMENTS(codecs) * G_N_ELEMENTS(colours); i++) {
        Film film;
        size_t len;
        BerthRect rect = { 8, 8, 65, 33 };
        film_init(&film, codecs[i % G_N_ELEMENTS(codecs)], rect, 0);
        uint32_t colour = colours[i / G_N_ELEMENTS(codecs)];
        berth_frame_fill(film.source, rect, colour);
        film_step(&film, NULL, false, &len);
        const uint8_t *pixel = berth_frame_pixel(film.canvas, 40, 20);
        assert_in_range(pixel[0] + 6 - (int)(colour & 255), 0, 12);
        assert_in_range(pixel[1] + 6 - (int)(colour >> 8 & 255), 0, 12);
        assert_in_range(pixel[2] + 6 - (int)(colour >> 16), 0, 12);
        film_clear(&film);
    }
}

/* Damage that is told exactly gives the same film as damage that is not. */
static void
damage_saves_bytes_and_loses_nothing(void **state)
{
    for (size_t i = 0; i < G_N_ELEMENTS(codecs); i++) {
        Film film;
        size_t len;
        BerthRect rect = { 21, 11, 300, 201 };
        BerthRect moving = { 101, 70, 37, 29 };
        film_init(&film, codecs[i], rect, 0);
        BerthDamage *damage = berth_damage_new(W, H);
        film_step(&film, damage, false, &len);
        size_t key_bytes = len;
        for (int n = 1; n < 8; n++) {
            picture_paint_photo(film.source, moving, n * 9);
            berth_damage_clear(damage);
            berth_damage_add_rect(damage, moving);
            double db = film_step(&film, damage, false, &len);
            double moving_db = picture_psnr(film.source, film.canvas, moving);
            assert_true(db > 34);
            assert_true(moving_db > 24);
            assert_true(len < key_bytes / 2);
        }
        berth_damage_free(damage);
        film_clear(&film);
    }
}

static void
seen_changes_are_in_the_next_packet(void **state)
{
    Film film;
    size_t len;
    BerthRect rect = { 0, 0, 200, 200 };
    BerthRect spot = { 64, 64, 64, 64 };
    film_init(&film, BERTH_VIDEO_VP9_420, rect, 0);
    BerthDamage *damage = berth_damage_new(W, H);
    film_step(&film, NULL, false, &len);
    berth_frame_fill(film.source, spot, 0xc0c0c0);
    berth_damage_add_rect(damage, spot);
    assert_berth_ok(berth_video_encoder_see(film.encoder, film.source, 0, 0, damage));
    berth_damage_clear(damage);
    film_step(&film, damage, false, &len);
    assert_true(picture_psnr(film.source, film.canvas, spot) > 35);
    berth_damage_free(damage);
    film_clear(&film);
}

static void
viewer_joins_at_a_key_frame(void **state)
{
    for (size_t i = 0; i < G_N_ELEMENTS(codecs); i++) {
        Film film;
        size_t len;
        BerthRect rect = { 0, 0, 160, 120 };
        film_init(&film, codecs[i], rect, 0);
        film_step(&film, NULL, false, &len);
        picture_paint_photo(film.source, rect, 5);
        BerthVideoPacket packet = film_encode(&film, NULL, false);
        assert_false(packet.is_key);
        BerthVideoDecoder *late = berth_video_decoder_new(film.codec, rect.w, rect.h, 1);
        assert_berth_error(berth_video_decoder_decode(late, packet.data, packet.len),
                           BERTH_ERR_CORRUPT);
        assert_berth_error(berth_video_decoder_paint(late, film.canvas, 0, 0, NULL, 0),
                           BERTH_ERR_STATE);
        packet = film_encode(&film, NULL, true);
        assert_true(packet.is_key);
        assert_berth_ok(berth_video_decoder_decode(late, packet.data, packet.len));
        assert_berth_ok(berth_video_decoder_paint(late, film.canvas, 0, 0, NULL, 0));
        assert_true(picture_psnr(film.source, film.canvas, rect) > 35);
        berth_video_decoder_free(late);
        film_clear(&film);
    }
}

static void
ceiling_is_kept(void **state)
{
    size_t bytes[2] = { 0, 0 };
    for (size_t i = 0; i < 2; i++) {
        Film film;
        BerthRect rect = { 0, 0, W, H };
        film_init(&film, BERTH_VIDEO_VP9_420, rect, 0);
        berth_video_encoder_set_kbps(film.encoder, i == 0 ? 0 : 150);
        for (int n = 0; n < 40; n++) {
            picture_paint_photo(film.source, rect, n * n * 31);
            BerthVideoPacket packet = film_encode(&film, NULL, false);
            bytes[i] += n >= 10 ? packet.len : 0;
        }
        film_clear(&film);
    }
    print_message("# 1 s without ceiling %zu, with 150 kbit/s %zu bytes\n", bytes[0], bytes[1]);
    assert_true(bytes[1] < bytes[0]);
    assert_true(bytes[1] < 2 * 150000 / 8);
}

/* On a slow path a key frame is small, and the packets after it bring what it lacks. */
static void
slow_path_begins_small(void **state)
{
    for (size_t i = 0; i < G_N_ELEMENTS(codecs); i++) {
        size_t key_bytes[2];
        double db = 0;
        for (size_t k = 0; k < 2; k++) {
            Film film;
            BerthRect rect = { 0, 0, W, H };
            film_init(&film, codecs[i], rect, k == 0 ? 0 : 5000);
            double first_db = film_step(&film, NULL, false, &key_bytes[k]);
            for (int n = 1; n < 12; n++) {
                size_t len;
                picture_paint_photo(film.source, rect, n * 5);
                db = film_step(&film, NULL, false, &len);
            }
            assert_true(k == 0 || db > first_db);
            film_clear(&film);
        }
        assert_true(key_bytes[1] < key_bytes[0] * 3 / 4);
    }
}

/* Rectangles of any kind stay as they are, everything else is as without them. */
static void
kept_rectangles_are_not_painted(void **state)
{
    static const BerthRect keep[] = { { 41, 23, 7, 3 },    { 44, 25, 30, 11 },   { 21, 11, 1, 500 },
                                      { -50, 90, 900, 2 }, { 319, 210, 90, 90 }, { 0, 0, 5, 5 },
                                      { 100, 60, 0, 9 },   { 100, 50, 64, 64 } };
    for (size_t i = 0; i < G_N_ELEMENTS(codecs); i++) {
        Film film;
        size_t len;
        BerthRect rect = { 21, 11, 299, 201 };
        film_init(&film, codecs[i], rect, 0);
        film_step(&film, NULL, false, &len);
        BerthFrame *kept = berth_frame_new(W, H);
        berth_frame_fill(kept, berth_frame_get_rect(kept), PAPER);
        assert_berth_ok(berth_video_decoder_paint(film.decoder, kept, rect.x, rect.y, keep,
                                                  G_N_ELEMENTS(keep)));
        for (size_t k = 0; k < G_N_ELEMENTS(keep); k++) {
            BerthRect part = berth_rect_intersect(keep[k], rect);
            if (!berth_rect_is_empty(part)) {
                berth_frame_fill(film.canvas, part, PAPER);
            }
        }
        assert_true(berth_frame_rect_equal(kept, film.canvas, berth_frame_get_rect(kept)));
        berth_frame_unref(kept);
        film_clear(&film);
    }
}

static void
painting_ends_where_the_canvas_does(void **state)
{
    for (size_t i = 0; i < G_N_ELEMENTS(codecs); i++) {
        Film film;
        size_t len;
        BerthRect rect = { 0, 0, 131, 77 };
        BerthRect keep = { 60, 33, 10, 10 };
        film_init(&film, codecs[i], rect, 0);
        film_step(&film, NULL, false, &len);
        BerthFrame canvas = guarded_frame(rect.w, rect.h);
        assert_berth_ok(berth_video_decoder_paint(film.decoder, &canvas, 0, 0, NULL, 0));
        assert_berth_ok(berth_video_decoder_paint(film.decoder, &canvas, 0, 0, &keep, 1));
        assert_true(berth_frame_rect_equal(&canvas, film.canvas, rect));
        assert_berth_error(berth_video_decoder_paint(film.decoder, &canvas, 1, 0, NULL, 0),
                           BERTH_ERR_INVALID);
        assert_berth_error(berth_video_decoder_paint(film.decoder, &canvas, 0, -1, NULL, 0),
                           BERTH_ERR_INVALID);
        guarded_frame_clear(&canvas);
        film_clear(&film);
    }
}

/* The encoder reads no pixel behind the picture either. */
static void
encoder_reads_only_its_rectangle(void **state)
{
    for (size_t i = 0; i < G_N_ELEMENTS(codecs); i++) {
        BerthVideoEncoderConfig config = { codecs[i], 67, 35, 0, 3, 1 };
        BerthFrame frame = guarded_frame(67, 35);
        BerthDamage *damage = berth_damage_new(67, 35);
        BerthVideoEncoder *encoder = berth_video_encoder_new(&config);
        BerthVideoPacket packet;
        picture_paint_photo(&frame, berth_frame_get_rect(&frame), 3);
        assert_berth_ok(berth_video_encoder_encode(encoder, &frame, 0, 0, NULL, 1, false, &packet));
        berth_frame_fill(&frame, (BerthRect){ 60, 30, 7, 5 }, 0);
        berth_damage_add_rect(damage, (BerthRect){ 61, 31, 6, 4 });
        assert_berth_ok(
            berth_video_encoder_encode(encoder, &frame, 0, 0, damage, 2, false, &packet));
        assert_berth_error(
            berth_video_encoder_encode(encoder, &frame, 1, 0, damage, 3, false, &packet),
            BERTH_ERR_INVALID);
        berth_video_encoder_free(encoder);
        berth_damage_free(damage);
        guarded_frame_clear(&frame);
    }
}

static void
bad_configurations_are_refused(void **state)
{
    static const BerthVideoEncoderConfig rows[] = {
        { 0, 64, 64, 0, 3, 1 },     { 4, 64, 64, 0, 3, 1 },   { 1, 15, 64, 0, 3, 1 },
        { 1, 64, 15, 0, 3, 1 },     { 1, -64, -64, 0, 3, 1 }, { 1, 20000, 16, 0, 3, 1 },
        { 1, 4097, 2304, 0, 3, 1 },
    };
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        assert_null(berth_video_encoder_new(&rows[i]));
        assert_null(berth_video_decoder_new(rows[i].codec, rows[i].width, rows[i].height, 1));
    }
}

static void
another_size_or_codec_is_refused(void **state)
{
    static const int sizes[][2] = { { 160, 121 }, { 161, 120 }, { 64, 64 }, { 1920, 1080 } };
    for (size_t i = 0; i < G_N_ELEMENTS(codecs); i++) {
        Film film;
        film_init(&film, codecs[i], (BerthRect){ 0, 0, 160, 120 }, 0);
        BerthVideoPacket packet = film_encode(&film, NULL, false);
        for (size_t k = 0; k < G_N_ELEMENTS(sizes) + G_N_ELEMENTS(codecs); k++) {
            bool is_size = k < G_N_ELEMENTS(sizes);
            uint8_t codec = is_size ? codecs[i] : codecs[k - G_N_ELEMENTS(sizes)];
            if (!is_size && codec == codecs[i]) {
                continue;
            }
            BerthVideoDecoder *other = berth_video_decoder_new(codec, is_size ? sizes[k][0] : 160,
                                                               is_size ? sizes[k][1] : 120, 1);
            assert_berth_error(berth_video_decoder_decode(other, packet.data, packet.len),
                               BERTH_ERR_CORRUPT);
            berth_video_decoder_free(other);
        }
        film_clear(&film);
    }
}

/* A second, larger key frame behind the first: a codec alone would take it. */
static void
frames_hidden_behind_a_frame_are_not_decoded(void **state)
{
    Film small;
    Film large;
    film_init(&small, BERTH_VIDEO_VP9_420, (BerthRect){ 0, 0, 64, 64 }, 0);
    film_init(&large, BERTH_VIDEO_VP9_420, (BerthRect){ 0, 0, 384, 256 }, 0);
    BerthVideoPacket first = film_encode(&small, NULL, false);
    BerthVideoPacket second = film_encode(&large, NULL, false);
    GByteArray *both = g_byte_array_new();
    g_byte_array_append(both, first.data, (guint)first.len);
    g_byte_array_append(both, second.data, (guint)second.len);
    int error = berth_video_decoder_decode(small.decoder, both->data, both->len);
    if (error == BERTH_OK) {
        assert_berth_ok(berth_video_decoder_paint(small.decoder, small.canvas, 0, 0, NULL, 0));
        assert_true(picture_is_untouched(small.canvas, small.rect, PAPER));
    } else {
        assert_berth_error(error, BERTH_ERR_CORRUPT);
    }
    g_byte_array_unref(both);
    film_clear(&small);
    film_clear(&large);
}

/* Every bit of the first bytes, where sizes and kinds are, and some bytes of the rest. */
static void
changed_packets_do_no_harm(void **state)
{
    for (size_t i = 0; i < G_N_ELEMENTS(codecs); i++) {
        Film film;
        size_t len;
        BerthRect rect = { 0, 0, 65, 49 };
        film_init(&film, codecs[i], rect, 0);
        BerthVideoPacket packet = film_encode(&film, NULL, false);
        size_t n = packet.len;
        uint8_t *key = g_memdup2(packet.data, n);
        for (size_t k = 0; k < 8 * 16 + n; k++) {
            uint8_t *bytes = guarded_dup(key, n);
            size_t at = k < 8 * 16 ? k / 8 : k - 8 * 16;
            bytes[at] ^= (uint8_t)(k < 8 * 16 ? 1u << (k % 8) : 0x55u);
            int error = berth_video_decoder_decode(film.decoder, bytes, n);
            assert_true(error == BERTH_OK || error == BERTH_ERR_CORRUPT);
            if (error == BERTH_OK) {
                assert_berth_ok(
                    berth_video_decoder_paint(film.decoder, film.canvas, 0, 0, NULL, 0));
            }
            guarded_free(bytes, n);
        }
        for (size_t cut = 0; cut < n; cut++) {
            uint8_t *bytes = guarded_dup(key, cut);
            int error = berth_video_decoder_decode(film.decoder, bytes, cut);
            assert_true(error == BERTH_OK || error == BERTH_ERR_CORRUPT);
            assert_true(cut > 10 || error != BERTH_OK);
            guarded_free(bytes, cut);
        }
        /* After all that, a key frame is a new beginning. */
        assert_true(film_step(&film, NULL, true, &len) > 35);
        assert_true(picture_is_untouched(film.canvas, rect, PAPER));
        g_free(key);
        film_clear(&film);
    }
}

static void
too_long_a_packet_is_refused(void **state)
{
    BerthVideoDecoder *decoder = berth_video_decoder_new(BERTH_VIDEO_VP8, 64, 64, 1);
    uint8_t byte = 0;
    assert_berth_error(
        berth_video_decoder_decode(decoder, &byte, (size_t)BERTH_LIMIT_VIDEO_BYTES + 1),
        BERTH_ERR_TOO_LARGE);
    assert_berth_error(berth_video_decoder_decode(decoder, NULL, 0), BERTH_ERR_CORRUPT);
    assert_int_equal(berth_video_decoder_get_width(decoder), 64);
    assert_int_equal(berth_video_decoder_get_height(decoder), 64);
    berth_video_decoder_free(decoder);
    berth_video_decoder_free(NULL);
}

static void
codec_fits_content_and_path(void **state)
{
    const uint8_t all = BERTH_VIDEO_BIT(BERTH_VIDEO_VP9_420) |
                        BERTH_VIDEO_BIT(BERTH_VIDEO_VP9_444) | BERTH_VIDEO_BIT(BERTH_VIDEO_VP8);
    BerthFrame *frame = berth_frame_new(W, H);
    BerthRect rect = { 5, 5, 200, 100 };
    picture_paint_photo(frame, rect, 0);
    assert_int_equal(berth_video_encoder_choose_codec(frame, rect, all, 2000), BERTH_VIDEO_VP9_420);
    assert_int_equal(berth_video_encoder_choose_codec(frame, rect, all, 0), BERTH_VIDEO_VP8);
    assert_int_equal(berth_video_encoder_choose_codec(frame, rect, 3, 0), BERTH_VIDEO_VP9_420);
    assert_int_equal(berth_video_encoder_choose_codec(frame, rect, 2, 0), BERTH_VIDEO_VP9_444);
    for (int x = 0; x < 200; x += 6) {
        berth_frame_fill(frame, (BerthRect){ 5 + x, 5, 3, 100 }, 0xff0000);
    }
    assert_int_equal(berth_video_encoder_choose_codec(frame, rect, all, 0), BERTH_VIDEO_VP9_444);
    assert_int_equal(berth_video_encoder_choose_codec(frame, rect, 4, 2000), BERTH_VIDEO_VP8);
    assert_int_equal(berth_video_encoder_choose_codec(frame, rect, 0, 0), 0);
    berth_frame_unref(frame);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(film_comes_back_well),
        cmocka_unit_test(flat_colours_are_right),
        cmocka_unit_test(damage_saves_bytes_and_loses_nothing),
        cmocka_unit_test(seen_changes_are_in_the_next_packet),
        cmocka_unit_test(viewer_joins_at_a_key_frame),
        cmocka_unit_test(ceiling_is_kept),
        cmocka_unit_test(slow_path_begins_small),
        cmocka_unit_test(kept_rectangles_are_not_painted),
        cmocka_unit_test(painting_ends_where_the_canvas_does),
        cmocka_unit_test(encoder_reads_only_its_rectangle),
        cmocka_unit_test(bad_configurations_are_refused),
        cmocka_unit_test(another_size_or_codec_is_refused),
        cmocka_unit_test(frames_hidden_behind_a_frame_are_not_decoded),
        cmocka_unit_test(changed_packets_do_no_harm),
        cmocka_unit_test(too_long_a_packet_is_refused),
        cmocka_unit_test(codec_fits_content_and_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
