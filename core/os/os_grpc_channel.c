/* SPDX-License-Identifier: MIT */

/* os_grpc_channel.c - connections to other nodes.
 *
 * Why      gRPC waits between attempts to connect, longer each time, and answers meanwhile with its last failure. What
 *          is opened here shall work as soon as the peer is there (E6).
 *
 * Idea     A channel on which a link was lost, or reached nobody, is retired: links that have it keep it, the next one
 *          gets a new channel, which connects at once. A channel that nobody uses stays for a while, for calls that
 *          come one by one. */
#include "os/os_grpc_channel.h"

#include <stdio.h>
#include <string.h>

#include <grpc/grpc_security.h>

#include "base/memory.h"

#define IDLE_MS    10000
#define CONNECT_MS 1000 /* one attempt */
#define LOCALHOST  "localhost:"

static struct os_grpc_channel *channel_at(struct list *link)
{
    return container_of(link, struct os_grpc_channel, all);
}

static grpc_channel *connect_to(const char *address)
{
    char target[NET_ADDRESS_MAX + 16]; /* a name or a literal, whatever it looks like: no other scheme */
    if (strncmp(address, LOCALHOST, sizeof LOCALHOST - 1) == 0) { /* as where we listen; and c-ares leaks it */
        (void)snprintf(target, sizeof target, "dns:///127.0.0.1:%s", address + sizeof LOCALHOST - 1);
    } else {
        (void)snprintf(target, sizeof target, "dns:///%s", address);
    }
    grpc_arg settings[OS_GRPC_SETTINGS + 8];
    size_t count = os_grpc_settings(settings);
    settings[count++] = os_grpc_setting(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    settings[count++] = os_grpc_setting(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
    settings[count++] = os_grpc_setting(GRPC_ARG_ENABLE_RETRIES, 0);
    settings[count++] = os_grpc_setting(GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1);
    settings[count++] = os_grpc_setting(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, CONNECT_MS);
    settings[count++] = os_grpc_setting(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, CONNECT_MS);
    settings[count++] = os_grpc_setting(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, CONNECT_MS);
    settings[count++] = os_grpc_setting(GRPC_ARG_DNS_ARES_QUERY_TIMEOUT_MS, CONNECT_MS);
    grpc_channel_credentials *credentials = grpc_insecure_credentials_create();
    grpc_channel *channel =
        grpc_channel_create(target, credentials, &(grpc_channel_args){.num_args = count, .args = settings});
    grpc_channel_credentials_release(credentials);
    return channel;
}

struct os_grpc_channel *os_grpc_channel_take(struct os_grpc *grpc, const char *address, enum peer_method method)
{
    enum peer_method alone = peer_method_apart(method) ? method : PEER_METHODS;
    for (struct list *at = grpc->channels.next; at != &grpc->channels; at = at->next) {
        struct os_grpc_channel *channel = channel_at(at);
        if (channel->method == alone && strcmp(channel->address, address) == 0) { /* peer E8 */
            channel->users++;
            return channel;
        }
    }
    struct os_grpc_channel *channel = memory_zeroed(sizeof *channel);
    channel->method = alone;
    channel->users = 1;
    (void)snprintf(channel->address, sizeof channel->address, "%s", address);
    channel->channel = connect_to(address);
    list_push_back(&grpc->channels, &channel->all);
    return channel;
}

static void end(struct os_grpc_channel *channel)
{
    grpc_channel_destroy(channel->channel);
    memory_free(channel);
}

void os_grpc_channel_drop(struct os_grpc_channel *channel)
{
    check(channel->users > 0);
    channel->users--;
    channel->idle_ms = os_grpc_now_ms();
    if (channel->users == 0 && list_empty(&channel->all)) {
        end(channel);
    }
}

void os_grpc_channel_retire(struct os_grpc_channel *channel)
{
    check(channel->users > 0);
    list_remove(&channel->all);
}

void os_grpc_channel_sweep(struct os_grpc *grpc, int64_t now_ms)
{
    pthread_mutex_lock(&grpc->lock);
    for (struct list *at = grpc->channels.next, *next; at != &grpc->channels; at = next) {
        next = at->next;
        struct os_grpc_channel *channel = channel_at(at);
        if (channel->users == 0 && now_ms - channel->idle_ms >= IDLE_MS) {
            list_remove(at);
            end(channel);
        }
    }
    pthread_mutex_unlock(&grpc->lock);
}
