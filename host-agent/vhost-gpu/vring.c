/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/vhost-gpu/vring.h"

#include "berth/errors.h"

#include <glib.h>
#include <string.h>

#define DESC_BYTES 16
#define USED_BYTES 8
#define RING_HEAD_BYTES 4 /* flags and index before both rings */
#define FLAG_NEXT 1u
#define FLAG_WRITE 2u
#define FLAG_INDIRECT 4u
#define AVAIL_NO_INTERRUPT 1u

typedef struct {
    uint64_t addr;
    uint32_t n_bytes;
    uint16_t flags;
    uint16_t next;
} Descriptor;

/* A table of descriptors: the queue's own, or one that a descriptor points to. */
typedef struct {
    const uint8_t *bytes;
    uint32_t n;
} Table;

static uint16_t
load_u16(const uint8_t *at)
{
    return GUINT16_FROM_LE(__atomic_load_n((const uint16_t *)(const void *)at, __ATOMIC_ACQUIRE));
}

static void
store_u16(uint8_t *at, uint16_t value)
{
    __atomic_store_n((uint16_t *)(void *)at, GUINT16_TO_LE(value), __ATOMIC_RELEASE);
}

/* Volatile, so that the compiler reads what it judges exactly once. */
static Descriptor
load_descriptor(const uint8_t *at)
{
    const volatile uint64_t *words = (const volatile uint64_t *)(const void *)at;
    uint64_t addr = GUINT64_FROM_LE(words[0]);
    uint64_t rest = GUINT64_FROM_LE(words[1]);

    return (Descriptor){ addr, (uint32_t)rest, (uint16_t)(rest >> 32), (uint16_t)(rest >> 48) };
}

/* Alignment here as well: numbers of the rings are read and written in one piece. */
static bool
is_usable(const BerthVring *self)
{
    return self->desc && self->avail && self->used && (uintptr_t)self->desc % 8 == 0 &&
           (uintptr_t)self->avail % 2 == 0 && (uintptr_t)self->used % 4 == 0;
}

int
berth_vring_setup(BerthVring *self, const BerthGuestMemory *memory, uint32_t size,
                  uint64_t desc_addr, uint64_t avail_addr, uint64_t used_addr, bool has_event_idx)
{
    memset(self, 0, sizeof(*self));
    if (size == 0 || size > BERTH_LIMIT_VRING_SIZE || (size & (size - 1)) != 0 ||
        desc_addr % DESC_BYTES != 0 || avail_addr % 2 != 0 || used_addr % 4 != 0) {
        return BERTH_ERR_INVALID;
    }
    /* Both rings end with the two bytes that EVENT_IDX uses. */
    self->desc = berth_guest_memory_find_user(memory, desc_addr, (uint64_t)size * DESC_BYTES);
    self->avail =
        berth_guest_memory_find_user(memory, avail_addr, RING_HEAD_BYTES + (uint64_t)size * 2 + 2);
    self->used = berth_guest_memory_find_user(memory, used_addr,
                                              RING_HEAD_BYTES + (uint64_t)size * USED_BYTES + 2);
    if (!is_usable(self)) {
        return BERTH_ERR_INVALID;
    }
    self->memory = memory;
    self->size = (uint16_t)size;
    self->has_event_idx = has_event_idx;
    self->next_used = load_u16(self->used + 2);
    self->last_avail = self->next_used;
    self->signalled_used = self->next_used;
    return BERTH_OK;
}

static int
add_segment(const BerthVring *self, const Descriptor *desc, BerthVringChain *ret)
{
    bool is_write = desc->flags & FLAG_WRITE;
    uint8_t *bytes;

    if (ret->n_segments >= BERTH_LIMIT_VRING_SEGMENTS ||
        (!is_write && ret->n_segments > ret->n_read)) {
        return BERTH_ERR_PROTOCOL;
    }
    if (desc->n_bytes == 0) {
        return BERTH_OK;
    }
    bytes = berth_guest_memory_find(self->memory, desc->addr, desc->n_bytes);
    if (!bytes) {
        return BERTH_ERR_PROTOCOL;
    }
    ret->segments[ret->n_segments++] = (BerthVringSegment){ bytes, desc->n_bytes };
    ret->n_read += is_write ? 0 : 1;
    return BERTH_OK;
}

static int
enter_indirect(const BerthVring *self, const Descriptor *desc, Table *ret)
{
    const uint8_t *bytes = berth_guest_memory_find(self->memory, desc->addr, desc->n_bytes);

    if (!bytes || (desc->flags & FLAG_NEXT) || desc->n_bytes == 0 ||
        desc->n_bytes % DESC_BYTES != 0 || desc->addr % 8 != 0 || (uintptr_t)bytes % 8 != 0) {
        return BERTH_ERR_PROTOCOL;
    }
    *ret = (Table){ bytes, desc->n_bytes / DESC_BYTES };
    return BERTH_OK;
}

