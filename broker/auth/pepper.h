/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Keys that are not in the store, so that a copy of the store is worth little: 32 random bytes a
 * line in one file, the key of today first, at most one older after it.
 *
 * Each use has its own key, HMAC-SHA-256(pepper, "berth <use>").  What was made with a key carries
 * the key's id (eight hexadecimal digits), so that the older key can be found and what it made can
 * be made anew.  Immutable after loading.  Thread: any.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct BerthPepper BerthPepper;

#define BERTH_PEPPER_BYTES 32
#define BERTH_PEPPER_ID_CHARS 8

typedef enum {
    BERTH_PEPPER_PASSWORD, /* before argon2id */
    BERTH_PEPPER_TOTP,     /* seals the secrets of second factors */
    BERTH_PEPPER_RECOVERY, /* hashes recovery codes */
} BerthPepperUse;

/*
 * Reads a file of keys.  Errors: BERTH_ERR_FORBIDDEN if others than its owner may read it,
 * BERTH_ERR_CORRUPT, the code of the errno.  Returns NULL on error.
 */
BerthPepper *berth_pepper_load(const char *path, GError **error);

/* Makes a file with one new key, mode 0600.  Errors: BERTH_ERR_EXISTS, the code of the errno. */
bool berth_pepper_create(const char *path, GError **error);

/* Reads keys from text; for tests and berth_pepper_load(). */
BerthPepper *berth_pepper_new_from_text(const char *text, GError **error);

/* Wipes and frees; NULL is allowed. */
void berth_pepper_free(BerthPepper *pepper);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BerthPepper, berth_pepper_free)

/* Id of the key of today; borrowed. */
const char *berth_pepper_get_id(const BerthPepper *pepper);

/* Id of the older key, borrowed; NULL if there is none. */
const char *berth_pepper_get_older_id(const BerthPepper *pepper);

/* Whether one of the keys has this id. */
bool berth_pepper_has_id(const BerthPepper *pepper, const char *id);

/*
 * HMAC-SHA-256 of len bytes with one use's key.
 *
 * id:  which key, NULL is that of today
 *
 * Errors: BERTH_ERR_NOT_FOUND for an id that is none of the keys'.
 */
int berth_pepper_mac(const BerthPepper *pepper, const char *id, BerthPepperUse use,
                     const void *data, size_t len, uint8_t ret_mac[32]);

/*
 * Encrypts by AES-256-GCM with a random nonce: "<id>:<hexadecimal nonce, text and tag>".
 *
 * owner:  bound to the text: opening it for another one fails
 *
 * Returns text for g_free().
 */
char *berth_pepper_seal(const BerthPepper *pepper, const char *owner, const void *data, size_t len);

/*
 * Opens what berth_pepper_seal() made.
 *
 * ret:  cap bytes; the caller wipes them
 *
 * Errors: BERTH_ERR_NOT_FOUND for a key that is gone, BERTH_ERR_CORRUPT, BERTH_ERR_TOO_LARGE.
 */
int berth_pepper_open(const BerthPepper *pepper, const char *owner, const char *sealed,
                      uint8_t *ret, size_t cap, size_t *ret_len);
