/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Disks of users: what a connect does about them, and how a lease begins and ends. */
#include "store-fixture.h"

#include "broker/host-acts.h"
#include "broker/store/connection.h"
#include "broker/user-disk.h"

#include <string.h>

#define ME "11111111111111111111111111111111"
#define OTHER "22222222222222222222222222222222"
#define HERE "33333333333333333333333333333333"
#define RULE "{\"size_mib\":64,\"mount\":\"/data\",\"fs\":\"ext4\"}"

static void
a_pool_says_whether_there_are_disks(void **state)
{
    BerthUserDiskRule rule;
    berth_user_disk_rule_parse("{}", &rule);
    assert_false(rule.is_wanted);
    berth_user_disk_rule_parse("nonsense", &rule);
    assert_false(rule.is_wanted);
    berth_user_disk_rule_parse(RULE, &rule);
    assert_true(rule.is_wanted && rule.is_needed);
    assert_int_equal(rule.size_mib, 64);
    assert_string_equal(rule.storage, "");
    berth_user_disk_rule_parse("{\"size_mib\":9,\"on_failure\":\"without\",\"storage\":\"nas\"}",
                               &rule);
    assert_false(rule.is_needed);
    assert_string_equal(rule.storage, "nas");
}

static const struct {
    BerthUserDisk disk;
    BerthDiskClaim expected;
    int error;
} plan_rows[] = {
    { { .id = "" }, BERTH_DISK_TAKE, 0 },
    { { .id = "d", .state = "new" }, BERTH_DISK_TAKE, 0 },
    { { .id = "d", .state = "detached", .host = HERE }, BERTH_DISK_TAKE, 0 },
    { { .id = "d", .state = "failed", .host = HERE }, BERTH_DISK_TAKE, 0 },
    { { .id = "d", .state = "detached", .host = OTHER }, BERTH_DISK_REFUSE, BERTH_ERR_NO_DESKTOP },
    { { .id = "d", .state = "checking" }, BERTH_DISK_WAIT, 0 },
    { { .id = "d", .state = "deleting" }, BERTH_DISK_REFUSE, BERTH_ERR_NO_DESKTOP },
    { { .id = "d", .state = "detached", .machine = ME, .machine_epoch = 3, .is_held = true },
      BERTH_DISK_WAIT,
      0 },
    { { .id = "d", .state = "attached", .machine = ME, .machine_epoch = 3, .is_held = true },
      BERTH_DISK_READY,
      0 },
    { { .id = "d",
        .state = "failed",
        .code = BERTH_ERR_CORRUPT,
        .machine = ME,
        .machine_epoch = 3,
        .is_held = true },
      BERTH_DISK_REFUSE,
      BERTH_ERR_NO_DESKTOP },
    { { .id = "d", .state = "attached", .machine = OTHER, .machine_epoch = 3, .is_held = true },
      BERTH_DISK_REFUSE,
      BERTH_ERR_NO_DESKTOP },
    { { .id = "d",
        .state = "attached",
        .machine = OTHER,
        .machine_epoch = 3,
        .is_lease_host_up = true },
      BERTH_DISK_WAIT,
      0 },
    { { .id = "d",
        .state = "attached",
        .machine = ME,
        .machine_epoch = 2,
        .is_lease_host_up = true },
      BERTH_DISK_WAIT,
      0 },
    { { .id = "d", .state = "attached", .machine = OTHER, .machine_epoch = 3 },
      BERTH_DISK_REFUSE,
      BERTH_ERR_HOST_DOWN },
};

static void
a_connect_leases_waits_or_says_why_not(void **state)
{
    for (size_t i = 0; i < G_N_ELEMENTS(plan_rows); i++) {
        int error = 0;
        const char *why = NULL;
        assert_int_equal(berth_user_disk_plan(&plan_rows[i].disk, ME, 3, HERE, &error, &why),
                         plan_rows[i].expected);
        assert_int_equal(error, plan_rows[i].error);
        assert_int_equal(why != NULL, plan_rows[i].error != 0);
    }
}

static int
run_sql(BerthTx *tx, void *data)
{
    return berth_connection_exec(tx, data);
}

static void
sql(Fixture *f, const char *text)
{
    assert_berth_ok(berth_store_write(f->store, run_sql, (void *)(uintptr_t)text));
}

static void
set_up(Fixture *f, const char *rule)
{
    fixture_init(f, 3, 2);
    f->disk_state = "attached";
    g_autofree char *text = g_strdup_printf("UPDATE pool SET user_disk = '%s'", rule);
    sql(f, text);
}

static void
run_all(Fixture *f)
{
    f->now_us += FIXTURE_SECOND_US;
    assert_berth_ok(berth_store_write(f->store, fixture_run_tick, f));
    assert_berth_ok(fixture_obey(f));
}

static BerthClaimResult
claim(Fixture *f, int user)
{
    BerthClaimResult result;
    assert_berth_ok(fixture_claim(f, user, &result));
    return result;
}

