/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The stored list of chunks: any bytes give an error, or a list that is written as the same bytes.
 */
#include "base/depot/chunk-list.h"

#include "base/error.h"
#include "berth/limits.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(BerthChunkList) list = NULL;
    int error = berth_chunk_list_parse(data, size, &list);
    g_assert((error == BERTH_OK) == (list != NULL));
    if (list == NULL) {
        return 0;
    }
    uint64_t sum = 0;
    for (uint64_t i = 0; i < berth_chunk_list_n_chunks(list); i++) {
        size_t n = berth_chunk_list_chunk_bytes(list, i);
        g_assert(n >= 1 && n <= BERTH_CHUNK_BYTES);
        sum += n;
    }
    g_assert(sum == berth_chunk_list_size_bytes(list) && sum <= BERTH_LIMIT_IMAGE_BYTES);
    g_assert(berth_chunk_list_data_bytes(list) <= sum);
    g_autoptr(GBytes) again = berth_chunk_list_format(list);
    g_assert(g_bytes_get_size(again) == size);
    g_assert(memcmp(g_bytes_get_data(again, NULL), data, size) == 0);
    return 0;
}
