/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Versions on their way from one host's store to another's, with everything that must be refused
 * before its first use.
 */
#include "host-agent/images/image-store.h"

#include "authority.h"
#include "base/cleanup.h"
#include "base/depot/chunk-maker.h"
#include "base/depot/version-manifest.h"
#include "base/id.h"
#include "display/transport/ticket.h"
#include "testing.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define HOST_SAN "URI:berth:host:0123456789abcdef0123456789abcdef"
#define CHUNK ((uint64_t)BERTH_CHUNK_BYTES)
#define FILE_BYTES (2 * CHUNK + 5000)
#define MINUTE_US (60LL * 1000 * 1000)

typedef struct {
    char *base;
    Authority site;
    BerthSigningKey *key;
    BerthFakeClock monotonic, wall;
    BerthClock clock, wall_clock;
    BerthImageStore *near, *far;
    char *used; /* name of a file that a machine stands on, NULL: none */
    BerthId image, ids[4];
    BerthDigest roots[4];
    int n_changes;
} Fixture;

/* ---- fixture ---- */

static void
on_changed(void *user_data)
{
    ((Fixture *)user_data)->n_changes++;
}

static void
add_used(GHashTable *names, void *user_data)
{
    const Fixture *self = user_data;
    if (self->used != NULL) {
        g_hash_table_add(names, g_strdup(self->used));
    }
}

static BerthImageStore *
open_store(Fixture *self, const char *name)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *folder = g_build_filename(self->base, name, NULL);
    BerthImageStoreConfig config = {
        .folder = folder,
        .cert_file = self->site.cert,
        .key_file = self->site.key,
        .ca_file = self->site.ca,
        .broker_name = "broker",
        .clock = &self->clock,
        .wall = &self->wall_clock,
        .on_changed = on_changed,
        .add_used = add_used,
        .user_data = self,
    };
    assert_berth_ok(berth_address_parse("127.0.0.1:0", &config.listen));
    BerthImageStore *store = berth_image_store_new(&config, &error);
    assert_null(error);
    return store;
}

static void
set_key_of(BerthImageStore *store, const BerthSigningKey *key)
{
    char hex[BERTH_TICKET_KEY_HEX_CHARS + 1];
    BerthTicketKey public_key;
    berth_signing_key_get_public(key, &public_key);
    berth_ticket_key_format(&public_key, hex);
    json_t *keys = json_pack("[s]", hex);
    berth_image_store_set_keys(store, keys);
    json_decref(keys);
}

static void
remove_all(const char *path)
{
    const char *name;
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
        g_autofree char *child = g_build_filename(path, name, NULL);
        if (g_file_test(child, G_FILE_TEST_IS_DIR)) {
            remove_all(child);
        }
        g_remove(child);
    }
}

/* Puts the file of version n into a store, as a seal does. */
static void
make_file(Fixture *self, BerthImageStore *store, int n)
{
    g_autofree uint8_t *bytes = g_malloc(CHUNK);
    BerthStoreFolder *folder = berth_image_store_get_folder(store, NULL);
    assert_non_null(folder);
    g_autofree char *path = berth_store_folder_tmp_file(folder, "new");
    berth_autofd int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(ftruncate(fd, (off_t)FILE_BYTES), 0);
    memset(bytes, 'x', CHUNK);
    assert_int_equal(pwrite(fd, bytes, CHUNK, 0), CHUNK);
    memset(bytes, 'a' + n, CHUNK);
    assert_int_equal(pwrite(fd, bytes, 5000, (off_t)(2 * CHUNK)), 5000);
    g_autoptr(BerthChunkList) list = berth_chunk_list_make(fd, NULL, NULL);
    assert_true(berth_store_folder_take(folder, path, list, NULL));
    berth_chunk_list_root(list, &self->roots[n]);
}

static int
setup(void **state)
{
    Fixture *self = g_new0(Fixture, 1);
    self->base = g_dir_make_tmp("berth-images-XXXXXX", NULL);
    self->clock = berth_fake_clock(&self->monotonic);
    self->wall_clock = berth_fake_clock(&self->wall);
    self->monotonic.now_us = 100 * MINUTE_US;
    self->wall.now_us = berth_wall_us();
    self->key = berth_signing_key_generate(NULL);
    authority_init(&self->site, HOST_SAN);
    self->near = open_store(self, "near");
    self->far = open_store(self, "far");
    set_key_of(self->near, self->key);
    set_key_of(self->far, self->key);
    berth_id_random(&self->image);
    for (int n = 1; n < 4; n++) {
        berth_id_random(&self->ids[n]);
        make_file(self, self->far, n);
    }
    *state = self;
    return 0;
}

