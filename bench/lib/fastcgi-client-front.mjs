// What a Node programmer would write today: node:http and the package fastcgi-client, which opens a
// connection for each request. No pool, no limits, no queue, no timers; errors are answered with
// 502.
//
//   node fastcgi-client-front.mjs HOST PORT SOCKET

import { createServer } from 'node:http';
import createClient from 'fastcgi-client';

const [host, port, sockFile] = process.argv.slice(2);
// Its probe at start-up hangs on workers with libfcgi.
const client = createClient({ sockFile, skipCheckServer: true });

client.on('ready', () => {
  createServer((request, response) => {
    client.request(paramsOf(request), (error, exchange) => {
      if (error) {
        response.writeHead(502).end();
        return;
      }
      request.pipe(exchange.stdin);
      exchange.stderr.resume();
      answer(exchange, response);
    });
  }).listen(Number(port), host);
});

/** The head may come in several pieces; the body is passed on as it comes. */
function answer({ stdout }, response) {
  let head = Buffer.alloc(0);
  const onHead = (chunk) => {
    head = Buffer.concat([head, chunk]);
    const end = head.indexOf('\r\n\r\n');
    if (end === -1) return;
    stdout.off('data', onHead);
    let status = 200;
    for (const line of head.latin1Slice(0, end).split('\r\n')) {
      const colon = line.indexOf(':');
      const name = line.slice(0, colon);
      const value = line.slice(colon + 1).trim();
      if (name.toLowerCase() === 'status') status = Number.parseInt(value, 10);
      else response.appendHeader(name, value);
    }
    response.writeHead(status);
    response.write(head.subarray(end + 4));
    stdout.pipe(response);
  };
  stdout.on('data', onHead);
  stdout.once('end', () => {
    if (!response.headersSent) response.writeHead(502).end();
  });
}

function paramsOf({ method, url, headers, socket }) {
  const query = url.indexOf('?');
  const path = query === -1 ? url : url.slice(0, query);
  const params = {
    GATEWAY_INTERFACE: 'CGI/1.1',
    SERVER_PROTOCOL: 'HTTP/1.1',
    REQUEST_METHOD: method,
    REQUEST_URI: url,
    SCRIPT_NAME: '',
    PATH_INFO: path,
    QUERY_STRING: query === -1 ? '' : url.slice(query + 1),
    CONTENT_TYPE: headers['content-type'] ?? '',
    CONTENT_LENGTH: headers['content-length'] ?? '',
    REMOTE_ADDR: socket.remoteAddress,
    REMOTE_PORT: String(socket.remotePort),
    SERVER_NAME: host,
    SERVER_PORT: port,
  };
  for (const [name, value] of Object.entries(headers)) params[`HTTP_${name.toUpperCase().replaceAll('-', '_')}`] = String(value);
  return params;
}
