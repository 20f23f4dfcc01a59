/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What recorded screens cost in the display engines, without processes and networks:
 * bench-scenes [-v] FILE.scr...  (-v: a line for each frame)
 *
 * A scene is played on its recorded times by a clock that only this program moves: each frame is
 * captured, encoded for a client that has always room, and decoded; between frames and for three
 * seconds after the last one the clock goes on in steps of 20 ms, so that pictures get better and
 * exact.  Megabytes are 10^6 bytes of message payload, from the first frame after the first
 * picture on.  CPU is that of the whole process in the stage, in milliseconds.  dB: RGB PSNR of
 * the whole picture as decoded after each frame against the source, exact counts as 60, mean over
 * all frames.
 */
#include "tests/bench/scene-file.h"

#include "berth/protocol.h"
#include "display/decode/frame-decoder.h"
#include "display/encode/client-stream.h"
#include "display/encode/planner.h"
#include "display/pixels/damage.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define STEP_US 20000
#define REST_US 3000000
/* What refinement may send in a step: a tenth of a gigabit link. */
#define REFINE_BYTES 250000
#define MAX_MESSAGES 65536
#define N_TYPES 16
/* As the client offers them. */
#define VIDEO_MASK                                                                 \
    (BERTH_VIDEO_BIT(BERTH_VIDEO_VP9_420) | BERTH_VIDEO_BIT(BERTH_VIDEO_VP9_444) | \
     BERTH_VIDEO_BIT(BERTH_VIDEO_VP8))

typedef struct {
    uint8_t type;
    uint8_t *payload;
    size_t len;
} Message;

typedef struct {
    bool is_verbose;
    SceneFile *file;
    int width, height;
    uint32_t *screen;
    BerthFrame *frame;
    BerthDamage *damage;
    BerthPlanner *planner;
    BerthPlan *plan; /* the last one */
    BerthClientStream *stream;
    BerthFrameDecoder *decoder;
    uint32_t frame_id;
    Message messages[MAX_MESSAGES];
    size_t n_messages;

    int n_frames;
    double capture_ms, encode_ms, decode_ms;
    double max_encode_ms;
    double psnr_sum, psnr_min;
    size_t type_bytes[N_TYPES];
    size_t first_bytes; /* of the picture before the scene */
    size_t play_bytes;  /* until the last frame */
    size_t refine_bytes;
    int64_t last_us;  /* of the last frame */
    int64_t exact_us; /* when the decoded picture became exact for good; -1 while it is not */
} Bench;

static const char *const type_names[N_TYPES] = {
    [BERTH_MSG_COPY] = "copy",   [BERTH_MSG_FILL] = "fill",   [BERTH_MSG_CACHED] = "cached",
    [BERTH_MSG_EXACT] = "exact", [BERTH_MSG_PHOTO] = "photo", [BERTH_MSG_VIDEO] = "video",
};

static void
require(bool is_ok, const char *what)
{
    if (!is_ok) {
        fprintf(stderr, "bench-scenes: %s failed\n", what);
        exit(1);
    }
}

static double
cpu_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static int
keep(BerthChannel channel, uint8_t type, const uint8_t *payload, size_t len, void *user_data)
{
    Bench *bench = user_data;
    require(bench->n_messages < MAX_MESSAGES && type < N_TYPES, "keeping a message");
    uint8_t *copy = malloc(len + 1);
    require(copy != NULL, "memory");
    memcpy(copy, payload, len);
    bench->messages[bench->n_messages++] = (Message){ type, copy, len };
    bench->type_bytes[type] += len;
    return 0;
}

static void
decode(Bench *bench)
{
    double start_ms = cpu_ms();
    for (size_t i = 0; i < bench->n_messages; i++) {
        const Message *message = &bench->messages[i];
        BerthDecodedEvent event;
        require(berth_frame_decoder_handle(bench->decoder, message->type, message->payload,
                                           message->len, &event) == 0,
                "decoding");
        free(message->payload);
    }
    bench->n_messages = 0;
    bench->decode_ms += cpu_ms() - start_ms;
}

