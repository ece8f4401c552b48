// SPDX-License-Identifier: Apache-2.0
// The clients as child processes.
#include "deskctl/viewer.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "rest/path.h"

static const char *
text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text ? text : "";
}

static gboolean
is_size(const char *text)
{
    char *end = NULL;
    guint64 width = g_ascii_strtoull(text, &end, 10);
    if (*end != 'x' || !g_ascii_isdigit(end[1]) || !g_ascii_isdigit(*text))
        return FALSE;
    guint64 height = g_ascii_strtoull(end + 1, &end, 10);
    return !*end && width >= 200 && width <= 16384 && height >= 200 && height <= 16384;
}

gboolean
ctl_viewer_check(Ctl *ctl, GError **error)
{
    const char *size = ctl_args_get(ctl->args, "size");
    gboolean open = ctl_args_has(ctl->args, "open");
    if (size && !is_size(size)) {
        g_set_error(error, CTL_USAGE, 0,
                    "--size wants WIDTHxHEIGHT, for example 1280x800, not '%s'", size);
        return FALSE;
    }
    if ((size || ctl_args_has(ctl->args, "fullscreen")) && !open) {
        g_set_error_literal(error, CTL_USAGE, 0, "--size and --fullscreen go with --open");
        return FALSE;
    }
    if (open && ctl_args_has(ctl->args, "console")) {
        g_set_error_literal(error, CTL_USAGE, 0, "--open can't open a console; use the browser");
        return FALSE;
    }
    return TRUE;
}

// "aa:bb:…", as xfreerdp compares it; owned.
static char *
with_colons(const char *hex)
{
    GString *out = g_string_new(NULL);
    for (gsize i = 0; hex[i]; i++) {
        if (i && i % 2 == 0)
            g_string_append_c(out, ':');
        g_string_append_c(out, g_ascii_tolower(hex[i]));
    }
    return g_string_free(out, FALSE);
}

char **
ctl_viewer_rdp_args(const char *program, const char *file, const char *username, gboolean verify,
                    const char *fingerprint, const char *size, gboolean fullscreen)
{
    g_autoptr(GPtrArray) args = g_ptr_array_new();
    g_ptr_array_add(args, g_strdup(program));
    g_ptr_array_add(args, g_strdup(file));
    g_ptr_array_add(args, g_strdup_printf("/u:%s", username));
    // An empty domain, and "force": else the password is only read when the server asks by NLA,
    // which xrdp does not.
    g_ptr_array_add(args, g_strdup("/d:"));
    g_ptr_array_add(args, g_strdup("/from-stdin:force"));
    if (verify) {
        g_ptr_array_add(args, g_strdup("/cert:deny"));
    } else if (fingerprint && *fingerprint) {
        g_autofree char *colons = with_colons(fingerprint);
        g_ptr_array_add(args, g_strdup_printf("/cert:fingerprint:sha256:%s", colons));
    } else {
        g_ptr_array_add(args, g_strdup("/cert:tofu"));
    }
    if (fullscreen)
        g_ptr_array_add(args, g_strdup("/f"));
    else if (size)
        g_ptr_array_add(args, g_strdup_printf("/size:%s", size));
    if (!size)
        g_ptr_array_add(args, g_strdup("/dynamic-resolution"));
    g_ptr_array_add(args, NULL);
    return (char **)g_ptr_array_free(g_steal_pointer(&args), FALSE);
}

// The first of the programs that is installed; owned.
static char *
find_program(const char *const *names, const char *package, GError **error)
{
    for (; *names; names++) {
        char *path = g_find_program_in_path(*names);
        if (path)
            return path;
    }
    g_set_error(error, YD_ERROR, YD_ERROR_UNAVAILABLE,
                "the client is not installed: apt install %s, or leave out --open", package);
    return NULL;
}

