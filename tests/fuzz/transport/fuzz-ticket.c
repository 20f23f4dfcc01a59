/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Tickets: byte 0 odd signs the fuzzed fields first with a key made here, so that what lies behind
 * the signature is reached too.
 */
#include "display/transport/ticket.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#define NOW_US 1700000000000000LL

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static EVP_PKEY *
get_key(BerthTicketKey *ret_public)
{
    static const uint8_t seed[32] = { 1, 2, 3, 4 };
    static EVP_PKEY *pkey;
    size_t n = sizeof ret_public->bytes;
    if (pkey == NULL) {
        pkey = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, sizeof seed);
    }
    if (pkey == NULL || EVP_PKEY_get_raw_public_key(pkey, ret_public->bytes, &n) != 1) {
        abort();
    }
    return pkey;
}

/* Signs the fields as they are, also those that the broker never would. */
static void
sign(EVP_PKEY *pkey, uint8_t ticket[BERTH_TICKET_BYTES])
{
    uint8_t message[sizeof BERTH_TICKET_CONTEXT - 1 + BERTH_TICKET_SIGNED_BYTES];
    size_t n = BERTH_TICKET_BYTES - BERTH_TICKET_SIGNED_BYTES;
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    memcpy(message, BERTH_TICKET_CONTEXT, sizeof BERTH_TICKET_CONTEXT - 1);
    memcpy(message + sizeof BERTH_TICKET_CONTEXT - 1, ticket, BERTH_TICKET_SIGNED_BYTES);
    if (EVP_DigestSignInit(md, NULL, NULL, NULL, pkey) != 1 ||
        EVP_DigestSign(md, ticket + BERTH_TICKET_SIGNED_BYTES, &n, message, sizeof message) != 1) {
        abort();
    }
    EVP_MD_CTX_free(md);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t bytes[BERTH_TICKET_BYTES];
    BerthTicketKey key;
    BerthTicket ticket;
    if (size < 1) {
        return 0;
    }
    EVP_PKEY *pkey = get_key(&key);
    if (data[0] % 2 == 0 || size - 1 < BERTH_TICKET_BYTES) {
        berth_ticket_verify(data + 1, size - 1, &key, 1, NOW_US, &ticket);
        return 0;
    }
    memcpy(bytes, data + 1, sizeof bytes);
    sign(pkey, bytes);
    if (berth_ticket_verify(bytes, sizeof bytes, &key, 1, NOW_US, &ticket) == 0 &&
        (ticket.expires_us <= NOW_US - BERTH_LIMIT_TICKET_SKEW_US ||
         ticket.not_before_us > NOW_US + BERTH_LIMIT_TICKET_SKEW_US || bytes[0] != 1)) {
        abort();
    }
    return 0;
}
