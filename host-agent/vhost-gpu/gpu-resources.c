/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Guest pages come as ranges; those that follow each other in our memory are joined.  Rows that lie
 * in one piece are compared where they are, as many at once as there are; a row across a border is
 * copied together first.
 */
#include "host-agent/vhost-gpu/gpu-resources.h"

#include "berth/errors.h"
#include "berth/limits.h"

#include <glib.h>
#include <linux/virtio_gpu.h>
#include <string.h>

#define PIXEL_BYTES 4u

typedef struct {
    uint64_t guest_addr;
    uint64_t begin; /* bytes of the picture's memory before it */
    uint8_t *bytes; /* NULL while it is not in the memory table */
} Range;

typedef struct {
    BerthGpuResourceInfo info;
    const BerthPixelFormat *format;
    uint64_t first_pixel; /* offset of the pixel 0, 0 in its memory; modulo 2^64 */
    uint64_t n_bytes;     /* of its memory; 0: none */
    Range *ranges;        /* n_ranges + 1 of them; the last one only has begin == n_bytes */
    unsigned n_ranges;
} Resource;

struct BerthGpuResources {
    const BerthGuestMemory *memory;
    GHashTable *resources; /* id -> Resource */
    unsigned n_ranges;     /* of all */
};

static const struct {
    uint32_t format;
    uint32_t fourcc;
} formats[] = {
    { VIRTIO_GPU_FORMAT_B8G8R8A8_UNORM, 0x34325258 }, /* XR24 */
    { VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM, 0x34325258 }, /* XR24 */
    { VIRTIO_GPU_FORMAT_A8R8G8B8_UNORM, 0x34325842 }, /* BX24 */
    { VIRTIO_GPU_FORMAT_X8R8G8B8_UNORM, 0x34325842 }, /* BX24 */
    { VIRTIO_GPU_FORMAT_R8G8B8A8_UNORM, 0x34324258 }, /* XB24 */
    { VIRTIO_GPU_FORMAT_R8G8B8X8_UNORM, 0x34324258 }, /* XB24 */
    { VIRTIO_GPU_FORMAT_A8B8G8R8_UNORM, 0x34325852 }, /* RX24 */
    { VIRTIO_GPU_FORMAT_X8B8G8R8_UNORM, 0x34325852 }, /* RX24 */
};

static const BerthPixelFormat *
find_format(uint32_t format)
{
    for (size_t i = 0; i < G_N_ELEMENTS(formats); i++) {
        if (formats[i].format == format) {
            return berth_pixel_format_find_drm(formats[i].fourcc);
        }
    }
    return NULL;
}

static void
drop_ranges(BerthGpuResources *self, Resource *resource)
{
    self->n_ranges -= resource->n_ranges;
    g_clear_pointer(&resource->ranges, g_free);
    resource->n_ranges = 0;
    resource->n_bytes = 0;
    resource->first_pixel = 0;
}

static void
free_resource(gpointer data)
{
    Resource *resource = data;

    g_free(resource->ranges);
    g_free(resource);
}

BerthGpuResources *
berth_gpu_resources_new(const BerthGuestMemory *memory)
{
    BerthGpuResources *self = g_new0(BerthGpuResources, 1);

    self->memory = memory;
    self->resources = g_hash_table_new_full(NULL, NULL, NULL, free_resource);
    return self;
}

void
berth_gpu_resources_free(BerthGpuResources *self)
{
    if (self) {
        g_hash_table_unref(self->resources);
        g_free(self);
    }
}

void
berth_gpu_resources_clear(BerthGpuResources *self)
{
    g_hash_table_remove_all(self->resources);
    self->n_ranges = 0;
}

static Resource *
find(const BerthGpuResources *self, uint32_t id)
{
    return g_hash_table_lookup(self->resources, GUINT_TO_POINTER(id));
}

