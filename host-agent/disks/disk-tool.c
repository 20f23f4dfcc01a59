/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/disks/disk-tool.h"

#include "berth/errors.h"
#include "host-agent/child.h"

#include <glib.h>
#include <string.h>

/* What qemu-img check exits with. */
#define CHECK_CORRUPT 2
#define CHECK_LEAKS 3

int
berth_disk_tool_classify(int status, const char *output, bool is_check)
{
    if (status == 0 || (is_check && status == CHECK_LEAKS)) {
        return BERTH_OK;
    }
    if (status == BERTH_CHILD_TIMEOUT) {
        return BERTH_ERR_TIMEOUT;
    }
    if (strstr(output, "\" lock") != NULL) {
        return BERTH_ERR_BUSY;
    }
    if (strstr(output, "No space left") != NULL || strstr(output, "quota exceeded") != NULL) {
        return BERTH_ERR_DISK_FULL;
    }
    if (strstr(output, "snapshot not found") != NULL ||
        strstr(output, "No such file or directory") != NULL) {
        return BERTH_ERR_NOT_FOUND;
    }
    return is_check && status == CHECK_CORRUPT ? BERTH_ERR_CORRUPT : BERTH_ERR_IO;
}

char *
berth_disk_tool_describe(int code, const char *path, const char *output)
{
    g_autofree char *first = g_strndup(output, strcspn(output, "\n"));
    g_autofree char *folder = g_path_get_dirname(path);
    switch (code) {
    case BERTH_OK:
        return NULL;
    case BERTH_ERR_TIMEOUT:
        return g_strdup_printf("qemu-img did not finish with %s in time", path);
    case BERTH_ERR_BUSY:
        return g_strdup_printf("another program has %s open", path);
    case BERTH_ERR_DISK_FULL:
        return g_strdup_printf("no space is left in %s", folder);
    case BERTH_ERR_CORRUPT:
        return g_strdup_printf("%s is damaged: restore a snapshot or a backup of it", path);
    default:
        return g_strdup_printf("qemu-img failed with %s: %s", path, first);
    }
}
