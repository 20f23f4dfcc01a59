/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/auth/totp.h"

#include "base/error.h"
#include "base/id.h"
#include "base/secret.h"

#include <liboath/oath.h>
#include <string.h>

#define DRIFT_STEPS 1
#define CODE_ALPHABET "abcdefghjkmnpqrstuvwxyz23456789x" /* 32 signs; "x" twice keeps it even */
#define CODE_SIGNS 10

static bool
make_code(const uint8_t *secret, int64_t counter, char ret_code[BERTH_TOTP_DIGITS + 1])
{
    return oath_hotp_generate((const char *)secret, BERTH_TOTP_SECRET_BYTES, (uint64_t)counter,
                              BERTH_TOTP_DIGITS, false, OATH_HOTP_DYNAMIC_TRUNCATION,
                              ret_code) == OATH_OK;
}

int
berth_totp_check(const uint8_t secret[BERTH_TOTP_SECRET_BYTES], const char *code, int64_t now_us,
                 int64_t last_counter, int64_t *ret_counter)
{
    int64_t now = now_us / BERTH_TOTP_STEP_US;
    int64_t found = -1;
    if (strlen(code) != BERTH_TOTP_DIGITS) {
        return BERTH_ERR_BAD_CREDENTIALS;
    }
    for (int64_t counter = MAX(now - DRIFT_STEPS, 0); counter <= now + DRIFT_STEPS; counter++) {
        char wanted[BERTH_TOTP_DIGITS + 1];
        if (make_code(secret, counter, wanted) &&
            berth_equal_secret(wanted, code, BERTH_TOTP_DIGITS)) {
            found = counter;
        }
    }
    if (found < 0) {
        return BERTH_ERR_BAD_CREDENTIALS;
    }
    if (found <= last_counter) {
        return BERTH_ERR_REPLAYED;
    }
    *ret_counter = found;
    return BERTH_OK;
}

char *
berth_totp_dup_base32(const uint8_t secret[BERTH_TOTP_SECRET_BYTES])
{
    char *text = NULL;
    if (oath_base32_encode((const char *)secret, BERTH_TOTP_SECRET_BYTES, &text, NULL) != OATH_OK) {
        return NULL;
    }
    char *copy = g_strdup(text);
    berth_wipe(text, strlen(text));
    free(text);
    return copy;
}

char *
berth_totp_dup_uri(const char *site, const char *user,
                   const uint8_t secret[BERTH_TOTP_SECRET_BYTES])
{
    g_autofree char *issuer = g_uri_escape_string(site, NULL, false);
    g_autofree char *name = g_uri_escape_string(user, NULL, false);
    char *base32 = berth_totp_dup_base32(secret);
    if (base32 == NULL) {
        return NULL;
    }
    char *uri = g_strdup_printf("otpauth://totp/%s:%s?secret=%s&issuer=%s&digits=%d&period=%d",
                                issuer, name, base32, issuer, BERTH_TOTP_DIGITS,
                                (int)(BERTH_TOTP_STEP_US / 1000000));
    berth_wipe(base32, strlen(base32));
    g_free(base32);
    return uri;
}

void
berth_recovery_code_new(char ret_code[BERTH_RECOVERY_CODE_CHARS + 1])
{
    uint8_t random[CODE_SIGNS];
    berth_random_bytes(random, sizeof random);
    int at = 0;
    for (int i = 0; i < CODE_SIGNS; i++) {
        if (i == CODE_SIGNS / 2) {
            ret_code[at++] = '-';
        }
        ret_code[at++] = CODE_ALPHABET[random[i] % 32];
    }
    ret_code[at] = '\0';
    berth_wipe(random, sizeof random);
}

int
berth_recovery_code_hash(const BerthPepper *pepper, const char *id, const char *account,
                         const char *code, char ret_hash[BERTH_RECOVERY_HASH_CHARS + 1])
{
    char text[BERTH_ID_HEX_CHARS + 1 + CODE_SIGNS + 1];
    uint8_t mac[32];
    size_t n = 0;
    size_t start = strlen(account) + 1;
    if (start + CODE_SIGNS + 1 > sizeof text) {
        return BERTH_ERR_INVALID;
    }
    g_snprintf(text, sizeof text, "%s:", account);
    for (const char *sign = code; *sign != '\0'; sign++) {
        char lower = g_ascii_tolower(*sign);
        if (lower == '-' || lower == ' ') {
            continue;
        }
        if (n == CODE_SIGNS || strchr(CODE_ALPHABET, lower) == NULL) {
            return BERTH_ERR_INVALID;
        }
        text[start + n++] = lower;
    }
    if (n != CODE_SIGNS) {
        return BERTH_ERR_INVALID;
    }
    int error = berth_pepper_mac(pepper, id, BERTH_PEPPER_RECOVERY, text, start + n, mac);
    if (error == BERTH_OK) {
        berth_hex_format(mac, sizeof mac, ret_hash);
    }
    berth_wipe(text, sizeof text);
    return error;
}
