// What all client requests share.

import type { Clock } from '../core/clock.ts';
import type { Log } from '../core/log.ts';
import type { AccessLog } from './access-log.ts';
import type { HeaderReader } from './request-headers.ts';

export interface TransactionContext {
  readonly clock: Clock;
  readonly log: Log;
  readonly accessLog: AccessLog | undefined;
  readonly headerReader: HeaderReader;
}
