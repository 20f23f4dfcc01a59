/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Prints the picture that the test guest shows after some input, as PPM on standard output:
 *
 *   tg-expect WIDTH HEIGHT HEAD [EVENT]...
 *
 * with the events key:EVDEV point:X,Y button:EVDEV scroll:ROWS disk:MARK resize:W,H, which apply
 * from left to right.  After resize the picture is drawn anew from its counters, as in the guest.
 */
#include "tg-picture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MIN_SIZE_PX = 64,
    MAX_SIZE_PX = 8192,
};

/* Gives the picture a buffer of this size and draws it; false for a size that makes no sense. */
static bool
resize(TgPicture *picture, long width, long height)
{
    if (width < MIN_SIZE_PX || width > MAX_SIZE_PX || height < MIN_SIZE_PX ||
        height > MAX_SIZE_PX) {
        return false;
    }
    free(picture->pixels);
    picture->pixels = calloc((size_t)width * (size_t)height, sizeof(uint32_t));
    if (picture->pixels == NULL) {
        return false;
    }
    picture->width = (uint32_t)width;
    picture->height = (uint32_t)height;
    picture->stride_px = picture->width;
    tg_picture_draw(picture);
    return true;
}

static bool
apply(TgPicture *picture, const char *event)
{
    TgDamage damage;
    const char *value = strchr(event, ':');

    if (value == NULL) {
        return false;
    }

    char *end;
    long first = strtol(value + 1, &end, 0);
    long second = *end == ',' ? strtol(end + 1, &end, 0) : 0;

    if (strncmp(event, "key:", 4) == 0) {
        tg_picture_key(picture, (uint32_t)first, &damage);
    } else if (strncmp(event, "point:", 6) == 0) {
        tg_picture_pointer(picture, (uint32_t)first, (uint32_t)second, &damage);
    } else if (strncmp(event, "button:", 7) == 0) {
        tg_picture_button(picture, (uint32_t)first, &damage);
    } else if (strncmp(event, "scroll:", 7) == 0) {
        tg_picture_scroll(picture, (int32_t)first, &damage);
    } else if (strncmp(event, "disk:", 5) == 0) {
        tg_picture_disk(picture, (uint32_t)first, &damage);
    } else if (strncmp(event, "resize:", 7) == 0) {
        return *end == '\0' && resize(picture, first, second);
    } else {
        return false;
    }
    return *end == '\0';
}

static void
print_ppm(const TgPicture *picture)
{
    printf("P6\n%u %u\n255\n", picture->width, picture->height);
    for (size_t i = 0; i < (size_t)picture->width * picture->height; i++) {
        putchar(picture->pixels[i] >> 16 & 255);
        putchar(picture->pixels[i] >> 8 & 255);
        putchar(picture->pixels[i] & 255);
    }
}

int
main(int argc, char **argv)
{
    TgPicture picture = { 0 };

    if (argc < 4 || !resize(&picture, strtol(argv[1], NULL, 10), strtol(argv[2], NULL, 10))) {
        fprintf(stderr, "usage: tg-expect WIDTH HEIGHT HEAD [EVENT]...\n");
        return 2;
    }
    picture.head = (uint32_t)strtoul(argv[3], NULL, 10);
    tg_picture_draw(&picture);
    for (int i = 4; i < argc; i++) {
        if (!apply(&picture, argv[i])) {
            fprintf(stderr, "tg-expect: '%s' is no event\n", argv[i]);
            return 2;
        }
    }
    print_ppm(&picture);
    free(picture.pixels);
    return fflush(stdout) == 0 ? 0 : 1;
}
