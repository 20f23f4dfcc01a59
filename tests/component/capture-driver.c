/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Drives one capture source by commands on stdin, for test_capture.py; answers one line each.
 *
 *   capture-driver SOURCE FD
 *   key CODE DOWN | move X Y | button N DOWN | wheel RIGHT DOWN | resize W H
 *   state          -> mode WxH absolute A leds L takes N damage_px N cursor WxH end CODE
 *   ppm PATH       writes the picture as of now
 *   want WANTED    whether a viewer could be sent a picture; true at first
 */
#include "host-agent/session/capture.h"

#include "base/error.h"
#include "base/log.h"

#include <gio/gio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    BerthHeads *heads;
    BerthScreen *screen;
    BerthCapture *capture;
    GMainLoop *loop;
    unsigned n_takes;
    int64_t damage_px;
} Driver;

static void
on_change(BerthHeads *heads, int head, void *user_data)
{
    Driver *driver = user_data;

    berth_screen_take(berth_heads_get(heads, 0));
    if (berth_screen_take_picture(berth_heads_get(heads, 0)) & BERTH_SCREEN_DAMAGE) {
        driver->n_takes++;
        driver->damage_px += berth_damage_get_area_px(berth_screen_get_damage(driver->screen));
    }
}

static void
print_state(Driver *driver)
{
    const BerthFrame *picture = berth_screen_get_picture(driver->screen);
    BerthCursorShape cursor = { 0 };

    berth_screen_get_cursor(driver->screen, &cursor);
    printf("mode %dx%d absolute %d leds %u takes %u damage_px %lld cursor %dx%d end %s\n",
           picture ? picture->width : 0, picture ? picture->height : 0,
           berth_screen_get_absolute(driver->screen), berth_screen_get_leds(driver->screen),
           driver->n_takes, (long long)driver->damage_px, cursor.width, cursor.height,
           berth_error_name(berth_screen_get_end(driver->screen, NULL)));
}

static void
write_ppm(Driver *driver, const char *path)
{
    const BerthFrame *picture = berth_screen_get_picture(driver->screen);
    FILE *file = picture ? fopen(path, "wb") : NULL;

    if (!file) {
        printf("error\n");
        return;
    }
    fprintf(file, "P6\n%d %d\n255\n", picture->width, picture->height);
    for (int y = 0; y < picture->height; y++) {
        for (int x = 0; x < picture->width; x++) {
            const uint8_t *pixel = berth_frame_pixel(picture, x, y);
            uint8_t rgb[3] = { pixel[2], pixel[1], pixel[0] };

            fwrite(rgb, 1, sizeof(rgb), file);
        }
    }
    fclose(file);
    printf("ok\n");
}

static int
give(Driver *driver, const char *name, int a, int b)
{
    const BerthCaptureOps *ops = driver->capture->ops;

    if (strcmp(name, "key") == 0) {
        return ops->key(driver->capture, (uint16_t)a, b);
    }
    if (strcmp(name, "move") == 0) {
        return ops->pointer_abs(driver->capture, 0, a, b);
    }
    if (strcmp(name, "button") == 0) {
        return ops->button(driver->capture, (BerthButton)a, b);
    }
    if (strcmp(name, "wheel") == 0) {
        return ops->wheel(driver->capture, a, b);
    }
    if (strcmp(name, "resize") == 0) {
        return ops->resize(driver->capture, 0, a, b, 300, 200);
    }
    return BERTH_ERR_INVALID;
}

static void
run_command(Driver *driver, char *line)
{
    g_auto(GStrv) words = g_strsplit(g_strstrip(line), " ", 3);

    if (g_strcmp0(words[0], "state") == 0) {
        print_state(driver);
    } else if (g_strcmp0(words[0], "want") == 0 && words[1]) {
        berth_screen_set_wanted(driver->screen, words[1][0] == '1' ? 0 : INT64_MAX);
        printf("ok\n");
    } else if (g_strcmp0(words[0], "ppm") == 0 && words[1]) {
        write_ppm(driver, words[1]);
    } else if (words[0] && words[1] && words[2]) {
        printf("%s\n",
               berth_error_name(give(driver, words[0], (int)g_ascii_strtoll(words[1], NULL, 10),
                                     (int)g_ascii_strtoll(words[2], NULL, 10))));
    } else {
        printf("error\n");
    }
    fflush(stdout);
}

static gboolean
on_stdin(GIOChannel *channel, GIOCondition condition, gpointer user_data)
{
    Driver *driver = user_data;
    g_autofree char *line = NULL;

    if (g_io_channel_read_line(channel, &line, NULL, NULL, NULL) != G_IO_STATUS_NORMAL) {
        g_main_loop_quit(driver->loop);
        return G_SOURCE_REMOVE;
    }
    run_command(driver, line);
    return G_SOURCE_CONTINUE;
}

int
main(int argc, char **argv)
{
    const BerthCaptureOps *source = argc == 3 ? berth_capture_find(argv[1]) : NULL;
    Driver driver = { 0 };
    GIOChannel *input;
    g_autoptr(GError) error = NULL;

    if (!source) {
        return 2;
    }
    berth_log_init("capture-driver");
    driver.loop = g_main_loop_new(NULL, FALSE);
    driver.heads = berth_heads_new(NULL, on_change, &driver);
    driver.screen = berth_heads_get(driver.heads, 0);
    berth_screen_set_wanted(driver.screen, 0);
    driver.capture = source->open((int)g_ascii_strtoll(argv[2], NULL, 10), driver.heads, &error);
    if (!driver.capture) {
        fprintf(stderr, "%s\n", error->message);
        return 1;
    }
    input = g_io_channel_unix_new(0);
    g_io_add_watch(input, G_IO_IN | G_IO_HUP, on_stdin, &driver);
    g_main_loop_run(driver.loop);
    source->close(driver.capture);
    berth_heads_free(driver.heads);
    g_io_channel_unref(input);
    g_main_loop_unref(driver.loop);
    return 0;
}
