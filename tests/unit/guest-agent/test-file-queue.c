/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testing.h"

#include "guest-agent/file-queue.h"

#include "berth/limits.h"
#include "display/wire/guest-message.h"
#include "display/wire/msg-files.h"

#include <glib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

typedef struct {
    BerthFileQueue *queue;
    GString *log;
    uint32_t id; /* of the last offer */
    size_t n_data;
} Desk;

static void
on_send(uint32_t type, const uint8_t *body, size_t len, void *user_data)
{
    Desk *desk = user_data;
    BerthMsgFileOffer offer;
    BerthMsgFileData data;

    if (type == BERTH_GUEST_FILE_OFFER) {
        assert_berth_ok(berth_msg_file_offer_decode(body, len, &offer));
        desk->id = offer.id;
        g_string_append_printf(desk->log, "offer:%s:%u ", offer.name, (unsigned)offer.size_bytes);
    } else if (type == BERTH_GUEST_FILE_DATA) {
        assert_berth_ok(berth_msg_file_data_decode(body, len, &data));
        desk->n_data += data.data_len;
    } else {
        g_string_append(desk->log, "cancel ");
    }
}

static void
on_ended(void *whose, const char *name, BerthFileStatus status, void *user_data)
{
    g_string_append_printf(((Desk *)user_data)->log, "end:%s:%d ", name, (int)status);
}

static const BerthFileQueueCallbacks callbacks = { on_send, on_ended };

static void
begin(Desk *desk, bool has_host)
{
    *desk = (Desk){ .log = g_string_new(NULL) };
    desk->queue = berth_file_queue_new(&callbacks, desk);
    berth_file_queue_set_host(desk->queue, has_host);
}

static void
end(Desk *desk)
{
    berth_file_queue_free(desk->queue);
    g_string_free(desk->log, TRUE);
}

static void
expect(Desk *desk, const char *log)
{
    assert_string_equal(desk->log->str, log);
    g_string_truncate(desk->log, 0);
}

static int
make_file(size_t size)
{
    int fd = memfd_create("file", MFD_CLOEXEC);

    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, (off_t)size), 0);
    return fd;
}

static void
host_answers(Desk *desk, uint32_t id, BerthFileStatus status)
{
    BerthMsgFileAnswer answer = { id, (uint8_t)status };
    BerthWriter writer;

    berth_writer_init(&writer, 64);
    assert_berth_ok(berth_msg_file_answer_encode(&writer, &answer));
    berth_file_queue_handle(desk->queue, BERTH_GUEST_FILE_ANSWER, writer.data, writer.len);
    berth_writer_clear(&writer);
}

static void
host_acknowledges(Desk *desk, uint32_t id, uint64_t n_bytes)
{
    BerthMsgFileAck ack = { id, n_bytes };
    BerthWriter writer;

    berth_writer_init(&writer, 64);
    assert_berth_ok(berth_msg_file_ack_encode(&writer, &ack));
    berth_file_queue_handle(desk->queue, BERTH_GUEST_FILE_ACK, writer.data, writer.len);
    berth_writer_clear(&writer);
}

static void
a_file_goes_in_windows(void **state)
{
    size_t window = BERTH_LIMIT_FILE_WINDOW_BYTES;
    Desk desk;

    begin(&desk, true);
    berth_file_queue_add(desk.queue, &desk, "/srv/a.bin", make_file(window + 5));
    expect(&desk, "offer:a.bin:1048581 ");
    berth_file_queue_pump(desk.queue, 0);
    assert_int_equal(desk.n_data, 0);
    host_answers(&desk, desk.id, BERTH_FILE_SEND);
    for (int i = 0; i < 64; i++) {
        berth_file_queue_pump(desk.queue, 0);
    }
    assert_int_equal(desk.n_data, window);
    host_acknowledges(&desk, desk.id, window + 1); /* never sent: ignored */
    berth_file_queue_pump(desk.queue, 0);
    assert_int_equal(desk.n_data, window);
    host_acknowledges(&desk, desk.id, window);
    berth_file_queue_pump(desk.queue, 1 << 20); /* too much waits */
    assert_int_equal(desk.n_data, window);
    berth_file_queue_pump(desk.queue, 0);
    assert_int_equal(desk.n_data, window + 5);
    host_answers(&desk, desk.id, BERTH_FILE_DONE);
    expect(&desk, "end:a.bin:3 ");
    end(&desk);
}

static void
what_cannot_be_sent_is_told_at_once(void **state)
{
    Desk desk;
    int pipe_fds[2];

    begin(&desk, false);
    berth_file_queue_add(desk.queue, &desk, "a", make_file(1));
    expect(&desk, "end:a:6 ");
    berth_file_queue_set_host(desk.queue, true);
    berth_file_queue_add(desk.queue, &desk, "/", make_file(1));
    expect(&desk, "end:/:2 ");
    assert_int_equal(pipe(pipe_fds), 0);
    berth_file_queue_add(desk.queue, &desk, "p", pipe_fds[0]);
    close(pipe_fds[1]);
    expect(&desk, "end:p:2 ");
    end(&desk);
}

static void
others_wait_for_their_turn(void **state)
{
    Desk desk;

    begin(&desk, true);
    for (unsigned i = 0; i < BERTH_LIMIT_TRANSFERS; i++) {
        berth_file_queue_add(desk.queue, &desk, "a", make_file(1));
    }
    g_string_truncate(desk.log, 0);
    berth_file_queue_add(desk.queue, &desk, "last", make_file(1));
    expect(&desk, "");
    host_answers(&desk, 1, BERTH_FILE_NOT_ALLOWED);
    expect(&desk, "end:a:7 offer:last:1 ");
    end(&desk);
}

static void
a_file_that_shrinks_is_cancelled(void **state)
{
    Desk desk;
    int fd = make_file(100);
    int copy = dup(fd);

    begin(&desk, true);
    berth_file_queue_add(desk.queue, &desk, "a", fd);
    host_answers(&desk, desk.id, BERTH_FILE_SEND);
    assert_int_equal(ftruncate(copy, 0), 0);
    close(copy);
    berth_file_queue_pump(desk.queue, 0);
    expect(&desk, "offer:a:100 cancel end:a:2 ");
    end(&desk);
}

static void
who_does_not_wait_is_not_told(void **state)
{
    Desk desk;
    int other;

    begin(&desk, true);
    berth_file_queue_add(desk.queue, &desk, "a", make_file(1));
    berth_file_queue_add(desk.queue, &other, "b", make_file(1));
    g_string_truncate(desk.log, 0);
    berth_file_queue_forget(desk.queue, &desk);
    expect(&desk, "cancel ");
    berth_file_queue_set_host(desk.queue, false);
    expect(&desk, "end:b:6 ");
    end(&desk);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_goes_in_windows),
        cmocka_unit_test(what_cannot_be_sent_is_told_at_once),
        cmocka_unit_test(others_wait_for_their_turn),
        cmocka_unit_test(a_file_that_shrinks_is_cancelled),
        cmocka_unit_test(who_does_not_wait_is_not_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
