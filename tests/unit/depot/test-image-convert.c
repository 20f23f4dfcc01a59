/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * With the real qemu-img in the real sandbox, on good images, on hostile ones that qemu-img itself
 * makes, and on hostile ones made by hand.
 */
#include "base/depot/image-convert.h"

#include "base/cleanup.h"
#include "base/process.h"
#include "testing.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MIB (1024ull * 1024)
#define DISK_BYTES (8 * MIB)
#define MAX_BYTES (64 * MIB)
#define TIMEOUT_US (60 * G_USEC_PER_SEC)

typedef struct {
    char *folder;
    char *disk; /* raw, DISK_BYTES, some of it data */
    char *target;
    char *qemu_img;
} Fixture;

static char *
in_folder(const Fixture *self, const char *name)
{
    return g_build_filename(self->folder, name, NULL);
}

/* Runs qemu-img outside of any sandbox, in the folder. */
static void
qemu_img(const Fixture *self, const char *line)
{
    g_autofree char *command = g_strdup_printf("%s %s", self->qemu_img, line);
    g_auto(GStrv) argv = NULL;
    int status = -1;
    assert_true(g_shell_parse_argv(command, NULL, &argv, NULL));
    assert_true(g_spawn_sync(self->folder, argv, NULL, G_SPAWN_STDOUT_TO_DEV_NULL, NULL, NULL, NULL,
                             NULL, &status, NULL));
    assert_int_equal(status, 0);
}

static void
patch(const Fixture *self, const char *name, uint64_t offset, const void *bytes, size_t n)
{
    g_autofree char *path = in_folder(self, name);
    berth_autofd int fd = open(path, O_WRONLY | O_CLOEXEC);
    assert_int_equal(pwrite(fd, bytes, n, (off_t)offset), n);
}

