/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testing.h"

#include "host-agent/vhost-gpu/gpu-device.h"

#include "base/bytes-writer.h"
#include "berth/limits.h"

#include <glib.h>
#include <linux/virtio_gpu.h>
#include <string.h>

#define W 130
#define H 70
#define BASE 0x100000ull
#define MEMORY_BYTES (256 * 1024)
#define PAGE 4096u

typedef struct {
    uint8_t *bytes;
    BerthGuestMemory memory;
    BerthGpuDevice *device;
    BerthFrame *frame;
    BerthDamage *shown;
    unsigned n_shown, n_modes, n_cursors;
    uint8_t cursor[BERTH_GPU_CURSOR_BYTES];
    int32_t x, y;
    BerthWriter command;
    BerthGpuAnswer answer;
} Card;

static int
on_set_mode(unsigned scanout, int w_px, int h_px, BerthFrame *ret_frame, void *user_data)
{
    Card *card = user_data;

    card->n_modes++;
    g_clear_pointer(&card->frame, berth_frame_unref);
    g_clear_pointer(&card->shown, berth_damage_free);
    memset(ret_frame, 0, sizeof(*ret_frame));
    if (w_px > 0) {
        card->frame = berth_frame_new(w_px, h_px);
        card->shown = berth_damage_new(w_px, h_px);
        *ret_frame = *card->frame;
    }
    return BERTH_OK;
}

static void
on_show(unsigned scanout, const BerthDamage *damage, void *user_data)
{
    Card *card = user_data;

    card->n_shown++;
    berth_damage_clear(card->shown);
    berth_damage_merge(card->shown, damage);
}

static void
on_set_cursor(unsigned scanout, const uint8_t *pixels, uint32_t hot_x, uint32_t hot_y,
              void *user_data)
{
    Card *card = user_data;

    card->n_cursors++;
    if (pixels) {
        memcpy(card->cursor, pixels, sizeof(card->cursor));
    }
}

static void
on_move_cursor(unsigned scanout, int32_t x_px, int32_t y_px, void *user_data)
{
    Card *card = user_data;

    card->x = x_px;
    card->y = y_px;
}

static const BerthGpuDeviceCallbacks callbacks = { on_set_mode, on_show, on_set_cursor,
                                                   on_move_cursor };

static int
set_up(void **state)
{
    Card *card = g_new0(Card, 1);

    card->bytes = g_malloc0(MEMORY_BYTES);
    berth_guest_memory_add(&card->memory, BASE, 0, MEMORY_BYTES, card->bytes);
    card->device = berth_gpu_device_new(&card->memory, &callbacks, card);
    berth_writer_init(&card->command, BERTH_LIMIT_GPU_COMMAND_BYTES);
    *state = card;
    return 0;
}

static int
tear_down(void **state)
{
    Card *card = *state;

    berth_gpu_device_free(card->device);
    berth_frame_unref(card->frame);
    berth_damage_free(card->shown);
    berth_writer_clear(&card->command);
    g_free(card->bytes);
    g_free(card);
    return 0;
}

/* Numbers after the header; returns the answer's type. */
static uint32_t
run(Card *card, uint32_t type, const uint32_t *numbers, size_t n)
{
    uint32_t answer;

    berth_writer_reset(&card->command);
    berth_writer_put_u32(&card->command, type);
    berth_writer_put_u32(&card->command, VIRTIO_GPU_FLAG_FENCE);
    berth_writer_put_u64(&card->command, 0x1122334455667788ull);
    berth_writer_put_u64(&card->command, 0);
    for (size_t i = 0; i < n; i++) {
        berth_writer_put_u32(&card->command, numbers[i]);
    }
    berth_gpu_device_control(card->device, card->command.data, card->command.len, &card->answer);
    memcpy(&answer, card->answer.bytes, 4);
    return answer;
}

#define RUN(card, type, ...)                               \
    run((card), (type), (const uint32_t[]){ __VA_ARGS__ }, \
        sizeof((const uint32_t[]){ __VA_ARGS__ }) / sizeof(uint32_t))

static uint32_t
create(Card *card, uint32_t id, uint32_t w, uint32_t h)
{
    return RUN(card, VIRTIO_GPU_CMD_RESOURCE_CREATE_2D, id, VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM, w, h);
}

