/* SPDX-License-Identifier: MIT */

/* loader.c - shared objects opened, asked for their descriptor, and closed again if it does not fit.
 *
 * Idea    realpath, then dlopen(RTLD_NOW | RTLD_LOCAL), then the entry function, then registry_with. RTLD_NOW so that a
 *         symbol which nobody defines is a sentence now and not a crash later; RTLD_LOCAL so that modules never see
 *         each other. The path is made absolute because dlopen would look for a bare name elsewhere.
 *
 * Promises
 *   P1  A file that is refused is closed again.
 *   P2  The same file is never loaded twice into one registry, whatever its name: dlopen gives the same handle again.
 *   P3  A file that is loaded is closed when the last registry goes that has its module.
 * Limits  dlopen runs the constructors of a file before anything of it can be checked. It goes by the name first:
 *         another file under the name of one that is still open is taken for that one. A newer version needs a name of
 *         its own.
 */
#include "module/loader.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/trust.h"

#define MANGLED_SYMBOL "_Z13geomys_modulev" /* what a C++ compiler makes of the function's name */

/* An open shared object: the file of the module that lies in it. */
struct object {
    struct module_file base;
    void *handle;
};

static void close_object(struct module_file *file)
{
    struct object *object = container_of(file, struct object, base);
    (void)dlclose(object->handle); /* loader P3 */
    memory_free(object);
}

/* The file's absolute name, or why there is none. */
static enum status resolve(const char *path, char absolute[static PATH_MAX], struct complaint *complaint)
{
    struct stat stat_of;
    if (realpath(path, absolute) == NULL || stat(absolute, &stat_of) != 0) {
        enum status status = errno == ENOENT || errno == ENOTDIR ? STATUS_NOT_FOUND : STATUS_IO;
        complaint_set(complaint, "module %s: %s", path,
                      status == STATUS_NOT_FOUND ? "there is no such file" : "it cannot be read");
        return status;
    }
    if (!S_ISREG(stat_of.st_mode)) {
        complaint_set(complaint, "module %s: it is not a file", path);
        return STATUS_INVALID;
    }
    return trust(stat_of.st_mode, TRUST_GROUP, "the module", absolute, complaint);
}

/* dlerror's text begins with the file's name, which the sentence has already. */
static const char *plain_error(const char *absolute)
{
    const char *text = dlerror();
    size_t size = strlen(absolute);
    if (text == NULL) {
        return "no reason was given";
    }
    return strncmp(text, absolute, size) == 0 && strncmp(text + size, ": ", 2) == 0 ? text + size + 2 : text;
}

/* What is wrong with a file that dlopen would be given; NULL: nothing that could be seen from outside. dlopen maps
 * segments without asking, and what lies behind the file's end kills the process: a copy that was cut short must be
 * found before. And its own words about the rest ("invalid ELF header") help nobody. */
static const char *judge_head(int fd, const struct stat *file, ElfW(Ehdr) * head)
{
    ElfW(Ehdr) own;
    memset(head, 0, sizeof *head);
    ssize_t size = pread(fd, head, sizeof *head, 0);
    if (file->st_size == 0) {
        return "the file is empty: build or copy it again";
    }
    if (size < SELFMAG || memcmp(head->e_ident, ELFMAG, SELFMAG) != 0) {
        return "it is not a shared object but something else (cc -shared -fPIC makes one of a module's source)";
    }
    if (size < (ssize_t)sizeof *head) {
        return "the file is cut short";
    }
    int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    bool known = self >= 0 && pread(self, &own, sizeof own, 0) == (ssize_t)sizeof own;
    if (self >= 0) {
        (void)close(self);
    }
    if (known && (head->e_machine != own.e_machine || head->e_ident[EI_CLASS] != own.e_ident[EI_CLASS] ||
                  head->e_ident[EI_DATA] != own.e_ident[EI_DATA])) {
        return "it was built for another processor than this server: build it on, or for, a machine like this one";
    }
    return head->e_type == ET_DYN ? NULL
                                  : "it is an object file or a program, not a shared object: link it with -shared";
}

static bool is_whole(int fd, const struct stat *file, const ElfW(Ehdr) * head)
{
    bool whole = true;
    for (unsigned i = 0; whole && head->e_phentsize == sizeof(ElfW(Phdr)) && i < head->e_phnum; i++) {
        ElfW(Phdr) part;
        uint64_t end = 0;
        off_t at = (off_t)(head->e_phoff + i * sizeof part);
        whole = pread(fd, &part, sizeof part, at) == (ssize_t)sizeof part &&
                (part.p_type != PT_LOAD ||
                 (!__builtin_add_overflow(part.p_offset, part.p_filesz, &end) && end <= (uint64_t)file->st_size));
    }
    return whole;
}

