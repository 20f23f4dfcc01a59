/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Rollouts in a store, second by second, with a host that does what it is told.
 */
#include "store-fixture.h"

#include "broker/rollout-settings.h"
#include "broker/rollout-step.h"
#include "broker/rollouts.h"

#include <string.h>

#define SIZE 8
#define N_VERSIONS 3

typedef struct {
    Fixture f;
    char versions[N_VERSIONS + 1][BERTH_ID_HEX_CHARS + 1]; /* by number */
    int bad;       /* number of the version that does not boot; 0: none */
    int crashing;  /* that fails as soon as somebody is in */
    int missing;   /* that the host does not have yet */
    int slow;      /* that is still starting */
    int building;  /* whose RAM template the host still makes */
    int most_away; /* ready machines that were away at once, seen so far */
    BerthClaimResult claims[FIXTURE_USERS];
} Site;

static void
exec(Site *site, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    g_autofree char *sql = g_strdup_vprintf(format, list);
    va_end(list);
    store_place_exec(&site->f.place, sql);
}

static int64_t
count(Site *site, const char *where)
{
    g_autofree char *sql = g_strdup_printf("SELECT count(*) FROM %s", where);
    g_autofree char *text = store_place_get(&site->f.place, sql);
    return g_ascii_strtoll(text, NULL, 10);
}

static int64_t
count_on(Site *site, int version)
{
    g_autofree char *where = g_strdup_printf("machine WHERE state <> 'deleted' AND version = '%s'",
                                             site->versions[version]);
    return count(site, where);
}

static char *
rollout_get(Site *site, const char *column)
{
    g_autofree char *sql =
        g_strdup_printf("SELECT %s FROM rollout ORDER BY created_us DESC LIMIT 1", column);
    return store_place_get(&site->f.place, sql);
}

static void
assert_rollout(Site *site, const char *state, const char *words)
{
    g_autofree char *now = rollout_get(site, "state");
    g_autofree char *reason = rollout_get(site, "reason");
    if (strcmp(now, state) != 0 || strstr(reason, words) == NULL) {
        g_autofree char *gate = rollout_get(site, "gate");
        fail_msg("the rollout is %s instead of %s: \"%s\": %s", now, state, reason, gate);
    }
}

static bool
is_version(const Site *site, const json_t *item, int number)
{
    const char *version = json_string_value(json_object_get(item, "version"));
    return number != 0 && g_strcmp0(version, site->versions[number]) == 0;
}

static void
set_machine(const Site *site, json_t *item)
{
    char overlay[64];
    g_snprintf(overlay, sizeof overlay, "%s-%d", json_string_value(json_object_get(item, "id")),
               (int)json_integer_value(json_object_get(item, "epoch")));
    const char *state = is_version(site, item, site->bad)    ? "failed"
                        : is_version(site, item, site->slow) ? "starting"
                                                             : "ready";
    if (g_strcmp0(json_string_value(json_object_get(item, "want")), "absent") == 0) {
        state = "absent";
    }
    json_object_set_new(item, "state", json_string(state));
    json_object_set_new(item, "overlay", json_string(overlay));
}

static void
set_sessions(const Site *site, json_t *message)
{
    size_t i = 0;
    json_t *item = NULL;
    json_t *sessions = json_array();
    json_array_foreach (json_object_get(message, "sessions"), i, item) {
        if (g_strcmp0(json_string_value(json_object_get(item, "want")), "ended") != 0) {
            bool is_granted = json_integer_value(json_object_get(item, "connection_epoch")) > 0;
            json_object_set_new(item, "state", json_string(is_granted ? "connected" : "listening"));
            json_object_set_new(item, "first_frame_ms", json_integer(is_granted ? 40 : 0));
            json_object_set_new(item, "session_key",
                                json_string("00112233445566778899aabbccddeeff"
                                            "00112233445566778899aabbccddeeff"));
            json_array_append(sessions, item);
        }
    }
    json_object_set_new(message, "sessions", sessions);
}

/* A machine in which somebody is fails if its version crashes. */
static void
crash(const Site *site, json_t *message)
{
    size_t i = 0;
    size_t j = 0;
    json_t *session = NULL;
    json_t *machine = NULL;
    json_array_foreach (json_object_get(message, "sessions"), i, session) {
        json_array_foreach (json_object_get(message, "machines"), j, machine) {
            if (is_version(site, machine, site->crashing) &&
                json_equal(json_object_get(session, "machine"), json_object_get(machine, "id"))) {
                json_object_set_new(machine, "state", json_string("failed"));
            }
        }
    }
}

