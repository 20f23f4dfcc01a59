/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A text as a square that a camera reads (QR code).  Thread: main.
 */
#pragma once

#include <gtk/gtk.h>

/* An image of the text, dark on white whatever the theme is; NULL if it is too long.  Floating. */
GtkWidget *berth_qr_image_new(const char *text);
