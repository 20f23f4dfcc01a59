/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/probe/probe-options.h"

#include "client/probe/probe-action.h"

#include "base/error.h"
#include "base/id.h"

#include <string.h>

#define DEFAULT_TIMEOUT_S 60.0
#define MAX_TIMEOUT_S 86400.0

static const char summary[] =
    "Opens a desktop without a window, by a login at a broker or directly, does what the options\n"
    "say in their order, and tells by its exit status how it went.";

static const char description[] =
    "Exit status: 0 all done, 1 wrong command line, 2 login refused, 3 no desktop, 4 connection\n"
    "lost, 5 timeout, 6 not trusted, 7 session ended by the other side, 8 other errors, 130 signal.";

/* An option that is an action: appended in the order of the command line. */
static gboolean
on_action(const gchar *option, const gchar *value, gpointer user_data, GError **error)
{
    BerthProbeOptions *options = user_data;
    const BerthProbeRow *row = berth_probe_find_row(option + strlen("--"));
    BerthProbeAction *action = berth_probe_action_parse(row, value, error);

    if (action == NULL) {
        return FALSE;
    }
    g_ptr_array_add(options->actions, action);
    return TRUE;
}

static GOptionGroup *
make_action_group(BerthProbeOptions *options)
{
    GOptionGroup *group =
        g_option_group_new("actions", "Actions, done in order:", "Show actions", options, NULL);
    size_t n_rows = 0;
    const BerthProbeRow *rows = berth_probe_rows(&n_rows);

    for (size_t i = 0; i < n_rows; i++) {
        GOptionEntry entry[2] = { 0 };

        if (rows[i].is_script_only) {
            continue;
        }
        entry[0].long_name = rows[i].name;
        entry[0].arg = G_OPTION_ARG_CALLBACK;
        entry[0].arg_data = (gpointer)on_action;
        entry[0].description = rows[i].doc;
        entry[0].arg_description = rows[i].arg_name;
        if (rows[i].arg == BERTH_PROBE_ARG_NONE) {
            entry[0].flags = G_OPTION_FLAG_NO_ARG;
        } else if (rows[i].arg == BERTH_PROBE_ARG_OPTIONAL_TIME) {
            entry[0].flags = G_OPTION_FLAG_OPTIONAL_ARG;
        } else if (rows[i].arg == BERTH_PROBE_ARG_FILE) {
            /* As it was written, whatever the locale. */
            entry[0].flags = G_OPTION_FLAG_FILENAME;
        }
        g_option_group_add_entries(group, entry);
    }
    return group;
}

static bool
check(BerthProbeOptions *options, GError **error)
{
    if (options->direct_file == NULL && !berth_probe_login_check(&options->login, error)) {
        return false;
    }
    if (options->direct_file != NULL && options->login.broker != NULL) {
        return berth_set_error(error, BERTH_ERR_INVALID,
                               "--direct goes to a session without a broker; leave out --broker "
                               "'%s'",
                               options->login.broker);
    }
    if (options->shadow != NULL && berth_id_parse(options->shadow, &options->session) != BERTH_OK) {
        return berth_set_error(error, BERTH_ERR_INVALID,
                               "'%s' is no id of a session; berthctl sessions lists them",
                               options->shadow);
    }
    if (options->script != NULL && strcmp(options->script, "-") != 0) {
        return berth_set_error(error, BERTH_ERR_INVALID,
                               "'%s' is not a script; only - (standard input) is supported",
                               options->script);
    }
    if (!(options->timeout_s > 0) || options->timeout_s > MAX_TIMEOUT_S) {
        return berth_set_error(error, BERTH_ERR_INVALID,
                               "a timeout of %g s is not possible; give 1 to %g",
                               options->timeout_s, MAX_TIMEOUT_S);
    }
    return true;
}