static int
teardown(void **state)
{
    Fixture *self = *state;
    berth_image_store_free(self->near);
    berth_image_store_free(self->far);
    berth_signing_key_free(self->key);
    authority_clear(&self->site);
    remove_all(self->base);
    g_rmdir(self->base);
    g_free(self->used);
    g_free(self->base);
    g_free(self);
    return 0;
}

/* ---- wishes ---- */

/* "images" of a desired state: version id with the manifest of version n, signed by key. */
static json_t *
make_wish(const Fixture *self, const BerthId *id, int n, const BerthSigningKey *key, int memory_mib)
{
    char hex[BERTH_ID_HEX_CHARS + 1], address[BERTH_ADDRESS_CHARS];
    uint8_t signature[BERTH_STATEMENT_SIGNATURE_BYTES];
    char signature_hex[2 * BERTH_STATEMENT_SIGNATURE_BYTES + 1];
    BerthAddress source;
    g_autoptr(GError) error = NULL;
    BerthVersionManifest manifest = {
        .image = self->image,
        .version = self->ids[n],
        .image_name = (char *)"office",
        .number = n,
        .created_us = 1,
        .machine = { .memory_mib = memory_mib, .vcpus = 1, .width = 1280, .height = 800 },
    };
    manifest.files[BERTH_VERSION_DISK] =
        (BerthVersionFile){ .is_present = true, .root = self->roots[n], .size_bytes = FILE_BYTES };
    g_autofree char *text = berth_version_manifest_format(&manifest, &error);
    assert_null(error);
    assert_berth_ok(
        berth_signing_key_sign_text(key, BERTH_VERSION_MANIFEST_CONTEXT, text, signature));
    berth_hex_format(signature, sizeof signature, signature_hex);
    berth_id_format(id, hex);
    berth_image_store_get_address(self->far, &source);
    berth_address_format(&source, address);
    return json_pack("[{s:s,s:o,s:s,s:[s],s:i}]", "version", hex, "manifest",
                     json_loads(text, 0, NULL), "signature", signature_hex, "sources", address,
                     "kbps", 0);
}

static void
want(BerthImageStore *store, json_t *wish)
{
    berth_image_store_want(store, wish, false);
    json_decref(wish);
}

static void
want_version(const Fixture *self, BerthImageStore *store, int n)
{
    want(store, make_wish(self, &self->ids[n], n, self->key, 512));
}

static gboolean
on_hung(gpointer user_data)
{
    fail_msg("nothing happened for a minute");
    return G_SOURCE_REMOVE;
}

/* State of the only version in the report; detail is for g_free(). */
static char *
state_of(BerthImageStore *store, char **ret_detail)
{
    json_t *report = berth_image_store_report(store);
    const json_t *item = json_array_get(report, 0);
    char *state = g_strdup(json_string_value(json_object_get(item, "state")));
    if (ret_detail != NULL) {
        *ret_detail = g_strdup(json_string_value(json_object_get(item, "detail")));
    }
    json_decref(report);
    return state;
}

/* Lets the loop run until the version is neither fetched nor verified. */
static void
settle(BerthImageStore *store, const char *expected, char **ret_detail)
{
    guint guard = g_timeout_add_seconds(60, on_hung, NULL);
    g_autofree char *state = state_of(store, ret_detail);
    while (g_str_has_suffix(state, "ing")) {
        g_main_context_iteration(NULL, TRUE);
        g_free(state);
        if (ret_detail != NULL) {
            g_free(*ret_detail);
        }
        state = state_of(store, ret_detail);
    }
    g_source_remove(guard);
    assert_string_equal(state, expected);
}