int
berth_gpu_resources_create(BerthGpuResources *self, const BerthGpuResourceInfo *info)
{
    const BerthPixelFormat *format = find_format(info->format);
    Resource *resource;

    if (info->id == 0) {
        return BERTH_ERR_INVALID;
    }
    if (find(self, info->id)) {
        return BERTH_ERR_EXISTS;
    }
    if (!format) {
        return BERTH_ERR_UNSUPPORTED;
    }
    if (!berth_frame_size_is_allowed(info->width, info->height) ||
        g_hash_table_size(self->resources) >= BERTH_LIMIT_GPU_RESOURCES) {
        return BERTH_ERR_TOO_LARGE;
    }
    resource = g_new0(Resource, 1);
    resource->info = *info;
    resource->format = format;
    g_hash_table_insert(self->resources, GUINT_TO_POINTER(info->id), resource);
    return BERTH_OK;
}

int
berth_gpu_resources_remove(BerthGpuResources *self, uint32_t id)
{
    Resource *resource = find(self, id);

    if (!resource) {
        return BERTH_ERR_NOT_FOUND;
    }
    drop_ranges(self, resource);
    g_hash_table_remove(self->resources, GUINT_TO_POINTER(id));
    return BERTH_OK;
}

/* Whether a range goes on where the last one ends, here and in the guest. */
static bool
is_continued(const Resource *resource, uint64_t guest_addr, const uint8_t *bytes)
{
    const Range *last = &resource->ranges[resource->n_ranges - 1];
    uint64_t n = resource->n_bytes - last->begin;

    return last->guest_addr + n == guest_addr && last->bytes + n == bytes;
}

int
berth_gpu_resources_attach(BerthGpuResources *self, uint32_t id, const BerthGpuRange *ranges,
                           unsigned n_ranges)
{
    Resource *resource = find(self, id);

    if (!resource) {
        return BERTH_ERR_NOT_FOUND;
    }
    if (resource->ranges) {
        return BERTH_ERR_EXISTS;
    }
    if (n_ranges > BERTH_LIMIT_GPU_RANGES_PER_COMMAND ||
        n_ranges > BERTH_LIMIT_GPU_RANGES - self->n_ranges) {
        return BERTH_ERR_TOO_LARGE;
    }
    resource->ranges = g_new0(Range, n_ranges + 1);
    for (unsigned i = 0; i < n_ranges; i++) {
        uint64_t addr = ranges[i].guest_addr;
        uint8_t *bytes = berth_guest_memory_find(self->memory, addr, ranges[i].n_bytes);

        if (!bytes || ranges[i].n_bytes == 0) {
            self->n_ranges += resource->n_ranges;
            drop_ranges(self, resource);
            return BERTH_ERR_INVALID;
        }
        if (resource->n_ranges == 0 || !is_continued(resource, addr, bytes)) {
            resource->ranges[resource->n_ranges++] = (Range){ addr, resource->n_bytes, bytes };
        }
        resource->n_bytes += ranges[i].n_bytes;
        resource->ranges[resource->n_ranges].begin = resource->n_bytes;
    }
    resource->ranges = g_renew(Range, resource->ranges, resource->n_ranges + 1);
    self->n_ranges += resource->n_ranges;
    return BERTH_OK;
}

int
berth_gpu_resources_detach(BerthGpuResources *self, uint32_t id)
{
    Resource *resource = find(self, id);

    if (!resource) {
        return BERTH_ERR_NOT_FOUND;
    }
    drop_ranges(self, resource);
    return BERTH_OK;
}

int
berth_gpu_resources_get_info(const BerthGpuResources *self, uint32_t id, BerthGpuResourceInfo *ret)
{
    const Resource *resource = find(self, id);

    if (!resource) {
        return BERTH_ERR_NOT_FOUND;
    }
    *ret = resource->info;
    return BERTH_OK;
}

static uint64_t
pixel_offset(const Resource *resource, int x, int y)
{
    return ((uint64_t)y * (uint64_t)resource->info.width + (uint64_t)x) * PIXEL_BYTES;
}

int
berth_gpu_resources_transfer(BerthGpuResources *self, uint32_t id, BerthRect rect,
                             uint64_t offset_bytes)
{
    Resource *resource = find(self, id);
    uint64_t first, last;

    if (!resource) {
        return BERTH_ERR_NOT_FOUND;
    }
    if (!berth_rect_is_inside(rect, resource->info.width, resource->info.height)) {
        return BERTH_ERR_INVALID;
    }
    first = pixel_offset(resource, rect.x, rect.y);
    last = pixel_offset(resource, rect.x + rect.w - 1, rect.y + rect.h - 1) + PIXEL_BYTES;
    if (offset_bytes > resource->n_bytes || last - first > resource->n_bytes - offset_bytes) {
        return BERTH_ERR_INVALID;
    }
    resource->first_pixel = offset_bytes - first;
    return BERTH_OK;
}

