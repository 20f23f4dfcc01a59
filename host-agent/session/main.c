/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * berth-session: shows one desktop to one user.  Everything it needs comes over the control
 * socket that the agent gives it.
 */
#include "host-agent/session/desktop-session.h"

#include "base/log.h"
#include "base/main-loop.h"

#include <fcntl.h>
#include <glib.h>
#include <stdio.h>
#include <sys/socket.h>

static int control_fd = -1;
static gboolean wants_version;

static const GOptionEntry options[] = {
    { "control-fd", 0, 0, G_OPTION_ARG_INT, &control_fd,
      "Listening SOCK_SEQPACKET socket for the agent", "N" },
    { "version", 0, 0, G_OPTION_ARG_NONE, &wants_version, "Print the version and exit", NULL },
    { NULL },
};

static bool
parse_options(int argc, char **argv)
{
    g_autoptr(GOptionContext) context = g_option_context_new("- show one desktop to one user");
    g_autoptr(GError) error = NULL;

    g_option_context_add_main_entries(context, options, NULL);
    if (!g_option_context_parse(context, &argc, &argv, &error)) {
        fprintf(stderr, "berth-session: %s\n", error->message);
        return false;
    }
    if (argc > 1) {
        fprintf(stderr, "berth-session: \"%s\" is no option\n", argv[1]);
        return false;
    }
    return true;
}

static bool
is_listening_socket(int fd)
{
    int is_listening = 0;
    socklen_t len = sizeof(is_listening);

    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &is_listening, &len) == 0 && is_listening &&
           fcntl(fd, F_SETFD, FD_CLOEXEC) == 0;
}

int
main(int argc, char **argv)
{
    g_autoptr(GMainLoop) loop = NULL;
    BerthDesktopSession *session;
    int status;

    if (!parse_options(argc, argv)) {
        return 2;
    }
    if (wants_version) {
        printf("berth-session %s\n", BERTH_VERSION);
        return 0;
    }
    if (!is_listening_socket(control_fd)) {
        fprintf(stderr, "berth-session: --control-fd %d is no listening socket\n", control_fd);
        return 2;
    }
    berth_main_loop_hold_signals();
    berth_log_init("berth-session");
    loop = g_main_loop_new(NULL, FALSE);
    session = berth_desktop_session_new(control_fd, loop);
    berth_main_loop_run(loop);
    berth_desktop_session_finish(session);
    status = berth_desktop_session_get_exit_status(session);
    berth_desktop_session_free(session);
    return status;
}
