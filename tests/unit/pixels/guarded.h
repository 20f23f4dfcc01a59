/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Memory that ends, or begins, where a page begins that cannot be touched: a load or store too far
 * is a crash.  And bytes that look random and are the same in every run.
 */
#pragma once

#include "testing.h"

#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

static uint32_t random_state = 1;

static inline uint8_t
random_byte(void)
{
    random_state = random_state * 1664525u + 1013904223u;
    return (uint8_t)(random_state >> 24);
}

static inline size_t
guarded_span(size_t n_bytes)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    return (n_bytes + page - 1) / page * page;
}

/* n_bytes, 1 or more, right before a page that cannot be touched; another one is before them. */
static inline uint8_t *
new_guarded(size_t n_bytes)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t span = guarded_span(n_bytes);
    uint8_t *pages =
        mmap(NULL, span + 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(pages != MAP_FAILED);
    assert_int_equal(mprotect(pages, page, PROT_NONE), 0);
    assert_int_equal(mprotect(pages + page + span, page, PROT_NONE), 0);
    return pages + page + span - n_bytes;
}

static inline void
free_guarded(uint8_t *data, size_t n_bytes)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t span = guarded_span(n_bytes);
    munmap(data + n_bytes - span - page, span + 2 * page);
}

/* n_bytes that begin right behind a page that cannot be touched. */
static inline uint8_t *
new_guarded_front(size_t n_bytes)
{
    return new_guarded(guarded_span(n_bytes));
}

static inline void
free_guarded_front(uint8_t *data, size_t n_bytes)
{
    free_guarded(data, guarded_span(n_bytes));
}
