/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What broker and agent agree on about user disks beside the control protocol.
 */
#pragma once

/* Label of a host whose folder of disks several hosts share: the name of that storage. */
#define BERTH_DISK_STORAGE_LABEL "disk-storage"
/* Bytes of the path of a folder of a guest that a disk is mounted at. */
#define BERTH_DISK_MOUNT_BYTES 128
