/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testing.h"

#include "host-agent/vhost-gpu/vring.h"

#include <glib.h>
#include <string.h>

#define SIZE 8
#define USER 0x7f0000000000ull
#define DESC 0x1000
#define AVAIL 0x2000
#define USED 0x3000
#define DATA 0x4000
#define TABLE 0x5000
#define MEMORY_BYTES 0x8000

#define NEXT 1
#define WRITE 2
#define INDIRECT 4

typedef struct {
    _Alignas(16) uint8_t bytes[MEMORY_BYTES];
    BerthGuestMemory memory;
    BerthVring vring;
} Guest;

static Guest guest;
static BerthVringChain chain;

static void
put_desc(uint32_t table, unsigned i, uint64_t addr, uint32_t n, uint16_t flags, uint16_t next)
{
    uint8_t *at = guest.bytes + table + i * 16;

    memcpy(at, &addr, 8);
    memcpy(at + 8, &n, 4);
    memcpy(at + 12, &flags, 2);
    memcpy(at + 14, &next, 2);
}

static void
offer(uint16_t head)
{
    uint16_t index;

    memcpy(&index, guest.bytes + AVAIL + 2, 2);
    memcpy(guest.bytes + AVAIL + 4 + (index % SIZE) * 2, &head, 2);
    index++;
    memcpy(guest.bytes + AVAIL + 2, &index, 2);
}

static uint16_t
get_u16(uint32_t at)
{
    uint16_t value;

    memcpy(&value, guest.bytes + at, 2);
    return value;
}

static int
set_up(bool has_event_idx)
{
    memset(&guest, 0, sizeof(guest));
    assert_berth_ok(berth_guest_memory_add(&guest.memory, 0, USER, MEMORY_BYTES, guest.bytes));
    return berth_vring_setup(&guest.vring, &guest.memory, SIZE, USER + DESC, USER + AVAIL,
                             USER + USED, has_event_idx);
}

static void
a_chain_is_read_and_answered(void **state)
{
    uint8_t text[8] = { 0 };

    assert_berth_ok(set_up(false));
    assert_int_equal(berth_vring_pop(&guest.vring, &chain), 0);
    memcpy(guest.bytes + DATA, "abcdefgh", 8);
    put_desc(DESC, 2, DATA, 3, NEXT, 5);
    put_desc(DESC, 5, DATA + 3, 3, NEXT, 1);
    put_desc(DESC, 1, DATA + 16, 4, WRITE, 0);
    offer(2);
    assert_int_equal(berth_vring_pop(&guest.vring, &chain), 1);
    assert_int_equal(chain.head, 2);
    assert_int_equal(berth_vring_chain_n_readable(&chain), 6);
    assert_int_equal(berth_vring_chain_read(&chain, text, sizeof(text)), 6);
    assert_memory_equal(text, "abcdef\0\0", 8);
    assert_int_equal(berth_vring_chain_write(&chain, (const uint8_t *)"12345", 5), 4);
    assert_memory_equal(guest.bytes + DATA + 16, "1234\0", 5);
    berth_vring_push(&guest.vring, chain.head, 4);
    assert_int_equal(get_u16(USED + 2), 1);
    assert_int_equal(guest.bytes[USED + 4], 2);
    assert_int_equal(guest.bytes[USED + 8], 4);
    assert_true(berth_vring_take_interrupt(&guest.vring));
    assert_false(berth_vring_take_interrupt(&guest.vring));
    assert_int_equal(berth_vring_pop(&guest.vring, &chain), 0);
}

static void
an_indirect_table_is_walked(void **state)
{
    assert_berth_ok(set_up(false));
    put_desc(DESC, 0, TABLE, 2 * 16, INDIRECT, 0);
    put_desc(TABLE, 0, DATA, 7, NEXT, 1);
    put_desc(TABLE, 1, DATA + 8, 9, WRITE, 0);
    offer(0);
    assert_int_equal(berth_vring_pop(&guest.vring, &chain), 1);
    assert_int_equal(chain.n_read, 1);
    assert_int_equal(chain.n_segments, 2);
    assert_int_equal(chain.segments[1].n_bytes, 9);
}

