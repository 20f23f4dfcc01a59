/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a provider says of itself is kept for an hour; its keys are asked for again at once, but at
 * most once a minute, when a token names a key that is not among them: providers change keys.
 */
#include "broker/auth/provider.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/secret.h"
#include "berth/limits.h"
#include "broker/auth/jwt.h"
#include "broker/auth/provider-http.h"
#include "broker/auth/text-settings.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define SECOND_US (1000LL * 1000)
#define KEEP_US (3600 * SECOND_US)
#define KEYS_AGAIN_US (60 * SECOND_US)
#define MAX_TIMEOUT_S 30
#define DEFAULT_TIMEOUT_S 5
#define MAX_REDIRECTS 16
#define DISCOVERY "/.well-known/openid-configuration"

struct BerthProvider {
    char *issuer;
    char *client_id;
    char *client_secret_file;
    char *ca_file;
    char *scopes;
    char *name_claim;
    char *display_name_claim;
    char *groups_claim;
    GPtrArray *redirect_uris;
    bool wants_second_factor;
    int timeout_s;
};

static const BerthTextSetting texts[] = {
    { "issuer", offsetof(BerthProvider, issuer), "" },
    { "client_id", offsetof(BerthProvider, client_id), "" },
    { "client_secret_file", offsetof(BerthProvider, client_secret_file), "" },
    { "ca_file", offsetof(BerthProvider, ca_file), "" },
    { "scopes", offsetof(BerthProvider, scopes), "openid profile" },
    { "name_claim", offsetof(BerthProvider, name_claim), "preferred_username" },
    { "display_name_claim", offsetof(BerthProvider, display_name_claim), "name" },
    { "groups_claim", offsetof(BerthProvider, groups_claim), "groups" },
};

/* What one provider said of itself. */
typedef struct {
    char *authorize_url;
    char *token_url;
    char *keys_url;
    json_t *keys;
    int64_t at_us;
    int64_t keys_at_us;
} Entry;

struct BerthProviderCache {
    GMutex lock;
    GHashTable *entries; /* issuer -> Entry */
};

static void
entry_free(gpointer data)
{
    Entry *entry = data;
    if (entry != NULL) {
        g_free(entry->authorize_url);
        g_free(entry->token_url);
        g_free(entry->keys_url);
        json_decref(entry->keys);
        g_free(entry);
    }
}

BerthProviderCache *
berth_provider_cache_new(void)
{
    BerthProviderCache *cache = g_new0(BerthProviderCache, 1);
    g_mutex_init(&cache->lock);
    cache->entries = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, entry_free);
    return cache;
}

void
berth_provider_cache_free(BerthProviderCache *cache)
{
    if (cache != NULL) {
        g_hash_table_unref(cache->entries);
        g_mutex_clear(&cache->lock);
        g_free(cache);
    }
}

static bool
set_redirects(BerthProvider *provider, const json_t *value, GError **error)
{
    size_t i = 0;
    json_t *item = NULL;
    if (!json_is_array(value) || json_array_size(value) > MAX_REDIRECTS) {
        return berth_set_error(error, BERTH_ERR_INVALID, "\"redirect_uris\" has at most %d texts",
                               MAX_REDIRECTS);
    }
    json_array_foreach ((json_t *)value, i, item) {
        const char *uri = json_string_value(item);
        if (uri == NULL || !g_str_has_prefix(uri, "https://")) {
            return berth_set_error(error, BERTH_ERR_INVALID,
                                   "\"redirect_uris\" has https:// addresses only");
        }
        g_ptr_array_add(provider->redirect_uris, g_strdup(uri));
    }
    return true;
}

static bool
set_one(BerthProvider *provider, const char *key, const json_t *value, GError **error)
{
    if (strcmp(key, "redirect_uris") == 0) {
        return set_redirects(provider, value, error);
    }
    if (strcmp(key, "second_factor") == 0) {
        provider->wants_second_factor = json_is_true(value);
        return json_is_boolean(value) ||
               berth_set_error(error, BERTH_ERR_INVALID, "\"second_factor\" is true or false");
    }
    if (strcmp(key, "timeout_s") == 0) {
        provider->timeout_s = (int)CLAMP(json_integer_value(value), 0, MAX_TIMEOUT_S + 1);
        return (provider->timeout_s >= 1 && provider->timeout_s <= MAX_TIMEOUT_S) ||
               berth_set_error(error, BERTH_ERR_INVALID, "\"timeout_s\" is 1 to %d", MAX_TIMEOUT_S);
    }
    return berth_text_settings_set(texts, G_N_ELEMENTS(texts), provider, "a provider", key, value,
                                   error);
}

