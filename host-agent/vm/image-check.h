/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whether the files of images are what their manifests say, by SHA-256.
 *
 * A file is hashed once, in a worker thread, before the first machine stands on it.  The result is
 * remembered with the file's device, inode, size and time of change: a file that was touched since
 * is hashed again.  Thread: main.
 */
#pragma once

#include <glib.h>

typedef struct BerthImageCheck BerthImageCheck;

/* A question that waits for its answer. */
typedef struct BerthImageAsk BerthImageAsk;

/*
 * code:  BERTH_OK; BERTH_ERR_CORRUPT: the file is another; or why it cannot be read
 * text:  a sentence about it, NULL for BERTH_OK
 */
typedef void (*BerthImageCheckDone)(int code, const char *text, void *user_data);

/* New checker with one worker thread. */
BerthImageCheck *berth_image_check_new(void);

/* Forgets all questions and stops the worker within a moment; NULL is allowed. */
void berth_image_check_free(BerthImageCheck *self);

/*
 * Asks whether a file has that SHA-256.
 *
 * sha256:  64 hexadecimal digits
 * done:    called once from the loop, never inside this call
 *
 * Returns NULL if the answer is known to be yes; done is not called then.
 */
BerthImageAsk *berth_image_check_ask(BerthImageCheck *self, const char *path, const char *sha256,
                                     BerthImageCheckDone done, void *user_data);

/* Takes a question back: its done is not called.  NULL is allowed. */
void berth_image_check_cancel(BerthImageAsk *ask);
