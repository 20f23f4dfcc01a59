/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/read-start.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <unistd.h>

ssize_t
berth_read_start(int fd, void *bytes, size_t size)
{
    size_t n = 0;
    while (n < size) {
        ssize_t got = read(fd, (uint8_t *)bytes + n, size - n);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return -1;
        }
        if (got == 0) {
            break;
        }
        n += (size_t)got;
    }
    return (ssize_t)n;
}

ssize_t
berth_read_file_start(const char *path, int flags, void *bytes, size_t size)
{
    berth_autofd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | flags);
    return fd >= 0 ? berth_read_start(fd, bytes, size) : -1;
}
