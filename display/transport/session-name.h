/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The TLS server name of a session: "<session id>.<host id>.session.berth".  Pure.
 */
#pragma once

#include "berth/ids.h"
#include "berth/protocol.h"

/* Characters of a session name without its end. */
#define BERTH_SESSION_NAME_CHARS \
    (2 * BERTH_ID_HEX_CHARS + 1 + (int)sizeof(BERTH_PROTOCOL_SNI_SUFFIX) - 1)

/* Writes the name. */
void berth_session_name_format(const BerthId *session, const BerthId *host,
                               char out[BERTH_SESSION_NAME_CHARS + 1]);

/*
 * Reads a name; both are set on success only, either may be NULL.
 * Errors: BERTH_ERR_NOT_FOUND: it does not end like a session name (then it is the gateway's own);
 *         BERTH_ERR_INVALID: it does, but the ids are not two times 32 lower-case digits.
 */
int berth_session_name_parse(const char *name, BerthId *ret_session, BerthId *ret_host);
