// SPDX-License-Identifier: Apache-2.0
// An HTTP proxy for one Debian mirror on a unix socket: a laboratory without network reaches it through the file system.
//   usage: proxy.mjs SOCKET MIRROR

import http from 'node:http';

const [socket, mirror] = process.argv.slice(2);
const only = new URL(mirror);

http.createServer((request, response) => {
  let url;
  try {
    url = new URL(request.url, mirror);
  } catch {
    response.writeHead(400).end();
    return;
  }
  if (request.method !== 'GET' || url.host !== only.host) {
    response.writeHead(403).end(`only GET from ${only.host}\n`);
    return;
  }
  const headers = { ...request.headers, host: only.host, connection: 'close' };
  delete headers['proxy-connection'];
  const up = http.get(url, { headers, timeout: 60000 }, (answer) => {
    response.writeHead(answer.statusCode, answer.headers);
    answer.pipe(response);
  });
  up.on('timeout', () => up.destroy(new Error('timeout')));
  up.on('error', (error) => {
    if (!response.headersSent) response.writeHead(502);
    response.end(`${error.message}\n`);
  });
  response.on('close', () => up.destroy());
}).listen(socket);
