/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What logging in needs in this process: the pepper, the rules, the throttle, the threads.
 *
 * Thread: main; pepper, rules and cost may be used by any while the object lives.
 */
#pragma once

#include "base/config.h"
#include "base/worker-pool.h"
#include "broker/auth/pam-client.h"
#include "broker/auth/password-rules.h"
#include "broker/auth/password.h"
#include "broker/auth/provider.h"
#include "broker/auth/throttle.h"
#include "broker/store/store.h"

typedef struct {
    BerthPepper *pepper;
    BerthPasswordRules *rules;
    BerthPasswordCost cost;
    char *dummy_hash; /* verified when there is no such user, so that it takes as long */
    BerthThrottle *throttle;
    BerthWorkerPool *hash_workers;   /* argon2id, and nothing that waits for somebody else */
    BerthWorkerPool *source_workers; /* what asks directories, PAM and providers */
    BerthProviderCache *providers;
    BerthPamHelper pam;
    char *site_name; /* what authenticator apps call us */
} BerthPeople;

/* Groups "auth" and, of "limits", what begins with "hash" and "source_threads". */
#define BERTH_PEOPLE_CONFIG_ROWS                                                          \
    { "auth",                                                                             \
      "pepper_file",                                                                      \
      BERTH_CONFIG_PATH,                                                                  \
      0,                                                                                  \
      0,                                                                                  \
      "",                                                                                 \
      "key mixed into every password; all brokers of a site have the same one (default: " \
      "pepper.key in state_dir, made at the first start)" },                              \
        { "auth",                                                                         \
          "password_min",                                                                 \
          BERTH_CONFIG_INT,                                                               \
          BERTH_PASSWORD_LEAST_CHARS,                                                     \
          128,                                                                            \
          "12",                                                                           \
          "characters that a new password needs" },                                       \
        { "auth",                                                                         \
          "password_blocklist",                                                           \
          BERTH_CONFIG_PATH,                                                              \
          0,                                                                              \
          0,                                                                              \
          "",                                                                             \
          "file of passwords that are refused, one a line" },                             \
        { "auth",                                                                         \
          "site_name",                                                                    \
          BERTH_CONFIG_STRING,                                                            \
          1,                                                                              \
          64,                                                                             \
          "Berth",                                                                        \
          "name of the site in authenticator apps" },                                     \
        { "auth",                                                                         \
          "pam_socket",                                                                   \
          BERTH_CONFIG_PATH,                                                              \
          0,                                                                              \
          0,                                                                              \
          "",                                                                             \
          "socket of berth-auth-helper, for sources of the kind pam" },                   \
        { "auth",                                                                         \
          "pam_helper",                                                                   \
          BERTH_CONFIG_PATH,                                                              \
          0,                                                                              \
          0,                                                                              \
          "",                                                                             \
          "program that is started for each question, if pam_socket is not set" },        \
        { "auth",                                                                         \
          "pam_confdir",                                                                  \
          BERTH_CONFIG_PATH,                                                              \
          0,                                                                              \
          0,                                                                              \
          "",                                                                             \
          "folder of PAM service files for pam_helper, instead of the system's" },        \
        { "limits",                                                                       \
          "hash_threads",                                                                 \
          BERTH_CONFIG_INT,                                                               \
          1,                                                                              \
          64,                                                                             \
          "2",                                                                            \
          "passwords that are checked at once" },                                         \
        { "limits",                                                                       \
          "hash_queue",                                                                   \
          BERTH_CONFIG_INT,                                                               \
          1,                                                                              \
          4096,                                                                           \
          "256",                                                                          \
          "logins that may wait for their check; more are told to come back" },           \
        { "limits",                                                                       \
          "hash_memory_kib",                                                              \
          BERTH_CONFIG_INT,                                                               \
          8,                                                                              \
          1024 * 1024,                                                                    \
          "19456",                                                                        \
          "memory of one password check; less is weaker" },                               \
        { "limits",                                                                       \
          "source_threads",                                                               \
          BERTH_CONFIG_INT,                                                               \
          1,                                                                              \
          64,                                                                             \
          "8",                                                                            \
          "directories, PAM and providers that are asked at once" },

/*
 * Opens the pepper (made at a site's first start) and reads the rules.
 *
 * Errors: BERTH_ERR_CONFIG if the store's passwords were made with another pepper, those of the
 * files and of the store.  Returns NULL on error.
 */
BerthPeople *berth_people_new(BerthStore *store, const BerthConfig *config, GError **error);

/* Starts the threads. */
void berth_people_start(BerthPeople *people, const BerthConfig *config);

/* Ends the threads; every done function was called then.  NULL is allowed. */
void berth_people_stop(BerthPeople *people);

/* Wipes and frees; NULL is allowed. */
void berth_people_free(BerthPeople *people);
