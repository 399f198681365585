// The default addresses of the admin listener: the program opens them, and the commands try them.

import { join } from 'node:path';
import { type Address, parseAddress } from '../core/address.ts';

/**
 * The unix socket, over which everything is allowed, comes first; without a runtime directory there
 * is none.
 * @param uid 0 for root
 */
export function defaultAdminAddresses(uid: number | undefined, environment: NodeJS.ProcessEnv): readonly Address[] {
  const tcp = parseAddress('127.0.0.1:9180');
  const runtime = uid === 0 ? '/run' : environment['XDG_RUNTIME_DIR'];
  return runtime === undefined || runtime === '' ? [tcp] : [parseAddress(join(runtime, 'fcgi-lb.sock')), tcp];
}
