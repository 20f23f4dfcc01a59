/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A queue from any thread into one main context, woken by an eventfd.
 *
 * Items arrive in the order in which they were pushed.  The consumer is the thread that runs the
 * context; it alone may close and free.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct BerthQueue BerthQueue;

/* Called in the context with each item; takes the item.  Must not run the context itself. */
typedef void (*BerthQueueFunc)(void *item, void *user_data);

/*
 * New queue into a context.
 *
 * context:    NULL is the default one
 * func:       gets every item
 * item_free:  frees items that are never delivered; may be NULL
 */
BerthQueue *berth_queue_new(GMainContext *context, BerthQueueFunc func, void *user_data,
                            GDestroyNotify item_free);

/*
 * Appends an item and wakes the context.  Thread: any.
 *
 * Returns false after close; the item is then freed by item_free.
 */
bool berth_queue_push(BerthQueue *queue, void *item);

/*
 * Delivers what waits now instead of at the next turn of the loop.  Thread: consumer.
 *
 * The callback may push, which is delivered later, and must not free the queue while more than
 * its own item waits.
 */
void berth_queue_drain(BerthQueue *queue);

/* Refuses further items and frees those that wait; producers may still push.  Thread: consumer. */
void berth_queue_close(BerthQueue *queue);

/* Closes and frees the queue; no producer may use it any more.  Thread: consumer. */
void berth_queue_free(BerthQueue *queue);
