/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The encoders and decoders beside the libraries that they stand on, alone, on the same pixels. */
#include "tests/bench/micro-table.h"

#include "berth/limits.h"
#include "berth/protocol.h"
#include "display/decode/exact-unpacker.h"
#include "display/decode/photo-decoder.h"
#include "display/encode/exact-stream.h"
#include "display/encode/photo-encoder.h"
#include "display/encode/video-encoder.h"
#include "display/pixels/gradient.h"
#include "display/pixels/kernels.h"

#include <libyuv.h>
#include <stdlib.h>
#include <string.h>
#include <turbojpeg.h>
#include <vpx/vp8cx.h>
#include <vpx/vpx_encoder.h>
#include <zstd.h>

#define WINDOW_LOG 23
#define QUALITY 85
#define VIDEO_W 640
#define VIDEO_H 368
/* Pictures of the video: what it shows moves by two pixels from one to the next. */
#define N_PICTURES 32
#define STEP_PX 2
#define PICTURE_US 33333
/* What the encoder uses when everything moves. */
#define QUANTIZER 26
#define VP9_SPEED 9

typedef struct {
    BerthFrame *frame;
    BerthFrame *canvas;
    BerthExactStreamKind kind;
    BerthWireRect *rects; /* the picture in tiles */
    size_t n_rects;
    BerthWriter message;
    uint8_t *rgb; /* what zstd gets */
    size_t rgb_len;
    uint8_t *packed;
    size_t packed_cap, packed_len;
} Exact;

typedef struct {
    BerthFrame *frame;
    BerthFrame *canvas;
    BerthRect rect;
    BerthPhotoEncoder *encoder;
    BerthPhotoDecoder *decoder;
    tjhandle compressor;
    tjhandle decompressor;
    uint8_t *jpeg;
    size_t jpeg_len;
} Photo;

typedef struct {
    BerthFrame *frame;
    BerthVideoEncoder *encoder;
    vpx_codec_ctx_t codec;
    vpx_image_t *images[N_PICTURES];
    int64_t now_us;
    int n;
} Video;

static void
list_tiles(Exact *exact)
{
    for (int y = 0; y < MICRO_H; y += 64) {
        for (int x = 0; x < MICRO_W; x += 64) {
            int h = MICRO_H - y < 64 ? MICRO_H - y : 64;
            exact->rects[exact->n_rects++] =
                (BerthWireRect){ (uint16_t)x, (uint16_t)y, 64, (uint16_t)h };
        }
    }
}

/* The bytes that the stream gives to zstd, without the table. */
static void
make_rgb(Exact *exact)
{
    for (size_t i = 0; i < exact->n_rects; i++) {
        BerthWireRect rect = exact->rects[i];
        for (int row = 0; row < rect.h; row++) {
            uint8_t *to = exact->rgb + exact->rgb_len;
            const uint8_t *from = berth_frame_pixel(exact->frame, rect.x, rect.y + row);
            if (exact->kind == BERTH_EXACT_PLAIN) {
                berth_pixel_kernels()->pack_rgb_row(to, from, rect.w);
            } else {
                const uint8_t *above = row == 0 ? NULL : from - exact->frame->stride_bytes;
                berth_gradient_kernels()->encode_row(to, from, above, rect.w);
            }
            exact->rgb_len += (size_t)rect.w * 3;
        }
    }
}

static void
run_exact(void *user_data)
{
    Exact *exact = user_data;
    BerthExactStream *stream = berth_exact_stream_new(exact->kind, WINDOW_LOG, 1);
    berth_writer_reset(&exact->message);
    micro_require(stream != NULL && berth_exact_stream_encode(stream, exact->frame, exact->rects,
                                                              exact->n_rects, &exact->message) == 0,
                  "the exact stream");
    berth_exact_stream_free(stream);
}

/* The same settings, and a fresh context as well: a used one would know the picture by heart. */
static void
run_zstd(void *user_data)
{
    Exact *exact = user_data;
    ZSTD_CCtx *context = ZSTD_createCCtx();
    ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, 1);
    ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, WINDOW_LOG);
    ZSTD_CCtx_setParameter(context, ZSTD_c_hashLog, 16);
    if (exact->kind == BERTH_EXACT_PLAIN) {
        ZSTD_CCtx_setParameter(context, ZSTD_c_enableLongDistanceMatching, 1);
        ZSTD_CCtx_setParameter(context, ZSTD_c_ldmMinMatch, 64);
        ZSTD_CCtx_setParameter(context, ZSTD_c_ldmHashRateLog, 6);
    }
    exact->packed_len =
        ZSTD_compress2(context, exact->packed, exact->packed_cap, exact->rgb, exact->rgb_len);
    micro_require(!ZSTD_isError(exact->packed_len), "zstd");
    ZSTD_freeCCtx(context);
}

