/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/main-loop.h"
#include "base/process.h"
#include "base/ready.h"
#include "base/secret.h"
#include "berth/limits.h"
#include "broker/broker.h"
#include "broker/db.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static char *config_path;
static char *admin_name;
static int password_fd = -1;
static int ready_fd = -1;
static gboolean is_check;
static gboolean is_help_config;
static gboolean is_version;
static BerthDbOptions db_options;
static gboolean is_forced;

static const GOptionEntry entries[] = {
    { "config", 0, 0, G_OPTION_ARG_FILENAME, &config_path, "configuration file", "FILE" },
    { "ready-fd", 0, 0, G_OPTION_ARG_INT, &ready_fd, "tell on this descriptor when serving", "N" },
    { "check-config", 0, 0, G_OPTION_ARG_NONE, &is_check, "check the configuration and end", NULL },
    { "help-config", 0, 0, G_OPTION_ARG_NONE, &is_help_config, "print a sample configuration",
      NULL },
    { "create-admin", 0, 0, G_OPTION_ARG_STRING, &admin_name, "make an administrator and end",
      "NAME" },
    { "password-fd", 0, 0, G_OPTION_ARG_INT, &password_fd,
      "read the administrator's password from this descriptor", "N" },
    { "force", 0, 0, G_OPTION_ARG_NONE, &is_forced, "db: replace what is there", NULL },
    { "to", 0, 0, G_OPTION_ARG_INT, &db_options.to_version, "db migrate: to this version", "N" },
    { "version", 0, 0, G_OPTION_ARG_NONE, &is_version, "print the version and end", NULL },
    { NULL },
};

static bool
create_admin(const BerthConfig *config, GError **error)
{
    if (password_fd < 0) {
        return berth_set_error(error, BERTH_ERR_CONFIG, "--create-admin needs --password-fd");
    }
    g_autoptr(BerthSecret) password =
        berth_secret_read_fd(password_fd, BERTH_LIMIT_PASSWORD_BYTES, error);
    if (password == NULL) {
        return false;
    }
    BerthBroker *broker = berth_broker_new(config, error);
    if (broker == NULL) {
        return false;
    }
    bool is_made = berth_broker_create_admin(broker, admin_name,
                                             (const char *)berth_secret_bytes(password), error);
    berth_broker_free(broker);
    return is_made;
}

/* From inside the loop: whoever hears of it may send a signal at once. */
static gboolean
tell_ready(gpointer user_data)
{
    const BerthBroker *broker = user_data;
    uint16_t port = berth_agents_get_port(broker->agents);
    berth_log_info("main", "serving, agents on port %u", port);
    (void)berth_ready_notify(ready_fd, "agent_port=%u\n", port);
    return G_SOURCE_REMOVE;
}

static bool
serve(const BerthConfig *config, GError **error)
{
    berth_main_loop_hold_signals(); /* whoever hears that we are ready may end us at once */
    /* Connections of users, and as many again for agents, the store and spare ones. */
    berth_process_raise_descriptors(2 * BERTH_LIMIT_HTTP_CONNECTIONS);
    BerthBroker *broker = berth_broker_new(config, error);
    if (broker == NULL) {
        return false;
    }
    bool is_started = berth_broker_start(broker, config, error);
    if (is_started) {
        g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
        g_idle_add(tell_ready, broker);
        berth_main_loop_run(loop);
        berth_log_info("main", "stopping");
    }
    berth_broker_free(broker);
    return is_started;
}

static bool
run(int argc, char **argv, GError **error)
{
    if (config_path == NULL) {
        return berth_set_error(error, BERTH_ERR_CONFIG, "--config is missing");
    }
    g_autoptr(BerthConfig) config =
        berth_config_load(berth_broker_schema, berth_broker_n_schema, config_path, error);
    if (config == NULL) {
        return false;
    }
    if (is_check) {
        return true;
    }
    if (argc > 1) {
        db_options.is_forced = is_forced;
        return berth_db_run(config, &db_options, argc - 2, (const char *const *)argv + 2, error);
    }
    return admin_name != NULL ? create_admin(config, error) : serve(config, error);
}

int
main(int argc, char **argv)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GOptionContext) options =
        g_option_context_new("[db COMMAND ...] - decides who gets which desktop");
    berth_log_init("berth-broker");
    /* The store has password hashes; its files are nobody else's, whatever the folder allows. */
    umask(0077);
    g_option_context_add_main_entries(options, entries, NULL);
    bool is_parsed = g_option_context_parse(options, &argc, &argv, &error);
    if (!is_parsed || (argc > 1 && strcmp(argv[1], "db") != 0)) {
        fprintf(stderr, "berth-broker: %s\n",
                error != NULL ? error->message : "an argument without an option");
        return 2;
    }
    if (is_version) {
        puts("berth-broker " BERTH_VERSION);
        return 0;
    }
    if (is_help_config) {
        g_autofree char *text = berth_config_describe(berth_broker_schema, berth_broker_n_schema);
        fputs(text, stdout);
        return 0;
    }
    if (!run(argc, argv, &error)) {
        berth_log_error("main", "%s", error->message);
        return 1;
    }
    return 0;
}
