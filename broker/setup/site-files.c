/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/setup/site-files.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "base/id.h"
#include "base/secret.h"
#include "broker/setup/certificate.h"
#include "display/transport/ticket.h"

#include "berth/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    FOLDER_MODE = 0700,
    SECRET_MODE = 0600,
    PUBLIC_MODE = 0644,
    MAX_NAME_CHARS = 63
};

static bool
fail_errno(GError **error, const char *what, const char *path)
{
    int code = errno;
    return berth_set_error(error, berth_error_from_errno(code), "%s '%s': %s", what, path,
                           g_strerror(code));
}

/* Letters, digits, dots and hyphens, not at the start: safe in file names and certificates. */
static bool
check_name(const char *kind, const char *name, GError **error)
{
    size_t len = strlen(name);
    bool is_good = len > 0 && len <= MAX_NAME_CHARS && g_ascii_isalnum(name[0]);
    for (const char *c = name; is_good && *c != '\0'; c++) {
        is_good = g_ascii_isalnum(*c) || *c == '.' || *c == '-';
    }
    return is_good ||
           berth_set_error(error, BERTH_ERR_INVALID,
                           "the %s '%s' may only have letters, digits, '.' and '-'", kind, name);
}

static bool
write_whole(int fd, const char *text)
{
    size_t left = strlen(text);
    while (left > 0) {
        ssize_t n = write(fd, text, left);
        if (n < 0 && errno != EINTR) {
            return false;
        }
        if (n > 0) {
            text += n;
            left -= (size_t)n;
        }
    }
    return fsync(fd) == 0;
}

/* The file gets its name only when it is whole, and only if the name is free. */
static bool
write_new_file(const char *folder, const char *name, const char *text, mode_t mode, GError **error)
{
    g_autofree char *path = g_build_filename(folder, name, NULL);
    g_autofree char *partial = g_strconcat(path, ".XXXXXX", NULL);
    berth_autofd int fd = g_mkstemp_full(partial, O_RDWR | O_CLOEXEC, (int)mode);
    if (fd < 0) {
        return fail_errno(error, "cannot make a file beside", path);
    }
    bool is_written = write_whole(fd, text) && fchmod(fd, mode) == 0 && link(partial, path) == 0;
    if (!is_written) {
        fail_errno(error, "cannot write", path);
    }
    unlink(partial);
    return is_written;
}

static char *
read_file(const char *folder, const char *name, GError **error)
{
    g_autofree char *path = g_build_filename(folder, name, NULL);
    char *text = NULL;
    return g_file_get_contents(path, &text, NULL, error) ? text : NULL;
}

static bool
file_exists(const char *folder, const char *name)
{
    g_autofree char *path = g_build_filename(folder, name, NULL);
    return access(path, F_OK) == 0;
}

/* The key first: a certificate without its key would look complete. */
static bool
save_pair(const char *folder, const char *stem, const BerthCertificate *certificate, GError **error)
{
    g_autofree char *cert_name = g_strconcat(stem, ".pem", NULL);
    g_autofree char *key_name = g_strconcat(stem, ".key", NULL);
    g_autofree char *cert_pem = berth_certificate_dup_cert_pem(certificate);
    g_autofree char *key_pem = berth_certificate_dup_key_pem(certificate);
    bool is_saved = write_new_file(folder, key_name, key_pem, SECRET_MODE, error) &&
                    write_new_file(folder, cert_name, cert_pem, PUBLIC_MODE, error);
    berth_wipe(key_pem, strlen(key_pem));
    return is_saved;
}

static BerthCertificate *
ensure_authority(const char *folder, GError **error)
{
    if (!file_exists(folder, "ca.pem")) {
        g_autoptr(BerthCertificate) made = berth_certificate_new_authority("Berth site", error);
        return made != NULL && save_pair(folder, "ca", made, error) ? g_steal_pointer(&made) : NULL;
    }
    g_autofree char *cert_pem = read_file(folder, "ca.pem", error);
    g_autofree char *key_pem = cert_pem != NULL ? read_file(folder, "ca.key", error) : NULL;
    if (key_pem == NULL) {
        return NULL;
    }
    BerthCertificate *loaded = berth_certificate_new_from_pem(cert_pem, key_pem, error);
    berth_wipe(key_pem, strlen(key_pem));
    return loaded;
}