static int
find(Fixture *self, BerthImageStore *store, int n, char **ret_detail)
{
    g_autofree char *detail = NULL;
    BerthManifest manifest = { 0 };
    int code = berth_image_store_find(store, &self->ids[n], &manifest, &detail);
    if (ret_detail != NULL) {
        *ret_detail = g_steal_pointer(&detail);
    }
    berth_manifest_clear(&manifest);
    return code;
}

static char *
path_of(const Fixture *self, const char *store, int n)
{
    char hex[BERTH_DIGEST_HEX_CHARS + 1];
    berth_digest_format(&self->roots[n], hex);
    return g_strdup_printf("%s/%s/%s.img", self->base, store, hex);
}

static void
flip(const char *path, off_t offset)
{
    assert_int_equal(chmod(path, 0600), 0);
    berth_autofd int fd = open(path, O_RDWR | O_CLOEXEC);
    assert_int_equal(pwrite(fd, "!", 1, offset), 1);
}

static bool
is_there(const Fixture *self, const char *store, int n)
{
    g_autofree char *path = path_of(self, store, n);
    return access(path, F_OK) == 0;
}

/* The far host has version n and serves it, the near one fetches it. */
static void
replicate(const Fixture *self, int n)
{
    want_version(self, self->far, n);
    settle(self->far, "present", NULL);
    want_version(self, self->near, n);
    settle(self->near, "present", NULL);
}

/* ---- tests ---- */

static void
a_version_comes_from_another_host(void **state)
{
    Fixture *self = *state;
    char hex[BERTH_DIGEST_HEX_CHARS + 1];
    BerthManifest manifest = { 0 };
    char *detail = NULL;
    want_version(self, self->far, 1);
    settle(self->far, "present", NULL);
    want_version(self, self->near, 1);
    assert_berth_error(find(self, self->near, 1, &detail), BERTH_ERR_AGAIN);
    assert_non_null(strstr(detail, "is fetching: 0 of 8 MiB"));
    g_clear_pointer(&detail, g_free);
    settle(self->near, "present", NULL);
    assert_berth_ok(berth_image_store_find(self->near, &self->ids[1], &manifest, &detail));
    berth_digest_format(&self->roots[1], hex);
    assert_int_equal(strncmp(manifest.disk, hex, BERTH_DIGEST_HEX_CHARS), 0);
    assert_string_equal(manifest.format, "raw");
    assert_int_equal(manifest.memory_mib, 512);
    berth_manifest_clear(&manifest);
    assert_berth_error(find(self, self->near, 2, NULL), BERTH_ERR_NOT_FOUND);
}

static void
a_wrong_key_is_refused(void **state)
{
    Fixture *self = *state;
    g_autofree char *detail = NULL;
    g_autoptr(BerthSigningKey) other = berth_signing_key_generate(NULL);
    want(self->near, make_wish(self, &self->ids[1], 1, other, 512));
    settle(self->near, "failed", &detail);
    assert_non_null(strstr(detail, "is not signed by this site's key"));
    assert_berth_error(find(self, self->near, 1, NULL), BERTH_ERR_UNTRUSTED);
    assert_false(is_there(self, "near", 1));
    /* The key that it is signed by becomes one of the site: now it is good. */
    set_key_of(self->near, other);
    settle(self->near, "failed", NULL);
    assert_berth_error(find(self, self->near, 1, NULL), BERTH_ERR_NOT_FOUND);
}

static void
an_older_version_in_place_of_a_newer_one_is_refused(void **state)
{
    Fixture *self = *state;
    replicate(self, 2);
    /* Manifest, signature and file of version 2 as version 3. */
    want(self->near, make_wish(self, &self->ids[3], 2, self->key, 512));
    settle(self->near, "failed", NULL);
    assert_berth_error(find(self, self->near, 3, NULL), BERTH_ERR_REPLAYED);
}

static void
the_older_file_under_the_newer_name_is_refused(void **state)
{
    Fixture *self = *state;
    g_autofree char *detail = NULL;
    g_autofree char *old_file = path_of(self, "far", 2);
    g_autofree char *new_file = path_of(self, "far", 3);
    want_version(self, self->far, 3);
    settle(self->far, "present", NULL);
    assert_int_equal(rename(old_file, new_file), 0);
    want_version(self, self->near, 3);
    settle(self->near, "failed", &detail);
    assert_non_null(strstr(detail, "other bytes than its digest says"));
    assert_berth_error(find(self, self->near, 3, NULL), BERTH_ERR_CORRUPT);
    assert_false(is_there(self, "near", 3));
}

