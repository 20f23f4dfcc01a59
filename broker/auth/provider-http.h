/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One request to a provider by libcurl: https only, verified, bounded, not redirected.
 *
 * Blocks: worker threads only.
 */
#pragma once

#include <glib.h>
#include <jansson.h>

typedef struct {
    const char *url;
    const char *ca_file; /* "" for the system's */
    const char *form;    /* body of a POST; NULL for GET */
    const char *user;    /* basic authentication; NULL for none */
    const char *password;
    int timeout_s;
} BerthProviderRequest;

/*
 * Asks; the answer is a JSON object.
 *
 * ret_status:  HTTP status; set if there was an answer
 *
 * Ownership: new reference; NULL on error (BERTH_ERR_SOURCE_DOWN).
 */
json_t *berth_provider_ask(const BerthProviderRequest *request, long *ret_status, GError **error);