static void
obey(Site *site)
{
    size_t i = 0;
    json_t *item = NULL;
    json_auto_t *message = json_pack("{s:s}", "host", site->f.host);
    assert_berth_ok(berth_store_read(site->f.store, fixture_read_inventory, &message));
    json_array_foreach (json_object_get(message, "machines"), i, item) {
        set_machine(site, item);
    }
    set_sessions(site, message);
    crash(site, message);
    fixture_have_parts(message);
    json_array_foreach (json_object_get(message, "images"), i, item) {
        if (is_version(site, item, site->missing)) {
            json_object_set_new(item, "state", json_string("fetching"));
        }
    }
    json_array_foreach (json_object_get(message, "templates"), i, item) {
        if (is_version(site, item, site->building)) {
            json_object_set_new(item, "state", json_string("building"));
        }
    }
    g_autoptr(BerthInventory) inventory = berth_inventory_new_from_json(message, NULL);
    assert_non_null(inventory);
    FixtureReport report = { .fixture = &site->f, .inventory = inventory };
    assert_berth_ok(berth_store_write(site->f.store, fixture_run_report, &report));
}

/* So many seconds: the broker ticks, then the host does what it should and tells. */
static void
live(Site *site, int n_seconds)
{
    for (int i = 0; i < n_seconds; i++) {
        site->f.now_us += FIXTURE_SECOND_US;
        assert_berth_ok(berth_store_write(site->f.store, fixture_run_tick, &site->f));
        int64_t n_away = count(site, "machine WHERE state IN ('recycling', 'starting', 'creating') "
                                     "AND assignment IS NULL");
        site->most_away = MAX(site->most_away, (int)n_away);
        obey(site);
    }
}

static void
add_version(Site *site, int number)
{
    fixture_new_id(site->versions[number]);
    exec(site,
         "INSERT INTO image_version (id, image, number, state, manifest, signature, sha256, "
         "created_us, sealed_us, since_us) VALUES ('%s', '%s', %d, 'available', "
         "'{\"number\":%d}', 'ab', 'cd', 1, 1, 1)",
         site->versions[number], site->f.image, number, number);
}

static void
init(Site *site, int n_spares)
{
    *site = (Site){ 0 };
    fixture_init(&site->f, SIZE, n_spares);
    for (int number = 1; number <= N_VERSIONS; number++) {
        add_version(site, number);
    }
    exec(site, "UPDATE pool SET image_version = '%s'", site->versions[1]);
    exec(site,
         "INSERT INTO image_tag (image, tag, version, moved_us) VALUES ('%s', 'stable', "
         "'%s', 1)",
         site->f.image, site->versions[1]);
    live(site, 4);
    site->most_away = 0;
    assert_int_equal(count_on(site, 1), n_spares);
    assert_int_equal(count(site, "machine WHERE state = 'ready'"), n_spares);
}

static void
clear(Site *site)
{
    assert_int_equal(fixture_fsck(&site->f), 0);
    fixture_clear(&site->f);
}

typedef struct {
    Site *site;
    const char *version;
    const char *actor;
    const char *settings;
    BerthStrategy strategy;
    int64_t n_canary, batch, max_unavailable;
    BerthRolloutOrder order;
    char *why;
    json_t *rollouts;
} Order;

static int
run_publish(BerthTx *tx, void *data)
{
    Order *order = data;
    BerthCause cause = { .now_us = order->site->f.now_us, .actor = order->actor };
    json_auto_t *settings = json_loads(order->settings, 0, NULL);
    const BerthPublish publish = { .image = order->site->f.image,
                                   .version = order->version,
                                   .tag = "stable",
                                   .strategy = order->strategy,
                                   .n_canary = order->n_canary,
                                   .batch = order->batch,
                                   .max_unavailable = order->max_unavailable,
                                   .settings = settings };
    return berth_rollouts_publish(tx, &cause, &publish, &order->rollouts, &order->why);
}

static Order
ready_order(Site *site, const char *version)
{
    return (Order){ .site = site,
                    .version = version,
                    .actor = "user:ann",
                    .settings = "{}",
                    .n_canary = 2,
                    .batch = 2,
                    .max_unavailable = 3 };
}

