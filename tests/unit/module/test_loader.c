/* SPDX-License-Identifier: MIT */

/* Files that are modules, and files that are not: one sentence each, and nothing half-loaded. */
#include "module/loader.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "words.h"

static const struct registry_interface interfaces[] = {{"wait/2", NULL}};

static enum status load(const struct registry **registry, const char *name, struct complaint *complaint)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s.so", GEOMYS_TEST_BROKEN_DIR, name);
    return loader_add(registry, path, complaint);
}

static bool is_open(const char *path)
{
    void *handle = dlopen(path, RTLD_LAZY | RTLD_NOLOAD);
    if (handle != NULL) {
        dlclose(handle);
    }
    return handle != NULL;
}

#define TEXT_OF(number) #number
#define TEXT(number)    TEXT_OF(number)
#define ABI             TEXT(GM_ABI_MAJOR) "." TEXT(GM_ABI_MINOR)

struct unfit {
    const char *name;
    enum status status;
    const char *part;
};

Test(loader, each_unfit_file_is_refused_with_its_reason)
{
    static const struct unfit cases[] = {
        {"missing", STATUS_NOT_FOUND, "there is no such file"},
        {"no_entry", STATUS_INVALID, "no function 'geomys_module'"},
        {"no_descriptor", STATUS_INVALID, "returned no descriptor"},
        {"unresolved", STATUS_INVALID, "the symbol 'no_host_has_this_function'"},
        {"abi_major", STATUS_VERSION, "this server has " ABI ": build it"},
        {"abi_minor", STATUS_VERSION, "this server has " ABI ": use a newer server"},
        {"abi_older", STATUS_VERSION,
         "ABI 0.1, this server has " ABI ": build it with this server's headers (the diary"},
        {"bad_size", STATUS_INVALID, "the size 8"},
        {"bad_name", STATUS_INVALID, "its name, 'odd'"},
        {"bad_type_id", STATUS_INVALID, "'odd.type', is not of the form"},
        {"bad_usage", STATUS_INVALID, "usage line \"ODD.PUT key [NX|XX\": column 13"},
        {"no_plan", STATUS_INVALID, "'odd.get' has no plan"},
        {"no_type", STATUS_INVALID, "'odd.get' has keys but no type"},
        {"foreign_type", STATUS_INVALID, "not one of its types"},
        {"both_classes", STATUS_INVALID, "exactly one of GM_READ and GM_WRITE"},
        {"new_flag", STATUS_INVALID, "does not know 0x100000"},
        {"blocks", STATUS_INVALID, "does not need \"wait/2\""},
        {"needs", STATUS_NOT_FOUND, "'teleport/7', this server has wait/2"},
        {"twice", STATUS_EXISTS, "the command 'odd.twice' twice"},
        {"same_command", STATUS_EXISTS, "'odd.get' (odd.same_command 1.2.3) is there already, from odd.fine 1.2.3"},
        {"same_type", STATUS_EXISTS, "type 'odd.fine/1'"},
    };
    const struct registry *registry = registry_create(interfaces, 1);
    struct complaint complaint = {{0}};
    cr_assert_eq(load(&registry, "fine", &complaint), STATUS_OK, "%s", complaint.text);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char file[512];
        complaint.text[0] = '\0';
        snprintf(file, sizeof file, "/%s.so: ", cases[i].name);
        enum status status = load(&registry, cases[i].name, &complaint);
        cr_expect_eq(status, cases[i].status, "%s: %d, %s", cases[i].name, status, complaint.text);
        cr_expect(strstr(complaint.text, file) != NULL, "the file is named: %s", complaint.text);
        cr_expect(strstr(complaint.text, cases[i].part) != NULL, "%s: %s", cases[i].name, complaint.text);
        cr_expect(strchr(complaint.text, '\n') == NULL);
        cr_expect_eq(registry_module_count(registry), 1);
        cr_expect_eq(registry_command_count(registry), 2);
        snprintf(file, sizeof file, GEOMYS_TEST_BROKEN_DIR "/%s.so", cases[i].name);
        cr_expect_not(is_open(file), "%s stays mapped", file); /* loader P1 */
    }
    cr_expect(is_open(GEOMYS_TEST_BROKEN_DIR "/fine.so"));
    registry_release(registry);
    cr_expect_not(is_open(GEOMYS_TEST_BROKEN_DIR "/fine.so"));
}

Test(loader, a_file_is_loaded_once_under_whatever_name)
{
    const struct registry *registry = registry_create(interfaces, 1);
    struct complaint complaint;
    char link[] = "/tmp/geomys-loader-XXXXXX";
    cr_assert_not_null(mkdtemp(link));
    char path[64];
    snprintf(path, sizeof path, "%s/other.so", link);
    cr_assert_eq(symlink(GEOMYS_TEST_BROKEN_DIR "/fine.so", path), 0);
    cr_assert_eq(load(&registry, "fine", &complaint), STATUS_OK);
    cr_expect_eq(load(&registry, "fine", &complaint), STATUS_EXISTS);
    cr_expect_eq(loader_add(&registry, path, &complaint), STATUS_EXISTS);
    cr_expect(strstr(complaint.text, "loaded already") != NULL, "%s", complaint.text);
    cr_expect_eq(registry_command_named(registry, BYTES("ODD.GET"))->module, registry_module(registry, 0));
    unlink(path);
    rmdir(link);
    registry_release(registry);
}

