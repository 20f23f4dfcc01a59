/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A link that opens one of one's own desktops on another device, once.
 */
#include "broker/ctl/ctl.h"

#include "base/error.h"
#include "base/secret.h"

#include <stdio.h>
#include <string.h>

#define SCHEME "https://"

/* Host and port as users know them; NULL with an error. */
static const char *
find_address(const BerthCtl *ctl, const BerthCtlCall *call, GError **error)
{
    const char *url = berth_ctl_call_get(call, "address");
    if (url == NULL) {
        url = ctl->url;
    }
    if (url == NULL || !g_str_has_prefix(url, SCHEME)) {
        berth_set_error(error, BERTH_ERR_CONFIG,
                        "say --address https://HOST:PORT, where the link's user finds the gateway");
        return NULL;
    }
    return url + strlen(SCHEME);
}

static bool
save(const char *path, const char *address, const char *desktop, const char *code, GError **error)
{
    g_autofree char *text = g_strdup_printf("[berth]\nbroker=%s%s\ndesktop=%s\ncode=%s\n", SCHEME,
                                            address, desktop, code);
    bool is_good =
        g_file_set_contents_full(path, text, -1, G_FILE_SET_CONTENTS_CONSISTENT, 0600, error);
    berth_wipe(text, strlen(text));
    return is_good;
}

static void
print(const BerthCtl *ctl, json_t *reply, const char *link)
{
    if (ctl->is_json) {
        json_object_set_new(reply, "link", json_string(link));
        berth_ctl_print(ctl, reply, NULL, NULL);
    } else {
        puts(link);
    }
}

bool
berth_ctl_run_link(BerthCtl *ctl, const BerthCtlCall *call, GError **error)
{
    const char *desktop = json_string_value(json_object_get(call->body, "desktop"));
    const char *file = berth_ctl_call_get(call, "file");
    const char *address = find_address(ctl, call, error);
    json_auto_t *reply = NULL;
    if (address == NULL || !berth_ctl_client_call(ctl->client, "POST", "/v1/me/links", call->body,
                                                  NULL, &reply, error)) {
        return false;
    }
    const char *code = json_string_value(json_object_get(reply, "code"));
    if (code == NULL) {
        return berth_set_error(error, BERTH_ERR_PROTOCOL, "the broker made no code for the link");
    }
    if (file != NULL) {
        return save(file, address, desktop, code, error);
    }
    g_autofree char *name = g_uri_escape_string(desktop, NULL, false);
    g_autofree char *link =
        g_strdup_printf("berth://%.*s/%s?code=%s", (int)strcspn(address, "/"), address, name, code);
    print(ctl, reply, link);
    berth_wipe(link, strlen(link));
    return true;
}
