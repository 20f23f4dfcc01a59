/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/vm/overlay.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "berth/errors.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define QEMU_IMG_TIMEOUT_MS 30000
/* An empty one of the largest disk; more is not empty. */
#define EMPTY_MAX_BYTES (16 * 1024 * 1024)

struct BerthOverlayJob {
    BerthChild *child;
    char *path;
    BerthOverlayDone done;
    void *user_data;
};

static void
job_free(BerthOverlayJob *job)
{
    g_free(job->path);
    g_free(job);
}

int
berth_overlay_classify(int status, const char *output)
{
    if (status == 0) {
        return BERTH_OK;
    }
    if (status == BERTH_CHILD_TIMEOUT) {
        return BERTH_ERR_TIMEOUT;
    }
    if (strstr(output, "No space left on device") != NULL ||
        strstr(output, "Disk quota exceeded") != NULL) {
        return BERTH_ERR_DISK_FULL;
    }
    if (strstr(output, "No such file or directory") != NULL) {
        return BERTH_ERR_NOT_FOUND;
    }
    return BERTH_ERR_IO;
}

static char *
describe(int code, const char *path, const char *output)
{
    g_autofree char *folder = g_path_get_dirname(path);
    switch (code) {
    case BERTH_OK:
        return NULL;
    case BERTH_ERR_DISK_FULL:
        return g_strdup_printf("no space is left in %s for the disk of a new desktop", folder);
    case BERTH_ERR_TIMEOUT:
        return g_strdup_printf("qemu-img did not make %s in time", path);
    default:
        break;
    }
    g_autofree char *first = g_strndup(output, strcspn(output, "\n"));
    return g_strdup_printf("qemu-img could not make %s: %s", path, first);
}

static void
on_child_done(int status, const char *output, void *user_data)
{
    BerthOverlayJob *job = user_data;
    int code = berth_overlay_classify(status, output);
    g_autofree char *text = describe(code, job->path, output);
    if (code != BERTH_OK) {
        unlink(job->path);
    }
    BerthOverlayDone done = job->done;
    void *done_data = job->user_data;
    job_free(job);
    done(code, text, done_data);
}

BerthOverlayJob *
berth_overlay_create(BerthPoller *poller, const char *qemu_img, const char *backing_path,
                     const char *backing_format, const char *path, BerthOverlayDone done,
                     void *user_data, GError **error)
{
    const char *const argv[] = { qemu_img,       "create", "-q",         "-f", "qcow2", "-F",
                                 backing_format, "-b",     backing_path, path, NULL };
    BerthOverlayJob *job = g_new0(BerthOverlayJob, 1);
    job->path = g_strdup(path);
    job->done = done;
    job->user_data = user_data;
    job->child = berth_child_run(poller, argv, QEMU_IMG_TIMEOUT_MS, on_child_done, job, error);
    if (job->child == NULL) {
        job_free(job);
        return NULL;
    }
    return job;
}

void
berth_overlay_cancel(BerthOverlayJob *job)
{
    if (job == NULL) {
        return;
    }
    berth_child_cancel(job->child);
    unlink(job->path);
    job_free(job);
}

static int
copy_bytes(int from, int to, off_t len)
{
    while (len > 0) {
        ssize_t n = copy_file_range(from, NULL, to, NULL, (size_t)len, 0);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return n == 0 ? BERTH_ERR_IO : berth_error_from_errno(errno);
        }
        len -= n;
    }
    return BERTH_OK;
}

int
berth_overlay_copy(const char *from, const char *to)
{
    struct stat info;
    berth_autofd int source = open(from, O_RDONLY | O_CLOEXEC);
    if (source < 0 || fstat(source, &info) != 0) {
        return berth_error_from_errno(errno);
    }
    if (info.st_size > EMPTY_MAX_BYTES) {
        return BERTH_ERR_TOO_LARGE;
    }
    berth_autofd int target = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (target < 0) {
        return berth_error_from_errno(errno);
    }
    int code = copy_bytes(source, target, info.st_size);
    if (code != BERTH_OK) {
        unlink(to);
    }
    return code;
}
