/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testing.h"

#include "broker/placement.h"

#include <glib.h>
#include <string.h>

#define NOW_US (5000LL * 1000 * 1000)

static BerthPlaceHost
good_host(const char *name)
{
    return (BerthPlaceHost){
        .id = name,
        .name = name,
        .state = BERTH_HOST_UP,
        .memory_limit_mib = 10000,
        .memory_overcommit_pct = 100,
        .vcpu_limit = 8,
        .vcpu_overcommit_pct = 400,
        .start_slots = 2,
    };
}

static json_t *
label(const char *key, const char *value)
{
    return json_pack("{s:s}", key, value);
}

static const char *const words[] = {
    [BERTH_PLACE_FITS] = "host \"kvm1\" can take it",
    [BERTH_PLACE_OTHER_HOST] = "is not the one that was asked for",
    [BERTH_PLACE_NOT_UP] = "host \"kvm1\" is suspect",
    [BERTH_PLACE_DEGRADED] = "host \"kvm1\" is degraded: disk-low",
    [BERTH_PLACE_MAINTENANCE] = "is in maintenance",
    [BERTH_PLACE_DRAIN] = "is being drained",
    [BERTH_PLACE_LABELS] = "the pool wants label \"disk\" = \"ssd\", host \"kvm1\" has \"hdd\"",
    [BERTH_PLACE_NO_IMAGE] = "has not got version 3 of image \"office\" yet: fetching, 25 % of",
    [BERTH_PLACE_BREAKER] = "the last: boot-timeout; one more is tried in 30 s",
    [BERTH_PLACE_NO_MEMORY] = "6001 of 10000 MiB of memory reserved (10000 at 100 %), the "
                              "machine needs 4000",
    [BERTH_PLACE_NO_VCPUS] = "29 of 32 virtual processors reserved (8 at 400 %), the machine "
                             "needs 4",
};

/* One host after the other, each with one thing against it. */
static void
every_host_gets_its_reason(void **state)
{
    json_auto_t *ssd = label("disk", "ssd");
    json_auto_t *hdd = label("disk", "hdd");
    BerthPlaceNeed need = { .memory_mib = 4000, .vcpus = 4, .labels = ssd, .now_us = NOW_US };
    BerthPlaceHost hosts[BERTH_N_PLACE_REASONS];
    BerthPlaceVerdict verdicts[BERTH_N_PLACE_REASONS];
    for (int i = 0; i < BERTH_N_PLACE_REASONS; i++) {
        hosts[i] = good_host("kvm1");
        hosts[i].labels = ssd;
    }
    hosts[BERTH_PLACE_OTHER_HOST].id = "kvm2";
    hosts[BERTH_PLACE_NOT_UP].state = BERTH_HOST_SUSPECT;
    hosts[BERTH_PLACE_DEGRADED].state = BERTH_HOST_DEGRADED;
    hosts[BERTH_PLACE_DEGRADED].detail = "disk-low";
    hosts[BERTH_PLACE_MAINTENANCE].is_in_maintenance = true;
    hosts[BERTH_PLACE_DRAIN].is_draining = true;
    hosts[BERTH_PLACE_LABELS].labels = hdd;
    hosts[BERTH_PLACE_BREAKER].breaker = (BerthBreaker){ .n_failures = 3,
                                                         .open_until_us = NOW_US + 30 * 1000 * 1000,
                                                         .reason = "boot-timeout" };
    hosts[BERTH_PLACE_NO_MEMORY].memory_reserved_mib = 6001;
    hosts[BERTH_PLACE_NO_VCPUS].vcpu_reserved = 29;
    need.version = "version 3 of image \"office\"";
    for (int i = 0; i < BERTH_N_PLACE_REASONS; i++) {
        hosts[i].image.state = "present";
    }
    hosts[BERTH_PLACE_NO_IMAGE].image = (BerthPlaceImage){ .state = "fetching",
                                                           .bytes = 1024LL * 1024 * 1024,
                                                           .total_bytes = 4096LL * 1024 * 1024 };
    need.host = "kvm1";
    assert_int_equal(berth_place(&need, hosts, BERTH_N_PLACE_REASONS, verdicts), 0);
    for (int i = 0; i < BERTH_N_PLACE_REASONS; i++) {
        if (i == BERTH_PLACE_NO_VERSION) {
            continue; /* is against them all */
        }
        g_autofree char *text = berth_place_explain(&need, &hosts[i], &verdicts[i]);
        if ((int)verdicts[i].reason != i || strstr(text, words[i]) == NULL) {
            fail_msg("host %d: %s, %s", i, berth_place_reason_code(verdicts[i].reason), text);
        }
        assert_true((verdicts[i].score > 0) == (i == BERTH_PLACE_FITS));
    }
    need.lacks_version = true;
    assert_int_equal(berth_place(&need, hosts, 1, verdicts), -1);
    g_autofree char *words_of_all = berth_place_explain(&need, &hosts[0], &verdicts[0]);
    assert_non_null(strstr(words_of_all, "import or seal one, then publish it"));
}

