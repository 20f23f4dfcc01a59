/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The ports of a guest that a session makes use of, as agent and session process call them.  Pure.
 */
#pragma once

/* Whose agent is at the guest's end. */
typedef enum {
    BERTH_GUEST_PORT_SPICE = 0, /* com.redhat.spice.0 */
    BERTH_GUEST_PORT_BERTH = 1, /* org.berth.agent.0 */
    BERTH_N_GUEST_PORTS = 2,
} BerthGuestPortKind;

/* As control messages between agent and session spell it. */
static inline const char *
berth_guest_port_name(BerthGuestPortKind kind)
{
    return kind == BERTH_GUEST_PORT_BERTH ? "berth" : "spice";
}