static int
setup(void **state)
{
    Fixture *self = g_new0(Fixture, 1);
    self->folder = g_dir_make_tmp("berth-convert-XXXXXX", NULL);
    self->disk = in_folder(self, "disk");
    self->target = in_folder(self, "target");
    self->qemu_img = g_find_program_in_path("qemu-img");
    assert_non_null(self->qemu_img);
    berth_autofd int fd = open(self->disk, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(ftruncate(fd, DISK_BYTES), 0);
    g_autofree char *noise = g_malloc(MIB);
    memset(noise, 'n', MIB);
    assert_int_equal(pwrite(fd, noise, MIB, 3 * MIB), MIB);
    *state = self;
    return 0;
}

static int
teardown(void **state)
{
    Fixture *self = *state;
    const char *name;
    GDir *dir = g_dir_open(self->folder, 0, NULL);
    while ((name = g_dir_read_name(dir)) != NULL) {
        g_autofree char *path = in_folder(self, name);
        g_remove(path);
    }
    g_dir_close(dir);
    g_rmdir(self->folder);
    g_free(self->folder);
    g_free(self->disk);
    g_free(self->target);
    g_free(self->qemu_img);
    g_free(self);
    return 0;
}

/* Converts a file of the folder; BERTH_OK or the code of the error. */
static int
convert_with(Fixture *self, const char *name, BerthImageConvert *spec, GError **error)
{
    BerthImageConverted found = { 0 };
    g_autofree char *source = in_folder(self, name);
    GError *local = NULL;
    spec->tools.sandbox_program = BERTH_IMAGE_SANDBOX;
    spec->tools.qemu_img = self->qemu_img;
    spec->source = source;
    spec->target = self->target;
    spec->max_virtual_bytes = spec->max_virtual_bytes ? spec->max_virtual_bytes : MAX_BYTES;
    spec->max_stored_bytes = spec->max_stored_bytes ? spec->max_stored_bytes : MAX_BYTES;
    spec->timeout_us = spec->timeout_us ? spec->timeout_us : TIMEOUT_US;
    if (berth_image_convert(spec, &found, &local)) {
        assert_true(g_file_test(self->target, G_FILE_TEST_IS_REGULAR));
        return BERTH_OK;
    }
    /* Nothing is left behind. */
    assert_false(g_file_test(self->target, G_FILE_TEST_EXISTS));
    int code = local->code;
    g_propagate_error(error, local);
    return code;
}

static int
convert(Fixture *self, const char *name, const char *format)
{
    BerthImageConvert spec = { .format = format };
    g_autoptr(GError) error = NULL;
    return convert_with(self, name, &spec, &error);
}

static void
assert_target_is_disk(Fixture *self)
{
    g_autofree char *wanted = NULL;
    g_autofree char *found = NULL;
    gsize n_wanted, n_found;
    struct stat status;
    assert_true(g_file_get_contents(self->disk, &wanted, &n_wanted, NULL));
    assert_true(g_file_get_contents(self->target, &found, &n_found, NULL));
    assert_int_equal(n_found, n_wanted);
    assert_memory_equal(found, wanted, n_wanted);
    assert_int_equal(stat(self->target, &status), 0);
    assert_true((uint64_t)status.st_blocks * 512 < 2 * MIB); /* holes stay holes */
    assert_int_equal(g_remove(self->target), 0);
}

static void
every_format_becomes_the_same_disk(void **state)
{
    static const struct {
        const char *line, *name, *format;
    } cases[] = {
        { "convert -f raw -O qcow2 disk a.qcow2", "a.qcow2", "qcow2" },
        { "convert -c -f raw -O qcow2 -o compat=0.10 disk b.qcow2", "b.qcow2", "qcow2" },
        { "convert -c -f raw -O qcow2 -o compression_type=zstd disk c.qcow2", "c.qcow2", NULL },
        { "convert -f raw -O qcow2 -o extended_l2=on disk d.qcow2", "d.qcow2", NULL },
        { "convert -f raw -O vmdk disk a.vmdk", "a.vmdk", "vmdk" },
        { "convert -f raw -O vmdk -o subformat=streamOptimized disk b.vmdk", "b.vmdk", NULL },
        { "convert -f raw -O vdi disk a.vdi", "a.vdi", "vdi" },
        { "convert -f raw -O vdi -o static=on disk b.vdi", "b.vdi", NULL },
        { "convert -f raw -O raw disk a.raw", "a.raw", "raw" },
    };

    Fixture *self = *state;
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        qemu_img(self, cases[i].line);
        gint permille = 0;
        BerthImageConvert spec = { .format = cases[i].format, .progress_permille = &permille };
        g_autoptr(GError) error = NULL;
        int code = convert_with(self, cases[i].name, &spec, &error);
        if (code != BERTH_OK) {
            print_error("%s: %s\n", cases[i].name, error->message);
        }
        assert_berth_ok(code);
        assert_int_equal(permille, 1000);
        assert_target_is_disk(self);
    }
}

static void
a_raw_disk_may_be_renamed_and_is_padded(void **state)
{
    Fixture *self = *state;
    struct stat status;
    g_autofree char *path = in_folder(self, "odd");
    assert_true(g_file_set_contents(path, "odd", 3, NULL));
    BerthImageConvert spec = { .format = "raw", .may_rename = true };
    assert_berth_ok(convert_with(self, "odd", &spec, NULL));
    assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
    assert_int_equal(stat(self->target, &status), 0);
    assert_int_equal(status.st_size, 512);
}

static void
images_that_name_other_files_are_refused(void **state)
{
    static const struct {
        const char *line, *name, *format;
    } cases[] = {
        { "create -f qcow2 -b /etc/passwd -F raw back.qcow2", "back.qcow2", "qcow2" },
        { "create -f qcow2 -b disk -F raw back2.qcow2", "back2.qcow2", "qcow2" },
        { "create -f qcow2 -o data_file=data.raw ext.qcow2 8M", "ext.qcow2", "qcow2" },
        { "create -f qcow2 -o data_file=data2.raw,data_file_raw=on ext2.qcow2 8M", "ext2.qcow2",
          NULL },
        { "create -f vmdk base.vmdk 8M", NULL, NULL },
        { "create -f vmdk -b base.vmdk -F vmdk diff.vmdk", "diff.vmdk", "vmdk" },
        { "create -f vmdk -o subformat=monolithicFlat flat.vmdk 8M", "flat.vmdk", "vmdk" },
        { "create -f vmdk -o subformat=twoGbMaxExtentSparse two.vmdk 8M", "two.vmdk", NULL },
        { "create -f vmdk -o subformat=twoGbMaxExtentFlat twof.vmdk 8M", "twof.vmdk", NULL },
    };

    Fixture *self = *state;
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        qemu_img(self, cases[i].line);
        if (cases[i].name != NULL) {
            assert_berth_error(convert(self, cases[i].name, cases[i].format), BERTH_ERR_FORBIDDEN);
        }
    }
}

