/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/gtk/wayland-globals.h"

#include <fractional-scale-v1-client-protocol.h>
#include <gdk/gdkwayland.h>
#include <string.h>
#include <viewporter-client-protocol.h>

/* Since version 4 damage is told in pixels of the buffer, whatever it is scaled by. */
#define COMPOSITOR_VERSION 4
#define DATA_KEY "berth-wayland-globals"

static void
on_global(void *user_data, struct wl_registry *registry, uint32_t name, const char *interface,
          uint32_t version)
{
    BerthWaylandGlobals *self = user_data;

    if (strcmp(interface, wl_compositor_interface.name) == 0 && version >= COMPOSITOR_VERSION) {
        self->compositor =
            wl_registry_bind(registry, name, &wl_compositor_interface, COMPOSITOR_VERSION);
    } else if (strcmp(interface, wl_subcompositor_interface.name) == 0) {
        self->subcompositor = wl_registry_bind(registry, name, &wl_subcompositor_interface, 1);
    } else if (strcmp(interface, wl_shm_interface.name) == 0) {
        self->shm = wl_registry_bind(registry, name, &wl_shm_interface, 1);
    } else if (strcmp(interface, wp_viewporter_interface.name) == 0) {
        self->viewporter = wl_registry_bind(registry, name, &wp_viewporter_interface, 1);
    } else if (strcmp(interface, wp_fractional_scale_manager_v1_interface.name) == 0) {
        self->fractional =
            wl_registry_bind(registry, name, &wp_fractional_scale_manager_v1_interface, 1);
    }
}

static void
on_global_remove(void *user_data, struct wl_registry *registry, uint32_t name)
{
    /* Compositors do not take these back. */
}

static const struct wl_registry_listener registry_listener = {
    .global = on_global,
    .global_remove = on_global_remove,
};

/* From a queue of its own to GTK's, which the main loop reads. */
static void
move_to_main(void *proxy)
{
    if (proxy != NULL) {
        wl_proxy_set_queue(proxy, NULL);
    }
}

static void
globals_free(gpointer data)
{
    BerthWaylandGlobals *self = data;

    g_clear_pointer(&self->compositor, wl_compositor_destroy);
    g_clear_pointer(&self->subcompositor, wl_subcompositor_destroy);
    g_clear_pointer(&self->shm, wl_shm_destroy);
    g_clear_pointer(&self->viewporter, wp_viewporter_destroy);
    g_clear_pointer(&self->fractional, wp_fractional_scale_manager_v1_destroy);
    g_free(self);
}

/* Asks on a queue of its own: nothing of GTK's is dispatched meanwhile. */
static void
ask(BerthWaylandGlobals *self, struct wl_display *display)
{
    struct wl_event_queue *queue = wl_display_create_queue(display);
    struct wl_display *wrapper = wl_proxy_create_wrapper(display);
    struct wl_registry *registry;

    wl_proxy_set_queue((struct wl_proxy *)wrapper, queue);
    registry = wl_display_get_registry(wrapper);
    wl_proxy_wrapper_destroy(wrapper);
    wl_registry_add_listener(registry, &registry_listener, self);
    wl_display_roundtrip_queue(display, queue);
    move_to_main(self->compositor);
    move_to_main(self->subcompositor);
    move_to_main(self->shm);
    move_to_main(self->viewporter);
    move_to_main(self->fractional);
    wl_registry_destroy(registry);
    wl_event_queue_destroy(queue);
}

const BerthWaylandGlobals *
berth_wayland_globals_get(GdkDisplay *display)
{
    BerthWaylandGlobals *self = g_object_get_data(G_OBJECT(display), DATA_KEY);

    if (!GDK_IS_WAYLAND_DISPLAY(display)) {
        return NULL;
    }
    if (self == NULL) {
        self = g_new0(BerthWaylandGlobals, 1);
        ask(self, gdk_wayland_display_get_wl_display(display));
        g_object_set_data_full(G_OBJECT(display), DATA_KEY, self, globals_free);
    }
    return self->compositor != NULL && self->subcompositor != NULL && self->shm != NULL ? self
                                                                                        : NULL;
}
