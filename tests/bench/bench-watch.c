/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * bench-watch: looks at the screen that a viewer paints on.
 *
 *   bench-watch --display :N --log FILE
 *
 * Logs "number,time_us" whenever the frame marker shows another number.  Commands, one a line:
 *
 *   sample FILE           keeps the screen: "sampled NUMBER"
 *   converge FILE SECONDS compares with a picture until they are equal: "first PSNR" once, then
 *                         "equal T" or "differs PIXELS PSNR"
 */
#include "tests/bench/frame-marker.h"
#include "tests/bench/picture-file.h"
#include "tests/bench/x11-pixels.h"

#include <errno.h>
#include <glib.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOOK_MS 50

typedef struct {
    X11Pixels x11;
    FILE *log;
    int last;
    char line[4200];
    size_t n_line;
} Watch;

static int
look(Watch *self)
{
    int number;

    x11_pixels_drop_damage(&self->x11);
    x11_pixels_grab(&self->x11, (BerthRect){ 0, 0, FRAME_MARKER_W, FRAME_MARKER_H });
    number = frame_marker_read(self->x11.pixels, FRAME_MARKER_W);
    if (number >= 0 && number != self->last) {
        self->last = number;
        fprintf(self->log, "%d,%lld\n", number, (long long)x11_pixels_now_us());
        fflush(self->log);
    }
    return number;
}

static void
drain(Watch *self)
{
    xcb_generic_event_t *event;
    bool is_damaged = false;

    while ((event = xcb_poll_for_event(self->x11.connection))) {
        is_damaged |= (event->response_type & 0x7f) == self->x11.damage_event;
        free(event);
    }
    if (is_damaged) {
        look(self);
    }
}

static void
grab_all(Watch *self)
{
    x11_pixels_grab(&self->x11, (BerthRect){ 0, 0, self->x11.width, self->x11.height });
}

static void
sample(Watch *self, const char *path)
{
    size_t n_px = (size_t)self->x11.width * (size_t)self->x11.height;
    FILE *out = fopen(path, "wb");
    int number;

    look(self);
    grab_all(self);
    number = frame_marker_read(self->x11.pixels, (size_t)self->x11.width);
    if (!out || fwrite(self->x11.pixels, 4, n_px, out) != n_px) {
        x11_pixels_fail("a sample cannot be written");
    }
    fclose(out);
    printf("sampled %d\n", number);
    fflush(stdout);
}

static void
converge(Watch *self, const char *path, double seconds)
{
    int64_t end_us = x11_pixels_now_us() + (int64_t)(seconds * 1e6);
    uint32_t *wanted = picture_file_read(path, self->x11.width, self->x11.height);
    PictureDifference difference = { 0 };
    bool is_first = true;

    do {
        int64_t now_us;

        drain(self);
        now_us = x11_pixels_now_us();
        grab_all(self);
        difference = picture_compare(self->x11.pixels, wanted, self->x11.width, self->x11.height);
        if (is_first) {
            printf("first %.2f\n", difference.psnr_db);
            is_first = false;
        }
        if (difference.n_wrong_px == 0) {
            printf("equal %lld\n", (long long)now_us);
            break;
        }
        x11_pixels_wait_until(now_us + LOOK_MS * 1000);
    } while (x11_pixels_now_us() < end_us);
    if (difference.n_wrong_px > 0) {
        printf("differs %lld %.2f\n", (long long)difference.n_wrong_px, difference.psnr_db);
    }
    fflush(stdout);
    free(wanted);
}

static void
run_command(Watch *self, char *line)
{
    g_auto(GStrv) words = g_strsplit(line, " ", 3);
    guint n = g_strv_length(words);

    if (n == 2 && strcmp(words[0], "sample") == 0) {
        sample(self, words[1]);
    } else if (n == 3 && strcmp(words[0], "converge") == 0) {
        converge(self, words[1], g_ascii_strtod(words[2], NULL));
    }
}

/* Returns false at the end of standard input. */
static bool
read_commands(Watch *self)
{
    ssize_t n =
        read(STDIN_FILENO, self->line + self->n_line, sizeof(self->line) - 1 - self->n_line);
    char *end;

    if (n <= 0) {
        return false;
    }
    self->n_line += (size_t)n;
    self->line[self->n_line] = '\0';
    while ((end = strchr(self->line, '\n'))) {
        *end = '\0';
        run_command(self, self->line);
        self->n_line -= (size_t)(end + 1 - self->line);
        memmove(self->line, end + 1, self->n_line + 1);
    }
    return self->n_line < sizeof(self->line) - 1;
}

int
main(int argc, char **argv)
{
    Watch self = { .last = -1 };
    struct pollfd fds[2];

    if (argc != 5 || strcmp(argv[1], "--display") != 0 || strcmp(argv[3], "--log") != 0) {
        x11_pixels_fail("usage: bench-watch --display :N --log FILE");
    }
    self.log = fopen(argv[4], "w");
    if (!self.log) {
        x11_pixels_fail("the log cannot be written");
    }
    x11_pixels_open(&self.x11, argv[2], 0, 0);
    x11_pixels_watch(&self.x11);
    look(&self);
    printf("watching\n");
    fflush(stdout);
    fds[0] = (struct pollfd){ xcb_get_file_descriptor(self.x11.connection), POLLIN, 0 };
    fds[1] = (struct pollfd){ STDIN_FILENO, POLLIN, 0 };
    for (;;) {
        drain(&self);
        xcb_flush(self.x11.connection);
        if (poll(fds, 2, 200) < 0 && errno != EINTR) {
            return 1;
        }
        if (fds[1].revents && !read_commands(&self)) {
            return 0;
        }
    }
}
