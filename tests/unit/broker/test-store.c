/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The contract of the store and of the claim: whatever backend stands behind store.h has to pass.
 */
#include "store-fixture.h"

#include "broker/store/connection.h"

#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct {
    Fixture *fixture;
    char session[BERTH_ID_HEX_CHARS + 1];
} SessionJob;

static int
run_logoff(BerthTx *tx, void *data)
{
    SessionJob *job = data;
    BerthCause cause = { .now_us = job->fixture->now_us, .actor = "user" };
    return berth_session_logoff(tx, &cause, job->session, "logged-off");
}

static int
logoff(Fixture *f, const char *session)
{
    SessionJob job = { .fixture = f };
    g_strlcpy(job.session, session, sizeof job.session);
    return berth_store_write(f->store, run_logoff, &job);
}

static int
count(BerthTx *tx, void *data)
{
    return berth_tx_get_int(tx, data, BERTH_SQL_STATUS, "");
}

static int
add_and_fail(BerthTx *tx, void *data)
{
    int error = berth_tx_run(tx, BERTH_SQL_ACCOUNT_INSERT, "sssi",
                             "ffffffffffffffffffffffffffffffff", "ghost", "x", (int64_t)1);
    return error == BERTH_OK ? BERTH_ERR_FORBIDDEN : error;
}

static void
a_write_that_fails_changes_nothing(void **state)
{
    Fixture *f = *state;
    int64_t before = 0;
    int64_t after = 0;
    assert_berth_ok(berth_store_read(f->store, count, &before));
    assert_berth_error(berth_store_write(f->store, add_and_fail, NULL), BERTH_ERR_FORBIDDEN);
    assert_berth_ok(berth_store_read(f->store, count, &after));
    assert_int_equal(before, after);
}

static int
add_named(BerthTx *tx, void *data)
{
    return berth_tx_run(tx, BERTH_SQL_META_SET, "ss", data, "there");
}

static int
wait_for_others(BerthTx *tx, void *data)
{
    GMutex *mutex = data;
    g_mutex_lock(mutex);
    g_mutex_unlock(mutex);
    return BERTH_OK;
}

/* What SQLite does by itself when the disk is full. */
static int
lose_transaction(BerthTx *tx, void *data)
{
    int error = berth_connection_exec(tx, "ROLLBACK");
    return error == BERTH_OK ? BERTH_ERR_DISK_FULL : error;
}

static int
read_meta(BerthTx *tx, void *data)
{
    g_autofree char *value = NULL;
    return berth_tx_get_text(tx, &value, BERTH_SQL_META_GET, "s", data);
}

typedef struct {
    BerthTxFunc run;
    void *data;
    int **errors;
} GroupJob;

static int
run_group_job(BerthTx *tx, void *data)
{
    const GroupJob *job = data;
    return job->run(tx, job->data);
}

static void
group_job_done(int error, void *data)
{
    const GroupJob *job = data;
    *(*job->errors)++ = error;
}

static void
nobody_of_a_group_that_lost_its_transaction_is_told_that_it_was_written(void **state)
{
    Fixture *f = *state;
    GMutex mutex;
    int errors[4] = { 0 };
    int *slot = errors;
    char before[] = "before";
    char after[] = "after";
    GroupJob jobs[] = {
        { wait_for_others, &mutex, &slot },
        { add_named, before, &slot },
        { lose_transaction, NULL, &slot },
        { add_named, after, &slot },
    };
    g_mutex_init(&mutex);
    g_mutex_lock(&mutex);
    for (size_t i = 0; i < G_N_ELEMENTS(jobs); i++) {
        assert_berth_ok(berth_store_submit(f->store, run_group_job, group_job_done, &jobs[i]));
    }
    g_mutex_unlock(&mutex);
    while (slot < errors + G_N_ELEMENTS(errors)) {
        g_main_context_iteration(NULL, TRUE);
    }
    g_mutex_clear(&mutex);
    /* The first may have been a group of its own. */
    for (size_t i = 1; i < G_N_ELEMENTS(errors); i++) {
        assert_berth_error(errors[i], BERTH_ERR_DISK_FULL);
    }
    assert_berth_error(berth_store_read(f->store, read_meta, before), BERTH_ERR_NOT_FOUND);
    assert_berth_error(berth_store_read(f->store, read_meta, after), BERTH_ERR_NOT_FOUND);
    assert_berth_ok(berth_store_write(f->store, add_named, after));
    assert_berth_ok(berth_store_read(f->store, read_meta, after));
}

