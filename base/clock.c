/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/clock.h"

#include <time.h>

static int64_t
read_clock_us(clockid_t which)
{
    struct timespec now;
    clock_gettime(which, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t
berth_monotonic_us(void)
{
    return read_clock_us(CLOCK_MONOTONIC);
}

int64_t
berth_boot_us(void)
{
    return read_clock_us(CLOCK_BOOTTIME);
}

int64_t
berth_wall_us(void)
{
    return read_clock_us(CLOCK_REALTIME);
}

static int64_t
monotonic_now(void *data)
{
    return berth_monotonic_us();
}

static int64_t
wall_now(void *data)
{
    return berth_wall_us();
}

static int64_t
fake_now(void *data)
{
    return ((const BerthFakeClock *)data)->now_us;
}

const BerthClock berth_clock_monotonic = { monotonic_now, 0 };
const BerthClock berth_clock_wall = { wall_now, 0 };

int64_t
berth_clock_now_us(const BerthClock *clock)
{
    return clock->now_us(clock->data);
}

BerthClock
berth_fake_clock(BerthFakeClock *fake)
{
    return (BerthClock){ fake_now, fake };
}
