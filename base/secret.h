/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Bytes that must not reach a swap device, a core dump, a log or freed memory.
 *
 * The memory is its own mapping: locked when the limit allows it, kept out of core dumps, wiped
 * and unmapped on free.  There is no function that formats a secret.  Thread: whoever owns it.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct BerthSecret BerthSecret;

/* New secret of size zero bytes; aborts if there is no memory. */
BerthSecret *berth_secret_new(size_t size);

/* New secret with a copy of size bytes; the caller wipes its own copy. */
BerthSecret *berth_secret_new_copy(const void *bytes, size_t size);

/* The bytes, writable and borrowed; one zero byte follows them, so text can be used as a string. */
uint8_t *berth_secret_bytes(BerthSecret *secret);

/* Size in bytes, without the zero byte that follows. */
size_t berth_secret_size(const BerthSecret *secret);

/* Wipes and frees; NULL is allowed. */
void berth_secret_free(BerthSecret *secret);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BerthSecret, berth_secret_free)

/*
 * Reads a secret from a descriptor: up to its end or its first newline, which is stripped.
 *
 * fd:   borrowed, read to the newline or the end, blocking
 * max:  bytes that are accepted
 *
 * Errors: BERTH_ERR_TOO_LARGE, BERTH_ERR_INVALID if it is empty or holds a zero byte, the code of
 * the errno.  Returns NULL on error.
 */
BerthSecret *berth_secret_read_fd(int fd, size_t max, GError **error);

/* Overwrites n bytes with zeros in a way that the compiler keeps. */
void berth_wipe(void *bytes, size_t n);

/* Whether n bytes are the same, in a time that does not depend on them. */
bool berth_equal_secret(const void *a, const void *b, size_t n);
