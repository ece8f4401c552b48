// SPDX-License-Identifier: Apache-2.0
// Calls under way, behind one lock. An answer counts only from a gate of the name that was asked.
#include "service/gate-call.h"

#include "base/error.h"
#include "base/json-util.h"
#include "service/gate-list.h"

typedef struct {
    const char *gate;
    json_t *answer;
} Call;

typedef struct {
    GMutex lock;
    GCond answered;
    GHashTable *calls; // id (gint64) -> Call, on its caller's stack
    gint64 last_id;
} Calls;

static void
calls_free(gpointer data)
{
    Calls *calls = data;
    g_hash_table_unref(calls->calls);
    g_cond_clear(&calls->answered);
    g_mutex_clear(&calls->lock);
    g_free(calls);
}

static Calls *
calls_of(YdService *service)
{
    Calls *calls = yd_service_part(service, "gate-call");
    if (calls)
        return calls;
    calls = g_new0(Calls, 1);
    g_mutex_init(&calls->lock);
    g_cond_init(&calls->answered);
    calls->calls = g_hash_table_new(g_int64_hash, g_int64_equal);
    return yd_service_set_part(service, "gate-call", calls, calls_free);
}

// Takes answer: gives it back, or its error.
static json_t *
look_at(json_t *answer, const char *gate, GError **error)
{
    if (json_is_true(json_object_get(answer, "ok")))
        return answer;
    const char *message = json_string_value(json_object_get(answer, "message"));
    YdErrorCode code = YD_ERROR_INTERNAL;
    yd_error_code_from_name(json_string_value(json_object_get(answer, "code")), &code);
    g_set_error(error, YD_ERROR, code, "deskhost beside gate “%s”: %s", gate,
                message ? message : "no good answer");
    json_decref(answer);
    return NULL;
}

static json_t *
wait_for(Calls *calls, Call *call, gint64 id, guint seconds)
{
    gint64 until = g_get_monotonic_time() + seconds * G_USEC_PER_SEC;
    g_mutex_lock(&calls->lock);
    while (!call->answer && g_cond_wait_until(&calls->answered, &calls->lock, until))
        ;
    g_hash_table_remove(calls->calls, &id);
    g_mutex_unlock(&calls->lock);
    return call->answer;
}

json_t *
yd_gate_call(YdService *service, const char *gate, const json_t *request, guint seconds,
             GError **error)
{
    Calls *calls = calls_of(service);
    Call call = {.gate = gate};
    if (!yd_gate_list_has(service, gate)) {
        g_set_error(error, YD_ERROR, YD_ERROR_UNAVAILABLE, "the gate “%s” is not connected", gate);
        return NULL;
    }
    g_mutex_lock(&calls->lock);
    gint64 id = ++calls->last_id;
    g_hash_table_insert(calls->calls, &id, &call);
    g_mutex_unlock(&calls->lock);
    g_autoptr(json_t) message =
        json_pack("{s:s, s:I, s:O}", "op", "host", "id", (json_int_t)id, "request", request);
    g_autofree char *line = yd_json_text(message);
    yd_gate_list_tell(service, gate, line);
    json_t *answer = wait_for(calls, &call, id, seconds);
    if (answer)
        return look_at(answer, gate, error);
    g_set_error(error, YD_ERROR, YD_ERROR_TIMEOUT,
                "deskhost beside gate “%s” gives no answer within %u s; a gate that is older than "
                "deskd does not bring it",
                gate, seconds);
    return NULL;
}

void
yd_gate_call_answered(YdService *service, const char *gate, const json_t *message)
{
    Calls *calls = calls_of(service);
    json_t *answer = json_object_get(message, "answer");
    gint64 id = json_integer_value(json_object_get(message, "id"));
    g_mutex_lock(&calls->lock);
    Call *call = g_hash_table_lookup(calls->calls, &id);
    if (call && !call->answer && json_is_object(answer) && g_strcmp0(call->gate, gate) == 0) {
        call->answer = json_deep_copy(answer);
        g_cond_broadcast(&calls->answered);
    }
    g_mutex_unlock(&calls->lock);
}
