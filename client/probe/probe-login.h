/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How a probe logs in: what its command line says, and the answers to what the broker asks.
 *
 * Thread: main.
 */
#pragma once

#include "client/core/broker-address.h"
#include "client/core/launch-link.h"
#include "client/core/session-controller.h"

#include <glib.h>
#include <stdbool.h>

typedef struct {
    char *broker;
    BerthBrokerAddress address; /* after the check */
    char *ca_file;              /* NULL: the system's */
    char *certificate_file, *key_file;
    char *user;
    int password_fd;       /* -1: none */
    BerthSecret *password; /* after it was read */
    int code_fd;           /* of the second factor; -1: none */
    char *provider;        /* name or id; NULL: none */
    gboolean is_device;
    gboolean lists_desktops; /* and opens none */
    char *link_text;         /* a link or a file; NULL: none */
    BerthLaunchLink link;
} BerthProbeLogin;

void berth_probe_login_init(BerthProbeLogin *self);

/* Adds the options; self outlives the parse. */
void berth_probe_login_add_options(BerthProbeLogin *self, GOptionContext *context);

/*
 * Checks that the options are enough for one way to log in, and reads the link.
 *
 * Errors: BERTH_ERR_INVALID, BERTH_ERR_IO.
 */
bool berth_probe_login_check(BerthProbeLogin *self, GError **error);

/* The files for the controller.  Borrowed. */
BerthBrokerFiles berth_probe_login_get_files(const BerthProbeLogin *self);

/* Reads the password, if there is one.  Blocks.  Errors: those of berth_secret_read_fd(). */
bool berth_probe_login_read(BerthProbeLogin *self, GError **error);

/* Begins to log in, or to ask for the providers. */
void berth_probe_login_begin(BerthProbeLogin *self, BerthSessionController *controller);

/*
 * Logs in at the provider of the command line, now that all are known.
 *
 * providers: BerthProviderName
 *
 * Errors: BERTH_ERR_FORBIDDEN with a sentence that names those there are.
 */
bool berth_probe_login_choose(BerthProbeLogin *self, BerthSessionController *controller,
                              GPtrArray *providers, GError **error);

/* Reads and gives the code of the second factor.  Errors: BERTH_ERR_BAD_CREDENTIALS. */
bool berth_probe_login_answer(BerthProbeLogin *self, BerthSessionController *controller,
                              const BerthLoginQuestion *question, GError **error);

void berth_probe_login_clear(BerthProbeLogin *self);
