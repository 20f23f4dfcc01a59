/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/vhost-gpu/gpu-device.h"

#include "berth/errors.h"
#include "berth/limits.h"

#include <glib.h>
#include <linux/virtio_gpu.h>
#include <string.h>

#define HEADER_BYTES 24u

typedef struct {
    uint32_t resource; /* 0: shows nothing */
    BerthRect rect;    /* of the resource */
    bool is_stale;     /* all of it has to be shown anew */
    BerthFrame frame;  /* width 0: none */
    BerthDamage *damage;
} Scanout;

struct BerthGpuDevice {
    const BerthGpuDeviceCallbacks *callbacks;
    void *user_data;
    BerthGpuResources *resources;
    Scanout scanouts[BERTH_GPU_SCANOUTS];
    bool is_changed;
};

typedef struct {
    uint32_t type;
    uint32_t flags;
    uint64_t fence;
    uint32_t context;
    uint8_t ring;
} Header;

BerthGpuDevice *
berth_gpu_device_new(const BerthGuestMemory *memory, const BerthGpuDeviceCallbacks *callbacks,
                     void *user_data)
{
    BerthGpuDevice *self = g_new0(BerthGpuDevice, 1);

    self->callbacks = callbacks;
    self->user_data = user_data;
    self->resources = berth_gpu_resources_new(memory);
    return self;
}

static void
turn_off(BerthGpuDevice *self, unsigned index)
{
    Scanout *scanout = &self->scanouts[index];
    BerthFrame none;

    if (scanout->frame.width > 0) {
        self->callbacks->set_mode(index, 0, 0, &none, self->user_data);
    }
    berth_damage_free(scanout->damage);
    memset(scanout, 0, sizeof(*scanout));
}

void
berth_gpu_device_reset(BerthGpuDevice *self)
{
    for (unsigned i = 0; i < BERTH_GPU_SCANOUTS; i++) {
        turn_off(self, i);
    }
    berth_gpu_resources_clear(self->resources);
    self->is_changed = true;
}

void
berth_gpu_device_free(BerthGpuDevice *self)
{
    if (!self) {
        return;
    }
    for (unsigned i = 0; i < BERTH_GPU_SCANOUTS; i++) {
        berth_damage_free(self->scanouts[i].damage);
    }
    berth_gpu_resources_free(self->resources);
    g_free(self);
}

static Header
read_header(BerthReader *reader)
{
    Header header;

    header.type = berth_reader_get_u32(reader);
    header.flags = berth_reader_get_u32(reader);
    header.fence = berth_reader_get_u64(reader);
    header.context = berth_reader_get_u32(reader);
    header.ring = berth_reader_get_u8(reader);
    berth_reader_get_bytes_direct(reader, 3);
    return header;
}

static void
put_u32(uint8_t *at, uint32_t value)
{
    value = GUINT32_TO_LE(value);
    memcpy(at, &value, sizeof(value));
}

static void
answer(BerthGpuAnswer *ret, const Header *header, uint32_t type, size_t n_bytes)
{
    uint64_t fence = GUINT64_TO_LE(header->fence);

    memset(ret->bytes, 0, sizeof(ret->bytes));
    ret->n_bytes = n_bytes;
    ret->has_fence = header->flags & VIRTIO_GPU_FLAG_FENCE;
    put_u32(ret->bytes, type);
    if (ret->has_fence) {
        put_u32(ret->bytes + 4, header->flags & (VIRTIO_GPU_FLAG_FENCE | 2u /* ring index */));
        memcpy(ret->bytes + 8, &fence, sizeof(fence));
        put_u32(ret->bytes + 16, header->context);
        ret->bytes[20] = header->ring;
    }
}

static uint32_t
answer_type(int code)
{
    switch (code) {
    case BERTH_OK:
        return VIRTIO_GPU_RESP_OK_NODATA;
    case BERTH_ERR_NOT_FOUND:
    case BERTH_ERR_EXISTS:
        return VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID;
    case BERTH_ERR_TOO_LARGE:
    case BERTH_ERR_NO_MEMORY:
        return VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY;
    case BERTH_ERR_INVALID:
    case BERTH_ERR_UNSUPPORTED:
        return VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
    default:
        return VIRTIO_GPU_RESP_ERR_UNSPEC;
    }
}

/* Any guest's numbers: what does not fit an int is no rectangle in any picture. */
static BerthRect
read_rect(BerthReader *reader)
{
    uint32_t v[4];

    for (size_t i = 0; i < G_N_ELEMENTS(v); i++) {
        v[i] = berth_reader_get_u32(reader);
        if (v[i] > BERTH_LIMIT_HEAD_SIDE_PX) {
            berth_reader_fail(reader, BERTH_ERR_INVALID);
        }
    }
    return (BerthRect){ (int)v[0], (int)v[1], (int)v[2], (int)v[3] };
}

