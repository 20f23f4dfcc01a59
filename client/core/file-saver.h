/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Saves files of the desktop in a folder of this device: a name that is free, bytes into a part,
 * the name when all are there.
 *
 * Nothing of the device is replaced.  What ends early leaves nothing.  File systems are written in
 * threads: a slow one does not stop the window.  Thread: main.
 */
#pragma once

#include "client/core/file-take.h"
#include "client/core/share.h"

#include <glib.h>
#include <stdint.h>

typedef struct BerthFileSaver BerthFileSaver;

/* All are needed.  name: without folder, valid UTF-8; as it was offered. */
typedef struct {
    /* A file is offered: _accept() or _refuse(). */
    void (*offered)(uint32_t id, const char *name, uint64_t size_bytes, void *user_data);
    void (*progress)(uint32_t id, uint64_t n_bytes, uint64_t size_bytes, void *user_data);
    /* It is over.  path: where it is, if it is DONE; else NULL */
    void (*ended)(uint32_t id, BerthFileStatus status, const char *path, void *user_data);
} BerthFileSaverCallbacks;

/* share: borrowed; the saver listens to its files until it is freed.  folder: copied */
BerthFileSaver *berth_file_saver_new(BerthShare *share, const char *folder,
                                     const BerthFileSaverCallbacks *callbacks, void *user_data);

/* Stops everything; NULL is allowed. */
void berth_file_saver_free(BerthFileSaver *self);

/* Where files go that are accepted from now on.  folder: copied */
void berth_file_saver_set_folder(BerthFileSaver *self, const char *folder);

/* The user wants an offered file. */
void berth_file_saver_accept(BerthFileSaver *self, uint32_t id);

/* The user does not want a file, or not any more; its end is told. */
void berth_file_saver_refuse(BerthFileSaver *self, uint32_t id);

/*
 * The n-th name for a file: itself, then "name (2).ext" and so on; one that would be hidden is
 * shown, what turns letters round is replaced, one that is too long is cut.  Pure.
 *
 * name: valid UTF-8
 *
 * Returns an owned string.
 */
char *berth_file_saver_name(const char *name, unsigned n);
