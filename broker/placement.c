/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/placement.h"

#include <glib.h>
#include <string.h>

/*
 * Scores.  A RAM template saves a boot, which nothing else outweighs; then comes what the pool
 * wants (spread or pack, in thousandths of the host), then start slots that are free, and last
 * free memory between equals.
 */
#define TEMPLATE_SCORE 1000000
#define SHARE_SCORE 100000
#define SLOTS_SCORE 50000
#define MAX_FREE_GIB 999

int64_t
berth_place_memory_mib(const BerthPlaceHost *host)
{
    return host->memory_limit_mib * host->memory_overcommit_pct / 100;
}

int64_t
berth_place_vcpus(const BerthPlaceHost *host)
{
    return host->vcpu_limit * host->vcpu_overcommit_pct / 100;
}

bool
berth_place_has_labels(const json_t *wanted, const json_t *labels)
{
    const char *key = NULL;
    json_t *value = NULL;
    json_object_foreach ((json_t *)wanted, key, value) {
        if (!json_equal(value, json_object_get(labels, key))) {
            return false;
        }
    }
    return true;
}

static BerthPlaceReason
filter_state(const BerthPlaceNeed *need, const BerthPlaceHost *host)
{
    if (need->host != NULL && strcmp(need->host, host->id) != 0) {
        return BERTH_PLACE_OTHER_HOST;
    }
    if (host->state == BERTH_HOST_DEGRADED) {
        return BERTH_PLACE_DEGRADED;
    }
    if (host->state != BERTH_HOST_UP) {
        return BERTH_PLACE_NOT_UP;
    }
    if (host->is_in_maintenance) {
        return BERTH_PLACE_MAINTENANCE;
    }
    return host->is_draining ? BERTH_PLACE_DRAIN : BERTH_PLACE_FITS;
}

static BerthPlaceReason
filter(const BerthPlaceNeed *need, const BerthPlaceHost *host)
{
    BerthPlaceReason reason = filter_state(need, host);
    if (reason != BERTH_PLACE_FITS) {
        return reason;
    }
    if (!berth_place_has_labels(need->labels, host->labels)) {
        return BERTH_PLACE_LABELS;
    }
    if (need->lacks_version) {
        return BERTH_PLACE_NO_VERSION;
    }
    if (need->version != NULL && g_strcmp0(host->image.state, "present") != 0) {
        return BERTH_PLACE_NO_IMAGE;
    }
    if (!berth_breaker_lets(&host->breaker, host->n_tries, need->now_us)) {
        return BERTH_PLACE_BREAKER;
    }
    if (host->memory_reserved_mib + need->memory_mib > berth_place_memory_mib(host)) {
        return BERTH_PLACE_NO_MEMORY;
    }
    if (host->vcpu_limit > 0 && host->vcpu_reserved + need->vcpus > berth_place_vcpus(host)) {
        return BERTH_PLACE_NO_VCPUS;
    }
    return BERTH_PLACE_FITS;
}

static int64_t
score(const BerthPlaceNeed *need, const BerthPlaceHost *host)
{
    int64_t memory_mib = MAX(berth_place_memory_mib(host), 1);
    int64_t free_mib = memory_mib - host->memory_reserved_mib;
    int64_t share = (need->is_packed ? host->memory_reserved_mib : free_mib) * SHARE_SCORE;
    int64_t busy = MIN(host->n_starting * SLOTS_SCORE / MAX(host->start_slots, 1), SLOTS_SCORE);
    return (host->has_template ? TEMPLATE_SCORE : 0) + share / memory_mib + SLOTS_SCORE - busy +
           CLAMP(free_mib / 1024, 0, MAX_FREE_GIB);
}

int
berth_place(const BerthPlaceNeed *need, const BerthPlaceHost *hosts, size_t n_hosts,
            BerthPlaceVerdict *ret_verdicts)
{
    int best = -1;
    int64_t best_score = 0;
    for (size_t i = 0; i < n_hosts; i++) {
        BerthPlaceVerdict verdict = { .reason = filter(need, &hosts[i]) };
        if (verdict.reason == BERTH_PLACE_FITS) {
            verdict.score = score(need, &hosts[i]);
            if (best < 0 || verdict.score > best_score) {
                best = (int)i;
                best_score = verdict.score;
            }
        }
        if (ret_verdicts != NULL) {
            ret_verdicts[i] = verdict;
        }
    }
    return best;
}

const char *
berth_place_reason_code(BerthPlaceReason reason)
{
    static const char *const codes[] = {
#define BERTH_PLACE_CODE(name, text) [BERTH_PLACE_##name] = (text),
        BERTH_PLACE_REASONS(BERTH_PLACE_CODE)
#undef BERTH_PLACE_CODE
    };
    return reason < BERTH_N_PLACE_REASONS ? codes[reason] : "?";
}

