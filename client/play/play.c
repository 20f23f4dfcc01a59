/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/play/play.h"

#include "client/core/png-file.h"
#include "client/core/translation.h"
#include "client/play/recording-file.h"

#include "base/error.h"
#include "base/id.h"
#include "berth/limits.h"

#include <glib/gi18n.h>
#include <stdio.h>

#define EXIT_USAGE 1
#define EXIT_FILE 2

static void
tell(const char *text)
{
    fprintf(stderr, "berth play: %s\n", text);
}

static bool
check_options(const BerthPlayOptions *options, GError **error)
{
    if (options->path == NULL) {
        return berth_set_error(error, BERTH_ERR_INVALID, _("no recording is given"));
    }
    if (!(options->at_s >= 0 && options->at_s <= BERTH_LIMIT_RECORDING_US / 1e6)) {
        return berth_set_error(error, BERTH_ERR_INVALID, _("--at %g is not a time in a recording"),
                               options->at_s);
    }
    if (options->head < 0 || options->head >= (int)BERTH_LIMIT_HEADS) {
        return berth_set_error(error, BERTH_ERR_INVALID, _("--head %d is not 0 to %u"),
                               options->head, BERTH_LIMIT_HEADS - 1);
    }
    if (options->is_headless && options->screenshot == NULL) {
        return berth_set_error(error, BERTH_ERR_INVALID,
                               _("--headless needs something to do: --screenshot FILE"));
    }
    return true;
}

static bool
parse(int argc, char **argv, BerthPlayOptions *ret, GError **error)
{
    g_auto(GStrv) files = NULL;
    const GOptionEntry entries[] = {
        { "at", 0, 0, G_OPTION_ARG_DOUBLE, &ret->at_s, N_("Start at this second"), N_("SECONDS") },
        { "head", 0, 0, G_OPTION_ARG_INT, &ret->head, N_("Show this screen, 0 by default"), "N" },
        { "headless", 0, 0, G_OPTION_ARG_NONE, &ret->is_headless, N_("Open no window"), NULL },
        { "screenshot", 0, 0, G_OPTION_ARG_FILENAME, &ret->screenshot,
          N_("Save the picture as PNG and end"), N_("FILE") },
        { "info", 0, 0, G_OPTION_ARG_NONE, &ret->shows_info, N_("Tell what the recording is"),
          NULL },
        { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &files, NULL, N_("FILE") },
        { 0 },
    };
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);
    /* GLib takes strings out of the vector while it parses. */
    g_autofree char **copy = g_memdup2(argv, ((gsize)argc + 1) * sizeof *argv);
    g_option_context_set_translation_domain(context, BERTH_TRANSLATION_DOMAIN);
    g_option_context_set_summary(context, N_("Shows a recorded session."));
    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, &argc, &copy, error)) {
        return false;
    }
    if (files != NULL && files[0] != NULL && files[1] != NULL) {
        return berth_set_error(error, BERTH_ERR_INVALID, _("%s is one recording too many"),
                               files[1]);
    }
    ret->path = files != NULL ? g_strdup(files[0]) : NULL;
    return check_options(ret, error);
}

static void
print_info(BerthRecordingFile *file)
{
    BerthRecordingReader *reader = berth_recording_file_get_reader(file);
    const BerthRecordingHeader *header = berth_recording_reader_get_header(reader);
    g_autoptr(GDateTime) started =
        g_date_time_new_from_unix_utc(header->started_us / G_USEC_PER_SEC);
    g_autofree char *text = started != NULL ? g_date_time_format_iso8601(started) : NULL;
    char session[BERTH_ID_HEX_CHARS + 1];

    berth_id_format(&header->session, session);
    printf("started: %s\n", text != NULL ? text : "unknown");
    printf("session: %s\n", session);
    printf("duration: %.3f s\n", (double)berth_recording_reader_get_duration_us(reader) / 1e6);
    printf("places to start from: %zu\n", berth_recording_reader_get_n_streams(reader));
    printf("size: %" G_GUINT64_FORMAT " bytes\n", berth_recording_file_get_size(file));
    printf("complete: %s\n", berth_recording_reader_is_cut(reader) ? "no, it was cut" : "yes");
}

static bool
save_picture(const BerthPlayOptions *options, const BerthPlayer *player, GError **error)
{
    const BerthFrame *frame = berth_player_get_picture(player, (uint16_t)options->head);
    BerthPicture *picture;
    bool is_saved;

    if (frame == NULL) {
        return berth_set_error(error, BERTH_ERR_NOT_FOUND, _("screen %d shows nothing at %.3f s"),
                               options->head, options->at_s);
    }
    picture = berth_picture_new();
    BerthRect all = berth_frame_get_rect(frame);
    berth_picture_update(picture, frame, &all, 1);
    is_saved = berth_png_file_write(picture, options->screenshot, error);
    berth_picture_unref(picture);
    return is_saved;
}

/* Does what needs no window.  Errors are told. */
static int
run(const BerthPlayOptions *options, BerthPlayWindowFunc show_window)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(BerthRecordingFile) file = berth_recording_file_open(options->path, &error);
    g_autoptr(BerthPlayer) player = NULL;

    if (file == NULL) {
        tell(error->message);
        return EXIT_FILE;
    }
    if (options->shows_info) {
        print_info(file);
        return 0;
    }
    player = berth_player_new(berth_recording_file_get_reader(file));
    bool is_good = berth_player_seek(player, (int64_t)(options->at_s * 1e6), &error);
    if (options->screenshot == NULL) {
        return show_window(options, player, berth_recording_file_get_reader(file));
    }
    if (is_good) {
        is_good = save_picture(options, player, &error);
    }
    if (!is_good) {
        tell(error->message);
    }
    return is_good ? 0 : EXIT_FILE;
}

int
berth_play_main(int argc, char **argv, BerthPlayWindowFunc show_window)
{
    g_autoptr(GError) error = NULL;
    BerthPlayOptions options = { 0 };
    int status = EXIT_USAGE;

    g_set_prgname("berth play");
    if (parse(argc, argv, &options, &error)) {
        status = run(&options, show_window);
    } else {
        tell(error->message);
    }
    g_free(options.path);
    g_free(options.screenshot);
    return status;
}
