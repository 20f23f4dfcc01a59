/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/vhost-gpu/vhost-user.h"

#include "base/bytes-reader.h"
#include "base/cleanup.h"
#include "berth/errors.h"

#include <glib.h>
#include <linux/virtio_gpu.h>
#include <string.h>

#define FLAGS_VERSION_MASK 3u
#define FLAGS_VERSION 1u
#define FLAGS_REPLY 4u
#define FLAGS_NEED_REPLY 8u

#define FEATURE_INDIRECT (1ull << 28)
#define FEATURE_EVENT_IDX (1ull << 29)
#define FEATURE_PROTOCOL (1ull << 30)
#define FEATURE_VERSION_1 (1ull << 32)
#define FEATURES (FEATURE_INDIRECT | FEATURE_EVENT_IDX | FEATURE_PROTOCOL | FEATURE_VERSION_1)

#define PROTOCOL_REPLY_ACK (1ull << 3)
#define PROTOCOL_CONFIG (1ull << 9)
#define PROTOCOL_FEATURES (PROTOCOL_REPLY_ACK | PROTOCOL_CONFIG)

#define FD_INDEX_MASK 0xffu
#define FD_NONE 0x100u
#define CONFIG_BYTES 256u

enum {
    GET_FEATURES = 1,
    SET_FEATURES = 2,
    SET_OWNER = 3,
    RESET_OWNER = 4,
    SET_MEM_TABLE = 5,
    SET_VRING_NUM = 8,
    SET_VRING_ADDR = 9,
    SET_VRING_BASE = 10,
    GET_VRING_BASE = 11,
    SET_VRING_KICK = 12,
    SET_VRING_CALL = 13,
    SET_VRING_ERR = 14,
    GET_PROTOCOL_FEATURES = 15,
    SET_PROTOCOL_FEATURES = 16,
    GET_QUEUE_NUM = 17,
    SET_VRING_ENABLE = 18,
    SET_SLAVE_REQ_FD = 21,
    GET_CONFIG = 24,
    SET_CONFIG = 25,
    GPU_SET_SOCKET = 33,
};

typedef struct {
    const BerthVhostHeader *header;
    BerthReader reader;
    int *fds;
    int n_fds;
    BerthWriter *reply;
    bool has_reply;
} Message;

void
berth_vhost_user_init(BerthVhostUser *self, void (*stopping)(unsigned queue, void *user_data),
                      void *user_data)
{
    memset(self, 0, sizeof(*self));
    for (unsigned i = 0; i < BERTH_LIMIT_GUEST_REGIONS; i++) {
        self->region_fds[i] = -1;
    }
    for (unsigned i = 0; i < BERTH_VHOST_QUEUES; i++) {
        self->queues[i].kick_fd = -1;
        self->queues[i].call_fd = -1;
    }
    self->display_fd = -1;
    self->stopping = stopping;
    self->user_data = user_data;
}

static void
drop_memory(BerthVhostUser *self)
{
    berth_guest_memory_clear(&self->memory);
    for (unsigned i = 0; i < BERTH_LIMIT_GUEST_REGIONS; i++) {
        berth_clear_fd(&self->region_fds[i]);
    }
    self->n_regions = 0;
}

void
berth_vhost_user_clear(BerthVhostUser *self)
{
    drop_memory(self);
    for (unsigned i = 0; i < BERTH_VHOST_QUEUES; i++) {
        berth_clear_fd(&self->queues[i].kick_fd);
        berth_clear_fd(&self->queues[i].call_fd);
    }
    berth_clear_fd(&self->display_fd);
}

int
berth_vhost_header_parse(const uint8_t bytes[BERTH_VHOST_HEADER_BYTES], BerthVhostHeader *ret)
{
    BerthReader reader;

    berth_reader_init(&reader, bytes, BERTH_VHOST_HEADER_BYTES);
    ret->request = berth_reader_get_u32(&reader);
    ret->flags = berth_reader_get_u32(&reader);
    ret->n_bytes = berth_reader_get_u32(&reader);
    if ((ret->flags & FLAGS_VERSION_MASK) != FLAGS_VERSION) {
        return BERTH_ERR_PROTOCOL;
    }
    return ret->n_bytes > BERTH_VHOST_PAYLOAD_BYTES ? BERTH_ERR_TOO_LARGE : BERTH_OK;
}

static void
put_header(Message *message, uint32_t n_bytes)
{
    berth_writer_put_u32(message->reply, message->header->request);
    berth_writer_put_u32(message->reply, FLAGS_VERSION | FLAGS_REPLY);
    berth_writer_put_u32(message->reply, n_bytes);
    message->has_reply = true;
}

static int
reply_u64(Message *message, uint64_t value)
{
    put_header(message, sizeof(value));
    berth_writer_put_u64(message->reply, value);
    return 0;
}

static int
take_fd(Message *message)
{
    return message->n_fds == 1 ? berth_steal_fd(&message->fds[0]) : -1;
}