/* The first label that is missing. */
static char *
explain_labels(const BerthPlaceNeed *need, const BerthPlaceHost *host)
{
    const char *key = NULL;
    json_t *value = NULL;
    json_object_foreach ((json_t *)need->labels, key, value) {
        const json_t *got = json_object_get(host->labels, key);
        if (!json_equal(value, got)) {
            return g_strdup_printf("the pool wants label \"%s\" = \"%s\", host \"%s\" has \"%s\"",
                                   key, json_string_value(value), host->name,
                                   got != NULL ? json_string_value(got) : "");
        }
    }
    return g_strdup("a label is missing");
}

static char *
explain_room(const BerthPlaceNeed *need, const BerthPlaceHost *host, bool is_memory)
{
    const char *what = is_memory ? "MiB of memory" : "virtual processors";
    int64_t reserved = is_memory ? host->memory_reserved_mib : host->vcpu_reserved;
    int64_t room = is_memory ? berth_place_memory_mib(host) : berth_place_vcpus(host);
    int64_t limit = is_memory ? host->memory_limit_mib : host->vcpu_limit;
    int64_t pct = is_memory ? host->memory_overcommit_pct : host->vcpu_overcommit_pct;
    return g_strdup_printf("host \"%s\" has %" G_GINT64_FORMAT " of %" G_GINT64_FORMAT
                           " %s reserved (%" G_GINT64_FORMAT " at %" G_GINT64_FORMAT
                           " %%), the machine needs %" G_GINT64_FORMAT,
                           host->name, reserved, room, what, limit, pct,
                           is_memory ? need->memory_mib : need->vcpus);
}

static char *
explain_image(const BerthPlaceNeed *need, const BerthPlaceHost *host)
{
    const BerthPlaceImage *image = &host->image;
    if (image->state == NULL) {
        return g_strdup_printf("host \"%s\" has not begun to fetch %s", host->name, need->version);
    }
    if (strcmp(image->state, "failed") == 0) {
        return g_strdup_printf("host \"%s\" cannot have %s: %s", host->name, need->version,
                               image->detail != NULL ? image->detail : "");
    }
    int64_t pct = image->total_bytes > 0 ? image->bytes / MAX(image->total_bytes / 100, 1) : 0;
    return g_strdup_printf("host \"%s\" has not got %s yet: %s, %" G_GINT64_FORMAT
                           " %% of %" G_GINT64_FORMAT " MiB",
                           host->name, need->version, image->state, CLAMP(pct, 0, 100),
                           image->total_bytes / (1024 * 1024));
}

char *
berth_place_explain(const BerthPlaceNeed *need, const BerthPlaceHost *host,
                    const BerthPlaceVerdict *verdict)
{
    switch (verdict->reason) {
    case BERTH_PLACE_FITS:
        return g_strdup_printf("host \"%s\" can take it%s", host->name,
                               host->has_template ? " and has its RAM template" : "");
    case BERTH_PLACE_OTHER_HOST:
        return g_strdup_printf("host \"%s\" is not the one that was asked for", host->name);
    case BERTH_PLACE_NOT_UP:
        return g_strdup_printf("host \"%s\" is %s", host->name,
                               berth_fsm_state_name(&berth_host_fsm, (int)host->state));
    case BERTH_PLACE_DEGRADED:
        return g_strdup_printf("host \"%s\" is degraded: %s", host->name,
                               host->detail != NULL ? host->detail : "");
    case BERTH_PLACE_MAINTENANCE:
        return g_strdup_printf("host \"%s\" is in maintenance", host->name);
    case BERTH_PLACE_DRAIN:
        return g_strdup_printf("host \"%s\" is being drained", host->name);
    case BERTH_PLACE_LABELS:
        return explain_labels(need, host);
    case BERTH_PLACE_NO_VERSION:
        return g_strdup("no version of the image has the tag of the pool yet: import or seal one, "
                        "then publish it");
    case BERTH_PLACE_NO_IMAGE:
        return explain_image(need, host);
    case BERTH_PLACE_BREAKER:
        return berth_breaker_explain(&host->breaker, host->name, need->now_us);
    case BERTH_PLACE_NO_MEMORY:
    case BERTH_PLACE_NO_VCPUS:
        return explain_room(need, host, verdict->reason == BERTH_PLACE_NO_MEMORY);
    case BERTH_N_PLACE_REASONS:
        break;
    }
    return g_strdup("?");
}
