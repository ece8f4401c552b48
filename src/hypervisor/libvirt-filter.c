// SPDX-License-Identifier: Apache-2.0
// The filter of a desktop's network card (libvirt.org/formatnwfilter.html): what leaves it bears
// its own MAC and its own address, in IPv4 and in ARP; it serves no DHCP; nothing but IPv4, ARP and
// the announcement after a migration (RARP) leaves at all. What comes in is not looked at.
#include "hypervisor/libvirt-private.h"

#include "hypervisor/domain-xml.h"

#define RULE(priority, action, what)                                                               \
    "  <rule action='" action "' direction='out' priority='" #priority "'>" what "</rule>\n"

// The uuid never changes: libvirt takes the text for the same filter, and does nothing when nothing
// in it is new.
static const char filter[] = "<filter name='" YD_NIC_FILTER "' chain='root'>\n"
                             "  <uuid>6f0d7a52-61c5-4d0e-9c57-0b8d3f5e7a11</uuid>\n" //
    RULE(100, "drop", "<mac match='no' srcmacaddr='$MAC'/>")
        RULE(200, "accept", "<arp arpsrcmacaddr='$MAC' arpsrcipaddr='$IP'/>")
            RULE(210, "accept", "<arp arpsrcmacaddr='$MAC' arpsrcipaddr='0.0.0.0'/>")
                RULE(300, "drop", "<ip protocol='udp' srcportstart='67'/>")
                    RULE(400, "accept", "<ip srcipaddr='$IP'/>")
                        RULE(410, "accept",
                             "<ip srcipaddr='0.0.0.0' protocol='udp' srcportstart='68' "
                             "dstportstart='67'/>")
                            RULE(500, "accept",
                                 "<mac protocolid='0x8035'/>") "  <rule action='drop' "
                                                               "direction='out' priority='1000'/>\n"
                                                               "</filter>\n";

gboolean
yd_libvirt_filter_ensure(virConnect *conn, GError **error)
{
    virNWFilter *defined = virNWFilterDefineXML(conn, filter);
    if (!defined)
        return yd_libvirt_fail(error, "cannot define the filter '%s' of desktops' network cards",
                               YD_NIC_FILTER);
    virNWFilterFree(defined);
    return TRUE;
}