static size_t
count_bytes(const Bench *bench)
{
    size_t sum = 0;
    for (int i = 0; i < N_TYPES; i++) {
        sum += bench->type_bytes[i];
    }
    return sum;
}

/* RGB PSNR of what the client shows; 60 at most. */
static double
measure_psnr(const Bench *bench)
{
    const BerthFrame *canvas = berth_frame_decoder_get_canvas(bench->decoder, 0);
    uint64_t sum = 0;
    for (int y = 0; y < bench->height; y++) {
        const uint8_t *a = berth_frame_pixel(canvas, 0, y);
        const uint8_t *b = berth_frame_pixel(bench->frame, 0, y);
        if (memcmp(a, b, (size_t)bench->width * 4) == 0) {
            continue;
        }
        for (int i = 0; i < bench->width * 4; i++) {
            int difference = i % 4 == 3 ? 0 : a[i] - b[i];
            sum += (uint64_t)(difference * difference);
        }
    }
    double n = 3.0 * bench->width * bench->height;
    double psnr = sum == 0 ? 60 : 10 * log10(255.0 * 255.0 * n / (double)sum);
    return psnr > 60 ? 60 : psnr;
}

static void
note_exactness(Bench *bench, int64_t now_us, double psnr)
{
    const BerthFrame *canvas = berth_frame_decoder_get_canvas(bench->decoder, 0);
    bool is_exact = psnr >= 60 && berth_frame_rect_equal(canvas, bench->frame,
                                                         berth_frame_get_rect(bench->frame));
    if (!is_exact) {
        bench->exact_us = -1;
    } else if (bench->exact_us < 0) {
        bench->exact_us = now_us;
    }
}

static void
capture(Bench *bench, const SceneFrame *scene)
{
    BerthPixelSource screen = { (const uint8_t *)bench->screen,
                                (size_t)bench->width * (size_t)bench->height * 4,
                                (size_t)bench->width * 4, berth_pixel_format_bgrx };
    double start_ms = cpu_ms();
    for (size_t i = 0; i < scene->n_rects; i++) {
        BerthPixelSource source;
        require(berth_pixel_source_crop(&screen, bench->width, bench->height, scene->rects[i],
                                        &source) == 0 &&
                    berth_damage_compare_copy(bench->damage, bench->frame, scene->rects[i],
                                              &source) == 0,
                "capturing");
    }
    bench->capture_ms += cpu_ms() - start_ms;
}

static void
note_cost(Bench *bench, double ms)
{
    bench->encode_ms += ms;
    bench->max_encode_ms = fmax(bench->max_encode_ms, ms);
}

static void
print_frame(const Bench *bench, int64_t now_us, const BerthFrameStats *stats, double ms)
{
    printf(
        "%9.3f s  damage %4zu tiles %8lld px  copies %3zu %8lld px  fills %3zu %8lld px  photos %2zu %8lld px  exact "
        "%3zu %8lld px  cached %3zu  stored %3zu  %8zu bytes %6.2f ms\n",
        (double)now_us / 1e6, berth_damage_get_n_tiles(bench->damage),
        (long long)berth_damage_get_area_px(bench->damage), stats->n_copies,
        (long long)stats->copied_px, stats->n_fills, (long long)stats->filled_px, stats->n_photos,
        (long long)stats->photo_px, stats->n_exact, (long long)stats->exact_px, stats->n_cached,
        stats->n_stored, stats->n_bytes, ms);
}

