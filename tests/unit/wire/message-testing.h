/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the tests of messages share: a writer as their state, and a check of a whole payload.
 */
#pragma once

#include "testing.h"

#include "base/bytes-writer.h"
#include "display/wire/message-table.h"

#include <glib.h>
#include <string.h>

/*
 * Checks the encoded payload against its row, decodes it to compare, and decodes every shorter
 * piece of it and one longer to see that they are refused.  expression decodes bytes, n.
 */
#define check_payload(writer, channel, type, expression)                           \
    do {                                                                           \
        const BerthMessageRow *row_ = berth_message_table_find((channel), (type)); \
        assert_non_null(row_);                                                     \
        assert_in_range((writer)->len, row_->min_bytes, row_->max_bytes);          \
        for (size_t n = 0; n < (writer)->len; n++) {                               \
            uint8_t *bytes = g_memdup2((writer)->data, MAX(n, 1));                 \
            assert_true((expression) < 0);                                         \
            g_free(bytes);                                                         \
        }                                                                          \
        {                                                                          \
            size_t n = (writer)->len + 1;                                          \
            uint8_t *bytes = g_malloc0(n);                                         \
            memcpy(bytes, (writer)->data, n - 1);                                  \
            assert_berth_error((expression), BERTH_ERR_TRAILING);                  \
            g_free(bytes);                                                         \
        }                                                                          \
        {                                                                          \
            size_t n = (writer)->len;                                              \
            const uint8_t *bytes = (writer)->data;                                 \
            assert_berth_ok((expression));                                         \
        }                                                                          \
    } while (0)

static inline int
setup(void **state)
{
    BerthWriter *writer = g_new0(BerthWriter, 1);
    berth_writer_init(writer, 16 * 1024 * 1024);
    *state = writer;
    return 0;
}

static inline int
teardown(void **state)
{
    berth_writer_clear(*state);
    g_free(*state);
    return 0;
}
