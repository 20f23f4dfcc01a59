/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/images/image-wish.h"

#include "base/error.h"
#include "base/id.h"
#include "berth/limits.h"
#include "host-agent/json-fields.h"

#include <string.h>

#define SIGNATURE_CHARS (2 * BERTH_STATEMENT_SIGNATURE_BYTES)
#define KBPS_MAX (1000LL * 1000 * 1000)

int
berth_image_wish_read_id(const json_t *object, BerthId *ret)
{
    const char *hex = json_string_value(json_object_get(object, "version"));
    return hex != NULL ? berth_id_parse(hex, ret) : BERTH_ERR_INVALID;
}

static void
read_sources(const json_t *array, BerthImageWish *wish)
{
    size_t i;
    json_t *item;
    wish->sources = g_array_new(FALSE, FALSE, sizeof(BerthAddress));
    json_array_foreach (array, i, item) {
        BerthAddress address;
        const char *text = json_string_value(item);
        if (text != NULL && berth_address_parse(text, &address) == BERTH_OK) {
            g_array_append_val(wish->sources, address);
        }
    }
}

static bool
read_manifest(const json_t *object, BerthImageWish *wish, GError **error)
{
    char *text = json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS);
    wish->text = g_strdup(text != NULL ? text : "");
    free(text);
    return berth_version_manifest_parse(wish->text, strlen(wish->text), &wish->manifest, error);
}

bool
berth_image_wish_parse(const json_t *object, BerthImageWish *ret, GError **error)
{
    BerthJsonFields fields;
    g_auto(BerthImageWish) wish = { 0 };
    berth_json_fields_init(&fields, object, "desired image version");
    berth_json_fields_id(&fields, "version", &wish.version);
    const json_t *manifest = berth_json_fields_object(&fields, "manifest");
    const char *signature = berth_json_fields_string(&fields, "signature", SIGNATURE_CHARS);
    const json_t *sources =
        berth_json_fields_optional_array(&fields, "sources", BERTH_IMAGE_SOURCES_MAX);
    wish.kbps = berth_json_fields_optional_int(&fields, "kbps", 0, KBPS_MAX, 0);
    if (signature == NULL ||
        berth_hex_parse(signature, wish.signature, sizeof wish.signature) != BERTH_OK) {
        berth_json_fields_fail(&fields, "signature", "is no signature in hexadecimal");
    }
    if (!berth_json_fields_finish(&fields, error) || !read_manifest(manifest, &wish, error)) {
        return false;
    }
    read_sources(sources, &wish);
    *ret = wish;
    memset(&wish, 0, sizeof wish);
    return true;
}

bool
berth_image_wish_check(const BerthImageWish *self, const GArray *keys, GError **error)
{
    bool is_signed = false;
    for (guint i = 0; i < keys->len && !is_signed; i++) {
        is_signed = berth_ticket_key_verify_text(&g_array_index(keys, BerthTicketKey, i),
                                                 BERTH_VERSION_MANIFEST_CONTEXT, self->text,
                                                 self->signature) == BERTH_OK;
    }
    if (!is_signed) {
        return berth_set_error(error, BERTH_ERR_UNTRUSTED,
                               "the manifest of version %lld of image \"%s\" is not signed by this "
                               "site's key; seal the version again",
                               (long long)self->manifest.number, self->manifest.image_name);
    }
    return berth_version_manifest_is_for(&self->manifest, &self->version, &self->manifest.image, 0,
                                         error);
}

void
berth_image_wish_clear(BerthImageWish *self)
{
    berth_version_manifest_clear(&self->manifest);
    g_free(self->text);
    g_clear_pointer(&self->sources, g_array_unref);
    memset(self, 0, sizeof *self);
}
