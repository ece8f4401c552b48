// SPDX-License-Identifier: Apache-2.0
// The process deskread: started, asked, heard out. It works on bytes that a guest prepared, so what
// it says is taken apart as strictly as if it came from outside.
#include "storage/local-private.h"
#include "storage/point-files.h"

#include <errno.h>
#include <gio/gio.h>
#include <gio/gunixinputstream.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/json-util.h"

#define TICK_MS 500
#define LINE_MAX_BYTES (4 * 1024 * 1024) // a page of 5000 long names

static char *reader_path; // set before threads

struct hearing {
    GString *buffer;
    json_t *last; // the final answer; NULL: not yet
    YdPointSink sink;
    YdProgress progress;
    gpointer data;
    GError *error; // of our own side: then the process is killed
};

void
yd_point_files_reader(const char *path)
{
    g_free(reader_path);
    reader_path = g_strdup(path);
}

static char *
find_reader(void)
{
    if (reader_path)
        return g_strdup(reader_path);
    g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
    g_autofree char *folder = self ? g_path_get_dirname(self) : NULL;
    return g_build_filename(folder ? folder : "", "deskread", NULL);
}

// The process, its question asked.
static GSubprocess *
ask(const char *question, GError **error)
{
    g_autoptr(GError) why = NULL;
    g_autofree char *reader = find_reader();
    g_autoptr(GSubprocessLauncher) launcher =
        g_subprocess_launcher_new(G_SUBPROCESS_FLAGS_STDIN_PIPE | G_SUBPROCESS_FLAGS_STDOUT_PIPE);
    const char *environment[] = {"LC_ALL=C", "PATH=/usr/bin:/bin:/usr/local/bin", NULL};
    g_subprocess_launcher_set_environ(launcher, (char **)environment);
    g_autoptr(GSubprocess) process = g_subprocess_launcher_spawn(launcher, &why, reader, NULL);
    GOutputStream *in = process ? g_subprocess_get_stdin_pipe(process) : NULL;
    if (in && g_output_stream_write_all(in, question, strlen(question), NULL, NULL, &why) &&
        g_output_stream_close(in, NULL, &why))
        return g_steal_pointer(&process);
    g_set_error(error, YD_ERROR, YD_ERROR_UNAVAILABLE,
                "the reader of restore points cannot be run (%s); install '%s'", why->message,
                reader);
    return NULL;
}

static gboolean
take_data(struct hearing *hearing, const char *text)
{
    gsize n = 0;
    g_autofree guchar *bytes = g_base64_decode(text, &n);
    if (hearing->sink)
        return hearing->sink(hearing->data, bytes, n, &hearing->error);
    return yd_error_invalid(&hearing->error, "answer", "has bytes that nobody asked for");
}

// One line; FALSE with hearing->error. What is no JSON is the half line of a reader that was
// killed; a whole one with the reason follows.
static gboolean
take_line(struct hearing *hearing, const char *line)
{
    g_autoptr(json_t) answer = yd_json_parse_object(line, NULL);
    const char *data = json_string_value(json_object_get(answer, "data"));
    if (!answer)
        return TRUE;
    if (data)
        return take_data(hearing, data);
    json_decref(hearing->last);
    hearing->last = g_steal_pointer(&answer);
    return TRUE;
}

static gboolean
take_lines(struct hearing *hearing)
{
    char *begin = hearing->buffer->str, *end;
    while (
        (end = memchr(begin, '\n', hearing->buffer->len - (gsize)(begin - hearing->buffer->str)))) {
        *end = '\0';
        if (!take_line(hearing, begin))
            return FALSE;
        begin = end + 1;
    }
    g_string_erase(hearing->buffer, 0, begin - hearing->buffer->str);
    return hearing->buffer->len <= LINE_MAX_BYTES ||
           yd_error_invalid(&hearing->error, "answer", "has too long a line");
}

// Reads to the end; FALSE with hearing->error.
static gboolean
hear(struct hearing *hearing, int fd)
{
    g_autofree char *piece = g_malloc(LINE_MAX_BYTES / 8);
    struct pollfd in = {.fd = fd, .events = POLLIN};
    for (;;) {
        int ready = poll(&in, 1, TICK_MS);
        if (ready == 0 && hearing->progress && !hearing->progress(0, hearing->data)) {
            g_set_error(&hearing->error, YD_ERROR, YD_ERROR_CANCELLED, "reading was cancelled");
            return FALSE;
        }
        if (ready <= 0)
            continue;
        ssize_t n = read(fd, piece, LINE_MAX_BYTES / 8);
        if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN))
            return TRUE; // its last words are judged
        if (n > 0)
            g_string_append_len(hearing->buffer, piece, n);
        if (n > 0 && !take_lines(hearing))
            return FALSE;
    }
}

// Takes the answer over when it is a good one.
static json_t *
judge(struct hearing *hearing, GError **error)
{
    YdErrorCode code = YD_ERROR_INTERNAL;
    if (hearing->error) {
        g_propagate_error(error, g_steal_pointer(&hearing->error));
        return NULL;
    }
    if (json_is_true(json_object_get(hearing->last, "ok")))
        return g_steal_pointer(&hearing->last);
    const char *name = json_string_value(json_object_get(hearing->last, "code"));
    const char *message = json_string_value(json_object_get(hearing->last, "message"));
    if (name)
        yd_error_code_from_name(name, &code);
    g_set_error(error, YD_ERROR, code, "%s",
                message ? message : "the reader of restore points ended without an answer");
    return NULL;
}

json_t *
yd_local_files(YdStorage *storage, const json_t *request, YdPointSink sink, YdProgress progress,
               gpointer data, GError **error)
{
    const char *verb = json_string_value(json_object_get(request, "verb"));
    const char *image = json_string_value(json_object_get(request, "image"));
    g_autofree char *path = yd_local_path(storage, image);
    g_autoptr(json_t) question = json_deep_copy(request);
    json_object_set_new(question, "image", json_string(path));
    json_object_set_new(question, "verb",
                        json_string(strcmp(verb, "files-list") ? "read" : "list"));
    int fd = yd_local_open(storage, image, error); // NOT_FOUND in words
    if (fd < 0)
        return NULL;
    close(fd);
    g_autofree char *text = yd_json_text(question);
    g_autoptr(GSubprocess) process = ask(text, error);
    if (!process)
        return NULL;
    struct hearing hearing = {g_string_new(NULL), NULL, sink, progress, data, NULL};
    GInputStream *out = g_subprocess_get_stdout_pipe(process);
    if (!hear(&hearing, g_unix_input_stream_get_fd(G_UNIX_INPUT_STREAM(out))))
        g_subprocess_force_exit(process);
    g_subprocess_wait(process, NULL, NULL);
    g_input_stream_close(out, NULL, NULL); // now, not when GLib's thread lets go of the process
    json_t *answer = judge(&hearing, error);
    g_string_free(hearing.buffer, TRUE);
    json_decref(hearing.last);
    return answer;
}
