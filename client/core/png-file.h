/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Pictures as PNG files.  Thread: any; blocks.
 */
#pragma once

#include "client/core/picture.h"

#include <glib.h>
#include <stdbool.h>

/*
 * Saves the present picture; the file appears whole or not at all.
 *
 * Errors: BERTH_ERR_NOT_FOUND if there is no picture yet, BERTH_ERR_NO_MEMORY, BERTH_ERR_IO.
 */
bool berth_png_file_write(BerthPicture *picture, const char *path, GError **error);