/* Pages in turned order, so that rows cross borders. */
static uint32_t
attach_pages(Card *card, uint32_t id, uint32_t n_pages)
{
    uint32_t numbers[2 + 4 * 64] = { id, n_pages };

    for (uint32_t i = 0; i < n_pages; i++) {
        numbers[2 + i * 4] = (uint32_t)(BASE + (n_pages - 1 - i) * PAGE);
        numbers[4 + i * 4] = PAGE;
    }
    return run(card, VIRTIO_GPU_CMD_RESOURCE_ATTACH_BACKING, numbers, 2 + 4 * n_pages);
}

#define N_PAGES 9u

/* The guest's pixel x, y in those pages. */
static void
put_pixel(Card *card, unsigned x, unsigned y, uint32_t colour)
{
    size_t offset = ((size_t)y * W + x) * 4;
    size_t page = offset / PAGE;

    memcpy(card->bytes + (N_PAGES - 1 - page) * PAGE + offset % PAGE, &colour, 4);
}

static void
show_all(Card *card)
{
    assert_int_equal(create(card, 1, W, H), VIRTIO_GPU_RESP_OK_NODATA);
    assert_int_equal(attach_pages(card, 1, N_PAGES), VIRTIO_GPU_RESP_OK_NODATA);
    assert_int_equal(RUN(card, VIRTIO_GPU_CMD_SET_SCANOUT, 0, 0, W, H, 0, 1),
                     VIRTIO_GPU_RESP_OK_NODATA);
    assert_int_equal(RUN(card, VIRTIO_GPU_CMD_RESOURCE_FLUSH, 0, 0, W, H, 1, 0),
                     VIRTIO_GPU_RESP_OK_NODATA);
}

static void
a_flush_shows_guest_pages_exactly(void **state)
{
    Card *card = *state;
    BerthRect rects[4];

    for (unsigned y = 0; y < H; y++) {
        for (unsigned x = 0; x < W; x++) {
            put_pixel(card, x, y, x << 16 | y << 8 | 1);
        }
    }
    show_all(card);
    assert_int_equal(card->answer.outcome, BERTH_GPU_FLUSHED);
    assert_true(card->answer.has_fence);
    for (unsigned y = 0; y < H; y++) {
        for (unsigned x = 0; x < W; x++) {
            uint32_t seen;

            memcpy(&seen, berth_frame_pixel(card->frame, (int)x, (int)y), 4);
            assert_int_equal(seen, 0xff000000u | x << 16 | y << 8 | 1);
        }
    }
    put_pixel(card, 64, 7, 0xffffff);
    put_pixel(card, 66, 9, 0xffffff);
    assert_int_equal(RUN(card, VIRTIO_GPU_CMD_TRANSFER_TO_HOST_2D, 0, 0, W, H, 0, 0, 1, 0),
                     VIRTIO_GPU_RESP_OK_NODATA);
    RUN(card, VIRTIO_GPU_CMD_RESOURCE_FLUSH, 0, 0, W, H, 1, 0);
    assert_int_equal(card->n_shown, 2);
    assert_int_equal(berth_damage_get_rects(card->shown, rects, 4), 1);
    assert_int_equal(rects[0].x, 64);
    assert_int_equal(rects[0].y, 7);
    assert_int_equal(rects[0].w, 3);
    assert_int_equal(rects[0].h, 3);
    /* Nothing differs: nothing is told. */
    RUN(card, VIRTIO_GPU_CMD_RESOURCE_FLUSH, 0, 0, W, H, 1, 0);
    assert_int_equal(card->n_shown, 2);
}

static void
a_transfer_tells_where_the_pixels_lie(void **state)
{
    Card *card = *state;
    uint32_t seen;

    create(card, 1, 4, 4);
    attach_pages(card, 1, 1);
    memcpy(card->bytes + 100 + 20, "\1\2\3\4", 4); /* pixel 1, 1 if the picture begins at 100 */
    assert_int_equal(RUN(card, VIRTIO_GPU_CMD_TRANSFER_TO_HOST_2D, 1, 1, 2, 2, 120, 0, 1, 0),
                     VIRTIO_GPU_RESP_OK_NODATA);
    RUN(card, VIRTIO_GPU_CMD_SET_SCANOUT, 0, 0, 4, 4, 0, 1);
    berth_gpu_device_settle(card->device);
    memcpy(&seen, berth_frame_pixel(card->frame, 1, 1), 4);
    assert_int_equal(seen, 0xff030201u);
}

