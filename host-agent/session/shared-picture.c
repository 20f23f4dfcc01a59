/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/session/shared-picture.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "berth/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* A band stays in the processor's cache between its two readers; one row fits at least. */
#define BAND_BYTES (256u * 1024)
#define MAX_PIXEL_BYTES 4u

_Static_assert(BAND_BYTES >= BERTH_LIMIT_HEAD_SIDE_PX * MAX_PIXEL_BYTES, "a row fits in a band");

struct BerthSharedPicture {
    int fd;
    uint64_t offset_bytes;
    int w, h;
    size_t stride_bytes;
    const BerthPixelFormat *format;
    uint8_t *band; /* BAND_BYTES */
};

static int
check_layout(const BerthSharedLayout *layout, uint64_t *ret_end)
{
    const BerthPixelFormat *format = berth_pixel_format_find_pixman(layout->format);
    uint64_t row_bytes;

    if (layout->w == 0 || layout->h == 0) {
        return BERTH_ERR_INVALID;
    }
    if (!berth_frame_size_is_allowed(layout->w, layout->h)) {
        return BERTH_ERR_TOO_LARGE;
    }
    if (!format) {
        return BERTH_ERR_UNSUPPORTED;
    }
    row_bytes = (uint64_t)layout->w * format->pixel_bytes;
    if (layout->stride_bytes < row_bytes) {
        return BERTH_ERR_INVALID;
    }
    if (!g_uint64_checked_add(ret_end, layout->offset_bytes,
                              (uint64_t)layout->stride_bytes * (layout->h - 1) + row_bytes) ||
        *ret_end > INT64_MAX) {
        return BERTH_ERR_INVALID;
    }
    return BERTH_OK;
}

int
berth_shared_picture_new(int fd, const BerthSharedLayout *layout, BerthSharedPicture **ret)
{
    BerthSharedPicture *self;
    struct stat info;
    uint64_t end;
    int copy;
    int r = check_layout(layout, &end);

    if (r < 0) {
        return r;
    }
    /* Files in memory have seals; reads of others might wait for somebody. */
    if (fcntl(fd, F_GET_SEALS) < 0 || fstat(fd, &info) < 0 || !S_ISREG(info.st_mode)) {
        return BERTH_ERR_UNSUPPORTED;
    }
    if (info.st_size < 0 || (uint64_t)info.st_size < end) {
        return BERTH_ERR_TRUNCATED;
    }
    copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    if (copy < 0) {
        return berth_error_from_errno(errno);
    }
    self = g_new0(BerthSharedPicture, 1);
    self->fd = copy;
    self->offset_bytes = layout->offset_bytes;
    self->w = (int)layout->w;
    self->h = (int)layout->h;
    self->stride_bytes = layout->stride_bytes;
    self->format = berth_pixel_format_find_pixman(layout->format);
    self->band = g_malloc(BAND_BYTES);
    *ret = self;
    return BERTH_OK;
}

void
berth_shared_picture_free(BerthSharedPicture *self)
{
    if (self) {
        berth_clear_fd(&self->fd);
        g_free(self->band);
        g_free(self);
    }
}

static int
read_bytes(const BerthSharedPicture *self, uint64_t offset, uint8_t *dst, size_t n)
{
    size_t done = 0;

    while (done < n) {
        ssize_t part = pread(self->fd, dst + done, n - done, (off_t)(offset + done));

        if (part < 0 && errno == EINTR) {
            continue;
        }
        if (part < 0) {
            return berth_error_from_errno(errno);
        }
        if (part == 0) {
            return BERTH_ERR_TRUNCATED;
        }
        done += (size_t)part;
    }
    return BERTH_OK;
}

/*
 * Reads rows into the band, with what lies between them where that is less than the pixels: one
 * long read costs less than many short ones.
 *
 * Returns how many, or an error.
 */
static int
read_rows(const BerthSharedPicture *self, uint64_t offset, size_t row_bytes, int n_max,
          size_t *ret_stride)
{
    bool is_dense = self->stride_bytes <= 2 * row_bytes;
    size_t stride = is_dense ? self->stride_bytes : row_bytes;
    int n_rows = (int)MIN((BAND_BYTES - row_bytes) / stride + 1, (size_t)n_max);
    int r = BERTH_OK;

    *ret_stride = stride;
    if (is_dense) {
        r = read_bytes(self, offset, self->band, (size_t)(n_rows - 1) * stride + row_bytes);
    }
    for (int i = 0; !is_dense && r == BERTH_OK && i < n_rows; i++) {
        r = read_bytes(self, offset + (uint64_t)i * self->stride_bytes,
                       self->band + (size_t)i * row_bytes, row_bytes);
    }
    return r < 0 ? r : n_rows;
}

int
berth_shared_picture_read(const BerthSharedPicture *self, BerthRect rect, BerthScreen *screen)
{
    size_t row_bytes = (size_t)rect.w * self->format->pixel_bytes;
    int n_rows;

    if (!berth_rect_is_inside(rect, self->w, self->h)) {
        return BERTH_ERR_INVALID;
    }
    for (int i = 0; i < rect.h; i += n_rows) {
        uint64_t offset = self->offset_bytes + (uint64_t)(rect.y + i) * self->stride_bytes +
                          (uint64_t)rect.x * self->format->pixel_bytes;
        BerthPixelSource source = { .data = self->band, .format = self->format };
        int r;

        n_rows = read_rows(self, offset, row_bytes, rect.h - i, &source.stride_bytes);
        if (n_rows < 0) {
            return n_rows;
        }
        source.size_bytes = (size_t)(n_rows - 1) * source.stride_bytes + row_bytes;
        r = berth_screen_write(screen, (BerthRect){ rect.x, rect.y + i, rect.w, n_rows }, &source);
        if (r < 0) {
            return r;
        }
    }
    return BERTH_OK;
}
