/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/transport/ticket.h"

#include "base/bytes-reader.h"
#include "base/bytes-writer.h"
#include "base/error.h"
#include "base/id.h"
#include "berth/protocol.h"
#include "display/transport/key-file.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <string.h>

#define CONTEXT_BYTES (sizeof BERTH_TICKET_CONTEXT - 1)
#define SIGNATURE_BYTES (BERTH_TICKET_BYTES - BERTH_TICKET_SIGNED_BYTES)

struct BerthSigningKey {
    EVP_PKEY *pkey;
};

static BerthSigningKey *
signing_key_take(EVP_PKEY *pkey)
{
    BerthSigningKey *self = g_new0(BerthSigningKey, 1);
    self->pkey = pkey;
    return self;
}

BerthSigningKey *
berth_signing_key_generate(GError **error)
{
    EVP_PKEY *pkey = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    if (pkey == NULL) {
        berth_set_error(error, BERTH_ERR_INTERNAL, "cannot make an Ed25519 key");
        return NULL;
    }
    return signing_key_take(pkey);
}

BerthSigningKey *
berth_signing_key_new_from_pem(const char *pem, GError **error)
{
    BIO *bio = BIO_new_mem_buf(pem, -1);
    /* An empty password, or OpenSSL would ask for one on the terminal. */
    EVP_PKEY *pkey = bio != NULL ? PEM_read_bio_PrivateKey(bio, NULL, NULL, (void *)"") : NULL;
    BIO_free(bio);
    if (pkey == NULL || !EVP_PKEY_is_a(pkey, "ED25519")) {
        EVP_PKEY_free(pkey);
        berth_set_error(error, BERTH_ERR_INVALID, "this is not an Ed25519 private key in PEM form");
        return NULL;
    }
    return signing_key_take(pkey);
}

BerthSigningKey *
berth_signing_key_load(const char *path, GError **error)
{
    g_autofree char *pem = NULL;
    gsize len = 0;
    g_autoptr(GError) file_error = NULL;
    if (!berth_key_file_check(path, error)) {
        return NULL;
    }
    if (!g_file_get_contents(path, &pem, &len, &file_error)) {
        berth_set_error(error, BERTH_ERR_IO, "cannot read the key '%s': %s", path,
                        file_error->message);
        return NULL;
    }
    BerthSigningKey *self = berth_signing_key_new_from_pem(pem, NULL);
    OPENSSL_cleanse(pem, len);
    if (self == NULL) {
        berth_set_error(error, BERTH_ERR_INVALID, "'%s' is not an Ed25519 private key in PEM form",
                        path);
    }
    return self;
}

void
berth_signing_key_free(BerthSigningKey *self)
{
    if (self != NULL) {
        EVP_PKEY_free(self->pkey);
        g_free(self);
    }
}

char *
berth_signing_key_dup_pem(const BerthSigningKey *self)
{
    char *bytes = NULL;
    char *pem = NULL;
    BIO *bio = BIO_new(BIO_s_mem());
    if (bio != NULL && PEM_write_bio_PKCS8PrivateKey(bio, self->pkey, NULL, NULL, 0, NULL, NULL)) {
        long n = BIO_get_mem_data(bio, &bytes);
        pem = g_strndup(bytes, (gsize)n);
        OPENSSL_cleanse(bytes, (size_t)n);
    }
    BIO_free(bio);
    return pem;
}

void
berth_signing_key_get_public(const BerthSigningKey *self, BerthTicketKey *ret)
{
    size_t len = sizeof ret->bytes;
    int ok = EVP_PKEY_get_raw_public_key(self->pkey, ret->bytes, &len);
    g_assert(ok == 1 && len == sizeof ret->bytes);
}

void
berth_ticket_key_format(const BerthTicketKey *key, char out[BERTH_TICKET_KEY_HEX_CHARS + 1])
{
    berth_hex_format(key->bytes, sizeof key->bytes, out);
}

int
berth_ticket_key_parse(const char *hex, BerthTicketKey *ret)
{
    BerthTicketKey key;
    if (berth_hex_parse(hex, key.bytes, sizeof key.bytes) != BERTH_OK) {
        return BERTH_ERR_INVALID;
    }
    *ret = key;
    return BERTH_OK;
}

