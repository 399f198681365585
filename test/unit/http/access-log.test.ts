// The access log: one line a request, in JSON or for eyes.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type AccessRecord, createAccessLog } from '../../../src/http/access-log/access-log.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { anyText, byteString } from '../../support/fuzz/arbitraries.ts';

const ENTRY: AccessRecord = {
  client: '192.0.2.7',
  method: 'GET',
  path: '/ticket?id=1',
  status: 200,
  bytes: 1234,
  upstream: '/run/rt1.sock',
  attempts: 1,
  queue: 0.123456,
  connect: 0.2,
  head: 12.3456,
  total: 13,
  error: undefined,
};
const REFUSED: AccessRecord = {
  ...ENTRY,
  status: 503,
  bytes: 24,
  upstream: undefined,
  attempts: 0,
  connect: undefined,
  head: undefined,
  error: 'FCGI_LB_QUEUE_FULL',
};

function written(format: 'json' | 'pretty', entry: AccessRecord): string {
  const clock = new FakeClock();
  clock.advance(Date.UTC(2026, 0, 2, 3, 4, 5, 6) - clock.now());
  const lines: string[] = [];
  createAccessLog(format, clock, (line) => void lines.push(line))(entry);
  expect(lines).toHaveLength(1);
  return lines[0] ?? '';
}

describe('the access log in JSON', () => {
  it('holds every fact, times in ms with two digits', () => {
    expect(JSON.parse(written('json', ENTRY))).toEqual({
      time: '2026-01-02T03:04:05.006Z',
      client: '192.0.2.7',
      method: 'GET',
      path: '/ticket?id=1',
      status: 200,
      bytes: 1234,
      upstream: '/run/rt1.sock',
      attempts: 1,
      queue_ms: 0.12,
      connect_ms: 0.2,
      head_ms: 12.35,
      total_ms: 13,
    });
  });

  it('leaves out what did not happen, and names the failure', () => {
    const line = JSON.parse(written('json', REFUSED)) as Record<string, unknown>;
    expect(line).toMatchObject({ status: 503, attempts: 0, queue_ms: 0.12, error: 'FCGI_LB_QUEUE_FULL' });
    for (const name of ['upstream', 'connect_ms', 'head_ms']) expect(line).not.toHaveProperty(name);
  });
});

describe('the access log for eyes', () => {
  it('holds every fact', () => {
    expect(written('pretty', ENTRY)).toBe(
      '2026-01-02T03:04:05.006Z 192.0.2.7 GET /ticket?id=1 200 1234B upstream=/run/rt1.sock attempts=1 queue=0.12ms connect=0.2ms head=12.35ms total=13ms\n',
    );
  });

  it('shows a dash for what did not happen, and names the failure', () => {
    expect(written('pretty', REFUSED)).toBe(
      '2026-01-02T03:04:05.006Z 192.0.2.7 GET /ticket?id=1 503 24B upstream=- attempts=0 queue=0.12ms connect=- head=- total=13ms FCGI_LB_QUEUE_FULL\n',
    );
  });

  it('shows control characters in a path as text', () => {
    expect(written('pretty', { ...ENTRY, path: '/\x1b[2J\x9b\n' })).toContain(' /\\x1b[2J\\x9b\\x0a 200 ');
  });
});

describe.each(['json', 'pretty'] as const)('the access log as %s', (format) => {
  it('is one line for one request, whatever the path is', () => {
    fc.assert(
      fc.property(fc.oneof(byteString(40), anyText(40)), (path) => {
        const line = written(format, { ...ENTRY, path });
        expect(line.indexOf('\n')).toBe(line.length - 1);
        expect(line).not.toContain('\r');
        if (format === 'json') expect(JSON.parse(line)).toMatchObject({ path, status: 200 });
      }),
      { numRuns: 200 },
    );
  });
});