static void
run_unpack(void *user_data)
{
    Exact *exact = user_data;
    BerthExactUnpacker *unpacker = berth_exact_unpacker_new(exact->kind, WINDOW_LOG);
    BerthMsgExact message;
    const BerthWireRect *rects;
    micro_require(unpacker != NULL &&
                      berth_msg_exact_decode(exact->message.data, exact->message.len, &message) ==
                          0 &&
                      berth_exact_unpacker_begin(unpacker, &message, &rects) == 0 &&
                      berth_exact_unpacker_draw(unpacker, exact->canvas) == 0,
                  "unpacking");
    berth_exact_unpacker_free(unpacker);
}

static void
run_unzstd(void *user_data)
{
    Exact *exact = user_data;
    size_t len = ZSTD_decompress(exact->rgb, exact->rgb_len, exact->packed, exact->packed_len);
    micro_require(len == exact->rgb_len, "zstd");
}

static void
bench_exact(BerthFrame *frame, BerthExactStreamKind kind, const char *what, const char *back)
{
    double n_px = (double)MICRO_W * MICRO_H;
    size_t n_bytes = (size_t)MICRO_W * MICRO_H * 3;
    Exact exact = {
        .frame = frame,
        .canvas = berth_frame_new(MICRO_W, MICRO_H),
        .kind = kind,
        .rects = calloc(MICRO_W * MICRO_H / 64, sizeof(BerthWireRect)),
        .rgb = malloc(n_bytes),
        .packed_cap = ZSTD_compressBound(n_bytes),
        .packed = malloc(ZSTD_compressBound(n_bytes)),
    };
    micro_require(exact.canvas != NULL && exact.rects != NULL && exact.rgb != NULL &&
                      exact.packed != NULL,
                  "memory");
    berth_writer_init(&exact.message, BERTH_LIMIT_MESSAGE_BYTES);
    list_tiles(&exact);
    make_rgb(&exact);
    double encode_px = micro_measure(run_exact, &exact, n_px);
    micro_print_row(what, "best", encode_px, "zstd alone, same settings",
                    micro_measure(run_zstd, &exact, n_px));
    double decode_px = micro_measure(run_unpack, &exact, n_px);
    micro_print_row(back, "best", decode_px, "zstd alone", micro_measure(run_unzstd, &exact, n_px));
    micro_require(berth_frame_rect_equal(exact.canvas, frame, berth_frame_get_rect(frame)),
                  "the comparison of both ends");
    berth_frame_unref(exact.canvas);
    berth_writer_clear(&exact.message);
    free(exact.rects);
    free(exact.rgb);
    free(exact.packed);
}

static void
run_photo(void *user_data)
{
    Photo *photo = user_data;
    uint8_t *data;
    size_t len;
    micro_require(berth_photo_encoder_encode(photo->encoder, photo->frame, photo->rect, QUALITY,
                                             &data, &len) == 0,
                  "the photo encoder");
    free(photo->jpeg);
    photo->jpeg = data;
    photo->jpeg_len = len;
}

static void
run_jpeg(void *user_data)
{
    Photo *photo = user_data;
    uint8_t *data = NULL;
    unsigned long len = 0;
    micro_require(tjCompress2(photo->compressor,
                              berth_frame_pixel(photo->frame, photo->rect.x, photo->rect.y),
                              photo->rect.w, (int)photo->frame->stride_bytes, photo->rect.h,
                              TJPF_BGRX, &data, &len, TJSAMP_444, QUALITY, 0) == 0,
                  "libjpeg-turbo");
    tjFree(data);
}

static void
run_unphoto(void *user_data)
{
    Photo *photo = user_data;
    micro_require(berth_photo_decoder_decode(photo->decoder, photo->jpeg, photo->jpeg_len,
                                             photo->canvas, photo->rect) == 0,
                  "the photo decoder");
}

static void
run_unjpeg(void *user_data)
{
    Photo *photo = user_data;
    micro_require(tjDecompress2(photo->decompressor, photo->jpeg, photo->jpeg_len,
                                berth_frame_pixel(photo->canvas, photo->rect.x, photo->rect.y),
                                photo->rect.w, (int)photo->canvas->stride_bytes, photo->rect.h,
                                TJPF_BGRX, 0) == 0,
                  "libjpeg-turbo");
}

static void
bench_photo(BerthFrame *frame)
{
    Photo photo = {
        .frame = frame,
        .canvas = berth_frame_new(MICRO_W, MICRO_H),
        .rect = { 64, 128, 512, 384 },
        .encoder = berth_photo_encoder_new(),
        .decoder = berth_photo_decoder_new(),
        .compressor = tjInitCompress(),
        .decompressor = tjInitDecompress(),
    };
    double n_px = (double)berth_rect_area_px(photo.rect);
    micro_require(photo.canvas != NULL && photo.encoder != NULL && photo.decoder != NULL &&
                      photo.compressor != NULL && photo.decompressor != NULL,
                  "memory");
    double encode_px = micro_measure(run_photo, &photo, n_px);
    micro_print_row("photo, JPEG 4:4:4 quality 85", "best", encode_px, "libjpeg-turbo alone",
                    micro_measure(run_jpeg, &photo, n_px));
    double decode_px = micro_measure(run_unphoto, &photo, n_px);
    micro_print_row("and back", "best", decode_px, "libjpeg-turbo alone",
                    micro_measure(run_unjpeg, &photo, n_px));
    berth_frame_unref(photo.canvas);
    berth_photo_encoder_free(photo.encoder);
    berth_photo_decoder_free(photo.decoder);
    tjDestroy(photo.compressor);
    tjDestroy(photo.decompressor);
    free(photo.jpeg);
}

