/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testing.h"

#include "host-agent/session/consent.h"

static int people[BERTH_CONSENT_MAX_QUESTIONS + 1];

static void
nobody_watches_unasked(void **state)
{
    static const struct {
        BerthPolicyObserve policy;
        bool has_user;
        BerthConsentStep step;
    } rows[] = {
        { BERTH_POLICY_OBSERVE_ASK, true, BERTH_CONSENT_ASK },
        { BERTH_POLICY_OBSERVE_ASK, false, BERTH_CONSENT_REFUSE },
        { BERTH_POLICY_OBSERVE_NEVER, true, BERTH_CONSENT_REFUSE },
        { BERTH_POLICY_OBSERVE_NEVER, false, BERTH_CONSENT_REFUSE },
        { BERTH_POLICY_OBSERVE_ALWAYS, true, BERTH_CONSENT_ADMIT },
        { BERTH_POLICY_OBSERVE_ALWAYS, false, BERTH_CONSENT_ADMIT },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        BerthConsent consent = { 0 };
        uint32_t id;

        assert_int_equal(
            berth_consent_begin(&consent, rows[i].policy, rows[i].has_user, people, 0, &id),
            rows[i].step);
    }
}

static void
an_answer_is_for_its_own_question(void **state)
{
    BerthConsent consent = { 0 };
    uint32_t first, second;

    berth_consent_begin(&consent, BERTH_POLICY_OBSERVE_ASK, true, &people[0], 0, &first);
    berth_consent_begin(&consent, BERTH_POLICY_OBSERVE_ASK, true, &people[1], 0, &second);
    assert_int_not_equal(first, second);
    assert_ptr_equal(berth_consent_take(&consent, second), &people[1]);
    assert_null(berth_consent_take(&consent, second));
    assert_null(berth_consent_take(&consent, second + 1));
    berth_consent_forget(&consent, &people[0]);
    assert_null(berth_consent_take(&consent, first));
    assert_true(berth_consent_get_due_us(&consent) == INT64_MAX);
}

static void
no_answer_is_a_no(void **state)
{
    BerthConsent consent = { 0 };
    uint32_t id;

    berth_consent_begin(&consent, BERTH_POLICY_OBSERVE_ASK, true, &people[0], 5, &id);
    assert_true(berth_consent_get_due_us(&consent) == 5 + BERTH_CONSENT_TIMEOUT_US);
    assert_null(berth_consent_take_expired(&consent, 4 + BERTH_CONSENT_TIMEOUT_US));
    assert_ptr_equal(berth_consent_take_expired(&consent, 5 + BERTH_CONSENT_TIMEOUT_US), people);
    assert_null(berth_consent_take(&consent, id));
    assert_null(berth_consent_take_any(&consent));
}

static void
a_crowd_is_not_asked_about(void **state)
{
    BerthConsent consent = { 0 };
    uint32_t id;

    for (size_t i = 0; i < BERTH_CONSENT_MAX_QUESTIONS; i++) {
        assert_int_equal(
            berth_consent_begin(&consent, BERTH_POLICY_OBSERVE_ASK, true, &people[i], 0, &id),
            BERTH_CONSENT_ASK);
    }
    assert_int_equal(berth_consent_begin(&consent, BERTH_POLICY_OBSERVE_ASK, true,
                                         &people[BERTH_CONSENT_MAX_QUESTIONS], 0, &id),
                     BERTH_CONSENT_REFUSE);
    for (size_t i = 0; i < BERTH_CONSENT_MAX_QUESTIONS; i++) {
        assert_non_null(berth_consent_take_any(&consent));
    }
    assert_null(berth_consent_take_any(&consent));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_watches_unasked),
        cmocka_unit_test(an_answer_is_for_its_own_question),
        cmocka_unit_test(no_answer_is_a_no),
        cmocka_unit_test(a_crowd_is_not_asked_about),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
