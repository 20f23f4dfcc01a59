/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Packets between broker and berth-auth-helper, read as question and as answer; what is good must
 * come back the same.
 */
#include "base/error.h"
#include "broker/auth/auth-packet.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t again[BERTH_LIMIT_AUTH_PACKET_BYTES];
    BerthAuthQuestion question = { 0 };
    BerthAuthAnswer answer = { 0 };
    if (berth_auth_question_decode(data, size, &question) == BERTH_OK) {
        size_t n = berth_auth_question_encode(&question, again);
        if (n != size || memcmp(again, data, n) != 0) {
            abort();
        }
    }
    if (berth_auth_answer_decode(data, size, &answer) == BERTH_OK) {
        size_t n = berth_auth_answer_encode(&answer, again);
        if (n != size || memcmp(again, data, n) != 0) {
            abort();
        }
    }
    return 0;
}
