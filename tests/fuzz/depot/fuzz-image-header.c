/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The headers of images that somebody brings, and what qemu-img says of them: any bytes give an
 * error, or a disk of a size that is allowed.
 */
#include "base/depot/image-convert.h"

#define MAX_DISK_BYTES (1ull << 40)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t n = MIN(size, BERTH_IMAGE_HEADER_BYTES);
    BerthImageFormat guess = BERTH_IMAGE_RAW;
    g_autoptr(GError) guess_error = NULL;
    bool is_known = berth_image_format_guess(data, n, &guess, &guess_error);
    g_assert(is_known == (guess_error == NULL));
    for (int i = 0; i < BERTH_IMAGE_N_FORMATS; i++) {
        g_autoptr(GError) error = NULL;
        uint64_t bytes = 0;
        bool is_good = berth_image_header_check((BerthImageFormat)i, data, n, size, MAX_DISK_BYTES,
                                                &bytes, &error);
        g_assert(is_good == (error == NULL));
        g_assert(!is_good || (bytes > 0 && bytes <= MAX_DISK_BYTES));
    }
    g_autoptr(GError) error = NULL;
    bool is_good =
        berth_image_info_check((const char *)data, size, BERTH_IMAGE_QCOW2, 65536, &error);
    g_assert(is_good == (error == NULL));
    return 0;
}