static const char *judge(const char *absolute)
{
    ElfW(Ehdr) head;
    struct stat file;
    const char *wrong = NULL;
    int fd = open(absolute, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return NULL;
    }
    if (fstat(fd, &file) == 0) {
        wrong = judge_head(fd, &file, &head);
        wrong = wrong == NULL && !is_whole(fd, &file, &head) ? "the file is cut short" : wrong;
    }
    (void)close(fd);
    return wrong;
}

static enum status open_file(const char *absolute, const char *path, void **handle, struct complaint *complaint)
{
    const char *wrong = judge(absolute);
    if (wrong != NULL) {
        complaint_set(complaint, "module %s: %s", path, wrong);
        return STATUS_INVALID;
    }
    *handle = dlopen(absolute, RTLD_NOW | RTLD_LOCAL);
    if (*handle != NULL) {
        return STATUS_OK;
    }
    const char *reason = plain_error(absolute);
    const char *symbol = strstr(reason, "undefined symbol: ");
    if (symbol != NULL) {
        symbol += sizeof "undefined symbol: " - 1;
        complaint_set(complaint,
                      "module %s: it uses the symbol '%.*s', which nothing that it is linked with defines (the server "
                      "exports none: all is in the headers)",
                      path, (int)strcspn(symbol, " \t,("), symbol);
    } else {
        complaint_set(complaint, "module %s: it is not a shared object that can be loaded: %s", path, reason);
    }
    return STATUS_INVALID;
}

static bool is_from(const struct module *module, const void *handle)
{
    return module->file != NULL && module->file->close == close_object &&
           container_of(module->file, struct object, base)->handle == handle;
}

static enum status check_new(const struct registry *registry, const void *handle, const char *path,
                             struct complaint *complaint)
{
    for (uint32_t i = 0; i < registry_module_count(registry); i++) {
        if (is_from(registry_module(registry, i), handle)) {
            complaint_set(complaint, "module %s: this file is loaded already", path); /* loader P2 */
            return STATUS_EXISTS;
        }
    }
    return STATUS_OK;
}

static enum status ask(void *handle, const char *path, const struct gm_module **descriptor, struct complaint *complaint)
{
    gm_entry_function *entry;
    void *symbol = dlsym(handle, GM_ENTRY_SYMBOL);
    if (symbol == NULL && dlsym(handle, MANGLED_SYMBOL) != NULL) {
        complaint_set(
            complaint,
            "module %s: its function '%s' has a name of C++ ('%s'): declare it extern \"C\", as GM_MODULE does", path,
            GM_ENTRY_SYMBOL, MANGLED_SYMBOL);
        return STATUS_INVALID;
    }
    if (symbol == NULL) {
        complaint_set(
            complaint,
            "module %s: it has no function '%s': it is a shared object, but not a module of Geomys (GM_MODULE "
            "defines the function)",
            path, GM_ENTRY_SYMBOL);
        return STATUS_INVALID;
    }
    memcpy(&entry, &symbol, sizeof entry);
    *descriptor = entry();
    if (*descriptor == NULL) {
        complaint_set(complaint, "module %s: its function '%s' returned no descriptor", path, GM_ENTRY_SYMBOL);
        return STATUS_INVALID;
    }
    return STATUS_OK;
}

/* The handle belongs to the module from now on. */
static enum status add(const struct registry *old, void *handle, struct module_offer *offer,
                       const struct registry **out, struct complaint *complaint)
{
    struct object *object = memory_alloc(sizeof *object);
    *object = (struct object){{close_object}, handle};
    offer->file = &object->base;
    enum status status = registry_with(old, offer, out, complaint);
    if (status != STATUS_OK) {
        memory_free(object);
    }
    return status;
}

enum status loader_load(const struct registry *old, const char *path, bool replaces, const struct registry **out,
                        struct complaint *complaint)
{
    char absolute[PATH_MAX];
    void *handle;
    struct module_offer offer = {.path = path, .replaces = replaces};
    TRY(resolve(path, absolute, complaint));
    TRY(open_file(absolute, path, &handle, complaint));
    enum status status = check_new(old, handle, path, complaint);
    if (status == STATUS_OK) {
        status = ask(handle, path, &offer.abi, complaint);
    }
    if (status == STATUS_OK) {
        status = add(old, handle, &offer, out, complaint);
    }
    if (status != STATUS_OK) {
        (void)dlclose(handle); /* loader P1 */
    }
    return status;
}

enum status loader_add(const struct registry **registry, const char *path, struct complaint *complaint)
{
    const struct registry *newer;
    TRY(loader_load(*registry, path, false, &newer, complaint));
    registry_release(*registry);
    *registry = newer;
    return STATUS_OK;
}
