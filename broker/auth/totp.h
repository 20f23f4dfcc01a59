/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Second factors: time-based one-time passwords (RFC 6238: SHA-1, six digits, 30 s) by liboath, and
 * recovery codes for who lost the device.
 *
 * A code is good for its own step and the one before and after, once: whoever keeps the counter
 * of the last good code refuses it and all earlier ones.  Pure but for new codes.  Thread: any.
 */
#pragma once

#include "broker/auth/pepper.h"

#include <stdint.h>

#define BERTH_TOTP_SECRET_BYTES 20
#define BERTH_TOTP_DIGITS 6
#define BERTH_TOTP_STEP_US (30LL * 1000 * 1000)
#define BERTH_RECOVERY_CODES 10
#define BERTH_RECOVERY_CODE_CHARS 11 /* "xxxxx-xxxxx" */
#define BERTH_RECOVERY_HASH_CHARS 64

/*
 * Checks a code.
 *
 * last_counter:  of the last good code, 0 for none
 * ret_counter:   to be kept as the last one; set on success only
 *
 * Errors: BERTH_ERR_BAD_CREDENTIALS, BERTH_ERR_REPLAYED for a good code that was used or is older.
 */
int berth_totp_check(const uint8_t secret[BERTH_TOTP_SECRET_BYTES], const char *code,
                     int64_t now_us, int64_t last_counter, int64_t *ret_counter);

/* "otpauth://totp/..." for the user's device, for g_free() after wiping. */
char *berth_totp_dup_uri(const char *site, const char *user,
                         const uint8_t secret[BERTH_TOTP_SECRET_BYTES]);

/* The secret in base32 as people type it, for g_free() after wiping. */
char *berth_totp_dup_base32(const uint8_t secret[BERTH_TOTP_SECRET_BYTES]);

/* Makes a recovery code of 50 random bits. */
void berth_recovery_code_new(char ret_code[BERTH_RECOVERY_CODE_CHARS + 1]);

/*
 * What the store keeps of a code; spaces, dashes and case do not count.
 *
 * id:  of the pepper's key, NULL is that of today
 *
 * Errors: BERTH_ERR_INVALID for a text that is no code, BERTH_ERR_NOT_FOUND for a key that is gone.
 */
int berth_recovery_code_hash(const BerthPepper *pepper, const char *id, const char *account,
                             const char *code, char ret_hash[BERTH_RECOVERY_HASH_CHARS + 1]);
