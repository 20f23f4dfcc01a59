/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/vhost-gpu/session-link.h"

#include "base/cleanup.h"
#include "base/fdpass.h"
#include "base/log.h"
#include "berth/errors.h"
#include "host-agent/vhost-gpu/gpu-wire.h"

#include <fcntl.h>
#include <glib-unix.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define SCOPE "gpu"
#define ROW_ALIGN_BYTES 64u

typedef struct {
    int fd; /* memfd of the picture; -1: the scanout shows nothing */
    BerthFrame frame;
    BerthDamage *untold;
    bool is_mode_untold;
} Picture;

struct BerthSessionLink {
    void (*on_want)(void *user_data);
    void (*on_closed)(void *user_data);
    void *user_data;
    int fd; /* -1: no session */
    guint read_source, write_source;
    BerthWriter writer;
    BerthGpuPacket packet;
    Picture pictures[BERTH_GPU_SCANOUTS];

    bool is_cursor_untold, is_pointer_untold;
    unsigned cursor_scanout;
    bool has_cursor; /* there has been a shape */
    bool is_visible;
    uint32_t hot_x, hot_y;
    int32_t pointer_x, pointer_y;
    uint8_t cursor[BERTH_GPU_CURSOR_BYTES];
};

BerthSessionLink *
berth_session_link_new(void (*on_want)(void *user_data), void (*on_closed)(void *user_data),
                       void *user_data)
{
    BerthSessionLink *self = g_new0(BerthSessionLink, 1);

    self->on_want = on_want;
    self->on_closed = on_closed;
    self->user_data = user_data;
    self->fd = -1;
    berth_writer_init(&self->writer, BERTH_GPU_PACKET_BYTES);
    for (unsigned i = 0; i < BERTH_GPU_SCANOUTS; i++) {
        self->pictures[i].fd = -1;
    }
    return self;
}

static void
detach(BerthSessionLink *self)
{
    g_clear_handle_id(&self->read_source, g_source_remove);
    g_clear_handle_id(&self->write_source, g_source_remove);
    berth_clear_fd(&self->fd);
}

static void
drop_picture(Picture *picture)
{
    if (picture->fd >= 0) {
        munmap(picture->frame.data, picture->frame.stride_bytes * (size_t)picture->frame.height);
        berth_clear_fd(&picture->fd);
    }
    berth_damage_free(picture->untold);
    memset(picture, 0, sizeof(*picture));
    picture->fd = -1;
}

void
berth_session_link_free(BerthSessionLink *self)
{
    if (!self) {
        return;
    }
    detach(self);
    for (unsigned i = 0; i < BERTH_GPU_SCANOUTS; i++) {
        drop_picture(&self->pictures[i]);
    }
    berth_writer_clear(&self->writer);
    g_free(self);
}

/* ---- out ---- */

/* Returns false if the packet has to wait, or there is no session any more. */
static bool
send_packet(BerthSessionLink *self, int fd)
{
    int r;

    berth_writer_reset(&self->writer);
    berth_gpu_packet_encode(&self->packet, &self->writer);
    r = berth_fds_send(self->fd, self->writer.data, self->writer.len, &fd, fd >= 0 ? 1 : 0);
    if (r < 0 && r != BERTH_ERR_AGAIN) {
        berth_log_info(SCOPE, "the session went away");
        detach(self);
        self->on_closed(self->user_data);
    }
    return r == BERTH_OK;
}

static bool
tell_mode(BerthSessionLink *self, unsigned index)
{
    Picture *picture = &self->pictures[index];

    self->packet = (BerthGpuPacket){
        .type = BERTH_GPU_MODE,
        .scanout = (uint16_t)index,
        .w = (uint32_t)picture->frame.width,
        .h = (uint32_t)picture->frame.height,
        .stride_bytes = (uint32_t)picture->frame.stride_bytes,
    };
    if (!send_packet(self, picture->fd)) {
        return false;
    }
    picture->is_mode_untold = false;
    return true;
}

static bool
tell_shown(BerthSessionLink *self, unsigned index)
{
    Picture *picture = &self->pictures[index];
    size_t n;

    self->packet.type = BERTH_GPU_SHOWN;
    self->packet.scanout = (uint16_t)index;
    n = berth_damage_get_rects(picture->untold, self->packet.rects, BERTH_GPU_PACKET_RECTS);
    if (n > BERTH_GPU_PACKET_RECTS) {
        self->packet.rects[0] = berth_frame_get_rect(&picture->frame);
        n = 1;
    }
    self->packet.n_rects = (unsigned)n;
    if (!send_packet(self, -1)) {
        return false;
    }
    berth_damage_clear(picture->untold);
    return true;
}

static bool
tell_picture(BerthSessionLink *self, unsigned index)
{
    Picture *picture = &self->pictures[index];

    if (picture->is_mode_untold && !tell_mode(self, index)) {
        return false;
    }
    return !picture->untold || berth_damage_is_empty(picture->untold) || tell_shown(self, index);
}

static bool
tell_cursor(BerthSessionLink *self)
{
    if (self->is_cursor_untold) {
        self->packet = (BerthGpuPacket){
            .type = BERTH_GPU_CURSOR,
            .scanout = (uint16_t)self->cursor_scanout,
            .w = BERTH_GPU_CURSOR_SIDE_PX,
            .h = BERTH_GPU_CURSOR_SIDE_PX,
            .hot_x = self->hot_x,
            .hot_y = self->hot_y,
            .pixels = self->cursor,
        };
        if (!send_packet(self, -1)) {
            return false;
        }
        self->is_cursor_untold = false;
    }
    if (self->is_pointer_untold) {
        self->packet = (BerthGpuPacket){
            .type = BERTH_GPU_POINTER,
            .scanout = (uint16_t)self->cursor_scanout,
            .x = self->pointer_x,
            .y = self->pointer_y,
            .is_visible = self->is_visible,
        };
        if (!send_packet(self, -1)) {
            return false;
        }
        self->is_pointer_untold = false;
    }
    return true;
}

