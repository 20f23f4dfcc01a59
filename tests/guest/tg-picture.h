/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/*
 * The picture of the test guest "tg": every pixel is a function of the size and of the input seen
 * so far, so that a test on the host can compute what a client must show, bit by bit.
 *
 * Pixels are 0x00RRGGBB in native order (DRM XRGB8888).  For a head of W x H (at least 640x480):
 *
 *   where                      what
 *   everything                 gradient: red x*255/(W-1), green y*255/(H-1), blue 128 + 32*head
 *   (64*i, 0) 64x64, i < 6     solid bars: red, green, blue, white, black, mid grey
 *   (0, 96) 64x64              checkerboard of single pixels, black where x+y is even
 *   (0, 160) 64x64             vertical lines of one pixel, black where x is even
 *   (64, 96) 512x256           the page: lines of hex digits, dark grey on white, see page_pixel()
 *   (W-192, 0) 64x64           disk block: tg_hash(first four bytes of the disk), black: no disk
 *   (W-128, 0) 64x64           pointer block: red x&255, green y&255, blue (x>>8)<<4 | y>>8
 *   (W-64, 0) 64x64            key block: tg_key_colour(code, number of presses so far)
 *   (16*n, H-64) 16x32         typed row: cell n of the n-th press, modulo W/16: key colour with
 *                              the two hex digits of the code in its upper half
 *   (W-208, 96) 192x144        video block, only if W >= 800: tg_hash of position and step
 *   crosshairs                 33x33 at each button press: 3 pixels wide arms in
 *                              tg_hash(button code), drawn over everything
 *
 * Keys with a meaning (they also do what every key does):
 *   F5   the page scrolls up by 48 rows          F6   starts 60 scrolls of 8 rows, one each tick
 *   F7   starts or stops the video block         F8   the next cursor shape (see tg-init.c)
 *   F12  starts or stops painting the video block as fast as the screen takes it
 *   F9   writes the code's count to the disk     wheel: 48 rows a notch
 *
 * Pure: no I/O, no clock.  Only head 0 sees input.
 */

enum {
    TG_BLOCK_PX = 64,
    TG_SCROLL_ROWS = 48,
    TG_STEP_ROWS = 8,
    TG_STEPS = 60,
    TG_MAX_DAMAGE = 4,
};

typedef struct TgRect {
    uint32_t x, y, width, height;
} TgRect;

/* What a call has changed, in drawing order.  Rectangles are inside the picture. */
typedef struct TgDamage {
    TgRect rects[TG_MAX_DAMAGE];
    unsigned n_rects;
} TgDamage;

typedef struct TgPicture {
    uint32_t *pixels; /* borrowed, height rows of stride_px */
    uint32_t width, height, stride_px;
    uint32_t head;
    uint32_t n_presses;
    uint32_t last_code;
    uint32_t pointer_x, pointer_y;
    uint32_t page_row; /* the first row of the endless page that is in view */
    uint32_t video_step;
    uint32_t disk_mark; /* first four bytes of the disk, 0 without one */
} TgPicture;

/* A well mixed function of x: the source of all colours.  h = x*0x9E3779B1; h ^= h>>15;
 * h *= 0x85EBCA77; h ^= h>>13; all modulo 2^32. */
uint32_t tg_hash(uint32_t x);

/* The colour of the key block and the typed cell after the n-th press (from 1) of an evdev code. */
uint32_t tg_key_colour(uint32_t code, uint32_t n);

/* Draws everything from the counters; crosshairs and older typed cells are gone. */
void tg_picture_draw(TgPicture *picture);

/* A key goes down: key block, typed cell and, for F5, the page. */
void tg_picture_key(TgPicture *picture, uint32_t code, TgDamage *ret_damage);

/* Scrolls the page by rows (negative: back) and redraws it. */
void tg_picture_scroll(TgPicture *picture, int32_t rows, TgDamage *ret_damage);

/* The pointer is at x,y now (clamped to the picture): pointer block. */
void tg_picture_pointer(TgPicture *picture, uint32_t x, uint32_t y, TgDamage *ret_damage);

/* A button goes down at the pointer: crosshair. */
void tg_picture_button(TgPicture *picture, uint32_t code, TgDamage *ret_damage);

/* The next step of the video block; nothing on a narrow picture. */
void tg_picture_video(TgPicture *picture, TgDamage *ret_damage);

/* The disk holds mark now: disk block. */
void tg_picture_disk(TgPicture *picture, uint32_t mark, TgDamage *ret_damage);
