/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/core/viewport.h"

#include <glib.h>
#include <math.h>

/* The nearest whole number of units, at least one. */
static int
round_to_unit(double length, int unit)
{
    return MAX(1, (int)floor(length / unit + 0.5)) * unit;
}

BerthViewport
berth_viewport_fit(int window_width, int window_height, int picture_width, int picture_height,
                   int unit)
{
    BerthViewport self = { .scale = 1.0 };
    double fit;

    if (window_width <= 0 || window_height <= 0 || picture_width <= 0 || picture_height <= 0) {
        return self;
    }
    fit = MIN((double)window_width / picture_width, (double)window_height / picture_height);
    self.scale = fit >= 1.0 ? floor(fit) : fit;
    self.picture_width = picture_width;
    self.picture_height = picture_height;
    self.target.w = round_to_unit(picture_width * self.scale, fit >= 1.0 ? 1 : unit);
    self.target.h = round_to_unit(picture_height * self.scale, fit >= 1.0 ? 1 : unit);
    self.target.x = (window_width - self.target.w) / 2 / unit * unit;
    self.target.y = (window_height - self.target.h) / 2 / unit * unit;
    return self;
}

bool
berth_viewport_is_exact(const BerthViewport *self)
{
    return self->scale >= 1.0;
}

bool
berth_viewport_to_units(BerthRect place, double scale, BerthRect *ret_units)
{
    BerthRect units = { (int)lround(place.x / scale), (int)lround(place.y / scale),
                        MAX(1, (int)lround(place.w / scale)),
                        MAX(1, (int)lround(place.h / scale)) };
    BerthRect back = { (int)lround(units.x * scale), (int)lround(units.y * scale),
                       (int)lround(units.w * scale), (int)lround(units.h * scale) };

    *ret_units = units;
    return berth_rect_equal(back, place);
}

BerthRect
berth_viewport_to_window(const BerthViewport *self, BerthRect part)
{
    int margin = berth_viewport_is_exact(self) ? 0 : 1;
    int left = (int)floor(part.x * self->scale) - margin;
    int top = (int)floor(part.y * self->scale) - margin;
    int right = (int)ceil((part.x + part.w) * self->scale) + margin;
    int bottom = (int)ceil((part.y + part.h) * self->scale) + margin;
    BerthRect rect = {
        .x = self->target.x + left,
        .y = self->target.y + top,
        .w = right - left,
        .h = bottom - top,
    };

    return berth_rect_intersect(rect, self->target);
}

void
berth_viewport_to_picture(const BerthViewport *self, double x, double y, int *ret_x, int *ret_y)
{
    double picture_x = floor((x - self->target.x) / self->scale);
    double picture_y = floor((y - self->target.y) / self->scale);

    *ret_x = (int)CLAMP(picture_x, 0.0, (double)MAX(0, self->picture_width - 1));
    *ret_y = (int)CLAMP(picture_y, 0.0, (double)MAX(0, self->picture_height - 1));
}
