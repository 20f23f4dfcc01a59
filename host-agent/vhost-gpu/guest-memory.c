/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/vhost-gpu/guest-memory.h"

#include "berth/errors.h"

#include <glib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

static int
check_region(const BerthGuestMemory *self, uint64_t guest_addr, uint64_t user_addr,
             uint64_t size_bytes)
{
    if (self->n_regions >= BERTH_LIMIT_GUEST_REGIONS) {
        return BERTH_ERR_TOO_LARGE;
    }
    if (size_bytes == 0 || guest_addr > UINT64_MAX - size_bytes ||
        user_addr > UINT64_MAX - size_bytes) {
        return BERTH_ERR_INVALID;
    }
    return BERTH_OK;
}

int
berth_guest_memory_add(BerthGuestMemory *self, uint64_t guest_addr, uint64_t user_addr,
                       uint64_t size_bytes, uint8_t *bytes)
{
    int r = check_region(self, guest_addr, user_addr, size_bytes);

    if (r == BERTH_OK) {
        self->regions[self->n_regions++] = (BerthGuestRegion){
            .guest_addr = guest_addr,
            .user_addr = user_addr,
            .size_bytes = size_bytes,
            .bytes = bytes,
        };
    }
    return r;
}

int
berth_guest_memory_map(BerthGuestMemory *self, int fd, uint64_t offset_bytes, uint64_t guest_addr,
                       uint64_t user_addr, uint64_t size_bytes)
{
    struct stat info;
    uint64_t end;
    void *mapping;
    int r = check_region(self, guest_addr, user_addr, size_bytes);

    if (r < 0) {
        return r;
    }
    if (fstat(fd, &info) < 0 || !g_uint64_checked_add(&end, offset_bytes, size_bytes) ||
        end > (uint64_t)info.st_size) {
        return BERTH_ERR_TRUNCATED;
    }
    /* From the start of the file: an offset inside of it need not be a multiple of its pages. */
    mapping = mmap(NULL, (size_t)end, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
    if (mapping == MAP_FAILED) {
        return BERTH_ERR_NO_MEMORY;
    }
    berth_guest_memory_add(self, guest_addr, user_addr, size_bytes,
                           (uint8_t *)mapping + offset_bytes);
    self->regions[self->n_regions - 1].mapping = mapping;
    self->regions[self->n_regions - 1].mapping_bytes = (size_t)end;
    return BERTH_OK;
}

void
berth_guest_memory_clear(BerthGuestMemory *self)
{
    for (unsigned i = 0; i < self->n_regions; i++) {
        if (self->regions[i].mapping) {
            munmap(self->regions[i].mapping, self->regions[i].mapping_bytes);
        }
    }
    memset(self, 0, sizeof(*self));
}

static uint8_t *
find_in(const BerthGuestRegion *region, uint64_t begin, uint64_t addr, uint64_t n)
{
    uint64_t offset = addr - begin;

    if (addr < begin || offset >= region->size_bytes || n > region->size_bytes - offset) {
        return NULL;
    }
    return region->bytes + offset;
}

uint8_t *
berth_guest_memory_find(const BerthGuestMemory *self, uint64_t guest_addr, uint64_t n)
{
    uint8_t *found = NULL;

    for (unsigned i = 0; i < self->n_regions && !found; i++) {
        found = find_in(&self->regions[i], self->regions[i].guest_addr, guest_addr, n);
    }
    return found;
}

uint8_t *
berth_guest_memory_find_user(const BerthGuestMemory *self, uint64_t user_addr, uint64_t n)
{
    uint8_t *found = NULL;

    for (unsigned i = 0; i < self->n_regions && !found; i++) {
        found = find_in(&self->regions[i], self->regions[i].user_addr, user_addr, n);
    }
    return found;
}