/* An old header with a backing file that hides where our own look does not see it is still caught
 * by the second: here the names of qemu-img itself. */
static void
what_qemu_img_says_is_held_against_the_header(void **state)
{
    static const struct {
        const char *json;
        int code;
    } cases[] = {
        { "{\"format\":\"qcow2\",\"virtual-size\":8,\"filename\":\"/a\"}", BERTH_OK },
        { "{\"format\":\"raw\",\"virtual-size\":8}", BERTH_ERR_INVALID },
        { "{\"format\":\"qcow2\",\"virtual-size\":9}", BERTH_ERR_INVALID },
        { "{\"format\":\"qcow2\",\"virtual-size\":-1}", BERTH_ERR_INVALID },
        { "{\"format\":\"qcow2\",\"virtual-size\":\"8\"}", BERTH_ERR_INVALID },
        { "{\"format\":\"qcow2\",\"virtual-size\":8,\"backing-filename\":\"x\"}",
          BERTH_ERR_FORBIDDEN },
        { "{\"format\":\"qcow2\",\"virtual-size\":8,\"full-backing-filename\":\"x\"}",
          BERTH_ERR_FORBIDDEN },
        { "{\"format\":\"qcow2\",\"virtual-size\":8,\"encrypted\":true}", BERTH_ERR_FORBIDDEN },
        { "{\"format\":\"qcow2\",\"virtual-size\":8,\"format-specific\":{\"data\":{"
          "\"data-file\":\"x\"}}}",
          BERTH_ERR_FORBIDDEN },
        { "{\"format\":\"qcow2\",\"virtual-size\":8,\"filename\":\"/a\",\"format-specific\":{"
          "\"data\":{\"extents\":[{\"filename\":\"/b\"}]}}}",
          BERTH_ERR_FORBIDDEN },
        { "{\"format\":\"qcow2\",\"virtual-size\":8,\"format-specific\":{\"data\":{"
          "\"corrupt\":true}}}",
          BERTH_ERR_INVALID },
        { "", BERTH_ERR_INVALID },
        { "[]", BERTH_ERR_INVALID },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        bool is_good = berth_image_info_check(cases[i].json, strlen(cases[i].json),
                                              BERTH_IMAGE_QCOW2, 8, &error);
        assert_berth_error(is_good ? BERTH_OK : error->code, cases[i].code);
    }
}

static void
lies_about_sizes_are_refused(void **state)
{
    Fixture *self = *state;
    static const uint8_t huge[8] = { 0x3f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0 };
    static const uint8_t large[8] = { 0, 0, 0, 1, 0, 0, 0, 0 }; /* 4 GiB */
    static const uint8_t entries[4] = { 0xff, 0xff, 0xff, 0xff };
    static const uint8_t some[4] = { 0, 0, 0, 64 };
    qemu_img(self, "create -f qcow2 a.qcow2 8M");
    patch(self, "a.qcow2", 24, huge, sizeof(huge));
    assert_berth_error(convert(self, "a.qcow2", "qcow2"), BERTH_ERR_INVALID);
    qemu_img(self, "create -f qcow2 b.qcow2 8M");
    patch(self, "b.qcow2", 36, entries, sizeof(entries));
    assert_berth_error(convert(self, "b.qcow2", "qcow2"), BERTH_ERR_INVALID);
    /* A table that is there and large enough: only the limit is left. */
    qemu_img(self, "create -f qcow2 c.qcow2 8M");
    g_autofree char *path = in_folder(self, "c.qcow2");
    assert_int_equal(truncate(path, MIB), 0);
    patch(self, "c.qcow2", 36, some, sizeof(some));
    patch(self, "c.qcow2", 24, large, sizeof(large));
    assert_berth_error(convert(self, "c.qcow2", "qcow2"), BERTH_ERR_TOO_LARGE);
}

