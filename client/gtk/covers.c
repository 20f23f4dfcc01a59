/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/gtk/covers.h"

typedef struct {
    BerthCovers *owner; /* NULL: it is gone */
    GtkWidget *widget;  /* NULL: it is gone */
    bool is_small;
} Cover;

struct BerthCovers {
    GtkWidget *area;
    GPtrArray *list; /* Cover */
    void (*func)(void *user_data);
    void *user_data;
};

BerthCovers *
berth_covers_new(GtkWidget *area, void (*func)(void *user_data), void *user_data)
{
    BerthCovers *self = g_new0(BerthCovers, 1);

    self->area = area;
    self->list = g_ptr_array_new();
    self->func = func;
    self->user_data = user_data;
    return self;
}

static void
on_change(Cover *cover)
{
    if (cover->owner != NULL) {
        cover->owner->func(cover->owner->user_data);
    }
}

/* The cover lives as long as the later of its two ends. */
static void
on_widget_gone(gpointer data)
{
    Cover *cover = data;

    cover->widget = NULL;
    if (cover->owner == NULL) {
        g_free(cover);
    }
}

void
berth_covers_free(BerthCovers *self)
{
    if (self == NULL) {
        return;
    }
    for (guint i = 0; i < self->list->len; i++) {
        Cover *cover = g_ptr_array_index(self->list, i);

        cover->owner = NULL;
        if (cover->widget == NULL) {
            g_free(cover);
        }
    }
    g_ptr_array_unref(self->list);
    g_free(self);
}

void
berth_covers_add(BerthCovers *self, GtkWidget *widget, bool is_small)
{
    Cover *cover = g_new0(Cover, 1);

    cover->owner = self;
    cover->widget = widget;
    cover->is_small = is_small;
    g_ptr_array_add(self->list, cover);
    g_signal_connect_swapped(widget, "map", G_CALLBACK(on_change), cover);
    g_signal_connect_swapped(widget, "unmap", G_CALLBACK(on_change), cover);
    if (is_small) {
        g_signal_connect_swapped(widget, "size-allocate", G_CALLBACK(on_change), cover);
    }
    g_object_set_data_full(G_OBJECT(widget), "berth-cover", cover, on_widget_gone);
}

static BerthRect
get_place(const BerthCovers *self, GtkWidget *widget, int scale)
{
    int x = 0, y = 0;

    gtk_widget_translate_coordinates(widget, self->area, 0, 0, &x, &y);
    return (BerthRect){ x * scale, y * scale, gtk_widget_get_allocated_width(widget) * scale,
                        gtk_widget_get_allocated_height(widget) * scale };
}

size_t
berth_covers_find_holes(const BerthCovers *self, int scale, BerthRect *ret_holes, bool *ret_is_open)
{
    size_t n_holes = 0;

    *ret_is_open = true;
    for (guint i = 0; i < self->list->len; i++) {
        const Cover *cover = g_ptr_array_index(self->list, i);

        if (cover->widget == NULL || !gtk_widget_get_mapped(cover->widget)) {
            continue;
        }
        if (!cover->is_small || n_holes == BERTH_COVERS_MAX_HOLES) {
            *ret_is_open = false;
            return 0;
        }
        ret_holes[n_holes++] = get_place(self, cover->widget, scale);
    }
    return n_holes;
}
