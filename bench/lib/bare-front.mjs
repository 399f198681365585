// The least that a front end on node:http does: parse, say it in FastCGI, parse the answer, pass it
// on. No pool, no limits, no errors, no other workload. What Node itself costs: whatever is built
// on it costs at least this.
//
//   node bare-front.mjs HOST PORT SOCKET

import { createServer } from 'node:http';
import { connect } from 'node:net';

const [host, port, path] = process.argv.slice(2);
/** For all connections: what arrived is read before the next read begins. */
const received = Buffer.alloc(65_536);
const idle = [];

const server = createServer((request, response) => {
  const worker = idle.pop() ?? connectWorker();
  worker.response = response;
  worker.socket.write(encode(request));
});
server.listen(Number(port), host);

function connectWorker() {
  const worker = { socket: undefined, response: undefined };
  worker.socket = connect({ path, onread: { buffer: received, callback: (length) => answered(worker, length) } });
  return worker;
}

/** The benchmark's workers answer in one write, which arrives whole. */
function answered(worker, length) {
  let stdout;
  for (let at = 0; at < length; ) {
    const type = received[at + 1];
    const size = received.readUInt16BE(at + 4);
    if (type === 6 && size > 0) stdout = Buffer.from(received.subarray(at + 8, at + 8 + size));
    if (type === 3) respond(worker, stdout);
    at += 8 + size + received[at + 6];
  }
  return true;
}

function respond(worker, stdout) {
  const bodyAt = stdout.indexOf('\r\n\r\n') + 4;
  const headers = [];
  for (const line of stdout.latin1Slice(0, bodyAt - 4).split('\r\n')) {
    const colon = line.indexOf(':');
    const name = line.slice(0, colon);
    if (name !== 'Status') headers.push(name, line.slice(colon + 2));
  }
  const body = stdout.subarray(bodyAt);
  headers.push('Content-Length', String(body.length));
  worker.response.writeHead(200, headers).end(body);
  idle.push(worker);
}

function encode(request) {
  const query = request.url.indexOf('?');
  let params = pair('REQUEST_METHOD', request.method);
  params += pair('REQUEST_URI', request.url);
  params += pair('PATH_INFO', query === -1 ? request.url : request.url.slice(0, query));
  params += pair('QUERY_STRING', query === -1 ? '' : request.url.slice(query + 1));
  const { rawHeaders } = request;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    params += pair(`HTTP_${rawHeaders[at].toUpperCase().replaceAll('-', '_')}`, rawHeaders[at + 1]);
  }
  // BEGIN_REQUEST as a responder whose connection is kept, the parameters, no more parameters, no
  // body.
  const text = `${record(1, 8)}\0\x01\x01\0\0\0\0\0${record(4, params.length)}${params}${record(4, 0)}${record(5, 0)}`;
  return Buffer.from(text, 'latin1');
}

function record(type, length) {
  return String.fromCharCode(1, type, 0, 1, length >> 8, length & 255, 0, 0);
}

function pair(name, value) {
  const length =
    value.length < 128
      ? String.fromCharCode(value.length)
      : `\x80\0${String.fromCharCode(value.length >> 8, value.length & 255)}`;
  return String.fromCharCode(name.length) + length + name + value;
}
