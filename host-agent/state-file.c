/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/state-file.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "base/log.h"
#include "berth/errors.h"
#include "host-agent/json-fields.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_OPEN_FOLDERS 8

static bool
fail_errno(GError **error, const char *verb, const char *path)
{
    int errnum = errno;
    return berth_set_error(error, berth_error_from_errno(errnum), "cannot %s %s: %s", verb, path,
                           g_strerror(errnum));
}

static bool
write_all(int fd, const char *text, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, text, len);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return false;
        }
        text += n;
        len -= (size_t)n;
    }
    return true;
}

bool
berth_state_file_save(const char *folder, const char *name, const json_t *object, GError **error)
{
    g_autofree char *path = g_build_filename(folder, name, NULL);
    g_autofree char *temporary = g_strconcat(path, ".new", NULL);
    berth_autofd int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) {
        return fail_errno(error, "create", temporary);
    }
    char *text = json_dumps(object, JSON_INDENT(1) | JSON_SORT_KEYS);
    bool is_written = text != NULL && write_all(fd, text, strlen(text)) && fsync(fd) == 0;
    free(text);
    if (!is_written || rename(temporary, path) != 0) {
        fail_errno(error, "write", path);
        unlink(temporary);
        return false;
    }
    return true;
}

json_t *
berth_state_file_load(const char *folder, const char *name, size_t max_bytes, GError **error)
{
    g_autofree char *path = g_build_filename(folder, name, NULL);
    berth_autofd int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat info;
    if (fd < 0 || fstat(fd, &info) != 0) {
        fail_errno(error, "open", path);
        return NULL;
    }
    if ((size_t)info.st_size > max_bytes) {
        berth_set_error(error, BERTH_ERR_TOO_LARGE, "%s is over %zu bytes", path, max_bytes);
        return NULL;
    }
    g_autofree char *text = NULL;
    gsize len = 0;
    GError *problem = NULL;
    if (!g_file_get_contents(path, &text, &len, &problem)) {
        berth_set_error(error, BERTH_ERR_IO, "%s", problem->message);
        g_clear_error(&problem);
        return NULL;
    }
    json_t *object = berth_json_parse_object(text, len, "state file", &problem);
    if (object == NULL) {
        berth_set_error(error, BERTH_ERR_CORRUPT, "%s: %s", path, problem->message);
        g_clear_error(&problem);
    }
    return object;
}

bool
berth_state_folder_make(const char *path, GError **error)
{
    if (g_mkdir_with_parents(path, 0700) != 0) {
        return fail_errno(error, "make folder", path);
    }
    return true;
}

static int
remove_one(const char *path, const struct stat *info, int type, struct FTW *place)
{
    if (remove(path) != 0 && errno != ENOENT) {
        berth_log_warning("state", "cannot remove %s: %s", path, g_strerror(errno));
    }
    return 0;
}

void
berth_state_folder_remove(const char *path)
{
    if (nftw(path, remove_one, MAX_OPEN_FOLDERS, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) != 0 &&
        errno != ENOENT) {
        berth_log_warning("state", "cannot remove %s: %s", path, g_strerror(errno));
    }
}
