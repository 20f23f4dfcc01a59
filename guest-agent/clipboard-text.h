/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Texts as programs put them on a clipboard, to what goes to the host.  Pure.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * HTML as UTF-8: some programs write it in UTF-16 with a byte order mark, or with a NUL at its end.
 *
 * Returns an owned string, NULL if it is neither.
 */
char *berth_html_to_utf8(const uint8_t *data, size_t len);