/* Checks what must hold for a ticket of any time. */
static int
check_fields(const BerthTicket *ticket)
{
    if ((ticket->rights & ~BERTH_RIGHTS_ALL) != 0 || ticket->not_before_us < 0 ||
        ticket->expires_us <= ticket->not_before_us) {
        return BERTH_ERR_INVALID;
    }
    if (ticket->expires_us - ticket->not_before_us > BERTH_LIMIT_TICKET_LIFE_US) {
        return BERTH_ERR_INVALID;
    }
    return BERTH_OK;
}

/* Fills message with the context string and the signed part of the ticket. */
static int
write_signed_part(const BerthTicket *ticket, BerthWriter *writer)
{
    static const uint8_t zeros[3];
    berth_writer_put_bytes(writer, BERTH_TICKET_CONTEXT, CONTEXT_BYTES);
    berth_writer_put_u8(writer, BERTH_TICKET_VERSION);
    berth_writer_put_bytes(writer, zeros, sizeof zeros);
    berth_writer_put_u32(writer, ticket->rights);
    berth_writer_put_bytes(writer, ticket->ticket.bytes, BERTH_ID_BYTES);
    berth_writer_put_bytes(writer, ticket->user.bytes, BERTH_ID_BYTES);
    berth_writer_put_bytes(writer, ticket->machine.bytes, BERTH_ID_BYTES);
    berth_writer_put_bytes(writer, ticket->session.bytes, BERTH_ID_BYTES);
    berth_writer_put_bytes(writer, ticket->host.bytes, BERTH_ID_BYTES);
    berth_writer_put_u64(writer, ticket->machine_epoch);
    berth_writer_put_u64(writer, ticket->connection_epoch);
    berth_writer_put_i64(writer, ticket->not_before_us);
    berth_writer_put_i64(writer, ticket->expires_us);
    berth_writer_put_bytes(writer, ticket->client_key_hash, BERTH_KEY_HASH_BYTES);
    berth_writer_put_bytes(writer, ticket->session_key_hash, BERTH_KEY_HASH_BYTES);
    g_assert(writer->error != BERTH_OK || writer->len == CONTEXT_BYTES + BERTH_TICKET_SIGNED_BYTES);
    return writer->error;
}

static int
sign_bytes(EVP_PKEY *pkey, const uint8_t *data, size_t len, uint8_t ret_signature[SIGNATURE_BYTES])
{
    size_t n = SIGNATURE_BYTES;
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    bool ok = md != NULL && EVP_DigestSignInit(md, NULL, NULL, NULL, pkey) == 1 &&
              EVP_DigestSign(md, ret_signature, &n, data, len) == 1 && n == SIGNATURE_BYTES;
    EVP_MD_CTX_free(md);
    return ok ? BERTH_OK : BERTH_ERR_INTERNAL;
}

static bool
is_signed_by(const BerthTicketKey *key, const uint8_t *data, size_t len,
             const uint8_t signature[SIGNATURE_BYTES])
{
    EVP_PKEY *pkey =
        EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key->bytes, sizeof key->bytes);
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    bool ok = pkey != NULL && md != NULL && EVP_DigestVerifyInit(md, NULL, NULL, NULL, pkey) == 1 &&
              EVP_DigestVerify(md, signature, SIGNATURE_BYTES, data, len) == 1;
    EVP_MD_CTX_free(md);
    EVP_PKEY_free(pkey);
    return ok;
}

int
berth_signing_key_sign_text(const BerthSigningKey *self, const char *context, const char *text,
                            uint8_t out[BERTH_STATEMENT_SIGNATURE_BYTES])
{
    g_autofree char *message = g_strconcat(context, "\n", text, NULL);
    return sign_bytes(self->pkey, (const uint8_t *)message, strlen(message), out);
}

int
berth_ticket_key_verify_text(const BerthTicketKey *key, const char *context, const char *text,
                             const uint8_t signature[BERTH_STATEMENT_SIGNATURE_BYTES])
{
    g_autofree char *message = g_strconcat(context, "\n", text, NULL);
    bool is_good = is_signed_by(key, (const uint8_t *)message, strlen(message), signature);
    return is_good ? BERTH_OK : BERTH_ERR_UNTRUSTED;
}

