/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The host agent as one object: machines, sessions, the display port and the link to the broker.
 * Thread: main.
 */
#pragma once

#include "host-agent/agent-config.h"

#include <stdint.h>

typedef struct BerthAgent BerthAgent;

/*
 * Starts: probes the host first, then adopts, listens and dials.
 *
 * config:      borrowed for life
 * on_ready:    called once when display connections are accepted; port is the real one
 * on_failed:   called once instead if the agent cannot work; error is borrowed
 */
BerthAgent *berth_agent_new(const BerthAgentConfig *config,
                            void (*on_ready)(uint16_t port, void *user_data),
                            void (*on_failed)(const GError *error, void *user_data),
                            void *user_data);

/* Stops; machines and sessions go on.  NULL is allowed. */
void berth_agent_free(BerthAgent *self);
