/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/session/watermark-font.h"

#include "base/error.h"

struct BerthWatermarkFont {
    char *path;
    GMappedFile *file; /* NULL: it cannot be read */
};

BerthWatermarkFont *
berth_watermark_font_new(const char *path)
{
    BerthWatermarkFont *self = g_new0(BerthWatermarkFont, 1);

    self->path = g_strdup(path);
    self->file = g_mapped_file_new(path, FALSE, NULL);
    return self;
}

void
berth_watermark_font_free(BerthWatermarkFont *self)
{
    if (self != NULL) {
        g_clear_pointer(&self->file, g_mapped_file_unref);
        g_free(self->path);
        g_free(self);
    }
}

const void *
berth_watermark_font_get(const BerthWatermarkFont *self, size_t *ret_n_bytes, GError **error)
{
    if (self->file == NULL || g_mapped_file_get_length(self->file) == 0) {
        berth_set_error(error, BERTH_ERR_UNSUPPORTED,
                        "the policy wants a watermark, and its font '%s' cannot be read; install "
                        "the package fonts-dejavu-core on this host",
                        self->path);
        return NULL;
    }
    *ret_n_bytes = g_mapped_file_get_length(self->file);
    return g_mapped_file_get_contents(self->file);
}
