/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * bench-psnr SCENE {SAMPLE NUMBER}...: how true samples of a viewer's screen are, in dB.
 *
 * A sample with the marker n is compared with the frames around n, since some viewers show a video
 * a little apart from the rest; the best one counts.  One line a sample.
 */
#include "tests/bench/picture-file.h"
#include "tests/bench/scene-file.h"

#include <glib.h>
#include <stdio.h>
#include <stdlib.h>

#define FRAMES_BEFORE 12
#define FRAMES_AFTER 1

typedef struct {
    uint32_t *pixels;
    int number;
    double best_db;
} Sample;

static void
compare_all(const uint32_t *picture, int width, int height, int number, Sample *samples, int n)
{
    for (int i = 0; i < n; i++) {
        PictureDifference difference;

        if (number < samples[i].number - FRAMES_BEFORE ||
            number > samples[i].number + FRAMES_AFTER) {
            continue;
        }
        difference = picture_compare(samples[i].pixels, picture, width, height);
        samples[i].best_db = MAX(samples[i].best_db, difference.psnr_db);
    }
}

int
main(int argc, char **argv)
{
    SceneFile *scene = argc >= 4 && argc % 2 == 0 ? scene_file_open(argv[1]) : NULL;
    int n = argc / 2 - 1;
    SceneFrame frame;
    Sample *samples;
    uint32_t *picture;
    int width, height;

    if (!scene) {
        fprintf(stderr, "usage: bench-psnr SCENE {SAMPLE NUMBER}...\n");
        return 1;
    }
    width = scene_file_get_width(scene);
    height = scene_file_get_height(scene);
    samples = g_new0(Sample, n);
    picture = g_new0(uint32_t, (size_t)width * (size_t)height);
    for (int i = 0; i < n; i++) {
        samples[i].pixels = picture_file_read(argv[2 + 2 * i], width, height);
        samples[i].number = (int)g_ascii_strtoll(argv[3 + 2 * i], NULL, 10);
    }
    for (int number = 0; scene_file_next(scene, &frame); number++) {
        scene_frame_paint(&frame, picture, (size_t)width);
        compare_all(picture, width, height, number, samples, n);
    }
    for (int i = 0; i < n; i++) {
        printf("%.2f\n", samples[i].best_db);
    }
    return 0;
}
