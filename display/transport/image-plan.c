/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/transport/image-plan.h"

#include "berth/limits.h"

struct BerthImagePlan {
    BerthChunkList *list;
    uint64_t n_chunks, n_open;
    uint64_t next_local, next_wire; /* nothing of that kind lies before */
    uint8_t *ways;                  /* BerthImageWay of each chunk */
};

BerthImagePlan *
berth_image_plan_new(BerthChunkList *list)
{
    BerthImagePlan *self = g_new0(BerthImagePlan, 1);
    self->list = berth_chunk_list_ref(list);
    self->n_chunks = berth_chunk_list_n_chunks(list);
    self->ways = g_malloc0(self->n_chunks);
    for (uint64_t i = 0; i < self->n_chunks; i++) {
        if (!berth_chunk_list_is_zero(list, i)) {
            self->ways[i] = BERTH_IMAGE_WAY_WIRE;
            self->n_open++;
        }
    }
    return self;
}

void
berth_image_plan_free(BerthImagePlan *self)
{
    if (self != NULL) {
        berth_chunk_list_unref(self->list);
        g_free(self->ways);
        g_free(self);
    }
}

void
berth_image_plan_set_way(BerthImagePlan *self, uint64_t index, BerthImageWay way)
{
    g_assert(index < self->n_chunks &&
             (way == BERTH_IMAGE_WAY_OWN || way == BERTH_IMAGE_WAY_OLDER));
    if (self->ways[index] == BERTH_IMAGE_WAY_WIRE) {
        self->ways[index] = (uint8_t)way;
        self->next_local = MIN(self->next_local, index);
    }
}

static bool
is_local(uint8_t way)
{
    return way == BERTH_IMAGE_WAY_OWN || way == BERTH_IMAGE_WAY_OLDER;
}

bool
berth_image_plan_take_local(BerthImagePlan *self, uint64_t *ret_index, BerthImageWay *ret_way)
{
    while (self->next_local < self->n_chunks && !is_local(self->ways[self->next_local])) {
        self->next_local++;
    }
    if (self->next_local == self->n_chunks) {
        return false;
    }
    *ret_index = self->next_local;
    *ret_way = (BerthImageWay)self->ways[self->next_local];
    self->ways[self->next_local++] = BERTH_IMAGE_WAY_BUSY;
    return true;
}

bool
berth_image_plan_take_range(BerthImagePlan *self, uint64_t max_chunks, BerthImageRange *ret)
{
    while (self->next_wire < self->n_chunks &&
           self->ways[self->next_wire] != BERTH_IMAGE_WAY_WIRE) {
        self->next_wire++;
    }
    uint64_t first = self->next_wire;
    uint64_t end = first, n_sent = 0;
    for (uint64_t i = first;
         i < self->n_chunks && n_sent < max_chunks && i - first < BERTH_LIMIT_IMAGE_REQUEST_CHUNKS;
         i++) {
        if (self->ways[i] == BERTH_IMAGE_WAY_WIRE) {
            self->ways[i] = BERTH_IMAGE_WAY_BUSY;
            n_sent++;
            end = i + 1;
        } else if (!berth_chunk_list_is_zero(self->list, i)) {
            break;
        }
    }
    self->next_wire = end;
    if (n_sent > 0) {
        *ret = (BerthImageRange){ .first = first, .n = end - first };
    }
    return n_sent > 0;
}

void
berth_image_plan_finish(BerthImagePlan *self, uint64_t index)
{
    g_assert(index < self->n_chunks && self->ways[index] == BERTH_IMAGE_WAY_BUSY);
    self->ways[index] = BERTH_IMAGE_WAY_DONE;
    self->n_open--;
}

void
berth_image_plan_give_back(BerthImagePlan *self, const BerthImageRange *range)
{
    for (uint64_t i = range->first; i < range->first + range->n; i++) {
        if (self->ways[i] == BERTH_IMAGE_WAY_BUSY) {
            self->ways[i] = BERTH_IMAGE_WAY_WIRE;
            self->next_wire = MIN(self->next_wire, i);
        }
    }
}

uint64_t
berth_image_plan_n_open(const BerthImagePlan *self)
{
    return self->n_open;
}

uint64_t
berth_image_plan_open_bytes(const BerthImagePlan *self)
{
    uint64_t sum = 0;
    for (uint64_t i = 0; i < self->n_chunks; i++) {
        bool is_open = self->ways[i] != BERTH_IMAGE_WAY_DONE;
        sum += is_open ? berth_chunk_list_chunk_bytes(self->list, i) : 0;
    }
    return sum;
}

BerthImageWay
berth_image_plan_get_way(const BerthImagePlan *self, uint64_t index)
{
    g_assert(index < self->n_chunks);
    return (BerthImageWay)self->ways[index];
}