static void
damaged_tables_end_in_a_sentence(void **state)
{
    Fixture *self = *state;
    g_autoptr(GError) error = NULL;
    qemu_img(self, "convert -f raw -O qcow2 disk a.qcow2");
    /* The first entry of the first table leads far beyond the end of the file. */
    static const uint8_t entry[8] = { 0x80, 0, 0xff, 0xff, 0xff, 0xff, 0, 0 };
    g_autofree char *path = in_folder(self, "a.qcow2");
    uint8_t offset[8];
    berth_autofd int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_int_equal(pread(fd, offset, 8, 40), 8);
    patch(self, "a.qcow2", (uint64_t)offset[5] << 16 | (uint64_t)offset[6] << 8 | offset[7], entry,
          8);
    BerthImageConvert spec = { .format = "qcow2" };
    assert_berth_error(convert_with(self, "a.qcow2", &spec, &error), BERTH_ERR_INVALID);
    assert_non_null(strstr(error->message, "qemu-img"));
    g_autofree char *cut = in_folder(self, "b.qcow2");
    qemu_img(self, "convert -f raw -O qcow2 disk b.qcow2");
    assert_int_equal(truncate(cut, 200 * 1024), 0);
    assert_int_not_equal(convert(self, "b.qcow2", "qcow2"), BERTH_OK);
}

static void
a_format_is_what_was_said(void **state)
{
    Fixture *self = *state;
    qemu_img(self, "convert -f raw -O qcow2 disk a.qcow2");
    assert_berth_error(convert(self, "a.qcow2", "vdi"), BERTH_ERR_INVALID);
    assert_berth_error(convert(self, "a.qcow2", "luks"), BERTH_ERR_UNSUPPORTED);
    /* Nothing tells that this is a disk. */
    assert_berth_error(convert(self, "disk", NULL), BERTH_ERR_UNSUPPORTED);
    /* A guest that writes a qcow2 header into its raw disk gains nothing. */
    qemu_img(self, "create -f qcow2 -b /etc/passwd -F raw evil.raw");
    assert_berth_ok(convert(self, "evil.raw", "raw"));
}

static void
an_image_that_unpacks_to_too_much_is_ended(void **state)
{
    Fixture *self = *state;
    g_autoptr(GError) error = NULL;
    qemu_img(self, "convert -c -f raw -O qcow2 disk a.qcow2");
    BerthImageConvert spec = { .format = "qcow2", .max_stored_bytes = 64 * 1024 };
    assert_berth_error(convert_with(self, "a.qcow2", &spec, &error), BERTH_ERR_DISK_FULL);
    assert_non_null(strstr(error->message, "unpacks to more than"));
    g_clear_error(&error);
    BerthImageConvert raw = { .format = "raw", .max_stored_bytes = 64 * 1024 };
    assert_berth_error(convert_with(self, "disk", &raw, &error), BERTH_ERR_DISK_FULL);
}

static void
time_and_cancel_end_it(void **state)
{
    Fixture *self = *state;
    gint cancel = 1;
    qemu_img(self, "convert -f raw -O qcow2 disk a.qcow2");
    BerthImageConvert spec = { .format = "qcow2", .cancel = &cancel };
    assert_berth_error(convert_with(self, "a.qcow2", &spec, NULL), BERTH_ERR_CLOSED);
    BerthImageConvert late = { .format = "qcow2", .timeout_us = 1 };
    assert_berth_error(convert_with(self, "a.qcow2", &late, NULL), BERTH_ERR_TIMEOUT);
}

static void
a_missing_program_is_named(void **state)
{
    Fixture *self = *state;
    g_autoptr(GError) error = NULL;
    qemu_img(self, "convert -f raw -O qcow2 disk a.qcow2");
    g_autofree char *source = in_folder(self, "a.qcow2");
    BerthImageConvert spec = { .tools = { "/nowhere/sandbox", "/usr/bin/qemu-img" },
                               .source = source,
                               .target = self->target,
                               .max_virtual_bytes = MAX_BYTES,
                               .max_stored_bytes = MAX_BYTES,
                               .timeout_us = TIMEOUT_US };
    BerthImageConverted found;
    assert_false(berth_image_convert(&spec, &found, &error));
    assert_berth_error(error->code, BERTH_ERR_NOT_FOUND);
}

