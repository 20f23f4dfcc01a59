/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The server name of a ClientHello: what is found is a sane name, and more bytes never change it.
 */
#include "base/error.h"
#include "berth/limits.h"
#include "display/transport/client-hello.h"
#include "display/transport/session-name.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char name[BERTH_SERVER_NAME_CHARS];
    char shorter[BERTH_SERVER_NAME_CHARS];
    BerthId session, host;
    int r = berth_client_hello_sni(data, size, name, sizeof name);
    int before = berth_client_hello_sni(data, size / 2, shorter, sizeof shorter);
    if (r == BERTH_OK) {
        if (strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789.-_") != strlen(name)) {
            abort();
        }
        berth_session_name_parse(name, &session, &host);
    }
    /* A verdict on fewer bytes holds for all of them. */
    if (before != BERTH_ERR_AGAIN &&
        (before != r || (r == BERTH_OK && strcmp(name, shorter) != 0))) {
        abort();
    }
    return 0;
}
