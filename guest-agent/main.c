/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * berth-guest: the agent of Berth in the X session of a desktop.  It runs as the user of the
 * session, has no rights of its own, and ends where there is no port to a host.
 */
#include "guest-agent/agent.h"

#include "base/log.h"
#include "base/main-loop.h"

#include <gtk/gtk.h>
#include <stdio.h>
#include <stdlib.h>

#define PORT "/dev/virtio-ports/org.berth.agent.0"
/* A port that is not ours yet (the session has just begun), or that another session has. */
#define RETRY_S 3

typedef struct {
    GMainLoop *loop;
    BerthSessionAgent *agent;
    const char *path;
    bool has_complained;
} Program;

static gboolean wants_version;
static char *port_path;

static const GOptionEntry options[] = {
    { "port", 0, 0, G_OPTION_ARG_FILENAME, &port_path, "The device of the port to the host",
      "FILE" },
    { "version", 0, 0, G_OPTION_ARG_NONE, &wants_version, "Print the version and exit", NULL },
    { NULL },
};

static gboolean
on_try(gpointer user_data)
{
    Program *program = user_data;
    g_autoptr(GError) error = NULL;

    program->agent = berth_session_agent_new(program->path, &error);
    if (program->agent) {
        return G_SOURCE_REMOVE;
    }
    if (g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_NOENT)) {
        berth_log_info("agent", "%s: this is no desktop of Berth", error->message);
        g_main_loop_quit(program->loop);
        return G_SOURCE_REMOVE;
    }
    if (!program->has_complained) {
        berth_log_warning("agent", "%s; trying again", error->message);
        program->has_complained = true;
    }
    return G_SOURCE_CONTINUE;
}

static int
run(void)
{
    Program program = { .path = port_path ? port_path : PORT };

    program.loop = g_main_loop_new(NULL, FALSE);
    if (on_try(&program) == G_SOURCE_CONTINUE) {
        g_timeout_add_seconds(RETRY_S, on_try, &program);
    }
    if (program.agent || program.has_complained) {
        berth_main_loop_run(program.loop);
    }
    berth_session_agent_free(program.agent);
    g_main_loop_unref(program.loop);
    return EXIT_SUCCESS;
}

int
main(int argc, char **argv)
{
    g_autoptr(GOptionContext) context = g_option_context_new("- the agent of a Berth desktop");
    g_autoptr(GError) error = NULL;

    g_option_context_add_main_entries(context, options, NULL);
    if (!g_option_context_parse(context, &argc, &argv, &error)) {
        fprintf(stderr, "berth-guest: %s\n", error->message);
        return 2;
    }
    if (wants_version) {
        printf("berth-guest %s\n", BERTH_VERSION);
        return EXIT_SUCCESS;
    }
    if (argc > 1) {
        fprintf(stderr, "berth-guest: \"%s\" is no option\n", argv[1]);
        return 2;
    }
    berth_log_init("berth-guest");
    gdk_set_allowed_backends("x11");
    if (!gtk_init_check(&argc, &argv)) {
        fprintf(stderr, "berth-guest: there is no X display: is DISPLAY set?\n");
        return EXIT_FAILURE;
    }
    return run();
}