static void
a_version_never_changes(void **state)
{
    Fixture *self = *state;
    g_autofree char *detail = NULL;
    replicate(self, 1);
    want(self->near, make_wish(self, &self->ids[1], 1, self->key, 1024));
    settle(self->near, "failed", &detail);
    assert_non_null(strstr(detail, "another manifest than before"));
    assert_berth_error(find(self, self->near, 1, NULL), BERTH_ERR_UNTRUSTED);
}

static void
a_file_damaged_after_it_was_verified_is_fetched_again(void **state)
{
    Fixture *self = *state;
    char byte;
    g_autofree char *path = path_of(self, "near", 1);
    replicate(self, 1);
    assert_berth_ok(find(self, self->near, 1, NULL));
    flip(path, 100);
    assert_berth_error(find(self, self->near, 1, NULL), BERTH_ERR_AGAIN);
    settle(self->near, "present", NULL);
    assert_berth_ok(find(self, self->near, 1, NULL));
    berth_autofd int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_int_equal(pread(fd, &byte, 1, 100), 1);
    assert_int_equal(byte, 'x');
}

static void
a_damaged_file_that_nobody_else_has_is_refused(void **state)
{
    Fixture *self = *state;
    g_autofree char *path = path_of(self, "near", 1);
    replicate(self, 1);
    g_clear_pointer(&self->far, berth_image_store_free);
    assert_int_equal(chmod(path, 0600), 0);
    assert_int_equal(truncate(path, 5), 0);
    assert_berth_error(find(self, self->near, 1, NULL), BERTH_ERR_AGAIN);
    settle(self->near, "failed", NULL);
    assert_int_not_equal(find(self, self->near, 1, NULL), BERTH_OK);
    assert_false(is_there(self, "near", 1));
}

static void
a_restart_remembers_what_was_verified(void **state)
{
    Fixture *self = *state;
    g_autofree char *path = path_of(self, "near", 1);
    json_t *wish = make_wish(self, &self->ids[1], 1, self->key, 512);
    replicate(self, 1);
    berth_image_store_free(self->near);
    self->near = open_store(self, "near");
    set_key_of(self->near, self->key);
    berth_image_store_want(self->near, wish, false);
    /* At once, so nothing was read. */
    assert_berth_ok(find(self, self->near, 1, NULL));
    berth_image_store_free(self->near);
    flip(path, 100);
    self->near = open_store(self, "near");
    set_key_of(self->near, self->key);
    berth_image_store_want(self->near, wish, false);
    assert_berth_error(find(self, self->near, 1, NULL), BERTH_ERR_AGAIN);
    settle(self->near, "present", NULL);
    json_decref(wish);
}

static void
only_what_nobody_needs_is_removed(void **state)
{
    Fixture *self = *state;
    json_t *nothing = json_array();
    g_autofree char *path = path_of(self, "near", 1);
    replicate(self, 1);
    berth_image_store_want(self->near, nothing, false);
    self->used = g_path_get_basename(path);
    for (int i = 0; i < 3; i++) {
        /* Wanted by nobody for long enough, but first a machine stands on it, then it is safe mode.
         */
        self->monotonic.now_us += 6 * MINUTE_US;
        self->wall.now_us += 40 * MINUTE_US;
        berth_image_store_want(self->near, nothing, i == 1);
        berth_image_store_tick(self->near);
        assert_int_equal(is_there(self, "near", 1), i < 2);
        g_clear_pointer(&self->used, g_free);
    }
    json_decref(nothing);
}

/* A child that dies as its next tick begins to remove what nobody wants. */
static void
tick_killed(Fixture *self)
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        g_setenv("BERTH_KILL_AT", "replicate-removing", TRUE);
        berth_image_store_tick(self->near);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void
