/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/mpsc-queue.h"

#include "testing.h"

#define N_PRODUCERS 4
#define N_ITEMS 5000

typedef struct {
    BerthQueue *queue;
    int last[N_PRODUCERS]; /* last number from each producer */
    int n_received;
    int n_out_of_order;
    int n_freed;
} Fixture;

typedef struct {
    BerthQueue *queue;
    int index;
} Producer;

typedef struct {
    int producer;
    int number;
} Item;

static void
on_item(void *data, void *user_data)
{
    Fixture *fixture = user_data;
    Item *item = data;
    fixture->n_out_of_order += item->number != fixture->last[item->producer] + 1;
    fixture->last[item->producer] = item->number;
    fixture->n_received++;
    g_free(item);
}

static gpointer
produce(gpointer user_data)
{
    const Producer *producer = user_data;
    for (int i = 1; i <= N_ITEMS; i++) {
        Item *item = g_new(Item, 1);
        *item = (Item){ producer->index, i };
        berth_queue_push(producer->queue, item);
    }
    return NULL;
}

static void
items_of_many_threads_arrive_once_and_in_order(void **state)
{
    Fixture fixture = { 0 };
    g_autoptr(GMainContext) context = g_main_context_new();
    fixture.queue = berth_queue_new(context, on_item, &fixture, g_free);
    Producer producers[N_PRODUCERS];
    GThread *threads[N_PRODUCERS];
    for (int i = 0; i < N_PRODUCERS; i++) {
        producers[i] = (Producer){ fixture.queue, i };
        threads[i] = g_thread_new("producer", produce, &producers[i]);
    }
    while (fixture.n_received < N_PRODUCERS * N_ITEMS) {
        g_main_context_iteration(context, TRUE);
    }
    for (int i = 0; i < N_PRODUCERS; i++) {
        g_thread_join(threads[i]);
    }
    assert_int_equal(fixture.n_out_of_order, 0);
    /* The wake-up of a push may come after its item was taken: at most once, and for nothing. */
    g_main_context_iteration(context, FALSE);
    assert_false(g_main_context_pending(context));
    assert_int_equal(fixture.n_received, N_PRODUCERS * N_ITEMS);
    berth_queue_free(fixture.queue);
}

static int n_freed;

static void
count_free(gpointer item)
{
    n_freed++;
    g_free(item);
}

static void
items_that_wait_at_close_are_freed_and_later_ones_refused(void **state)
{
    Fixture fixture = { 0 };
    n_freed = 0;
    BerthQueue *queue = berth_queue_new(NULL, on_item, &fixture, count_free);
    assert_true(berth_queue_push(queue, g_new0(Item, 1)));
    assert_true(berth_queue_push(queue, g_new0(Item, 1)));
    berth_queue_close(queue);
    assert_int_equal(n_freed, 2);
    assert_false(berth_queue_push(queue, g_new0(Item, 1)));
    assert_int_equal(n_freed, 3);
    g_main_context_iteration(NULL, FALSE);
    assert_int_equal(fixture.n_received, 0);
    berth_queue_free(queue);
}

static void
push_again(void *item, void *user_data)
{
    int *n_calls = user_data;
    if (++*n_calls < 3) {
        berth_queue_push(item, item);
    }
}

static void
a_callback_may_push(void **state)
{
    int n_calls = 0;
    BerthQueue *queue = berth_queue_new(NULL, push_again, &n_calls, NULL);
    berth_queue_push(queue, queue);
    for (int i = 0; i < 10; i++) {
        g_main_context_iteration(NULL, FALSE);
    }
    assert_int_equal(n_calls, 3);
    berth_queue_free(queue);
}

static void
drain_delivers_without_the_loop(void **state)
{
    int n_calls = 2;
    BerthQueue *queue = berth_queue_new(NULL, push_again, &n_calls, NULL);
    berth_queue_push(queue, queue);
    berth_queue_drain(queue);
    assert_int_equal(n_calls, 3);
    berth_queue_free(queue);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(items_of_many_threads_arrive_once_and_in_order),
        cmocka_unit_test(items_that_wait_at_close_are_freed_and_later_ones_refused),
        cmocka_unit_test(a_callback_may_push),
        cmocka_unit_test(drain_delivers_without_the_loop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
