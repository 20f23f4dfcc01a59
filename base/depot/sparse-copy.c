/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/depot/sparse-copy.h"

#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

/* Between looks at cancel. */
#define STEP_BYTES (16u * 1024 * 1024)

static bool
fail_errno(GError **error, const char *what)
{
    return berth_set_error(error, berth_error_from_errno(errno), "cannot %s the file: %s", what,
                           g_strerror(errno));
}

/* One piece; the file systems of both may differ, then the kernel copies. */
static ssize_t
copy_some(int source, off_t at, int target, size_t n)
{
    off_t from = at;
    off_t to = at;
    ssize_t done = copy_file_range(source, &from, target, &to, n, 0);
    if (done >= 0 || (errno != EXDEV && errno != ENOSYS && errno != EINVAL && errno != EPERM)) {
        return done;
    }
    from = at;
    return lseek(target, at, SEEK_SET) < 0 ? -1 : sendfile(target, source, &from, n);
}

static bool
copy_data(int source, off_t at, off_t end, int target, const gint *cancel, GError **error)
{
    while (at < end) {
        if (cancel != NULL && g_atomic_int_get(cancel) != 0) {
            return berth_set_error(error, BERTH_ERR_CLOSED, "copying was cancelled");
        }
        ssize_t n = copy_some(source, at, target, (size_t)MIN(end - at, (off_t)STEP_BYTES));
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return fail_errno(error, "copy");
        }
        if (n == 0) {
            return berth_set_error(error, BERTH_ERR_TRUNCATED,
                                   "the file became shorter while it was copied");
        }
        at += n;
    }
    return true;
}

static void
count(gint64 *n_done_bytes, int64_t n)
{
    if (n_done_bytes != NULL) {
        __atomic_store_n(n_done_bytes, n, __ATOMIC_RELAXED);
    }
}

bool
berth_sparse_copy(int source, int target, const gint *cancel, gint64 *n_done_bytes, GError **error)
{
    struct stat status;
    if (fstat(source, &status) < 0 || ftruncate(target, status.st_size) < 0) {
        return fail_errno(error, "copy");
    }
    for (off_t at = 0; at < status.st_size;) {
        off_t data = lseek(source, at, SEEK_DATA);
        if (data < 0 && errno == ENXIO) {
            break; /* the rest is a hole */
        }
        data = data < 0 ? at : data; /* a file system that knows of no holes */
        off_t hole = lseek(source, data, SEEK_HOLE);
        off_t end = hole > data ? hole : status.st_size;
        if (!copy_data(source, data, MIN(end, status.st_size), target, cancel, error)) {
            return false;
        }
        at = end;
        count(n_done_bytes, at);
    }
    count(n_done_bytes, status.st_size);
    return true;
}
