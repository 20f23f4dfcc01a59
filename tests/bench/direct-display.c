/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Key to pixel measured directly on QEMU's D-Bus display, without network, TLS or encoder.
 *
 *   direct-display FD EVDEV_CODE COUNT
 *
 * FD is a connected D-Bus display peer (QMP add_client).  Presses and releases the key COUNT times,
 * each after the picture has been still, and prints a JSON list of microseconds from the press to
 * the first changed pixel in our own copy of the picture.
 */
#include "host-agent/session/capture.h"

#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    SETTLE_US = 150000,
    ECHO_TIMEOUT_US = 2000000,
    START_TIMEOUT_US = 5000000
};

typedef struct {
    BerthHeads *heads;
    gboolean is_changed;
    gboolean has_ended;
} Watch;

static void
on_change(BerthHeads *heads, int head, void *user_data)
{
    Watch *watch = user_data;
    unsigned changes = berth_screen_take(berth_heads_get(heads, 0));
    berth_screen_take_picture(berth_heads_get(heads, 0));
    watch->is_changed |= (changes & (BERTH_SCREEN_MODE | BERTH_SCREEN_DAMAGE)) != 0;
    watch->has_ended |= (changes & BERTH_SCREEN_ENDED) != 0;
}

static gboolean
on_timeout(void *user_data)
{
    *(gboolean *)user_data = TRUE;
    return G_SOURCE_REMOVE;
}

/* Returns whether a pixel changed within the time. */
static gboolean
wait_change(Watch *watch, int timeout_us)
{
    gboolean is_over = FALSE;
    guint timer = g_timeout_add((guint)(timeout_us / 1000), on_timeout, &is_over);
    watch->is_changed = FALSE;
    while (!watch->is_changed && !is_over && !watch->has_ended) {
        g_main_context_iteration(NULL, TRUE);
    }
    if (!is_over) {
        g_source_remove(timer);
    }
    return watch->is_changed;
}

static int64_t
measure_one(BerthCapture *capture, Watch *watch, uint16_t evdev)
{
    while (wait_change(watch, SETTLE_US)) {
    }
    int64_t start_us = berth_monotonic_us();
    if (capture->ops->key(capture, evdev, true) < 0) {
        return -1;
    }
    gboolean is_changed = wait_change(watch, ECHO_TIMEOUT_US);
    int64_t latency_us = berth_monotonic_us() - start_us;
    capture->ops->key(capture, evdev, false);
    return is_changed ? latency_us : -1;
}

int
main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: direct-display FD EVDEV_CODE COUNT\n");
        return 2;
    }
    g_autoptr(GError) error = NULL;
    Watch watch = { 0 };
    watch.heads = berth_heads_new(NULL, on_change, &watch);
    int fd = (int)strtol(argv[1], NULL, 10);
    uint16_t evdev = (uint16_t)strtoul(argv[2], NULL, 10);
    long n_presses = strtol(argv[3], NULL, 10);
    BerthCapture *capture = berth_capture_qemu_dbus.open(fd, watch.heads, &error);
    if (capture == NULL || !wait_change(&watch, START_TIMEOUT_US)) {
        fprintf(stderr, "direct-display: %s\n", error != NULL ? error->message : "no picture came");
        return 1;
    }
    printf("[");
    for (long i = 0; i < n_presses; i++) {
        printf("%s%lld", i > 0 ? ", " : "", (long long)measure_one(capture, &watch, evdev));
    }
    printf("]\n");
    capture->ops->close(capture);
    berth_heads_free(watch.heads);
    return 0;
}
