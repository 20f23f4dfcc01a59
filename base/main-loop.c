/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/main-loop.h"

#include <glib-unix.h>
#include <signal.h>

static gboolean
on_stop_signal(gpointer user_data)
{
    g_main_loop_quit(user_data);
    return G_SOURCE_CONTINUE;
}

static GSource *
watch_signal(GMainLoop *loop, int signal_number)
{
    GSource *source = g_unix_signal_source_new(signal_number);
    g_source_set_callback(source, on_stop_signal, loop, NULL);
    g_source_attach(source, g_main_loop_get_context(loop));
    return source;
}

static void
drop_source(GSource *source)
{
    g_source_destroy(source);
    g_source_unref(source);
}

static void
fill_stop_signals(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGTERM);
}

void
berth_main_loop_hold_signals(void)
{
    sigset_t stops;

    fill_stop_signals(&stops);
    pthread_sigmask(SIG_BLOCK, &stops, NULL);
}

void
berth_main_loop_run(GMainLoop *loop)
{
    signal(SIGPIPE, SIG_IGN);
    GSource *on_int = watch_signal(loop, SIGINT);
    GSource *on_term = watch_signal(loop, SIGTERM);
    sigset_t stops;
    fill_stop_signals(&stops);
    pthread_sigmask(SIG_UNBLOCK, &stops, NULL);
    g_main_loop_run(loop);
    drop_source(on_int);
    drop_source(on_term);
}
