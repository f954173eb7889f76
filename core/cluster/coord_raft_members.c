/* SPDX-License-Identifier: MIT */

/* coord_raft_members.c - the library's servers follow the topology's members.
 *
 * Idea     The leader compares both, and takes one step: remove who is no member any more (another folder under the
 *          same node is another server), take in who is new, let those follow that do not vote, promote those that
 *          shall. The next step comes when the last is committed, so two sets that count differ by one server.
 *
 * Promises
 *   P1  A server is promoted only while all that shall be promoted answer: a second voter alone would be one more that
 *       must not fail.
 */
#include "cluster/coord_raft_state.h"

#include "cluster/coord_guard_state.h"

#define ANSWERS_US 2000000 /* who has answered within this time is there */

static const struct topology_member *member_of(const struct coord_raft *raft, const struct raft_server *server)
{
    const struct topology_member *member = topology_member(raft->applied, coord_guard_node(server->address));
    return member != NULL && coord_raft_server(member->folder_id) == server->id ? member : NULL;
}

static const struct raft_server *server_of(const struct coord_raft *raft, const struct topology_member *member)
{
    const struct raft_configuration *servers = &raft->guard.raft.configuration;
    uint64_t id = coord_raft_server(member->folder_id);
    for (unsigned i = 0; i < servers->n; i++) {
        if (servers->servers[i].id == id) {
            return &servers->servers[i];
        }
    }
    return NULL;
}

static void on_change(struct raft_change *change, int status)
{
    struct coord_raft *raft = change->data;
    (void)status; /* what was not done is seen at the next comparison */
    raft->changing = false;
}

static void begin(struct coord_raft *raft)
{
    raft->changing = true;
    raft->change.data = raft;
}

static void end(struct coord_raft *raft, int code)
{
    if (code != 0) {
        raft->changing = false; /* not now: it is tried again */
    }
}

/* This server goes last, when all else is as it should be. */
static bool remove_one(struct coord_raft *raft, bool self)
{
    const struct raft_configuration *servers = &raft->guard.raft.configuration;
    for (unsigned i = 0; i < servers->n; i++) {
        bool own = servers->servers[i].id == raft->guard.config.server;
        if (own == self && member_of(raft, &servers->servers[i]) == NULL) {
            begin(raft);
            end(raft, raft_remove(&raft->guard.raft, &raft->change, servers->servers[i].id, on_change));
            return true;
        }
    }
    return false;
}

static bool add_one(struct coord_raft *raft)
{
    for (uint32_t i = 0; i < raft->applied->member_count; i++) {
        const struct topology_member *member = &raft->applied->members[i];
        if (server_of(raft, member) == NULL) {
            char address[24];
            coord_guard_address(member->id, address);
            begin(raft);
            end(raft,
                raft_add(&raft->guard.raft, &raft->change, coord_raft_server(member->folder_id), address, on_change));
            return true;
        }
    }
    return false;
}

static bool assign(struct coord_raft *raft, const struct raft_server *server, int role)
{
    begin(raft);
    end(raft, raft_assign(&raft->guard.raft, &raft->change, server->id, role, on_change));
    return true;
}

/* Those that are new, or vote though they shall not. */
static bool make_follow(struct coord_raft *raft)
{
    for (uint32_t i = 0; i < raft->applied->member_count; i++) {
        const struct topology_member *member = &raft->applied->members[i];
        const struct raft_server *server = server_of(raft, member);
        if (server->role == RAFT_SPARE) {
            return assign(raft, server, RAFT_STANDBY);
        }
        if (server->role == RAFT_VOTER && !member->engine_voter && server->id != raft->guard.config.server) {
            return assign(raft, server, RAFT_STANDBY);
        }
    }
    return false;
}

static bool promote_one(struct coord_raft *raft)
{
    const struct raft_server *next = NULL;
    for (uint32_t i = 0; i < raft->applied->member_count; i++) {
        const struct topology_member *member = &raft->applied->members[i];
        const struct raft_server *server = server_of(raft, member);
        if (!member->engine_voter || server->role == RAFT_VOTER) {
            continue;
        }
        if (coord_guard_heard_us(&raft->guard, server->id) < raft->now_us - ANSWERS_US) {
            return false; /* coord_raft_members P1 */
        }
        next = next == NULL ? server : next;
    }
    return next != NULL && assign(raft, next, RAFT_VOTER);
}

void coord_raft_see_to_members(struct coord_raft *raft)
{
    if (raft->changing || raft->version == 0 || !coord_guard_settled(&raft->guard)) { /* coord_guard P6 */
        return;
    }
    if (!remove_one(raft, false) && !add_one(raft) && !make_follow(raft) && !promote_one(raft)) {
        (void)remove_one(raft, true);
    }
}
