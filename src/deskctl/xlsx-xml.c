// SPDX-License-Identifier: Apache-2.0
// Walks XML that somebody else made: no network, no document types, so no entities.
#include "deskctl/xlsx-private.h"

#include <string.h>

#include "base/error.h"

typedef xmlTextReader Reader;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Reader, xmlFreeTextReader)

static gboolean
visit(Reader *reader, const CtlXmlHandler *handler, gpointer data, GError **error)
{
    const char *name = (const char *)xmlTextReaderConstLocalName(reader);

    switch (xmlTextReaderNodeType(reader)) {
    case XML_READER_TYPE_ELEMENT: {
        gboolean empty = xmlTextReaderIsEmptyElement(reader);
        return (!handler->begin || handler->begin(data, reader, name, error)) &&
               (!empty || !handler->end || handler->end(data, name, error));
    }
    case XML_READER_TYPE_END_ELEMENT:
        return !handler->end || handler->end(data, name, error);
    case XML_READER_TYPE_TEXT:
    case XML_READER_TYPE_CDATA:
    case XML_READER_TYPE_SIGNIFICANT_WHITESPACE:
        if (handler->text)
            handler->text(data, (const char *)xmlTextReaderConstValue(reader));
        return TRUE;
    case XML_READER_TYPE_DOCUMENT_TYPE:
    case XML_READER_TYPE_ENTITY_REFERENCE:
        return yd_error_invalid(error, NULL,
                                "the file has a document type in its XML, which no spreadsheet "
                                "program writes; it is not read");
    default:
        return TRUE;
    }
}

gboolean
ctl_xml_walk(GBytes *xml, const CtlXmlHandler *handler, gpointer data, GError **error)
{
    gsize n = 0;
    const char *bytes = g_bytes_get_data(xml, &n);
    g_autoptr(Reader) reader = xmlReaderForMemory(
        bytes, (int)n, NULL, NULL, XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
    int result = reader ? xmlTextReaderRead(reader) : -1;

    for (; result == 1; result = xmlTextReaderRead(reader)) {
        if (!visit(reader, handler, data, error))
            return FALSE;
    }
    return result == 0 ||
           yd_error_invalid(error, NULL, "the file is damaged: its XML can't be read");
}

char *
ctl_xml_attribute(xmlTextReader *reader, const char *name)
{
    char *value = NULL;

    while (!value && xmlTextReaderMoveToNextAttribute(reader) == 1) {
        if (strcmp((const char *)xmlTextReaderConstLocalName(reader), name) == 0)
            value = g_strdup((const char *)xmlTextReaderConstValue(reader));
    }
    xmlTextReaderMoveToElement(reader);
    return value;
}
