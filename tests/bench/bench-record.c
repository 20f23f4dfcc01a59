/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * bench-record --display :N --seconds S SCENE: records what changes on an X display.
 *
 * Damage is collected and grabbed at most 30 times a second.  "recording" is said when the first
 * picture is in the file.
 */
#include "tests/bench/scene-writer.h"
#include "tests/bench/x11-pixels.h"

#include <glib.h>
#include <stdio.h>
#include <string.h>

#define INTERVAL_US (1000000 / 30)
#define MAX_RECTS 48

static void
record_damage(X11Pixels *x11, SceneWriter *writer, int64_t t_us)
{
    BerthRect rects[MAX_RECTS];
    size_t n = x11_pixels_take_damage(x11, rects, MAX_RECTS);

    if (n > 0) {
        x11_pixels_grab(x11, (BerthRect){ 0, 0, x11->width, x11->height });
        scene_writer_add(writer, t_us, rects, n, x11->pixels);
    }
}

static bool
record(X11Pixels *x11, const char *path, double seconds)
{
    SceneWriter *writer = scene_writer_new(path, x11->width, x11->height);
    BerthRect all = { 0, 0, x11->width, x11->height };
    int64_t start_us, due_us;

    if (!writer) {
        return false;
    }
    x11_pixels_watch(x11);
    x11_pixels_grab(x11, all);
    scene_writer_add(writer, 0, &all, 1, x11->pixels);
    printf("recording\n");
    fflush(stdout);
    start_us = due_us = x11_pixels_now_us();
    while (due_us < start_us + (int64_t)(seconds * 1e6)) {
        due_us = MAX(due_us + INTERVAL_US, x11_pixels_now_us());
        x11_pixels_wait_until(due_us);
        record_damage(x11, writer, x11_pixels_now_us() - start_us);
    }
    return scene_writer_finish(writer);
}

int
main(int argc, char **argv)
{
    X11Pixels x11;

    if (argc != 6 || strcmp(argv[1], "--display") != 0 || strcmp(argv[3], "--seconds") != 0) {
        x11_pixels_fail("usage: bench-record --display :N --seconds S SCENE");
    }
    x11_pixels_open(&x11, argv[2], 0, 0);
    if (!record(&x11, argv[5], g_ascii_strtod(argv[4], NULL))) {
        x11_pixels_fail("the scene cannot be written");
    }
    return 0;
}