static bool
parse(GOptionContext *context, int argc, const char *const *argv, GError **error)
{
    g_auto(GStrv) copy = g_new0(char *, argc + 1);
    g_autoptr(GError) why = NULL;

    for (int i = 0; i < argc; i++) {
        copy[i] = g_strdup(argv[i]);
    }
    if (!g_option_context_parse_strv(context, &copy, &why)) {
        return berth_set_error(error, BERTH_ERR_INVALID, "%s; see berth probe --help",
                               why->message);
    }
    if (g_strv_length(copy) > 1) {
        return berth_set_error(error, BERTH_ERR_INVALID,
                               "'%s' is not an option; see berth probe --help", copy[1]);
    }
    return true;
}

bool
berth_probe_options_parse(int argc, const char *const *argv, BerthProbeOptions *ret_options,
                          GError **error)
{
    BerthProbeOptions *o = ret_options;
    gboolean allows_shadow = FALSE;
    gboolean is_quiet = FALSE, waits_for_echo = FALSE, shows_version = FALSE, shows_events = FALSE;
    gboolean shows_steps = FALSE;
    const GOptionEntry entries[] = {
        { "direct", 0, 0, G_OPTION_ARG_FILENAME, &o->direct_file,
          "open the display that berth-session --share tells of in this file", "FILE" },
        { "desktop", 0, 0, G_OPTION_ARG_STRING, &o->desktop, "name or id of the desktop", "NAME" },
        { "shadow", 0, 0, G_OPTION_ARG_STRING, &o->shadow,
          "watch this session instead, if its user agrees", "SESSION" },
        { "control", 0, 0, G_OPTION_ARG_NONE, &o->wants_control,
          "with --shadow: ask for keys and pointer, too", NULL },
        { "stats", 0, 0, G_OPTION_ARG_FILENAME, &o->stats_file, "write all numbers as JSON",
          "FILE" },
        { "script", 0, 0, G_OPTION_ARG_STRING, &o->script,
          "then do what the lines of standard input say", "-" },
        { "events", 0, 0, G_OPTION_ARG_NONE, &shows_events,
          "also print a line when the desktop opens, is lost, comes back or ends", NULL },
        { "steps", 0, 0, G_OPTION_ARG_NONE, &shows_steps,
          "print a line for each step: login, list, open, each action, and one at the end", NULL },
        { "timeout", 0, 0, G_OPTION_ARG_DOUBLE, &o->timeout_s,
          "give up after so many seconds (60); with --script: for each wait", "S" },
        { "allow-shadow", 0, 0, G_OPTION_ARG_NONE, &allows_shadow,
          "allow those who ask to watch; without it they are refused", NULL },
        { "wait-key-echo", 0, 0, G_OPTION_ARG_NONE, &waits_for_echo,
          "after each press wait until it changed the picture", NULL },
        { "quiet", 'q', 0, G_OPTION_ARG_NONE, &is_quiet, "say nothing unless it fails", NULL },
        { "version", 0, 0, G_OPTION_ARG_NONE, &shows_version, "tell the version", NULL },
        { 0 },
    };
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);

    memset(o, 0, sizeof *o);
    berth_probe_login_init(&o->login);
    o->timeout_s = DEFAULT_TIMEOUT_S;
    o->actions = g_ptr_array_new_with_free_func((GDestroyNotify)berth_probe_action_free);
    g_option_context_set_summary(context, summary);
    g_option_context_set_description(context, description);
    berth_probe_login_add_options(&o->login, context);
    g_option_context_add_main_entries(context, entries, NULL);
    g_option_context_add_group(context, make_action_group(o));
    if (!parse(context, argc, argv, error)) {
        return false;
    }
    o->is_quiet = is_quiet;
    o->shows_events = shows_events;
    o->shows_steps = shows_steps;
    o->allows_shadow = allows_shadow;
    o->waits_for_echo = waits_for_echo;
    o->shows_version = shows_version;
    return shows_version || check(o, error);
}

void
berth_probe_options_clear(BerthProbeOptions *options)
{
    berth_probe_login_clear(&options->login);
    g_free(options->direct_file);
    g_free(options->desktop);
    g_free(options->shadow);
    g_free(options->stats_file);
    g_free(options->script);
    g_clear_pointer(&options->actions, g_ptr_array_unref);
}