static void
encode(Bench *bench, int64_t now_us)
{
    BerthFrameInfo info = { .frame_id = ++bench->frame_id, .capture_us = now_us };
    BerthPlanInput input = {
        .now_us = now_us,
        .pointer_x = -1,
        .pointer_y = -1,
        .effort = 2,
        .photo_quality = 85,
        .photo_mask = 1,
        .video_mask = VIDEO_MASK,
        .needs_key = berth_client_stream_needs_key(bench->stream, 0),
    };
    double start_ms = cpu_ms();
    berth_plan_free(bench->plan);
    bench->plan = NULL;
    require(berth_planner_plan(bench->planner, bench->frame, bench->damage, &input, &bench->plan) ==
                0,
            "planning");
    for (size_t i = 0; i < berth_plan_get_n_jobs(bench->plan); i++) {
        berth_plan_run_job(bench->plan, i);
    }
    BerthFrameStats stats;
    require(berth_client_stream_encode(bench->stream, bench->plan, &info, keep, bench, &stats) ==
                    0 &&
                berth_client_stream_end(bench->stream, 0, keep, bench) == 0,
            "encoding");
    double ms = cpu_ms() - start_ms;
    note_cost(bench, ms);
    if (bench->is_verbose) {
        print_frame(bench, now_us, &stats, ms);
    }
    berth_damage_clear(bench->damage);
}

static void
refine(Bench *bench, int64_t now_us)
{
    BerthFrameInfo info = { .frame_id = bench->frame_id + 1, .capture_us = now_us };
    bool is_begun;
    BerthFrameStats stats = { 0 };
    double start_ms = cpu_ms();
    require(berth_client_stream_refine(bench->stream, bench->plan, &info, now_us, -1, -1,
                                       REFINE_BYTES, keep, bench, &stats, &is_begun) == 0,
            "refining");
    if (is_begun) {
        require(berth_client_stream_end(bench->stream, 0, keep, bench) == 0, "refining");
        bench->frame_id++;
        bench->refine_bytes += stats.n_bytes;
    }
    note_cost(bench, cpu_ms() - start_ms);
}

/* The clock goes on without new pictures. */
static void
rest(Bench *bench, int64_t from_us, int64_t to_us)
{
    for (int64_t now_us = from_us + STEP_US; bench->plan != NULL && now_us < to_us;
         now_us += STEP_US) {
        int64_t due_us;
        if (berth_planner_get_due(bench->planner, &due_us) && due_us <= now_us) {
            encode(bench, now_us);
        }
        if (berth_client_stream_get_refine_due(bench->stream, 0, now_us, &due_us) &&
            due_us <= now_us) {
            refine(bench, now_us);
        }
        if (bench->n_messages > 0) {
            decode(bench);
            note_exactness(bench, now_us, measure_psnr(bench));
        }
    }
}

static void
play_frame(Bench *bench, const SceneFrame *scene, int64_t now_us)
{
    scene_frame_paint(scene, bench->screen, (size_t)bench->width);
    capture(bench, scene);
    encode(bench, now_us);
    decode(bench);
    double psnr = measure_psnr(bench);
    note_exactness(bench, now_us, psnr);
    bench->psnr_sum += psnr;
    bench->psnr_min = fmin(bench->psnr_min, psnr);
    bench->n_frames++;
}

static void
forget_first_picture(Bench *bench)
{
    bench->first_bytes = count_bytes(bench);
    memset(bench->type_bytes, 0, sizeof bench->type_bytes);
    bench->n_frames = 0;
    bench->refine_bytes = 0;
    bench->capture_ms = bench->encode_ms = bench->decode_ms = bench->max_encode_ms = 0;
    bench->psnr_sum = 0;
    bench->psnr_min = 60;
}

static void
play(Bench *bench)
{
    SceneFrame scene;
    int64_t now_us = 0;
    bool is_first = true;
    while (scene_file_next(bench->file, &scene)) {
        /* The first frame is the screen before the scene; a client sees it at leisure. */
        int64_t t_us = is_first ? 0 : scene.t_us + REST_US;
        rest(bench, now_us, t_us);
        if (!is_first && bench->first_bytes == 0) {
            forget_first_picture(bench);
        }
        play_frame(bench, &scene, t_us);
        now_us = t_us;
        is_first = false;
    }
    bench->last_us = now_us;
    bench->play_bytes = count_bytes(bench);
    rest(bench, now_us, now_us + REST_US);
}

