/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/people.h"

#include "base/error.h"
#include "base/log.h"
#include "berth/limits.h"
#include "broker/auth/token.h"

#include <unistd.h>

#define META_PEPPER "pepper"
#define PAM_TIMEOUT_S 20
/* Logins that may wait for a source that is slow. */
#define SOURCE_QUEUE 256

typedef struct {
    const BerthPepper *pepper;
    bool is_known;   /* the store was used with some pepper before */
    bool is_strange; /* and with none of ours */
} PepperCheck;

static int
read_pepper_id(BerthTx *tx, void *data)
{
    PepperCheck *check = data;
    g_autofree char *id = NULL;
    check->is_known = false;
    check->is_strange = false;
    int error = berth_tx_get_text(tx, &id, BERTH_SQL_META_GET, "s", META_PEPPER);
    if (error == BERTH_OK) {
        check->is_known = true;
        check->is_strange = check->pepper != NULL && !berth_pepper_has_id(check->pepper, id);
    }
    return error == BERTH_ERR_NOT_FOUND ? BERTH_OK : error;
}

static int
write_pepper_id(BerthTx *tx, void *data)
{
    PepperCheck *check = data;
    int error = read_pepper_id(tx, data);
    if (error == BERTH_OK && !check->is_strange) {
        error = berth_tx_run(tx, BERTH_SQL_META_SET, "ss", META_PEPPER,
                             berth_pepper_get_id(check->pepper));
    }
    return error;
}

/* Passwords of a store that lost its pepper could never be checked: better not to start. */
static bool
open_pepper(BerthPeople *people, BerthStore *store, const char *path, GError **error)
{
    PepperCheck check = { 0 };
    int code = berth_store_read(store, read_pepper_id, &check);
    if (code == BERTH_OK && access(path, F_OK) != 0) {
        if (check.is_known) {
            return berth_set_error(error, BERTH_ERR_CONFIG,
                                   "\"%s\" is not there, and the passwords of this site were made "
                                   "with it; copy it from a backup or from another broker",
                                   path);
        }
        if (!berth_pepper_create(path, error)) {
            return false;
        }
        berth_log_info("auth", "made the pepper \"%s\"; back it up apart from the store", path);
    }
    people->pepper = berth_pepper_load(path, error);
    if (people->pepper == NULL) {
        return false;
    }
    check.pepper = people->pepper;
    code = code == BERTH_OK ? berth_store_write(store, write_pepper_id, &check) : code;
    if (code != BERTH_OK) {
        return berth_set_error(error, code, "the pepper's id: %s", berth_error_sentence(code));
    }
    return !check.is_strange ||
           berth_set_error(error, BERTH_ERR_CONFIG,
                           "\"%s\" is not the pepper of this site; take the one of its first "
                           "broker, or put it on the second line to replace it",
                           path);
}

static bool
prepare_hashing(BerthPeople *people, const BerthConfig *config, GError **error)
{
    char token[BERTH_TOKEN_CHARS + 1];
    people->cost = berth_password_cost_default;
    people->cost.memory_kib = (uint32_t)berth_config_get_int(config, "limits", "hash_memory_kib");
    if (people->cost.memory_kib < berth_password_cost_default.memory_kib) {
        berth_log_warning("auth", "hash_memory_kib = %u is weaker than the default of %u",
                          people->cost.memory_kib, berth_password_cost_default.memory_kib);
    }
    berth_token_new(token);
    people->dummy_hash = berth_password_hash(people->pepper, token, &people->cost);
    return people->dummy_hash != NULL ||
           berth_set_error(error, BERTH_ERR_NO_MEMORY, "no memory to hash passwords with");
}

/* Strings of the configuration, which ends before this does, are copied. */
static void
prepare_sources(BerthPeople *people, const BerthConfig *config)
{
    people->site_name = g_strdup(berth_config_get_string(config, "auth", "site_name"));
    people->pam = (BerthPamHelper){
        .socket_path = g_strdup(berth_config_get_string(config, "auth", "pam_socket")),
        .program = g_strdup(berth_config_get_string(config, "auth", "pam_helper")),
        .confdir = g_strdup(berth_config_get_string(config, "auth", "pam_confdir")),
        .timeout_s = PAM_TIMEOUT_S
    };
    people->providers = berth_provider_cache_new();
}

BerthPeople *
berth_people_new(BerthStore *store, const BerthConfig *config, GError **error)
{
    BerthPeople *people = g_new0(BerthPeople, 1);
    const char *named = berth_config_get_string(config, "auth", "pepper_file");
    g_autofree char *path =
        named[0] != '\0' ? g_strdup(named)
                         : g_build_filename(berth_config_get_string(config, "broker", "state_dir"),
                                            "pepper.key", NULL);
    people->throttle = berth_throttle_new(BERTH_LIMIT_THROTTLE_KEYS);
    prepare_sources(people, config);
    people->rules = berth_password_rules_new(
        (int)berth_config_get_int(config, "auth", "password_min"),
        berth_config_get_string(config, "auth", "password_blocklist"), error);
    if (people->rules == NULL || !open_pepper(people, store, path, error) ||
        !prepare_hashing(people, config, error)) {
        berth_people_free(people);
        return NULL;
    }
    return people;
}

void
berth_people_start(BerthPeople *people, const BerthConfig *config)
{
    people->hash_workers =
        berth_worker_pool_new(NULL, (int)berth_config_get_int(config, "limits", "hash_threads"),
                              (int)berth_config_get_int(config, "limits", "hash_queue"));
    people->source_workers = berth_worker_pool_new(
        NULL, (int)berth_config_get_int(config, "limits", "source_threads"), SOURCE_QUEUE);
}

void
berth_people_stop(BerthPeople *people)
{
    if (people == NULL) {
        return;
    }
    /* The first gives work to the second. */
    g_clear_pointer(&people->hash_workers, berth_worker_pool_free);
    g_clear_pointer(&people->source_workers, berth_worker_pool_free);
}

void
berth_people_free(BerthPeople *people)
{
    if (people == NULL) {
        return;
    }
    berth_people_stop(people);
    berth_throttle_free(people->throttle);
    berth_password_rules_free(people->rules);
    berth_pepper_free(people->pepper);
    berth_provider_cache_free(people->providers);
    g_free((char *)people->pam.socket_path);
    g_free((char *)people->pam.program);
    g_free((char *)people->pam.confdir);
    g_free(people->site_name);
    g_free(people->dummy_hash);
    g_free(people);
}
