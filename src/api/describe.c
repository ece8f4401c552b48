// SPDX-License-Identifier: Apache-2.0
// The routes and the fields of the records as JSON: what tools/check-openapi compares with the
// contract.
#include "api/request.h"

#include <string.h>

static const char *const kinds[] = {
    [YD_FIELD_TEXT] = "text",     [YD_FIELD_INT] = "int",   [YD_FIELD_BOOL] = "bool",
    [YD_FIELD_DOUBLE] = "double", [YD_FIELD_TIME] = "time", [YD_FIELD_JSON] = "json",
};

static json_t *
routes_json(void)
{
    guint n = 0;
    const YdRoute *routes = yd_routes(&n);
    json_t *list = json_array();
    for (guint i = 0; i < n; i++) {
        json_t *route = json_pack("{s:s, s:s, s:s}", "method", routes[i].method, "path",
                                  routes[i].path, "right", yd_right_name(routes[i].right));
        if (routes[i].type)
            json_object_set_new(route, "noun", json_string(routes[i].type->noun));
        json_array_append_new(list, route);
    }
    return list;
}

static json_t *
fields_json(const YdRecordType *type)
{
    json_t *fields = json_array();
    for (guint i = 0; i < type->n_fields; i++) {
        const YdField *field = &type->fields[i];
        if (field->flags & YD_FIELD_SECRET)
            continue;
        json_array_append_new(fields, json_pack("{s:s, s:s, s:b, s:b, s:b, s:b}", "name",
                                                field->name, "kind", kinds[field->kind], "set",
                                                (field->flags & YD_FIELD_SET) != 0, "make",
                                                (field->flags & YD_FIELD_MAKE) != 0, "filter",
                                                (field->flags & YD_FIELD_FILTER) != 0, "sort",
                                                (field->flags & YD_FIELD_SORT) != 0));
    }
    return fields;
}

char *
yd_api_describe(void)
{
    const YdRecordType *const *types = yd_record_types();
    json_t *records = json_object();
    for (guint i = 0; types[i]; i++)
        json_object_set_new(records, types[i]->noun, fields_json(types[i]));
    g_autoptr(json_t) json = json_pack("{s:o, s:o}", "routes", routes_json(), "records", records);
    return yd_json_text(json);
}
