/* SPDX-License-Identifier: MIT */

/* test_os_modules.c - which files of a folder are modules, and in which order. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/os_modules.h"

static void touch(int folder, const char *name)
{
    int fd = openat(folder, name, O_WRONLY | O_CREAT, 0600);
    cr_assert_geq(fd, 0);
    (void)close(fd);
}

/* The order of loading is the same on each machine and file system, since what a later module is refused for depends on
 * the earlier ones. */
Test(os_modules, are_listed_by_name_and_nothing_else_is)
{
    static const char *const others[] = {".hidden.so", "readme.txt", "x.so.old", ".so"};
    char path[] = "/tmp/geomys-modules-XXXXXX";
    cr_assert_not_null(mkdtemp(path));
    int folder = open(path, O_RDONLY | O_DIRECTORY);
    cr_assert_geq(folder, 0);
    char name[16];
    for (unsigned i = 0; i < 40; i++) {
        (void)snprintf(name, sizeof name, "m%02u.so", i * 23 % 40);
        touch(folder, name);
    }
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        touch(folder, others[i]);
    }
    struct os_modules modules = {0};
    struct complaint complaint;
    cr_assert_eq(os_modules_list(&modules, path, &complaint), STATUS_OK, "%s", complaint.text);
    cr_assert_eq(modules.count, 40);
    for (unsigned i = 0; i < 40; i++) {
        char wanted[64];
        (void)snprintf(wanted, sizeof wanted, "%s/m%02u.so", path, i);
        cr_expect_str_eq(modules.paths[i], wanted);
    }
    os_modules_finish(&modules);
    cr_assert_eq(fchmod(folder, 0707), 0);
    cr_expect_eq(os_modules_list(&modules, path, &complaint), STATUS_REFUSED);
    cr_expect_not_null(strstr(complaint.text, "chmod"), "%s", complaint.text);
    os_modules_finish(&modules);
    for (unsigned i = 0; i < 40; i++) {
        (void)snprintf(name, sizeof name, "m%02u.so", i);
        (void)unlinkat(folder, name, 0);
    }
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        (void)unlinkat(folder, others[i], 0);
    }
    (void)close(folder);
    cr_assert_eq(rmdir(path), 0);
}
