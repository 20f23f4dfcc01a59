/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/state-dir.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "base/id.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>

int
berth_state_dir_lock(const char *state_dir, GError **error)
{
    g_autofree char *path = g_build_filename(state_dir, "broker.lock", NULL);
    berth_autofd int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        int errnum = errno;
        berth_set_error(error, berth_error_from_errno(errnum), "cannot open \"%s\": %s", path,
                        g_strerror(errnum));
        return -1;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        berth_set_error(error, BERTH_ERR_BUSY, "another broker uses \"%s\"", state_dir);
        return -1;
    }
    return berth_steal_fd(&fd);
}

bool
berth_state_dir_ensure_holder(const char *state_dir, char ret[BERTH_ID_HEX_CHARS + 1],
                              GError **error)
{
    BerthId id;
    g_autofree char *text = NULL;
    g_autofree char *path = g_build_filename(state_dir, "holder", NULL);
    if (g_file_get_contents(path, &text, NULL, NULL)) {
        if (berth_id_parse(g_strstrip(text), &id) != BERTH_OK) {
            return berth_set_error(error, BERTH_ERR_CORRUPT, "\"%s\" holds no id: remove it", path);
        }
        g_strlcpy(ret, text, BERTH_ID_HEX_CHARS + 1);
        return true;
    }
    berth_id_random_hex(ret);
    return g_file_set_contents_full(path, ret, BERTH_ID_HEX_CHARS,
                                    G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE,
                                    0600, error);
}

char *
berth_state_dir_store_url(const BerthConfig *config)
{
    const char *url = berth_config_get_string(config, "store", "url");
    if (url[0] != '\0') {
        return g_strdup(url);
    }
    const char *state_dir = berth_config_get_string(config, "broker", "state_dir");
    g_autofree char *path = g_build_filename(state_dir, "broker.sqlite", NULL);
    return g_strconcat("sqlite:", path, NULL);
}