/* ---- memory ---- */

static int
map_regions(BerthVhostUser *self)
{
    for (unsigned i = 0; i < self->n_regions; i++) {
        const BerthVhostRegion *region = &self->regions[i];
        int r = berth_guest_memory_map(&self->memory, self->region_fds[i], region->offset_bytes,
                                       region->guest_addr, region->user_addr, region->size_bytes);

        if (r < 0) {
            return r;
        }
    }
    return BERTH_OK;
}

static int set_up_queue(BerthVhostUser *self, BerthVhostQueue *queue);

/* Queues that run go on at the same addresses, where they were. */
static int
move_queues(BerthVhostUser *self)
{
    for (unsigned i = 0; i < BERTH_VHOST_QUEUES; i++) {
        BerthVhostQueue *queue = &self->queues[i];

        if (queue->is_started) {
            queue->base = queue->vring.last_avail;
            if (set_up_queue(self, queue) < 0) {
                return BERTH_ERR_INVALID;
            }
        }
    }
    return BERTH_VHOST_MEMORY;
}

static int
set_memory(BerthVhostUser *self, Message *message)
{
    uint32_t n = berth_reader_get_u32(&message->reader);
    int r;

    berth_reader_get_u32(&message->reader);
    if (n == 0 || n > BERTH_LIMIT_GUEST_REGIONS || (int)n != message->n_fds) {
        return BERTH_ERR_INVALID;
    }
    drop_memory(self);
    for (uint32_t i = 0; i < n; i++) {
        self->regions[i].guest_addr = berth_reader_get_u64(&message->reader);
        self->regions[i].size_bytes = berth_reader_get_u64(&message->reader);
        self->regions[i].user_addr = berth_reader_get_u64(&message->reader);
        self->regions[i].offset_bytes = berth_reader_get_u64(&message->reader);
        self->region_fds[i] = berth_steal_fd(&message->fds[i]);
    }
    self->n_regions = n;
    r = message->reader.error < 0 ? message->reader.error : map_regions(self);
    if (r < 0) {
        drop_memory(self);
        return r;
    }
    return move_queues(self);
}

/* ---- queues ---- */

static int
set_up_queue(BerthVhostUser *self, BerthVhostQueue *queue)
{
    int r =
        berth_vring_setup(&queue->vring, &self->memory, queue->size, queue->desc_addr,
                          queue->avail_addr, queue->used_addr, self->features & FEATURE_EVENT_IDX);

    if (r == BERTH_OK) {
        queue->vring.last_avail = (uint16_t)queue->base;
    }
    return r;
}

static BerthVhostQueue *
get_queue(BerthVhostUser *self, uint32_t index)
{
    return index < BERTH_VHOST_QUEUES ? &self->queues[index] : NULL;
}

static int
set_number(BerthVhostUser *self, Message *message)
{
    BerthVhostQueue *queue = get_queue(self, berth_reader_get_u32(&message->reader));
    uint32_t number = berth_reader_get_u32(&message->reader);

    if (!queue || message->reader.error < 0) {
        return BERTH_ERR_INVALID;
    }
    if (message->header->request == SET_VRING_ENABLE) {
        queue->is_enabled = number != 0;
        return BERTH_VHOST_QUEUES_CHANGED;
    }
    if (queue->is_started) {
        return BERTH_ERR_INVALID;
    }
    if (message->header->request == SET_VRING_NUM) {
        queue->size = number;
    } else {
        queue->base = number;
    }
    return 0;
}

static int
set_addresses(BerthVhostUser *self, Message *message)
{
    BerthVhostQueue *queue = get_queue(self, berth_reader_get_u32(&message->reader));

    berth_reader_get_u32(&message->reader); /* flags: for a log that was not offered */
    if (!queue || queue->is_started) {
        return BERTH_ERR_INVALID;
    }
    queue->desc_addr = berth_reader_get_u64(&message->reader);
    queue->used_addr = berth_reader_get_u64(&message->reader);
    queue->avail_addr = berth_reader_get_u64(&message->reader);
    queue->has_addr = true;
    return message->reader.error;
}

static int
stop_queue(BerthVhostUser *self, Message *message)
{
    uint32_t index = berth_reader_get_u32(&message->reader);
    BerthVhostQueue *queue = get_queue(self, index);

    if (!queue) {
        return BERTH_ERR_INVALID;
    }
    if (queue->is_started) {
        self->stopping(index, self->user_data);
        queue->base = queue->vring.last_avail;
        queue->is_started = false;
        queue->vring.size = 0;
    }
    berth_clear_fd(&queue->kick_fd);
    put_header(message, 8);
    berth_writer_put_u32(message->reply, index);
    berth_writer_put_u32(message->reply, queue->base);
    return BERTH_VHOST_QUEUES_CHANGED;
}