/* ---- resources ---- */

static int
run_create(BerthGpuDevice *self, BerthReader *reader)
{
    BerthGpuResourceInfo info;
    uint32_t w, h;

    info.id = berth_reader_get_u32(reader);
    info.format = berth_reader_get_u32(reader);
    w = berth_reader_get_u32(reader);
    h = berth_reader_get_u32(reader);
    if (!berth_frame_size_is_allowed(w, h)) {
        return reader->error < 0 ? reader->error : BERTH_ERR_TOO_LARGE;
    }
    info.width = (int)w;
    info.height = (int)h;
    self->is_changed = true;
    return berth_gpu_resources_create(self->resources, &info);
}

static int
run_unref(BerthGpuDevice *self, BerthReader *reader)
{
    uint32_t id = berth_reader_get_u32(reader);
    int r = berth_gpu_resources_remove(self->resources, id);

    for (unsigned i = 0; r == BERTH_OK && i < BERTH_GPU_SCANOUTS; i++) {
        if (self->scanouts[i].resource == id) {
            turn_off(self, i);
        }
    }
    self->is_changed = true;
    return r;
}

static int
run_attach(BerthGpuDevice *self, BerthReader *reader)
{
    uint32_t id = berth_reader_get_u32(reader);
    uint32_t n = berth_reader_get_u32(reader);
    g_autofree BerthGpuRange *ranges = NULL;

    if (n > BERTH_LIMIT_GPU_RANGES_PER_COMMAND || n > berth_reader_remaining(reader) / 16) {
        return reader->error < 0 ? reader->error : BERTH_ERR_INVALID;
    }
    ranges = g_new(BerthGpuRange, n);
    for (uint32_t i = 0; i < n; i++) {
        ranges[i].guest_addr = berth_reader_get_u64(reader);
        ranges[i].n_bytes = berth_reader_get_u32(reader);
        berth_reader_get_u32(reader);
    }
    self->is_changed = true;
    return berth_gpu_resources_attach(self->resources, id, ranges, n);
}

static int
run_detach(BerthGpuDevice *self, BerthReader *reader)
{
    self->is_changed = true;
    return berth_gpu_resources_detach(self->resources, berth_reader_get_u32(reader));
}

static int
run_transfer(BerthGpuDevice *self, BerthReader *reader)
{
    BerthRect rect = read_rect(reader);
    uint64_t offset = berth_reader_get_u64(reader);
    uint32_t id = berth_reader_get_u32(reader);

    return reader->error < 0 ? reader->error
                             : berth_gpu_resources_transfer(self->resources, id, rect, offset);
}

/* ---- scanouts ---- */

/* Brings a part of the resource, in its own pixels, onto the scanout. */
static void
show_part(BerthGpuDevice *self, unsigned index, BerthRect part)
{
    Scanout *scanout = &self->scanouts[index];

    if (scanout->is_stale) {
        part = scanout->rect;
        scanout->is_stale = false;
    }
    /* What lies outside of the guest's memory stays as it was: that is the guest's doing. */
    berth_gpu_resources_show(self->resources, scanout->resource, part, scanout->damage,
                             &scanout->frame, part.x - scanout->rect.x, part.y - scanout->rect.y);
    if (!berth_damage_is_empty(scanout->damage)) {
        self->callbacks->show(index, scanout->damage, self->user_data);
        berth_damage_clear(scanout->damage);
    }
}

static int
set_mode(BerthGpuDevice *self, unsigned index, int w, int h)
{
    Scanout *scanout = &self->scanouts[index];
    BerthDamage *damage;
    int r;

    if (scanout->frame.width == w && scanout->frame.height == h) {
        return BERTH_OK;
    }
    damage = berth_damage_new(w, h);
    r = damage ? self->callbacks->set_mode(index, w, h, &scanout->frame, self->user_data)
               : BERTH_ERR_NO_MEMORY;
    if (r < 0) {
        berth_damage_free(damage);
        turn_off(self, index);
        return r;
    }
    berth_damage_free(scanout->damage);
    scanout->damage = damage;
    return BERTH_OK;
}

static int
put_scanout(BerthGpuDevice *self, unsigned index, uint32_t id, BerthRect rect)
{
    Scanout *scanout = &self->scanouts[index];
    BerthGpuResourceInfo info;
    int r = berth_gpu_resources_get_info(self->resources, id, &info);

    if (r == BERTH_OK && !berth_rect_is_inside(rect, info.width, info.height)) {
        r = BERTH_ERR_INVALID;
    }
    if (r == BERTH_OK) {
        r = set_mode(self, index, rect.w, rect.h);
    }
    if (r == BERTH_OK) {
        scanout->resource = id;
        scanout->rect = rect;
        scanout->is_stale = true;
    }
    return r;
}

