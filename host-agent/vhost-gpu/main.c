/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * berth-gpu: the graphics card of one machine, beside its QEMU.  The agent gives it its sockets.
 */
#include "host-agent/vhost-gpu/keeper.h"

#include "base/log.h"

#include <fcntl.h>
#include <glib.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>

static int vhost_fd = -1;
static int listen_fd = -1;
static gboolean wants_version;

static const GOptionEntry options[] = {
    { "vhost-fd", 0, 0, G_OPTION_ARG_INT, &vhost_fd, "Stream socket to QEMU", "N" },
    { "listen-fd", 0, 0, G_OPTION_ARG_INT, &listen_fd,
      "Listening SOCK_SEQPACKET socket for the session", "N" },
    { "version", 0, 0, G_OPTION_ARG_NONE, &wants_version, "Print the version and exit", NULL },
    { NULL },
};

static bool
parse_options(int argc, char **argv)
{
    g_autoptr(GOptionContext) context = g_option_context_new("- be the card of one machine");
    g_autoptr(GError) error = NULL;

    g_option_context_add_main_entries(context, options, NULL);
    if (!g_option_context_parse(context, &argc, &argv, &error)) {
        fprintf(stderr, "berth-gpu: %s\n", error->message);
        return false;
    }
    if (argc > 1) {
        fprintf(stderr, "berth-gpu: \"%s\" is no option\n", argv[1]);
        return false;
    }
    return true;
}

int
main(int argc, char **argv)
{
    if (!parse_options(argc, argv)) {
        return 2;
    }
    if (wants_version) {
        printf("berth-gpu %s\n", BERTH_VERSION);
        return 0;
    }
    if (fcntl(vhost_fd, F_SETFD, FD_CLOEXEC) < 0 || fcntl(listen_fd, F_SETFD, FD_CLOEXEC) < 0) {
        fprintf(stderr, "berth-gpu: --vhost-fd and --listen-fd must be open descriptors\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    berth_log_init("berth-gpu");
    return berth_gpu_keeper_run(vhost_fd, listen_fd);
}