static void
room_ends_exactly_at_what_the_overcommit_allows(void **state)
{
    static const struct {
        int64_t memory_pct, reserved_mib, vcpu_limit, vcpu_pct, vcpus;
        BerthPlaceReason expected;
    } rows[] = {
        { 100, 9000, 8, 100, 7, BERTH_PLACE_FITS },
        { 100, 9001, 8, 100, 7, BERTH_PLACE_NO_MEMORY },
        { 150, 14000, 8, 100, 7, BERTH_PLACE_FITS },
        { 150, 14001, 8, 100, 7, BERTH_PLACE_NO_MEMORY },
        { 80, 7000, 8, 100, 7, BERTH_PLACE_FITS },
        { 80, 7001, 8, 100, 7, BERTH_PLACE_NO_MEMORY },
        { 100, 0, 8, 100, 8, BERTH_PLACE_NO_VCPUS },
        { 100, 0, 8, 400, 31, BERTH_PLACE_FITS },
        { 100, 0, 8, 400, 32, BERTH_PLACE_NO_VCPUS },
        { 100, 0, 0, 400, 500, BERTH_PLACE_FITS }, /* the agent does not say */
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        BerthPlaceNeed need = { .memory_mib = 1000, .vcpus = 1 };
        BerthPlaceVerdict verdict;
        BerthPlaceHost host = good_host("kvm1");
        host.memory_overcommit_pct = rows[i].memory_pct;
        host.memory_reserved_mib = rows[i].reserved_mib;
        host.vcpu_limit = rows[i].vcpu_limit;
        host.vcpu_overcommit_pct = rows[i].vcpu_pct;
        host.vcpu_reserved = rows[i].vcpus;
        int best = berth_place(&need, &host, 1, &verdict);
        if (verdict.reason != rows[i].expected || (best == 0) != (verdict.score > 0)) {
            fail_msg("row %zu: %s", i, berth_place_reason_code(verdict.reason));
        }
    }
}

static void
the_best_score_wins(void **state)
{
    BerthPlaceNeed spread = { .memory_mib = 1000, .vcpus = 1 };
    BerthPlaceNeed pack = { .memory_mib = 1000, .vcpus = 1, .is_packed = true };
    BerthPlaceHost hosts[] = { good_host("full"), good_host("empty"), good_host("same") };
    hosts[0].memory_reserved_mib = 8000;
    assert_int_equal(berth_place(&spread, hosts, 3, NULL), 1);
    assert_int_equal(berth_place(&pack, hosts, 3, NULL), 0);
    /* Between equals the one with a free start slot. */
    hosts[1].n_starting = 2;
    assert_int_equal(berth_place(&spread, hosts, 3, NULL), 2);
    /* A RAM template outweighs everything. */
    hosts[0].has_template = true;
    hosts[0].n_starting = 50;
    assert_int_equal(berth_place(&spread, hosts, 3, NULL), 0);
    assert_int_equal(berth_place(&spread, NULL, 0, NULL), -1);
}

static void
a_half_open_breaker_lets_one_try(void **state)
{
    BerthPlaceNeed need = { .memory_mib = 1000, .vcpus = 1, .now_us = NOW_US };
    BerthPlaceHost host = good_host("kvm1");
    host.breaker = (BerthBreaker){ .n_failures = 4, .open_until_us = NOW_US };
    assert_int_equal(berth_place(&need, &host, 1, NULL), 0);
    host.n_tries = 1;
    assert_int_equal(berth_place(&need, &host, 1, NULL), -1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_host_gets_its_reason),
        cmocka_unit_test(room_ends_exactly_at_what_the_overcommit_allows),
        cmocka_unit_test(the_best_score_wins),
        cmocka_unit_test(a_half_open_breaker_lets_one_try),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
