/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/gtk/qr-image.h"

#include <qrencode.h>
#include <stdbool.h>
#include <string.h>

#define MODULE_PX 4
/* The standard wants four modules of white around. */
#define QUIET_MODULES 4

GtkWidget *
berth_qr_image_new(const char *text)
{
    QRcode *code = QRcode_encodeString8bit(text, 0, QR_ECLEVEL_M);
    g_autoptr(GdkPixbuf) pixbuf = NULL;
    int side;

    if (code == NULL) {
        return NULL;
    }
    side = (code->width + 2 * QUIET_MODULES) * MODULE_PX;
    pixbuf = gdk_pixbuf_new(GDK_COLORSPACE_RGB, FALSE, 8, side, side);
    gdk_pixbuf_fill(pixbuf, 0xffffffff);
    for (int y = 0; y < code->width * MODULE_PX; y++) {
        guchar *row = gdk_pixbuf_get_pixels(pixbuf) +
                      (y + QUIET_MODULES * MODULE_PX) * gdk_pixbuf_get_rowstride(pixbuf);

        for (int x = 0; x < code->width * MODULE_PX; x++) {
            bool is_dark = code->data[y / MODULE_PX * code->width + x / MODULE_PX] & 1;

            memset(row + 3 * (x + QUIET_MODULES * MODULE_PX), is_dark ? 0 : 255, 3);
        }
    }
    QRcode_free(code);
    return gtk_image_new_from_pixbuf(pixbuf);
}
