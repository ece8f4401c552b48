// SPDX-License-Identifier: Apache-2.0
#include "gate/host-call.h"

#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "gate/gate-message.h"

#define PATIENCE_US (20 * G_USEC_PER_SEC)
#define WAITING_MAX 256
#define ANSWER_MAX (YD_GATE_LINE_MAX / 2)

typedef struct {
    guint64 id;
    char *line;
} Question;

struct YdHostCall {
    char *path;
    GQueue waiting; // of Question
    Question *now;  // the one that is asked
    int fd;         // -1: not connected
    gsize sent;
    GByteArray *in;
    gint64 until;
};

static void
question_free(gpointer data)
{
    Question *question = data;
    g_free(question->line);
    g_free(question);
}

YdHostCall *
yd_host_call_new(const char *socket)
{
    YdHostCall *call = g_new0(YdHostCall, 1);
    call->path = g_strdup(socket);
    call->in = g_byte_array_new();
    call->fd = -1;
    g_queue_init(&call->waiting);
    return call;
}

static void
hang_up(YdHostCall *call)
{
    if (call->fd >= 0)
        close(call->fd);
    call->fd = -1;
    call->sent = 0;
    g_byte_array_set_size(call->in, 0);
    g_clear_pointer(&call->now, question_free);
}

void
yd_host_call_reset(YdHostCall *call)
{
    hang_up(call);
    g_queue_clear_full(&call->waiting, question_free);
}

void
yd_host_call_free(YdHostCall *call)
{
    if (call == NULL)
        return;
    yd_host_call_reset(call);
    g_byte_array_unref(call->in);
    g_free(call->path);
    g_free(call);
}

void
yd_host_call_push(YdHostCall *call, guint64 id, const char *request)
{
    Question *question = g_new0(Question, 1);
    question->id = id;
    question->line = g_strconcat(request, "\n", NULL);
    if (g_queue_get_length(&call->waiting) >= WAITING_MAX) // the oldest has waited in vain by now
        question_free(g_queue_pop_head(&call->waiting));
    g_queue_push_tail(&call->waiting, question);
}

// The answer to the present question. Takes json.
static char *
answer(YdHostCall *call, json_t *json)
{
    char *line = yd_gate_message_host(call->now->id, json);
    hang_up(call);
    return line;
}

static char *
fail(YdHostCall *call, const char *code, const char *why)
{
    g_autofree char *text =
        g_strdup_printf("deskhost of this host does not answer at '%s': %s", call->path, why);
    return answer(call, json_pack("{s:b, s:s, s:s}", "ok", 0, "code", code, "message", text));
}

static gboolean
dial(YdHostCall *call)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (g_strlcpy(address.sun_path, call->path, sizeof address.sun_path) >=
        sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return FALSE;
    }
    call->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    return call->fd >= 0 && connect(call->fd, (struct sockaddr *)&address, sizeof address) == 0;
}

void
yd_host_call_prepare(YdHostCall *call, gint64 now, struct pollfd *ret_fd, gint64 *ret_until)
{
    gboolean writes = call->now != NULL && call->sent < strlen(call->now->line);
    *ret_fd = (struct pollfd){call->fd, writes ? POLLOUT : POLLIN, 0};
    *ret_until = call->now != NULL                  ? call->until
                 : g_queue_is_empty(&call->waiting) ? G_MAXINT64
                                                    : now;
}

static gboolean
write_question(YdHostCall *call)
{
    const char *rest = call->now->line + call->sent;
    gssize n = *rest == '\0' ? 0 : send(call->fd, rest, strlen(rest), MSG_NOSIGNAL);
    if (n > 0)
        call->sent += (gsize)n;
    return n >= 0 || errno == EAGAIN || errno == EINTR;
}

// The next whole line that is no progress; NULL when there is none yet.
static json_t *
take_line(YdHostCall *call)
{
    const guint8 *end;
    while (call->in->len > 0 && (end = memchr(call->in->data, '\n', call->in->len)) != NULL) {
        gsize length = (gsize)(end - call->in->data);
        json_t *json = json_loadb((const char *)call->in->data, length, 0, NULL);
        g_byte_array_remove_range(call->in, 0, (guint)length + 1);
        if (json_object_get(json, "ok") != NULL)
            return json;
        json_decref(json);
    }
    return NULL;
}

// FALSE: it is over.
static gboolean
read_answer(YdHostCall *call)
{
    guint8 data[4096];
    gssize n = recv(call->fd, data, sizeof data, 0);
    if (n > 0)
        g_byte_array_append(call->in, data, (guint)n);
    return (n > 0 && call->in->len <= ANSWER_MAX) || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

char *
yd_host_call_step(YdHostCall *call, gint64 now)
{
    if (call->now == NULL) {
        call->now = g_queue_pop_head(&call->waiting);
        if (call->now == NULL)
            return NULL;
        call->until = now + PATIENCE_US;
        if (!dial(call))
            return fail(call, "unavailable", g_strerror(errno));
    }
    if (!write_question(call))
        return fail(call, "unavailable", g_strerror(errno));
    gboolean open = read_answer(call);
    json_t *json = take_line(call);
    if (json != NULL)
        return answer(call, json);
    if (!open)
        return fail(call, "unavailable", "it closed the connection");
    return now >= call->until ? fail(call, "timeout", "its time is over") : NULL;
}
