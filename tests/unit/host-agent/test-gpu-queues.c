/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A guest's control queue and workers that die: each request is answered exactly once.
 */
#include "testing.h"

#include "host-agent/vhost-gpu/gpu-queues.h"

#include "base/cleanup.h"
#include "berth/limits.h"

#include <linux/virtio_gpu.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define SIZE 16
#define USER 0x7f0000000000ull
#define DESC 0x1000
#define AVAIL 0x2000
#define USED 0x3000
#define REQUESTS 0x4000
#define REQUEST_BYTES 256
#define PIXELS 0x10000
#define MEMORY_BYTES 0x40000
#define SIDE 32

typedef struct {
    int fd; /* of the guest's memory, for all workers */
    uint8_t *bytes;
    BerthGpuNotes *notes;
    /* One worker: */
    BerthVhostUser vhost;
    BerthGpuDevice *device;
    BerthGpuQueues *queues;
    BerthFrame *frame;
    unsigned n_asked;
} Card;

static int
on_set_mode(unsigned scanout, int w_px, int h_px, BerthFrame *ret_frame, void *user_data)
{
    Card *card = user_data;

    g_clear_pointer(&card->frame, berth_frame_unref);
    memset(ret_frame, 0, sizeof(*ret_frame));
    if (w_px > 0) {
        card->frame = berth_frame_new(w_px, h_px);
        *ret_frame = *card->frame;
    }
    return BERTH_OK;
}

static void
on_show(unsigned scanout, const BerthDamage *damage, void *user_data)
{
}

static void
on_set_cursor(unsigned scanout, const uint8_t *pixels, uint32_t hot_x, uint32_t hot_y,
              void *user_data)
{
}

static void
on_move_cursor(unsigned scanout, int32_t x_px, int32_t y_px, void *user_data)
{
}

static const BerthGpuDeviceCallbacks callbacks = { on_set_mode, on_show, on_set_cursor,
                                                   on_move_cursor };

static void
on_stopping(unsigned queue, void *user_data)
{
}

static void
on_ask_display(void *user_data)
{
    Card *card = user_data;

    card->n_asked++;
}

/* What the keeper does: a worker with the descriptors and the notes of the one before. */
static void
start_worker(Card *card)
{
    int fds[BERTH_GPU_N_FDS];

    for (unsigned i = 0; i < BERTH_GPU_N_FDS; i++) {
        fds[i] = -1;
    }
    fds[BERTH_GPU_FD_REGION] = dup(card->fd);
    berth_vhost_user_init(&card->vhost, on_stopping, card);
    card->device = berth_gpu_device_new(&card->vhost.memory, &callbacks, card);
    card->queues =
        berth_gpu_queues_new(&card->vhost, card->device, card->notes, on_ask_display, card, 0);
    assert_berth_ok(berth_gpu_notes_restore(card->notes, fds, &card->vhost, card->device));
    berth_gpu_queues_resume(card->queues, 0);
}

static void
end_worker(Card *card)
{
    berth_gpu_queues_free(card->queues);
    berth_gpu_device_free(card->device);
    berth_vhost_user_clear(&card->vhost);
    g_clear_pointer(&card->frame, berth_frame_unref);
}

static int
set_up(void **state)
{
    Card *card = g_new0(Card, 1);

    card->fd = memfd_create("guest", MFD_CLOEXEC);
    assert_int_equal(ftruncate(card->fd, MEMORY_BYTES), 0);
    card->bytes = mmap(NULL, MEMORY_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, card->fd, 0);
    assert_ptr_not_equal(card->bytes, MAP_FAILED);
    card->notes = berth_gpu_notes_new();
    card->notes->n_regions = 1;
    card->notes->regions[0] = (BerthVhostRegion){ .user_addr = USER, .size_bytes = MEMORY_BYTES };
    card->notes->queues[0] = (BerthGpuQueueNote){
        .size = SIZE,
        .desc_addr = USER + DESC,
        .avail_addr = USER + AVAIL,
        .used_addr = USER + USED,
        .has_addr = true,
        .is_enabled = true,
        .is_started = true,
    };
    start_worker(card);
    *state = card;
    return 0;
}

static int
tear_down(void **state)
{
    Card *card = *state;

    end_worker(card);
    munmap(card->bytes, MEMORY_BYTES);
    munmap(card->notes, sizeof(*card->notes));
    berth_clear_fd(&card->fd);
    g_free(card);
    return 0;
}

static uint16_t
get_u16(const Card *card, uint32_t at)
{
    uint16_t value;

    memcpy(&value, card->bytes + at, 2);
    return value;
}