static void
a_scanout_may_be_a_part(void **state)
{
    Card *card = *state;
    uint32_t seen;

    create(card, 1, W, H);
    attach_pages(card, 1, N_PAGES);
    put_pixel(card, 64, 32, 0x123456);
    RUN(card, VIRTIO_GPU_CMD_SET_SCANOUT, 60, 30, 64, 40, 0, 1);
    RUN(card, VIRTIO_GPU_CMD_RESOURCE_FLUSH, 64, 32, 1, 1, 1, 0);
    assert_int_equal(card->frame->width, 64);
    memcpy(&seen, berth_frame_pixel(card->frame, 4, 2), 4);
    assert_int_equal(seen, 0xff123456u);
    /* Beside it: no scanout is touched, nobody waits. */
    RUN(card, VIRTIO_GPU_CMD_RESOURCE_FLUSH, 0, 0, 10, 10, 1, 0);
    assert_int_equal(card->answer.outcome, BERTH_GPU_ANSWERED);
}

static void
hostile_commands_are_answered_with_errors(void **state)
{
    Card *card = *state;

    create(card, 1, W, H);
    assert_int_equal(create(card, 1, 5, 5), VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID);
    assert_int_equal(create(card, 0, 5, 5), VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER);
    assert_int_equal(create(card, 2, 0, 5), VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY);
    assert_int_equal(create(card, 2, UINT32_MAX, UINT32_MAX), VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY);
    assert_int_equal(RUN(card, VIRTIO_GPU_CMD_RESOURCE_CREATE_2D, 2, 99, 5, 5),
                     VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER);
    assert_int_equal(RUN(card, VIRTIO_GPU_CMD_RESOURCE_CREATE_2D, 2), VIRTIO_GPU_RESP_ERR_UNSPEC);
    /* More ranges than the command has, not guest memory, and one that wraps. */
    assert_int_equal(RUN(card, VIRTIO_GPU_CMD_RESOURCE_ATTACH_BACKING, 1, UINT32_MAX),
                     VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER);
    assert_int_equal(RUN(card, VIRTIO_GPU_CMD_RESOURCE_ATTACH_BACKING, 1, 1, 0, 0, 4096, 0),
                     VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER);
    assert_int_equal(RUN(card, VIRTIO_GPU_CMD_RESOURCE_ATTACH_BACKING, 1, 1, 0xfffffff0u,
                         0xffffffffu, UINT32_MAX, 0),
                     VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER);
    attach_pages(card, 1, 2);
    assert_int_equal(attach_pages(card, 1, 2), VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID);
    assert_int_equal(RUN(card, VIRTIO_GPU_CMD_TRANSFER_TO_HOST_2D, 0, 0, W, H, 0, 0, 1, 0),
                     VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER); /* the memory is too short */
    assert_int_equal(
        RUN(card, VIRTIO_GPU_CMD_TRANSFER_TO_HOST_2D, 0, 0, 1, 1, UINT32_MAX, UINT32_MAX, 1, 0),
        VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER);
    assert_int_equal(RUN(card, VIRTIO_GPU_CMD_SET_SCANOUT, 1, 1, W, H, 0, 1),
                     VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER);
    assert_int_equal(RUN(card, VIRTIO_GPU_CMD_SET_SCANOUT, 0, 0, UINT32_MAX, H, 0, 1),
                     VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER);
    assert_int_equal(RUN(card, VIRTIO_GPU_CMD_SET_SCANOUT, 0, 0, W, H, BERTH_GPU_SCANOUTS, 1),
                     VIRTIO_GPU_RESP_ERR_INVALID_SCANOUT_ID);
    assert_int_equal(RUN(card, VIRTIO_GPU_CMD_RESOURCE_FLUSH, 0, 0, W, H, 9, 0),
                     VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID);
    assert_int_equal(RUN(card, VIRTIO_GPU_CMD_GET_EDID, 0, 0), VIRTIO_GPU_RESP_ERR_UNSPEC);
    /* A picture without enough memory shows what there is and goes no further. */
    assert_int_equal(RUN(card, VIRTIO_GPU_CMD_SET_SCANOUT, 0, 0, W, H, 0, 1),
                     VIRTIO_GPU_RESP_OK_NODATA);
    assert_int_equal(RUN(card, VIRTIO_GPU_CMD_RESOURCE_FLUSH, 0, 0, W, H, 1, 0),
                     VIRTIO_GPU_RESP_OK_NODATA);
    berth_gpu_device_control(card->device, NULL, 0, &card->answer);
    assert_int_equal(card->answer.n_bytes, 24);
}

