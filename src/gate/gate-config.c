// SPDX-License-Identifier: Apache-2.0
// Names, defaults and bounds of the keys of [deskgate], in one place.
#include "gate/gate-config.h"

#include <stddef.h>

#include "base/error.h"
#include "gate/target.h"

#define GROUP "deskgate"

typedef struct {
    const char *key;
    gsize offset; // of a guint in YdGateConfig
    guint min, max, standard;
    gboolean is_time;
} Number;

#define FIELD(name) offsetof(YdGateConfig, name)

static const Number numbers[] = {
    {"workers", FIELD(workers), 0, 64, 0, FALSE},
    {"max_sockets", FIELD(limits.max_sockets), 1, 1000000, 8000, FALSE},
    {"max_sockets_per_address", FIELD(limits.max_sockets_per_address), 1, 1000000, 2000, FALSE},
    {"max_unauthenticated", FIELD(limits.max_unauthenticated), 1, 1000000, 1000, FALSE},
    {"max_unauthenticated_per_address", FIELD(limits.max_unauthenticated_per_address), 1, 1000000,
     200, FALSE},
    {"max_sockets_per_session", FIELD(max_sockets_per_session), 1, 1000000, 64, FALSE},
    {"opened_burst", FIELD(limits.opened_burst), 1, 1000000, 1000, FALSE},
    {"opened_per_second", FIELD(limits.opened_per_second), 1, 1000000, 100, FALSE},
    {"refused_burst", FIELD(limits.refused_burst), 1, 10000, 20, FALSE},
    {"refused_per_minute", FIELD(limits.refused_per_minute), 1, 10000, 30, FALSE},
    {"hello_seconds", FIELD(hello_seconds), 1, 60, 3, TRUE},
    {"head_seconds", FIELD(head_seconds), 1, 60, 10, TRUE},
    {"redeem_seconds", FIELD(redeem_seconds), 1, 60, 5, TRUE},
    {"connect_seconds", FIELD(connect_seconds), 1, 60, 10, TRUE},
    {"half_closed_seconds", FIELD(half_closed_seconds), 1, 3600, 60, TRUE},
    {"https_idle_seconds", FIELD(https_idle_seconds), 1, 86400, 600, TRUE},
    {"keepalive_seconds", FIELD(keepalive_seconds), 1, 7200, 60, TRUE},
    {"user_timeout_seconds", FIELD(user_timeout_seconds), 0, 3600, 60, TRUE},
    {"target_keepalive_seconds", FIELD(target_keepalive_seconds), 1, 7200, 20, TRUE},
    {"target_user_timeout_seconds", FIELD(target_user_timeout_seconds), 0, 3600, 60, TRUE},
    {"unsent_kib", FIELD(unsent_kib), 0, 65536, 128, FALSE},
    {"drain_time", FIELD(drain_seconds), 0, 7 * 86400, 12 * 3600, TRUE},
};

// "names" is deskd's: what it writes into the certificate that it makes. "fixed_ports" is both's:
// deskd gives these numbers out, and the gate opens no others.
static const char *const known[] = {
    "listen",
    "certificate",
    "key",
    "name",
    "names",
    "congestion",
    "fixed_ports",
    "ca",
    "link_certificate",
    "link_key",
    "manager",
    "edges",
    "trusted_proxies",
    "peer_tls",
    "ktls",
    "origins",
    "workers",
    "max_sockets",
    "max_sockets_per_address",
    "max_unauthenticated",
    "max_unauthenticated_per_address",
    "max_sockets_per_session",
    "opened_burst",
    "opened_per_second",
    "refused_burst",
    "refused_per_minute",
    "hello_seconds",
    "head_seconds",
    "redeem_seconds",
    "connect_seconds",
    "half_closed_seconds",
    "https_idle_seconds",
    "keepalive_seconds",
    "user_timeout_seconds",
    "target_keepalive_seconds",
    "target_user_timeout_seconds",
    "unsent_kib",
    "drain_time",
    "user",
    "seccomp",
    "log",
    NULL,
};

static guint *
number_at(YdGateConfig *config, const Number *n)
{
    return (guint *)(void *)((char *)config + n->offset);
}

static gboolean
read_numbers(YdGateConfig *gate, const YdConfig *config, GError **error)
{
    for (gsize i = 0; i < G_N_ELEMENTS(numbers); i++) {
        const Number *n = &numbers[i];
        gint64 value = n->standard;
        if (config != NULL && !(n->is_time ? yd_config_seconds : yd_config_int)(
                                  config, GROUP, n->key, n->min, n->max, &value, error))
            return FALSE;
        *number_at(gate, n) = (guint)value;
    }
    if (gate->workers == 0)
        gate->workers = MIN(g_get_num_processors(), 64);
    return TRUE;
}

static gboolean
read_seccomp(YdGateConfig *gate, const YdConfig *config, GError **error)
{
    g_autofree char *choice = g_strdup("on");
    if (!yd_config_choice(config, GROUP, "seccomp", yd_gate_seccomp_names, &choice, error))
        return FALSE;
    while (!g_str_equal(choice, yd_gate_seccomp_names[gate->seccomp]))
        gate->seccomp++;
    return TRUE;
}

