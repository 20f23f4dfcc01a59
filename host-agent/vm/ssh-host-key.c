/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The format is OpenSSH's PROTOCOL.key: a public part and a list of private ones, here in clear. */
#include "host-agent/vm/ssh-host-key.h"

#include "base/id.h"

#include <glib.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <string.h>

#define MAGIC "openssh-key-v1"
#define ED25519_BYTES 32
#define POINT_BYTES 65
#define SCALAR_BYTES 32
#define LINE_CHARS 70
#define BLOCK_BYTES 8
#define FILE_BYTES 1024

/* What is secret is written into room that never moves and is overwritten at the end. */
typedef struct {
    guint8 bytes[FILE_BYTES];
    size_t len;
} Buffer;

static void
put(Buffer *buffer, const void *data, size_t len)
{
    g_assert(buffer->len + len <= sizeof buffer->bytes);
    memcpy(buffer->bytes + buffer->len, data, len);
    buffer->len += len;
}

static void
put_u32(Buffer *buffer, uint32_t value)
{
    uint32_t big = GUINT32_TO_BE(value);
    put(buffer, &big, sizeof big);
}

static void
put_string(Buffer *buffer, const void *data, size_t len)
{
    put_u32(buffer, (uint32_t)len);
    put(buffer, data, len);
}

static void
put_text(Buffer *buffer, const char *text)
{
    put_string(buffer, text, strlen(text));
}

/* A positive number without zeros in front, as SSH's "mpint". */
static void
put_number(Buffer *buffer, const guint8 *bytes, size_t len)
{
    while (len > 1 && bytes[0] == 0) {
        bytes++;
        len--;
    }
    bool needs_zero = (bytes[0] & 0x80) != 0;
    put_u32(buffer, (uint32_t)(len + needs_zero));
    if (needs_zero) {
        put(buffer, "", 1);
    }
    put(buffer, bytes, len);
}

static bool
make_ed25519(Buffer *public, Buffer *private)
{
    guint8 secret[ED25519_BYTES], point[ED25519_BYTES], both[2 * ED25519_BYTES];
    size_t n_secret = sizeof secret, n_point = sizeof point;
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    bool is_made = key != NULL && EVP_PKEY_get_raw_private_key(key, secret, &n_secret) == 1 &&
                   EVP_PKEY_get_raw_public_key(key, point, &n_point) == 1;
    EVP_PKEY_free(key);
    if (is_made) {
        memcpy(both, secret, sizeof secret);
        memcpy(both + sizeof secret, point, sizeof point);
        put_text(public, "ssh-ed25519");
        put_string(public, point, sizeof point);
        put(private, public->bytes, public->len);
        put_string(private, both, sizeof both);
    }
    OPENSSL_cleanse(secret, sizeof secret);
    OPENSSL_cleanse(both, sizeof both);
    return is_made;
}

static bool
make_ecdsa(Buffer *public, Buffer *private)
{
    guint8 secret[SCALAR_BYTES], point[POINT_BYTES];
    size_t n_point = 0;
    BIGNUM *number = NULL;
    EVP_PKEY *key = EVP_EC_gen("P-256");
    bool is_made = key != NULL &&
                   EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, point,
                                                   sizeof point, &n_point) == 1 &&
                   n_point == sizeof point && point[0] == POINT_CONVERSION_UNCOMPRESSED &&
                   EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_PRIV_KEY, &number) == 1 &&
                   BN_bn2binpad(number, secret, sizeof secret) == sizeof secret;
    BN_clear_free(number);
    EVP_PKEY_free(key);
    if (is_made) {
        put_text(public, "ecdsa-sha2-nistp256");
        put_text(public, "nistp256");
        put_string(public, point, sizeof point);
        put(private, public->bytes, public->len);
        put_number(private, secret, sizeof secret);
    }
    OPENSSL_cleanse(secret, sizeof secret);
    return is_made;
}

/* The private part with its two equal check numbers and its padding. */
static void
wrap_private(const Buffer *key, Buffer *ret)
{
    uint32_t check;
    berth_random_bytes(&check, sizeof check);
    put_u32(ret, check);
    put_u32(ret, check);
    put(ret, key->bytes, key->len);
    put_text(ret, "");
    for (guint8 i = 1; ret->len % BLOCK_BYTES != 0; i++) {
        put(ret, &i, 1);
    }
}

static char *
armour(const Buffer *file)
{
    GString *text = g_string_sized_new(4 * FILE_BYTES);
    char *encoded = g_base64_encode(file->bytes, file->len);
    g_string_append(text, "-----BEGIN OPENSSH PRIVATE KEY-----\n");
    for (size_t i = 0; i < strlen(encoded); i += LINE_CHARS) {
        g_string_append_len(text, encoded + i, (gssize)MIN(strlen(encoded) - i, LINE_CHARS));
        g_string_append_c(text, '\n');
    }
    g_string_append(text, "-----END OPENSSH PRIVATE KEY-----\n");
    berth_ssh_key_clear(encoded);
    return g_string_free(text, FALSE);
}

bool
berth_ssh_key_make(BerthSshKeyKind kind, char **ret_private, char **ret_public)
{
    Buffer public = { .len = 0 }, key = { .len = 0 }, private = { .len = 0 }, file = { .len = 0 };
    bool is_made =
        kind == BERTH_SSH_ED25519 ? make_ed25519(&public, &key) : make_ecdsa(&public, &key);
    if (is_made) {
        wrap_private(&key, &private);
        put(&file, MAGIC, sizeof MAGIC);
        put_text(&file, "none");
        put_text(&file, "none");
        put_text(&file, "");
        put_u32(&file, 1);
        put_string(&file, public.bytes, public.len);
        put_string(&file, private.bytes, private.len);
        g_autofree char *encoded = g_base64_encode(public.bytes, public.len);
        *ret_private = armour(&file);
        *ret_public = g_strdup_printf(
            "%s %s\n", kind == BERTH_SSH_ED25519 ? "ssh-ed25519" : "ecdsa-sha2-nistp256", encoded);
    }
    OPENSSL_cleanse(&key, sizeof key);
    OPENSSL_cleanse(&private, sizeof private);
    OPENSSL_cleanse(&file, sizeof file);
    return is_made;
}

const char *
berth_ssh_key_name(BerthSshKeyKind kind)
{
    return kind == BERTH_SSH_ED25519 ? "ed25519" : "ecdsa";
}

void
berth_ssh_key_clear(char *text)
{
    if (text != NULL) {
        OPENSSL_cleanse(text, strlen(text));
        g_free(text);
    }
}
