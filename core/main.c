/* SPDX-License-Identifier: MIT */

/* main.c - arguments, configuration, the real env, a node over it, and its turns. With os/ and host/ the only code that
 * sees the real world. Exit codes: 0 a clean end, 1 refused or failed (one sentence on standard error says why), 2
 * wrong arguments. */
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/trust.h"
#include "base/version.h"
#include "host/host_cluster.h"
#include "host/host_folder.h"
#include "module/loader.h"
#include "node/declare.h"
#include "node/node.h"
#include "node/node_commands.h"
#include "node/reload.h"
#include "os/loop.h"
#include "os/os_clock.h"
#include "os/os_crash.h"
#include "os/os_disk.h"
#include "os/os_entropy.h"
#include "os/os_log.h"
#include "os/os_modules.h"
#include "os/os_process.h"
#include "os/os_settings.h"
#include "os/os_signal.h"
#include "os/os_text.h"
#include "os/os_watch.h"
#include "serve/blame.h"

#if defined GEOMYS_CHECK_SLOW || defined __SANITIZE_ADDRESS__
#define FINISH_AT_ONCE false
#else
#define FINISH_AT_ONCE true
#endif

struct server {
    struct config config;
    struct os_clock clock;
    struct os_entropy entropy;
    struct os_process process;
    struct os_settings settings;
    struct trace trace; /* until there is a node, which has its own and configures that */
    struct os_disk *disk;
    struct os_loop *loop;
    struct os_signal *signals;
    const struct registry *registry;
    struct host_cluster *cluster; /* NULL: none */
    struct node *node;
    struct os_watch *watch;
    const char *volatile loading; /* the module that is being loaded; NULL: none */
    int argc;                     /* as main was given them */
    char **argv;
    uint64_t ignored; /* signals that have been told of, a bit by number */
};

/* ---- configuration ---- */

/* From now on config->file is the file that was read, as a whole path without symbolic links. */
static void take_path(struct config *config, const char *path)
{
    char whole[PATH_MAX];
    const char *known = realpath(path, whole) != NULL ? whole : path;
    size_t size = strlen(known) + 1;
    memory_free(config->file);
    config->file = memcpy(memory_alloc(size), known, size);
}

static enum status read_config_file(struct config *config, struct complaint *complaint)
{
    struct buf path;
    buf_init(&path, 8192);
    if (!config_file_path(config, &path)) {
        buf_finish(&path);
        return STATUS_OK;
    }
    (void)buf_append(&path, (struct gm_bytes){(const uint8_t *)"", 1});
    struct buf text = {.limit = 0};
    enum status status = os_text_read((const char *)path.data, "the configuration file", TRUST_GROUP,
                                      CONFIG_FILE_SIZE_MAX + 4096, &text, complaint);
    if (status == STATUS_NOT_FOUND && config->file[0] == '\0') {
        status = STATUS_OK; /* the usual place may be empty */
    } else if (status == STATUS_OK) {
        status = config_from_json(config, (const char *)path.data, buf_bytes(&text), complaint);
        take_path(config, (const char *)path.data);
    }
    buf_finish(&text);
    buf_finish(&path);
    return status;
}

static enum status configure(struct config *config, int argc, char **argv, struct complaint *complaint)
{
    config_init(config, getenv("HOME"));
    TRY(config_from_flags(config, argc, (const char *const *)argv, complaint));
    if (config->want != CONFIG_WANT_RUN) {
        return STATUS_OK;
    }
    TRY(read_config_file(config, complaint));
    TRY(config_complete(config, complaint));
    if (config->password_file[0] != '\0') {
        struct buf content = {.limit = 0};
        enum status status =
            os_text_read(config->password_file, "the password file", TRUST_NOBODY, 8192, &content, complaint);
        if (status == STATUS_OK) {
            status = config_take_password(config, buf_bytes(&content), complaint);
        }
        buf_finish(&content);
        TRY(status);
    }
    return STATUS_OK;
}

/* ---- modules ---- */

/* Constructors of the file run: if they crash, it is known whose they were. */
static enum status load(struct server *server, const char *path, struct complaint *complaint)
{
    server->loading = path;
    enum status status = loader_add(&server->registry, path, complaint);
    server->loading = NULL;
    return status;
}

