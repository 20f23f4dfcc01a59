/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tg-picture.h"

#include <linux/input-event-codes.h>
#include <stddef.h>

enum {
    PAGE_X = 64,
    PAGE_Y = 96,
    PAGE_WIDTH = 512,
    PAGE_HEIGHT = 256,
    CELL_WIDTH = 8,
    CELL_HEIGHT = 16,
    TYPED_WIDTH = 16,
    TYPED_HEIGHT = 32,
    TYPED_FROM_BOTTOM = 64,
    VIDEO_WIDTH = 192,
    VIDEO_HEIGHT = 144,
    VIDEO_MIN_SCREEN = 800,
    CROSS_ARM = 16,
};

static const uint32_t paper = 0xffffff;
static const uint32_t ink = 0x202020;

static const uint32_t bars[] = { 0xff0000, 0x00ff00, 0x0000ff, 0xffffff, 0x000000, 0x808080 };

/* Hex digits of 3x5 pixels, one octal figure a row, top row first. */
static const uint16_t digits[16] = {
    075557, 026227, 071747, 071717, 055711, 074717, 074757, 071111,
    075757, 075717, 075755, 065656, 074447, 065556, 074747, 074744,
};

uint32_t
tg_hash(uint32_t x)
{
    x *= 0x9E3779B1u;
    x ^= x >> 15;
    x *= 0x85EBCA77u;
    x ^= x >> 13;
    return x;
}

uint32_t
tg_key_colour(uint32_t code, uint32_t n)
{
    return tg_hash(code * 2 + (n & 1)) & 0xffffff;
}

static void
put(TgPicture *picture, uint32_t x, uint32_t y, uint32_t colour)
{
    if (x < picture->width && y < picture->height) {
        picture->pixels[(size_t)y * picture->stride_px + x] = colour;
    }
}

static void
fill(TgPicture *picture, TgRect rect, uint32_t colour)
{
    for (uint32_t y = rect.y; y < rect.y + rect.height; y++) {
        for (uint32_t x = rect.x; x < rect.x + rect.width; x++) {
            put(picture, x, y, colour);
        }
    }
}

static void
add_damage(TgDamage *damage, const TgPicture *picture, TgRect rect)
{
    if (rect.x >= picture->width || rect.y >= picture->height) {
        return;
    }
    if (rect.width > picture->width - rect.x) {
        rect.width = picture->width - rect.x;
    }
    if (rect.height > picture->height - rect.y) {
        rect.height = picture->height - rect.y;
    }
    if (damage->n_rects < TG_MAX_DAMAGE) {
        damage->rects[damage->n_rects++] = rect;
    }
}

/* True where a hex digit at twice its size has ink; x is 0..7 and y 0..15 inside its cell. */
static bool
digit_has_ink(uint32_t digit, uint32_t x, uint32_t y)
{
    if (x < 1 || x > 6 || y < 3 || y > 12) {
        return false;
    }
    uint32_t column = (x - 1) / 2;
    uint32_t row = (y - 3) / 2;
    return digits[digit & 15] >> (12 - row * 3 + (2 - column)) & 1;
}

/* The page has no end: line row/16 holds digits hash(line*64 + column), one in eight is a space. */
static uint32_t
page_pixel(uint32_t x, uint32_t row)
{
    uint32_t letter = tg_hash(row / CELL_HEIGHT * 64 + x / CELL_WIDTH);

    if ((letter >> 8 & 7) == 0) {
        return paper;
    }
    return digit_has_ink(letter, x % CELL_WIDTH, row % CELL_HEIGHT) ? ink : paper;
}

static void
draw_page(TgPicture *picture)
{
    for (uint32_t y = 0; y < PAGE_HEIGHT; y++) {
        for (uint32_t x = 0; x < PAGE_WIDTH; x++) {
            put(picture, PAGE_X + x, PAGE_Y + y, page_pixel(x, picture->page_row + y));
        }
    }
}

static TgRect
block_from_right(const TgPicture *picture, uint32_t n_blocks)
{
    return (TgRect){ picture->width - n_blocks * TG_BLOCK_PX, 0, TG_BLOCK_PX, TG_BLOCK_PX };
}

static void
draw_key_block(TgPicture *picture)
{
    uint32_t colour =
        picture->n_presses == 0 ? 0 : tg_key_colour(picture->last_code, picture->n_presses);

    fill(picture, block_from_right(picture, 1), colour);
}

static void
draw_pointer_block(TgPicture *picture)
{
    uint32_t x = picture->pointer_x;
    uint32_t y = picture->pointer_y;

    fill(picture, block_from_right(picture, 2),
         (x & 255) << 16 | (y & 255) << 8 | ((x >> 8 << 4 | y >> 8) & 255));
}

static void
draw_disk_block(TgPicture *picture)
{
    uint32_t mark = picture->disk_mark;

    fill(picture, block_from_right(picture, 3), mark == 0 ? 0 : tg_hash(mark) & 0xffffff);
}

static TgRect
typed_cell(const TgPicture *picture, uint32_t n)
{
    uint32_t column = n % (picture->width / TYPED_WIDTH);
    return (TgRect){ column * TYPED_WIDTH, picture->height - TYPED_FROM_BOTTOM, TYPED_WIDTH,
                     TYPED_HEIGHT };
}

static void
draw_typed_cell(TgPicture *picture, TgRect cell, uint32_t code, uint32_t colour)
{
    fill(picture, cell, colour);
    for (uint32_t y = 0; y < CELL_HEIGHT; y++) {
        for (uint32_t x = 0; x < TYPED_WIDTH; x++) {
            uint32_t digit = x < CELL_WIDTH ? code >> 4 : code;
            if (digit_has_ink(digit, x % CELL_WIDTH, y)) {
                put(picture, cell.x + x, cell.y + y, colour ^ 0xffffff);
            }
        }
    }
}

