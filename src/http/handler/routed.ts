// From a request as it came to the route that takes it, or to why none does.

import type { IncomingMessage } from 'node:http';
import { ProxyError } from '../../core/errors.ts';
import { codedError } from '../request/coded-error.ts';
import type { HeaderReader, RequestHeaders } from '../request/headers.ts';
import type { Router } from '../request/router.ts';
import { parseTarget, type RequestTarget } from '../request/target.ts';
import type { AnyRoute, LocalRoute, Route } from './route.ts';

/** What was read of a request to choose its route. */
interface Read {
  readonly target: RequestTarget;
  readonly headers: RequestHeaders;
}

export interface RoutedToPool extends Read {
  readonly kind: 'pool';
  readonly route: Route;
}

export interface RoutedHere extends Read {
  readonly kind: 'local';
  readonly route: LocalRoute;
}

export interface Refused {
  readonly kind: 'refused';
  readonly error: ProxyError;
  /** Methods that would have been taken; undefined where that is not the trouble. */
  readonly allow: ReadonlySet<string> | undefined;
}

export type Routed = RoutedToPool | RoutedHere | Refused;

/** @param method as the client sent it */
export function routeRequest(
  router: Router<AnyRoute>,
  headerReader: HeaderReader,
  request: IncomingMessage,
  method: string,
): Routed {
  try {
    const target = parseTarget(request.url ?? '');
    const headers = headerReader.read(request.rawHeaders);
    const host = target.authority ?? headers.host;
    const route = router.choose(host, target.path, method);
    if (route?.kind === 'pool') return { kind: 'pool', route, target, headers };
    if (route !== undefined) return { kind: 'local', route, target, headers };
    const allow = router.methodsFor(host, target.path);
    if (allow.size === 0) return refused(new ProxyError('FCGI_LB_REQUEST_NO_ROUTE', 'no route takes this host and path'));
    return refused(new ProxyError('FCGI_LB_REQUEST_METHOD_REFUSED', `no route here takes the method ${method}`), allow);
  } catch (error) {
    return refused(codedError(error));
  }
}

function refused(error: ProxyError, allow?: ReadonlySet<string>): Refused {
  return { kind: 'refused', error, allow };
}
