/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * berth-send: sends files of a desktop to the computer of who uses it, by the agent of the session.
 */
#include "guest-agent/send-desk.h"

#include "base/cleanup.h"
#include "base/fdpass.h"
#include "berth/errors.h"
#include "berth/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

static gboolean wants_version, wants_window;
static char **paths;

static const GOptionEntry options[] = {
    { "window", 'w', 0, G_OPTION_ARG_NONE, &wants_window, "Tell in a window what was not sent",
      NULL },
    { "version", 0, 0, G_OPTION_ARG_NONE, &wants_version, "Print the version and exit", NULL },
    { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &paths, NULL, "FILE..." },
    { NULL },
};

static int
connect_agent(void)
{
    g_autofree char *path = berth_send_socket_path();
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    berth_autofd int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

    g_strlcpy(address.sun_path, path, sizeof(address.sun_path));
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
        fprintf(stderr,
                "berth-send: no agent answers at \"%s\" (%s): is berth-guest started in this "
                "session, and is this a desktop of Berth?\n",
                path, g_strerror(errno));
        return -1;
    }
    return berth_steal_fd(&fd);
}

/* Gives one file to the agent; false if it cannot be read. */
static bool
give_file(int agent, const char *path)
{
    g_autofree char *name = g_path_get_basename(path);
    berth_autofd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0) {
        fprintf(stderr, "berth-send: \"%s\" cannot be read: %s\n", path, g_strerror(errno));
        return false;
    }
    if (berth_fds_send(agent, name, strlen(name), &fd, 1) < 0) {
        fprintf(stderr, "berth-send: \"%s\" cannot be given to the agent\n", path);
        return false;
    }
    return true;
}

/* Waits for the end of the oldest file; 1 if it was sent, 0 if not, -1 if the agent has ended. */
static int
hear_end(int agent)
{
    char packet[BERTH_SEND_PACKET_BYTES + 1];
    size_t len = 0;
    int n_fds = 0;
    char *name;
    BerthFileStatus status;

    if (berth_fds_recv(agent, packet, sizeof(packet) - 1, &len, NULL, 0, &n_fds) < 0) {
        fprintf(stderr, "berth-send: the agent has ended\n");
        return -1;
    }
    packet[len] = '\0';
    status = (BerthFileStatus)strtol(packet, &name, 10);
    name += *name == ' ';
    fprintf(status == BERTH_FILE_DONE ? stdout : stderr, "\"%s\" %s\n", name,
            berth_send_status_sentence(status));
    return status == BERTH_FILE_DONE;
}

/*
 * Gives files to the agent and hears their ends, few at a time: the agent's answers have to fit
 * into the socket, and its descriptors are not many.
 */
static bool
send_all(int agent)
{
    bool is_good = true;
    unsigned n_under_way = 0;
    char **path = paths;

    while (*path || n_under_way > 0) {
        if (*path && n_under_way < BERTH_LIMIT_SEND_FILES) {
            bool is_given = give_file(agent, *path++);

            n_under_way += is_given;
            is_good = is_good && is_given;
            continue;
        }

        int heard = hear_end(agent);

        if (heard < 0) {
            return false;
        }
        n_under_way--;
        is_good = is_good && heard > 0;
    }
    return is_good;
}

static int
send_files(void)
{
    berth_autofd int agent = connect_agent();

    if (agent < 0) {
        return EXIT_FAILURE;
    }
    if (wants_window) {
        berth_fds_send(agent, BERTH_SEND_WINDOW, strlen(BERTH_SEND_WINDOW), NULL, 0);
    }
    return send_all(agent) ? EXIT_SUCCESS : EXIT_FAILURE;
}

int
main(int argc, char **argv)
{
    g_autoptr(GOptionContext) context =
        g_option_context_new("- send files to the computer of who uses this desktop");
    g_autoptr(GError) error = NULL;

    g_option_context_add_main_entries(context, options, NULL);
    if (!g_option_context_parse(context, &argc, &argv, &error)) {
        fprintf(stderr, "berth-send: %s\n", error->message);
        return 2;
    }
    if (wants_version) {
        printf("berth-send %s\n", BERTH_VERSION);
        return EXIT_SUCCESS;
    }
    if (!paths) {
        fprintf(stderr, "berth-send: name a file to send\n");
        return 2;
    }
    return send_files();
}