/* A request on descriptors 2 * slot and the one after it, answered behind its command. */
static void
offer(Card *card, unsigned slot, uint32_t type, uint32_t flags, const uint32_t *numbers, size_t n)
{
    uint32_t at = REQUESTS + slot * REQUEST_BYTES;
    uint64_t desc[4] = { at, (24 + n * 4) | (1ull << 32) | ((uint64_t)(2 * slot + 1) << 48),
                         at + 128, 128 | (2ull << 32) };
    uint16_t index = get_u16(card, AVAIL + 2);
    uint16_t head = (uint16_t)(2 * slot);

    memset(card->bytes + at, 0, REQUEST_BYTES);
    memcpy(card->bytes + at, &type, 4);
    memcpy(card->bytes + at + 4, &flags, 4);
    memcpy(card->bytes + at + 24, numbers, n * 4);
    memcpy(card->bytes + DESC + 2 * slot * 16, desc, sizeof(desc));
    memcpy(card->bytes + AVAIL + 4 + (index % SIZE) * 2, &head, 2);
    index++;
    memcpy(card->bytes + AVAIL + 2, &index, 2);
}

#define OFFER(card, slot, type, flags, ...)                                   \
    offer((card), (slot), (type), (flags), (const uint32_t[]){ __VA_ARGS__ }, \
          sizeof((const uint32_t[]){ __VA_ARGS__ }) / sizeof(uint32_t))

static uint32_t
answer_of(const Card *card, unsigned slot)
{
    uint32_t type;

    memcpy(&type, card->bytes + REQUESTS + slot * REQUEST_BYTES + 128, 4);
    return type;
}

static void
flush(Card *card, unsigned slot, uint32_t flags)
{
    OFFER(card, slot, VIRTIO_GPU_CMD_RESOURCE_FLUSH, flags, 0, 0, SIDE, SIDE, 1, 0);
}

static void
show_picture(Card *card)
{
    OFFER(card, 0, VIRTIO_GPU_CMD_RESOURCE_CREATE_2D, 0, 1, VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM, SIDE,
          SIDE);
    OFFER(card, 1, VIRTIO_GPU_CMD_RESOURCE_ATTACH_BACKING, 0, 1, 1, PIXELS, 0, SIDE * SIDE * 4, 0);
    OFFER(card, 2, VIRTIO_GPU_CMD_SET_SCANOUT, 0, 0, 0, SIDE, SIDE, 0, 1);
    flush(card, 3, 0);
    assert_false(berth_gpu_queues_run(card->queues, BERTH_GPU_CONTROL_QUEUE, 0));
    assert_int_equal(get_u16(card, USED + 2), 4);
    assert_int_equal(answer_of(card, 3), VIRTIO_GPU_RESP_OK_NODATA);
}

static void
a_second_frame_waits_for_the_viewer(void **state)
{
    Card *card = *state;

    show_picture(card);
    flush(card, 4, 0);
    flush(card, 5, 0);
    berth_gpu_queues_run(card->queues, BERTH_GPU_CONTROL_QUEUE, 0);
    assert_int_equal(get_u16(card, USED + 2), 4); /* shown, not answered */
    assert_int_equal(berth_gpu_queues_get_n_flushes(card->queues), 3);
    berth_gpu_queues_want(card->queues, 10);
    assert_int_equal(get_u16(card, USED + 2), 5);
    assert_int_equal(berth_gpu_queues_get_due_us(card->queues, 10), 10 + BERTH_LIMIT_GPU_HOLD_US);
    berth_gpu_queues_tick(card->queues, 10 + BERTH_LIMIT_GPU_HOLD_US);
    assert_int_equal(get_u16(card, USED + 2), 6);
    assert_int_equal(berth_gpu_queues_get_due_us(card->queues, 10), INT64_MAX);
}

static void
a_fence_is_never_held_longer_than_the_bound(void **state)
{
    Card *card = *state;

    show_picture(card);
    berth_gpu_queues_want(card->queues, 0); /* somebody looks */
    for (unsigned slot = 4; slot < 7; slot++) {
        flush(card, slot, 0);
    }
    flush(card, 7, VIRTIO_GPU_FLAG_FENCE); /* behind three that wait */
    berth_gpu_queues_run(card->queues, BERTH_GPU_CONTROL_QUEUE, 0);
    berth_gpu_queues_tick(card->queues, BERTH_LIMIT_GPU_HOLD_US);
    assert_int_equal(answer_of(card, 7), VIRTIO_GPU_RESP_OK_NODATA);
    assert_int_equal(get_u16(card, USED + 2), 7); /* one by the wish, one by time, the fence */
}

