// A situation as an operator may meet it, played from a table: for the tests of the live page and
// for its picture.

import type { PoolStatus, ProbeStatus, Status, UpstreamStatus } from '../../../src/admin/status.ts';
import type { OperatorEvent } from '../../../src/core/events.ts';

const BEGIN = Date.UTC(2026, 4, 4, 12, 0, 0);
const MINUTE = 60;
/** When things happen, in seconds from the beginning of the scene. */
export const SCENE = { growing: 200, down: 135, drained: 262, php: 40, seconds: 300 } as const;

export const RT3_REASON = 'refused: nothing listens';

/** ms since 1970. */
export function sceneTime(second: number): number {
  return BEGIN + second * 1000;
}

interface Part {
  readonly is?: string;
  readonly at?: number;
  readonly reason?: string;
  readonly activity?: string;
  readonly inFlight?: number;
  readonly capacity?: number;
  readonly rate?: number;
  readonly head?: readonly [number, number] | null;
  readonly errors?: UpstreamStatus['errors'];
  readonly retries?: number;
  readonly probe?: Omit<ProbeStatus, 'at'>;
  readonly backup?: boolean;
}

/** Even, but as uneven as traffic is; the same each time. */
function ripple(second: number, seed: number): number {
  return Math.sin(second / 7 + seed) * 0.5 + Math.sin(second / 2.3 + seed * 3) * 0.3 + Math.sin(second * 1.7 + seed) * 0.2;
}

function upstream(name: string, second: number, part: Part): UpstreamStatus {
  const { is = 'up', at = -23 * MINUTE, reason = 'nothing is known against it', activity = 'full', inFlight = 1 } = part;
  const since = new Date(sceneTime(at)).toISOString();
  const head = part.head === undefined ? ([38, 160] as const) : part.head;
  const probe = part.probe ?? ({ result: 'skipped', reason: 'it is busy', ms: null } as const);
  return {
    name,
    leaving: false,
    state: { is, since, reason },
    activity: { is: activity, since, reason: `${inFlight} of ${part.capacity ?? 1} slots in use` },
    capacity: part.capacity ?? 1,
    in_flight: inFlight,
    weight: 1,
    backup: part.backup ?? false,
    requests: Math.round((part.rate ?? 20) * (second + 23 * MINUTE)),
    errors: part.errors ?? {},
    retries: part.retries ?? 0,
    head_ms: head === null ? null : { p50: head[0], p90: (head[0] + head[1]) / 2, p99: head[1] },
    last_probe: { at: new Date(sceneTime(second - 2)).toISOString(), ...probe },
  };
}

function pool(
  name: string,
  second: number,
  part: { rate: number; waiting: number; oldest: number | null; head: [number, number]; size: number },
  upstreams: UpstreamStatus[],
): PoolStatus {
  const requests = requestsUntil(second, part.rate);
  return {
    name,
    leaving: false,
    balance: 'least-conn',
    requests,
    statuses: {
      '1xx': 0,
      other: 0,
      '2xx': Math.round(requests * 0.97),
      '3xx': Math.round(requests * 0.02),
      '4xx': Math.round(requests * 0.01),
      '5xx': 7,
    },
    retries: 3,
    queue: {
      waiting: part.waiting,
      size: part.size,
      oldest_ms: part.oldest,
      waited: 812,
      wait_ms: { p50: 12, p90: 300, p99: 1900 },
      rejected: {},
    },
    head_ms: { p50: part.head[0], p90: part.head[1] / 2, p99: part.head[1] },
    total_ms: null,
    upstreams,
  };
}

/** With a rate that changes slowly. */
function requestsUntil(second: number, rate: number): number {
  let sum = rate * 23 * MINUTE;
  for (let each = 0; each < second; each += 1) sum += rate * (1 + 0.12 * ripple(each, 1));
  return Math.round(sum);
}

