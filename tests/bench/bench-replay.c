/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * bench-replay: shows a recorded scene with its own damage and times, numbering its frames.
 *
 *   bench-replay [--display :N | --file PATH --offset BYTES] [--managed] [--log FILE]
 *                [--final FILE] SCENE
 *
 * The first frame is shown at once: "ready".  A line on standard input starts the rest: "go T",
 * then "end T FRAMES" (microseconds, monotonic).  The last picture stays until standard input
 * ends.  Log: "number,put_us,late_us" a frame.  Final: the last picture, BGRX.
 */
#include "tests/bench/frame-marker.h"
#include "tests/bench/scene-file.h"
#include "tests/bench/x11-pixels.h"

#include <fcntl.h>
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static char *display;
static char *file;
static gint64 file_offset;
static gboolean is_managed;
static char *log_path;
static char *final_path;

static const GOptionEntry options[] = {
    { "display", 0, 0, G_OPTION_ARG_STRING, &display, "X display to paint on", ":N" },
    { "file", 0, 0, G_OPTION_ARG_FILENAME, &file, "Or memory to paint into", "PATH" },
    { "offset", 0, 0, G_OPTION_ARG_INT64, &file_offset, "Where the picture begins", "BYTES" },
    { "managed", 0, 0, G_OPTION_ARG_NONE, &is_managed, "Leave the window to a manager", NULL },
    { "log", 0, 0, G_OPTION_ARG_FILENAME, &log_path, "Where times of frames go", "FILE" },
    { "final", 0, 0, G_OPTION_ARG_FILENAME, &final_path, "Where the last picture goes", "FILE" },
    { NULL },
};

typedef struct {
    SceneFile *scene;
    X11Pixels x11;
    xcb_window_t window;
    xcb_gcontext_t gc;
    uint32_t *target; /* what is shown, of the scene's size */
    uint32_t *picture;
    int width, height;
    FILE *log;
    unsigned n_frames;
} Replay;

static void
open_memory(Replay *self)
{
    size_t size_bytes = (size_t)self->width * (size_t)self->height * 4;
    int fd = open(file, O_RDWR | O_CLOEXEC);
    void *memory =
        fd < 0 ? MAP_FAILED
               : mmap(NULL, size_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)file_offset);

    if (memory == MAP_FAILED) {
        x11_pixels_fail("the memory to paint into cannot be mapped");
    }
    close(fd);
    self->target = memory;
}

static void
open_target(Replay *self)
{
    if (file) {
        open_memory(self);
        return;
    }
    x11_pixels_open(&self->x11, display, self->width, self->height);
    self->target = self->x11.pixels;
    self->window = x11_pixels_make_window(&self->x11, is_managed);
    self->gc = xcb_generate_id(self->x11.connection);
    xcb_create_gc(self->x11.connection, self->gc, self->window, 0, NULL);
}

static void
show_rect(Replay *self, BerthRect rect)
{
    for (int y = rect.y; y < rect.y + rect.h; y++) {
        size_t at = (size_t)y * (size_t)self->width + (size_t)rect.x;

        memcpy(self->target + at, self->picture + at, (size_t)rect.w * 4);
    }
    if (self->window) {
        x11_pixels_put(&self->x11, self->window, self->gc, rect);
    }
}

static void
show_frame(Replay *self, const SceneFrame *frame, int64_t due_us)
{
    BerthRect marker = { 0, 0, FRAME_MARKER_W, FRAME_MARKER_H };
    int64_t put_us = x11_pixels_now_us();

    for (size_t i = 0; i < frame->n_rects; i++) {
        show_rect(self, frame->rects[i]);
    }
    show_rect(self, marker);
    if (self->window) {
        x11_pixels_sync(&self->x11);
    }
    if (self->log) {
        fprintf(self->log, "%u,%lld,%lld\n", self->n_frames, (long long)put_us,
                (long long)(due_us ? put_us - due_us : 0));
    }
    self->n_frames++;
}

static bool
prepare_frame(Replay *self, SceneFrame *frame)
{
    if (!scene_file_next(self->scene, frame)) {
        return false;
    }
    scene_frame_paint(frame, self->picture, (size_t)self->width);
    frame_marker_paint(self->picture, (size_t)self->width, self->n_frames);
    return true;
}

static void
play(Replay *self)
{
    SceneFrame frame;
    int64_t start_us = 0;
    bool has_frame;

    if (!prepare_frame(self, &frame)) {
        x11_pixels_fail("the scene has no frame");
    }
    show_frame(self, &frame, 0);
    printf("ready\n");
    fflush(stdout);
    if (getchar() == EOF) {
        return;
    }
    has_frame = prepare_frame(self, &frame);
    printf("go %lld\n", (long long)x11_pixels_now_us());
    fflush(stdout);
    while (has_frame) {
        if (start_us == 0) {
            start_us = x11_pixels_now_us() + 20000 - frame.t_us;
        }
        x11_pixels_wait_until(start_us + frame.t_us);
        show_frame(self, &frame, start_us + frame.t_us);
        has_frame = prepare_frame(self, &frame);
    }
    printf("end %lld %u\n", (long long)x11_pixels_now_us(), self->n_frames);
    fflush(stdout);
}

static void
write_final(const Replay *self)
{
    FILE *out = final_path ? fopen(final_path, "wb") : NULL;

    if (out) {
        /* The marker of the frame that was never shown must not be in it. */
        frame_marker_paint(self->picture, (size_t)self->width, self->n_frames - 1);
        fwrite(self->picture, 4, (size_t)self->width * (size_t)self->height, out);
        fclose(out);
    }
    printf("final\n");
    fflush(stdout);
}

int
main(int argc, char **argv)
{
    g_autoptr(GOptionContext) context = g_option_context_new("SCENE");
    Replay self = { 0 };

    g_option_context_add_main_entries(context, options, NULL);
    if (!g_option_context_parse(context, &argc, &argv, NULL) || argc != 2) {
        x11_pixels_fail("usage: bench-replay [OPTION]... SCENE");
    }
    self.scene = scene_file_open(argv[1]);
    if (!self.scene) {
        return 1;
    }
    self.width = scene_file_get_width(self.scene);
    self.height = scene_file_get_height(self.scene);
    self.picture = g_new0(uint32_t, (size_t)self.width * (size_t)self.height);
    self.log = log_path ? fopen(log_path, "w") : NULL;
    open_target(&self);
    play(&self);
    if (self.log) {
        fclose(self.log);
    }
    write_final(&self);
    while (getchar() != EOF) {
    }
    return 0;
}