static int
publish(Order *order)
{
    int error = berth_store_write(order->site->f.store, run_publish, order);
    json_decref(order->rollouts);
    order->rollouts = NULL;
    return error;
}

static int
run_order(BerthTx *tx, void *data)
{
    Order *order = data;
    BerthCause cause = { .now_us = order->site->f.now_us, .actor = order->actor };
    return berth_rollouts_order_image(tx, &cause, order->site->f.image, order->order,
                                      &order->rollouts, &order->why);
}

static int
order_image(Site *site, BerthRolloutOrder what)
{
    Order order = ready_order(site, "");
    order.order = what;
    int error = berth_store_write(site->f.store, run_order, &order);
    json_decref(order.rollouts);
    g_free(order.why);
    return error;
}

static void
log_on(Site *site, int user)
{
    assert_berth_ok(fixture_claim(&site->f, user, &site->claims[user]));
    live(site, 1);
    assert_berth_ok(fixture_claim(&site->f, user, &site->claims[user]));
    live(site, 2);
}

static int
run_logoff(BerthTx *tx, void *data)
{
    const Order *order = data;
    BerthCause cause = { .now_us = order->site->f.now_us, .actor = "user" };
    return berth_session_logoff(tx, &cause, order->version, "logoff");
}

static void
log_off(Site *site, int user)
{
    Order order = { .site = site, .version = site->claims[user].session };
    assert_berth_ok(berth_store_write(site->f.store, run_logoff, &order));
}

/* The next user who logs on is on the new version. */
static void
meet_canary(Site *site)
{
    log_on(site, 7);
    assert_true(count(site, "version_sample v JOIN rollout r ON r.to_version = v.version "
                            "WHERE v.kind = 'logon' OR v.kind = 'crash'") > 0);
}

static void
good_version_reaches_all(void **state)
{
    (void)state;
    Site site;
    init(&site, SIZE);
    Order order = ready_order(&site, "2");
    assert_berth_ok(publish(&order));
    live(&site, 6);
    assert_rollout(&site, "canary", "");
    assert_int_equal(count_on(&site, 2), 2);
    assert_int_equal(count(&site, "machine WHERE canary = 1"), 2);
    assert_int_equal(count_on(&site, 1), SIZE - 2);
    meet_canary(&site);
    live(&site, 20);
    assert_int_equal(count(&site, "event WHERE kind = 'rollout.passed' "
                                  "AND data LIKE '%as good as the old one: 2 boots, 1 logons%'"),
                     1);
    assert_int_equal(count(&site, "session WHERE state = 'active'"), 1);
    assert_rollout(&site, "done", "all desktops are on the new version");
    assert_int_equal(count_on(&site, 2), SIZE);
    assert_int_equal(count(&site, "machine WHERE canary = 1"), 0);
    assert_int_equal(count(&site, "pool p JOIN image_version v ON v.id = p.image_version "
                                  "WHERE v.number = 2"),
                     1);
    clear(&site);
}

static void
nobody_in_a_session_is_touched(void **state)
{
    (void)state;
    Site site;
    init(&site, SIZE);
    for (int user = 0; user < 3; user++) {
        log_on(&site, user);
    }
    Order order = ready_order(&site, "2");
    order.n_canary = 0;
    assert_berth_ok(publish(&order));
    live(&site, 30);
    assert_rollout(&site, "rolling", "");
    assert_int_equal(count_on(&site, 1), 3);
    assert_int_equal(count(&site, "session WHERE state = 'active'"), 3);
    assert_true(site.most_away <= 3);
    log_off(&site, 0);
    live(&site, 3);
    assert_int_equal(count_on(&site, 1), 2);
    log_off(&site, 1);
    log_off(&site, 2);
    live(&site, 3);
    assert_rollout(&site, "done", "");
    clear(&site);
}

static void
version_that_does_not_boot_stops_itself(void **state)
{
    (void)state;
    Site site;
    init(&site, SIZE);
    log_on(&site, 0);
    site.bad = 2;
    Order order = ready_order(&site, "2");
    assert_berth_ok(publish(&order));
    live(&site, 4);
    assert_rollout(&site, "rolling-back", "boots of the new version failed");
    live(&site, 10);
    assert_rollout(&site, "rolled-back", "boots of the new version failed");
    assert_int_equal(count_on(&site, 1), SIZE);
    assert_int_equal(count(&site, "machine WHERE state IN ('ready', 'assigned')"), SIZE);
    assert_int_equal(count(&site, "session WHERE state = 'active'"), 1);
    assert_int_equal(count(&site, "image_tag t JOIN image_version v ON v.id = t.version "
                                  "WHERE v.number = 1"),
                     1);
    assert_int_equal(count(&site, "event WHERE kind LIKE 'machine.%' AND data LIKE '%\"rollout\"%' "
                                  "AND data LIKE '%\"from\":\"assigned\"%'"),
                     0);
    clear(&site);
}

