// SPDX-License-Identifier: Apache-2.0
// deskread: gives deskhost a look into one restore point. It is asked by one line of JSON on its
// standard input and answers in lines. It starts two processes: qemu-nbd, which knows the image,
// and a reader without any rights, which knows the file system; this one only waits for both.
//
//   {"image": path, "point": name, "verb": "list", "path", "cursor", "limit"}
//   {"image": path, "point": name, "verb": "read", "path", "most"}
//   → {"data": base64} … {"ok": true, …} or {"ok": false, "code", "message"}
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/json-util.h"
#include "deskread/confine.h"
#include "deskread/ext-files.h"
#include "deskread/nbd-disk.h"

#define REQUEST_MAX (64 * 1024)
#define SECONDS 600     // in all; a file of 1 GiB takes some 20
#define CPU_SECONDS 120 // of the reader
#define NO_DISK 3       // the reader's exit: ask qemu-nbd for the reason

static gboolean
put(const json_t *json)
{
    g_autofree char *text = yd_json_text(json);
    g_autofree char *line = g_strconcat(text, "\n", NULL);
    gsize length = strlen(line);
    for (gsize done = 0; done < length;) {
        ssize_t n = write(STDOUT_FILENO, line + done, length - done);
        if (n < 0 && errno != EINTR)
            return FALSE;
        done += (gsize)MAX(n, 0);
    }
    return TRUE;
}

static void
put_error(const GError *error)
{
    g_autofree char *message = g_utf8_make_valid(error->message, -1);
    YdErrorCode code = error->domain == YD_ERROR ? (YdErrorCode)error->code : YD_ERROR_INTERNAL;
    g_autoptr(json_t) json =
        json_pack("{s:b, s:s, s:s}", "ok", 0, "code", yd_error_code_name(code), "message", message);
    put(json);
}

// --- the reader, without rights ---

static gboolean
put_bytes(gpointer data, const void *bytes, gsize n, GError **error)
{
    g_autofree char *text = g_base64_encode(bytes, n);
    g_autoptr(json_t) json = json_pack("{s:s}", "data", text);
    if (put(json))
        return TRUE;
    g_set_error(error, YD_ERROR, YD_ERROR_CANCELLED, "nobody reads any more");
    return FALSE;
}

// A new object, or NULL.
static json_t *
answer(YdExt *ext, const json_t *request, GError **error)
{
    const char *verb = json_string_value(json_object_get(request, "verb"));
    const char *path = json_string_value(json_object_get(request, "path"));
    gint64 cursor = 0, limit = 1, most = 0;
    YdExtFile file;
    if (!yd_json_int(request, "cursor", 0, G_MAXUINT32, &cursor, error) ||
        !yd_json_int(request, "limit", 1, 10000, &limit, error) ||
        !yd_json_int(request, "most", 0, G_MAXINT64, &most, error))
        return NULL;
    if (strcmp(verb, "list") == 0)
        return yd_ext_list(ext, path, (guint64)cursor, (guint)limit, error);
    if (!yd_ext_read(ext, path, (guint64)most, put_bytes, NULL, &file, error))
        return NULL;
    return json_pack("{s:I, s:I, s:I}", "bytes", (json_int_t)file.bytes, "mode",
                     (json_int_t)file.mode, "modified", (json_int_t)file.modified);
}

static int
read_point(const json_t *request, int client)
{
    g_autoptr(GError) error = NULL;
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (!yd_confine(CPU_SECONDS, &error)) {
        put_error(error);
        return 1;
    }
    g_autoptr(YdNbdDisk) disk = yd_nbd_disk_new(client, &error);
    if (!disk)
        return NO_DISK;
    g_autoptr(YdExt) ext = yd_ext_new(yd_nbd_disk_blocks(disk), &error);
    g_autoptr(json_t) json = ext ? answer(ext, request, &error) : NULL;
    if (!json) {
        put_error(error);
        return 1;
    }
    json_object_set_new(json, "ok", json_true());
    return put(json) ? 0 : 1;
}

// --- the one that waits ---

