/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a Wayland compositor offers beyond what GTK asks for.
 *
 * Bound once a display, on GTK's connection; lives as long as the display.  Thread: main.
 */
#pragma once

#include <gtk/gtk.h>
#include <wayland-client.h>

struct wp_fractional_scale_manager_v1;
struct wp_viewporter;

typedef struct {
    struct wl_compositor *compositor; /* with damage in pixels of the buffer */
    struct wl_subcompositor *subcompositor;
    struct wl_shm *shm;
    struct wp_viewporter *viewporter;                  /* NULL: the compositor does not scale */
    struct wp_fractional_scale_manager_v1 *fractional; /* NULL: scales are whole numbers */
} BerthWaylandGlobals;

/*
 * Returns what there is; borrowed.  NULL if the display is no Wayland compositor, or has not got
 * what a surface of our own takes.
 */
const BerthWaylandGlobals *berth_wayland_globals_get(GdkDisplay *display);
