/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The command line of `berth probe`.  Thread: main.
 */
#pragma once

#include "client/probe/probe-login.h"

#include "berth/ids.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* How a probe ends, for scripts and monitors. */
typedef enum {
    BERTH_PROBE_OK = 0,
    BERTH_PROBE_USAGE = 1,      /* the command line or a file is wrong */
    BERTH_PROBE_LOGIN = 2,      /* the broker refuses the login */
    BERTH_PROBE_NO_DESKTOP = 3, /* no such desktop, or none is free */
    BERTH_PROBE_LOST = 4,       /* broker or session cannot be reached, or went away */
    BERTH_PROBE_TIMEOUT = 5,    /* an action or the whole probe took too long */
    BERTH_PROBE_UNTRUSTED = 6,  /* certificate or key is not the expected one */
    BERTH_PROBE_ENDED = 7,      /* the session was taken over, logged off or stopped */
    BERTH_PROBE_INTERNAL = 8,   /* anything else */
    BERTH_PROBE_SIGNAL = 130,   /* SIGINT or SIGTERM */
} BerthProbeExit;

typedef struct {
    BerthProbeLogin login; /* checked unless direct_file is set */
    char *direct_file;     /* NULL: the way goes through the broker */
    char *desktop;         /* name or id; NULL if there is only one */
    char *shadow;          /* id of the session to watch; NULL: a desktop of our own */
    gboolean wants_control;
    BerthId session;    /* if shadow is set */
    GPtrArray *actions; /* BerthProbeAction, in order */
    char *stats_file;   /* NULL: none */
    char *script;       /* "-" or NULL */
    double timeout_s;
    bool waits_for_echo;
    bool allows_shadow; /* the answer to those who ask to watch */
    bool shows_steps;
    bool shows_events; /* lines about what happens by itself, between the answers */
    bool is_quiet;
    bool shows_version;
} BerthProbeOptions;

/*
 * Reads the command line; --help prints and exits.
 *
 * argv:         argv[0] is "probe"; not changed
 * ret_options:  berth_probe_options_clear() it, also after an error
 *
 * Errors: BERTH_ERR_INVALID with a sentence that quotes the value.
 */
bool berth_probe_options_parse(int argc, const char *const *argv, BerthProbeOptions *ret_options,
                               GError **error);

void berth_probe_options_clear(BerthProbeOptions *options);