static gboolean
read_log(YdGateConfig *gate, const YdConfig *config, GError **error)
{
    static const char *const choices[] = {"text", "json", NULL};
    g_autofree char *choice = g_strdup("text");
    if (!yd_config_choice(config, GROUP, "log", choices, &choice, error))
        return FALSE;
    gate->json_log = g_str_equal(choice, "json");
    return TRUE;
}

// Brings the addresses into the form in which the kernel's are written.
static gboolean
read_proxies(YdGateConfig *gate, const YdConfig *config, GError **error)
{
    static const char *const key = "trusted_proxies";
    if (!yd_config_strings(config, GROUP, key, &gate->proxies, error))
        return FALSE;
    for (char **text = gate->proxies; text != NULL && *text != NULL; text++) {
        struct sockaddr_storage address;
        char form[YD_GATE_ADDRESS_SIZE];
        guint16 port;
        if (!yd_gate_address_numeric(*text, &address)) {
            g_set_error(error, YD_ERROR, YD_ERROR_INVALID,
                        "[" GROUP "] %s: \"%s\" is no address, such as 192.0.2.10 or 2001:db8::10",
                        key, *text);
            return FALSE;
        }
        yd_gate_address_format(&address, form, &port);
        g_free(*text);
        *text = g_strdup(form);
    }
    return TRUE;
}

static gboolean
read_texts(YdGateConfig *gate, const YdConfig *config, GError **error)
{
    g_free(gate->certificate);
    g_free(gate->key);
    gate->certificate = yd_config_state_path(config, "keys/gate.pem");
    gate->key = yd_config_state_path(config, "keys/gate.key");
    gate->deskd = yd_config_run_path(config, "deskd.sock");
    gate->tickets = yd_config_run_path(config, "gate.sock");
    gate->deskhost = yd_config_run_path(config, "deskhost.sock");
    gate->ca = yd_config_state_path(config, "keys/ca.pem");
    gate->link_certificate = yd_config_state_path(config, "keys/link.pem");
    gate->link_key = yd_config_state_path(config, "keys/link.key");
    gate->gates = yd_config_state_path(config, "keys/gates");
    return yd_config_known(config, GROUP, known, error) &&
           yd_config_strings(config, GROUP, "listen", &gate->listen, error) &&
           yd_config_strings(config, GROUP, "origins", &gate->origins, error) &&
           yd_config_string(config, GROUP, "certificate", &gate->certificate, error) &&
           yd_config_string(config, GROUP, "key", &gate->key, error) &&
           yd_config_string(config, GROUP, "name", &gate->name, error) &&
           yd_config_string(config, GROUP, "user", &gate->user, error) &&
           read_seccomp(gate, config, error) && read_log(gate, config, error) &&
           yd_config_string(config, GROUP, "congestion", &gate->congestion, error) &&
           yd_config_string(config, GROUP, "ca", &gate->ca, error) &&
           yd_config_string(config, GROUP, "link_certificate", &gate->link_certificate, error) &&
           yd_config_string(config, GROUP, "link_key", &gate->link_key, error) &&
           yd_config_string(config, GROUP, "manager", &gate->manager, error) &&
           yd_config_strings(config, GROUP, "edges", &gate->edges, error) &&
           read_proxies(gate, config, error) &&
           yd_config_bool(config, GROUP, "peer_tls", &gate->peer_tls, error) &&
           yd_config_bool(config, GROUP, "ktls", &gate->ktls, error) &&
           yd_config_ports(config, GROUP, "fixed_ports", &gate->fixed_port_first,
                           &gate->fixed_port_last, error);
}

YdGateConfig *
yd_gate_config_new(const YdConfig *config, GError **error)
{
    g_autoptr(YdGateConfig) gate = g_new0(YdGateConfig, 1);
    gate->listen = g_strsplit("0.0.0.0:443", ",", -1);
    gate->name = g_strdup("gate-1");
    gate->congestion = g_strdup("bbr");
    gate->fixed_port_first = 50000;
    gate->fixed_port_last = 59999;
    gate->user = g_strdup("yundesk-gate");
    gate->peer_tls = gate->ktls = TRUE;
    if (!read_numbers(gate, config, error))
        return NULL;
    if (config != NULL && !read_texts(gate, config, error))
        return NULL;
    return g_steal_pointer(&gate);
}

void
yd_gate_config_free(YdGateConfig *config)
{
    if (config == NULL)
        return;
    g_strfreev(config->listen);
    g_strfreev(config->origins);
    g_free(config->certificate);
    g_free(config->key);
    g_free(config->name);
    g_free(config->congestion);
    g_free(config->ca);
    g_free(config->link_certificate);
    g_free(config->link_key);
    g_free(config->gates);
    g_free(config->manager);
    g_strfreev(config->edges);
    g_strfreev(config->proxies);
    g_free(config->user);
    g_free(config->deskd);
    g_free(config->tickets);
    g_free(config->deskhost);
    g_free(config);
}
