/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/core/advice.h"

#include "berth/errors.h"

#include <glib/gi18n.h>
#include <stddef.h>

static const struct {
    int code;
    const char *text;
} advices[] = {
    { BERTH_ERR_BAD_CREDENTIALS, N_("check both and try again") },
    { BERTH_ERR_THROTTLED, N_("wait a moment before the next attempt") },
    { BERTH_ERR_EXPIRED, N_("log in again") },
    { BERTH_ERR_REPLAYED, N_("connect again") },
    { BERTH_ERR_STALE_EPOCH, N_("connect again to get a fresh desktop") },
    { BERTH_ERR_FORBIDDEN, N_("ask your administrator for permission") },
    { BERTH_ERR_NO_DESKTOP, N_("try again in a few minutes or tell your administrator") },
    { BERTH_ERR_HOST_DOWN, N_("try again in a moment; if it stays so, tell your administrator") },
    { BERTH_ERR_DESKTOP_GONE, N_("connect again to get a new desktop") },
    { BERTH_ERR_TAKEN_OVER, N_("connect again to bring it back here") },
    { BERTH_ERR_LOGGED_OFF, N_("connect again to get a fresh desktop") },
    { BERTH_ERR_DISCONNECTED, N_("connect again to continue where you left") },
    { BERTH_ERR_TIMEOUT, N_("try again in a moment") },
    { BERTH_ERR_BUSY, N_("try again in a moment") },
    { BERTH_ERR_CLOSED, N_("check the network and connect again") },
    { BERTH_ERR_IO, N_("check the network and connect again") },
    { BERTH_ERR_TLS, N_("check the address and the network") },
    { BERTH_ERR_UNTRUSTED, N_("do not enter your password; tell your administrator") },
    { BERTH_ERR_VERSION, N_("update the client or ask your administrator") },
    { BERTH_ERR_PROTOCOL, N_("check the broker address; if it is right, tell your administrator") },
    { BERTH_ERR_CORRUPT, N_("connect again; if it comes back, tell your administrator") },
    { BERTH_ERR_INTERNAL, N_("try again; if it comes back, tell your administrator") },
    { BERTH_ERR_NOT_FOUND, N_("reload the list and try again") },
};

const char *
berth_advice(int code)
{
    for (size_t i = 0; i < sizeof advices / sizeof advices[0]; i++) {
        if (advices[i].code == code) {
            return _(advices[i].text);
        }
    }
    return "";
}