static bool
ensure_ticket_key(const char *folder, GError **error)
{
    if (file_exists(folder, "ticket.key")) {
        return true;
    }
    g_autoptr(BerthSigningKey) key = berth_signing_key_generate(error);
    if (key == NULL) {
        return false;
    }
    BerthTicketKey public_key;
    char hex[BERTH_TICKET_KEY_HEX_CHARS + 1];
    berth_signing_key_get_public(key, &public_key);
    berth_ticket_key_format(&public_key, hex);
    g_autofree char *line = g_strconcat(hex, "\n", NULL);
    g_autofree char *pem = berth_signing_key_dup_pem(key);
    bool is_saved = write_new_file(folder, "ticket.key", pem, SECRET_MODE, error) &&
                    write_new_file(folder, "ticket.pub", line, PUBLIC_MODE, error);
    berth_wipe(pem, strlen(pem));
    return is_saved;
}

/* "DNS:gateway.example,DNS:localhost,IP:10.0.0.1"; NULL for an address that is none. */
static char *
format_server_names(const BerthSiteRequest *request, GError **error)
{
    g_autoptr(GString) names = g_string_new(NULL);
    g_string_printf(names, "DNS:%s", request->gateway_name);
    if (strcmp(request->gateway_name, "localhost") != 0) {
        g_string_append(names, ",DNS:localhost");
    }
    for (const char *const *a = request->addresses; a != NULL && *a != NULL; a++) {
        if (!g_hostname_is_ip_address(*a)) {
            berth_set_error(error, BERTH_ERR_INVALID, "'%s' is no IP address", *a);
            return NULL;
        }
        g_string_append_printf(names, ",IP:%s", *a);
    }
    return g_string_free(g_steal_pointer(&names), FALSE);
}

static bool
ensure_server(const BerthCertificate *authority, const BerthSiteRequest *request, const char *stem,
              GError **error)
{
    g_autofree char *file = g_strconcat(stem, ".pem", NULL);
    if (file_exists(request->folder, file)) {
        return true;
    }
    g_autofree char *names = format_server_names(request, error);
    if (names == NULL) {
        return false;
    }
    g_autofree char *common_name = g_strdup_printf("Berth %s", stem);
    g_autoptr(BerthCertificate) made =
        berth_certificate_new_signed(authority, common_name, names, BERTH_SERVER_DAYS, error);
    return made != NULL && save_pair(request->folder, stem, made, error);
}

static bool
make_host(const BerthCertificate *authority, const char *folder, const char *name, BerthId *ret_id,
          GError **error)
{
    char hex[BERTH_ID_HEX_CHARS + 1];
    berth_id_random(ret_id);
    berth_id_format(ret_id, hex);
    g_autofree char *stem = g_strconcat("host-", name, NULL);
    g_autofree char *names = g_strdup_printf("URI:berth:host:%s,DNS:%s", hex, name);
    g_autoptr(BerthCertificate) made =
        berth_certificate_new_signed(authority, name, names, BERTH_SERVER_DAYS, error);
    return made != NULL && save_pair(folder, stem, made, error);
}

static bool
check_request(const BerthSiteRequest *request, GError **error)
{
    if (!check_name("gateway name", request->gateway_name, error)) {
        return false;
    }
    for (const char *const *name = request->host_names; name != NULL && *name != NULL; name++) {
        g_autofree char *file = g_strdup_printf("host-%s.pem", *name);
        if (!check_name("host name", *name, error)) {
            return false;
        }
        if (file_exists(request->folder, file)) {
            return berth_set_error(error, BERTH_ERR_EXISTS,
                                   "the host '%s' has a certificate already", *name);
        }
    }
    return true;
}

bool
berth_site_files_make(const BerthSiteRequest *request, BerthSiteHostFunc on_host, void *user_data,
                      GError **error)
{
    if (g_mkdir_with_parents(request->folder, FOLDER_MODE) != 0) {
        return fail_errno(error, "cannot make the folder", request->folder);
    }
    if (!check_request(request, error)) {
        return false;
    }
    g_autoptr(BerthCertificate) authority = ensure_authority(request->folder, error);
    if (authority == NULL || !ensure_ticket_key(request->folder, error) ||
        !ensure_server(authority, request, "gateway", error) ||
        !ensure_server(authority, request, "broker", error)) {
        return false;
    }
    for (const char *const *name = request->host_names; name != NULL && *name != NULL; name++) {
        BerthId id;
        if (!make_host(authority, request->folder, *name, &id, error)) {
            return false;
        }
        on_host(*name, &id, user_data);
    }
    return true;
}
