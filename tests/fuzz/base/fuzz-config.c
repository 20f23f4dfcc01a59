/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The configuration parser: any bytes give a configuration or an error, and never both.
 */
#include "base/config.h"

static const BerthConfigRow schema[] = {
    { "a", "text", BERTH_CONFIG_STRING, 0, 32, "x", "text" },
    { "a", "number", BERTH_CONFIG_INT, -5, 5, "0", "number" },
    { "b", "flag", BERTH_CONFIG_BOOL, 0, 0, "no", "flag" },
    { "b", "size", BERTH_CONFIG_SIZE, 0, INT64_MAX, "1K", "size" },
    { "b", "path", BERTH_CONFIG_PATH, 0, 0, "", "path" },
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(BerthConfig) config =
        berth_config_load_data(schema, G_N_ELEMENTS(schema), (const char *)data, size, &error);
    g_assert((config == NULL) == (error != NULL));
    if (config) {
        int64_t number = berth_config_get_int(config, "a", "number");
        g_assert(number >= -5 && number <= 5);
        g_assert(berth_config_get_int(config, "b", "size") >= 0);
    }
    return 0;
}