int
berth_vring_walk(const BerthVring *self, uint16_t head, BerthVringChain *ret)
{
    Table table = { self->desc, self->size };
    bool is_indirect = false;
    uint32_t next = head;

    ret->head = head;
    ret->n_read = 0;
    ret->n_segments = 0;
    /* A chain that goes in circles ends here as well. */
    for (unsigned n = 0; n <= BERTH_LIMIT_VRING_SEGMENTS; n++) {
        Descriptor desc;
        int r;

        if (next >= table.n) {
            return BERTH_ERR_PROTOCOL;
        }
        desc = load_descriptor(table.bytes + (size_t)next * DESC_BYTES);
        if (desc.flags & FLAG_INDIRECT) {
            r = is_indirect ? BERTH_ERR_PROTOCOL : enter_indirect(self, &desc, &table);
            is_indirect = true;
            next = 0;
        } else {
            r = add_segment(self, &desc, ret);
            next = desc.next;
        }
        if (r < 0) {
            return r;
        }
        if (!(desc.flags & (FLAG_NEXT | FLAG_INDIRECT))) {
            return BERTH_OK;
        }
    }
    return BERTH_ERR_PROTOCOL;
}

/* Asks for a kick at the next request; the ring is looked at once more after that. */
static uint16_t
look_at_avail(BerthVring *self)
{
    uint16_t avail = load_u16(self->avail + 2);

    if (avail == self->last_avail && self->has_event_idx) {
        store_u16(self->used + RING_HEAD_BYTES + (size_t)self->size * USED_BYTES, self->last_avail);
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
        avail = load_u16(self->avail + 2);
    }
    return avail;
}

int
berth_vring_pop(BerthVring *self, BerthVringChain *ret)
{
    uint16_t n_waiting, head;
    int r;

    if (self->size == 0) {
        return 0;
    }
    n_waiting = (uint16_t)(look_at_avail(self) - self->last_avail);
    if (n_waiting == 0) {
        return 0;
    }
    if (n_waiting > self->size) {
        return BERTH_ERR_PROTOCOL;
    }
    head = load_u16(self->avail + RING_HEAD_BYTES + (size_t)(self->last_avail % self->size) * 2);
    r = berth_vring_walk(self, head, ret);
    if (r < 0) {
        return r;
    }
    self->last_avail++;
    return 1;
}

void
berth_vring_push(BerthVring *self, uint16_t head, uint32_t n_written)
{
    uint8_t *slot;
    uint32_t words[2] = { GUINT32_TO_LE((uint32_t)head), GUINT32_TO_LE(n_written) };

    if (self->size == 0) {
        return;
    }
    slot = self->used + RING_HEAD_BYTES + (size_t)(self->next_used % self->size) * USED_BYTES;
    memcpy(slot, words, sizeof(words));
    self->next_used++;
    store_u16(self->used + 2, self->next_used);
}

bool
berth_vring_take_interrupt(BerthVring *self)
{
    uint16_t old = self->signalled_used;
    uint16_t event;

    if (self->size == 0 || old == self->next_used) {
        return false;
    }
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    self->signalled_used = self->next_used;
    if (!self->has_event_idx) {
        return !(load_u16(self->avail) & AVAIL_NO_INTERRUPT);
    }
    event = load_u16(self->avail + RING_HEAD_BYTES + (size_t)self->size * 2);
    return (uint16_t)(self->next_used - event - 1) < (uint16_t)(self->next_used - old);
}

uint16_t
berth_vring_get_used(const BerthVring *self)
{
    return self->next_used;
}

size_t
berth_vring_chain_n_readable(const BerthVringChain *chain)
{
    size_t n = 0;

    for (unsigned i = 0; i < chain->n_read; i++) {
        n += chain->segments[i].n_bytes;
    }
    return n;
}

size_t
berth_vring_chain_read(const BerthVringChain *chain, uint8_t *dst, size_t n)
{
    size_t done = 0;

    for (unsigned i = 0; i < chain->n_read && done < n; i++) {
        size_t part = MIN(n - done, chain->segments[i].n_bytes);

        memcpy(dst + done, chain->segments[i].bytes, part);
        done += part;
    }
    return done;
}

size_t
berth_vring_chain_write(const BerthVringChain *chain, const uint8_t *src, size_t n)
{
    size_t done = 0;

    for (unsigned i = chain->n_read; i < chain->n_segments && done < n; i++) {
        size_t part = MIN(n - done, chain->segments[i].n_bytes);

        memcpy(chain->segments[i].bytes, src + done, part);
        done += part;
    }
    return done;
}
