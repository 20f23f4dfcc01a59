/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/gtk/insight-desk.h"

#include "client/core/diagnostics.h"
#include "client/core/png-file.h"
#include "client/core/screenshot-name.h"
#include "client/gtk/stats-overlay.h"
#include "client/gtk/toolkit.h"
#include "client/gtk/widgets.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "berth/limits.h"

#include <errno.h>
#include <glib/gi18n.h>
#include <glib/gstdio.h>

#define FOLDER_MODE 0700
#define BUNDLE_NAME "berth-diagnostics.tar.gz"

struct BerthInsightDesk {
    GtkWindow *window;
    BerthDesktopPage *page;
    const BerthSettings *settings;
    BerthStatsOverlay *overlay;
    BerthSessionController *controller; /* NULL: none */
    GCancellable *cancellable;          /* what is being saved has nobody to tell any more */
};

static void
show_notice(BerthInsightDesk *self, const char *text)
{
    g_autofree char *sentence = berth_sentence(text);

    berth_desktop_page_show_notice(self->page, sentence);
}

/* --- pictures --- */

/* What a thread saves. */
typedef struct {
    BerthPicture *pictures[BERTH_LIMIT_HEADS]; /* n of them */
    char *paths[BERTH_LIMIT_HEADS];
    unsigned n;
} Shot;

static void
shot_free(gpointer data)
{
    Shot *shot = data;

    for (unsigned i = 0; i < shot->n; i++) {
        berth_picture_unref(shot->pictures[i]);
        g_free(shot->paths[i]);
    }
    g_free(shot);
}

static void
save_shot(GTask *task, gpointer source, gpointer task_data, GCancellable *cancellable)
{
    Shot *shot = task_data;
    GError *error = NULL;

    for (unsigned i = 0; i < shot->n && error == NULL; i++) {
        (void)berth_png_file_write(shot->pictures[i], shot->paths[i], &error);
    }
    if (error != NULL) {
        g_task_return_error(task, error);
    } else {
        g_task_return_boolean(task, TRUE);
    }
}

static void
on_saved(GObject *source, GAsyncResult *result, gpointer user_data)
{
    BerthInsightDesk *self = user_data;
    GTask *task = G_TASK(result);
    Shot *shot = g_task_get_task_data(task);
    g_autoptr(GError) error = NULL;
    g_autofree char *folder = NULL;
    g_autofree char *text = NULL;

    if (g_cancellable_is_cancelled(g_task_get_cancellable(task))) {
        return; /* the window is gone, and we with it */
    }
    if (!g_task_propagate_boolean(task, &error)) {
        show_notice(self, error->message);
        return;
    }
    folder = g_path_get_dirname(shot->paths[0]);
    text = shot->n > 1 ? g_strdup_printf(_("The pictures are saved in %s"), folder)
                       : g_strdup_printf(_("The picture is saved as %s"), shot->paths[0]);
    show_notice(self, text);
}

/* Made if it is not there. */
static char *
get_folder(GError **error)
{
    const char *pictures = g_get_user_special_dir(G_USER_DIRECTORY_PICTURES);
    const char *folder = pictures != NULL ? pictures : g_get_home_dir();

    if (g_mkdir_with_parents(folder, FOLDER_MODE) != 0) {
        berth_set_error(error, BERTH_ERR_IO, _("the folder '%s' for pictures cannot be made: %s"),
                        folder, g_strerror(errno));
        return NULL;
    }
    return g_strdup(folder);
}

static Shot *
new_shot(BerthInsightDesk *self, const char *desktop, GError **error)
{
    g_autofree char *folder = get_folder(error);
    g_autoptr(GDateTime) now = g_date_time_new_from_unix_local(berth_wall_us() / G_USEC_PER_SEC);
    Shot *shot;

    if (folder == NULL) {
        return NULL;
    }
    shot = g_new0(Shot, 1);
    for (unsigned i = 0; i < BERTH_LIMIT_HEADS; i++) {
        BerthPicture *picture = berth_session_controller_get_picture(self->controller, i);
        g_autofree char *name = berth_screenshot_name(desktop, now, i);
        int width, height;

        berth_picture_get_size(picture, &width, &height);
        if (width > 0) {
            shot->pictures[shot->n] = berth_picture_ref(picture);
            shot->paths[shot->n++] = g_build_filename(folder, name, NULL);
        }
    }
    return shot;
}

/* text: to be translated */
static void
refuse(BerthInsightDesk *self, const char *text)
{
    berth_log_info("window", "no picture is saved: %s", text);
    show_notice(self, _(text));
}

