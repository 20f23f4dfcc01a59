/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * The guest agent of the test guest: answers the few commands of qemu-ga that a host needs to see
 * that a guest lives, on the virtio-serial port "org.qemu.guest_agent.0".
 */

typedef struct TgAgent {
    int fd; /* the port, -1 without one */
    char line[4096];
    size_t n_line;
    unsigned long n_paints; /* told by tg-get-paints */
} TgAgent;

/* Opens the port if the machine has one. */
void tg_agent_open(TgAgent *agent);

/* Reads what has come and answers it.  False when the host end is closed: ask again later. */
bool tg_agent_serve(TgAgent *agent);
