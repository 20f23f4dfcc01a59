/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A small window in the corner of the screen from which files can be dragged, for
 * test_clipboard_files.py:
 *
 *   drag-source URI...
 *
 * Says "ready" when it is on the screen, "accepted" when what is under the pointer takes the files,
 * and "done" or "failed" after each drag.
 */
#include <gtk/gtk.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/prctl.h>

#define SIDE_PX 60

static void
say(const char *text)
{
    printf("%s\n", text);
    fflush(stdout);
}

static void
on_data(GtkWidget *widget, GdkDragContext *context, GtkSelectionData *selection, guint info,
        guint time_ms, gpointer user_data)
{
    gtk_selection_data_set_uris(selection, user_data);
}

static void
on_action(GdkDragContext *context, GdkDragAction action, gpointer user_data)
{
    if (action != 0) {
        say("accepted");
    }
}

static void
on_begin(GtkWidget *widget, GdkDragContext *context, gpointer user_data)
{
    g_signal_connect(context, "action-changed", G_CALLBACK(on_action), NULL);
}

static void
on_end(GtkWidget *widget, GdkDragContext *context, gpointer user_data)
{
    say("done");
}

static gboolean
on_failed(GtkWidget *widget, GdkDragContext *context, GtkDragResult result, gpointer user_data)
{
    say("failed");
    return TRUE;
}

static gboolean
on_map(GtkWidget *widget, GdkEvent *event, gpointer user_data)
{
    say("ready");
    return FALSE;
}

int
main(int argc, char **argv)
{
    static const GtkTargetEntry targets[] = { { (char *)"text/uri-list", 0, 0 } };
    GtkWidget *window, *area;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (!gtk_init_check(&argc, &argv) || argc < 2) {
        return 2;
    }
    window = gtk_window_new(GTK_WINDOW_POPUP);
    gtk_window_move(GTK_WINDOW(window), 0, 0);
    gtk_widget_set_size_request(window, SIDE_PX, SIDE_PX);
    area = gtk_event_box_new();
    gtk_container_add(GTK_CONTAINER(window), area);
    gtk_drag_source_set(area, GDK_BUTTON1_MASK, targets, G_N_ELEMENTS(targets), GDK_ACTION_COPY);
    g_signal_connect(area, "drag-data-get", G_CALLBACK(on_data), argv + 1);
    g_signal_connect(area, "drag-begin", G_CALLBACK(on_begin), NULL);
    g_signal_connect(area, "drag-end", G_CALLBACK(on_end), NULL);
    g_signal_connect(area, "drag-failed", G_CALLBACK(on_failed), NULL);
    g_signal_connect(window, "map-event", G_CALLBACK(on_map), NULL);
    gtk_widget_show_all(window);
    gtk_main();
    return 0;
}
