/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/store/postgresql-url.h"

#include "base/error.h"

#include <libpq-fe.h>
#include <string.h>

#define DEFAULT_SOCKET_DIR "/var/run/postgresql"
#define SCHEME "postgresql:"
#define MAX_PARAMS 64

/* What we say unless the url does: lost servers are noticed, standby servers are passed over. */
static const struct {
    const char *keyword;
    const char *value;
} defaults[] = {
    { "application_name", "berth-broker" },   { "connect_timeout", "2" },
    { "target_session_attrs", "read-write" }, { "keepalives_idle", "5" },
    { "keepalives_interval", "2" },           { "keepalives_count", "3" },
    { "tcp_user_timeout", "10000" },
};

static const char *
find(const PQconninfoOption *options, const char *keyword)
{
    for (const PQconninfoOption *option = options; option->keyword != NULL; option++) {
        if (strcmp(option->keyword, keyword) == 0) {
            return option->val;
        }
    }
    return NULL;
}

static bool
is_local(const char *hosts)
{
    g_auto(GStrv) parts = g_strsplit(hosts, ",", -1);
    for (char **part = parts; *part != NULL; part++) {
        if ((*part)[0] != '/' && (*part)[0] != '@') {
            return false;
        }
    }
    return true;
}

static bool
check_secrets(const PQconninfoOption *options, GError **error)
{
    if (find(options, "password") != NULL || find(options, "sslpassword") != NULL) {
        return berth_set_error(error, BERTH_ERR_CONFIG,
                               "the url of the store holds a password: write it to a file that "
                               "only the broker can read and name it with passfile=");
    }
    return true;
}

/* Sets *ret_sslmode to what has to be used. */
static bool
check_tls(const PQconninfoOption *options, const char *host, const char **ret_sslmode,
          GError **error)
{
    const char *sslmode = find(options, "sslmode");
    bool is_network = !is_local(host) || find(options, "hostaddr") != NULL;
    if (!is_network) {
        *ret_sslmode = "disable";
        return true;
    }
    *ret_sslmode = sslmode != NULL ? sslmode : "verify-full";
    if (strcmp(*ret_sslmode, "verify-full") != 0 && strcmp(*ret_sslmode, "verify-ca") != 0) {
        return berth_set_error(error, BERTH_ERR_CONFIG,
                               "sslmode=%s would not check the server of the store: use "
                               "sslmode=verify-full with sslrootcert=FILE, or a local socket",
                               sslmode);
    }
    return true;
}

static void
put(BerthPostgresqlParams *params, int *n, const char *keyword, const char *value)
{
    params->keywords[*n] = keyword;
    params->values[*n] = g_strdup(value);
    *n += 1;
}

static const char *
keyword_of(const char *keyword)
{
    return g_intern_string(keyword);
}

static void
fill(BerthPostgresqlParams *params, const PQconninfoOption *options, const char *host,
     const char *sslmode)
{
    int n = 0;
    params->keywords = g_new0(const char *, MAX_PARAMS + 1);
    params->values = g_new0(char *, MAX_PARAMS + 1);
    put(params, &n, "host", host);
    put(params, &n, "sslmode", sslmode);
    for (size_t i = 0; i < G_N_ELEMENTS(defaults); i++) {
        if (find(options, defaults[i].keyword) == NULL) {
            put(params, &n, defaults[i].keyword, defaults[i].value);
        }
    }
    for (const PQconninfoOption *option = options; option->keyword != NULL && n < MAX_PARAMS;
         option++) {
        bool is_ours =
            strcmp(option->keyword, "host") == 0 || strcmp(option->keyword, "sslmode") == 0;
        if (option->val != NULL && !is_ours) {
            put(params, &n, keyword_of(option->keyword), option->val);
        }
    }
}

bool
berth_postgresql_url_parse(const char *url, BerthPostgresqlParams *ret, GError **error)
{
    char *reason = NULL;
    const char *sslmode = NULL;
    bool is_url = g_str_has_prefix(url, SCHEME "//");
    const char *text = !is_url && g_str_has_prefix(url, SCHEME) ? url + strlen(SCHEME) : url;
    PQconninfoOption *options = PQconninfoParse(text, &reason);
    if (options == NULL) {
        /* The reason may quote a password; it is not passed on. */
        PQfreemem(reason);
        return berth_set_error(
            error, BERTH_ERR_CONFIG,
            "the url of the store is not understood: write "
            "\"postgresql://HOST/NAME\" or \"postgresql:host=HOST dbname=NAME\"");
    }
    const char *host = find(options, "host");
    host = host != NULL && host[0] != '\0' ? host : DEFAULT_SOCKET_DIR;
    bool is_good = check_secrets(options, error) && check_tls(options, host, &sslmode, error);
    if (is_good) {
        *ret = (BerthPostgresqlParams){ 0 };
        fill(ret, options, host, sslmode);
    }
    PQconninfoFree(options);
    return is_good;
}

void
berth_postgresql_params_clear(BerthPostgresqlParams *params)
{
    g_free(params->keywords);
    g_strfreev(params->values);
    *params = (BerthPostgresqlParams){ 0 };
}
