/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The manifest of a version: any bytes give an error, or a manifest that is written as the same
 * bytes.
 */
#include "base/depot/version-manifest.h"

#include "berth/limits.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_auto(BerthVersionManifest) manifest = { 0 };
    g_autoptr(GError) error = NULL;
    bool is_good = berth_version_manifest_parse((const char *)data, size, &manifest, &error);
    g_assert(is_good == (error == NULL));
    if (!is_good) {
        g_assert(manifest.image_name == NULL);
        return 0;
    }
    g_assert(manifest.files[BERTH_VERSION_DISK].is_present ||
             manifest.files[BERTH_VERSION_KERNEL].is_present);
    g_assert(manifest.machine.memory_mib >= BERTH_LIMIT_GUEST_MEMORY_MIN_MIB);
    g_autofree char *again = berth_version_manifest_format(&manifest, NULL);
    g_assert(again != NULL && strlen(again) == size && memcmp(again, data, size) == 0);
    return 0;
}
