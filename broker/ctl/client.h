/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One connection to the API: HTTPS by the gateway with the site's CA, or the broker's own socket.
 */
#pragma once

#include <glib.h>
#include <jansson.h>
#include <signal.h>
#include <stdbool.h>

typedef struct BerthCtlClient BerthCtlClient;

/*
 * New client; connects at the first request.
 *
 * url:          "https://host:port"; ignored with a socket
 * ca_file:      PEM of the site's CA; NULL: the system's
 * socket_path:  the broker's api_socket; NULL: use url
 *
 * Errors: BERTH_ERR_CONFIG for an url that is not https.  Returns NULL on error.
 */
BerthCtlClient *berth_ctl_client_new(const char *url, const char *ca_file, const char *socket_path,
                                     GError **error);

/* Wipes the token and frees; NULL is allowed. */
void berth_ctl_client_free(BerthCtlClient *client);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BerthCtlClient, berth_ctl_client_free)

/* Token for the requests that follow; copied. */
void berth_ctl_client_set_token(BerthCtlClient *client, const char *token);

/*
 * Requests end with BERTH_ERR_CLOSED within a second after *flag has become 1.
 *
 * flag:  borrowed; a signal handler may set it; NULL: nothing interrupts
 */
void berth_ctl_client_set_interrupt(BerthCtlClient *client, const volatile sig_atomic_t *flag);

/*
 * One request.
 *
 * body:       borrowed; NULL sends none
 * if_match:   ETag that the object must still have; NULL: whatever it has
 * ret_reply:  new reference, NULL for an answer without a body; set on success only
 *
 * Each POST carries a new Idempotency-Key, and is sent once more if the connection broke: it
 * happens at most once.  Errors: the code of the server's problem, with its title and detail;
 * BERTH_ERR_IO and BERTH_ERR_TLS for the connection; BERTH_ERR_PROTOCOL for an answer that is not
 * JSON.
 */
bool berth_ctl_client_call(BerthCtlClient *client, const char *method, const char *path,
                           const json_t *body, const char *if_match, json_t **ret_reply,
                           GError **error);

/*
 * Sends bytes by PUT, as they are.
 *
 * Sent once: where to go on after an error is the caller's to ask.  Errors: as
 * berth_ctl_client_call().
 */
bool berth_ctl_client_put(BerthCtlClient *client, const char *path, const void *bytes, size_t n,
                          json_t **ret_reply, GError **error);

/* The ETag of the last answer, "" if it had none. */
const char *berth_ctl_client_get_etag(const BerthCtlClient *client);
