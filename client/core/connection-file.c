/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/core/connection-file.h"

#include "base/error.h"
#include "base/id.h"
#include "base/read-start.h"
#include "base/secret.h"
#include "berth/limits.h"

#include <errno.h>
#include <glib/gi18n.h>
#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#define VERSION 1

typedef json_t JsonRoot;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(JsonRoot, json_decref)

static bool
wrong_key(const char *key, const char *rule, GError **error)
{
    return berth_set_error(error, BERTH_ERR_CONFIG,
                           _("the connection file has no good \"%s\" (%s)"), key, rule);
}

static bool
is_name_char(char c)
{
    return g_ascii_isalnum(c) || c == '-' || c == '.' || c == '_';
}

/* Copies a host name, or a number if colons are allowed. */
static bool
take_name(json_t *root, const char *key, bool may_be_number, char *ret_name, GError **error)
{
    const char *text = json_string_value(json_object_get(root, key));
    size_t len = text != NULL ? strlen(text) : 0;

    if (len == 0 || len > BERTH_CONNECTION_NAME_CHARS) {
        return wrong_key(key, _("a name of 1 to 253 characters"), error);
    }
    for (size_t i = 0; i < len; i++) {
        if (!is_name_char(text[i]) && !(may_be_number && text[i] == ':')) {
            return wrong_key(key, _("letters, digits, points and hyphens"), error);
        }
    }
    memcpy(ret_name, text, len + 1);
    return true;
}

static bool
take_hex(json_t *root, const char *key, uint8_t *ret, size_t n, GError **error)
{
    if (berth_hex_parse(json_string_value(json_object_get(root, key)), ret, n) != BERTH_OK) {
        return wrong_key(
            key, n == BERTH_ID_BYTES ? _("32 hexadecimal digits") : _("64 hexadecimal digits"),
            error);
    }
    return true;
}

static bool
take_port(json_t *root, uint16_t *ret_port, GError **error)
{
    json_t *value = json_object_get(root, "port");
    json_int_t port = json_integer_value(value);

    if (!json_is_integer(value) || port < 1 || port > UINT16_MAX) {
        return wrong_key("port", _("a number from 1 to 65535"), error);
    }
    *ret_port = (uint16_t)port;
    return true;
}

static bool
check_version(json_t *root, GError **error)
{
    json_t *value = json_object_get(root, "version");

    if (!json_is_integer(value)) {
        return wrong_key("version", _("the number 1"), error);
    }
    if (json_integer_value(value) != VERSION) {
        return berth_set_error(
            error, BERTH_ERR_CONFIG,
            _("the connection file is of version %" PRId64 ", this client reads version %d"),
            (int64_t)json_integer_value(value), VERSION);
    }
    return true;
}

static JsonRoot *
parse_object(const char *text, size_t len, GError **error)
{
    g_autoptr(JsonRoot) root = NULL;
    json_error_t why;

    if (len > BERTH_LIMIT_CONNECTION_FILE_BYTES) {
        berth_set_error(error, BERTH_ERR_CONFIG,
                        _("the connection file is too large (%zu bytes, at most %u)"), len,
                        BERTH_LIMIT_CONNECTION_FILE_BYTES);
        return NULL;
    }
    root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &why);
    if (!json_is_object(root)) {
        berth_set_error(error, BERTH_ERR_CONFIG, _("the connection file is not a JSON object (%s)"),
                        root == NULL ? why.text : _("it holds something else"));
        return NULL;
    }
    return g_steal_pointer(&root);
}

bool
berth_connection_file_parse(const char *text, size_t len, BerthConnectionFile *ret, GError **error)
{
    g_autoptr(JsonRoot) root = parse_object(text, len, error);
    BerthConnectionFile file = { 0 };
    bool is_good =
        root != NULL && check_version(root, error) &&
        take_name(root, "address", true, file.host, error) && take_port(root, &file.port, error) &&
        take_name(root, "sni", false, file.sni, error) &&
        take_hex(root, "session", file.session.bytes, BERTH_ID_BYTES, error) &&
        take_hex(root, "session_key", file.session_key_hash, BERTH_KEY_HASH_BYTES, error) &&
        take_hex(root, "token", file.token, BERTH_RECONNECT_TOKEN_BYTES, error);

    if (is_good) {
        *ret = file;
    }
    berth_wipe(&file, sizeof file);
    return is_good;
}

bool
berth_connection_file_load(const char *path, BerthConnectionFile *ret, GError **error)
{
    char text[BERTH_LIMIT_CONNECTION_FILE_BYTES + 1];
    ssize_t len = berth_read_file_start(path, 0, text, sizeof text);
    g_autoptr(GError) why = NULL;
    bool is_good;

    if (len < 0) {
        return berth_set_error(error, BERTH_ERR_CONFIG, _("cannot read '%s': %s"), path,
                               g_strerror(errno));
    }
    is_good = berth_connection_file_parse(text, (size_t)len, ret, &why);
    berth_wipe(text, sizeof text);
    return is_good || berth_set_error(error, BERTH_ERR_CONFIG, "'%s': %s", path, why->message);
}

void
berth_connection_file_clear(BerthConnectionFile *self)
{
    berth_wipe(self, sizeof *self);
}