static enum status load_folder(struct server *server, const char *folder, struct complaint *complaint)
{
    struct os_modules modules = {.count = 0};
    enum status status = os_modules_list(&modules, folder, complaint);
    for (size_t i = 0; i < modules.count && status == STATUS_OK; i++) {
        status = load(server, modules.paths[i], complaint);
    }
    os_modules_finish(&modules);
    return status;
}

/* Nobody has said which: those that came with this program. */
static void find_modules(struct server *server)
{
    if (config_modules_given(&server->config)) {
        return;
    }
    char *folder = os_modules_beside(server->process.program);
    if (folder == NULL) {
        trace(&server->trace, TRACE_WARNING,
              "there are no modules beside %s: only the host's commands are served; name yours with --modules or "
              "--module_folder (--modules= if that is meant)",
              server->process.program);
        return;
    }
    config_take_module_folder(&server->config, folder);
    memory_free(folder);
}

static enum status load_modules(struct server *server, struct complaint *complaint)
{
    uint32_t count;
    const struct registry_interface *interfaces = node_interfaces(&count);
    server->registry = registry_create(interfaces, count);
    TRY(node_commands_register(&server->registry, complaint));
    find_modules(server);
    for (size_t i = 0; i < server->config.modules.count; i++) {
        TRY(load(server, server->config.modules.items[i], complaint));
    }
    if (server->config.module_folder[0] != '\0') {
        TRY(load_folder(server, server->config.module_folder, complaint));
    }
    for (uint32_t i = 0; i < registry_module_count(server->registry); i++) {
        const struct module *module = registry_module(server->registry, i);
        if (module->path != NULL) {
            trace(&server->trace, TRACE_INFO, "module %s %s from %s", module->abi->name, module->abi->version,
                  module->path);
        }
    }
    return declare_settings(&server->config, server->registry, complaint);
}

/* ---- turns ---- */

static const struct trace *log_of(const struct server *server)
{
    return server->node != NULL ? &server->node->env.trace : &server->trace;
}

static void on_turn(void *context, int64_t wall_ms, int64_t monotonic_ms)
{
    struct server *server = context;
    os_watch_turn(server->watch, true);
    node_turn(server->node, wall_ms, monotonic_ms);
}

static int64_t on_turn_end(void *context)
{
    struct server *server = context;
    int64_t next = node_turn_end(server->node);
    if (host_cluster_trouble(server->cluster) != NULL) {
        node_stop(server->node);
    }
    if (server->node->state == NODE_STOPPING || server->node->state == NODE_FAILED) {
        os_loop_stop(server->loop);
    }
    os_watch_turn(server->watch, false);
    return next;
}

static void on_disk(void *context)
{
    struct server *server = context;
    os_disk_deliver(server->disk);
}

/* The configuration file and the password file, as a start would. */
static void read_again(struct server *server)
{
    struct config fresh;
    struct complaint complaint;
    enum status status = configure(&fresh, server->argc, server->argv, &complaint);
    if (status == STATUS_OK) {
        status = reload(server->node, &fresh, &complaint);
    }
    if (status != STATUS_OK) {
        trace(log_of(server), TRACE_WARNING, "the settings were to be read again, and nothing is changed: %s",
              complaint.text);
    }
    config_finish(&fresh);
}

/* Each number once: others may send it often. */
static void tell_ignored(struct server *server, int number)
{
    uint64_t bit = (uint64_t)1 << (number & 63);
    if ((server->ignored & bit) == 0) {
        server->ignored |= bit;
        trace(log_of(server), TRACE_WARNING,
              "signal %d (%s) is ignored, and not told of again; SIGTERM stops the server, SIGHUP has it read its "
              "settings again",
              number, strsignal(number));
    }
}

static void on_signal(void *context, int number)
{
    struct server *server = context;
    if (number == SIGHUP) {
        read_again(server);
        return;
    }
    if (number != SIGTERM && number != SIGINT) {
        tell_ignored(server, number);
        return;
    }
    trace(log_of(server), TRACE_INFO, "signal %d (%s): stopping", number, strsignal(number));
    node_stop(server->node);
}

