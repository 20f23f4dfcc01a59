/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/read-start.h"

#include "testing.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void
a_pipe_is_read_to_its_end_however_it_comes(void **state)
{
    char bytes[8] = { 0 };
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "abc", 3), 3);
    assert_int_equal(write(ends[1], "de", 2), 2);
    close(ends[1]);
    assert_int_equal(berth_read_start(ends[0], bytes, sizeof bytes), 5);
    assert_string_equal(bytes, "abcde");
    assert_int_equal(berth_read_start(ends[0], bytes, sizeof bytes), 0);
    close(ends[0]);
}

static void
no_more_is_read_than_there_is_room_for(void **state)
{
    char bytes[4] = "....";
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "abcdef", 6), 6);
    assert_int_equal(berth_read_start(ends[0], bytes, 3), 3);
    assert_memory_equal(bytes, "abc.", 4);
    assert_int_equal(berth_read_start(ends[0], bytes, 0), 0);
    close(ends[0]);
    close(ends[1]);
}

static void
a_descriptor_that_cannot_be_read_is_told(void **state)
{
    char bytes[4];
    errno = 0;
    assert_int_equal(berth_read_start(-1, bytes, sizeof bytes), -1);
    assert_int_equal(errno, EBADF);
}

static void
a_file_is_opened_as_the_caller_says(void **state)
{
    g_autofree char *folder = g_dir_make_tmp("berth-read-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(folder, "file", NULL);
    g_autofree char *link = g_build_filename(folder, "link", NULL);
    char bytes[16] = { 0 };
    assert_true(g_file_set_contents(path, "secret", -1, NULL));
    assert_int_equal(symlink(path, link), 0);
    assert_int_equal(berth_read_file_start(path, 0, bytes, sizeof bytes), 6);
    assert_string_equal(bytes, "secret");
    assert_int_equal(berth_read_file_start(link, 0, bytes, 3), 3);
    assert_int_equal(berth_read_file_start(link, O_NOFOLLOW, bytes, sizeof bytes), -1);
    assert_int_equal(errno, ELOOP);
    assert_int_equal(berth_read_file_start(folder, 0, bytes, sizeof bytes), -1);
    assert_int_equal(errno, EISDIR);
    unlink(link);
    unlink(path);
    assert_int_equal(berth_read_file_start(path, 0, bytes, sizeof bytes), -1);
    assert_int_equal(errno, ENOENT);
    rmdir(folder);
}

static void
a_pipe_in_the_place_of_a_file_does_not_block(void **state)
{
    g_autofree char *folder = g_dir_make_tmp("berth-read-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(folder, "pipe", NULL);
    char bytes[4];
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(berth_read_file_start(path, 0, bytes, sizeof bytes), 0);
    unlink(path);
    rmdir(folder);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pipe_is_read_to_its_end_however_it_comes),
        cmocka_unit_test(no_more_is_read_than_there_is_room_for),
        cmocka_unit_test(a_descriptor_that_cannot_be_read_is_told),
        cmocka_unit_test(a_file_is_opened_as_the_caller_says),
        cmocka_unit_test(a_pipe_in_the_place_of_a_file_does_not_block),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