BerthProvider *
berth_provider_new(const json_t *settings, GError **error)
{
    g_autoptr(BerthProvider) provider = g_new0(BerthProvider, 1);
    const char *key = NULL;
    json_t *value = NULL;
    provider->redirect_uris = g_ptr_array_new_with_free_func(g_free);
    provider->timeout_s = DEFAULT_TIMEOUT_S;
    berth_text_settings_init(texts, G_N_ELEMENTS(texts), provider);
    json_object_foreach ((json_t *)settings, key, value) {
        if (!set_one(provider, key, value, error)) {
            return NULL;
        }
    }
    if (!g_str_has_prefix(provider->issuer, "https://") || provider->client_id[0] == '\0') {
        berth_set_error(error, BERTH_ERR_INVALID,
                        "\"issuer\", an https:// address, and \"client_id\" are needed");
        return NULL;
    }
    return g_steal_pointer(&provider);
}

void
berth_provider_free(BerthProvider *provider)
{
    if (provider != NULL) {
        berth_text_settings_clear(texts, G_N_ELEMENTS(texts), provider);
        g_ptr_array_unref(provider->redirect_uris);
        g_free(provider);
    }
}

bool
berth_provider_wants_second_factor(const BerthProvider *provider)
{
    return provider->wants_second_factor;
}

/* "http://127.0.0.1:PORT/..." or "http://[::1]:PORT/...": no name that could be somewhere else. */
static bool
is_loopback(const char *uri)
{
    static const char *const beginnings[] = { "http://127.0.0.1:", "http://[::1]:" };
    for (size_t i = 0; i < G_N_ELEMENTS(beginnings); i++) {
        if (g_str_has_prefix(uri, beginnings[i])) {
            const char *port = uri + strlen(beginnings[i]);
            size_t n_digits = strspn(port, "0123456789");
            return n_digits >= 1 && n_digits <= 5 &&
                   (port[n_digits] == '\0' || port[n_digits] == '/') &&
                   strpbrk(port, "#@\\ ") == NULL;
        }
    }
    return false;
}

bool
berth_provider_allows_redirect(const BerthProvider *provider, const char *uri)
{
    for (guint i = 0; i < provider->redirect_uris->len; i++) {
        if (strcmp(g_ptr_array_index(provider->redirect_uris, i), uri) == 0) {
            return true;
        }
    }
    return is_loopback(uri);
}

static json_t *
get_json(const BerthProvider *provider, const char *url, GError **error)
{
    long status = 0;
    const BerthProviderRequest request = { .url = url,
                                           .ca_file = provider->ca_file,
                                           .timeout_s = provider->timeout_s };
    json_t *json = berth_provider_ask(&request, &status, error);
    if (json != NULL && status != 200) {
        json_decref(json);
        json = NULL;
        berth_set_error(error, BERTH_ERR_SOURCE_DOWN, "%s: status %ld", url, status);
    }
    return json;
}

static bool
take_url(const json_t *json, const char *key, char **ret, GError **error)
{
    const char *url = json_string_value(json_object_get(json, key));
    if (url == NULL || !g_str_has_prefix(url, "https://")) {
        return berth_set_error(error, BERTH_ERR_UNTRUSTED, "the provider's \"%s\" is no https://",
                               key);
    }
    *ret = g_strdup(url);
    return true;
}

static Entry *
discover(const BerthProvider *provider, GError **error)
{
    Entry *entry = g_new0(Entry, 1);
    bool is_slashed = g_str_has_suffix(provider->issuer, "/");
    g_autofree char *url = g_strconcat(provider->issuer, DISCOVERY + (is_slashed ? 1 : 0), NULL);
    json_auto_t *json = get_json(provider, url, error);
    bool is_good = json != NULL;
    if (is_good &&
        g_strcmp0(json_string_value(json_object_get(json, "issuer")), provider->issuer) != 0) {
        is_good =
            berth_set_error(error, BERTH_ERR_UNTRUSTED, "the provider calls itself another issuer");
    }
    is_good = is_good && take_url(json, "authorization_endpoint", &entry->authorize_url, error) &&
              take_url(json, "token_endpoint", &entry->token_url, error) &&
              take_url(json, "jwks_uri", &entry->keys_url, error);
    entry->keys = is_good ? get_json(provider, entry->keys_url, error) : NULL;
    if (entry->keys == NULL) {
        entry_free(entry);
        return NULL;
    }
    entry->at_us = berth_monotonic_us();
    entry->keys_at_us = entry->at_us;
    return entry;
}

