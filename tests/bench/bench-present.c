/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What it costs a viewer to bring pixels that are decoded already to the screen.
 *
 *   bench-present WAY WIDTH HEIGHT N_FRAMES
 *
 * Paints 60 times a second a rectangle of a 1920x1080 picture in another colour, brings it to a
 * window that fills the screen, and prints one line: CPU of this process and of all its threads,
 * microseconds a frame.  WAY is one of
 *
 *   berth    the canvas of the client: X11 or Wayland, as GDK_BACKEND says
 *   gtk      a GtkDrawingArea that draws a cairo surface of the picture
 *   put      MIT-SHM without a toolkit: pixels are copied into a segment, which is put
 *   bare     the same, painted right into the segment: no viewer could decode into that
 *   none     nothing is shown: the painting alone
 *
 * The first second does not count.  GTK folds frames for which the screen is not ready: the second
 * number that is printed is how many it has drawn, all for the others, which work for every one.
 */
#include "base/clock.h"
#include "client/core/picture.h"
#include "client/gtk/display-view.h"
#include "client/gtk/shared-frame.h"
#include "client/gtk/toolkit.h"
#include "client/gtk/widgets.h"

#include <gtk/gtk.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <xcb/shm.h>
#include <xcb/xcb.h>

#define WIDTH 1920
#define HEIGHT 1080
#define FRAME_US (G_USEC_PER_SEC / 60)
#define N_WARM 60

typedef struct Bench Bench;

/* How a frame gets to the screen, and what is done before it is painted; in the painter's thread.
 */
typedef void (*ShowFunc)(Bench *bench, BerthRect rect);

struct Bench {
    BerthRect rect;
    unsigned n_frames;
    BerthFrame *canvas; /* that is painted on */
    ShowFunc begin;     /* NULL: nothing */
    ShowFunc show;
    GThread *painter;
    int64_t cpu_us; /* of the frames that count */
    gint n_drawn;   /* atomic: by GTK, of those */

    BerthPicture *picture; /* berth */
    BerthCatchUp catch_up;
    BerthDisplayView *view;
    GtkWidget *area; /* gtk */
    cairo_surface_t *surface;

    xcb_connection_t *x; /* put, bare */
    xcb_window_t window;
    xcb_gcontext_t gc;
    xcb_shm_seg_t segment;
    BerthFrame *shared;
    bool is_being_read;
};

