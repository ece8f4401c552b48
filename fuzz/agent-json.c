// SPDX-License-Identifier: Apache-2.0
// What a guest's agent answers, and the picture of its screen: a stranger's word both.
#include "fuzz.h"
#include "base/json-util.h"
#include "hypervisor/agent-json.h"
#include "hypervisor/picture.h"

#include <stdlib.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int status;
    g_autofree char *text = g_strndup((const char *)data, size);
    g_autofree char *output = NULL;
    g_autoptr(json_t) answer = yd_agent_return(text, NULL);
    g_autofree char *address = answer ? yd_agent_first_address(answer) : NULL;
    g_autoptr(GPtrArray) users = answer ? yd_agent_user_names(answer) : NULL;
    if (answer && yd_agent_exec_ended(answer, &status, &output) &&
        !g_utf8_validate(output, -1, NULL))
        abort();
    if ((users && users->len > size) || (address && !g_hostname_is_ip_address(address)))
        abort();
    g_autoptr(GBytes) picture = yd_picture_from_ppm(data, size, NULL);
    return picture && g_bytes_get_size(picture) == 0;
}
