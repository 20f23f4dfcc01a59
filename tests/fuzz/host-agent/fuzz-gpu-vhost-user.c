/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Messages of a QEMU that somebody broke, some with a memfd, to a vhost-user device.
 *
 * Input: records {u8 n_fds, 12 bytes of header, payload as the header says}.
 */
#include "host-agent/vhost-gpu/vhost-user.h"

#include "base/bytes-reader.h"
#include "base/cleanup.h"
#include "berth/errors.h"

#include <glib.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define FILE_BYTES 65536
#define MAX_FDS 8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
on_stopping(unsigned queue, void *user_data)
{
    if (queue >= BERTH_VHOST_QUEUES) {
        abort();
    }
}

static int
make_fds(int fds[MAX_FDS], uint8_t n)
{
    int n_fds = n % (MAX_FDS + 1);

    for (int i = 0; i < n_fds; i++) {
        fds[i] = memfd_create("fuzz", MFD_CLOEXEC);
        if (fds[i] < 0 || ftruncate(fds[i], FILE_BYTES) < 0) {
            abort();
        }
    }
    return n_fds;
}

static int
run_record(BerthVhostUser *vhost, BerthReader *reader)
{
    uint8_t n = berth_reader_get_u8(reader);
    uint8_t bytes[BERTH_VHOST_HEADER_BYTES];
    BerthVhostHeader header;
    BerthWriter reply;
    const uint8_t *payload;
    int fds[MAX_FDS];
    int n_fds, r;

    berth_reader_get_bytes(reader, bytes, sizeof(bytes));
    if (berth_vhost_header_parse(bytes, &header) < 0) {
        return BERTH_ERR_PROTOCOL;
    }
    payload = berth_reader_get_bytes_direct(reader, header.n_bytes);
    if (!payload && header.n_bytes > 0) {
        return BERTH_ERR_TRUNCATED;
    }
    n_fds = make_fds(fds, n);
    berth_writer_init(&reply, BERTH_VHOST_HEADER_BYTES + BERTH_VHOST_PAYLOAD_BYTES);
    r = berth_vhost_user_handle(vhost, &header, payload, fds, n_fds, &reply);
    if (reply.error < 0) {
        abort(); /* no answer is longer than a message may be */
    }
    berth_writer_clear(&reply);
    for (int i = 0; i < n_fds; i++) {
        berth_clear_fd(&fds[i]);
    }
    return r;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static BerthVringChain chain;
    BerthVhostUser vhost;
    BerthReader reader;

    berth_vhost_user_init(&vhost, on_stopping, NULL);
    berth_reader_init(&reader, data, size);
    while (berth_reader_remaining(&reader) > 0 && run_record(&vhost, &reader) >= 0) {
        for (unsigned i = 0; i < BERTH_VHOST_QUEUES; i++) {
            if (vhost.queues[i].is_started) {
                berth_vring_pop(&vhost.queues[i].vring, &chain);
            }
        }
    }
    berth_vhost_user_clear(&vhost);
    return 0;
}