static int
make_dirty_ready(BerthTx *tx, void *data)
{
    char *id = NULL;
    int error = berth_tx_get_text(tx, &id, BERTH_SQL_PLAN_MACHINES, "s", ((Fixture *)data)->pool);
    if (error == BERTH_OK) {
        error = berth_tx_run(tx, BERTH_SQL_MACHINE_SET_STATE, "sssiiis", id, "ready",
                             "an-assignment", (int64_t)0, (int64_t)0, (int64_t)0, "on");
    }
    g_free(id);
    return error;
}

static void
the_schema_itself_refuses_a_ready_machine_with_an_owner(void **state)
{
    Fixture *f = *state;
    assert_berth_ok(berth_store_write(f->store, fixture_run_tick, f));
    assert_berth_error(berth_store_write(f->store, make_dirty_ready, f), BERTH_ERR_STATE);
}

static int
forge_event(BerthTx *tx, void *data)
{
    return berth_tx_run(tx, BERTH_SQL_EVENT_INSERT, "siissssss", STORE_PLACE_WRITER,
                        (int64_t)1000000, (int64_t)1, "a", "b", "c", "{}",
                        "0000000000000000000000000000000000000000000000000000000000000000",
                        "1111111111111111111111111111111111111111111111111111111111111111");
}

static void
a_forged_audit_row_breaks_the_chain(void **state)
{
    Fixture *f = *state;
    assert_int_equal(fixture_fsck(f), 0);
    assert_berth_ok(berth_store_write(f->store, forge_event, f));
    assert_int_equal(fixture_fsck(f), 1);
}

static void
a_claim_goes_up_the_ladder(void **state)
{
    Fixture *f = *state;
    BerthClaimResult first;
    BerthClaimResult second;
    assert_berth_ok(fixture_claim(f, 0, &first));
    assert_int_equal(first.outcome, BERTH_CLAIM_STARTING);
    assert_berth_ok(fixture_obey(f));
    assert_berth_ok(fixture_claim(f, 0, &first));
    assert_int_equal(first.outcome, BERTH_CLAIM_GRANTED);
    assert_int_equal(first.connection_epoch, 1);
    assert_berth_ok(fixture_claim(f, 0, &second));
    assert_string_equal(first.session, second.session);
    assert_int_equal(second.connection_epoch, 2);
    assert_string_not_equal(first.ticket, second.ticket);
    assert_int_equal(fixture_fsck(f), 0);
}

static void
an_epoch_never_has_two_owners(void **state)
{
    Fixture *f = *state;
    BerthClaimResult first;
    BerthClaimResult second;
    assert_berth_ok(berth_store_write(f->store, fixture_run_tick, f));
    assert_berth_ok(fixture_obey(f));
    assert_berth_ok(fixture_claim(f, 0, &first));
    assert_berth_ok(logoff(f, first.session));
    assert_berth_error(logoff(f, first.session), BERTH_ERR_STATE);
    for (int i = 0; i < 3; i++) {
        assert_berth_ok(fixture_obey(f));
        assert_berth_ok(berth_store_write(f->store, fixture_run_tick, f));
    }
    assert_berth_ok(fixture_claim(f, 1, &second));
    if (strcmp(first.machine, second.machine) == 0) {
        assert_true(second.machine_epoch > first.machine_epoch);
    }
    assert_int_equal(fixture_fsck(f), 0);
}

static gpointer
claim_in_thread(gpointer data)
{
    FixtureClaim *claim = data;
    claim->error = berth_store_write(claim->fixture->store, fixture_run_claim, claim);
    return NULL;
}

static void
many_users_at_once_never_share_a_machine(void **state)
{
    Fixture *f = *state;
    FixtureClaim claims[FIXTURE_USERS] = { 0 };
    GThread *threads[FIXTURE_USERS];
    assert_berth_ok(berth_store_write(f->store, fixture_run_tick, f));
    assert_berth_ok(fixture_obey(f));
    for (int i = 0; i < FIXTURE_USERS; i++) {
        claims[i] = (FixtureClaim){ .fixture = f, .user = i };
        threads[i] = g_thread_new("claim", claim_in_thread, &claims[i]);
    }
    for (int i = 0; i < FIXTURE_USERS; i++) {
        g_thread_join(threads[i]);
    }
    int n_claimed = 0;
    for (int i = 0; i < FIXTURE_USERS; i++) {
        for (int j = 0; j < i && claims[i].error == BERTH_OK; j++) {
            bool is_same = claims[i].result.machine[0] != '\0' &&
                           strcmp(claims[i].result.machine, claims[j].result.machine) == 0;
            assert_false(is_same);
        }
        assert_berth_ok(claims[i].error);
        n_claimed += claims[i].result.outcome == BERTH_CLAIM_STARTING ? 1 : 0;
        if (claims[i].result.outcome != BERTH_CLAIM_STARTING) {
            assert_int_equal(claims[i].result.outcome, BERTH_CLAIM_QUEUED);
        }
    }
    assert_int_equal(n_claimed, f->size);
    assert_int_equal(fixture_fsck(f), 0);
}