/* The range with that byte; there is one. */
static const Range *
find_range(const Resource *resource, uint64_t offset)
{
    unsigned low = 0;
    unsigned high = resource->n_ranges;

    while (high - low > 1) {
        unsigned middle = low + (high - low) / 2;

        if (resource->ranges[middle].begin <= offset) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return &resource->ranges[low];
}

/* Copies bytes out of guest memory; all of them are inside the picture's. */
static int
gather(const Resource *resource, uint64_t offset, uint8_t *dst, size_t n)
{
    const Range *range = find_range(resource, offset);

    while (n > 0) {
        size_t part = (size_t)MIN((uint64_t)n, range[1].begin - offset);

        if (!range->bytes) {
            return BERTH_ERR_TRUNCATED;
        }
        memcpy(dst, range->bytes + (offset - range->begin), part);
        dst += part;
        offset += part;
        n -= part;
        range++;
    }
    return BERTH_OK;
}

/* The next rows from an offset on: those that lie in one piece, or one that does not. */
typedef struct {
    BerthPixelSource source;
    int n_rows;
} Piece;

static int
find_piece(const Resource *resource, uint64_t offset, int n_max, size_t row_bytes, uint8_t *row,
           Piece *ret)
{
    const Range *range = find_range(resource, offset);
    size_t stride = (size_t)resource->info.width * PIXEL_BYTES;
    uint64_t n_left = range[1].begin - offset;
    int r = BERTH_OK;

    if (!range->bytes) {
        return BERTH_ERR_TRUNCATED;
    }
    if (n_left >= row_bytes) {
        uint64_t n_rows = MIN((n_left - row_bytes) / stride + 1, (uint64_t)n_max);

        ret->source.data = range->bytes + (offset - range->begin);
        ret->source.size_bytes = (size_t)n_left;
        ret->n_rows = (int)n_rows;
    } else {
        r = gather(resource, offset, row, row_bytes);
        ret->source.data = row;
        ret->source.size_bytes = row_bytes;
        ret->n_rows = 1;
    }
    ret->source.stride_bytes = stride;
    ret->source.format = resource->format;
    return r;
}

int
berth_gpu_resources_show(BerthGpuResources *self, uint32_t id, BerthRect rect, BerthDamage *damage,
                         BerthFrame *dst, int x, int y)
{
    const Resource *resource = find(self, id);
    size_t row_bytes = (size_t)rect.w * PIXEL_BYTES;
    g_autofree uint8_t *row = NULL;
    Piece piece;

    if (!resource) {
        return BERTH_ERR_NOT_FOUND;
    }
    if (!berth_rect_is_inside(rect, resource->info.width, resource->info.height) ||
        !berth_rect_is_inside((BerthRect){ x, y, rect.w, rect.h }, dst->width, dst->height)) {
        return BERTH_ERR_INVALID;
    }
    row = g_malloc(row_bytes);
    for (int i = 0; i < rect.h; i += piece.n_rows) {
        uint64_t offset = resource->first_pixel + pixel_offset(resource, rect.x, rect.y + i);
        int r;

        if (offset > resource->n_bytes || row_bytes > resource->n_bytes - offset) {
            return BERTH_ERR_TRUNCATED;
        }
        r = find_piece(resource, offset, rect.h - i, row_bytes, row, &piece);
        if (r == BERTH_OK) {
            r = berth_damage_compare_copy(
                damage, dst, (BerthRect){ x, y + i, rect.w, piece.n_rows }, &piece.source);
        }
        if (r < 0) {
            return r;
        }
    }
    return BERTH_OK;
}

int
berth_gpu_resources_read(const BerthGpuResources *self, uint32_t id, uint8_t *dst, size_t n_bytes)
{
    const Resource *resource = find(self, id);

    if (!resource) {
        return BERTH_ERR_NOT_FOUND;
    }
    if (n_bytes != pixel_offset(resource, 0, resource->info.height)) {
        return BERTH_ERR_INVALID;
    }
    if (resource->first_pixel > resource->n_bytes ||
        n_bytes > resource->n_bytes - resource->first_pixel) {
        return BERTH_ERR_TRUNCATED;
    }
    return gather(resource, resource->first_pixel, dst, n_bytes);
}

void
berth_gpu_resources_resolve(BerthGpuResources *self)
{
    GHashTableIter iter;
    gpointer value;

    g_hash_table_iter_init(&iter, self->resources);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const Resource *resource = value;

        for (unsigned i = 0; i < resource->n_ranges; i++) {
            Range *range = &resource->ranges[i];

            range->bytes = berth_guest_memory_find(self->memory, range->guest_addr,
                                                   range[1].begin - range->begin);
        }
    }
}