/* ::1 is there because some programs take "localhost" for it. Where nobody has asked for it by name, a machine without
 * IPv6 does without. */
static bool can_do_without(const struct config *config, const char *address, enum status status)
{
    return status == STATUS_NOT_FOUND && strcmp(address, "::1") == 0 && !config_bind_given(config);
}

static enum status listen_all(struct server *server, struct complaint *complaint)
{
    const struct config *config = &server->config;
    struct net_acceptor acceptor = node_acceptor(server->node);
    for (size_t i = 0; i < config->bind.count && config->external_port > 0; i++) {
        const char *address = config->bind.items[i];
        uint16_t port;
        enum status status = os_loop_listen_tcp(server->loop, address, (uint16_t)config->external_port, 511, &acceptor,
                                                &port, complaint);
        if (can_do_without(config, address, status)) {
            trace(log_of(server), TRACE_INFO, "not listening on ::1: this machine has no IPv6");
            continue;
        }
        TRY(status);
        trace(log_of(server), TRACE_INFO, "listening on %s port %u", address, port);
    }
    if (config->unix_socket[0] != '\0') {
        TRY(os_loop_listen_unix(server->loop, config->unix_socket, (unsigned)config->unix_socket_mode, 511, &acceptor,
                                complaint));
        trace(log_of(server), TRACE_INFO, "listening on %s", config->unix_socket);
    }
    return STATUS_OK;
}

static void on_trouble(void *context, const char *sentence)
{
    const struct server *server = context;
    trace(log_of(server), TRACE_WARNING, "%s", sentence);
}

static enum status start(struct server *server, struct complaint *complaint)
{
    const struct config *config = &server->config;
    server->trace = os_log_trace((enum trace_level)config->log_level);
    trace(&server->trace, TRACE_INFO, "geomys-server %s, node %lld, process %lld", GEOMYS_VERSION,
          (long long)config->node_id, (long long)getpid());
    os_process_init(&server->process);
    TRY(load_modules(server, complaint));
    struct os_loop_driver driver = {
        .turn = on_turn, .turn_end = on_turn_end, .on_trouble = on_trouble, .context = server};
    TRY(os_loop_create(&server->loop, &driver, complaint));
    TRY(os_signal_create(&server->signals, server->loop, on_signal, server, complaint));
    TRY(host_folder_prepare(config, complaint));
    TRY(os_disk_create(&server->disk, config->data_folder, &server->trace, complaint));
    TRY(os_loop_watch(server->loop, os_disk_event_fd(server->disk), on_disk, server, complaint));
    os_entropy_init(&server->entropy);
    os_clock_init(&server->clock);
    os_settings_init(&server->settings, config->file);
    struct host_cluster_config cluster = {.config = &server->config,
                                          .program = server->process.program,
                                          .machine = server->process.machine,
                                          .data = os_disk_interface(server->disk),
                                          .loop = server->loop,
                                          .trace = &server->trace};
    TRY(host_cluster_create(&server->cluster, &cluster, complaint));
    struct node_env env = {
        .clock = &server->clock.base,
        .disk = os_disk_interface(server->disk),
        .entropy = &server->entropy.base,
        .process = &server->process.base,
        .settings = config->file[0] != '\0' ? &server->settings.base : NULL,
        .network = os_loop_network(server->loop),
        .trace = server->trace,
    };
    host_cluster_lend(server->cluster, &env);
    TRY(node_create(&server->node, &server->config, server->registry, &env, complaint));
    if (config->allow_insecure && config->password[0] == '\0') {
        trace(
            log_of(server), TRACE_WARNING,
            "allow_insecure is set and there is no password: whoever reaches this port can read and change everything");
    }
    TRY(listen_all(server, complaint));
    return host_cluster_start(server->cluster, server->node, complaint);
}