static int
run_set_scanout(BerthGpuDevice *self, BerthReader *reader, uint32_t *ret_type)
{
    BerthRect rect = read_rect(reader);
    uint32_t index = berth_reader_get_u32(reader);
    uint32_t id = berth_reader_get_u32(reader);

    if (reader->error < 0) {
        return reader->error;
    }
    if (index >= BERTH_GPU_SCANOUTS) {
        *ret_type = VIRTIO_GPU_RESP_ERR_INVALID_SCANOUT_ID;
        return BERTH_ERR_INVALID;
    }
    self->is_changed = true;
    if (id == 0) {
        turn_off(self, index);
        return BERTH_OK;
    }
    return put_scanout(self, index, id, rect);
}

static int
run_flush(BerthGpuDevice *self, BerthReader *reader, BerthGpuAnswer *ret)
{
    BerthRect rect = read_rect(reader);
    uint32_t id = berth_reader_get_u32(reader);
    BerthGpuResourceInfo info;
    int r = reader->error < 0 ? reader->error
                              : berth_gpu_resources_get_info(self->resources, id, &info);

    if (r < 0) {
        return r;
    }
    if (!berth_rect_is_inside(rect, info.width, info.height)) {
        return BERTH_ERR_INVALID;
    }
    for (unsigned i = 0; i < BERTH_GPU_SCANOUTS; i++) {
        BerthRect part = berth_rect_intersect(rect, self->scanouts[i].rect);

        if (self->scanouts[i].resource == id && !berth_rect_is_empty(part)) {
            show_part(self, i, part);
            ret->outcome = BERTH_GPU_FLUSHED;
            ret->scanout = i;
            ret->rect = part;
        }
    }
    return BERTH_OK;
}

void
berth_gpu_device_settle(BerthGpuDevice *self)
{
    for (unsigned i = 0; i < BERTH_GPU_SCANOUTS; i++) {
        if (self->scanouts[i].resource != 0 && self->scanouts[i].is_stale) {
            show_part(self, i, self->scanouts[i].rect);
        }
    }
}

/* ---- commands ---- */

static int
run(BerthGpuDevice *self, uint32_t type, BerthReader *reader, uint32_t *ret_type,
    BerthGpuAnswer *ret)
{
    switch (type) {
    case VIRTIO_GPU_CMD_GET_DISPLAY_INFO:
        ret->outcome = BERTH_GPU_ASKS_DISPLAY;
        return BERTH_OK;
    case VIRTIO_GPU_CMD_RESOURCE_CREATE_2D:
        return run_create(self, reader);
    case VIRTIO_GPU_CMD_RESOURCE_UNREF:
        return run_unref(self, reader);
    case VIRTIO_GPU_CMD_SET_SCANOUT:
        return run_set_scanout(self, reader, ret_type);
    case VIRTIO_GPU_CMD_RESOURCE_FLUSH:
        return run_flush(self, reader, ret);
    case VIRTIO_GPU_CMD_TRANSFER_TO_HOST_2D:
        return run_transfer(self, reader);
    case VIRTIO_GPU_CMD_RESOURCE_ATTACH_BACKING:
        return run_attach(self, reader);
    case VIRTIO_GPU_CMD_RESOURCE_DETACH_BACKING:
        return run_detach(self, reader);
    default: /* capability sets, EDID and 3D are not offered */
        *ret_type = VIRTIO_GPU_RESP_ERR_UNSPEC;
        return BERTH_ERR_UNSUPPORTED;
    }
}

void
berth_gpu_device_control(BerthGpuDevice *self, const uint8_t *command, size_t n_bytes,
                         BerthGpuAnswer *ret)
{
    BerthReader reader;
    Header header;
    uint32_t type = 0;
    int r;

    berth_reader_init(&reader, command, n_bytes);
    header = read_header(&reader);
    ret->outcome = BERTH_GPU_ANSWERED;
    r = reader.error < 0 ? reader.error : run(self, header.type, &reader, &type, ret);
    if (r == BERTH_OK && reader.error < 0) {
        r = reader.error;
    }
    if (type == 0) {
        type = answer_type(r);
    }
    if (ret->outcome == BERTH_GPU_ASKS_DISPLAY) {
        answer(ret, &header, VIRTIO_GPU_RESP_OK_DISPLAY_INFO, BERTH_GPU_ANSWER_BYTES);
    } else {
        answer(ret, &header, type, HEADER_BYTES);
    }
}

void
berth_gpu_device_refuse(const uint8_t *command, size_t n_bytes, BerthGpuAnswer *ret)
{
    BerthReader reader;
    Header header;

    berth_reader_init(&reader, command, n_bytes);
    header = read_header(&reader);
    ret->outcome = BERTH_GPU_ANSWERED;
    answer(ret, &header, VIRTIO_GPU_RESP_ERR_UNSPEC, HEADER_BYTES);
}

