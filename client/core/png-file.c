/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/core/png-file.h"

#include "base/error.h"

#include <errno.h>
#include <glib/gi18n.h>
#include <glib/gstdio.h>
#include <png.h>
#include <string.h>

#define RGB_BYTES 3

/* A copy without gaps and X bytes, so that the picture is locked for no longer than that. */
static guchar *
copy_rgb(BerthPicture *picture, png_image *ret_image)
{
    const BerthFrame *frame = berth_picture_lock(picture);
    guchar *rgb = NULL;

    if (frame != NULL) {
        ret_image->width = (png_uint_32)frame->width;
        ret_image->height = (png_uint_32)frame->height;
        rgb = g_malloc_n((gsize)frame->width * RGB_BYTES, (gsize)frame->height);
        for (int y = 0; y < frame->height; y++) {
            const uint8_t *from = berth_frame_pixel(frame, 0, y);
            guchar *to = rgb + (gsize)y * (gsize)frame->width * RGB_BYTES;

            for (int x = 0; x < frame->width; x++, from += 4, to += RGB_BYTES) {
                to[0] = from[2];
                to[1] = from[1];
                to[2] = from[0];
            }
        }
    }
    berth_picture_unlock(picture);
    return rgb;
}

bool
berth_png_file_write(BerthPicture *picture, const char *path, GError **error)
{
    png_image image = { .version = PNG_IMAGE_VERSION, .format = PNG_FORMAT_RGB };
    g_autofree guchar *rgb = copy_rgb(picture, &image);
    g_autofree guchar *bytes = NULL;
    g_autoptr(GError) why = NULL;
    png_alloc_size_t n_bytes = 0;

    if (rgb == NULL) {
        return berth_set_error(error, BERTH_ERR_NOT_FOUND, _("there is no picture to save yet"));
    }
    n_bytes = PNG_IMAGE_PNG_SIZE_MAX(image);
    bytes = g_try_malloc(n_bytes);
    if (bytes == NULL) {
        return berth_set_error(error, BERTH_ERR_NO_MEMORY, _("no memory for a picture of %ux%u"),
                               image.width, image.height);
    }
    if (!png_image_write_to_memory(&image, bytes, &n_bytes, 0, rgb, 0, NULL)) {
        return berth_set_error(error, BERTH_ERR_INTERNAL, _("the picture cannot be saved (%s)"),
                               image.message);
    }
    if (!g_file_set_contents(path, (const char *)bytes, (gssize)n_bytes, &why)) {
        return berth_set_error(error, BERTH_ERR_IO, _("the picture cannot be saved: %s"),
                               why->message);
    }
    return true;
}
