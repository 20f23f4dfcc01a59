/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/core/diagnostics.h"

#include "client/core/redact.h"

#include "base/clock.h"
#include "base/error.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <glib/gi18n.h>
#include <glib/gstdio.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#define FILE_MODE 0600

/* Adds one file; the archive keeps the first error. */
static void
add(struct archive *archive, const char *name, const char *text)
{
    struct archive_entry *entry = archive_entry_new();
    g_autofree char *clean = berth_redact(text);
    g_autofree char *path = g_strconcat("berth-diagnostics/", name, NULL);
    size_t n_bytes = strlen(clean);

    archive_entry_set_pathname(entry, path);
    archive_entry_set_size(entry, (la_int64_t)n_bytes);
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, FILE_MODE);
    archive_entry_set_mtime(entry, (time_t)(berth_wall_us() / G_USEC_PER_SEC), 0);
    if (archive_write_header(archive, entry) == ARCHIVE_OK) {
        archive_write_data(archive, clean, n_bytes);
    }
    archive_entry_free(entry);
}

static void
add_json(struct archive *archive, const char *name, json_t *json)
{
    char *text = json_dumps(json, JSON_INDENT(2));

    add(archive, name, text);
    free(text);
    json_decref(json);
}

/* What is set, not by whom: names of users stay here. */
static json_t *
settings_to_json(const BerthSettings *settings)
{
    json_t *profiles = json_array();

    for (guint i = 0; i < settings->profiles->len; i++) {
        const BerthProfile *profile = g_ptr_array_index(settings->profiles, i);

        json_array_append_new(profiles,
                              json_pack("{s:s, s:b, s:b, s:b, s:i, s:b}", "broker", profile->broker,
                                        "has_ca", profile->ca_file[0] != '\0', "has_certificate",
                                        profile->certificate_file[0] != '\0', "has_user",
                                        profile->user[0] != '\0', "favourites",
                                        (int)profile->favourites->len, "is_present",
                                        profile == settings->profile));
    }
    return json_pack("{s:o}", "profiles", profiles);
}

static void
add_all(struct archive *archive, const BerthDiagnostics *self)
{
    add(archive, "about.txt", self->about);
    add_json(archive, "settings.json", settings_to_json(self->settings));
    if (self->stats != NULL) {
        add_json(archive, "statistics.json", berth_stats_to_json(self->stats));
    }
    if (self->report != NULL) {
        add(archive, "statistics.txt", self->report);
    }
    add(archive, "log.txt", self->log);
}

/* Closes first: the last bytes may be what the disk has no room for. */
static bool
finish(struct archive *archive, const char *path, GError **error)
{
    bool is_good = archive_write_close(archive) == ARCHIVE_OK && archive_errno(archive) == 0;

    if (!is_good) {
        const char *why = archive_error_string(archive);

        berth_set_error(error, BERTH_ERR_IO, _("the diagnostics cannot be written to '%s': %s"),
                        path, why != NULL ? why : _("the file cannot be completed"));
    }
    archive_write_free(archive);
    return is_good;
}

bool
berth_diagnostics_write(const BerthDiagnostics *self, const char *path, GError **error)
{
    g_autofree char *partial = g_strconcat(path, ".part-XXXXXX", NULL);
    struct archive *archive;
    int fd = g_mkstemp_full(partial, O_WRONLY | O_CLOEXEC, FILE_MODE);
    bool is_good;

    if (fd < 0) {
        return berth_set_error(error, BERTH_ERR_IO,
                               _("the diagnostics cannot be written to '%s': %s"), path,
                               g_strerror(errno));
    }
    archive = archive_write_new();
    archive_write_set_format_pax_restricted(archive);
    archive_write_add_filter_gzip(archive);
    if (archive_write_open_fd(archive, fd) == ARCHIVE_OK) {
        add_all(archive, self);
    }
    is_good = finish(archive, path, error);
    close(fd);
    if (is_good && g_rename(partial, path) != 0) {
        is_good =
            berth_set_error(error, BERTH_ERR_IO, _("the diagnostics cannot be written to '%s': %s"),
                            path, g_strerror(errno));
    }
    if (!is_good) {
        g_unlink(partial);
    }
    return is_good;
}

char *
berth_diagnostics_describe_system(void)
{
    GString *text = g_string_new(NULL);
    g_autofree char *os = g_get_os_info(G_OS_INFO_KEY_PRETTY_NAME);
    struct utsname kernel;
    const char *locale = setlocale(LC_MESSAGES, NULL);

    g_string_append_printf(text, "berth: %s\n", BERTH_VERSION);
    g_string_append_printf(text, "system: %s\n", os != NULL ? os : "not known");
    if (uname(&kernel) == 0) {
        g_string_append_printf(text, "kernel: %s %s\n", kernel.release, kernel.machine);
    }
    g_string_append_printf(text, "processors: %u\n", g_get_num_processors());
    g_string_append_printf(text, "locale: %s\n", locale != NULL ? locale : "not known");
    return g_string_free(text, FALSE);
}
