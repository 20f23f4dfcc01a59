/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tg-screen.h"
#include "tg-cursor.h"

#include <drm.h>
#include <drm_mode.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

enum {
    MAX_MODES = 64,
    MAX_ENCODERS = 8,
};

static bool
drm_call(const TgScreen *screen, unsigned long request, void *argument)
{
    int result;

    do {
        result = ioctl(screen->fd, request, argument);
    } while (result < 0 && (errno == EINTR || errno == EAGAIN));
    return result >= 0;
}

/* A linear buffer of 32 bits a pixel, mapped.  NULL with errno. */
static uint32_t *
create_buffer(const TgScreen *screen, uint32_t width, uint32_t height,
              struct drm_mode_create_dumb *ret_dumb)
{
    struct drm_mode_create_dumb dumb = { .width = width, .height = height, .bpp = 32 };

    if (!drm_call(screen, DRM_IOCTL_MODE_CREATE_DUMB, &dumb)) {
        return NULL;
    }

    struct drm_mode_map_dumb map = { .handle = dumb.handle };

    if (!drm_call(screen, DRM_IOCTL_MODE_MAP_DUMB, &map)) {
        return NULL;
    }
    *ret_dumb = dumb;

    void *pixels =
        mmap(NULL, dumb.size, PROT_READ | PROT_WRITE, MAP_SHARED, screen->fd, (off_t)map.offset);

    return pixels == MAP_FAILED ? NULL : pixels;
}

static void
destroy_buffer(const TgScreen *screen, TgHead *head)
{
    struct drm_mode_destroy_dumb destroy = { .handle = head->handle };

    if (head->picture.pixels == NULL) {
        return;
    }
    munmap(head->picture.pixels, head->map_bytes);
    drm_call(screen, DRM_IOCTL_MODE_RMFB, &head->fb);
    drm_call(screen, DRM_IOCTL_MODE_DESTROY_DUMB, &destroy);
    head->picture.pixels = NULL;
}

static bool
light_head(const TgScreen *screen, TgHead *head, const struct drm_mode_modeinfo *mode)
{
    struct drm_mode_create_dumb dumb;
    TgHead lit = *head;

    lit.picture.pixels = create_buffer(screen, mode->hdisplay, mode->vdisplay, &dumb);
    if (lit.picture.pixels == NULL) {
        return false;
    }
    lit.picture.width = mode->hdisplay;
    lit.picture.height = mode->vdisplay;
    lit.picture.stride_px = dumb.pitch / 4;
    lit.map_bytes = dumb.size;
    lit.handle = dumb.handle;
    tg_picture_draw(&lit.picture);

    struct drm_mode_fb_cmd fb = { .width = dumb.width,
                                  .height = dumb.height,
                                  .pitch = dumb.pitch,
                                  .bpp = 32,
                                  .depth = 24,
                                  .handle = dumb.handle };

    if (!drm_call(screen, DRM_IOCTL_MODE_ADDFB, &fb)) {
        return false;
    }
    lit.fb = fb.fb_id;

    struct drm_mode_crtc crtc = { .crtc_id = lit.crtc,
                                  .fb_id = lit.fb,
                                  .count_connectors = 1,
                                  .set_connectors_ptr = (uintptr_t)&lit.connector,
                                  .mode_valid = 1,
                                  .mode = *mode };

    if (!drm_call(screen, DRM_IOCTL_MODE_SETCRTC, &crtc)) {
        return false;
    }
    destroy_buffer(screen, head);
    *head = lit;
    return true;
}

static const struct drm_mode_modeinfo *
preferred_mode(const struct drm_mode_modeinfo *modes, unsigned n_modes)
{
    for (unsigned i = 0; i < n_modes; i++) {
        if (modes[i].type & DRM_MODE_TYPE_PREFERRED) {
            return &modes[i];
        }
    }
    return &modes[0];
}

static uint32_t
crtc_of_encoder(const TgScreen *screen, uint32_t encoder, const struct drm_mode_card_res *resources)
{
    struct drm_mode_get_encoder info = { .encoder_id = encoder };
    const uint32_t *crtcs = (const uint32_t *)(uintptr_t)resources->crtc_id_ptr;

    if (!drm_call(screen, DRM_IOCTL_MODE_GETENCODER, &info)) {
        return 0;
    }
    for (unsigned i = 0; i < resources->count_crtcs; i++) {
        if (info.possible_crtcs >> i & 1) {
            return crtcs[i];
        }
    }
    return 0;
}

