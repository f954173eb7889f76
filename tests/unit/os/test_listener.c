/* SPDX-License-Identifier: MIT */

/* Listening: addresses, socket files, and a system that has no descriptors left. */
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "hub.h"

static struct hub hub;

static void start(void)
{
    hub_start(&hub);
}

static void finish(void)
{
    hub_finish(&hub);
}

TestSuite(listener, .init = start, .fini = finish, .timeout = 60);

static bool nobody(void *context, struct net_conn *conn, const struct net_user_ops **ops, void **user,
                   struct gm_bytes *refusal)
{
    (void)context;
    (void)conn;
    (void)ops;
    (void)user;
    *refusal = BYTES("-ERR go away\r\n");
    return false;
}

static const struct net_acceptor acceptor = {.on_accept = nobody};

static int option(int descriptor, int level, int name)
{
    int value = -1;
    socklen_t size = sizeof value;
    cr_assert_eq(getsockopt(descriptor, level, name, &value, &size), 0);
    return value;
}

Test(listener, says_who_came_and_prepares_the_socket)
{
    struct network *network = os_loop_network(hub.loop);
    network->ops->configure(network, &(struct network_options){.keepalive_s = 90});
    int client = hub_connect(&hub);
    const struct net_conn_base *base = net_base(hub.users[0]->conn);
    char here[64];
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    cr_assert_eq(getsockname(client, (struct sockaddr *)&address, &size), 0);
    snprintf(here, sizeof here, "127.0.0.1:%u", ntohs(address.sin_port));
    cr_assert_str_eq(base->peer, here);
    snprintf(here, sizeof here, "127.0.0.1:%u", hub.port);
    cr_assert_str_eq(base->address, here);
    cr_assert_neq(option(base->descriptor, IPPROTO_TCP, TCP_NODELAY), 0);
    cr_assert_neq(option(base->descriptor, SOL_SOCKET, SO_KEEPALIVE), 0);
    cr_assert_eq(option(base->descriptor, IPPROTO_TCP, TCP_KEEPIDLE), 90);
    cr_assert_eq(option(base->descriptor, IPPROTO_TCP, TCP_KEEPINTVL), 30);
    network->ops->configure(network, &(struct network_options){.keepalive_s = 0});
    int other = hub_connect(&hub);
    cr_assert_eq(option(net_base(hub.users[1]->conn)->descriptor, SOL_SOCKET, SO_KEEPALIVE), 0);
    cr_assert_eq(option(base->descriptor, SOL_SOCKET, SO_KEEPALIVE), 0,
                 "nor is the one that was there probed any more");
    network->ops->configure(network, &(struct network_options){.keepalive_s = 60});
    cr_assert_eq(option(base->descriptor, IPPROTO_TCP, TCP_KEEPIDLE), 60);
    close(client);
    close(other);
}

/* A port that a socket listens on which is not the loop's; it stays until the test's process ends. */
static int occupied_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(bind(descriptor, (struct sockaddr *)&address, size), 0);
    cr_assert_eq(listen(descriptor, 1), 0);
    cr_assert_eq(getsockname(descriptor, (struct sockaddr *)&address, &size), 0);
    return ntohs(address.sin_port);
}

Test(listener, refuses_addresses_with_a_sentence)
{
    struct complaint complaint;
    cr_assert_eq(os_loop_listen_tcp(hub.loop, "127.0.0.1", hub.port, 5, &acceptor, NULL, &complaint), STATUS_EXISTS);
    char expected[160];
    snprintf(expected, sizeof expected, "cannot listen on 127.0.0.1:%u: \"bind\" names it twice; name it once",
             hub.port);
    cr_assert_str_eq(complaint.text, expected);
    cr_assert_eq(os_loop_listen_tcp(hub.loop, "0.0.0.0", hub.port, 5, &acceptor, NULL, &complaint), STATUS_EXISTS);
    snprintf(
        expected, sizeof expected,
        "cannot listen on 0.0.0.0:%u: \"bind\" names 127.0.0.1:%u as well, and one includes the other; name one of "
        "them",
        hub.port, hub.port);
    cr_assert_str_eq(complaint.text, expected);
    int other = occupied_port(); /* by somebody else */
    cr_assert_eq(os_loop_listen_tcp(hub.loop, "127.0.0.1", (uint16_t)other, 5, &acceptor, NULL, &complaint),
                 STATUS_EXISTS);
    snprintf(expected, sizeof expected,
             "cannot listen on 127.0.0.1:%d: Address already in use; is another server running?", other);
    cr_assert_str_eq(complaint.text, expected);
    static const char *const wrong[] = {"", "example.org", "1.2.3", "127.0.0.1:80", "[::1]"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        cr_assert_eq(os_loop_listen_tcp(hub.loop, wrong[i], 0, 5, &acceptor, NULL, &complaint), STATUS_INVALID);
        cr_assert(strstr(complaint.text, "not an IPv4 or IPv6 address") != NULL);
    }
    cr_assert_eq(os_loop_listen_tcp(hub.loop, "203.0.113.7", 0, 5, &acceptor, NULL, &complaint), STATUS_NOT_FOUND);
    cr_assert(strstr(complaint.text, "this machine has no such address") != NULL, "%s", complaint.text);
    uint16_t port = 0;
    cr_assert_eq(os_loop_listen_tcp(hub.loop, "localhost", 0, 5, &acceptor, &port, &complaint), STATUS_OK);
    cr_assert_neq(port, 0);
    if (os_loop_listen_tcp(hub.loop, "::", 0, 5, &acceptor, &port, &complaint) == STATUS_OK) {
        cr_assert_eq(os_loop_listen_tcp(hub.loop, "0.0.0.0", port, 5, &acceptor, NULL, &complaint), STATUS_OK, "%s",
                     complaint.text);
    }
}

