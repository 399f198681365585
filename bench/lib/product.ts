// The built product's own parts, for benchmarks that call them: compiled as users run them, without
// a loader's wrapping.

import { fileURLToPath } from 'node:url';

/** Types come from the sources, values from what `npm run build` made of them. */
async function built<T>(path: string): Promise<T> {
  return (await import(fileURLToPath(new URL(`../../dist/${path}.js`, import.meta.url)))) as T;
}

export async function loadParts() {
  return {
    ...(await built<typeof import('../../src/app/registry.ts')>('app/registry')),
    ...(await built<typeof import('../../src/core/address.ts')>('core/address')),
    ...(await built<typeof import('../../src/core/clock.ts')>('core/clock')),
    ...(await built<typeof import('../../src/core/log.ts')>('core/log')),
    ...(await built<typeof import('../../src/fcgi/cgi-head.ts')>('fcgi/cgi-head')),
    ...(await built<typeof import('../../src/fcgi/decode.ts')>('fcgi/decode')),
    ...(await built<typeof import('../../src/health/prober.ts')>('health/prober')),
    ...(await built<typeof import('../../src/http/proxy/cgi-params.ts')>('http/cgi-params')),
    ...(await built<typeof import('../../src/http/proxy/cgi-response.ts')>('http/cgi-response')),
    ...(await built<typeof import('../../src/http/request/headers.ts')>('http/request-headers')),
    ...(await built<typeof import('../../src/http/request/router.ts')>('http/router')),
    ...(await built<typeof import('../../src/http/request/target.ts')>('http/target')),
    ...(await built<typeof import('../../src/pool/pool.ts')>('pool/pool')),
    ...(await built<typeof import('../../src/pool/pool-counts.ts')>('pool/pool-counts')),
    ...(await built<typeof import('../../src/pool/queue.ts')>('pool/queue')),
    ...(await built<typeof import('../../src/upstream/upstream-counts.ts')>('upstream/upstream-counts')),
    ...(await built<typeof import('../../src/upstream/upstream.ts')>('upstream/upstream')),
  };
}

export type Parts = Awaited<ReturnType<typeof loadParts>>;
