/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What somebody with the database's password does to the audit log is found.
 */
#include "store-fixture.h"

typedef struct {
    Fixture base;
    BerthSigningKey *key;
    BerthTicketKey public_key;
} Audit;

static int
run_seal(BerthTx *tx, void *data)
{
    Audit *a = data;
    return berth_audit_seal(tx, a->key, a->base.now_us);
}

static int
add_record(BerthTx *tx, void *data)
{
    Audit *a = data;
    BerthCause cause = { .now_us = a->base.now_us, .actor = "user:ann" };
    return berth_audit(tx, &cause, "test.done", "thing", NULL);
}

/* Five more records, the signed head stands at the last of them. */
static int
set_up(void **state)
{
    Audit *a = g_new0(Audit, 1);
    fixture_init(&a->base, 2, 2);
    a->key = berth_signing_key_generate(NULL);
    berth_signing_key_get_public(a->key, &a->public_key);
    assert_berth_ok(berth_store_write(a->base.store, fixture_run_tick, &a->base));
    for (int i = 0; i < 5; i++) {
        assert_berth_ok(berth_store_write(a->base.store, add_record, a));
    }
    assert_berth_ok(berth_store_write(a->base.store, run_seal, a));
    *state = a;
    return 0;
}

static int
tear_down(void **state)
{
    Audit *a = *state;
    fixture_clear(&a->base);
    berth_signing_key_free(a->key);
    g_free(a);
    return 0;
}

typedef struct {
    const Audit *audit;
    BerthAuditReport report;
} Verify;

static int
run_verify(BerthTx *tx, void *data)
{
    Verify *verify = data;
    return berth_audit_verify(tx, &verify->audit->public_key, &verify->report);
}

static int64_t
find_bad(Audit *a)
{
    Verify verify = { .audit = a };
    assert_berth_ok(berth_store_read(a->base.store, run_verify, &verify));
    assert_true(verify.report.n_records > 0);
    return verify.report.bad_seq;
}

static void
drop_triggers(const Audit *a)
{
    bool is_postgresql = a->base.place.name != NULL;
    store_place_exec(&a->base.place, is_postgresql
                                         ? "DROP TRIGGER event_is_append_only ON event;"
                                           "DROP TRIGGER event_head_is_append_only ON event_head"
                                         : "DROP TRIGGER event_is_append_only_u;"
                                           "DROP TRIGGER event_is_append_only_d;"
                                           "DROP TRIGGER event_head_is_append_only_u;"
                                           "DROP TRIGGER event_head_is_append_only_d");
}

static void
tamper(const Audit *a, const char *sql)
{
    drop_triggers(a);
    store_place_exec(&a->base.place, sql);
}

static void
an_untouched_log_is_whole(void **state)
{
    Audit *a = *state;
    assert_int_equal(find_bad(a), 0);
    assert_berth_ok(berth_store_write(a->base.store, run_seal, a));
    assert_berth_ok(berth_store_write(a->base.store, add_record, a));
    assert_berth_ok(berth_store_write(a->base.store, run_seal, a));
    assert_int_equal(find_bad(a), 0);
}

static void
an_edited_record_is_found(void **state)
{
    tamper(*state, "UPDATE event SET actor = 'user:bob' WHERE seq = 2");
    assert_int_equal(find_bad(*state), 2);
}

static void
a_deleted_record_is_found(void **state)
{
    tamper(*state, "DELETE FROM event WHERE seq = 2");
    assert_int_equal(find_bad(*state), 2);
}

static void
swapped_records_are_found(void **state)
{
    tamper(*state, "UPDATE event SET seq = 1000 WHERE seq = 2;"
                   "UPDATE event SET seq = 2 WHERE seq = 3;"
                   "UPDATE event SET seq = 3 WHERE seq = 1000");
    assert_int_equal(find_bad(*state), 2);
}

static void
a_cut_end_is_found(void **state)
{
    tamper(*state, "DELETE FROM event WHERE seq >= (SELECT max(seq) FROM event)");
    assert_true(find_bad(*state) > 0);
}

static void
a_log_without_its_whole_chain_is_found(void **state)
{
    tamper(*state, "DELETE FROM event WHERE seq > 1");
    assert_true(find_bad(*state) > 1);
}

static void
a_head_signed_by_another_key_is_found(void **state)
{
    Audit *a = *state;
    BerthSigningKey *own = a->key;
    a->key = berth_signing_key_generate(NULL);
    assert_berth_ok(berth_store_write(a->base.store, add_record, a));
    assert_berth_ok(berth_store_write(a->base.store, run_seal, a));
    berth_signing_key_free(a->key);
    a->key = own;
    assert_true(find_bad(a) > 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
#define AUDIT_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        AUDIT_TEST(an_untouched_log_is_whole),
        AUDIT_TEST(an_edited_record_is_found),
        AUDIT_TEST(a_deleted_record_is_found),
        AUDIT_TEST(swapped_records_are_found),
        AUDIT_TEST(a_cut_end_is_found),
        AUDIT_TEST(a_log_without_its_whole_chain_is_found),
        AUDIT_TEST(a_head_signed_by_another_key_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
