/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * berth-gateway: the site's one public port.  It ends TLS for the API and passes display
 * connections through unread; it has no store and no key of any session.
 */
#include "base/config.h"
#include "base/error.h"
#include "base/log.h"
#include "base/main-loop.h"
#include "base/process.h"
#include "base/ready.h"
#include "base/sandbox.h"
#include "broker/gateway/gateway.h"

#include <stdio.h>
#include <stdlib.h>

static const BerthConfigRow schema[] = {
    { "gateway", "listen", BERTH_CONFIG_STRING, 1, 64, NULL, "address and port to listen on" },
    { "gateway", "cert_file", BERTH_CONFIG_PATH, 1, 0, NULL, "certificate (chain) of the site" },
    { "gateway", "key_file", BERTH_CONFIG_PATH, 1, 0, NULL, "its private key" },
    { "gateway", "device_ca_file", BERTH_CONFIG_PATH, 0, 0, "",
      "authority of kiosks' client certificates; without it none is asked for" },
    { "gateway", "api_socket", BERTH_CONFIG_PATH, 1, 107, NULL, "the broker's socket for users" },
    { "gateway", "internal_socket", BERTH_CONFIG_PATH, 1, 107, NULL,
      "the broker's socket for the host table" },
    { "gateway", "max_connections", BERTH_CONFIG_INT, 1, 65536, "8192", "connections at once" },
    { "gateway", "max_per_source", BERTH_CONFIG_INT, 1, 65536, "256",
      "connections at once from one address (IPv6: one /64)" },
};

typedef struct {
    char *config;
    int ready_fd;
    gboolean check_config;
    gboolean help_config;
    gboolean version;
} Options;

static bool
parse_options(Options *options, int *argc, char ***argv, GError **error)
{
    const GOptionEntry entries[] = {
        { "config", 0, 0, G_OPTION_ARG_FILENAME, &options->config, "Configuration file", "FILE" },
        { "ready-fd", 0, 0, G_OPTION_ARG_INT, &options->ready_fd, "Descriptor to tell readiness on",
          "N" },
        { "check-config", 0, 0, G_OPTION_ARG_NONE, &options->check_config,
          "Check the configuration and exit", NULL },
        { "help-config", 0, 0, G_OPTION_ARG_NONE, &options->help_config,
          "Print a sample configuration and exit", NULL },
        { "version", 0, 0, G_OPTION_ARG_NONE, &options->version, "Print the version and exit",
          NULL },
        { 0 },
    };
    GOptionContext *context = g_option_context_new("- the public port of a Berth site");
    g_option_context_add_main_entries(context, entries, NULL);
    bool is_good = g_option_context_parse(context, argc, argv, error);
    g_option_context_free(context);
    if (is_good && *argc > 1) {
        is_good = berth_set_error(error, BERTH_ERR_INVALID, "\"%s\" is not expected", (*argv)[1]);
    }
    return is_good;
}

static BerthTlsContext *
load_tls(const BerthConfig *config, GError **error)
{
    g_autoptr(BerthTlsKey) key =
        berth_tls_key_load(berth_config_get_string(config, "gateway", "cert_file"),
                           berth_config_get_string(config, "gateway", "key_file"), error);
    if (!key) {
        return NULL;
    }
    const char *device_ca = berth_config_get_string(config, "gateway", "device_ca_file");
    const BerthTlsConfig tls = {
        .key = key,
        .peer_check = device_ca[0] != '\0' ? BERTH_TLS_PEER_CA_OR_NONE : BERTH_TLS_PEER_NONE,
        .ca_file = device_ca[0] != '\0' ? device_ca : NULL,
        .alpn = "http/1.1",
    };
    return berth_tls_context_new_server(&tls, error);
}

typedef struct {
    int ready_fd;
    uint16_t port;
} Readiness;

/* From inside the loop: whoever hears of it may send a signal at once. */
static gboolean
tell_ready(gpointer user_data)
{
    const Readiness *readiness = user_data;
    berth_log_info("gateway", "listening on port %u", readiness->port);
    berth_ready_notify(readiness->ready_fd, "port=%u\n", readiness->port);
    return G_SOURCE_REMOVE;
}

static bool
serve(const BerthConfig *config, int ready_fd, GError **error)
{
    static const BerthSandboxProfile profile = {
        .name = "gateway",
        /* GLib hands signals to the loop through a thread of its own. */
        .flags = BERTH_SANDBOX_SOCKETS | BERTH_SANDBOX_THREADS,
    };
    const BerthGatewayConfig gateway_config = {
        .listen = berth_config_get_string(config, "gateway", "listen"),
        .api_socket = berth_config_get_string(config, "gateway", "api_socket"),
        .internal_socket = berth_config_get_string(config, "gateway", "internal_socket"),
        .max_connections = (uint32_t)berth_config_get_int(config, "gateway", "max_connections"),
        .max_per_source = (uint32_t)berth_config_get_int(config, "gateway", "max_per_source"),
    };
    g_autoptr(BerthTlsContext) tls = load_tls(config, error);
    if (!tls) {
        return false;
    }
    /* Each connection has two descriptors. */
    berth_process_raise_descriptors((uint64_t)gateway_config.max_connections * 2 + 64);
    g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
    BerthPoller *poller = berth_poller_new(NULL);
    BerthGateway *gateway = berth_gateway_new(&gateway_config, poller, tls, error);
    bool is_good = gateway && berth_sandbox_enter(&profile, error);
    if (is_good) {
        Readiness readiness = { ready_fd, berth_gateway_get_port(gateway) };
        g_idle_add(tell_ready, &readiness);
        berth_main_loop_run(loop);
    }
    berth_gateway_free(gateway);
    berth_poller_free(poller);
    return is_good;
}

static bool
run(const Options *options, GError **error)
{
    if (options->version) {
        printf("berth-gateway %s\n", BERTH_VERSION);
        return true;
    }
    if (options->help_config) {
        g_autofree char *text = berth_config_describe(schema, G_N_ELEMENTS(schema));
        printf("%s", text);
        return true;
    }
    if (!options->config) {
        return berth_set_error(error, BERTH_ERR_INVALID, "--config FILE is needed");
    }
    g_autoptr(BerthConfig) config =
        berth_config_load(schema, G_N_ELEMENTS(schema), options->config, error);
    if (!config) {
        return false;
    }
    if (options->check_config) {
        g_autoptr(BerthTlsContext) tls = load_tls(config, error);
        return tls != NULL;
    }
    return serve(config, options->ready_fd, error);
}

int
main(int argc, char **argv)
{
    g_autoptr(GError) error = NULL;
    Options options = { .ready_fd = -1 };

    berth_log_init("berth-gateway");
    bool is_good = parse_options(&options, &argc, &argv, &error) && run(&options, &error);
    if (!is_good) {
        berth_log_error("gateway", "%s", error->message);
    }
    g_free(options.config);
    return is_good ? EXIT_SUCCESS : EXIT_FAILURE;
}
