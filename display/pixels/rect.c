/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/pixels/rect.h"

static int
min_int(int a, int b)
{
    return a < b ? a : b;
}

static int
max_int(int a, int b)
{
    return a > b ? a : b;
}

bool
berth_rect_is_empty(BerthRect rect)
{
    return rect.w <= 0 || rect.h <= 0;
}

int64_t
berth_rect_area_px(BerthRect rect)
{
    return berth_rect_is_empty(rect) ? 0 : (int64_t)rect.w * rect.h;
}

bool
berth_rect_equal(BerthRect a, BerthRect b)
{
    return a.x == b.x && a.y == b.y && a.w == b.w && a.h == b.h;
}

bool
berth_rect_contains(BerthRect outer, BerthRect inner)
{
    if (berth_rect_is_empty(inner)) {
        return true;
    }
    return inner.x >= outer.x && inner.y >= outer.y && inner.x + inner.w <= outer.x + outer.w &&
           inner.y + inner.h <= outer.y + outer.h;
}

bool
berth_rect_is_inside(BerthRect rect, int width, int height)
{
    /* Subtractions only, so that no hostile value can overflow. */
    return rect.x >= 0 && rect.y >= 0 && rect.w > 0 && rect.h > 0 && rect.w <= width &&
           rect.h <= height && rect.x <= width - rect.w && rect.y <= height - rect.h;
}

BerthRect
berth_rect_intersect(BerthRect a, BerthRect b)
{
    if (berth_rect_is_empty(a) || berth_rect_is_empty(b)) {
        return (BerthRect){ 0, 0, 0, 0 };
    }
    int x0 = max_int(a.x, b.x);
    int y0 = max_int(a.y, b.y);
    int x1 = min_int(a.x + a.w, b.x + b.w);
    int y1 = min_int(a.y + a.h, b.y + b.h);
    if (x0 >= x1 || y0 >= y1) {
        return (BerthRect){ 0, 0, 0, 0 };
    }
    return (BerthRect){ x0, y0, x1 - x0, y1 - y0 };
}

BerthRect
berth_rect_union(BerthRect a, BerthRect b)
{
    if (berth_rect_is_empty(a)) {
        return berth_rect_is_empty(b) ? (BerthRect){ 0, 0, 0, 0 } : b;
    }
    if (berth_rect_is_empty(b)) {
        return a;
    }
    int x0 = min_int(a.x, b.x);
    int y0 = min_int(a.y, b.y);
    int x1 = max_int(a.x + a.w, b.x + b.w);
    int y1 = max_int(a.y + a.h, b.y + b.h);
    return (BerthRect){ x0, y0, x1 - x0, y1 - y0 };
}
