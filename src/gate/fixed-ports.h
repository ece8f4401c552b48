// SPDX-License-Identifier: Apache-2.0
// The listening sockets of a worker's fixed ports: opened to the addresses that deskd names, closed
// when it names none. All functions: on the worker's thread.
#pragma once

#include "gate/gate-config.h"
#include "gate/loop.h"

typedef struct YdGatePorts YdGatePorts;

// A client of an address that may has come; takes fd (non-blocking).
typedef void (*YdGatePortFunc)(int fd, const struct sockaddr_storage *address, guint16 fixed_port,
                               gpointer data);

// Listens on the addresses of config's listen=, with other ports. All is borrowed.
YdGatePorts *
yd_gate_ports_new(const YdGateConfig *config, YdGateLoop *loop, YdGatePortFunc func, gpointer data);
void yd_gate_ports_free(YdGatePorts *ports);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(YdGatePorts, yd_gate_ports_free)

// Opens a port to these addresses only; none closes it. What runs through it goes on: deskd cuts
// sessions. A port that another socket of this machine has is tried again at each
// yd_gate_ports_tick().
void yd_gate_ports_set(YdGatePorts *ports, guint16 port, const char *const *sources);
void yd_gate_ports_close_all(YdGatePorts *ports);

// Frees what was closed: between two rounds of the loop.
void yd_gate_ports_tidy(YdGatePorts *ports);

// Tries again what could not be opened.
void yd_gate_ports_tick(YdGatePorts *ports);

// Whether yd_gate_ports_tick() is wanted within the second.
gboolean yd_gate_ports_waiting(const YdGatePorts *ports);