static bool accept_none(struct hub *self, struct hub_user *user)
{
    (void)self;
    net_write(user->conn, (const uint8_t *)"-", 1);
    net_close(user->conn);
    return false;
}

Test(listener, lets_the_acceptor_refuse_with_a_word)
{
    hub.accepts = accept_none;
    hub.refusal = BYTES("ERR max number of clients reached\r\n");
    int client = hub_connect_only(&hub);
    hub_text(&hub, client, "PING\r\n");
    hub_turns(&hub, 3);
    char text[64] = {0};
    cr_assert_eq(hub_read(client, text, sizeof text), 36);
    cr_assert_str_eq(text, "-ERR max number of clients reached\r\n");
    cr_assert_eq(hub_read(client, text, sizeof text), 0);
    cr_assert_eq(os_loop_memory(hub.loop), 0);
    close(client);
}

/* listener I1: 64 are ACCEPTS. So those that are there are served though many come at once. */
Test(listener, takes_so_many_in_a_turn_and_the_rest_in_the_next)
{
    int clients[150];
    for (size_t i = 0; i < 150; i++) {
        clients[i] = hub_connect_only(&hub);
    }
    for (size_t before = 0; hub.count < 150; before = hub.count) {
        hub_turns(&hub, 1);
        cr_assert(hub.count > before && hub.count - before <= 64, "%zu in a turn", hub.count - before);
    }
    for (size_t i = 0; i < 150; i++) {
        close(clients[i]);
    }
}

Test(listener, can_stop)
{
    int client = hub_connect(&hub);
    os_loop_unlisten(hub.loop);
    hub_text(&hub, client, "abc");
    hub_turns(&hub, 2);
    cr_assert_eq(hub.users[0]->taken.size, 3, "connections stay");
    close(client);
}

Test(listener, without_descriptors_refuses_politely_tells_once_and_does_not_spin)
{
    enum { CLIENTS = 20, SERVED = 4 };
    int clients[CLIENTS];
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = hub_connect_only(&hub);
    }
    struct rlimit before;
    struct rlimit files;
    int next = dup(0);
    close(next);
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
    files = before;
    files.rlim_cur = (rlim_t)(next + SERVED);
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &files), 0);
    cr_assert_leq(hub_idle_turns(&hub, 30), 4);
    cr_assert_eq(hub.count, SERVED);
    int refused = 0;
    for (int i = 0; i < CLIENTS; i++) {
        char text[64] = {0};
        if (hub_read(clients[i], text, sizeof text) == 21) {
            cr_assert_str_eq(text, "-ERR no descriptors\r\n");
            cr_assert_eq(hub_read(clients[i], text, sizeof text), 0);
            refused++;
        }
    }
    cr_assert_eq(refused, CLIENTS - SERVED);
    cr_assert_eq(hub.troubles, 1); /* listener I2 */
    cr_assert(strstr(hub.trouble, "cannot accept new connections, 4 are open: Too many open files; raise") != NULL,
              "%s", hub.trouble);

    /* not even the spare: accepting rests, and recovers */
    files.rlim_cur = 3;
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
    int late = hub_connect_only(&hub);
    int later = hub_connect_only(&hub);
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &files), 0);
    cr_assert_leq(hub_idle_turns(&hub, 30), 4);
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
    hub_idle_turns(&hub, 150);
    cr_assert_geq(hub.count, SERVED + 1, "the one that still waited is served");
    cr_assert_eq(hub.troubles, 1);
    close(late);
    close(later);
    for (int i = 0; i < CLIENTS; i++) {
        close(clients[i]);
    }
}

static int connect_path(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    int client = socket(AF_UNIX, SOCK_STREAM, 0);
    cr_assert_geq(client, 0);
    if (connect(client, (struct sockaddr *)&address, sizeof address) != 0) {
        close(client);
        return -1;
    }
    return client;
}

