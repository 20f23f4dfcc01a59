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
/* Between two signs that the inventory is as it was, and between two whole ones all the same. */
#define BERTH_LINK_SAME_INTERVAL_S 2
#define BERTH_LINK_INVENTORY_INTERVAL_US (30LL * 1000 * 1000)

typedef struct BerthBrokerLink BerthBrokerLink;

/* What the broker said of itself. */
typedef struct {
    const char *cluster;       /* borrowed */
    const json_t *ticket_keys; /* array of hexadecimal text; borrowed */
    int64_t cluster_epoch;     /* grows whenever the store was restored */
    int lease_s;               /* after so much silence the broker counts this host as lost */
    bool is_safe_mode;         /* what the broker does not list is not to be destroyed */
} BerthWelcome;

typedef struct {
    /* The hello message, a new reference. */
    json_t *(*make_hello)(void *user_data);
    /* The whole inventory but for type and serial, a new reference. */
    json_t *(*make_inventory)(void *user_data);
    /* Whether the host may follow this broker; if not, the link hangs up and tries again. */
    bool (*on_welcome)(const BerthWelcome *welcome, void *user_data);
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
