/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/gtk/cursor.h"

static guint32
multiply(guint colour, guint alpha)
{
    return (colour * alpha + 127) / 255;
}

cairo_surface_t *
berth_cursor_make_surface(const BerthCursorImage *image)
{
    cairo_surface_t *surface =
        cairo_image_surface_create(CAIRO_FORMAT_ARGB32, image->width, image->height);
    guchar *rows = cairo_image_surface_get_data(surface);
    int stride = cairo_image_surface_get_stride(surface);

    for (int y = 0; y < image->height; y++) {
        const uint8_t *from = image->pixels + (size_t)y * (size_t)image->width * 4;
        guint32 *to = (guint32 *)(gpointer)(rows + (size_t)y * (size_t)stride);

        for (int x = 0; x < image->width; x++, from += 4) {
            guint alpha = from[3];

            to[x] = alpha << 24 | multiply(from[2], alpha) << 16 | multiply(from[1], alpha) << 8 |
                    multiply(from[0], alpha);
        }
    }
    cairo_surface_mark_dirty(surface);
    return surface;
}

static cairo_surface_t *
rescale(cairo_surface_t *surface, int width, int height, double zoom)
{
    cairo_surface_t *scaled = cairo_image_surface_create(
        CAIRO_FORMAT_ARGB32, MAX(1, (int)(width * zoom + 0.5)), MAX(1, (int)(height * zoom + 0.5)));
    cairo_t *cr = cairo_create(scaled);

    cairo_scale(cr, zoom, zoom);
    cairo_set_source_surface(cr, surface, 0, 0);
    cairo_pattern_set_filter(cairo_get_source(cr), CAIRO_FILTER_BILINEAR);
    cairo_paint(cr);
    cairo_destroy(cr);
    cairo_surface_destroy(surface);
    return scaled;
}

GdkCursor *
berth_cursor_new(GdkDisplay *display, const BerthCursorImage *image, double zoom, int device_scale)
{
    cairo_surface_t *surface;
    GdkCursor *cursor;

    if (image == NULL) {
        return gdk_cursor_new_for_display(display, GDK_BLANK_CURSOR);
    }
    surface = berth_cursor_make_surface(image);
    if (zoom != 1.0) {
        surface = rescale(surface, image->width, image->height, zoom);
    }
    cairo_surface_set_device_scale(surface, device_scale, device_scale);
    cursor = gdk_cursor_new_from_surface(display, surface, image->hot_x * zoom / device_scale,
                                         image->hot_y * zoom / device_scale);
    cairo_surface_destroy(surface);
    return cursor != NULL ? cursor : gdk_cursor_new_for_display(display, GDK_LEFT_PTR);
}
