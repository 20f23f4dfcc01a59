/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/gtk/shared-frame.h"

#include <glib.h>
#include <sys/mman.h>
#include <unistd.h>

/* Memory that outlives who made it, if somebody still holds the frame in it. */
typedef struct {
    void *data;
    size_t size;
} Mapping;

static void
unmap(void *user_data)
{
    Mapping *mapping = user_data;

    munmap(mapping->data, mapping->size);
    g_free(mapping);
}

/* Returns a descriptor, -1 without memory. */
static int
make_memory(size_t size)
{
    int fd = memfd_create("berth-picture", MFD_CLOEXEC);

    if (fd >= 0 && ftruncate(fd, (off_t)size) < 0) {
        close(fd);
        fd = -1;
    }
    return fd;
}

static BerthFrame *
map_frame(int fd, int width, int height)
{
    size_t size = berth_frame_size_bytes(width, height);
    void *data = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    BerthFrame *frame;
    Mapping *mapping;

    if (data == MAP_FAILED) {
        return NULL;
    }
    mapping = g_new(Mapping, 1);
    *mapping = (Mapping){ data, size };
    frame = berth_frame_new_in(data, width, height, unmap, mapping);
    if (frame == NULL) {
        unmap(mapping);
    }
    return frame;
}

BerthFrame *
berth_shared_frame_new(int width, int height, int *ret_fd)
{
    int fd = berth_frame_size_is_allowed(width, height)
                 ? make_memory(berth_frame_size_bytes(width, height))
                 : -1;
    BerthFrame *frame = fd >= 0 ? map_frame(fd, width, height) : NULL;

    if (frame != NULL) {
        *ret_fd = fd;
    } else if (fd >= 0) {
        close(fd);
    }
    return frame;
}
