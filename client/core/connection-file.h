/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The file in which `berth-session --share` tells how it can be reached: where, whose key to
 * expect, and the token that lets a client in.
 *
 * JSON: {"version": 1, "address": "127.0.0.1", "port": N, "session": 32 hexadecimal digits,
 * "session_key": 64, "token": 64, "sni": "name"}.  Every key is needed, every value is checked;
 * keys that are not known are skipped.  A value without allocation.  Thread: any.
 */
#pragma once

#include "berth/ids.h"
#include "berth/ticket.h"

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A DNS name has at most 253 characters. */
#define BERTH_CONNECTION_NAME_CHARS 253

typedef struct {
    char host[BERTH_CONNECTION_NAME_CHARS + 1]; /* name or number, an IPv6 one without brackets */
    uint16_t port;                              /* never 0 */
    char sni[BERTH_CONNECTION_NAME_CHARS + 1];
    BerthId session;
    uint8_t session_key_hash[BERTH_KEY_HASH_BYTES];
    uint8_t token[BERTH_RECONNECT_TOKEN_BYTES]; /* secret */
} BerthConnectionFile;

/*
 * Reads the text of such a file.
 *
 * ret: set on success only; berth_connection_file_clear() it
 *
 * Errors: BERTH_ERR_CONFIG with a sentence that names the key.
 */
bool berth_connection_file_parse(const char *text, size_t len, BerthConnectionFile *ret,
                                 GError **error);

/*
 * Reads a file of at most BERTH_LIMIT_CONNECTION_FILE_BYTES.
 *
 * Errors: BERTH_ERR_CONFIG with a sentence that names the file.  Blocks.
 */
bool berth_connection_file_load(const char *path, BerthConnectionFile *ret, GError **error);

/* Wipes the token. */
void berth_connection_file_clear(BerthConnectionFile *self);
