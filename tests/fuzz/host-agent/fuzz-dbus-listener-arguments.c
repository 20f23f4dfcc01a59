/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Calls of a display listener with hostile arguments, one after the other, into a real frame: no
 * byte outside of what was given may be read, none outside of the frame written.
 *
 * Input: records {u8 kind, u32 a, b, c, d, stride, format, u16 n_bytes, bytes}.
 */
#include "host-agent/session/dbus-listener.h"

#include "base/bytes-reader.h"
#include "berth/errors.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>

/* Keeps one input fast: a mode of 32 Mpx is legal. */
#define MAX_AREA_PX (1024 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct {
    BerthFrame *frame;
    BerthDamage *damage;
} Target;

static void
set_mode(Target *target, int w, int h)
{
    if ((int64_t)w * h > MAX_AREA_PX) {
        return;
    }
    berth_frame_unref(target->frame);
    berth_damage_free(target->damage);
    target->frame = berth_frame_new(w, h);
    target->damage = berth_damage_new(w, h);
}

static void
write_picture(Target *target, const BerthListenerPicture *picture)
{
    BerthRect bounds;

    if (!target->frame) {
        return;
    }
    bounds = berth_frame_get_rect(target->frame);
    if (!berth_rect_contains(bounds, picture->rect)) {
        return;
    }
    if (berth_damage_compare_copy(target->damage, target->frame, picture->rect, &picture->source) !=
        BERTH_OK) {
        abort(); /* what the check accepts must be writable */
    }
}

static void
run_record(Target *target, uint8_t kind, const uint32_t *v, const uint8_t *bytes, size_t n_bytes)
{
    BerthListenerPicture picture;
    BerthCursorShape shape;
    BerthRect rect = { (int)v[0], (int)v[1], (int)v[2], (int)v[3] };
    int mode_w = target->frame ? target->frame->width : 0;
    int mode_h = target->frame ? target->frame->height : 0;

    switch (kind % 3) {
    case 0:
        if (berth_dbus_listener_check_scanout(v[0], v[1], v[4], v[5], bytes, n_bytes, &picture) ==
            BERTH_OK) {
            set_mode(target, picture.rect.w, picture.rect.h);
            write_picture(target, &picture);
        }
        break;
    case 1:
        if (berth_dbus_listener_check_update(&rect, v[4], v[5], bytes, n_bytes, mode_w, mode_h,
                                             &picture) == BERTH_OK) {
            write_picture(target, &picture);
        }
        break;
    default:
        if (berth_dbus_listener_check_cursor(rect.x, rect.y, rect.w, rect.h, bytes, n_bytes,
                                             &shape) == BERTH_OK) {
            g_free(g_memdup2(shape.pixels, shape.size_bytes));
        }
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Target target = { NULL, NULL };
    BerthReader reader;

    berth_reader_init(&reader, data, size);
    while (berth_reader_remaining(&reader) > 0 && reader.error == BERTH_OK) {
        uint8_t kind = berth_reader_get_u8(&reader);
        uint32_t v[6];
        size_t n_bytes;
        g_autofree uint8_t *bytes = NULL;

        for (size_t i = 0; i < G_N_ELEMENTS(v); i++) {
            v[i] = berth_reader_get_u32(&reader);
        }
        n_bytes = MIN(berth_reader_get_u16(&reader), berth_reader_remaining(&reader));
        bytes = g_malloc(n_bytes); /* exact, so that a sanitizer sees one byte too much */
        berth_reader_get_bytes(&reader, bytes, n_bytes);
        run_record(&target, kind, v, bytes, n_bytes);
    }
    berth_frame_unref(target.frame);
    berth_damage_free(target.damage);
    return 0;
}
