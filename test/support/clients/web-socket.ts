// WebSocket by hand (RFC 6455): the handshake, and frames that are short enough for one byte of
// length.

import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';

const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';

/** The request of a client that asks for WebSocket. */
export function handshake(path = '/', more = ''): string {
  const fields = `Host: a.example\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\nSec-WebSocket-Version: 13\r\n${more}`;
  return `GET ${path} HTTP/1.1\r\n${fields}Sec-WebSocket-Key: ${KEY}\r\n\r\n`;
}

/** What a server that agrees says to it. */
export function agreement(request: IncomingMessage): string {
  const key = request.headers['sec-websocket-key'] ?? '';
  const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
  const fields = `Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n`;
  return `HTTP/1.1 101 Switching Protocols\r\n${fields}\r\n`;
}

/** A masked text frame, as clients send them. */
export function clientFrame(text: string): Buffer {
  const mask = Buffer.from([1, 2, 3, 4]);
  const payload = Buffer.from(text).map((byte, i) => byte ^ (mask[i % 4] ?? 0));
  return Buffer.concat([Buffer.from([0x81, 0x80 | payload.length]), mask, payload]);
}

/** A text frame, as servers send them. */
export function serverFrame(text: string): string {
  return String.fromCharCode(0x81, text.length) + text;
}

/** Echoes text frames that come whole. */
export function echoFrames(socket: Duplex): void {
  socket.on('data', (chunk: Buffer) => {
    for (let rest = chunk; rest.length > 0; ) {
      const length = (rest[1] ?? 0) & 0x7f;
      const mask = rest.subarray(2, 6);
      const text = rest.subarray(6, 6 + length).map((byte, i) => byte ^ (mask[i % 4] ?? 0));
      socket.write(serverFrame(Buffer.from(text).toString('latin1')), 'latin1');
      rest = rest.subarray(6 + length);
    }
  });
}