/* Lights the connector as the next head if it is connected. */
static bool
probe_connector(TgScreen *screen, uint32_t connector, unsigned index,
                const struct drm_mode_card_res *resources)
{
    struct drm_mode_modeinfo modes[MAX_MODES];
    uint32_t encoders[MAX_ENCODERS];
    struct drm_mode_get_connector info = { .connector_id = connector,
                                           .modes_ptr = (uintptr_t)modes,
                                           .count_modes = MAX_MODES,
                                           .encoders_ptr = (uintptr_t)encoders,
                                           .count_encoders = MAX_ENCODERS };
    struct drm_mode_get_connector count = { .connector_id = connector };

    /* With no room for modes the kernel asks the device again; then fetch what it said. */
    if (!drm_call(screen, DRM_IOCTL_MODE_GETCONNECTOR, &count) ||
        !drm_call(screen, DRM_IOCTL_MODE_GETCONNECTOR, &info) || info.connection != 1 ||
        info.count_modes == 0 || info.count_modes > MAX_MODES || info.count_encoders == 0) {
        return false;
    }

    const struct drm_mode_modeinfo *mode = preferred_mode(modes, info.count_modes);
    TgHead *head = &screen->heads[index];

    head->connector = connector;
    head->crtc = crtc_of_encoder(screen, encoders[0], resources);
    head->picture.head = index;
    if (head->picture.pixels != NULL && head->picture.width == mode->hdisplay &&
        head->picture.height == mode->vdisplay) {
        return true;
    }
    return light_head(screen, head, mode);
}

bool
tg_screen_probe(TgScreen *screen)
{
    uint32_t connectors[TG_MAX_HEADS * 4];
    uint32_t crtcs[TG_MAX_HEADS * 4];
    struct drm_mode_card_res resources = { .connector_id_ptr = (uintptr_t)connectors,
                                           .count_connectors = TG_MAX_HEADS * 4,
                                           .crtc_id_ptr = (uintptr_t)crtcs,
                                           .count_crtcs = TG_MAX_HEADS * 4 };
    unsigned n_lit = 0;

    if (!drm_call(screen, DRM_IOCTL_MODE_GETRESOURCES, &resources)) {
        return false;
    }
    for (unsigned i = 0; i < resources.count_connectors && i < TG_MAX_HEADS; i++) {
        if (probe_connector(screen, connectors[i], i, &resources)) {
            n_lit++;
        }
    }
    screen->n_heads =
        resources.count_connectors < TG_MAX_HEADS ? resources.count_connectors : TG_MAX_HEADS;
    return n_lit > 0;
}

bool
tg_screen_open(TgScreen *screen)
{
    *screen = (TgScreen){ .fd = open("/dev/dri/card0", O_RDWR | O_CLOEXEC) };
    if (screen->fd < 0) {
        return false;
    }
    drm_call(screen, DRM_IOCTL_SET_MASTER, NULL);

    struct drm_mode_create_dumb dumb;

    screen->cursor_pixels = create_buffer(screen, TG_CURSOR_PX, TG_CURSOR_PX, &dumb);
    if (screen->cursor_pixels == NULL) {
        return false;
    }
    screen->cursor_handle = dumb.handle;
    return true;
}

void
tg_screen_flush(TgScreen *screen, TgHead *head, const TgDamage *damage)
{
    for (unsigned i = 0; i < damage->n_rects; i++) {
        TgRect rect = damage->rects[i];
        struct drm_clip_rect clip = { (unsigned short)rect.x, (unsigned short)rect.y,
                                      (unsigned short)(rect.x + rect.width),
                                      (unsigned short)(rect.y + rect.height) };
        struct drm_mode_fb_dirty_cmd dirty = { .fb_id = head->fb,
                                               .num_clips = 1,
                                               .clips_ptr = (uintptr_t)&clip };
        drm_call(screen, DRM_IOCTL_MODE_DIRTYFB, &dirty);
    }
}

void
tg_screen_set_cursor(TgScreen *screen, unsigned shape)
{
    for (int y = 0; y < TG_CURSOR_PX; y++) {
        for (int x = 0; x < TG_CURSOR_PX; x++) {
            screen->cursor_pixels[y * TG_CURSOR_PX + x] = tg_cursor_pixel(shape, x, y);
        }
    }
    screen->cursor_shape = shape;

    struct drm_mode_cursor2 cursor = { .flags = DRM_MODE_CURSOR_BO,
                                       .crtc_id = screen->heads[0].crtc,
                                       .width = TG_CURSOR_PX,
                                       .height = TG_CURSOR_PX,
                                       .handle = screen->cursor_handle,
                                       .hot_x = tg_cursor_hot_spot(shape),
                                       .hot_y = tg_cursor_hot_spot(shape) };

    drm_call(screen, DRM_IOCTL_MODE_CURSOR2, &cursor);
}

void
tg_screen_move_cursor(TgScreen *screen, uint32_t x, uint32_t y)
{
    int hot = tg_cursor_hot_spot(screen->cursor_shape);
    struct drm_mode_cursor2 cursor = { .flags = DRM_MODE_CURSOR_MOVE,
                                       .crtc_id = screen->heads[0].crtc,
                                       .x = (int)x - hot,
                                       .y = (int)y - hot };

    drm_call(screen, DRM_IOCTL_MODE_CURSOR2, &cursor);
}