static void
run_video(void *user_data)
{
    Video *video = user_data;
    BerthVideoPacket packet;
    int x = 100 + video->n++ % N_PICTURES * STEP_PX;
    video->now_us += PICTURE_US;
    micro_require(berth_video_encoder_encode(video->encoder, video->frame, x, 200, NULL,
                                             video->now_us, false, &packet) == 0,
                  "the video encoder");
}

static void
run_vpx(void *user_data)
{
    Video *video = user_data;
    vpx_codec_iter_t at = NULL;
    video->now_us += PICTURE_US;
    micro_require(vpx_codec_encode(&video->codec, video->images[video->n++ % N_PICTURES],
                                   video->now_us, PICTURE_US, 0, VPX_DL_REALTIME) == VPX_CODEC_OK,
                  "libvpx");
    while (vpx_codec_get_cx_data(&video->codec, &at) != NULL) {
    }
}

static void
open_vpx(Video *video)
{
    vpx_codec_enc_cfg_t settings;
    vpx_codec_ctx_t *codec = &video->codec;
    micro_require(vpx_codec_enc_config_default(vpx_codec_vp9_cx(), &settings, 0) == VPX_CODEC_OK,
                  "libvpx");
    settings.g_w = VIDEO_W;
    settings.g_h = VIDEO_H;
    settings.g_threads = 1;
    settings.g_lag_in_frames = 0;
    settings.g_timebase = (vpx_rational_t){ 1, 1000000 };
    settings.g_error_resilient = 1;
    settings.kf_mode = VPX_KF_DISABLED;
    settings.rc_end_usage = VPX_CBR;
    settings.rc_target_bitrate = 100000;
    settings.rc_min_quantizer = QUANTIZER;
    micro_require(vpx_codec_enc_init(codec, vpx_codec_vp9_cx(), &settings, 0) == VPX_CODEC_OK &&
                      vpx_codec_control(codec, VP8E_SET_CPUUSED, VP9_SPEED) == VPX_CODEC_OK &&
                      vpx_codec_control(codec, VP8E_SET_STATIC_THRESHOLD, 1) == VPX_CODEC_OK &&
                      vpx_codec_control(codec, VP9E_SET_AQ_MODE, 0) == VPX_CODEC_OK,
                  "libvpx");
}

static void
make_images(Video *video)
{
    for (int i = 0; i < N_PICTURES; i++) {
        vpx_image_t *image = vpx_img_alloc(NULL, VPX_IMG_FMT_I420, VIDEO_W, VIDEO_H, 32);
        micro_require(image != NULL, "memory");
        ARGBToJ420(berth_frame_pixel(video->frame, 100 + i * STEP_PX, 200),
                   (int)video->frame->stride_bytes, image->planes[0], image->stride[0],
                   image->planes[1], image->stride[1], image->planes[2], image->stride[2], VIDEO_W,
                   VIDEO_H);
        video->images[i] = image;
    }
}

static void
bench_video(BerthFrame *frame)
{
    BerthVideoEncoderConfig config = { BERTH_VIDEO_VP9_420, VIDEO_W, VIDEO_H, 0, 3, 1 };
    Video video = { .frame = frame, .encoder = berth_video_encoder_new(&config) };
    double n_px = (double)VIDEO_W * VIDEO_H;
    micro_require(video.encoder != NULL, "memory");
    make_images(&video);
    open_vpx(&video);
    double encode_px = micro_measure(run_video, &video, n_px);
    micro_print_row("video, VP9 4:2:0, all of it moves", "best", encode_px, "libvpx alone",
                    micro_measure(run_vpx, &video, n_px));
    berth_video_encoder_free(video.encoder);
    vpx_codec_destroy(&video.codec);
    for (int i = 0; i < N_PICTURES; i++) {
        vpx_img_free(video.images[i]);
    }
}

void
micro_run_codecs(void)
{
    BerthFrame *text = micro_new_text();
    BerthFrame *photo = micro_new_photo();
    micro_print_head("codecs");
    bench_exact(text, BERTH_EXACT_PLAIN, "exact text", "and back");
    bench_exact(photo, BERTH_EXACT_GRADIENT, "exact photo", "and back");
    bench_photo(photo);
    bench_video(photo);
    berth_frame_unref(text);
    berth_frame_unref(photo);
}