static void
version_that_crashes_at_logon_stops_itself(void **state)
{
    (void)state;
    Site site;
    init(&site, SIZE);
    site.crashing = 2;
    Order order = ready_order(&site, "2");
    assert_berth_ok(publish(&order));
    live(&site, 6);
    assert_rollout(&site, "canary", "");
    meet_canary(&site);
    live(&site, 15);
    assert_rollout(&site, "rolled-back", "");
    assert_int_equal(count(&site, "event WHERE kind LIKE 'rollout.%' AND data LIKE '%crashed%'"),
                     2); /* to turn back, and at the end */
    assert_int_equal(count_on(&site, 2), 0);
    clear(&site);
}

static void
slow_version_stops_itself(void **state)
{
    (void)state;
    Site site;
    init(&site, SIZE);
    Order order = ready_order(&site, "2");
    order.settings = "{\"on_failure\":\"pause\"}";
    site.slow = 2;
    assert_berth_ok(publish(&order));
    live(&site, 20);
    assert_rollout(&site, "canary", "");
    site.slow = 0;
    live(&site, 3);
    assert_rollout(&site, "paused", "a desktop is ready after");
    assert_int_equal(count_on(&site, 2), 2);
    assert_berth_ok(order_image(&site, BERTH_ROLLOUT_ORDER_ROLL_BACK));
    live(&site, 8);
    assert_rollout(&site, "rolled-back", "");
    clear(&site);
}

static void
host_without_the_version_is_waited_for(void **state)
{
    (void)state;
    Site site;
    init(&site, SIZE);
    site.missing = 2;
    Order order = ready_order(&site, "2");
    assert_berth_ok(publish(&order));
    live(&site, 10);
    assert_rollout(&site, "canary", "");
    g_autofree char *gate = rollout_get(&site, "gate");
    assert_non_null(strstr(gate, "waits for host \\\"one\\\""));
    assert_int_equal(count_on(&site, 1), SIZE);
    assert_int_equal(site.most_away, 0);
    site.missing = 0;
    live(&site, 5);
    assert_int_equal(count_on(&site, 2), 2);
    clear(&site);
}

static void
what_is_done_goes_back_the_same_way(void **state)
{
    (void)state;
    Site site;
    init(&site, SIZE);
    Order order = ready_order(&site, "2");
    order.n_canary = 0;
    order.strategy = BERTH_STRATEGY_IDLE_NOW;
    assert_berth_ok(publish(&order));
    live(&site, 12);
    assert_rollout(&site, "done", "");
    assert_int_equal(count_on(&site, 2), SIZE);
    assert_int_equal(count(&site, "image_replica WHERE state = 'present'"), 2);
    assert_berth_ok(order_image(&site, BERTH_ROLLOUT_ORDER_ROLL_BACK));
    live(&site, 12);
    assert_rollout(&site, "rolled-back", "");
    assert_int_equal(count_on(&site, 1), SIZE);
    assert_int_equal(order_image(&site, BERTH_ROLLOUT_ORDER_ROLL_BACK), BERTH_ERR_STATE);
    clear(&site);
}

/* How the host is asked for the RAM template of a version: "needed", "spare" or "". */
static const char *
template_wish(Site *site, int number)
{
    size_t i = 0;
    json_t *item = NULL;
    const char *wish = "";
    json_auto_t *message = json_pack("{s:s}", "host", site->f.host);
    assert_berth_ok(berth_store_read(site->f.store, fixture_read_inventory, &message));
    json_array_foreach (json_object_get(message, "templates"), i, item) {
        if (is_version(site, item, number)) {
            assert_string_equal(wish, "");
            wish = json_is_true(json_object_get(item, "is_spare")) ? "spare" : "needed";
        }
    }
    return wish;
}