// A private file for the client; its path, owned.
static char *
temporary(const char *content, const char *suffix, GError **error)
{
    const char *dir = g_get_user_runtime_dir();
    g_autofree char *pattern = g_strconcat("yundesk-XXXXXX", suffix, NULL);
    char *path = g_build_filename(g_file_test(dir, G_FILE_TEST_IS_DIR) ? dir : g_get_tmp_dir(),
                                  pattern, NULL);
    int fd = g_mkstemp_full(path, O_WRONLY, 0600);
    gsize n = strlen(content);
    if (fd >= 0 && write(fd, content, n) == (gssize)n && close(fd) == 0)
        return path;
    g_set_error(error, YD_ERROR, YD_ERROR_INTERNAL, "%s can't be written: %s", path,
                g_strerror(errno));
    if (fd >= 0)
        g_unlink(path);
    g_free(path);
    return NULL;
}

static const char *
content_of(const json_t *answer)
{
    return text_of(json_object_get(answer, "file"), "content");
}

// Whom the client may believe to be the desktop.
typedef struct {
    char *ca_file;     // for a desktop with a name of its own: the product's CA; NULL: none
    char *fingerprint; // else SHA-256 of the guest's certificate; NULL: unknown
} Trust;

static void
trust_clear(Trust *trust)
{
    if (trust->ca_file)
        g_unlink(trust->ca_file);
    g_free(trust->ca_file);
    g_free(trust->fingerprint);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Trust, trust_clear)

static gboolean
resolves(const char *name, GError **error)
{
    g_autoptr(GError) why = NULL;
    g_autoptr(GResolver) resolver = g_resolver_get_default();
    GList *found = g_resolver_lookup_by_name(resolver, name, NULL, &why);
    g_resolver_free_addresses(found);
    if (!why)
        return TRUE;
    g_set_error(error, YD_ERROR, YD_ERROR_UNAVAILABLE,
                "the desktop's name %s is not known here (%s); the administrator has to make the "
                "record for it in the DNS, see desktop_domain in docs/rdp.md",
                name, why->message);
    return FALSE;
}

// The server that we trust says what the desktop has. A certificate for its name is verified like
// any other, else exactly the one that it had is taken.
static gboolean
find_trust(Ctl *ctl, const json_t *answer, Trust *trust, GError **error)
{
    g_autofree char *path = yd_path("desktops", text_of(answer, "desktop_id"), NULL);
    g_autoptr(json_t) desktop = yd_rest_get(ctl->rest, path, NULL);
    const char *name = text_of(desktop, "dns_name"), *known = text_of(desktop, "certificate");
    const YdRestRequest request = {.method = "GET", .path = "/ca"};
    g_auto(YdRestAnswer) ca = {0};
    if (*name && !resolves(name, error))
        return FALSE;
    if (*name && g_str_equal(name, text_of(desktop, "certificate_name"))) {
        if (!yd_rest_send(ctl->rest, &request, &ca, error))
            return FALSE;
        g_autofree char *pem =
            g_strndup(g_bytes_get_data(ca.bytes, NULL), g_bytes_get_size(ca.bytes));
        trust->ca_file = temporary(pem, ".pem", error);
        return trust->ca_file != NULL;
    }
    trust->fingerprint = *known ? g_strdup(known) : NULL;
    if (!trust->fingerprint)
        ctl_note(ctl, "the desktop's certificate is not known yet; taking the one it shows");
    return TRUE;
}

// The client that runs, for the signal handler.
static volatile sig_atomic_t client_pid;

// What ends us ends the client; then we still tidy up.
static void
pass_on(int number)
{
    if (client_pid > 0)
        kill((pid_t)client_pid, SIGTERM);
}

static void
catch_signals(gboolean on)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action = {.sa_handler = on ? pass_on : SIG_DFL};
    for (gsize i = 0; i < G_N_ELEMENTS(numbers); i++)
        sigaction(numbers[i], &action, NULL);
}

