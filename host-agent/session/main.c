/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * berth-session: shows one desktop to one user.  Everything it needs comes over the control
 * socket that the agent gives it; with --share it is an agent of its own for one display.
 */
#include "host-agent/session/desktop-session.h"
#include "host-agent/session/share.h"

#include "base/log.h"
#include "base/main-loop.h"

#include <fcntl.h>
#include <glib.h>
#include <malloc.h>
#include <stdio.h>
#include <sys/socket.h>

#define MMAP_THRESHOLD_BYTES (1024 * 1024)

static int control_fd = -1;
static gboolean wants_version;
static char *share_target;
static char *share_listen;
static char *share_file;
static char *share_record;
static gboolean share_view_only;
static gboolean share_once;

static const GOptionEntry options[] = {
    { "control-fd", 0, 0, G_OPTION_ARG_INT, &control_fd,
      "Listening SOCK_SEQPACKET socket for the agent", "N" },
    { "share", 0, 0, G_OPTION_ARG_STRING, &share_target,
      "Shares an X display (:N) or a QEMU (qemu:QMP-SOCKET) by itself", "TARGET" },
    { "listen", 0, 0, G_OPTION_ARG_STRING, &share_listen,
      "With --share: where to listen (default: 127.0.0.1, any port)", "ADDRESS:PORT" },
    { "connection-file", 0, 0, G_OPTION_ARG_FILENAME, &share_file,
      "With --share: what clients need to connect", "FILE" },
    { "record", 0, 0, G_OPTION_ARG_FILENAME, &share_record,
      "With --share: records the session into a new file", "FILE" },
    { "view-only", 0, 0, G_OPTION_ARG_NONE, &share_view_only,
      "With --share: takes no input from clients", NULL },
    { "once", 0, 0, G_OPTION_ARG_NONE, &share_once,
      "With --share: ends when the first client has left", NULL },
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

static int
run_session(GMainLoop *loop)
{
    BerthDesktopSession *session = berth_desktop_session_new(control_fd, loop);
    int status;

    berth_main_loop_run(loop);
    berth_desktop_session_finish(session);
    status = berth_desktop_session_get_exit_status(session);
    berth_desktop_session_free(session);
    return status;
}

static int
run_share(GMainLoop *loop)
{
    const BerthShareConfig config = {
        .target = share_target,
        .listen = share_listen,
        .file = share_file,
        .record = share_record,
        .is_view_only = share_view_only,
        .is_once = share_once,
    };
    g_autoptr(GError) error = NULL;
    BerthShare *share = berth_share_new(&config, loop, &error);
    int status;

    if (!share) {
        fprintf(stderr, "berth-session: %s\n", error->message);
        return 1;
    }
    berth_main_loop_run(loop);
    berth_share_finish(share);
    status = berth_share_get_exit_status(share);
    berth_share_free(share);
    return status;
}

/* Says what is wrong with the options; NULL if nothing is. */
static const char *
check_options(void)
{
    if (share_target) {
        return control_fd >= 0 ? "--share and --control-fd exclude each other" : NULL;
    }
    if (share_listen || share_file || share_record || share_view_only || share_once) {
        return "--listen, --connection-file, --record, --view-only and --once need --share";
    }
    return is_listening_socket(control_fd) ? NULL : "--control-fd is no listening socket";
}

/*
 * Pictures go back to the system when they are freed, whatever size was freed before, and a few
 * threads that allocate little share what they have: a host runs many of us.
 */
static void
tune_memory(void)
{
    (void)mallopt(M_MMAP_THRESHOLD, MMAP_THRESHOLD_BYTES);
    (void)mallopt(M_TRIM_THRESHOLD, MMAP_THRESHOLD_BYTES);
    (void)mallopt(M_ARENA_MAX, 2);
}

int
main(int argc, char **argv)
{
    g_autoptr(GMainLoop) loop = NULL;
    const char *mistake;

    tune_memory();
    if (!parse_options(argc, argv)) {
        return 2;
    }
    if (wants_version) {
        printf("berth-session %s\n", BERTH_VERSION);
        return 0;
    }
    mistake = check_options();
    if (mistake) {
        fprintf(stderr, "berth-session: %s\n", mistake);
        return 2;
    }
    berth_main_loop_hold_signals();
    berth_log_init("berth-session");
    loop = g_main_loop_new(NULL, FALSE);
    return share_target ? run_share(loop) : run_session(loop);
}
