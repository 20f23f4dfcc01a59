/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/capacity.h"

#include <math.h>

#define DAY_US (24LL * 3600 * 1000 * 1000)
/* Less than one user in a hundred days is no growth. */
#define LEAST_GROWTH 0.01
/* What is so far away is not told as a number of days. */
#define MAX_DAYS 3650

static bool
has_labels(const json_t *wanted, const json_t *labels)
{
    const char *key = NULL;
    json_t *value = NULL;
    json_object_foreach ((json_t *)wanted, key, value) {
        if (!json_equal(value, json_object_get(labels, key))) {
            return false;
        }
    }
    return true;
}

/* Machines that one host still takes, and what stops it. */
static int64_t
fit(const BerthCapacityPool *pool, const BerthCapacityHost *host, BerthCapacityLimit *ret_limit)
{
    int64_t by_memory =
        MAX(host->memory_mib - host->memory_reserved_mib, 0) / MAX(pool->memory_mib, 1);
    int64_t by_vcpus = host->vcpus > 0
                           ? MAX(host->vcpus - host->vcpus_reserved, 0) / MAX(pool->vcpus, 1)
                           : INT64_MAX;
    *ret_limit = by_vcpus < by_memory ? BERTH_CAPACITY_BY_VCPUS : BERTH_CAPACITY_BY_MEMORY;
    return MIN(by_memory, by_vcpus);
}

static void
find_room(const BerthCapacityPool *pool, const BerthCapacityHost *hosts, size_t n_hosts,
          BerthCapacity *ret)
{
    int64_t n_fit = 0;
    ret->limit = BERTH_CAPACITY_BY_HOSTS;
    for (size_t i = 0; i < n_hosts; i++) {
        BerthCapacityLimit limit;
        if (hosts[i].is_usable && has_labels(pool->labels, hosts[i].labels)) {
            n_fit += fit(pool, &hosts[i], &limit);
            ret->limit = limit;
        }
    }
    int64_t n_possible = pool->n_machines + n_fit;
    if (n_possible >= pool->size) {
        n_possible = MAX(pool->size, pool->n_machines);
        ret->limit = BERTH_CAPACITY_BY_SIZE;
    }
    ret->room = MAX(n_possible - pool->n_assigned, 0);
}

static int
compare_times(gconstpointer a, gconstpointer b)
{
    int64_t left = *(const int64_t *)a;
    int64_t right = *(const int64_t *)b;
    return left < right ? -1 : left > right ? 1 : 0;
}

/*
 * Sweeps over begins and ends: how many sessions there were at once.
 *
 * peaks:  most of each day, day 0 is the oldest
 */
static void
sweep(const BerthCapacityUse *uses, size_t n_uses, int64_t first_us,
      int64_t peaks[BERTH_CAPACITY_DAYS], BerthCapacity *ret)
{
    g_autoptr(GArray) ends = g_array_new(FALSE, FALSE, sizeof(int64_t));
    for (size_t i = 0; i < n_uses; i++) {
        g_array_append_val(ends, uses[i].end_us);
    }
    g_array_sort(ends, compare_times);
    int64_t n_open = 0;
    guint next_end = 0;
    for (size_t i = 0; i < n_uses; i++) {
        int64_t at_us = MAX(uses[i].begin_us, first_us);
        while (next_end < ends->len && g_array_index(ends, int64_t, next_end) <= at_us) {
            next_end++;
            n_open--;
        }
        n_open++;
        int64_t day = MIN((at_us - first_us) / DAY_US, BERTH_CAPACITY_DAYS - 1);
        peaks[day] = MAX(peaks[day], n_open);
        if (n_open > ret->peak) {
            ret->peak = n_open;
            ret->peak_us = at_us;
        }
    }
}

/* Least squares through the peaks of the days on which anybody worked. */
static void
find_growth(const int64_t peaks[BERTH_CAPACITY_DAYS], BerthCapacity *ret)
{
    double n = 0;
    double sum_x = 0;
    double sum_y = 0;
    double sum_xx = 0;
    double sum_xy = 0;
    for (int day = 0; day < BERTH_CAPACITY_DAYS; day++) {
        if (peaks[day] > 0) {
            double y = (double)peaks[day];
            n += 1;
            sum_x += day;
            sum_y += y;
            sum_xx += (double)day * day;
            sum_xy += day * y;
        }
    }
    ret->n_days = (int64_t)n;
    double spread = n * sum_xx - sum_x * sum_x;
    if (ret->n_days >= BERTH_CAPACITY_MIN_DAYS && spread > 0) {
        ret->growth = (n * sum_xy - sum_x * sum_y) / spread;
    }
}

BerthCapacity
berth_capacity_of_pool(const BerthCapacityPool *pool, const BerthCapacityHost *hosts,
                       size_t n_hosts, const BerthCapacityUse *uses, size_t n_uses, int64_t now_us)
{
    BerthCapacity capacity = { .full_in_days = -1 };
    int64_t peaks[BERTH_CAPACITY_DAYS] = { 0 };
    find_room(pool, hosts, n_hosts, &capacity);
    sweep(uses, n_uses, now_us - BERTH_CAPACITY_DAYS * DAY_US, peaks, &capacity);
    find_growth(peaks, &capacity);
    /* Full is when the daily peak reaches what there is: the users of now and the room. */
    double most = (double)(capacity.room + pool->n_assigned);
    if (capacity.room == 0) {
        capacity.full_in_days = 0;
    } else if (capacity.growth >= LEAST_GROWTH) {
        double days = ceil(MAX(most - (double)capacity.peak, 0) / capacity.growth);
        capacity.full_in_days = days <= MAX_DAYS ? (int64_t)days : -1;
    }
    return capacity;
}

const char *
berth_capacity_limit_name(BerthCapacityLimit limit)
{
    static const char *const names[] = {
        [BERTH_CAPACITY_BY_SIZE] = "size",
        [BERTH_CAPACITY_BY_HOSTS] = "hosts",
        [BERTH_CAPACITY_BY_MEMORY] = "memory",
        [BERTH_CAPACITY_BY_VCPUS] = "vcpus",
    };
    return names[limit];
}

char *
berth_capacity_explain(const BerthCapacityPool *pool, const BerthCapacity *capacity)
{
    static const char *const limits[] = {
        [BERTH_CAPACITY_BY_SIZE] = "its size is the limit",
        [BERTH_CAPACITY_BY_HOSTS] = "no host that is up has its labels",
        [BERTH_CAPACITY_BY_MEMORY] = "the memory of its hosts is the limit",
        [BERTH_CAPACITY_BY_VCPUS] = "the processors of its hosts are the limit",
    };
    g_autoptr(GString) text = g_string_new(NULL);
    g_string_append_printf(text,
                           "pool \"%s\" has room for %" G_GINT64_FORMAT
                           " more users: %s; the most at once in %d days were %" G_GINT64_FORMAT,
                           pool->name, capacity->room, limits[capacity->limit], BERTH_CAPACITY_DAYS,
                           capacity->peak);
    if (capacity->room == 0) {
        g_string_append(text, "; it is full");
    } else if (capacity->n_days < BERTH_CAPACITY_MIN_DAYS) {
        g_string_append(text, "; too few days were seen for a trend");
    } else if (capacity->full_in_days < 0) {
        g_string_append(text, "; its use does not grow");
    } else {
        g_string_append_printf(text,
                               "; at the present growth of %.1f users a day it is full in about "
                               "%" G_GINT64_FORMAT " days",
                               capacity->growth, capacity->full_in_days);
    }
    return g_strdup(text->str);
}