static size_t describe_crash(const void *context, const char *deed, char *text, size_t room)
{
    const struct server *server = context;
    if (server->loading != NULL) {
        int size =
            snprintf(text, room, "the module %.512s %s while it was loaded, in a constructor or in its function %s",
                     server->loading, deed, GM_ENTRY_SYMBOL);
        return size < 0 ? 0 : (size_t)size < room ? (size_t)size : room - 1;
    }
    return server->node != NULL ? blame_describe(&server->node->worker, deed, text, room) : 0;
}

static uint64_t progress(const void *context)
{
    const struct server *server = context;
    return server->node != NULL ? blame_progress(&server->node->worker) : 0;
}

static enum status run(struct server *server, struct complaint *complaint)
{
    if (!memory_classes_hold()) {
        complaint_set(complaint,
                      "this jemalloc has other size classes than its usual ones, so that memory could not be "
                      "accounted for: build with -DGEOMYS_JEMALLOC=OFF");
        return STATUS_VERSION;
    }
    os_crash_watch(&(struct os_crash_witness){describe_crash, server});
    TRY(start(server, complaint));
    server->watch = os_watch_start(&(struct os_watch_witness){progress, server});
    os_loop_run(server->loop);
    os_watch_stop(server->watch);
    server->watch = NULL;
    os_disk_is_ending(server->disk);
    if (server->node->state == NODE_FAILED) {
        *complaint = server->node->complaint;
        return STATUS_IO;
    }
    TRY(node_close(server->node, complaint));
    if (host_cluster_trouble(server->cluster) != NULL) {
        complaint_set(complaint, "%s", host_cluster_trouble(server->cluster));
        return STATUS_IO;
    }
    host_cluster_resign(server->cluster);
    trace(log_of(server), TRACE_INFO, "everything is on the disk; bye");
    return STATUS_OK;
}

/* The order matters: the cluster's thread ends before the loop and the node that it wakes, connections end before the
 * node, requests before the disk, descriptors before their files. A node's data are not given back value by value,
 * which takes seconds for some millions: what must be on the disk is, the folder is free for the next server, and the
 * system takes the memory back at once. Where leaks are looked for, all is freed. */
static void finish(struct server *server, int code)
{
    os_signal_destroy(server->signals);
    host_cluster_stop(server->cluster);
    os_loop_destroy(server->loop);
    if (FINISH_AT_ONCE && server->node != NULL) {
        os_crash_unwatch();
        os_disk_destroy(server->disk);
        (void)fflush(NULL);
        _exit(code);
    }
    node_destroy(server->node);
    host_cluster_destroy(server->cluster);
    os_crash_unwatch();
    os_disk_destroy(server->disk);
    registry_release(server->registry);
    config_finish(&server->config);
}

/* With the settings of the modules that flags before --help have named. */
static int help(struct server *server)
{
    struct complaint complaint;
    enum status status = STATUS_OK;
    server->trace = os_log_trace(TRACE_WARNING);
    if (config_modules_given(&server->config)) {
        status = load_modules(server, &complaint);
    }
    if (status != STATUS_OK) {
        (void)fprintf(stderr, "geomys-server: %s\n", complaint.text);
        return 1;
    }
    struct buf text;
    buf_init(&text, 262144);
    config_help(&server->config, &text);
    (void)fwrite(text.data, 1, text.size, stdout);
    buf_finish(&text);
    return 0;
}

int main(int argc, char **argv)
{
    struct server server = {.argc = argc, .argv = argv};
    struct complaint complaint = {.text = ""};
    os_signal_hold();
    enum status status = configure(&server.config, argc, argv, &complaint);
    int code = 0;
    if (status != STATUS_OK) {
        (void)fprintf(stderr, "geomys-server: %s\n", complaint.text);
        code = 2;
    } else if (server.config.want == CONFIG_WANT_HELP) {
        code = help(&server);
    } else if (server.config.want == CONFIG_WANT_VERSION) {
        (void)printf("geomys-server %s (module ABI %d.%d)\n", GEOMYS_VERSION, GM_ABI_MAJOR, GM_ABI_MINOR);
    } else if (run(&server, &complaint) != STATUS_OK) {
        (void)fprintf(stderr, "geomys-server: %s\n", complaint.text);
        code = 1;
    }
    finish(&server, code);
    return code;
}
