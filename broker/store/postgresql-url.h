/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a PostgreSQL url of the configuration has to keep to.
 *
 * Only a socket of this machine goes without TLS; over a network the server's certificate is
 * checked.  Passwords stand in files (passfile=, ~/.pgpass), never in the url.  Pure but for the
 * environment that libpq reads.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* Keywords and values for PQconnectdbParams(), both ended by NULL. */
typedef struct {
    const char **keywords; /* constants */
    char **values;
} BerthPostgresqlParams;

/*
 * Understands a url ("postgresql://HOST/NAME?OPTIONS") or key=value pairs after "postgresql:".
 *
 * ret:  set on success only; clear it
 *
 * Errors: BERTH_ERR_CONFIG.
 */
bool berth_postgresql_url_parse(const char *url, BerthPostgresqlParams *ret, GError **error);

/* Frees; a zeroed one is allowed. */
void berth_postgresql_params_clear(BerthPostgresqlParams *params);
