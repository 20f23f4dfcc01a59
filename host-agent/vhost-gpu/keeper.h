/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The process above the worker: it reads nothing that a guest wrote, holds the descriptors, and
 * forks a new worker when one dies, so that QEMU, guest and session never notice more than a pause.
 *
 * Thread: the only one.
 */
#pragma once

/*
 * Runs until a worker ends as it should, or too many have died.
 *
 * vhost_fd, listen_fd: as in gpu-server.h; borrowed
 *
 * Returns the exit status.
 */
int berth_gpu_keeper_run(int vhost_fd, int listen_fd);
