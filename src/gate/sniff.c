// SPDX-License-Identifier: Apache-2.0
// One table of first bytes and its walk; what follows the first bytes is the business of the other
// parsers.
#include "gate/sniff.h"

#include <string.h>

typedef struct {
    const char *bytes;
    gsize len;
    YdSniff kind;
} Prefix;

static const Prefix prefixes[] = {
    {"\x03\x00", 2, YD_SNIFF_RDP},     {"\x16\x03", 2, YD_SNIFF_TLS},
    {"CONNECT ", 8, YD_SNIFF_CONNECT}, {"GET ", 4, YD_SNIFF_HTTP},
    {"HEAD ", 5, YD_SNIFF_HTTP},       {"REDQ", 4, YD_SNIFF_SPICE},
    {"{\"op\":", 6, YD_SNIFF_PEER},    {"\r\n\r\n\0\r\nQ", 8, YD_SNIFF_PROXY},
};

YdSniff
yd_sniff(const guint8 *data, gsize len)
{
    for (gsize i = 0; i < G_N_ELEMENTS(prefixes); i++) {
        const Prefix *p = &prefixes[i];
        if (len > 0 && memcmp(data, p->bytes, MIN(len, p->len)) == 0)
            return len >= p->len ? p->kind : YD_SNIFF_MORE;
    }
    return len == 0 ? YD_SNIFF_MORE : YD_SNIFF_UNKNOWN;
}
