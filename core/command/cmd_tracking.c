/* SPDX-License-Identifier: MIT */

/* cmd_tracking.c - CLIENT TRACKING, CACHING, GETREDIR and TRACKINGINFO: what a client wishes, and what it has.
 *
 * These plans change the session itself: each of them runs once. */
#include "command/cmd.h"
#include "serve/sessions.h"

enum { ON, OFF, REDIRECT, CLIENT_ID, PREFIX, PREFIXES, BCAST, OPTIN, OPTOUT, NOLOOP };

static const char *read_wish(struct gm_call *abi, struct tracking_wish *wish)
{
    uint32_t count = abi->args[PREFIXES].count;
    *wish = (struct tracking_wish){
        .mode = {.bcast = gm_given(abi, BCAST),
                 .optin = gm_given(abi, OPTIN),
                 .optout = gm_given(abi, OPTOUT),
                 .noloop = gm_given(abi, NOLOOP)},
        .prefix_count = count,
    };
    if (gm_given(abi, REDIRECT)) {
        wish->target = sessions_find(call_of(abi)->worker, abi->args[CLIENT_ID].integer);
        if (wish->target == NULL) {
            return "ERR The client ID you want redirect to does not exist";
        }
    }
    struct gm_bytes *prefixes = arena_alloc(&call_of(abi)->worker->arena, (count + 1) * sizeof *prefixes);
    for (uint32_t i = 0; i < count; i++) {
        prefixes[i] = gm_arg_at(abi, PREFIXES, i);
    }
    wish->prefixes = prefixes;
    return NULL;
}

void cmd_tracking_tracking(struct gm_call *abi)
{
    struct session *session = call_session(call_of(abi));
    struct tracking *tracking = &call_of(abi)->worker->tracking;
    char text[TRACKING_TEXT_MAX];
    struct tracking_wish wish;
    const char *error = read_wish(abi, &wish);
    if (error == NULL && gm_given(abi, ON)) {
        error = tracking_on(tracking, session, &wish, text);
    } else if (error == NULL) {
        tracking_off(tracking, session);
    }
    if (error != NULL) {
        gm_reply_error(abi, error);
    } else {
        gm_reply_status(abi, "OK");
    }
}

void cmd_tracking_caching(struct gm_call *abi)
{
    enum { YES, NO };
    struct tracker *tracker = call_session(call_of(abi))->tracker;
    bool yes = gm_given(abi, YES);
    if (tracker == NULL) {
        gm_reply_error(abi, "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or "
                            "OPTOUT mode enabled");
    } else if (yes && !tracker->mode.optin) {
        gm_reply_error(abi, "ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.");
    } else if (!yes && !tracker->mode.optout) {
        gm_reply_error(abi, "ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.");
    } else {
        tracker->caching = true;
        gm_reply_status(abi, "OK");
    }
}

static int64_t redirection(const struct tracker *tracker)
{
    return tracker != NULL ? (int64_t)tracker->target_id : -1;
}

void cmd_tracking_getredir(struct gm_call *abi)
{
    gm_reply_int(abi, redirection(call_session(call_of(abi))->tracker));
}

/* `reply` NULL: only counts. */
static size_t write_flags(const struct tracker *tracker, struct reply *reply)
{
    const struct tracking_mode off = {0};
    const struct tracking_mode *mode = tracker != NULL ? &tracker->mode : &off;
    bool caching = tracker != NULL && tracker->caching;
    const struct {
        bool is;
        const char *name;
    } flags[] = {
        {tracker == NULL, "off"},
        {tracker != NULL, "on"},
        {mode->bcast, "bcast"},
        {mode->optin, "optin"},
        {mode->optin && caching, "caching-yes"},
        {mode->optout, "optout"},
        {mode->optout && caching, "caching-no"},
        {mode->noloop, "noloop"},
        {tracker != NULL && tracker->broken, "broken_redirect"},
    };
    size_t count = 0;
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        count += flags[i].is;
        if (flags[i].is && reply != NULL) {
            reply_text(reply, flags[i].name);
        }
    }
    return count;
}

void cmd_tracking_info(struct gm_call *abi)
{
    struct call *call = call_of(abi);
    struct reply *reply = &call->reply;
    const struct tracker *tracker = call_session(call)->tracker;
    reply_map(reply, 3);
    reply_text(reply, "flags");
    reply_set(reply, write_flags(tracker, NULL));
    (void)write_flags(tracker, reply);
    reply_text(reply, "redirect");
    reply_int(reply, redirection(tracker));
    reply_text(reply, "prefixes");
    reply_array(reply, tracker != NULL ? tracker->bcast_count : 0);
    for (const struct list *at = tracker != NULL ? tracker->bcasts.next : NULL; at != NULL && at != &tracker->bcasts;
         at = at->next) {
        reply_bytes(reply, tracking_prefix_name(container_of(at, struct tracking_bcast, in_tracker)->prefix));
    }
}