static Entry *
copy_entry(const Entry *entry)
{
    Entry *copy = g_new0(Entry, 1);
    *copy = *entry;
    copy->authorize_url = g_strdup(entry->authorize_url);
    copy->token_url = g_strdup(entry->token_url);
    copy->keys_url = g_strdup(entry->keys_url);
    copy->keys = json_deep_copy(entry->keys);
    return copy;
}

static void
keep_entry(BerthProviderCache *cache, const BerthProvider *provider, const Entry *entry)
{
    g_mutex_lock(&cache->lock);
    g_hash_table_replace(cache->entries, g_strdup(provider->issuer), copy_entry(entry));
    g_mutex_unlock(&cache->lock);
}

/* A copy of what is known of a provider, asked for if it is old; the lock is not held meanwhile. */
static Entry *
lookup(const BerthProvider *provider, BerthProviderCache *cache, GError **error)
{
    g_mutex_lock(&cache->lock);
    const Entry *kept = g_hash_table_lookup(cache->entries, provider->issuer);
    bool is_fresh = kept != NULL && berth_monotonic_us() - kept->at_us < KEEP_US;
    Entry *copy = is_fresh ? copy_entry(kept) : NULL;
    g_mutex_unlock(&cache->lock);
    if (copy == NULL) {
        copy = discover(provider, error);
        if (copy != NULL) {
            keep_entry(cache, provider, copy);
        }
    }
    return copy;
}

static void
add_parameter(GString *text, const char *key, const char *value)
{
    g_autofree char *escaped = g_uri_escape_string(value, NULL, FALSE);
    g_string_append_printf(text, "%s%s=%s", text->len > 0 ? "&" : "", key, escaped);
}

/* BASE64URL(SHA-256(verifier)), without padding. */
static char *
dup_challenge(const char *verifier)
{
    uint8_t digest[32];
    gsize n = sizeof digest;
    GChecksum *checksum = g_checksum_new(G_CHECKSUM_SHA256);
    g_checksum_update(checksum, (const guchar *)verifier, (gssize)strlen(verifier));
    g_checksum_get_digest(checksum, digest, &n);
    g_checksum_free(checksum);
    char *text = g_base64_encode(digest, n);
    g_strdelimit(text, "+", '-');
    g_strdelimit(text, "/", '_');
    text[strcspn(text, "=")] = '\0';
    return text;
}

char *
berth_provider_dup_start_url(const BerthProvider *provider, BerthProviderCache *cache,
                             const BerthProviderFlow *flow, GError **error)
{
    Entry *entry = lookup(provider, cache, error);
    if (entry == NULL) {
        return NULL;
    }
    g_autoptr(GString) query = g_string_new(NULL);
    g_autofree char *challenge = dup_challenge(flow->verifier);
    add_parameter(query, "response_type", "code");
    add_parameter(query, "client_id", provider->client_id);
    add_parameter(query, "redirect_uri", flow->redirect_uri);
    add_parameter(query, "scope", provider->scopes);
    add_parameter(query, "state", flow->state);
    add_parameter(query, "nonce", flow->nonce);
    add_parameter(query, "code_challenge", challenge);
    add_parameter(query, "code_challenge_method", "S256");
    bool has_query = strchr(entry->authorize_url, '?') != NULL;
    char *url = g_strconcat(entry->authorize_url, has_query ? "&" : "?", query->str, NULL);
    entry_free(entry);
    return url;
}

static bool
read_secret(const BerthProvider *provider, BerthSecret **ret, GError **error)
{
    if (provider->client_secret_file[0] == '\0') {
        return true;
    }
    g_autoptr(GError) why = NULL;
    berth_autofd int fd = open(provider->client_secret_file, O_RDONLY | O_CLOEXEC);
    *ret = fd >= 0 ? berth_secret_read_fd(fd, BERTH_LIMIT_PASSWORD_BYTES, &why) : NULL;
    return *ret != NULL || berth_set_error(error, BERTH_ERR_SOURCE_DOWN, "\"%s\" cannot be read",
                                           provider->client_secret_file);
}