static int
set_event(BerthVhostUser *self, Message *message)
{
    uint64_t value = berth_reader_get_u64(&message->reader);
    BerthVhostQueue *queue = get_queue(self, (uint32_t)(value & FD_INDEX_MASK));
    bool has_fd = !(value & FD_NONE);

    if (!queue || has_fd != (message->n_fds == 1)) {
        return BERTH_ERR_INVALID;
    }
    if (message->header->request == SET_VRING_ERR) {
        return 0; /* the caller closes it */
    }
    if (message->header->request == SET_VRING_CALL) {
        berth_clear_fd(&queue->call_fd);
        queue->call_fd = take_fd(message);
        return BERTH_VHOST_QUEUES_CHANGED;
    }
    if (queue->is_started || !queue->has_addr || !has_fd) {
        return BERTH_ERR_INVALID;
    }
    berth_clear_fd(&queue->kick_fd);
    queue->kick_fd = take_fd(message);
    if (set_up_queue(self, queue) < 0) {
        return BERTH_ERR_INVALID;
    }
    queue->is_started = true;
    return BERTH_VHOST_QUEUES_CHANGED;
}

/* ---- the rest ---- */

/* QEMU fills in all fields itself; it only wants an answer of the size it asked for. */
static int
get_config(Message *message)
{
    uint32_t offset = berth_reader_get_u32(&message->reader);
    uint32_t size = berth_reader_get_u32(&message->reader);
    uint8_t config[CONFIG_BYTES] = { 0 };

    if (size > CONFIG_BYTES || offset > CONFIG_BYTES - size) {
        return BERTH_ERR_INVALID;
    }
    config[8] = 1; /* scanouts */
    put_header(message, 12 + size);
    berth_writer_put_u32(message->reply, offset);
    berth_writer_put_u32(message->reply, size);
    berth_writer_put_u32(message->reply, 0);
    berth_writer_put_bytes(message->reply, config + offset, size);
    return 0;
}

static int
set_display(BerthVhostUser *self, Message *message)
{
    int fd = take_fd(message);

    if (fd < 0) {
        return BERTH_ERR_INVALID;
    }
    berth_clear_fd(&self->display_fd);
    self->display_fd = fd;
    return BERTH_VHOST_SOCKET;
}

static int
run_feature(BerthVhostUser *self, Message *message)
{
    switch (message->header->request) {
    case GET_FEATURES:
        return reply_u64(message, FEATURES);
    case SET_FEATURES:
        self->features = berth_reader_get_u64(&message->reader) & FEATURES;
        return 0;
    case GET_PROTOCOL_FEATURES:
        return reply_u64(message, PROTOCOL_FEATURES);
    case SET_PROTOCOL_FEATURES:
        self->protocol_features = berth_reader_get_u64(&message->reader) & PROTOCOL_FEATURES;
        return 0;
    case GET_QUEUE_NUM:
        return reply_u64(message, BERTH_VHOST_QUEUES);
    case GET_CONFIG:
        return get_config(message);
    case SET_OWNER:
    case RESET_OWNER:
    case SET_CONFIG:       /* QEMU keeps the configuration itself */
    case SET_SLAVE_REQ_FD: /* never used: the caller closes it */
        return 0;
    default:
        return BERTH_ERR_PROTOCOL;
    }
}

static int
run(BerthVhostUser *self, Message *message)
{
    switch (message->header->request) {
    case SET_MEM_TABLE:
        return set_memory(self, message);
    case SET_VRING_NUM:
    case SET_VRING_BASE:
    case SET_VRING_ENABLE:
        return set_number(self, message);
    case SET_VRING_ADDR:
        return set_addresses(self, message);
    case GET_VRING_BASE:
        return stop_queue(self, message);
    case SET_VRING_KICK:
    case SET_VRING_CALL:
    case SET_VRING_ERR:
        return set_event(self, message);
    case GPU_SET_SOCKET:
        return set_display(self, message);
    default:
        return run_feature(self, message);
    }
}

int
berth_vhost_user_handle(BerthVhostUser *self, const BerthVhostHeader *header,
                        const uint8_t *payload, int *fds, int n_fds, BerthWriter *reply)
{
    Message message = { .header = header, .fds = fds, .n_fds = n_fds, .reply = reply };
    int r;

    berth_reader_init(&message.reader, payload, header->n_bytes);
    r = run(self, &message);
    if (r >= 0 && message.reader.error < 0) {
        r = message.reader.error;
    }
    if (r >= 0 && !message.has_reply && (header->flags & FLAGS_NEED_REPLY) &&
        (self->protocol_features & PROTOCOL_REPLY_ACK)) {
        reply_u64(&message, 0);
    }
    return r;
}

int
berth_vhost_user_restore(BerthVhostUser *self)
{
    int r = map_regions(self);

    for (unsigned i = 0; r == BERTH_OK && i < BERTH_VHOST_QUEUES; i++) {
        if (self->queues[i].is_started) {
            r = set_up_queue(self, &self->queues[i]);
        }
    }
    return r;
}