static void
one_user_who_clicks_often_gets_one_machine(void **state)
{
    Fixture *f = *state;
    FixtureClaim claims[8] = { 0 };
    GThread *threads[8];
    assert_berth_ok(berth_store_write(f->store, fixture_run_tick, f));
    assert_berth_ok(fixture_obey(f));
    for (size_t i = 0; i < G_N_ELEMENTS(claims); i++) {
        claims[i] = (FixtureClaim){ .fixture = f, .user = 3 };
        threads[i] = g_thread_new("claim", claim_in_thread, &claims[i]);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(claims); i++) {
        g_thread_join(threads[i]);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(claims); i++) {
        assert_berth_ok(claims[i].error);
        assert_string_equal(claims[i].result.machine, claims[0].result.machine);
        assert_string_equal(claims[i].result.session, claims[0].result.session);
    }
    assert_int_equal(fixture_fsck(f), 0);
}

typedef struct {
    Fixture *fixture;
    BerthHostEvent event;
} HostJob;

static int
run_host_event(BerthTx *tx, void *data)
{
    HostJob *job = data;
    BerthCause cause = { .now_us = job->fixture->now_us, .actor = "timer" };
    return berth_host_step(tx, &cause, job->fixture->host, job->event);
}

static void
a_lost_host_gives_its_dirty_desktops_back_only_through_recycling(void **state)
{
    Fixture *f = *state;
    BerthClaimResult claimed;
    HostJob silent = { .fixture = f, .event = BERTH_HOST_EVENT_SILENT };
    HostJob over = { .fixture = f, .event = BERTH_HOST_EVENT_LEASE_OVER };
    HostJob heard = { .fixture = f, .event = BERTH_HOST_EVENT_HEARD };
    assert_berth_ok(berth_store_write(f->store, fixture_run_tick, f));
    assert_berth_ok(fixture_obey(f));
    assert_berth_ok(fixture_claim(f, 0, &claimed));
    assert_berth_ok(fixture_obey(f));
    assert_berth_ok(fixture_claim(f, 0, &claimed));
    assert_int_equal(claimed.outcome, BERTH_CLAIM_GRANTED);
    assert_berth_ok(berth_store_write(f->store, run_host_event, &silent));
    assert_berth_error(fixture_claim(f, 0, &claimed), BERTH_ERR_HOST_DOWN);
    assert_berth_ok(berth_store_write(f->store, run_host_event, &over));
    assert_berth_error(fixture_claim(f, 1, &claimed), BERTH_ERR_HOST_DOWN);
    assert_int_equal(fixture_fsck(f), 0);
    assert_berth_ok(berth_store_write(f->store, run_host_event, &heard));
    assert_berth_ok(fixture_obey(f));
    BerthClaimResult again;
    assert_berth_ok(fixture_claim(f, 0, &again));
    assert_int_equal(again.outcome, BERTH_CLAIM_GRANTED);
    assert_int_equal(fixture_fsck(f), 0);
}

/* A host that says of the one session that it has ended. */
static int
report_ended(Fixture *f)
{
    size_t i = 0;
    json_t *item = NULL;
    json_auto_t *message = json_pack("{s:s}", "host", f->host);
    int error = berth_store_read(f->store, fixture_read_inventory, &message);
    json_array_foreach (json_object_get(message, "machines"), i, item) {
        json_object_set_new(item, "state", json_string("ready"));
    }
    json_array_foreach (json_object_get(message, "sessions"), i, item) {
        json_object_set_new(item, "state", json_string("ended"));
        json_object_set_new(item, "code", json_string("internal"));
    }
    g_autoptr(BerthInventory) inventory = berth_inventory_new_from_json(message, NULL);
    FixtureReport report = { .fixture = f, .inventory = inventory };
    return error == BERTH_OK ? berth_store_write(f->store, fixture_run_report, &report) : error;
}

static void
a_desktop_whose_session_never_came_is_given_back(void **state)
{
    Fixture *f = *state;
    BerthClaimResult claimed;
    assert_berth_ok(berth_store_write(f->store, fixture_run_tick, f));
    assert_berth_ok(fixture_obey(f));
    assert_berth_ok(fixture_claim(f, 0, &claimed));
    assert_int_equal(claimed.outcome, BERTH_CLAIM_STARTING);
    assert_berth_ok(report_ended(f));
    f->now_us += 601 * FIXTURE_SECOND_US;
    assert_berth_ok(berth_store_write(f->store, fixture_run_tick, f));
    assert_berth_error(logoff(f, claimed.session), BERTH_ERR_STATE);
    assert_int_equal(fixture_fsck(f), 0);
}