static void copy_file(const char *from, const char *to)
{
    char block[4096];
    size_t size;
    FILE *in = fopen(from, "r");
    FILE *out = fopen(to, "w");
    cr_assert(in != NULL && out != NULL);
    while ((size = fread(block, 1, sizeof block, in)) > 0) {
        cr_assert_eq(fwrite(block, 1, size, out), size);
    }
    fclose(in);
    cr_assert_eq(fclose(out), 0);
}

/* loader P3: neither before nor after. The other version is a copy under another name. */
Test(loader, a_file_is_open_as_long_as_a_registry_has_its_module)
{
    const char *fine = GEOMYS_TEST_BROKEN_DIR "/fine.so";
    char folder[] = "/tmp/geomys-loader-XXXXXX";
    char other[64];
    struct complaint complaint;
    const struct registry *none = registry_create(interfaces, 1);
    const struct registry *one, *two;
    cr_assert_not_null(mkdtemp(folder));
    snprintf(other, sizeof other, "%s/newer.so", folder);
    copy_file(fine, other);
    cr_assert_eq(loader_load(none, fine, false, &one, &complaint), STATUS_OK, "%s", complaint.text);
    cr_expect_eq(loader_load(one, other, false, &two, &complaint), STATUS_EXISTS, "not as a second one");
    cr_expect_not(is_open(other));
    cr_assert_eq(loader_load(one, other, true, &two, &complaint), STATUS_OK, "%s", complaint.text);
    cr_expect_str_eq(registry_module_named(two, BYTES("odd.fine"))->path, other);
    registry_release(none);
    cr_expect(is_open(fine) && is_open(other));
    registry_release(one);
    cr_expect(!is_open(fine) && is_open(other));
    registry_release(two);
    cr_expect(!is_open(fine) && !is_open(other));
    unlink(other);
    rmdir(folder);
}

Test(loader, what_is_not_a_shared_object_is_refused)
{
    const struct registry *registry = registry_create(interfaces, 1);
    struct complaint complaint;
    char path[] = "/tmp/geomys-loader-XXXXXX";
    int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    cr_expect_eq(loader_add(&registry, path, &complaint), STATUS_INVALID, "an empty file");
    cr_expect(strstr(complaint.text, "the file is empty") != NULL, "%s", complaint.text);
    cr_assert_eq(
        write(fd, "#!/bin/sh\necho no module, but long enough for a header of an ELF file, which has 64\n", 84), 84);
    cr_expect_eq(loader_add(&registry, path, &complaint), STATUS_INVALID);
    cr_expect(strstr(complaint.text, "not a shared object but something else") != NULL, "%s", complaint.text);
    cr_expect_eq(loader_add(&registry, "/tmp", &complaint), STATUS_INVALID);
    cr_expect(strstr(complaint.text, "not a file") != NULL, "%s", complaint.text);
    cr_expect_eq(loader_add(&registry, "libc.so.6", &complaint), STATUS_NOT_FOUND, "no search path");
    close(fd);
    unlink(path);
    registry_release(registry);
}

/* ---- the guide ---- */

/* Copies the first C block of the guide into a file. */
static void extract_module(const char *target)
{
    char line[512];
    bool inside = false;
    FILE *guide = fopen(GEOMYS_SOURCE_DIR "/docs/module-guide.md", "r");
    FILE *out = fopen(target, "w");
    cr_assert(guide != NULL && out != NULL);
    while (fgets(line, sizeof line, guide) != NULL && (!inside || strncmp(line, "```", 3) != 0)) {
        if (inside) {
            fputs(line, out);
        }
        inside = inside || strcmp(line, "```c\n") == 0;
    }
    fclose(guide);
    cr_assert_eq(fclose(out), 0);
}

static void build_module(const char *source, const char *object)
{
    int status = -1;
    pid_t child = fork();
    if (child == 0) {
        execlp("cc", "cc", "-std=c17", "-O2", "-Wall", "-Wextra", "-Werror", "-fPIC", "-shared", "-fvisibility=hidden",
               "-I" GEOMYS_SOURCE_DIR "/include", source, "-o", object, (char *)NULL);
        _exit(127);
    }
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert_eq(status, 0);
}

Test(loader, the_module_of_the_guide_builds_and_loads)
{
    char folder[] = "/tmp/geomys-guide-XXXXXX";
    char source[64];
    char object[64];
    struct complaint complaint;
    const struct registry *registry = registry_create(interfaces, 1);
    cr_assert_not_null(mkdtemp(folder));
    snprintf(source, sizeof source, "%s/high.c", folder);
    snprintf(object, sizeof object, "%s/high.so", folder);
    extract_module(source);
    build_module(source, object);
    cr_expect_eq(loader_add(&registry, object, &complaint), STATUS_OK, "%s", complaint.text);
    cr_expect_not_null(registry_command_named(registry, BYTES("high.put")));
    registry_release(registry);
    unlink(source);
    unlink(object);
    rmdir(folder);
}
