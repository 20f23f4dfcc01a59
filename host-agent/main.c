/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * berth-agent: runs the desktops of one host.
 */
#include "base/error.h"
#include "base/log.h"
#include "base/main-loop.h"
#include "base/process.h"
#include "base/ready.h"
#include "berth/errors.h"
#include "host-agent/agent-config.h"
#include "host-agent/agent.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

/* A desktop in use has half a dozen, and connections come before they are told apart. */
#define MAX_DESCRIPTORS 16384

typedef struct {
    char *config_path;
    int ready_fd;
    gboolean check_config;
    gboolean help_config;
    gboolean version;
} Options;

typedef struct {
    GMainLoop *loop;
    const BerthAgentConfig *config;
    BerthAgent *agent;
    int ready_fd;
    int exit_status;
} Program;

static void
on_ready(uint16_t port, void *user_data)
{
    Program *program = user_data;
    berth_log_info("agent", "display connections are accepted on port %u", port);
    berth_ready_notify(program->ready_fd, "port=%u\n", port);
    program->ready_fd = -1;
}

static void
on_failed(const GError *error, void *user_data)
{
    Program *program = user_data;
    berth_log_error("agent", "%s", error->message);
    program->exit_status = EXIT_FAILURE;
    g_main_loop_quit(program->loop);
}

static bool
parse_options(int argc, char **argv, Options *ret, GError **error)
{
    const GOptionEntry entries[] = {
        { "config", 'c', 0, G_OPTION_ARG_FILENAME, &ret->config_path, "Configuration", "FILE" },
        { "ready-fd", 0, 0, G_OPTION_ARG_INT, &ret->ready_fd,
          "Write port=N and ready to descriptor N", "N" },
        { "check-config", 0, 0, G_OPTION_ARG_NONE, &ret->check_config,
          "Check the configuration and exit", NULL },
        { "help-config", 0, 0, G_OPTION_ARG_NONE, &ret->help_config,
          "Print a commented configuration and exit", NULL },
        { "version", 0, 0, G_OPTION_ARG_NONE, &ret->version, "Print the version and exit", NULL },
        { NULL },
    };
    g_autoptr(GOptionContext) context =
        g_option_context_new("- runs the desktops of one Berth host");
    ret->ready_fd = -1;
    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, &argc, &argv, error)) {
        return false;
    }
    if (argc > 1) {
        return berth_set_error(error, BERTH_ERR_INVALID, "unknown argument \"%s\"", argv[1]);
    }
    if (ret->config_path == NULL && !ret->version && !ret->help_config) {
        return berth_set_error(error, BERTH_ERR_INVALID, "--config FILE is needed");
    }
    return true;
}

/* From inside the loop: when it is told to be ready, it can be told to stop. */
static gboolean
on_loop_runs(gpointer user_data)
{
    Program *program = user_data;
    program->agent = berth_agent_new(program->config, on_ready, on_failed, program);
    return G_SOURCE_REMOVE;
}

static int
run(const BerthAgentConfig *config, int ready_fd)
{
    Program program = { .loop = g_main_loop_new(NULL, FALSE),
                        .config = config,
                        .ready_fd = ready_fd };
    berth_process_raise_descriptors(MAX_DESCRIPTORS);
    g_idle_add(on_loop_runs, &program);
    berth_main_loop_run(program.loop);
    berth_agent_free(program.agent);
    g_main_loop_unref(program.loop);
    return program.exit_status;
}

int
main(int argc, char **argv)
{
    Options options = { 0 };
    g_autoptr(GError) error = NULL;

    berth_log_init("berth-agent");
    /* Disks and memory of desktops are nobody else's, whatever the folders allow. */
    umask(0077);
    if (!parse_options(argc, argv, &options, &error)) {
        fprintf(stderr, "berth-agent: %s\n", error->message);
        return 2;
    }
    if (options.version) {
        puts("berth-agent " BERTH_VERSION);
        return EXIT_SUCCESS;
    }
    if (options.help_config) {
        g_autofree char *text = berth_agent_config_describe();
        fputs(text, stdout);
        return EXIT_SUCCESS;
    }
    BerthAgentConfig *config = berth_agent_config_load(options.config_path, &error);
    if (config == NULL) {
        fprintf(stderr, "berth-agent: %s\n", error->message);
        return 2;
    }
    int status = options.check_config ? EXIT_SUCCESS : run(config, options.ready_fd);
    berth_agent_config_free(config);
    g_free(options.config_path);
    return status;
}
