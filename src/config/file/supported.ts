// Refuses what a file may say but the program cannot serve yet, rather than ignoring it.

import type { RawPool, RawRoute } from '../schema/file.ts';
import type { Report } from './report.ts';

const NOT_YET = 'this is not supported yet';

/** Keys of a route that nothing in the program acts upon. */
export const UNSUPPORTED_ROUTE_KEYS: readonly (keyof RawRoute)[] = [
  'host',
  'path_regex',
  'final',
  'method',
  'static',
  'redirect',
  'respond',
  'split_path',
  'strip_prefix',
  'request_headers',
  'response_headers',
  'error_pages',
];

export function refuseUnsupported(pools: Iterable<RawPool>, routes: readonly RawRoute[], report: Report): void {
  for (const pool of pools) refuseVariables(pool.params, report);
  for (const [index, route] of routes.entries()) {
    for (const key of UNSUPPORTED_ROUTE_KEYS) if (report.has(route, key)) report.at(route, key, NOT_YET);
    const { path } = route;
    if (path !== undefined && (path.kind === 'exact' || path.path !== '/')) {
      report.at(route, 'path', "paths other than '/' are not supported yet");
    }
    refuseVariables(route.params, report);
    if (index > 0) report.at(route, undefined, 'more than one route is not supported yet');
  }
}

function refuseVariables(params: RawRoute['params'], report: Report): void {
  for (const [name, value] of params ?? []) {
    if (value.includes('$') && params !== undefined) report.at(params, name, `'${value}': variables are not supported yet`);
  }
}