static void
run_update_cursor(BerthGpuDevice *self, unsigned scanout, BerthReader *reader)
{
    uint32_t id = berth_reader_get_u32(reader);
    uint32_t hot_x = berth_reader_get_u32(reader);
    uint32_t hot_y = berth_reader_get_u32(reader);
    g_autofree uint8_t *pixels = NULL;
    BerthGpuResourceInfo info;

    if (reader->error < 0) {
        return;
    }
    if (id == 0) {
        self->callbacks->set_cursor(scanout, NULL, 0, 0, self->user_data);
        return;
    }
    if (berth_gpu_resources_get_info(self->resources, id, &info) < 0 ||
        info.width != BERTH_GPU_CURSOR_SIDE_PX || info.height != BERTH_GPU_CURSOR_SIDE_PX) {
        return;
    }
    pixels = g_malloc(BERTH_GPU_CURSOR_BYTES);
    if (berth_gpu_resources_read(self->resources, id, pixels, BERTH_GPU_CURSOR_BYTES) == BERTH_OK) {
        self->callbacks->set_cursor(scanout, pixels, MIN(hot_x, BERTH_GPU_CURSOR_SIDE_PX - 1),
                                    MIN(hot_y, BERTH_GPU_CURSOR_SIDE_PX - 1), self->user_data);
    }
}

void
berth_gpu_device_cursor(BerthGpuDevice *self, const uint8_t *command, size_t n_bytes)
{
    BerthReader reader;
    Header header;
    uint32_t scanout;
    int32_t x, y;

    berth_reader_init(&reader, command, n_bytes);
    header = read_header(&reader);
    scanout = berth_reader_get_u32(&reader);
    x = berth_reader_get_i32(&reader);
    y = berth_reader_get_i32(&reader);
    berth_reader_get_u32(&reader);
    if (reader.error < 0 || scanout >= BERTH_GPU_SCANOUTS) {
        return;
    }
    if (header.type == VIRTIO_GPU_CMD_UPDATE_CURSOR) {
        run_update_cursor(self, scanout, &reader);
        self->callbacks->move_cursor(scanout, x, y, self->user_data);
    } else if (header.type == VIRTIO_GPU_CMD_MOVE_CURSOR) {
        self->callbacks->move_cursor(scanout, x, y, self->user_data);
    }
}

/* ---- state ---- */

bool
berth_gpu_device_take_changed(BerthGpuDevice *self)
{
    bool is_changed = self->is_changed;

    self->is_changed = false;
    return is_changed;
}

void
berth_gpu_device_resolve(BerthGpuDevice *self)
{
    berth_gpu_resources_resolve(self->resources);
}

void
berth_gpu_device_save(const BerthGpuDevice *self, BerthWriter *writer)
{
    for (unsigned i = 0; i < BERTH_GPU_SCANOUTS; i++) {
        const Scanout *scanout = &self->scanouts[i];

        berth_writer_put_u32(writer, scanout->resource);
        berth_writer_put_u32(writer, (uint32_t)scanout->rect.x);
        berth_writer_put_u32(writer, (uint32_t)scanout->rect.y);
        berth_writer_put_u32(writer, (uint32_t)scanout->rect.w);
        berth_writer_put_u32(writer, (uint32_t)scanout->rect.h);
    }
    berth_gpu_resources_save(self->resources, writer);
}

int
berth_gpu_device_load(BerthGpuDevice *self, BerthReader *reader)
{
    uint32_t ids[BERTH_GPU_SCANOUTS];
    BerthRect rects[BERTH_GPU_SCANOUTS];

    berth_gpu_device_reset(self);
    for (unsigned i = 0; i < BERTH_GPU_SCANOUTS; i++) {
        ids[i] = berth_reader_get_u32(reader);
        rects[i] = read_rect(reader);
    }
    berth_gpu_resources_load(self->resources, reader);
    for (unsigned i = 0; reader->error == BERTH_OK && i < BERTH_GPU_SCANOUTS; i++) {
        int r = ids[i] == 0 ? BERTH_OK : put_scanout(self, i, ids[i], rects[i]);

        if (r < 0) {
            berth_reader_fail(reader, r);
        }
    }
    if (reader->error < 0) {
        berth_gpu_device_reset(self);
        return reader->error;
    }
    berth_gpu_device_settle(self);
    return BERTH_OK;
}

const BerthFrame *
berth_gpu_device_get_picture(const BerthGpuDevice *self, unsigned scanout)
{
    return scanout < BERTH_GPU_SCANOUTS && self->scanouts[scanout].frame.width > 0
               ? &self->scanouts[scanout].frame
               : NULL;
}