static void
the_number_of_pictures_is_bounded(void **state)
{
    Card *card = *state;

    for (uint32_t i = 1; i <= BERTH_LIMIT_GPU_RESOURCES; i++) {
        assert_int_equal(create(card, i, 8192, 4096), VIRTIO_GPU_RESP_OK_NODATA);
    }
    assert_int_equal(create(card, 5000, 1, 1), VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY);
}

static void
a_freed_picture_leaves_the_scanout(void **state)
{
    Card *card = *state;

    show_all(card);
    assert_int_equal(RUN(card, VIRTIO_GPU_CMD_RESOURCE_UNREF, 1, 0), VIRTIO_GPU_RESP_OK_NODATA);
    assert_null(card->frame);
    assert_null(berth_gpu_device_get_picture(card->device, 0));
    berth_gpu_device_settle(card->device);
}

static void
memory_that_goes_away_is_not_read(void **state)
{
    Card *card = *state;

    show_all(card);
    berth_guest_memory_clear(&card->memory);
    berth_gpu_device_resolve(card->device);
    assert_int_equal(RUN(card, VIRTIO_GPU_CMD_RESOURCE_FLUSH, 0, 0, W, H, 1, 0),
                     VIRTIO_GPU_RESP_OK_NODATA);
}

static void
another_process_goes_on_with_what_was_saved(void **state)
{
    Card *card = *state;
    BerthWriter saved;
    BerthReader reader;
    uint32_t seen;

    put_pixel(card, 3, 3, 0xabcdef);
    show_all(card);
    berth_writer_init(&saved, 1 << 20);
    berth_gpu_device_save(card->device, &saved);
    berth_gpu_device_reset(card->device);
    assert_null(card->frame);
    berth_reader_init(&reader, saved.data, saved.len);
    assert_berth_ok(berth_gpu_device_load(card->device, &reader));
    memcpy(&seen, berth_frame_pixel(card->frame, 3, 3), 4);
    assert_int_equal(seen, 0xffabcdefu);
    /* What a dead worker left is believed as little as the guest. */
    for (size_t n = 0; n < saved.len; n++) {
        berth_reader_init(&reader, saved.data, n);
        assert_true(berth_gpu_device_load(card->device, &reader) < 0);
    }
    berth_writer_clear(&saved);
}

static void
a_cursor_is_read_once_and_checked(void **state)
{
    Card *card = *state;
    uint32_t numbers[] = { VIRTIO_GPU_CMD_UPDATE_CURSOR,
                           0,
                           0,
                           0,
                           0,
                           0, /* header */
                           0,
                           5,
                           6,
                           0,
                           7,
                           1,
                           2,
                           0 };

    create(card, 7, 64, 64);
    attach_pages(card, 7, 4);
    memset(card->bytes, 0x5a, 4 * PAGE);
    berth_gpu_device_cursor(card->device, (const uint8_t *)numbers, sizeof(numbers));
    assert_int_equal(card->n_cursors, 1);
    assert_int_equal(card->cursor[BERTH_GPU_CURSOR_BYTES - 1], 0x5a);
    assert_int_equal(card->x, 5);
    create(card, 8, 63, 64); /* not a cursor's size */
    attach_pages(card, 8, 4);
    numbers[10] = 8;
    berth_gpu_device_cursor(card->device, (const uint8_t *)numbers, sizeof(numbers));
    assert_int_equal(card->n_cursors, 1);
    numbers[6] = 16; /* no such scanout */
    numbers[7] = 99;
    berth_gpu_device_cursor(card->device, (const uint8_t *)numbers, sizeof(numbers));
    assert_int_equal(card->x, 5);
    berth_gpu_device_cursor(card->device, (const uint8_t *)numbers, 30);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_flush_shows_guest_pages_exactly), TEST(a_transfer_tells_where_the_pixels_lie),
        TEST(a_scanout_may_be_a_part),           TEST(hostile_commands_are_answered_with_errors),
        TEST(the_number_of_pictures_is_bounded), TEST(a_freed_picture_leaves_the_scanout),
        TEST(memory_that_goes_away_is_not_read), TEST(another_process_goes_on_with_what_was_saved),
        TEST(a_cursor_is_read_once_and_checked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