static void
interrupts_follow_the_guest_s_wish(void **state)
{
    uint16_t event = 1; /* at the second answer */

    assert_berth_ok(set_up(true));
    memcpy(guest.bytes + AVAIL + 4 + SIZE * 2, &event, 2);
    berth_vring_push(&guest.vring, 0, 0);
    assert_false(berth_vring_take_interrupt(&guest.vring));
    berth_vring_push(&guest.vring, 1, 0);
    assert_true(berth_vring_take_interrupt(&guest.vring));
    assert_int_equal(berth_vring_pop(&guest.vring, &chain), 0);
    assert_int_equal(get_u16(USED + 4 + SIZE * 8), 0); /* kick at the first request */

    assert_berth_ok(set_up(false));
    guest.bytes[AVAIL] = 1; /* no interrupts */
    berth_vring_push(&guest.vring, 0, 0);
    assert_false(berth_vring_take_interrupt(&guest.vring));
}

static void
hostile_chains_are_refused(void **state)
{
    static const struct {
        uint64_t addr;
        uint32_t n;
        uint16_t flags, next;
    } rows[] = {
        { DATA, 8, NEXT, 0 },                   /* goes in circles */
        { DATA, 8, NEXT, SIZE },                /* leaves the table */
        { MEMORY_BYTES - 4, 8, 0, 0 },          /* ends behind the memory */
        { MEMORY_BYTES, 1, 0, 0 },              /* begins behind it */
        { UINT64_MAX - 3, 8, 0, 0 },            /* wraps */
        { DATA, UINT32_MAX, 0, 0 },             /* far too long */
        { TABLE, 15, INDIRECT, 0 },             /* no whole descriptor */
        { TABLE, 0, INDIRECT, 0 },              /* none */
        { TABLE, 16, INDIRECT | NEXT, 0 },      /* both */
        { TABLE + 1, 16, INDIRECT, 0 },         /* crooked */
        { MEMORY_BYTES - 16, 32, INDIRECT, 0 }, /* table behind the memory */
        { DESC, 16, INDIRECT, 0 },              /* points to itself */
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        assert_berth_ok(set_up(false));
        put_desc(DESC, 0, rows[i].addr, rows[i].n, rows[i].flags, rows[i].next);
        offer(0);
        assert_berth_error(berth_vring_pop(&guest.vring, &chain), BERTH_ERR_PROTOCOL);
    }
    assert_berth_ok(set_up(false));
    offer(SIZE); /* a head that is not there */
    assert_berth_error(berth_vring_pop(&guest.vring, &chain), BERTH_ERR_PROTOCOL);
    assert_berth_ok(set_up(false));
    guest.bytes[AVAIL + 2] = SIZE + 1; /* more requests than descriptors */
    assert_berth_error(berth_vring_pop(&guest.vring, &chain), BERTH_ERR_PROTOCOL);
    assert_berth_ok(set_up(false));
    put_desc(DESC, 0, DATA, 4, WRITE | NEXT, 1); /* an answer before the question */
    put_desc(DESC, 1, DATA, 4, 0, 0);
    offer(0);
    assert_berth_error(berth_vring_pop(&guest.vring, &chain), BERTH_ERR_PROTOCOL);
}

static void
a_queue_lies_in_memory_or_not_at_all(void **state)
{
    BerthVring vring;

    assert_berth_ok(set_up(false));
    assert_berth_error(
        berth_vring_setup(&vring, &guest.memory, 7, USER + DESC, USER + AVAIL, USER + USED, false),
        BERTH_ERR_INVALID);
    assert_berth_error(
        berth_vring_setup(&vring, &guest.memory, 0, USER + DESC, USER + AVAIL, USER + USED, false),
        BERTH_ERR_INVALID);
    assert_berth_error(berth_vring_setup(&vring, &guest.memory, 2048, USER + DESC, USER + AVAIL,
                                         USER + USED, false),
                       BERTH_ERR_INVALID);
    assert_berth_error(berth_vring_setup(&vring, &guest.memory, SIZE, USER + DESC, USER + AVAIL,
                                         USER + MEMORY_BYTES - 8, false),
                       BERTH_ERR_INVALID);
    assert_berth_error(
        berth_vring_setup(&vring, &guest.memory, SIZE, DESC, USER + AVAIL, USER + USED, false),
        BERTH_ERR_INVALID);
    assert_int_equal(vring.size, 0);
    assert_int_equal(berth_vring_pop(&vring, &chain), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_chain_is_read_and_answered),
        cmocka_unit_test(an_indirect_table_is_walked),
        cmocka_unit_test(interrupts_follow_the_guest_s_wish),
        cmocka_unit_test(hostile_chains_are_refused),
        cmocka_unit_test(a_queue_lies_in_memory_or_not_at_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