static void
save_pictures(BerthInsightDesk *self, const char *desktop)
{
    g_autoptr(GTask) task = NULL;
    g_autoptr(GError) error = NULL;
    Shot *shot;

    if (self->controller == NULL ||
        berth_session_controller_get_session(self->controller) == NULL) {
        refuse(self, N_("there is no desktop to save a picture of; open one"));
        return;
    }
    if (!berth_session_controller_get_stats(self->controller)->may_save_pictures) {
        refuse(self, N_("no picture of this desktop may be saved; ask your administrator for it"));
        return;
    }
    shot = new_shot(self, desktop, &error);
    if (shot == NULL) {
        show_notice(self, error->message);
        return;
    }
    if (shot->n == 0) {
        shot_free(shot);
        refuse(self, N_("there is no picture to save yet"));
        return;
    }
    task = g_task_new(NULL, self->cancellable, on_saved, self);
    g_task_set_task_data(task, shot, shot_free);
    g_task_run_in_thread(task, save_shot);
}

/* --- diagnostics --- */

static void
write_diagnostics(BerthInsightDesk *self, const char *path)
{
    g_autofree char *system = berth_diagnostics_describe_system();
    g_autofree char *toolkit = berth_toolkit_describe();
    g_autofree char *about = g_strconcat(system, toolkit, NULL);
    g_autofree char *log = berth_log_dup_kept();
    g_autofree char *report = berth_stats_overlay_describe(self->overlay);
    const BerthDiagnostics diagnostics = {
        .settings = self->settings,
        .stats =
            self->controller != NULL ? berth_session_controller_get_stats(self->controller) : NULL,
        .report = report,
        .about = about,
        .log = log,
    };
    g_autoptr(GError) error = NULL;
    g_autofree char *text = NULL;

    if (!berth_diagnostics_write(&diagnostics, path, &error)) {
        show_notice(self, error->message);
        return;
    }
    text = g_strdup_printf(_("The diagnostics are saved as %s; they hold no password, and you can "
                             "look at them"),
                           path);
    show_notice(self, text);
}

static void
save_diagnostics(BerthInsightDesk *self)
{
    g_autoptr(GtkFileChooserNative) chooser =
        gtk_file_chooser_native_new(_("Save diagnostics"), self->window,
                                    GTK_FILE_CHOOSER_ACTION_SAVE, _("_Save"), _("_Cancel"));
    g_autofree char *path = NULL;

    gtk_file_chooser_set_do_overwrite_confirmation(GTK_FILE_CHOOSER(chooser), TRUE);
    gtk_file_chooser_set_current_name(GTK_FILE_CHOOSER(chooser), BUNDLE_NAME);
    if (gtk_native_dialog_run(GTK_NATIVE_DIALOG(chooser)) == GTK_RESPONSE_ACCEPT) {
        path = gtk_file_chooser_get_filename(GTK_FILE_CHOOSER(chooser));
    }
    if (path != NULL) {
        write_diagnostics(self, path);
    }
}

/* --- both --- */

static void
insight_desk_free(gpointer data)
{
    BerthInsightDesk *self = data;

    g_cancellable_cancel(self->cancellable);
    g_object_unref(self->cancellable);
    g_free(self);
}

BerthInsightDesk *
berth_insight_desk_new(GtkWindow *window, BerthDesktopPage *page, const BerthSettings *settings)
{
    BerthInsightDesk *self = g_new0(BerthInsightDesk, 1);

    self->window = window;
    self->page = page;
    self->settings = settings;
    self->cancellable = g_cancellable_new();
    self->overlay = berth_stats_overlay_new();
    berth_desktop_page_put_sign_over(page, berth_stats_overlay_get_widget(self->overlay));
    g_object_set_data_full(G_OBJECT(window), "berth-insight", self, insight_desk_free);
    return self;
}

void
berth_insight_desk_set_controller(BerthInsightDesk *self, BerthSessionController *controller)
{
    self->controller = controller;
    berth_stats_overlay_set_controller(self->overlay, controller);
}

bool
berth_insight_desk_command(BerthInsightDesk *self, BerthHeaderCommand command, const char *desktop)
{
    switch (command) {
    case BERTH_HEADER_STATISTICS:
        berth_stats_overlay_show(self->overlay, !berth_stats_overlay_is_shown(self->overlay));
        return true;
    case BERTH_HEADER_SCREENSHOT:
        save_pictures(self, desktop);
        return true;
    case BERTH_HEADER_DIAGNOSTICS:
        save_diagnostics(self);
        return true;
    default:
        return false;
    }
}