int
berth_ticket_sign(const BerthTicket *ticket, const BerthSigningKey *key,
                  uint8_t out[BERTH_TICKET_BYTES])
{
    BerthWriter writer;
    int r = check_fields(ticket);
    if (r < 0) {
        return r;
    }
    berth_writer_init(&writer, CONTEXT_BYTES + BERTH_TICKET_SIGNED_BYTES);
    r = write_signed_part(ticket, &writer);
    if (r == BERTH_OK) {
        r = sign_bytes(key->pkey, writer.data, writer.len, out + BERTH_TICKET_SIGNED_BYTES);
    }
    if (r == BERTH_OK) {
        memcpy(out, writer.data + CONTEXT_BYTES, BERTH_TICKET_SIGNED_BYTES);
    }
    berth_writer_clear(&writer);
    return r;
}

static int
check_signature(const uint8_t data[BERTH_TICKET_BYTES], const BerthTicketKey *keys, size_t n_keys)
{
    uint8_t message[CONTEXT_BYTES + BERTH_TICKET_SIGNED_BYTES];
    memcpy(message, BERTH_TICKET_CONTEXT, CONTEXT_BYTES);
    memcpy(message + CONTEXT_BYTES, data, BERTH_TICKET_SIGNED_BYTES);
    for (size_t i = 0; i < n_keys; i++) {
        if (is_signed_by(&keys[i], message, sizeof message, data + BERTH_TICKET_SIGNED_BYTES)) {
            return BERTH_OK;
        }
    }
    return BERTH_ERR_UNTRUSTED;
}

static int
read_signed_part(const uint8_t data[BERTH_TICKET_BYTES], BerthTicket *ret)
{
    BerthReader reader;
    berth_reader_init(&reader, data, BERTH_TICKET_SIGNED_BYTES);
    if (berth_reader_get_u8(&reader) != BERTH_TICKET_VERSION) {
        return BERTH_ERR_VERSION;
    }
    for (int i = 0; i < 3; i++) {
        if (berth_reader_get_u8(&reader) != 0) {
            return BERTH_ERR_PROTOCOL;
        }
    }
    ret->rights = berth_reader_get_u32(&reader);
    berth_reader_get_bytes(&reader, ret->ticket.bytes, BERTH_ID_BYTES);
    berth_reader_get_bytes(&reader, ret->user.bytes, BERTH_ID_BYTES);
    berth_reader_get_bytes(&reader, ret->machine.bytes, BERTH_ID_BYTES);
    berth_reader_get_bytes(&reader, ret->session.bytes, BERTH_ID_BYTES);
    berth_reader_get_bytes(&reader, ret->host.bytes, BERTH_ID_BYTES);
    ret->machine_epoch = berth_reader_get_u64(&reader);
    ret->connection_epoch = berth_reader_get_u64(&reader);
    ret->not_before_us = berth_reader_get_i64(&reader);
    ret->expires_us = berth_reader_get_i64(&reader);
    berth_reader_get_bytes(&reader, ret->client_key_hash, BERTH_KEY_HASH_BYTES);
    berth_reader_get_bytes(&reader, ret->session_key_hash, BERTH_KEY_HASH_BYTES);
    return berth_reader_finish(&reader);
}

static int
check_time(const BerthTicket *ticket, int64_t now_wall_us)
{
    /* now_wall_us is ours and sane; the subtractions cannot overflow for not_before_us >= 0. */
    if (ticket->not_before_us > now_wall_us &&
        ticket->not_before_us - now_wall_us > BERTH_LIMIT_TICKET_SKEW_US) {
        return BERTH_ERR_INVALID;
    }
    if (ticket->expires_us <= now_wall_us &&
        now_wall_us - ticket->expires_us >= BERTH_LIMIT_TICKET_SKEW_US) {
        return BERTH_ERR_EXPIRED;
    }
    return BERTH_OK;
}

int
berth_ticket_verify(const uint8_t *data, size_t len, const BerthTicketKey *keys, size_t n_keys,
                    int64_t now_wall_us, BerthTicket *ret)
{
    BerthTicket ticket;
    if (len != BERTH_TICKET_BYTES) {
        return len < BERTH_TICKET_BYTES ? BERTH_ERR_TRUNCATED : BERTH_ERR_TRAILING;
    }
    int r = check_signature(data, keys, n_keys);
    if (r == BERTH_OK) {
        r = read_signed_part(data, &ticket);
    }
    if (r == BERTH_OK) {
        r = check_fields(&ticket);
    }
    if (r == BERTH_OK) {
        r = check_time(&ticket, MAX(now_wall_us, 0));
    }
    if (r == BERTH_OK) {
        *ret = ticket;
    }
    return r;
}