Test(listener, replaces_a_socket_file_only_if_nobody_answers)
{
    char folder[] = "/tmp/geomys-test-XXXXXX";
    char path[64];
    struct complaint complaint;
    struct stat file;
    cr_assert_not_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/socket", folder);

    cr_assert_eq(os_loop_listen_unix(hub.loop, path, 0700, 5, &acceptor, &complaint), STATUS_OK);
    cr_assert_eq(stat(path, &file), 0);
    cr_assert_eq(file.st_mode & 0777, 0700);
    cr_assert_eq(os_loop_listen_unix(hub.loop, path, 0700, 5, &acceptor, &complaint), STATUS_EXISTS);
    cr_assert(strstr(complaint.text, "in use; is another server running?") != NULL, "%s", complaint.text);
    int client = connect_path(path);
    cr_assert_geq(client, 0);
    char text[64] = {0};
    hub_turns(&hub, 2);
    hub_turns(&hub, 2);
    cr_assert_gt(hub_read(client, text, sizeof text), 0);
    cr_assert_str_eq(text, "-ERR go away\r\n");
    close(client);
    os_loop_unlisten(hub.loop);
    cr_assert_neq(stat(path, &file), 0, "the file goes with the listener");

    /* what a killed server leaves behind */
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    int dead = socket(AF_UNIX, SOCK_STREAM, 0);
    cr_assert_eq(bind(dead, (struct sockaddr *)&address, sizeof address), 0);
    cr_assert_eq(listen(dead, 5), 0);
    close(dead);
    cr_assert_eq(os_loop_listen_unix(hub.loop, path, 0666, 5, &acceptor, &complaint), STATUS_OK, "%s", complaint.text);
    cr_assert_eq(stat(path, &file), 0);
    cr_assert_eq(file.st_mode & 0777, 0666);

    /* listener I3 */
    /* another one's file in its place is left alone */
    cr_assert_eq(unlink(path), 0);
    dead = socket(AF_UNIX, SOCK_STREAM, 0);
    cr_assert_eq(bind(dead, (struct sockaddr *)&address, sizeof address), 0);
    os_loop_unlisten(hub.loop);
    cr_assert_eq(stat(path, &file), 0);
    close(dead);
    cr_assert_eq(unlink(path), 0);

    FILE *plain = fopen(path, "w");
    cr_assert_not_null(plain);
    fclose(plain);
    cr_assert_eq(os_loop_listen_unix(hub.loop, path, 0700, 5, &acceptor, &complaint), STATUS_EXISTS);
    cr_assert_eq(stat(path, &file), 0);
    cr_assert(S_ISREG(file.st_mode), "what is no socket is never replaced");
    cr_assert_eq(unlink(path), 0);
    cr_assert_eq(rmdir(folder), 0);
    cr_assert_eq(os_loop_listen_unix(hub.loop, path, 0700, 5, &acceptor, &complaint), STATUS_REFUSED);
    cr_assert(strstr(complaint.text, "No such file or directory") != NULL, "%s", complaint.text);
    char longer[200];
    memset(longer, 'a', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    cr_assert_eq(os_loop_listen_unix(hub.loop, longer, 0700, 5, &acceptor, &complaint), STATUS_INVALID);
}

Test(listener, serves_a_socket_file_to_the_last_byte_of_a_peer_that_is_gone)
{
    char folder[] = "/tmp/geomys-test-XXXXXX";
    char path[64];
    static uint8_t sent[150000];
    struct complaint complaint;
    struct net_acceptor here = hub_acceptor(&hub);
    cr_assert_not_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/socket", folder);
    cr_assert_eq(os_loop_listen_unix(hub.loop, path, 0700, 5, &here, &complaint), STATUS_OK);
    hub_byte_pattern(sent, sizeof sent, 4);
    int client = connect_path(path);
    hub_turns(&hub, 2);
    cr_assert_eq(hub.count, 1);
    struct hub_user *user = hub.users[0];
    char shown[80];
    snprintf(shown, sizeof shown, "%s:0", path);
    cr_assert_str_eq(net_base(user->conn)->peer, shown);
    cr_assert_str_eq(net_base(user->conn)->address, shown);
    cr_assert(net_base(user->conn)->local);
    hub_send(&hub, client, sent, sizeof sent);
    close(client);
    for (int i = 0; i < 20 && user->closes == 0; i++) {
        hub_turns(&hub, 1);
    }
    cr_assert_eq(user->eofs, 1);
    cr_assert_eq(user->closes, 1, "nobody is left to be answered");
    cr_assert_eq(user->taken.size, sizeof sent);
    cr_assert_arr_eq(user->taken.data, sent, sizeof sent);
    os_loop_unlisten(hub.loop);
    cr_assert_eq(rmdir(folder), 0);
}