static void
old_template_is_spare_once_all_are_on_the_new_version(void **state)
{
    (void)state;
    Site site;
    init(&site, SIZE);
    exec(&site, "UPDATE pool SET template = 1");
    Order order = ready_order(&site, "2");
    order.n_canary = 0;
    order.strategy = BERTH_STRATEGY_IDLE_NOW;
    assert_string_equal(template_wish(&site, 1), "needed");
    assert_string_equal(template_wish(&site, 2), "");
    assert_berth_ok(publish(&order));
    assert_string_equal(template_wish(&site, 1), "needed");
    assert_string_equal(template_wish(&site, 2), "needed");
    live(&site, 12);
    assert_rollout(&site, "done", "");
    assert_string_equal(template_wish(&site, 1), "spare");
    assert_string_equal(template_wish(&site, 2), "needed");
    assert_berth_ok(order_image(&site, BERTH_ROLLOUT_ORDER_ROLL_BACK));
    assert_string_equal(template_wish(&site, 1), "needed");
    live(&site, 12);
    assert_rollout(&site, "rolled-back", "");
    assert_string_equal(template_wish(&site, 1), "needed");
    assert_string_equal(template_wish(&site, 2), "");
    clear(&site);
}

/* The files of a version stay longer than its RAM template: those alone are no reason to begin. */
static void
way_back_waits_for_the_template(void **state)
{
    (void)state;
    Site site;
    init(&site, SIZE);
    Order order = ready_order(&site, "2");
    order.n_canary = 0;
    order.strategy = BERTH_STRATEGY_IDLE_NOW;
    assert_berth_ok(publish(&order));
    live(&site, 12);
    assert_rollout(&site, "done", "");
    exec(&site, "UPDATE pool SET template = 1");
    exec(&site, "UPDATE image_replica SET since_us = 1");
    site.building = 1;
    site.most_away = 0;
    assert_berth_ok(order_image(&site, BERTH_ROLLOUT_ORDER_ROLL_BACK));
    live(&site, 12);
    assert_rollout(&site, "rolling-back", "");
    assert_int_equal(count_on(&site, 2), SIZE);
    assert_int_equal(site.most_away, 0);
    g_autofree char *gate = rollout_get(&site, "gate");
    assert_non_null(strstr(gate, "waits for host \\\"one\\\""));
    exec(&site, "UPDATE rollout SET since_us = since_us - %lld",
         (long long)BERTH_ROLLOUT_TEMPLATE_US);
    live(&site, 12);
    assert_rollout(&site, "rolled-back", "");
    assert_int_equal(count_on(&site, 1), SIZE);
    clear(&site);
}

static void
orders_are_obeyed_where_they_make_sense(void **state)
{
    (void)state;
    Site site;
    init(&site, SIZE);
    Order order = ready_order(&site, "2");
    assert_int_equal(order_image(&site, BERTH_ROLLOUT_ORDER_PAUSE), BERTH_ERR_STATE);
    assert_berth_ok(publish(&order));
    live(&site, 6);
    assert_berth_ok(order_image(&site, BERTH_ROLLOUT_ORDER_PAUSE));
    assert_rollout(&site, "paused", "paused by user:ann");
    live(&site, 6);
    assert_int_equal(count_on(&site, 2), 2);
    assert_berth_ok(order_image(&site, BERTH_ROLLOUT_ORDER_RESUME));
    assert_rollout(&site, "canary", "");
    assert_berth_ok(order_image(&site, BERTH_ROLLOUT_ORDER_PROMOTE));
    assert_rollout(&site, "rolling", "promoted by user:ann");
    assert_int_equal(order_image(&site, BERTH_ROLLOUT_ORDER_PROMOTE), BERTH_ERR_STATE);
    live(&site, 20);
    assert_rollout(&site, "done", "");
    clear(&site);
}

static void
second_publish_is_told_whose_is_first(void **state)
{
    (void)state;
    Site site;
    init(&site, SIZE);
    Order first = ready_order(&site, "2");
    Order second = ready_order(&site, "3");
    Order none = ready_order(&site, "7");
    second.actor = "user:bob";
    assert_berth_ok(publish(&first));
    assert_int_equal(publish(&second), BERTH_ERR_EXISTS);
    assert_non_null(strstr(second.why, "to version 2 by user:ann"));
    assert_int_equal(publish(&none), BERTH_ERR_NOT_FOUND);
    assert_int_equal(count(&site, "rollout"), 1);
    assert_int_equal(count(&site, "image_tag t JOIN image_version v ON v.id = t.version "
                                  "WHERE v.number = 2"),
                     1);
    exec(&site, "UPDATE image_version SET state = 'retired' WHERE number = 3");
    g_clear_pointer(&second.why, g_free);
    assert_int_equal(publish(&second), BERTH_ERR_STATE);
    assert_string_equal(second.why, "version 3 is retired; only an available version can be "
                                    "published");
    g_free(second.why);
    g_free(none.why);
    clear(&site);
}

