/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What tells one content of a file from another without reading it: device, inode, size and the
 * times of change, kept as "<root>.seen" beside a file that was verified.
 *
 * Whoever can set a file's times back and write to it is the agent's own user or root.
 * Thread: any.
 */
#pragma once

#include "base/depot/store-folder.h"

typedef struct {
    uint64_t device, inode;
    int64_t size_bytes, modified_ns, changed_ns;
} BerthFileIdentity;

/* Of "<root>.img", no link followed.  Errors: that of the errno. */
int berth_file_identity_read(const BerthStoreFolder *folder, const BerthDigest *root,
                             BerthFileIdentity *ret);

bool berth_file_identity_equal(const BerthFileIdentity *a, const BerthFileIdentity *b);

/* Keeps it; a failure is logged and costs no more than a second look at the file. */
void berth_file_identity_save(const BerthStoreFolder *folder, const BerthDigest *root,
                              const BerthFileIdentity *identity);

/* What was kept; false if nothing was, or nothing that can be read. */
bool berth_file_identity_load(const BerthStoreFolder *folder, const BerthDigest *root,
                              BerthFileIdentity *ret);
