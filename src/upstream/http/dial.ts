// Opens a socket to an HTTP upstream, with TLS where the address asks for it, or says in one coded
// error why it could not.

import { isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { HttpAddress } from '../../core/address.ts';
import type { Clock } from '../../core/clock.ts';
import type { ProxyError } from '../../core/errors.ts';
import { connectError, connectTimeout } from '../transport/dial.ts';
import { WorkerSocket } from '../transport/worker-socket.ts';

export interface HttpDialResult {
  /** The socket stands, and nobody listens to it yet. */
  connected(socket: Socket): void;
  failed(error: ProxyError): void;
}

/**
 * Connects to `address`. A certificate is always verified: an upstream that anybody could stand in
 * for needs no TLS.
 * @param timeout ms, the TLS handshake included
 * @returns a function that gives up: closes what was begun and reports nothing more
 */
export function dialHttp(address: HttpAddress, timeout: number, clock: Clock, result: HttpDialResult): () => void {
  const socket = open(address);
  // Whoever uses it sees that it closes; an error that nobody listens to would end the program.
  socket.on('error', () => undefined);
  const settle = (): void => {
    timer.cancel();
    socket.off(ready, onReady);
    socket.off('error', onError);
    socket.off('close', onClose);
  };
  const fail = (error: ProxyError): void => {
    settle();
    socket.destroy();
    result.failed(error);
  };
  const onReady = (): void => {
    settle();
    result.connected(socket);
  };
  const onError = (cause: Error): void => fail(connectError(address, cause));
  const onClose = (): void => fail(connectError(address, undefined));
  const ready = address.secure ? 'secureConnect' : 'connect';
  const timer = clock.after(timeout, () => fail(connectTimeout(address, timeout)));
  socket.on(ready, onReady);
  socket.on('error', onError);
  socket.on('close', onClose);
  return () => {
    settle();
    socket.destroy();
  };
}

function open({ socket: to, secure }: HttpAddress): Socket {
  if (to.kind === 'tcp' && secure) {
    const name = isIP(to.host) === 0 ? { servername: to.host } : {};
    return connectTls({ host: to.host, port: to.port, ...name });
  }
  const socket = new WorkerSocket();
  if (to.kind === 'unix') socket.connect({ path: to.path });
  else socket.connect({ host: to.host, port: to.port, noDelay: true });
  return socket;
}