a_removal_that_is_killed_is_made_later(void **state)
{
    Fixture *self = *state;
    json_t *nothing = json_array();
    replicate(self, 1);
    self->wall.now_us += 40 * MINUTE_US;
    for (int i = 0; i < 2; i++) {
        berth_image_store_want(self->near, nothing, false);
        berth_image_store_tick(self->near);
        assert_true(is_there(self, "near", 1));
        self->monotonic.now_us += 6 * MINUTE_US;
        self->wall.now_us += 40 * MINUTE_US;
        if (i == 0) {
            berth_image_store_want(self->near, nothing, false);
            tick_killed(self);
            assert_true(is_there(self, "near", 1));
            /* The next start: it is not wanted for long enough once more, and then it goes. */
            berth_image_store_free(self->near);
            self->near = open_store(self, "near");
            set_key_of(self->near, self->key);
        }
    }
    berth_image_store_want(self->near, nothing, false);
    berth_image_store_tick(self->near);
    assert_false(is_there(self, "near", 1));
    json_decref(nothing);
}

static void
what_is_wanted_again_in_time_stays(void **state)
{
    Fixture *self = *state;
    json_t *nothing = json_array();
    replicate(self, 1);
    self->wall.now_us += 40 * MINUTE_US;
    for (int i = 0; i < 4; i++) {
        berth_image_store_want(self->near, nothing, false);
        berth_image_store_tick(self->near);
        self->monotonic.now_us += 3 * MINUTE_US;
        want_version(self, self->near, 1);
        berth_image_store_tick(self->near);
    }
    /* A broker that is silent makes nothing old. */
    berth_image_store_want(self->near, nothing, false);
    berth_image_store_tick(self->near);
    self->monotonic.now_us += 60 * MINUTE_US;
    berth_image_store_tick(self->near);
    assert_true(is_there(self, "near", 1));
    json_decref(nothing);
}

static void
two_agents_cannot_share_a_folder(void **state)
{
    Fixture *self = *state;
    g_autofree char *detail = NULL;
    replicate(self, 1);
    BerthImageStore *second = open_store(self, "near");
    set_key_of(second, self->key);
    want_version(self, second, 1);
    settle(second, "failed", &detail);
    assert_non_null(strstr(detail, "another agent uses it"));
    berth_image_store_free(second);
}

static void
what_failed_is_tried_again(void **state)
{
    Fixture *self = *state;
    /* The far host has not been asked for it yet, so it serves nothing. */
    want_version(self, self->near, 1);
    settle(self->near, "failed", NULL);
    assert_berth_error(find(self, self->near, 1, NULL), BERTH_ERR_NOT_FOUND);
    want_version(self, self->far, 1);
    settle(self->far, "present", NULL);
    self->monotonic.now_us += MINUTE_US;
    berth_image_store_tick(self->near);
    settle(self->near, "present", NULL);
}

static void
wishes_that_make_no_sense_are_left_out(void **state)
{
    Fixture *self = *state;
    static const char *const texts[] = {
        "[{}]",
        "[{\"version\":7}]",
        "[{\"version\":\"0123456789abcdef0123456789abcdef\"}]",
        "[{\"version\":\"0123456789abcdef0123456789abcdef\",\"manifest\":{},\"signature\":\"00\"}]",
        "[5]",
    };
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        want(self->near, json_loads(texts[i], 0, NULL));
        json_t *report = berth_image_store_report(self->near);
        size_t n = json_array_size(report);
        assert_true(n == 0 || n == 1);
        json_decref(report);
        if (n == 1) {
            settle(self->near, "failed", NULL);
        }
    }
}

int
main(void)
{
#define STORE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        STORE_TEST(a_version_comes_from_another_host),
        STORE_TEST(a_wrong_key_is_refused),
        STORE_TEST(an_older_version_in_place_of_a_newer_one_is_refused),
        STORE_TEST(the_older_file_under_the_newer_name_is_refused),
        STORE_TEST(a_version_never_changes),
        STORE_TEST(a_file_damaged_after_it_was_verified_is_fetched_again),
        STORE_TEST(a_damaged_file_that_nobody_else_has_is_refused),
        STORE_TEST(a_restart_remembers_what_was_verified),
        STORE_TEST(only_what_nobody_needs_is_removed),
        STORE_TEST(a_removal_that_is_killed_is_made_later),
        STORE_TEST(what_is_wanted_again_in_time_stays),
        STORE_TEST(two_agents_cannot_share_a_folder),
        STORE_TEST(what_failed_is_tried_again),
        STORE_TEST(wishes_that_make_no_sense_are_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