/* Until the ticket is there. */
static BerthClaimResult
connect_user(Fixture *f, int user)
{
    BerthClaimResult result = claim(f, user);
    for (int i = 0; i < 8 && result.outcome != BERTH_CLAIM_GRANTED; i++) {
        run_all(f);
        result = claim(f, user);
    }
    assert_int_equal(result.outcome, BERTH_CLAIM_GRANTED);
    return result;
}

typedef struct {
    Fixture *fixture;
    const char *session;
} SessionJob;

static int
run_logoff(BerthTx *tx, void *data)
{
    const SessionJob *job = data;
    BerthCause cause = { .now_us = job->fixture->now_us, .actor = "user" };
    return berth_session_logoff(tx, &cause, job->session, "logged-off");
}

static void
logoff(Fixture *f, const char *session)
{
    SessionJob job = { .fixture = f, .session = session };
    assert_berth_ok(berth_store_write(f->store, run_logoff, &job));
}

typedef struct {
    Fixture *fixture;
    int user;
    BerthUserDisk disk;
} ReadJob;

static int
run_read(BerthTx *tx, void *data)
{
    ReadJob *job = data;
    return berth_user_disk_read(tx, job->fixture->users[job->user], job->fixture->pool, &job->disk);
}

static BerthUserDisk
disk_of(Fixture *f, int user)
{
    ReadJob job = { .fixture = f, .user = user };
    assert_berth_ok(berth_store_write(f->store, run_read, &job));
    return job.disk;
}

static void
a_ticket_waits_for_the_disk(void **state)
{
    Fixture f;
    set_up(&f, RULE);
    f.disk_state = "present";
    run_all(&f);
    run_all(&f);
    BerthClaimResult first = claim(&f, 0);
    assert_int_equal(first.outcome, BERTH_CLAIM_STARTING);
    run_all(&f);
    run_all(&f);
    assert_int_equal(claim(&f, 0).outcome, BERTH_CLAIM_STARTING);
    BerthUserDisk disk = disk_of(&f, 0);
    assert_string_equal(disk.machine, first.machine);
    assert_true(disk.is_held);
    assert_int_equal(disk.lease_epoch, 1);
    assert_string_equal(disk.host, f.host);
    f.disk_state = "attached";
    run_all(&f);
    assert_int_equal(claim(&f, 0).outcome, BERTH_CLAIM_GRANTED);
    assert_string_equal(disk_of(&f, 0).state, "attached");
    assert_int_equal(fixture_fsck(&f), 0);
    fixture_clear(&f);
}

static void
the_next_machine_gets_it_when_the_last_gave_it_back(void **state)
{
    Fixture f;
    set_up(&f, RULE);
    run_all(&f);
    BerthClaimResult first = connect_user(&f, 0);
    BerthUserDisk before = disk_of(&f, 0);
    /* The host still has it with the old machine, and the user is back already. */
    f.disk_state = NULL;
    logoff(&f, first.session);
    BerthClaimResult second = claim(&f, 0);
    assert_int_equal(second.outcome, BERTH_CLAIM_STARTING);
    assert_string_not_equal(second.machine, first.machine);
    BerthUserDisk between = disk_of(&f, 0);
    assert_string_equal(between.machine, first.machine);
    assert_false(between.is_held);
    f.disk_state = "present";
    run_all(&f);
    assert_string_equal(disk_of(&f, 0).machine, "");
    assert_string_equal(disk_of(&f, 0).state, "detached");
    f.disk_state = "attached";
    second = connect_user(&f, 0);
    BerthUserDisk after = disk_of(&f, 0);
    assert_string_equal(after.id, before.id);
    assert_string_equal(after.machine, second.machine);
    assert_int_equal(after.lease_epoch, before.lease_epoch + 1);
    assert_int_equal(fixture_fsck(&f), 0);
    fixture_clear(&f);
}

static void
another_user_gets_another_disk(void **state)
{
    Fixture f;
    set_up(&f, RULE);
    run_all(&f);
    connect_user(&f, 0);
    connect_user(&f, 1);
    BerthUserDisk anna = disk_of(&f, 0);
    BerthUserDisk bert = disk_of(&f, 1);
    assert_string_not_equal(anna.id, bert.id);
    assert_string_not_equal(anna.machine, bert.machine);
    assert_int_equal(fixture_fsck(&f), 0);
    fixture_clear(&f);
}

static void
a_damaged_disk_refuses_with_words_and_gives_the_desktop_back(void **state)
{
    Fixture f;
    set_up(&f, RULE);
    f.disk_state = "failed";
    run_all(&f);
    BerthClaimResult result = claim(&f, 0);
    run_all(&f);
    assert_berth_error(fixture_claim(&f, 0, &result), BERTH_ERR_NO_DESKTOP);
    assert_non_null(strstr(result.why, "damaged"));
    BerthUserDisk disk = disk_of(&f, 0);
    assert_false(disk.is_held);
    run_all(&f);
    run_all(&f);
    assert_string_equal(disk_of(&f, 0).machine, "");
    assert_string_equal(disk_of(&f, 0).state, "failed");
    /* Repaired: the next connect tries anew. */
    f.disk_state = "attached";
    connect_user(&f, 0);
    assert_int_equal(fixture_fsck(&f), 0);
    fixture_clear(&f);
}