/* Swaps the code for an ID token; g_free(). */
static char *
redeem(const BerthProvider *provider, const Entry *entry, const BerthProviderFlow *flow,
       const char *code, GError **error)
{
    long status = 0;
    g_autoptr(BerthSecret) secret = NULL;
    g_autoptr(GString) form = g_string_new(NULL);
    if (!read_secret(provider, &secret, error)) {
        return NULL;
    }
    add_parameter(form, "grant_type", "authorization_code");
    add_parameter(form, "code", code);
    add_parameter(form, "redirect_uri", flow->redirect_uri);
    add_parameter(form, "code_verifier", flow->verifier);
    add_parameter(form, "client_id", provider->client_id);
    const BerthProviderRequest request = {
        .url = entry->token_url,
        .ca_file = provider->ca_file,
        .form = form->str,
        .user = secret != NULL ? provider->client_id : NULL,
        .password = secret != NULL ? (const char *)berth_secret_bytes(secret) : NULL,
        .timeout_s = provider->timeout_s,
    };
    json_auto_t *json = berth_provider_ask(&request, &status, error);
    if (json == NULL) {
        return NULL;
    }
    const char *token = json_string_value(json_object_get(json, "id_token"));
    if (status != 200 || token == NULL) {
        bool is_ours = status >= 400 && status < 500;
        berth_set_error(error, is_ours ? BERTH_ERR_BAD_CREDENTIALS : BERTH_ERR_SOURCE_DOWN,
                        "the provider does not take the code: status %ld", status);
        return NULL;
    }
    return g_strdup(token);
}

static json_t *
open_with(const char *token, const Entry *entry, GError **error)
{
    g_autoptr(BerthKeySet) keys = berth_key_set_new(entry->keys, error);
    return keys != NULL ? berth_jwt_open(token, keys, error) : NULL;
}

static json_t *
open_token(const BerthProvider *provider, BerthProviderCache *cache, Entry *entry,
           const char *token, GError **error)
{
    g_autoptr(GError) why = NULL;
    json_t *claims = open_with(token, entry, &why);
    bool is_old = berth_monotonic_us() - entry->keys_at_us >= KEYS_AGAIN_US;
    if (claims == NULL && why->code == BERTH_ERR_NOT_FOUND && is_old) {
        json_t *keys = get_json(provider, entry->keys_url, error);
        if (keys == NULL) {
            return NULL;
        }
        json_decref(entry->keys);
        entry->keys = keys;
        entry->keys_at_us = berth_monotonic_us();
        keep_entry(cache, provider, entry);
        g_clear_error(&why);
        claims = open_with(token, entry, &why);
    }
    if (claims == NULL) {
        berth_set_error(error, BERTH_ERR_UNTRUSTED, "%s", why->message);
    }
    return claims;
}

static BerthIdentity *
take_claims(const BerthProvider *provider, const json_t *claims, GError **error)
{
    g_autoptr(BerthIdentity) identity = berth_identity_new();
    const json_t *groups = json_object_get(claims, provider->groups_claim);
    size_t i = 0;
    json_t *group = NULL;
    identity->external_id = g_strdup(json_string_value(json_object_get(claims, "sub")));
    identity->name = g_strdup(json_string_value(json_object_get(claims, provider->name_claim)));
    identity->display_name =
        g_strdup(json_string_value(json_object_get(claims, provider->display_name_claim)));
    identity->has_groups = json_is_array(groups);
    json_array_foreach ((json_t *)groups, i, group) {
        const char *name = json_string_value(group);
        if (name != NULL) {
            berth_identity_add_group(identity, name, name);
        }
    }
    return berth_identity_check(identity, error) ? g_steal_pointer(&identity) : NULL;
}

BerthIdentity *
berth_provider_finish(const BerthProvider *provider, BerthProviderCache *cache,
                      const BerthProviderFlow *flow, const char *code, int64_t now_us,
                      GError **error)
{
    const BerthClaimRules rules = { .issuer = provider->issuer,
                                    .audience = provider->client_id,
                                    .nonce = flow->nonce,
                                    .now_us = now_us };
    Entry *entry = lookup(provider, cache, error);
    g_autofree char *token = entry != NULL ? redeem(provider, entry, flow, code, error) : NULL;
    json_auto_t *claims = token != NULL ? open_token(provider, cache, entry, token, error) : NULL;
    entry_free(entry);
    if (claims == NULL || !berth_claims_check(claims, &rules, error)) {
        return NULL;
    }
    return take_claims(provider, claims, error);
}