// Starts it, gives it the line on its standard input, waits for its end: its exit code, or -1 with
// an error.
static int
run_client(char **args, const char *line, const char *ca_file, GError **error)
{
    GPid pid;
    int in = -1, status = 0;
    g_auto(GStrv) environment = g_get_environ();
    if (ca_file) // read by OpenSSL, which FreeRDP uses, in place of the system's CAs
        environment = g_environ_setenv(environment, "SSL_CERT_FILE", ca_file, TRUE);
    if (!g_spawn_async_with_pipes(NULL, args, environment, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL,
                                  &pid, line ? &in : NULL, NULL, NULL, error))
        return -1;
    client_pid = pid;
    catch_signals(TRUE);
    if (line) {
        g_autofree char *text = g_strconcat(line, "\n", NULL);
        gsize n = strlen(text);
        if (write(in, text, n) != (gssize)n)
            g_printerr("deskctl: the client did not take the password\n");
        explicit_bzero(text, n);
        close(in);
    }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    catch_signals(FALSE);
    client_pid = 0;
    g_spawn_close_pid(pid);
    if (WIFEXITED(status))
        return WEXITSTATUS(status);
    g_set_error(error, YD_ERROR, YD_ERROR_INTERNAL, "%s was ended by signal %d", args[0],
                WTERMSIG(status));
    return -1;
}

// Codes of xfreerdp for a session that was there and ended: done, disconnected, logged off, idle or
// log-on time over, taken over, closed by the person. Others are failures to connect.
static gboolean
was_session(int code)
{
    return (code >= 0 && code <= 5) || code == 11 || code == 12;
}

static gboolean
failed(const char *program, int code, GError **error)
{
    if (code >= 0)
        g_set_error(error, YD_ERROR, YD_ERROR_INTERNAL, "%s failed with exit code %d", program,
                    code);
    return FALSE;
}

static gboolean
open_rdp(Ctl *ctl, const json_t *answer, GError **error)
{
    static const char *const programs[] = {"xfreerdp3", "xfreerdp", NULL};
    g_autofree char *program = find_program(programs, "freerdp2-x11", error);
    g_auto(Trust) trust = {0};
    if (!program || !find_trust(ctl, answer, &trust, error))
        return FALSE;
    // Without a size the desktop follows the window; FreeRDP refuses to scale the picture as well.
    g_auto(GStrv) parts = g_strsplit(content_of(answer), "smart sizing:i:1", 2);
    g_autofree char *content =
        ctl_args_has(ctl->args, "size") ? NULL : g_strjoinv("smart sizing:i:0", parts);
    g_autofree char *file = temporary(content ? content : content_of(answer), ".rdp", error);
    if (!file)
        return FALSE;
    g_auto(GStrv) args = ctl_viewer_rdp_args(
        program, file, text_of(answer, "username"), trust.ca_file != NULL, trust.fingerprint,
        ctl_args_get(ctl->args, "size"), ctl_args_has(ctl->args, "fullscreen"));
    int code = run_client(args, text_of(answer, "password"), trust.ca_file, error);
    g_unlink(file);
    return was_session(code) || failed(program, code, error);
}

static gboolean
open_spice(Ctl *ctl, const json_t *answer, GError **error)
{
    static const char *const programs[] = {"remote-viewer", NULL};
    g_autofree char *program = find_program(programs, "virt-viewer", error);
    g_autofree char *file = program ? temporary(content_of(answer), ".vv", error) : NULL;
    if (!file)
        return FALSE;
    const char *full = ctl_args_has(ctl->args, "fullscreen") ? "--full-screen" : NULL;
    char *args[] = {program, file, (char *)full, NULL};
    int code = run_client(args, NULL, NULL, error);
    g_unlink(file);
    return code == 0 || failed(program, code, error);
}

gboolean
ctl_viewer_open(Ctl *ctl, const json_t *answer, GError **error)
{
    const char *protocol = text_of(answer, "protocol");
    if (g_str_equal(protocol, "rdp"))
        return open_rdp(ctl, answer, error);
    if (g_str_equal(protocol, "spice"))
        return open_spice(ctl, answer, error);
    g_set_error(error, CTL_USAGE, 0, "--open can't open protocol '%s'", protocol);
    return FALSE;
}