static int64_t
cpu_now_us(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return (int64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * G_USEC_PER_SEC +
           usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
}

static void
pause_until(int64_t time_us)
{
    int64_t rest_us = time_us - berth_monotonic_us();

    if (rest_us > 0) {
        struct timespec rest = { 0, (long)rest_us * 1000 };

        ppoll(NULL, 0, &rest, NULL);
    }
}

static gpointer
paint(gpointer user_data)
{
    Bench *bench = user_data;
    int64_t begin_us = berth_monotonic_us();
    int64_t cpu_us = 0;

    for (unsigned i = 0; i < N_WARM + bench->n_frames; i++) {
        if (i == N_WARM) {
            cpu_us = cpu_now_us();
            g_atomic_int_set(&bench->n_drawn, 0);
        }
        if (bench->begin != NULL) {
            bench->begin(bench, bench->rect);
        }
        berth_frame_fill(bench->canvas, bench->rect, (i * 0x10305u + 1) & 0xffffffu);
        bench->show(bench, bench->rect);
        pause_until(begin_us + (int64_t)(i + 1) * FRAME_US);
    }
    bench->cpu_us = cpu_now_us() - cpu_us;
    return NULL;
}

static void
show_nothing(Bench *bench, BerthRect rect)
{
}

/* berth: as the decoder's thread does it, and the news in the main thread. */

typedef struct {
    Bench *bench;
    BerthFrameNews news;
} News;

static gboolean
on_news(gpointer user_data)
{
    News *item = user_data;

    berth_display_view_frame(item->bench->view, &item->news);
    g_free(item);
    return G_SOURCE_REMOVE;
}

static void
begin_berth(Bench *bench, BerthRect rect)
{
    BerthFrame *canvas = berth_picture_begin(bench->picture, bench->canvas, &bench->catch_up);

    berth_frame_unref(bench->canvas);
    bench->canvas = canvas;
    berth_catch_up_write(&bench->catch_up, rect);
}

static void
show_berth(Bench *bench, BerthRect rect)
{
    News *item = g_new0(News, 1);
    BerthPictureChange change;

    berth_catch_up_finish(&bench->catch_up);
    change = berth_picture_update(bench->picture, bench->canvas, &rect, 1);
    item->bench = bench;
    item->news.received_us = berth_monotonic_us();
    item->news.shown_us = change.is_shown ? item->news.received_us : 0;
    item->news.rects[0] = rect;
    item->news.n_rects = 1;
    g_main_context_invoke_full(NULL, G_PRIORITY_DEFAULT, on_news, item, NULL);
}

static void
start_berth(Bench *bench, GtkWidget *window)
{
    bench->picture = berth_picture_new();
    berth_picture_update(bench->picture, bench->canvas, &bench->rect, 1);
    bench->view = berth_display_view_new();
    berth_display_view_set_source(bench->view, bench->picture, NULL, 0);
    gtk_container_add(GTK_CONTAINER(window), berth_display_view_get_widget(bench->view));
    bench->begin = begin_berth;
    bench->show = show_berth;
}

/* gtk */

static gboolean
on_draw(GtkWidget *area, cairo_t *cr, gpointer user_data)
{
    Bench *bench = user_data;

    g_atomic_int_inc(&bench->n_drawn);
    cairo_surface_mark_dirty(bench->surface);
    cairo_set_source_surface(cr, bench->surface, 0, 0);
    cairo_set_operator(cr, CAIRO_OPERATOR_SOURCE);
    cairo_paint(cr);
    return TRUE;
}

static gboolean
on_dirty(gpointer user_data)
{
    Bench *bench = user_data;

    gtk_widget_queue_draw_area(bench->area, bench->rect.x, bench->rect.y, bench->rect.w,
                               bench->rect.h);
    return G_SOURCE_REMOVE;
}

static void
show_gtk(Bench *bench, BerthRect rect)
{
    g_main_context_invoke_full(NULL, G_PRIORITY_DEFAULT, on_dirty, bench, NULL);
}

static void
start_gtk(Bench *bench, GtkWidget *window)
{
    BerthFrame *frame = bench->canvas;

    bench->surface = cairo_image_surface_create_for_data(frame->data, CAIRO_FORMAT_RGB24, WIDTH,
                                                         HEIGHT, (int)frame->stride_bytes);
    bench->area = gtk_drawing_area_new();
    g_signal_connect(bench->area, "draw", G_CALLBACK(on_draw), bench);
    gtk_container_add(GTK_CONTAINER(window), bench->area);
    bench->show = show_gtk;
}

/* put, bare */

static void
wait_until_read(Bench *bench)
{
    while (bench->is_being_read) {
        xcb_generic_event_t *event = xcb_wait_for_event(bench->x);

        bench->is_being_read = event != NULL && event->response_type <= 1;
        free(event);
    }
}

static void
put(Bench *bench, BerthRect rect)
{
    const BerthFrame *frame = bench->shared;

    xcb_shm_put_image(bench->x, bench->window, bench->gc, (uint16_t)(frame->stride_bytes / 4),
                      HEIGHT, (uint16_t)rect.x, (uint16_t)rect.y, (uint16_t)rect.w,
                      (uint16_t)rect.h, (int16_t)rect.x, (int16_t)rect.y, 24,
                      XCB_IMAGE_FORMAT_Z_PIXMAP, 1, bench->segment, 0);
    xcb_flush(bench->x);
    bench->is_being_read = true;
}

static void
show_put(Bench *bench, BerthRect rect)
{
    wait_until_read(bench);
    berth_frame_copy_rect(bench->shared, bench->canvas, rect);
    put(bench, rect);
}

/* The painter has painted into the segment: too early, but it is the same work. */
static void
show_bare(Bench *bench, BerthRect rect)
{
    put(bench, rect);
    wait_until_read(bench);
}

static bool
start_put(Bench *bench, bool is_bare)
{
    const uint32_t is_unmanaged = 1;
    const xcb_screen_t *screen;
    int fd = -1;

    bench->x = xcb_connect(NULL, NULL);
    bench->shared = berth_shared_frame_new(WIDTH, HEIGHT, &fd);
    if (xcb_connection_has_error(bench->x) || bench->shared == NULL) {
        return false;
    }
    screen = xcb_setup_roots_iterator(xcb_get_setup(bench->x)).data;
    bench->window = xcb_generate_id(bench->x);
    bench->gc = xcb_generate_id(bench->x);
    bench->segment = xcb_generate_id(bench->x);
    xcb_create_window(bench->x, XCB_COPY_FROM_PARENT, bench->window, screen->root, 0, 0, WIDTH,
                      HEIGHT, 0, XCB_WINDOW_CLASS_INPUT_OUTPUT, XCB_COPY_FROM_PARENT,
                      XCB_CW_OVERRIDE_REDIRECT, &is_unmanaged);
    xcb_create_gc(bench->x, bench->gc, bench->window, 0, NULL);
    xcb_map_window(bench->x, bench->window);
    xcb_shm_attach_fd(bench->x, bench->segment, fd, 1);
    xcb_flush(bench->x);
    if (is_bare) {
        berth_frame_unref(bench->canvas);
        bench->canvas = bench->shared;
    }
    bench->show = is_bare ? show_bare : show_put;
    return true;
}

/* With a toolkit: the painter begins when the window is on the screen. */

static gboolean
on_end(gpointer user_data)
{
    gtk_main_quit();
    return G_SOURCE_REMOVE;
}

static gpointer
paint_and_quit(gpointer user_data)
{
    paint(user_data);
    g_idle_add(on_end, NULL);
    return NULL;
}

static gboolean
on_mapped(GtkWidget *window, GdkEvent *event, gpointer user_data)
{
    Bench *bench = user_data;

    if (bench->painter == NULL) {
        bench->painter = g_thread_new("painter", paint_and_quit, bench);
    }
    return GDK_EVENT_PROPAGATE;
}

static bool
run_toolkit(Bench *bench, void (*start)(Bench *bench, GtkWidget *window))
{
    GtkWidget *window;

    if (!berth_toolkit_init()) {
        return false;
    }
    berth_style_load(gdk_screen_get_default());
    window = gtk_window_new(GTK_WINDOW_TOPLEVEL);
    gtk_window_set_decorated(GTK_WINDOW(window), FALSE);
    gtk_window_set_default_size(GTK_WINDOW(window), WIDTH, HEIGHT);
    start(bench, window);
    g_signal_connect(window, "map-event", G_CALLBACK(on_mapped), bench);
    gtk_widget_show_all(window);
    gtk_main();
    g_thread_join(bench->painter);
    return true;
}

static bool
run(Bench *bench, const char *way)
{
    bool is_bare = strcmp(way, "bare") == 0;

    if (strcmp(way, "berth") == 0) {
        return run_toolkit(bench, start_berth);
    }
    if (strcmp(way, "gtk") == 0) {
        return run_toolkit(bench, start_gtk);
    }
    if (is_bare || strcmp(way, "put") == 0) {
        if (!start_put(bench, is_bare)) {
            return false;
        }
    } else if (strcmp(way, "none") == 0) {
        bench->show = show_nothing;
    } else {
        return false;
    }
    paint(bench);
    return true;
}

int
main(int argc, char **argv)
{
    Bench bench = { 0 };

    if (argc != 5) {
        fprintf(stderr, "usage: bench-present WAY WIDTH HEIGHT N_FRAMES\n");
        return 2;
    }
    bench.rect = (BerthRect){ 0, 0, (int)g_ascii_strtoll(argv[2], NULL, 10),
                              (int)g_ascii_strtoll(argv[3], NULL, 10) };
    bench.n_frames = (unsigned)g_ascii_strtoull(argv[4], NULL, 10);
    bench.canvas = berth_frame_new(WIDTH, HEIGHT);
    if (bench.canvas == NULL || bench.n_frames == 0 ||
        !berth_rect_is_inside(bench.rect, WIDTH, HEIGHT) || !run(&bench, argv[1])) {
        fprintf(stderr, "bench-present: cannot run '%s'\n", argv[1]);
        return 1;
    }
    printf("%.1f %d\n", (double)bench.cpu_us / bench.n_frames,
           bench.area != NULL ? bench.n_drawn : (int)bench.n_frames);
    return 0;
}
