/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/transport/key-file.h"

#include "base/error.h"

#include <errno.h>
#include <sys/stat.h>

bool
berth_key_file_check(const char *path, GError **error)
{
    struct stat status;
    if (stat(path, &status) < 0) {
        return berth_set_error(error, berth_error_from_errno(errno), "cannot read the key '%s': %s",
                               path, g_strerror(errno));
    }
    if ((status.st_mode & S_IRWXO) != 0) {
        return berth_set_error(error, BERTH_ERR_FORBIDDEN,
                               "the key '%s' is open to everyone (mode %04o)", path,
                               (unsigned)status.st_mode & 07777u);
    }
    return true;
}