/** What `GET /status` says so many seconds into the scene. */
export function sceneStatus(second: number): Status {
  const late = Math.max(0, second - SCENE.growing);
  const down = second >= SCENE.down;
  const drained = second >= SCENE.drained;
  const waiting =
    late > 0 ? Math.round(2 + late * 0.32 + 2 * ripple(second, 2)) : Math.max(0, Math.round(1.2 * ripple(second, 2)));
  const slow = second > 150 ? 880 + 60 * ripple(second, 4) : 55;
  const rt3: Part = down
    ? {
        ...{ is: 'down', at: SCENE.down, reason: RT3_REASON, activity: 'starting', inFlight: 0, head: null },
        ...{ errors: { FCGI_LB_CONNECT_REFUSED: 9, FCGI_LB_UPSTREAM_CLOSED: 1 }, retries: 10, rate: 16 },
        probe: { result: 'bad', reason: RT3_REASON, ms: 0.2 },
      }
    : {};
  const rt2: Part = drained
    ? { is: 'draining', at: SCENE.drained, reason: 'drain by admin 127.0.0.1:9180', activity: 'full', rate: 19 }
    : {};
  const head = (seed: number): [number, number] => [
    Math.round(38 + 4 * ripple(second, seed)),
    Math.round(160 + 40 * ripple(second, seed)),
  ];
  return {
    format: 1,
    version: '0.1.0',
    pid: 2041,
    generation: 3,
    uptime_seconds: 23 * MINUTE + second,
    stopping: false,
    ready: true,
    reasons: [],
    reload: { result: 'good', at: new Date(sceneTime(-300)).toISOString(), generation: 3 },
    listeners: [
      { address: '127.0.0.1:8080', door: 'public' },
      { address: '127.0.0.1:9180', door: 'admin' },
    ],
    active: waiting + 9,
    process: {
      resident_bytes: 92_500_000,
      cpu_seconds: 40 + second * 0.11,
      open_fds: 61 + waiting,
      loop_delay_ms: { p50: 0.1, p99: 1.4 },
    },
    pools: [
      pool(
        'rt',
        second,
        {
          rate: 96,
          waiting,
          oldest: late > 0 ? 180 * Math.sqrt(late) : waiting > 0 ? 30 : null,
          head: [44, Math.round(slow + 120)],
          size: 1024,
        },
        [
          upstream('/run/rt1.sock', second, { head: head(1) }),
          upstream('/run/rt2.sock', second, rt2),
          upstream('/run/rt3.sock', second, rt3),
          upstream('/run/rt4.sock', second, { head: [Math.round(slow), Math.round(slow * 1.9)], rate: 4 }),
          upstream('/run/rt5.sock', second, { head: head(5), errors: { FCGI_LB_UPSTREAM_READ_TIMEOUT: 1 } }),
          upstream('/run/rt6.sock', second, {
            head: head(6),
            backup: true,
            inFlight: second > 140 ? 1 : 0,
            rate: 3,
            activity: second > 140 ? 'full' : 'idle',
          }),
        ],
      ),
      pool('php', second, { rate: 31, waiting: 0, oldest: null, head: [9, Math.round(41 + 6 * ripple(second, 9))], size: 256 }, [
        upstream('/run/php/php8.2-fpm.sock', second, {
          capacity: 8,
          inFlight: 2 + Math.round(ripple(second, 3)),
          activity: 'busy',
          head: [9, 41],
          rate: 31,
        }),
      ]),
    ],
    recent: [],
  };
}

/** What happened before the scene and in it, by the second. */
export function sceneEvents(): ReadonlyMap<number, OperatorEvent> {
  const at = (second: number): Date => new Date(sceneTime(second));
  const state = (second: number, name: string, is: string, was: string, reason: string): [number, OperatorEvent] => [
    second,
    { kind: 'state', at: at(second), pool: 'rt', upstream: name, is, was, reason },
  ];
  return new Map([
    [1, { kind: 'member', at: at(1), pool: 'rt', upstream: '/run/rt6.sock', is: 'joined' }],
    [SCENE.php, { kind: 'reload', at: at(SCENE.php), is: 'good', by: 'HUP', generation: 3, problems: [] }],
    state(70, '/run/rt5.sock', 'down', 'up', '3 requests failed within 10000 ms (timeout); out for 9120 ms'),
    state(92, '/run/rt5.sock', 'up', 'down', 'a trial request was answered'),
    state(SCENE.down, '/run/rt3.sock', 'down', 'up', RT3_REASON),
    state(SCENE.drained, '/run/rt2.sock', 'draining', 'up', 'drain by admin 127.0.0.1:9180'),
  ]);
}
