/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The pattern is a tile of coverage, 0..255 a pixel, that repeats over the picture: the text on a
 * slant, and once more half a tile further right and down, so that the lines stand like bricks.
 * What runs over an edge of the tile goes on at the other one.
 */
#include "host-agent/session/watermark.h"

#include "base/error.h"
#include "berth/limits.h"

#include <ft2build.h>
#include FT_FREETYPE_H
#include <string.h>

#define LETTER_PX 22
/* Sine and cosine of 20 degrees, in FreeType's 16.16. */
#define SLANT_SIN 22416
#define SLANT_COS 61584
/* From the end of a text to where it begins again, and between two lines. */
#define GAP_X_PX 130
#define GAP_Y_PX 210
/* FreeType counts 64 to a pixel. */
#define UNITS 64
#define MIDDLE 128

struct BerthWatermark {
    gint ref_count;
    int w, h;
    uint8_t *coverage; /* w * h */
};

/* Adds the letter's pixels at a place of the pattern, which is endless. */
static void
add_letter(BerthWatermark *self, const FT_Bitmap *bitmap, int left, int top)
{
    for (int y = 0; y < (int)bitmap->rows; y++) {
        const uint8_t *from = bitmap->buffer + (ptrdiff_t)y * bitmap->pitch;
        int to_y = ((top + y) % self->h + self->h) % self->h;
        uint8_t *row = self->coverage + (size_t)to_y * (size_t)self->w;

        for (int x = 0; x < (int)bitmap->width; x++) {
            uint8_t *to = &row[((left + x) % self->w + self->w) % self->w];

            *to = MAX(*to, from[x]);
        }
    }
}

/* Goes along the text; self is NULL to find out how far that is. */
static bool
walk_text(BerthWatermark *self, FT_Face face, const char *text, FT_Vector *pen)
{
    bool has_ink = false;

    for (const char *at = text; *at != '\0'; at = g_utf8_next_char(at)) {
        FT_Int32 flags = FT_LOAD_RENDER | FT_LOAD_NO_HINTING;

        FT_Set_Transform(face, &(FT_Matrix){ SLANT_COS, -SLANT_SIN, SLANT_SIN, SLANT_COS }, pen);
        if (FT_Load_Char(face, g_utf8_get_char(at), flags) != 0 ||
            face->glyph->bitmap.pixel_mode != FT_PIXEL_MODE_GRAY) {
            continue;
        }
        has_ink = has_ink || face->glyph->bitmap.rows > 0;
        if (self != NULL) {
            add_letter(self, &face->glyph->bitmap, face->glyph->bitmap_left,
                       -face->glyph->bitmap_top);
        }
        pen->x += face->glyph->advance.x;
        pen->y += face->glyph->advance.y;
    }
    return has_ink;
}

/* A pattern with room for a text of that extent. */
static BerthWatermark *
new_pattern(const FT_Vector *extent)
{
    BerthWatermark *self = g_new0(BerthWatermark, 1);

    self->ref_count = 1;
    self->w = (int)(extent->x / UNITS) + GAP_X_PX;
    self->h = (int)(extent->y / UNITS) + GAP_Y_PX;
    self->coverage = g_malloc0((size_t)self->w * (size_t)self->h);
    return self;
}

static BerthWatermark *
draw_pattern(FT_Face face, const char *text)
{
    BerthWatermark *self;
    FT_Vector pen = { 0, 0 };

    if (FT_Set_Pixel_Sizes(face, 0, LETTER_PX) != 0 || !walk_text(NULL, face, text, &pen)) {
        return NULL;
    }
    self = new_pattern(&pen);
    pen = (FT_Vector){ 0, 0 };
    walk_text(self, face, text, &pen);
    /* The y axis of the font points up. */
    pen = (FT_Vector){ self->w / 2 * UNITS, -(self->h / 2) * UNITS };
    walk_text(self, face, text, &pen);
    return self;
}

BerthWatermark *
berth_watermark_new(const BerthWatermarkFont *font, const char *text, GError **error)
{
    BerthWatermark *self = NULL;
    FT_Library library;
    FT_Face face;
    size_t n_bytes = 0;
    const void *bytes = berth_watermark_font_get(font, &n_bytes, error);

    if (bytes == NULL) {
        return NULL;
    }
    if (FT_Init_FreeType(&library) == 0) {
        if (FT_New_Memory_Face(library, bytes, (FT_Long)n_bytes, 0, &face) == 0) {
            self = draw_pattern(face, text);
            FT_Done_Face(face);
        }
        FT_Done_FreeType(library);
    }
    if (self == NULL) {
        berth_set_error(error, BERTH_ERR_UNSUPPORTED,
                        "the watermark '%s' cannot be drawn; change it in the policy", text);
    }
    return self;
}

BerthWatermark *
berth_watermark_ref(BerthWatermark *self)
{
    if (self != NULL) {
        g_atomic_int_inc(&self->ref_count);
    }
    return self;
}

void
berth_watermark_unref(BerthWatermark *self)
{
    if (self != NULL && g_atomic_int_dec_and_test(&self->ref_count)) {
        g_free(self->coverage);
        g_free(self);
    }
}

/* All three colours the same way, so that the hue stays: lighter on dark, darker on light. */
static void
shade(uint8_t *pixel, uint8_t coverage)
{
    int by = coverage * BERTH_WATERMARK_STRENGTH / 255;
    int luma = (29 * pixel[0] + 150 * pixel[1] + 77 * pixel[2]) >> 8;

    by = luma < MIDDLE ? by : -by;
    for (int i = 0; i < 3; i++) {
        pixel[i] = (uint8_t)CLAMP(pixel[i] + by, 0, UINT8_MAX);
    }
}

void
berth_watermark_draw(const BerthWatermark *self, BerthFrame *frame, BerthRect rect)
{
    for (int y = rect.y; y < rect.y + rect.h; y++) {
        const uint8_t *row = self->coverage + (size_t)(y % self->h) * (size_t)self->w;
        uint8_t *pixel = berth_frame_pixel(frame, rect.x, y);
        int at = rect.x % self->w;

        for (int x = 0; x < rect.w; x++, pixel += 4) {
            uint8_t coverage = row[at];

            if (coverage != 0) {
                shade(pixel, coverage);
            }
            at = at + 1 < self->w ? at + 1 : 0;
        }
    }
}