static BerthImageRun
run_of(const BerthImageTools *tools, const char *const *reads, int64_t timeout_us)
{
    return (BerthImageRun){ .box = { .tools = tools, .read_paths = reads, .cpu_us = timeout_us },
                            .timeout_us = timeout_us };
}

/* What runs in the sandbox is any program: here one that is after other files. */
static void
the_sandbox_has_nothing_but_the_two_files(void **state)
{
    Fixture *self = *state;
    g_autofree char *secret = in_folder(self, "secret");
    g_autofree char *inside = in_folder(self, "inside");
    g_autofree char *outside = in_folder(self, "outside");
    assert_true(g_file_set_contents(secret, "secret", -1, NULL));
    assert_true(g_file_set_contents(inside, "may be read", -1, NULL));
    assert_true(g_file_set_contents(outside, "", -1, NULL));
    const char *const reads[] = { inside, NULL };

    const struct {
        const char *program, *argument;
        int code;
    } cases[] = {
        { "/usr/bin/cat", inside, BERTH_OK },
        { "/usr/bin/cat", secret, BERTH_ERR_INVALID },
        { "/usr/bin/cat", "/etc/passwd", BERTH_ERR_INVALID },
        { "/usr/bin/rm", inside, BERTH_ERR_INVALID },
        { "/usr/bin/truncate", "--size=1", BERTH_ERR_INVALID },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        BerthImageTools tools = { BERTH_IMAGE_SANDBOX, cases[i].program };
        BerthImageRun run = run_of(&tools, reads, TIMEOUT_US);
        const char *const arguments[] = { cases[i].argument, outside, NULL };
        const char *const one[] = { cases[i].argument, NULL };
        g_autoptr(GError) error = NULL;
        bool is_good = berth_image_run(&run, i == 4 ? arguments : one, &error);
        assert_berth_error(is_good ? BERTH_OK : error->code, cases[i].code);
    }
    /* A shell that wants a process is ended. */
    BerthImageTools shell = { BERTH_IMAGE_SANDBOX, "/usr/bin/sh" };
    BerthImageRun run = run_of(&shell, reads, TIMEOUT_US);
    const char *const arguments[] = { "-c", "(exit 0); exit 0", NULL };
    g_autoptr(GError) error = NULL;
    assert_false(berth_image_run(&run, arguments, &error));
    assert_berth_error(error->code, BERTH_ERR_FORBIDDEN);
}

static void
a_program_that_never_ends_is_ended(void **state)
{
    Fixture *self = *state;
    g_autoptr(GError) error = NULL;
    BerthImageTools shell = { BERTH_IMAGE_SANDBOX, "/usr/bin/sh" };
    const char *const reads[] = { self->disk, NULL };
    BerthImageRun run = run_of(&shell, reads, 100 * 1000);
    const char *const arguments[] = { "-c", "while :; do :; done", NULL };
    assert_false(berth_image_run(&run, arguments, &error));
    assert_berth_error(error->code, BERTH_ERR_TIMEOUT);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_format_becomes_the_same_disk, setup, teardown),
        cmocka_unit_test_setup_teardown(a_raw_disk_may_be_renamed_and_is_padded, setup, teardown),
        cmocka_unit_test_setup_teardown(images_that_name_other_files_are_refused, setup, teardown),
        cmocka_unit_test(what_qemu_img_says_is_held_against_the_header),
        cmocka_unit_test_setup_teardown(lies_about_sizes_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(damaged_tables_end_in_a_sentence, setup, teardown),
        cmocka_unit_test_setup_teardown(a_format_is_what_was_said, setup, teardown),
        cmocka_unit_test_setup_teardown(an_image_that_unpacks_to_too_much_is_ended, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(time_and_cancel_end_it, setup, teardown),
        cmocka_unit_test_setup_teardown(a_missing_program_is_named, setup, teardown),
        cmocka_unit_test_setup_teardown(the_sandbox_has_nothing_but_the_two_files, setup, teardown),
        cmocka_unit_test_setup_teardown(a_program_that_never_ends_is_ended, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
