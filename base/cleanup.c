/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/cleanup.h"

#include <errno.h>
#include <unistd.h>

void
berth_clear_fd(int *fd)
{
    if (*fd >= 0) {
        int saved = errno;
        close(*fd);
        errno = saved;
    }
    *fd = -1;
}

int
berth_steal_fd(int *fd)
{
    int stolen = *fd;
    *fd = -1;
    return stolen;
}
