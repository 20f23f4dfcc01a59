/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * berth-setup: makes the keys and certificates of a site.
 */
#include "base/id.h"
#include "base/log.h"
#include "broker/setup/site-files.h"

#include <stdio.h>

static void
print_host(const char *name, const BerthId *id, void *user_data)
{
    char hex[BERTH_ID_HEX_CHARS + 1];
    berth_id_format(id, hex);
    printf("host %s %s\n", name, hex);
}

static GOptionContext *
new_options(BerthSiteRequest *request, gboolean *is_version)
{
    const GOptionEntry entries[] = {
        { "gateway-name", 0, 0, G_OPTION_ARG_STRING, &request->gateway_name,
          "DNS name that users dial (default: localhost)", "NAME" },
        { "address", 0, 0, G_OPTION_ARG_STRING_ARRAY, &request->addresses,
          "IP address of gateway and broker; may be repeated", "IP" },
        { "host", 0, 0, G_OPTION_ARG_STRING_ARRAY, &request->host_names,
          "makes a certificate for a host and prints its id; may be repeated", "NAME" },
        { "version", 0, 0, G_OPTION_ARG_NONE, is_version, "Show the version", NULL },
        { NULL },
    };
    GOptionContext *context = g_option_context_new("DIR");
    g_option_context_set_summary(
        context, "Makes what is missing of a site's keys and certificates in DIR: authority,\n"
                 "gateway, broker, ticket key and hosts.  Existing files are never overwritten.");
    g_option_context_add_main_entries(context, entries, NULL);
    return context;
}

int
main(int argc, char **argv)
{
    BerthSiteRequest request = { .gateway_name = "localhost" };
    gboolean is_version = FALSE;
    g_autoptr(GError) error = NULL;
    g_autoptr(GOptionContext) context = new_options(&request, &is_version);

    berth_log_init("berth-setup");
    if (!g_option_context_parse(context, &argc, &argv, &error)) {
        fprintf(stderr, "berth-setup: %s\n", error->message);
        return 2;
    }
    if (is_version) {
        printf("berth-setup %s\n", BERTH_VERSION);
        return 0;
    }
    if (argc != 2) {
        fprintf(stderr, "berth-setup: name one folder; 'berth-setup --help' tells more\n");
        return 2;
    }
    request.folder = argv[1];
    if (!berth_site_files_make(&request, print_host, NULL, &error)) {
        fprintf(stderr, "berth-setup: %s\n", error->message);
        return 1;
    }
    return 0;
}
