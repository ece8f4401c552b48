#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Writes a text file as a C string: embed-text.py OUT NAME FILE
import sys

out, name, path = sys.argv[1:]
with open(path, encoding='utf-8') as file:
    lines = [line.rstrip('\n').replace('\\', '\\\\').replace('"', '\\"') for line in file]
with open(out, 'w', encoding='utf-8') as file:
    file.write('#include "deskd/add-host.h"\n\n')
    file.write(f'const char {name}[] =\n' + ''.join(f'    "{line}\\n"\n' for line in lines) + '    "";\n')