static void
a_pool_may_do_without_a_disk_that_fails(void **state)
{
    Fixture f;
    set_up(&f, "{\"size_mib\":64,\"mount\":\"/data\",\"on_failure\":\"without\"}");
    f.disk_state = "failed";
    run_all(&f);
    connect_user(&f, 0);
    assert_int_equal(fixture_fsck(&f), 0);
    fixture_clear(&f);
}

/* A host that is lost keeps the lease until somebody says that it is off. */
static void
a_lost_host_keeps_the_disk_until_it_is_fenced(void **state)
{
    Fixture f;
    set_up(&f, "{\"size_mib\":64,\"mount\":\"/data\",\"storage\":\"nas\"}");
    run_all(&f);
    BerthClaimResult first = connect_user(&f, 0);
    sql(&f, "UPDATE host SET state = 'lost'");
    sql(&f, "UPDATE disk_lease SET state = 'releasing'");
    BerthUserDisk disk = disk_of(&f, 0);
    int error = 0;
    const char *why = NULL;
    assert_string_equal(disk.host, "");
    assert_int_equal(berth_user_disk_plan(&disk, OTHER, 1, HERE, &error, &why), BERTH_DISK_REFUSE);
    assert_berth_error(error, BERTH_ERR_HOST_DOWN);
    assert_string_equal(disk.machine, first.machine);
    fixture_clear(&f);
}

static int
run_fence(BerthTx *tx, void *data)
{
    Fixture *f = data;
    BerthCause cause = { .now_us = f->now_us, .actor = "user:admin" };
    return berth_user_disk_fence(tx, &cause, f->host);
}

static void
fencing_ends_the_leases_of_a_host(void **state)
{
    Fixture f;
    set_up(&f, RULE);
    run_all(&f);
    connect_user(&f, 0);
    assert_berth_ok(berth_store_write(f.store, run_fence, &f));
    BerthUserDisk disk = disk_of(&f, 0);
    assert_string_equal(disk.machine, "");
    assert_string_equal(disk.state, "detached");
    assert_int_equal(disk.epoch, 1);
    fixture_clear(&f);
}

static void
a_disk_that_its_host_never_opened_stays_new(void **state)
{
    Fixture f;
    set_up(&f, RULE);
    f.disk_state = NULL;
    run_all(&f);
    BerthClaimResult first = claim(&f, 0);
    assert_int_equal(first.outcome, BERTH_CLAIM_STARTING);
    logoff(&f, first.session);
    /* The machine begins a new life: whatever it had is gone. */
    run_all(&f);
    run_all(&f);
    run_all(&f);
    BerthUserDisk disk = disk_of(&f, 0);
    assert_string_equal(disk.machine, "");
    assert_string_equal(disk.state, "new");
    assert_int_equal(fixture_fsck(&f), 0);
    fixture_clear(&f);
}

static void
a_deleted_disk_is_gone_when_its_host_says_so(void **state)
{
    Fixture f;
    set_up(&f, RULE);
    run_all(&f);
    BerthClaimResult first = connect_user(&f, 0);
    char id[BERTH_ID_HEX_CHARS + 1];
    g_strlcpy(id, disk_of(&f, 0).id, sizeof id);
    logoff(&f, first.session);
    f.disk_state = "present";
    run_all(&f);
    run_all(&f);
    sql(&f, "UPDATE user_disk SET state = 'deleting'");
    f.disk_state = NULL;
    run_all(&f);
    assert_string_equal(disk_of(&f, 0).state, "deleting");
    f.disk_state = "present";
    run_all(&f);
    assert_string_equal(disk_of(&f, 0).id, "");
    /* And there is a new one for the next time. */
    f.disk_state = "attached";
    connect_user(&f, 0);
    assert_string_not_equal(disk_of(&f, 0).id, id);
    assert_int_equal(fixture_fsck(&f), 0);
    fixture_clear(&f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pool_says_whether_there_are_disks),
        cmocka_unit_test(a_connect_leases_waits_or_says_why_not),
        cmocka_unit_test(a_ticket_waits_for_the_disk),
        cmocka_unit_test(the_next_machine_gets_it_when_the_last_gave_it_back),
        cmocka_unit_test(another_user_gets_another_disk),
        cmocka_unit_test(a_damaged_disk_refuses_with_words_and_gives_the_desktop_back),
        cmocka_unit_test(a_pool_may_do_without_a_disk_that_fails),
        cmocka_unit_test(a_lost_host_keeps_the_disk_until_it_is_fenced),
        cmocka_unit_test(fencing_ends_the_leases_of_a_host),
        cmocka_unit_test(a_disk_that_its_host_never_opened_stays_new),
        cmocka_unit_test(a_deleted_disk_is_gone_when_its_host_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
