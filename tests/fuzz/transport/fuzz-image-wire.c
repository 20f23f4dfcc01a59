/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Requests and answers of berth-image/1: what is read is written again as the same bytes.
 */
#include "berth/errors.h"
#include "berth/limits.h"
#include "display/transport/image-wire.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t bytes[BERTH_IMAGE_REQUEST_BYTES];
    BerthImageRequest request;
    BerthImageAnswer answer;
    if (berth_image_request_decode(data, size, &request) == BERTH_OK) {
        if (request.n_chunks > BERTH_LIMIT_IMAGE_REQUEST_CHUNKS) {
            abort();
        }
        berth_image_request_encode(&request, bytes);
        if (size != BERTH_IMAGE_REQUEST_BYTES || memcmp(bytes, data, size) != 0) {
            abort();
        }
    }
    if (berth_image_answer_decode(data, size, &answer) == BERTH_OK) {
        if (answer.status != BERTH_OK && answer.length != 0) {
            abort();
        }
        berth_image_answer_encode(&answer, bytes);
        if (size != BERTH_IMAGE_ANSWER_BYTES || memcmp(bytes, data, size) != 0) {
            abort();
        }
    }
    return 0;
}