static void
save_resource(const Resource *resource, BerthWriter *writer)
{
    berth_writer_put_u32(writer, resource->info.id);
    berth_writer_put_u32(writer, resource->info.format);
    berth_writer_put_u32(writer, (uint32_t)resource->info.width);
    berth_writer_put_u32(writer, (uint32_t)resource->info.height);
    berth_writer_put_u64(writer, resource->first_pixel);
    berth_writer_put_u32(writer, resource->n_ranges);
    for (unsigned i = 0; i < resource->n_ranges; i++) {
        berth_writer_put_u64(writer, resource->ranges[i].guest_addr);
        berth_writer_put_u64(writer, resource->ranges[i + 1].begin - resource->ranges[i].begin);
    }
}

void
berth_gpu_resources_save(const BerthGpuResources *self, BerthWriter *writer)
{
    GHashTableIter iter;
    gpointer value;

    berth_writer_put_u32(writer, g_hash_table_size(self->resources));
    g_hash_table_iter_init(&iter, self->resources);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        save_resource(value, writer);
    }
}

/* Saved ranges may be longer than those of a command: they are added in parts. */
static void
load_ranges(BerthGpuResources *self, uint32_t id, BerthReader *reader)
{
    uint32_t n = berth_reader_get_u32(reader);
    g_autoptr(GArray) ranges = g_array_new(FALSE, FALSE, sizeof(BerthGpuRange));

    if (n > berth_reader_remaining(reader) / 16) {
        berth_reader_fail(reader, BERTH_ERR_TRUNCATED);
    }
    for (uint32_t i = 0; i < n && reader->error == BERTH_OK; i++) {
        uint64_t addr = berth_reader_get_u64(reader);
        uint64_t left = berth_reader_get_u64(reader);

        while (left > 0 && ranges->len <= BERTH_LIMIT_GPU_RANGES_PER_COMMAND) {
            BerthGpuRange range = { addr, (uint32_t)MIN(left, 1u << 30) };

            g_array_append_val(ranges, range);
            addr += range.n_bytes;
            left -= range.n_bytes;
        }
    }
    if (n > 0 && reader->error == BERTH_OK) {
        int r = berth_gpu_resources_attach(self, id, (const BerthGpuRange *)(void *)ranges->data,
                                           ranges->len);

        if (r < 0) {
            berth_reader_fail(reader, r);
        }
    }
}

void
berth_gpu_resources_load(BerthGpuResources *self, BerthReader *reader)
{
    uint32_t n = berth_reader_get_u32(reader);

    for (uint32_t i = 0; i < n && reader->error == BERTH_OK; i++) {
        BerthGpuResourceInfo info;
        uint64_t first_pixel;
        int r;

        info.id = berth_reader_get_u32(reader);
        info.format = berth_reader_get_u32(reader);
        info.width = (int)berth_reader_get_u32(reader);
        info.height = (int)berth_reader_get_u32(reader);
        first_pixel = berth_reader_get_u64(reader);
        r = reader->error == BERTH_OK ? berth_gpu_resources_create(self, &info) : reader->error;
        if (r < 0) {
            berth_reader_fail(reader, r);
            return;
        }
        load_ranges(self, info.id, reader);
        find(self, info.id)->first_pixel = first_pixel;
    }
}
