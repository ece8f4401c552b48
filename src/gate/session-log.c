// SPDX-License-Identifier: Apache-2.0
// Text and JSON hold the same members; base/log.h chooses between them.
#include "gate/session-log.h"

#include "base/json-util.h"
#include "base/log.h"

// Takes object.
static void
say(const YdGateSession *session, const char *text, json_t *object)
{
    const char *user = yd_gate_session_user(session);
    if (user != NULL)
        json_object_set_new(object, "user", json_string(user));
    char *more = json_dumps(object, JSON_COMPACT);
    const YdLogFields fields = {.session = yd_gate_session_id(session), .more = more};
    yd_log(G_LOG_LEVEL_MESSAGE, &fields, "%s", text);
    free(more);
    json_decref(object);
}

void
yd_gate_log_begin(YdGateSessions *sessions, YdGateSession *session, const char *user,
                  const YdGateOrigin *origin)
{
    if (!yd_gate_sessions_begin(sessions, session, user))
        return;
    say(session, "session begins",
        json_pack("{s:s, s:s, s:s, s:i}", "event", "session-begin", "protocol", origin->protocol,
                  "address", origin->address, "port", (int)origin->port));
}

void
yd_gate_log_end(YdGateSessions *sessions, YdGateSession *session, const char *reason,
                const YdGateOrigin *origin)
{
    YdGateUse use;
    if (!yd_gate_sessions_end(sessions, session, &use))
        return;
    say(session, "session ends",
        json_pack("{s:s, s:s, s:s, s:i, s:I, s:I, s:I, s:s}", "event", "session-end", "protocol",
                  origin->protocol, "address", origin->address, "port", (int)origin->port,
                  "bytes_up", (json_int_t)use.bytes_up, "bytes_down", (json_int_t)use.bytes_down,
                  "milliseconds", (json_int_t)(use.us / 1000), "reason", reason));
}