static void
draw_backdrop(TgPicture *picture)
{
    uint32_t blue = (128 + 32 * picture->head) & 255;

    for (uint32_t y = 0; y < picture->height; y++) {
        uint32_t green = y * 255 / (picture->height - 1);
        for (uint32_t x = 0; x < picture->width; x++) {
            put(picture, x, y, x * 255 / (picture->width - 1) << 16 | green << 8 | blue);
        }
    }
}

static void
draw_patterns(TgPicture *picture)
{
    for (uint32_t i = 0; i < sizeof(bars) / sizeof(bars[0]); i++) {
        fill(picture, (TgRect){ i * TG_BLOCK_PX, 0, TG_BLOCK_PX, TG_BLOCK_PX }, bars[i]);
    }
    for (uint32_t y = 0; y < TG_BLOCK_PX; y++) {
        for (uint32_t x = 0; x < TG_BLOCK_PX; x++) {
            put(picture, x, PAGE_Y + y, (x + y) % 2 == 0 ? 0 : paper);
            put(picture, x, PAGE_Y + TG_BLOCK_PX + y, x % 2 == 0 ? 0 : paper);
        }
    }
}

void
tg_picture_draw(TgPicture *picture)
{
    draw_backdrop(picture);
    draw_patterns(picture);
    draw_page(picture);
    draw_disk_block(picture);
    draw_pointer_block(picture);
    draw_key_block(picture);
}

void
tg_picture_key(TgPicture *picture, uint32_t code, TgDamage *ret_damage)
{
    TgRect cell = typed_cell(picture, picture->n_presses);

    ret_damage->n_rects = 0;
    picture->n_presses++;
    picture->last_code = code;
    draw_key_block(picture);
    add_damage(ret_damage, picture, block_from_right(picture, 1));
    draw_typed_cell(picture, cell, code, tg_key_colour(code, picture->n_presses));
    add_damage(ret_damage, picture, cell);
    if (code == KEY_F5) {
        picture->page_row += TG_SCROLL_ROWS;
        draw_page(picture);
        add_damage(ret_damage, picture, (TgRect){ PAGE_X, PAGE_Y, PAGE_WIDTH, PAGE_HEIGHT });
    }
}

void
tg_picture_scroll(TgPicture *picture, int32_t rows, TgDamage *ret_damage)
{
    ret_damage->n_rects = 0;
    picture->page_row += (uint32_t)rows;
    draw_page(picture);
    add_damage(ret_damage, picture, (TgRect){ PAGE_X, PAGE_Y, PAGE_WIDTH, PAGE_HEIGHT });
}

void
tg_picture_pointer(TgPicture *picture, uint32_t x, uint32_t y, TgDamage *ret_damage)
{
    ret_damage->n_rects = 0;
    picture->pointer_x = x < picture->width ? x : picture->width - 1;
    picture->pointer_y = y < picture->height ? y : picture->height - 1;
    draw_pointer_block(picture);
    add_damage(ret_damage, picture, block_from_right(picture, 2));
}

void
tg_picture_button(TgPicture *picture, uint32_t code, TgDamage *ret_damage)
{
    uint32_t colour = tg_hash(code) & 0xffffff;
    uint32_t left = picture->pointer_x > CROSS_ARM ? picture->pointer_x - CROSS_ARM : 0;
    uint32_t top = picture->pointer_y > CROSS_ARM ? picture->pointer_y - CROSS_ARM : 0;
    uint32_t right = picture->pointer_x + CROSS_ARM + 1;
    uint32_t bottom = picture->pointer_y + CROSS_ARM + 1;
    uint32_t x1 = picture->pointer_x > 1 ? picture->pointer_x - 1 : 0;
    uint32_t y1 = picture->pointer_y > 1 ? picture->pointer_y - 1 : 0;

    ret_damage->n_rects = 0;
    fill(picture, (TgRect){ left, y1, right - left, picture->pointer_y + 2 - y1 }, colour);
    fill(picture, (TgRect){ x1, top, picture->pointer_x + 2 - x1, bottom - top }, colour);
    add_damage(ret_damage, picture, (TgRect){ left, top, right - left, bottom - top });
}

void
tg_picture_video(TgPicture *picture, TgDamage *ret_damage)
{
    ret_damage->n_rects = 0;
    if (picture->width < VIDEO_MIN_SCREEN) {
        return;
    }

    TgRect area = { picture->width - 208, PAGE_Y, VIDEO_WIDTH, VIDEO_HEIGHT };
    uint32_t step = ++picture->video_step;

    for (uint32_t y = 0; y < area.height; y++) {
        for (uint32_t x = 0; x < area.width; x++) {
            /* A moving cloud of 4x4 blocks: new everywhere at each step, yet not pure noise. */
            uint32_t block = (y / 4 + step) * 1024 + x / 4 + step / 2;
            put(picture, area.x + x, area.y + y, (tg_hash(block) & 0x3f3f3f) + 0x606060);
        }
    }
    add_damage(ret_damage, picture, area);
}

void
tg_picture_disk(TgPicture *picture, uint32_t mark, TgDamage *ret_damage)
{
    ret_damage->n_rects = 0;
    picture->disk_mark = mark;
    draw_disk_block(picture);
    add_damage(ret_damage, picture, block_from_right(picture, 3));
}
