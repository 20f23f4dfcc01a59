/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/transport/session-name.h"

#include "base/error.h"
#include "base/id.h"

#include <stdio.h>
#include <string.h>

#define SUFFIX_CHARS (sizeof BERTH_PROTOCOL_SNI_SUFFIX - 1)

void
berth_session_name_format(const BerthId *session, const BerthId *host,
                          char out[BERTH_SESSION_NAME_CHARS + 1])
{
    char session_hex[BERTH_ID_HEX_CHARS + 1];
    char host_hex[BERTH_ID_HEX_CHARS + 1];
    berth_id_format(session, session_hex);
    berth_id_format(host, host_hex);
    snprintf(out, BERTH_SESSION_NAME_CHARS + 1, "%s.%s%s", session_hex, host_hex,
             BERTH_PROTOCOL_SNI_SUFFIX);
}

/* Reads the 32 digits at text. */
static int
parse_label(const char *text, BerthId *ret)
{
    char hex[BERTH_ID_HEX_CHARS + 1];
    memcpy(hex, text, BERTH_ID_HEX_CHARS);
    hex[BERTH_ID_HEX_CHARS] = '\0';
    return berth_id_parse(hex, ret);
}

int
berth_session_name_parse(const char *name, BerthId *ret_session, BerthId *ret_host)
{
    BerthId session, host;
    size_t n = strlen(name);
    if (n < SUFFIX_CHARS || strcmp(name + n - SUFFIX_CHARS, BERTH_PROTOCOL_SNI_SUFFIX) != 0) {
        return BERTH_ERR_NOT_FOUND;
    }
    if (n != BERTH_SESSION_NAME_CHARS || name[BERTH_ID_HEX_CHARS] != '.' ||
        parse_label(name, &session) != BERTH_OK ||
        parse_label(name + BERTH_ID_HEX_CHARS + 1, &host) != BERTH_OK) {
        return BERTH_ERR_INVALID;
    }
    if (ret_session != NULL) {
        *ret_session = session;
    }
    if (ret_host != NULL) {
        *ret_host = host;
    }
    return BERTH_OK;
}