static void
force_warns_and_then_logs_off(void **state)
{
    (void)state;
    Site site;
    init(&site, SIZE);
    log_on(&site, 0);
    Order order = ready_order(&site, "2");
    order.n_canary = 0;
    order.strategy = BERTH_STRATEGY_FORCE;
    order.settings = "{\"force_after_s\":10,\"message\":\"save your work\"}";
    assert_berth_ok(publish(&order));
    live(&site, 8);
    assert_int_equal(count(&site, "session WHERE state = 'active' AND notice = 'save your work' "
                                  "AND notice_number = 1"),
                     1);
    assert_int_equal(count_on(&site, 1), 1);
    live(&site, 12);
    assert_int_equal(count(&site, "session WHERE state = 'ended'"), 1);
    assert_rollout(&site, "done", "");
    clear(&site);
}

static void
strays_follow_their_pool(void **state)
{
    (void)state;
    Site site;
    init(&site, SIZE);
    log_on(&site, 0);
    exec(&site, "UPDATE pool SET image_version = '%s'", site.versions[2]);
    live(&site, 20);
    assert_int_equal(count_on(&site, 2), SIZE - 1);
    assert_int_equal(count(&site, "session WHERE state = 'active'"), 1);
    log_off(&site, 0);
    live(&site, 3);
    assert_int_equal(count_on(&site, 2), SIZE);
    clear(&site);
}

static void
any_broker_carries_on(void **state)
{
    (void)state;
    Site site;
    init(&site, SIZE);
    Order order = ready_order(&site, "2");
    order.n_canary = 0;
    assert_berth_ok(publish(&order));
    for (int i = 0; i < 12; i++) {
        live(&site, 1);
        berth_store_free(site.f.store);
        site.f.store = fixture_open(&site.f);
        assert_non_null(site.f.store);
    }
    assert_rollout(&site, "done", "");
    assert_true(site.most_away <= 3);
    clear(&site);
}

static void
settings_are_checked(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "{\"gates\":{\"min_boots\":-1}}",
        "{\"gates\":{\"min_boots\":1.5}}",
        "{\"gates\":{\"speed\":1}}",
        "{\"gates\":{\"boot_success_pct\":101}}",
        "{\"gates\":{\"ready_p95_factor\":\"x\"}}",
        "{\"on_failure\":\"cry\"}",
        "{\"force_after_s\":-1}",
        "{\"message\":7}",
    };
    g_auto(BerthRolloutSettings) good = { 0 };
    json_auto_t *json = json_loads("{\"gates\":{\"ready_p95_factor\":2}}", 0, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;
        g_auto(BerthRolloutSettings) settings = { 0 };
        json_auto_t *wrong = json_loads(bad[i], 0, NULL);
        assert_false(berth_rollout_settings_read(wrong, 1, &settings, &error));
        assert_int_equal(error->code, BERTH_ERR_INVALID);
    }
    assert_true(berth_rollout_settings_read(json, 3, &good, NULL));
    assert_int_equal(good.gates.min_boots, 3);
    assert_true(good.gates.ready_p95_factor == 2 && good.gates.logon_p95_factor == 1.5);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_version_reaches_all),
        cmocka_unit_test(nobody_in_a_session_is_touched),
        cmocka_unit_test(version_that_does_not_boot_stops_itself),
        cmocka_unit_test(version_that_crashes_at_logon_stops_itself),
        cmocka_unit_test(slow_version_stops_itself),
        cmocka_unit_test(host_without_the_version_is_waited_for),
        cmocka_unit_test(what_is_done_goes_back_the_same_way),
        cmocka_unit_test(old_template_is_spare_once_all_are_on_the_new_version),
        cmocka_unit_test(way_back_waits_for_the_template),
        cmocka_unit_test(orders_are_obeyed_where_they_make_sense),
        cmocka_unit_test(second_publish_is_told_whose_is_first),
        cmocka_unit_test(force_warns_and_then_logs_off),
        cmocka_unit_test(strays_follow_their_pool),
        cmocka_unit_test(any_broker_carries_on),
        cmocka_unit_test(settings_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
