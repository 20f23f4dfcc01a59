/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The worker of berth-gpu: joins QEMU's sockets, the queues' eventfds and the session's socket in
 * one loop.  All decisions are in the engines beside it.  Thread: main.
 */
#pragma once

#include "host-agent/vhost-gpu/gpu-notes.h"

typedef struct {
    int vhost_fd;  /* stream to QEMU; borrowed */
    int listen_fd; /* SOCK_SEQPACKET: sessions connect here; borrowed */
    int keeper_fd; /* SOCK_SEQPACKET: gets copies of what must not be lost; borrowed */
    BerthGpuNotes *notes;
    int *fds; /* BERTH_GPU_N_FDS of the worker before, taken; -1 each at the first time */
} BerthGpuServerConfig;

/* Runs until QEMU has gone.  Returns the exit status: 0 if it ended as it should. */
int berth_gpu_server_run(const BerthGpuServerConfig *config);
