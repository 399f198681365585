// Whether somebody listens.

import { connect } from 'node:net';
import { systemCode } from '../../../src/core/errors.ts';

/** @returns `connected`, or the code of the error */
export function connects(where: string | { readonly port: number }): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(typeof where === 'string' ? { path: where } : { host: '127.0.0.1', port: where.port });
    socket.once('connect', () => {
      socket.destroy();
      resolve('connected');
    });
    socket.once('error', (error) => resolve(systemCode(error) ?? 'error'));
  });
}