static void
a_desktop_that_was_used_stays_its_users_when_its_session_ends(void **state)
{
    Fixture *f = *state;
    BerthClaimResult claimed;
    BerthClaimResult again;
    assert_berth_ok(berth_store_write(f->store, fixture_run_tick, f));
    assert_berth_ok(fixture_obey(f));
    assert_berth_ok(fixture_claim(f, 0, &claimed));
    assert_berth_ok(fixture_obey(f));
    assert_berth_ok(fixture_claim(f, 0, &claimed));
    assert_int_equal(claimed.outcome, BERTH_CLAIM_GRANTED);
    assert_berth_ok(report_ended(f));
    f->now_us += 3600 * FIXTURE_SECOND_US;
    assert_berth_ok(berth_store_write(f->store, fixture_run_tick, f));
    assert_berth_ok(fixture_claim(f, 0, &again));
    assert_string_equal(again.machine, claimed.machine);
    assert_int_equal(again.machine_epoch, claimed.machine_epoch);
    assert_string_not_equal(again.session, claimed.session);
    assert_int_equal(fixture_fsck(f), 0);
}

/* Users come and go until the process is killed; its fixture is the parent's. */
static void
churn_for_ever(Fixture *f, int n_before, int ready_fd)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    f->store = fixture_open(f);
    if (f->store == NULL) {
        _exit(1);
    }
    for (int i = 0;; i++) {
        BerthClaimResult result = { 0 };
        f->now_us += FIXTURE_SECOND_US;
        (void)berth_store_write(f->store, fixture_run_tick, f);
        (void)fixture_obey(f);
        if (fixture_claim(f, i % FIXTURE_USERS, &result) == BERTH_OK && result.session[0] != '\0' &&
            i % 3 == 0) {
            (void)logoff(f, result.session);
        }
        if (i == n_before && write(ready_fd, "x", 1) != 1) {
            _exit(1);
        }
    }
}

static void
a_killed_process_leaves_a_whole_store(void **state)
{
    Fixture *f = *state;
    for (int round = 0; round < 8; round++) {
        int fds[2];
        char byte = 0;
        int64_t before = 0;
        berth_store_free(f->store);
        f->store = NULL;
        assert_int_equal(pipe(fds), 0);
        pid_t child = fork();
        if (child == 0) {
            churn_for_ever(f, 3 + round, fds[1]);
        }
        close(fds[1]);
        ssize_t n_read = read(fds[0], &byte, 1);
        close(fds[0]);
        /* It is somewhere in its next round by now; where differs, and that is the point. */
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        f->store = fixture_open(f);
        f->now_us += 1000 * FIXTURE_SECOND_US;
        assert_non_null(f->store);
        assert_int_equal(n_read, 1);
        assert_int_equal(fixture_fsck(f), 0);
        assert_berth_ok(berth_store_read(f->store, count, &before));
        assert_int_equal(before, FIXTURE_USERS);
        assert_berth_ok(berth_store_write(f->store, fixture_run_tick, f));
    }
}

static void
a_store_from_the_future_is_refused(void **state)
{
    Fixture *f = *state;
    berth_store_free(f->store);
    f->store = NULL;
    store_place_exec(&f->place, "UPDATE meta SET value = '9999' WHERE key = 'schema_version'");
    g_autoptr(GError) error = NULL;
    BerthStore *store = berth_store_open(f->place.url, STORE_PLACE_WRITER, NULL, &error);
    bool is_refused = store == NULL;
    berth_store_free(store);
    assert_true(is_refused);
    assert_berth_error(error->code, BERTH_ERR_VERSION);
}

static int
set_up(void **state)
{
    Fixture *f = g_new0(Fixture, 1);
    fixture_init(f, 6, 6);
    *state = f;
    return 0;
}

static int
tear_down(void **state)
{
    fixture_clear(*state);
    g_free(*state);
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
#define STORE_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        STORE_TEST(a_write_that_fails_changes_nothing),
        STORE_TEST(nobody_of_a_group_that_lost_its_transaction_is_told_that_it_was_written),
        STORE_TEST(the_schema_itself_refuses_a_ready_machine_with_an_owner),
        STORE_TEST(a_forged_audit_row_breaks_the_chain),
        STORE_TEST(a_claim_goes_up_the_ladder),
        STORE_TEST(an_epoch_never_has_two_owners),
        STORE_TEST(many_users_at_once_never_share_a_machine),
        STORE_TEST(one_user_who_clicks_often_gets_one_machine),
        STORE_TEST(a_lost_host_gives_its_dirty_desktops_back_only_through_recycling),
        STORE_TEST(a_desktop_whose_session_never_came_is_given_back),
        STORE_TEST(a_desktop_that_was_used_stays_its_users_when_its_session_ends),
        STORE_TEST(a_killed_process_leaves_a_whole_store),
        STORE_TEST(a_store_from_the_future_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
