/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/ready.h"

#include "base/error.h"

#include <errno.h>
#include <unistd.h>

static int
write_all(int fd, const char *text, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, text, len);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return berth_error_from_errno(errno);
        }
        text += n;
        len -= (size_t)n;
    }
    return BERTH_OK;
}

int
berth_ready_notify(int fd, const char *format, ...)
{
    if (fd < 0) {
        return BERTH_OK;
    }
    g_autoptr(GString) text = g_string_new(NULL);
    va_list args;
    va_start(args, format);
    g_string_vprintf(text, format, args);
    va_end(args);
    g_string_append(text, "ready\n");

    int result = write_all(fd, text->str, text->len);
    close(fd);
    return result;
}
