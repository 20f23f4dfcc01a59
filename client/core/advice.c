/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/core/advice.h"

#include "berth/errors.h"

#include <stddef.h>

static const struct {
    int code;
    const char *text;
} advices[] = {
    { BERTH_ERR_BAD_CREDENTIALS, "check both and try again" },
    { BERTH_ERR_THROTTLED, "wait a moment before the next attempt" },
    { BERTH_ERR_EXPIRED, "log in again" },
    { BERTH_ERR_REPLAYED, "connect again" },
    { BERTH_ERR_STALE_EPOCH, "connect again to get a fresh desktop" },
    { BERTH_ERR_FORBIDDEN, "ask your administrator for permission" },
    { BERTH_ERR_NO_DESKTOP, "try again in a few minutes or tell your administrator" },
    { BERTH_ERR_HOST_DOWN, "try again in a moment; if it stays so, tell your administrator" },
    { BERTH_ERR_DESKTOP_GONE, "connect again to get a new desktop" },
    { BERTH_ERR_TAKEN_OVER, "connect again to bring it back here" },
    { BERTH_ERR_LOGGED_OFF, "connect again to get a fresh desktop" },
    { BERTH_ERR_DISCONNECTED, "connect again to continue where you left" },
    { BERTH_ERR_TIMEOUT, "try again in a moment" },
    { BERTH_ERR_BUSY, "try again in a moment" },
    { BERTH_ERR_CLOSED, "check the network and connect again" },
    { BERTH_ERR_IO, "check the network and connect again" },
    { BERTH_ERR_TLS, "check the address and the network" },
    { BERTH_ERR_UNTRUSTED, "do not enter your password; tell your administrator" },
    { BERTH_ERR_VERSION, "update the client or ask your administrator" },
    { BERTH_ERR_PROTOCOL, "check the broker address; if it is right, tell your administrator" },
    { BERTH_ERR_CORRUPT, "connect again; if it comes back, tell your administrator" },
    { BERTH_ERR_INTERNAL, "try again; if it comes back, tell your administrator" },
    { BERTH_ERR_NOT_FOUND, "reload the list and try again" },
};

const char *
berth_advice(int code)
{
    for (size_t i = 0; i < sizeof advices / sizeof advices[0]; i++) {
        if (advices[i].code == code) {
            return advices[i].text;
        }
    }
    return "";
}
