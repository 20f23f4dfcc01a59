/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The agent's end of the control link: dials the broker, says hello, polls the desired state and
 * sends inventories.  A lost link is dialled again for ever; nothing on this host depends on it.
 * Thread: main.
 */
#pragma once

#include "display/transport/tcp.h"
#include "display/transport/tls.h"
#include "host-agent/desired.h"

#include <jansson.h>

/* Back-off between two attempts, doubled from the first to the last. */
#define BERTH_LINK_RETRY_FIRST_MS 200
#define BERTH_LINK_RETRY_LAST_MS 5000
/* Nothing heard for so long: the link is down.  Pings keep a good one alive. */
#define BERTH_LINK_SILENCE_US (15LL * 1000 * 1000)
#define BERTH_LINK_PING_INTERVAL_S 3
#define BERTH_LINK_INVENTORY_INTERVAL_S 10

typedef struct BerthBrokerLink BerthBrokerLink;

typedef struct {
    /* The hello message, a new reference. */
    json_t *(*make_hello)(void *user_data);
    /* The whole inventory, a new reference. */
    json_t *(*make_inventory)(void *user_data);
    /* The broker's cluster and the keys it signs tickets with (array of hexadecimal text). */
    void (*on_welcome)(const char *cluster, const json_t *ticket_keys, void *user_data);
    /* What the broker wants; taken by the callee. */
    void (*on_desired)(BerthDesired *desired, void *user_data);
} BerthBrokerLinkCallbacks;

/*
 * Starts dialling.
 *
 * tls:   reference taken by the link for itself
 * name:  that the broker's certificate must carry; copied
 */
BerthBrokerLink *berth_broker_link_new(BerthTlsContext *tls, const BerthAddress *address,
                                       const char *name, const BerthBrokerLinkCallbacks *callbacks,
                                       void *user_data);

/* Hangs up.  NULL is allowed. */
void berth_broker_link_free(BerthBrokerLink *self);

/* The inventory changed: it is sent soon (changes of one moment go together). */
void berth_broker_link_inventory_changed(BerthBrokerLink *self);