static void
the_next_worker_answers_what_was_held(void **state)
{
    Card *card = *state;
    uint32_t colour = 0x123456, seen;

    show_picture(card);
    flush(card, 4, 0);
    flush(card, 5, 0);
    berth_gpu_queues_run(card->queues, BERTH_GPU_CONTROL_QUEUE, 0);
    assert_int_equal(get_u16(card, USED + 2), 4);
    end_worker(card);
    memcpy(card->bytes + PIXELS, &colour, 4); /* nobody looks meanwhile */
    start_worker(card);
    memcpy(&seen, berth_frame_pixel(card->frame, 0, 0), 4);
    assert_int_equal(seen, 0xff123456u);
    for (int i = 1; i < 10; i++) {
        berth_gpu_queues_tick(card->queues, i * BERTH_LIMIT_GPU_HOLD_UNSEEN_US);
    }
    assert_int_equal(get_u16(card, USED + 2), 6);
    assert_int_equal(card->notes->n_pending, 0);
    /* Requests that come after that are taken where the last worker stood. */
    flush(card, 6, 0);
    berth_gpu_queues_run(card->queues, BERTH_GPU_CONTROL_QUEUE, 2000 * 1000);
    berth_gpu_queues_want(card->queues, 2000 * 1000);
    assert_int_equal(get_u16(card, USED + 2), 7);
}

static void
a_request_that_was_given_back_is_not_given_back_twice(void **state)
{
    Card *card = *state;

    show_picture(card);
    flush(card, 4, 0);
    berth_gpu_queues_run(card->queues, BERTH_GPU_CONTROL_QUEUE, 0);
    /* Death between the used ring and the note of it. */
    card->notes->is_pushing = true;
    card->notes->pushing = 8;
    card->notes->pushing_used = get_u16(card, USED + 2);
    berth_vring_push(&card->vhost.queues[0].vring, 8, 24);
    end_worker(card);
    start_worker(card);
    berth_gpu_queues_tick(card->queues, 10 * BERTH_LIMIT_GPU_HOLD_UNSEEN_US);
    assert_int_equal(get_u16(card, USED + 2), 5);
}

static void
a_deadly_request_is_refused_at_last(void **state)
{
    Card *card = *state;

    OFFER(card, 0, VIRTIO_GPU_CMD_RESOURCE_CREATE_2D, 0, 1, VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM, SIDE,
          SIDE);
    /* As a worker leaves it that dies of running it: twice. */
    card->notes->queues[0].base = 1;
    card->notes->n_pending = 1;
    card->notes->pending[0] = 0;
    card->notes->is_running = true;
    card->notes->running = 0;
    card->notes->n_deaths = 1;
    end_worker(card);
    start_worker(card);
    assert_int_equal(get_u16(card, USED + 2), 1);
    assert_int_equal(answer_of(card, 0), VIRTIO_GPU_RESP_ERR_UNSPEC);
    assert_int_equal(card->notes->n_deaths, 0);
    assert_false(card->notes->is_running);
}

static void
a_queue_that_stops_gives_everything_back(void **state)
{
    Card *card = *state;

    show_picture(card);
    flush(card, 4, 0);
    OFFER(card, 5, VIRTIO_GPU_CMD_GET_DISPLAY_INFO, 0, 0);
    berth_gpu_queues_run(card->queues, BERTH_GPU_CONTROL_QUEUE, 0);
    assert_int_equal(card->n_asked, 1);
    assert_int_equal(get_u16(card, USED + 2), 4);
    berth_gpu_queues_stop(card->queues, BERTH_GPU_CONTROL_QUEUE);
    assert_int_equal(get_u16(card, USED + 2), 6);
    /* It goes on where it was: the picture stays.  A driver that begins anew finds a new card. */
    card->vhost.queues[0].base = card->vhost.queues[0].vring.last_avail;
    berth_gpu_queues_started(card->queues, BERTH_GPU_CONTROL_QUEUE);
    assert_non_null(card->frame);
    card->vhost.queues[0].base = 0;
    berth_gpu_queues_started(card->queues, BERTH_GPU_CONTROL_QUEUE);
    assert_null(card->frame);
}

static void
notes_of_a_broken_worker_are_not_believed(void **state)
{
    Card *card = *state;
    int fds[BERTH_GPU_N_FDS];

    show_picture(card);
    end_worker(card);
    card->notes->n_regions = UINT32_MAX;
    card->notes->n_pending = UINT32_MAX;
    card->notes->state = UINT32_MAX;
    card->notes->n_state_bytes[1] = UINT32_MAX;
    for (unsigned i = 0; i < BERTH_GPU_N_FDS; i++) {
        fds[i] = -1;
    }
    fds[BERTH_GPU_FD_REGION] = dup(card->fd);
    berth_vhost_user_init(&card->vhost, on_stopping, card);
    card->device = berth_gpu_device_new(&card->vhost.memory, &callbacks, card);
    card->queues =
        berth_gpu_queues_new(&card->vhost, card->device, card->notes, on_ask_display, card, 0);
    assert_true(berth_gpu_notes_restore(card->notes, fds, &card->vhost, card->device) < 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_second_frame_waits_for_the_viewer),
        TEST(a_fence_is_never_held_longer_than_the_bound),
        TEST(the_next_worker_answers_what_was_held),
        TEST(a_request_that_was_given_back_is_not_given_back_twice),
        TEST(a_deadly_request_is_refused_at_last),
        TEST(a_queue_that_stops_gives_everything_back),
        TEST(notes_of_a_broken_worker_are_not_believed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
