// Counts how the requests of one upstream end, and says when it has failed too often. Pure:
// outcomes and times in, a verdict out.

import type { PassiveClass, PassiveSettings } from '../config/settings.ts';
import type { FailureClass, FailureCode, ProxyError } from '../core/errors.ts';
import type { ExchangeOutcome } from '../upstream/transport/request.ts';

/**
 * Codes that mean more here than their class says: waiting in vain costs a request its time, where
 * refusals cost nothing.
 */
const CODES: Partial<Record<FailureCode, PassiveClass>> = { FCGI_LB_CONNECT_TIMEOUT: 'timeout' };

/** `busy`, `status` and whatever is the client's doing say nothing against an upstream. */
const CLASSES: Readonly<Record<FailureClass, PassiveClass | undefined>> = {
  connect: 'refused',
  busy: undefined,
  closed: 'closed',
  timeout: 'timeout',
  invalid_header: 'invalid_header',
  status: undefined,
};

/**
 * How many parts a window has: what is older than the window falls out of the count a part at a
 * time.
 */
const PARTS = 10;

interface Part {
  good: number;
  readonly failures: Map<PassiveClass, number>;
}

export class PassiveHealth {
  readonly #settings: PassiveSettings;
  readonly #parts: Part[] = [];
  /** Number of the newest part, counted from the beginning of time. */
  #newest = 0;

  constructor(settings: PassiveSettings) {
    this.#settings = settings;
  }

  /**
   * Takes one outcome.
   * @param now clock ms
   * @returns why the upstream is to be ejected, for the operator; undefined when it is not
   */
  observe(outcome: ExchangeOutcome, now: number): string | undefined {
    const { on, maxFails, failShare, failTimeout } = this.#settings;
    const failed = classOf(outcome, on);
    if (failed === 'nothing') return undefined;
    const part = this.#part(now);
    if (failed === 'good') {
      part.good += 1;
      return undefined;
    }
    part.failures.set(failed, (part.failures.get(failed) ?? 0) + 1);
    let good = 0;
    let allFailed = 0;
    let sameClass = 0;
    for (const each of this.#parts) {
      good += each.good;
      for (const [kind, count] of each.failures) {
        allFailed += count;
        if (kind === failed) sameClass += count;
      }
    }
    if (sameClass < maxFails || allFailed < failShare * (good + allFailed)) return undefined;
    return `${sameClass} requests failed within ${failTimeout} ms (${failed})`;
  }

  /** Forgets what was counted. */
  reset(): void {
    this.#parts.length = 0;
  }

  #part(now: number): Part {
    const number = Math.floor(now / (this.#settings.failTimeout / PARTS));
    const passed = this.#parts.length === 0 ? PARTS : Math.min(PARTS, number - this.#newest);
    this.#newest = number;
    for (let i = 0; i < passed; i += 1) this.#parts.push({ good: 0, failures: new Map() });
    if (this.#parts.length > PARTS) this.#parts.splice(0, this.#parts.length - PARTS);
    const newest = this.#parts.at(-1);
    if (newest === undefined) throw new Error('a window has at least one part');
    return newest;
  }
}

/**
 * What an outcome says of the upstream.
 * @param on the failures that count; an application's own 5xx is a good answer unless it is among
 *   them
 */
export function classOf(outcome: ExchangeOutcome, on: ReadonlySet<PassiveClass>): PassiveClass | 'good' | 'nothing' {
  if (outcome.kind === 'abandoned') return 'nothing';
  if (outcome.kind === 'complete' && outcome.status !== undefined) {
    return outcome.status >= 500 && on.has('http_5xx') ? 'http_5xx' : 'good';
  }
  const failed = outcome.kind === 'complete' ? 'invalid_header' : classOfFailure(outcome.error);
  return failed !== undefined && on.has(failed) ? failed : 'nothing';
}

function classOfFailure(error: ProxyError): PassiveClass | undefined {
  return CODES[error.code] ?? (error.class && CLASSES[error.class]);
}
