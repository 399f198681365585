// What END_REQUEST's protocolStatus says of a request that the worker did not do (specification
// 5.5).

import type { FailureCode } from '../../core/errors.ts';
import { PROTOCOL_STATUS } from '../../fcgi/protocol.ts';

export interface WorkerRefusal {
  readonly code: FailureCode;
  readonly message: string;
}

/**
 * Why the worker did not do the request; undefined when it did.
 * @param begun whether output came before: then the worker contradicts itself, and the request may
 *   have been run
 */
export function refusalOf(protocolStatus: number, begun: boolean): WorkerRefusal | undefined {
  if (protocolStatus === PROTOCOL_STATUS.REQUEST_COMPLETE) return undefined;
  if (begun) {
    const message = `refused (protocolStatus ${protocolStatus}) what it had begun to answer`;
    return { code: 'FCGI_LB_UPSTREAM_BAD_RECORD', message };
  }
  switch (protocolStatus) {
    case PROTOCOL_STATUS.CANT_MPX_CONN:
      return { code: 'FCGI_LB_UPSTREAM_CANT_MULTIPLEX', message: 'refused: it sees a second request on one connection' };
    case PROTOCOL_STATUS.OVERLOADED:
      return { code: 'FCGI_LB_UPSTREAM_OVERLOADED', message: 'refused: it says it is overloaded' };
    case PROTOCOL_STATUS.UNKNOWN_ROLE:
      return { code: 'FCGI_LB_UPSTREAM_UNKNOWN_ROLE', message: 'refused: it is not a FastCGI responder' };
    default:
      return { code: 'FCGI_LB_UPSTREAM_BAD_RECORD', message: `END_REQUEST with unknown protocolStatus ${protocolStatus}` };
  }
}