static int
wait_for(pid_t process, guint seconds)
{
    int status = 0;
    struct pollfd end = {.fd = (int)syscall(SYS_pidfd_open, process, 0), .events = POLLIN};
    if (end.fd >= 0) {
        poll(&end, 1, (int)seconds * 1000);
        close(end.fd);
    }
    kill(process, SIGKILL); // nothing where it has ended
    waitpid(process, &status, 0);
    return status;
}

static void
no_disk(int said, GError **error)
{
    char text[2048] = "";
    ssize_t n = read(said, text, sizeof text - 1);
    char *words = g_strstrip(n > 0 ? text : strcpy(text, "qemu-nbd gave no reason"));
    if (strstr(words, "snapshot"))
        g_set_error(error, YD_ERROR, YD_ERROR_NOT_FOUND,
                    "the disk does not have this restore point any more (%s)", words);
    else
        g_set_error(error, YD_ERROR, YD_ERROR_UNAVAILABLE, "the disk cannot be opened: %s", words);
}

// The reader has ended: what it did not say itself is said here.
static int
judge(int status, int said)
{
    g_autoptr(GError) error = NULL;
    if (WIFEXITED(status) && WEXITSTATUS(status) != NO_DISK)
        return WEXITSTATUS(status);
    if (WIFEXITED(status))
        no_disk(said, &error);
    else if (WTERMSIG(status) == SIGKILL || WTERMSIG(status) == SIGXCPU)
        g_set_error(&error, YD_ERROR, YD_ERROR_TIMEOUT,
                    "reading took too long and was ended; restore the whole point instead");
    else
        g_set_error(&error, YD_ERROR, YD_ERROR_INVALID,
                    "the file system is damaged in a way that its reader does not survive "
                    "(signal %d); restore the whole point instead",
                    WTERMSIG(status));
    if (write(STDOUT_FILENO, "\n", 1) == 1) // ends what the reader may have begun
        put_error(error);
    return 1;
}

static int
serve(const json_t *request, GError **error)
{
    pid_t server;
    int client, said;
    if (!yd_nbd_serve(json_string_value(json_object_get(request, "image")),
                      json_string_value(json_object_get(request, "point")), &server, &client, &said,
                      error))
        return -1;
    pid_t reader = fork();
    if (reader == 0) {
        close(said);
        _exit(read_point(request, client));
    }
    close(client);
    int status = reader > 0 ? wait_for(reader, SECONDS) : 0;
    if (reader > 0)
        wait_for(server, 2); // it ends by itself once its client has gone
    int code = reader > 0 ? judge(status, said) : 1;
    if (reader < 0) {
        g_set_error(error, YD_ERROR, YD_ERROR_UNAVAILABLE, "cannot start a process: %s",
                    g_strerror(errno));
        kill(server, SIGKILL);
        waitpid(server, NULL, 0);
        code = -1;
    }
    close(said);
    return code;
}

static json_t *
take_request(GError **error)
{
    static const char *const texts[] = {"image", "point", "verb", "path"};
    g_autofree char *text = g_malloc(REQUEST_MAX);
    gsize length = 0;
    for (ssize_t n = 1; n > 0 && length < REQUEST_MAX - 1; length += (gsize)MAX(n, 0))
        n = read(STDIN_FILENO, text + length, REQUEST_MAX - 1 - length);
    text[length] = '\0';
    g_autoptr(json_t) request = yd_json_parse_object(text, error);
    for (guint i = 0; request && i < G_N_ELEMENTS(texts); i++) {
        if (json_is_string(json_object_get(request, texts[i])))
            continue;
        yd_error_invalid(error, texts[i], "must be a text");
        return NULL;
    }
    return g_steal_pointer(&request);
}

int
main(void)
{
    g_autoptr(GError) error = NULL;
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    signal(SIGPIPE, SIG_IGN);
    g_autoptr(json_t) request = take_request(&error);
    int code = request ? serve(request, &error) : -1;
    if (code >= 0)
        return code;
    put_error(error);
    return 1;
}
