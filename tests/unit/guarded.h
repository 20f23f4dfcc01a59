/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Memory that ends exactly where a page begins that cannot be touched, and pictures in it.
 */
#pragma once

#include "testing.h"

#include "display/pixels/frame.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static inline size_t
guarded_pages_bytes_(size_t n_bytes)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    return (n_bytes + page - 1) / page * page;
}

/* The last n_bytes before a page that cannot be touched. */
static inline uint8_t *
guarded_new(size_t n_bytes)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t inside = guarded_pages_bytes_(n_bytes);
    uint8_t *pages =
        mmap(NULL, inside + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(pages != MAP_FAILED);
    assert_int_equal(mprotect(pages + inside, page, PROT_NONE), 0);
    return pages + inside - n_bytes;
}

static inline void
guarded_free(uint8_t *data, size_t n_bytes)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t inside = guarded_pages_bytes_(n_bytes);
    munmap(data + n_bytes - inside, inside + page);
}

/* A copy of bytes that ends at such a page. */
static inline uint8_t *
guarded_dup(const uint8_t *bytes, size_t n_bytes)
{
    uint8_t *data = guarded_new(n_bytes);
    if (n_bytes > 0) {
        memcpy(data, bytes, n_bytes);
    }
    return data;
}

/* A picture whose last pixel is the last before such a page, rows without padding. */
static inline BerthFrame
guarded_frame(int width, int height)
{
    size_t stride_bytes = (size_t)width * 4;
    BerthFrame frame = { guarded_new(stride_bytes * (size_t)height), width, height, stride_bytes,
                         1 };
    memset(frame.data, 0xff, stride_bytes * (size_t)height);
    return frame;
}

static inline void
guarded_frame_clear(BerthFrame *frame)
{
    guarded_free(frame->data, frame->stride_bytes * (size_t)frame->height);
}
