/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/api/headers.h"

#include "berth/errors.h"

#include <string.h>

int
berth_header_parse_tag(const char *value, int64_t *ret_version)
{
    size_t len = strlen(value);
    int64_t version = 0;
    if (strcmp(value, "*") == 0) {
        *ret_version = 0;
        return BERTH_OK;
    }
    /* 18 digits fit into an int64_t. */
    if (len < 3 || len > 20 || value[0] != '"' || value[len - 1] != '"' || value[1] == '0') {
        return BERTH_ERR_INVALID;
    }
    for (size_t i = 1; i < len - 1; i++) {
        if (value[i] < '0' || value[i] > '9') {
            return BERTH_ERR_INVALID;
        }
        version = version * 10 + (value[i] - '0');
    }
    *ret_version = version;
    return BERTH_OK;
}

bool
berth_header_is_key(const char *value)
{
    size_t len = strlen(value);
    if (len == 0 || len > BERTH_HEADER_KEY_MAX_BYTES) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (value[i] <= ' ' || value[i] > '~') {
            return false;
        }
    }
    return true;
}
