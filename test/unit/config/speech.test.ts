// HTTP upstreams in a file.

import { expect, it } from 'vitest';
import { load } from '../../support/parts/config-file.ts';

it('HTTP servers may stand in a file by URL, by socket and by a glob of sockets, and be probed in HTTP', () => {
  const list = '["http://a", "https://b:8443", "http+unix:/run/a.sock", { address: "http+unix:/run/b*.sock", weight: 2 }]';
  const { settings } = load(`pools: { app: { upstreams: ${list}, health: { probe: request, uri: /ping } } }\n`);
  expect(settings.pools[0]?.upstreams).toMatchObject([
    { kind: 'address', address: { kind: 'http', text: 'http://a' } },
    { kind: 'address', address: { kind: 'http', secure: true, text: 'https://b:8443' } },
    { kind: 'address', address: { kind: 'http', text: 'http+unix:/run/a.sock' } },
    { kind: 'glob', pattern: '/run/b*.sock', speaks: 'http', weight: 2 },
  ]);
  expect(settings.pools[0]?.probe?.question).toMatchObject({ kind: 'request', uri: '/ping' });
});
