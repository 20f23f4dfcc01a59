/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Sends files of this device to the desktop: looks into folders, reads, and feeds file-drop.h.
 *
 * All file systems are read in threads: a slow one does not stop the window.  Folders are sent file
 * by file, without links and without what is no regular file.  Thread: main.
 */
#pragma once

#include "client/core/share.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct BerthFileSender BerthFileSender;

/* All may be NULL.  name is what the file is called, without its folder; it is valid UTF-8. */
typedef struct {
    /* A file will be sent. */
    void (*added)(uint32_t id, const char *name, uint64_t size_bytes, void *user_data);
    void (*progress)(uint32_t id, uint64_t n_bytes, uint64_t size_bytes, void *user_data);
    /* A file is over; see berth_file_status_sentence(). */
    void (*ended)(uint32_t id, BerthFileStatus status, void *user_data);
    /* Something was not even begun. */
    void (*refused)(const char *name, BerthFileStatus status, void *user_data);
    /* All of what one _send() named was added or refused. */
    void (*collected)(void *user_data);
    /* What is allowed changed. */
    void (*changed)(void *user_data);
} BerthFileSenderCallbacks;

/* share: borrowed; the sender listens to its files until it is freed. */
BerthFileSender *berth_file_sender_new(BerthShare *share, const BerthFileSenderCallbacks *callbacks,
                                       void *user_data);

/* Cancels everything; NULL is allowed. */
void berth_file_sender_free(BerthFileSender *self);

/* Sends files and folders; paths: local, absolute, copied. */
void berth_file_sender_send(BerthFileSender *self, const char *const *paths);

/* Stops one file; its end is told. */
void berth_file_sender_cancel(BerthFileSender *self, uint32_t id);

/* Stops all files; the end of each is told. */
void berth_file_sender_cancel_all(BerthFileSender *self);
