/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/auth/auth-packet.h"

#include "base/error.h"

#include <string.h>

#define VERSION 1

static size_t
put_text(uint8_t *out, size_t at, const char *text)
{
    size_t len = strlen(text);
    if (at == 0 || at + 2 + len > BERTH_LIMIT_AUTH_PACKET_BYTES) {
        return 0;
    }
    out[at] = (uint8_t)(len & 0xff);
    out[at + 1] = (uint8_t)(len >> 8);
    memcpy(out + at + 2, text, len);
    return at + 2 + len;
}

size_t
berth_auth_question_encode(const BerthAuthQuestion *question,
                           uint8_t out[BERTH_LIMIT_AUTH_PACKET_BYTES])
{
    out[0] = VERSION;
    size_t at = put_text(out, 1, question->user);
    at = put_text(out, at, question->password);
    return put_text(out, at, question->source);
}

size_t
berth_auth_answer_encode(const BerthAuthAnswer *answer, uint8_t out[BERTH_LIMIT_AUTH_PACKET_BYTES])
{
    out[0] = VERSION;
    out[1] = (uint8_t)answer->outcome;
    return put_text(out, 2, answer->text);
}

/* Takes one text; returns what comes after it, NULL if it is not whole or does not fit. */
static const uint8_t *
take_text(const uint8_t *data, const uint8_t *end, char *ret, size_t cap)
{
    if (data == NULL || end - data < 2) {
        return NULL;
    }
    size_t len = data[0] | (size_t)data[1] << 8;
    data += 2;
    if ((size_t)(end - data) < len || len >= cap || memchr(data, '\0', len) != NULL) {
        return NULL;
    }
    memcpy(ret, data, len);
    ret[len] = '\0';
    return data + len;
}

int
berth_auth_question_decode(const uint8_t *data, size_t len, BerthAuthQuestion *ret)
{
    const uint8_t *end = data + len;
    if (len < 1) {
        return BERTH_ERR_PROTOCOL;
    }
    if (data[0] != VERSION) {
        return BERTH_ERR_VERSION;
    }
    const uint8_t *at = take_text(data + 1, end, ret->user, sizeof ret->user);
    at = take_text(at, end, ret->password, sizeof ret->password);
    at = take_text(at, end, ret->source, sizeof ret->source);
    return at == end && ret->user[0] != '\0' ? BERTH_OK : BERTH_ERR_PROTOCOL;
}

int
berth_auth_answer_decode(const uint8_t *data, size_t len, BerthAuthAnswer *ret)
{
    const uint8_t *end = data + len;
    if (len < 2 || data[1] > BERTH_AUTH_DOWN) {
        return BERTH_ERR_PROTOCOL;
    }
    if (data[0] != VERSION) {
        return BERTH_ERR_VERSION;
    }
    ret->outcome = (BerthAuthOutcome)data[1];
    return take_text(data + 2, end, ret->text, sizeof ret->text) == end ? BERTH_OK
                                                                        : BERTH_ERR_PROTOCOL;
}
