/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the file of a screenshot is called.  Pure.
 */
#pragma once

#include <glib.h>

/*
 * "Berth office 2026-11-22 18-05-09.png", with " screen 2" for the second head.
 *
 * desktop: name from elsewhere, valid UTF-8; what has no place in a file name becomes '_', and only
 *          its beginning is used; may be NULL
 * time:    of the picture
 * head:    from 0 on
 *
 * Ownership: new text, UTF-8.
 */
char *berth_screenshot_name(const char *desktop, GDateTime *time, unsigned head);