static gboolean
on_writable(gint fd, GIOCondition condition, gpointer user_data)
{
    BerthSessionLink *self = user_data;

    self->write_source = 0;
    berth_session_link_flush(self);
    return G_SOURCE_REMOVE;
}

void
berth_session_link_flush(BerthSessionLink *self)
{
    bool is_told = true;

    if (self->fd < 0 || self->write_source) {
        return;
    }
    for (unsigned i = 0; is_told && i < BERTH_GPU_SCANOUTS; i++) {
        is_told = tell_picture(self, i);
    }
    is_told = is_told && tell_cursor(self);
    if (!is_told && self->fd >= 0) {
        self->write_source = g_unix_fd_add(self->fd, G_IO_OUT, on_writable, self);
    }
}

/* ---- in ---- */

static gboolean
on_readable(gint fd, GIOCondition condition, gpointer user_data)
{
    BerthSessionLink *self = user_data;
    uint8_t bytes[64];
    size_t n_bytes;
    int n_fds;
    int r = berth_fds_recv(fd, bytes, sizeof(bytes), &n_bytes, NULL, 0, &n_fds);

    if (r == BERTH_ERR_AGAIN) {
        return G_SOURCE_CONTINUE;
    }
    if (r == BERTH_OK) {
        r = berth_gpu_packet_decode(bytes, n_bytes, &self->packet);
    }
    if (r < 0 || self->packet.type != BERTH_GPU_WANT) {
        berth_log_info(SCOPE, "the session went away");
        self->read_source = 0;
        detach(self);
        self->on_closed(self->user_data);
        return G_SOURCE_REMOVE;
    }
    self->on_want(self->user_data);
    return G_SOURCE_CONTINUE;
}

void
berth_session_link_attach(BerthSessionLink *self, int fd)
{
    detach(self);
    self->fd = fd;
    self->read_source = g_unix_fd_add(fd, G_IO_IN | G_IO_HUP | G_IO_ERR, on_readable, self);
    for (unsigned i = 0; i < BERTH_GPU_SCANOUTS; i++) {
        Picture *picture = &self->pictures[i];

        picture->is_mode_untold = picture->fd >= 0;
        if (picture->untold) {
            berth_damage_add_all(picture->untold);
        }
    }
    self->is_cursor_untold = self->has_cursor;
    self->is_pointer_untold = self->has_cursor;
    berth_session_link_flush(self);
}

/* ---- pictures ---- */

static int
make_picture(Picture *picture, int w_px, int h_px)
{
    size_t stride = ((size_t)w_px * BERTH_PIXEL_BYTES + ROW_ALIGN_BYTES - 1) & ~(size_t)63;
    size_t n_bytes = stride * (size_t)h_px;
    berth_autofd int fd = memfd_create("berth-picture", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    BerthDamage *untold = berth_damage_new(w_px, h_px);
    void *data = MAP_FAILED;

    if (fd >= 0 && untold && ftruncate(fd, (off_t)n_bytes) == 0 &&
        fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0) {
        data = mmap(NULL, n_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    }
    if (data == MAP_FAILED) {
        berth_damage_free(untold);
        return BERTH_ERR_NO_MEMORY;
    }
    drop_picture(picture);
    picture->fd = berth_steal_fd(&fd);
    picture->untold = untold;
    picture->frame = (BerthFrame){
        .data = data, .width = w_px, .height = h_px, .stride_bytes = stride, .ref_count = 1
    };
    berth_frame_fill(&picture->frame, berth_frame_get_rect(&picture->frame), 0);
    berth_damage_add_all(untold);
    return BERTH_OK;
}

int
berth_session_link_set_mode(BerthSessionLink *self, unsigned scanout, int w_px, int h_px,
                            BerthFrame *ret_frame)
{
    Picture *picture = &self->pictures[scanout];
    int r = BERTH_OK;

    if (w_px == 0) {
        drop_picture(picture);
    } else {
        r = make_picture(picture, w_px, h_px);
    }
    if (r == BERTH_OK) {
        picture->is_mode_untold = true;
        *ret_frame = picture->frame;
    }
    return r;
}

void
berth_session_link_show(BerthSessionLink *self, unsigned scanout, const BerthDamage *damage)
{
    berth_damage_merge(self->pictures[scanout].untold, damage);
}

void
berth_session_link_set_cursor(BerthSessionLink *self, unsigned scanout, const uint8_t *pixels,
                              uint32_t hot_x, uint32_t hot_y)
{
    self->cursor_scanout = scanout;
    self->is_pointer_untold = true;
    self->is_visible = pixels != NULL;
    if (pixels) {
        memcpy(self->cursor, pixels, sizeof(self->cursor));
        self->hot_x = hot_x;
        self->hot_y = hot_y;
        self->has_cursor = true;
        self->is_cursor_untold = true;
    }
}

void
berth_session_link_move_cursor(BerthSessionLink *self, unsigned scanout, int32_t x_px, int32_t y_px)
{
    self->cursor_scanout = scanout;
    self->pointer_x = x_px;
    self->pointer_y = y_px;
    self->is_pointer_untold = true;
}
