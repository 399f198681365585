// Gives every thrown value a code.

import { asError, ProxyError } from '../../core/errors.ts';

/** Any thrown value as a coded error: what has no code is a fault of ours. */
export function codedError(error: unknown): ProxyError {
  if (error instanceof ProxyError) return error;
  return new ProxyError('FCGI_LB_INTERNAL', `unexpected: ${asError(error).message}`, { cause: error });
}