static void
print_row(const Bench *bench, const char *name)
{
    int n = bench->n_frames > 0 ? bench->n_frames : 1;
    printf("%-16s %4d frames  first %6.3f MB  play %7.3f  refined %7.3f  all %7.3f MB |", name,
           bench->n_frames, (double)bench->first_bytes / 1e6, (double)bench->play_bytes / 1e6,
           (double)bench->refine_bytes / 1e6, (double)count_bytes(bench) / 1e6);
    size_t named = 0;
    for (int i = 0; i < N_TYPES; i++) {
        if (type_names[i] != NULL && bench->type_bytes[i] > 0) {
            printf(" %s %.3f", type_names[i], (double)bench->type_bytes[i] / 1e6);
            named += bench->type_bytes[i];
        }
    }
    printf(" other %.3f | CPU ms capture %.0f encode %.0f (max %.1f) decode %.0f |",
           (double)(count_bytes(bench) - named) / 1e6, bench->capture_ms, bench->encode_ms,
           bench->max_encode_ms, bench->decode_ms);
    printf(" dB mean %.1f min %.1f | exact ", bench->psnr_sum / n, bench->psnr_min);
    if (bench->exact_us < 0) {
        printf("NEVER\n");
    } else {
        printf("after %.2f s\n", fmax(0, (double)(bench->exact_us - bench->last_us) / 1e6));
    }
}

static bool
set_up(Bench *bench, const char *path)
{
    *bench = (Bench){ .is_verbose = bench->is_verbose };
    bench->exact_us = -1;
    bench->psnr_min = 60;
    bench->file = scene_file_open(path);
    if (bench->file == NULL) {
        return false;
    }
    bench->width = scene_file_get_width(bench->file);
    bench->height = scene_file_get_height(bench->file);
    BerthFrameDecoderCaps decoder_caps = { .max_width = bench->width,
                                           .max_height = bench->height,
                                           .window_log = 23,
                                           .gradient_window_log = 20,
                                           .n_cache_tiles = 2048,
                                           .photo_mask = 1,
                                           .video_mask = VIDEO_MASK };
    BerthClientCaps caps = { .window_log = 23,
                             .gradient_window_log = 20,
                             .n_cache_tiles = 2048,
                             .photo_mask = 1,
                             .video_mask = VIDEO_MASK };
    bench->screen = calloc((size_t)bench->width * (size_t)bench->height, 4);
    bench->frame = berth_frame_new(bench->width, bench->height);
    bench->damage = berth_damage_new(bench->width, bench->height);
    bench->planner = berth_planner_new();
    bench->stream = berth_client_stream_new(&caps, 1);
    bench->decoder = berth_frame_decoder_new(&decoder_caps);
    require(bench->screen != NULL && bench->frame != NULL && bench->damage != NULL &&
                bench->planner != NULL && bench->stream != NULL && bench->decoder != NULL &&
                berth_planner_configure(bench->planner, bench->width, bench->height) == 0 &&
                berth_client_stream_configure_head(bench->stream, 0, bench->width, bench->height,
                                                   keep, bench) == 0,
            "setting up");
    return true;
}

static void
tear_down(Bench *bench)
{
    berth_plan_free(bench->plan);
    berth_client_stream_free(bench->stream);
    berth_planner_free(bench->planner);
    berth_frame_decoder_free(bench->decoder);
    berth_damage_free(bench->damage);
    berth_frame_unref(bench->frame);
    free(bench->screen);
    scene_file_close(bench->file);
}

/* Returns false if the scene cannot be read, or is not exact in the end. */
static bool
run_scene(Bench *bench, const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!set_up(bench, path)) {
        return false;
    }
    play(bench);
    print_row(bench, slash != NULL ? slash + 1 : path);
    fflush(stdout);
    bool is_exact = bench->exact_us >= 0;
    tear_down(bench);
    return is_exact;
}

int
main(int argc, char **argv)
{
    static Bench bench;
    int n_bad = 0;
    if (argc < 2) {
        fprintf(stderr, "usage: bench-scenes FILE.scr...\n");
        return 2;
    }
    bench.is_verbose = strcmp(argv[1], "-v") == 0;
    for (int i = bench.is_verbose ? 2 : 1; i < argc; i++) {
        n_bad += run_scene(&bench, argv[i]) ? 0 : 1;
    }
    return n_bad == 0 ? 0 : 1;
}
