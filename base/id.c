/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/id.h"

#include "berth/errors.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

static const char hex_digits[] = "0123456789abcdef";

void
berth_random_bytes(void *out, size_t n)
{
    uint8_t *at = out;
    while (n > 0) {
        ssize_t got = getrandom(at, n, 0);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            g_error("the kernel gives no random bytes: %s", g_strerror(errno));
        }
        at += got;
        n -= (size_t)got;
    }
}

void
berth_id_random(BerthId *ret_id)
{
    do {
        berth_random_bytes(ret_id->bytes, sizeof(ret_id->bytes));
    } while (berth_id_is_zero(ret_id));
}

bool
berth_id_is_zero(const BerthId *id)
{
    static const BerthId zero;
    return berth_id_equal(id, &zero);
}

bool
berth_id_equal(const BerthId *a, const BerthId *b)
{
    return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

void
berth_id_format(const BerthId *id, char out[BERTH_ID_HEX_CHARS + 1])
{
    berth_hex_format(id->bytes, sizeof(id->bytes), out);
}

int
berth_id_parse(const char *hex, BerthId *ret_id)
{
    return berth_hex_parse(hex, ret_id->bytes, sizeof(ret_id->bytes));
}

void
berth_hex_format(const uint8_t *data, size_t n, char *out)
{
    for (size_t i = 0; i < n; i++) {
        out[2 * i] = hex_digits[data[i] >> 4];
        out[2 * i + 1] = hex_digits[data[i] & 0xf];
    }
    out[2 * n] = '\0';
}

static int
digit_value(char digit)
{
    if (digit >= '0' && digit <= '9') {
        return digit - '0';
    }
    if (digit >= 'a' && digit <= 'f') {
        return digit - 'a' + 10;
    }
    return -1;
}

int
berth_hex_parse(const char *hex, uint8_t *ret, size_t n)
{
    if (!hex || strnlen(hex, 2 * n + 1) != 2 * n) {
        return BERTH_ERR_INVALID;
    }
    for (size_t i = 0; i < 2 * n; i++) {
        if (digit_value(hex[i]) < 0) {
            return BERTH_ERR_INVALID;
        }
    }
    for (size_t i = 0; i < n; i++) {
        ret[i] = (uint8_t)(digit_value(hex[2 * i]) << 4 | digit_value(hex[2 * i + 1]));
    }
    return BERTH_OK;
}

guint
berth_id_hash(gconstpointer id)
{
    /* Ids are random, so any four bytes of them are a good hash. */
    guint hash;
    memcpy(&hash, ((const BerthId *)id)->bytes, sizeof(hash));
    return hash;
}

gboolean
berth_id_equal_func(gconstpointer a, gconstpointer b)
{
    return berth_id_equal(a, b);
}

void
berth_id_random_hex(char ret_hex[BERTH_ID_HEX_CHARS + 1])
{
    BerthId id;
    berth_id_random(&id);
    berth_id_format(&id, ret_hex);
}
