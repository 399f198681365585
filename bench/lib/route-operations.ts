// The choice of a route that `micro` times: among few and among many, by prefix, by host and by
// regex.

import type { RouteMatch } from '../../src/config/route.ts';
import type { Parts } from './product.ts';

export const ROUTE_COUNTS = [1, 10, 100, 1000] as const;

export interface RouteOperation {
  readonly name: string;
  readonly make: (count: number) => (times: number) => number;
}

export function routeOperations({ Router }: Parts): readonly RouteOperation[] {
  const choosing = (
    name: string,
    matchOf: (number: number) => Partial<RouteMatch>,
    host: (number: number) => string,
    path: (number: number) => string,
  ): RouteOperation => ({
    name,
    make: (count) => {
      const any: RouteMatch = { hosts: [], path: { kind: 'prefix', path: '/', final: false }, methods: new Set() };
      const router = new Router(
        Array.from({ length: count }, (_, number) => ({ match: { ...any, ...matchOf(number) }, route: number })),
      );
      const hosts = Array.from({ length: 64 }, (_, at) => host((at * 7919) % count));
      const paths = Array.from({ length: 64 }, (_, at) => path((at * 7919) % count));
      return (times) => {
        let sum = 0;
        for (let i = 0; i < times; i += 1) sum += router.choose(hosts[i & 63], paths[i & 63] ?? '', 'GET') ?? 0;
        return sum;
      };
    },
  });
  const fixed = (): string => 'tickets.example.org';
  return [
    choosing(
      'by prefix',
      (n) => ({ path: { kind: 'prefix', path: `/part${n}/`, final: false } }),
      fixed,
      (n) => `/part${n}/Ticket/Display.html`,
    ),
    choosing(
      'by exact path',
      (n) => ({ path: { kind: 'exact', path: `/part${n}` } }),
      fixed,
      (n) => `/part${n}`,
    ),
    choosing(
      'by host',
      (n) => ({ hosts: [{ kind: 'exact', name: `h${n}.example.org` }] }),
      (n) => `h${n}.example.org:8080`,
      () => '/Ticket/Display.html',
    ),
    choosing(
      'by regex, the last of all',
      (n) => ({ path: { kind: 'regex', regex: new RegExp(`^/part${n}/.*\\.php$`) } }),
      fixed,
      () => '/Ticket/Display.html',
    ),
  ];
}
