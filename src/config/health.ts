// What the operator wants of active probes: which question, how often, and how many answers make a
// verdict.

/** The question that one probe asks. */
export type ProbeQuestion =
  /**
   * Does a connection come about? Proves little, as the kernel accepts it for a worker that hangs;
   * costs least.
   */
  | { readonly kind: 'connect' }
  /** FCGI_GET_VALUES, padded. */
  | { readonly kind: 'values' }
  /** A FastCGI request of its own. */
  | {
      readonly kind: 'request';
      readonly method: 'GET' | 'HEAD';
      /** Path and query, as a client would send them. */
      readonly uri: string;
      /** Parameters besides those of every request; they win. */
      readonly params: ReadonlyMap<string, string>;
      readonly expect: ProbeExpectation;
    }
  /** A program that gets the upstream's address as UPSTREAM; exit code 0 is good. */
  | { readonly kind: 'exec'; readonly command: readonly [string, ...string[]] };

/** What a good answer looks like; all that is given must hold. */
export interface ProbeExpectation {
  /** Ranges of statuses, both ends included. */
  readonly statuses: readonly (readonly [least: number, most: number])[];
  /** Header names in lower case, with what their value must contain. */
  readonly headers: ReadonlyMap<string, TextPattern>;
  readonly body: TextPattern | undefined;
}

export type TextPattern =
  | { readonly kind: 'substring'; readonly text: string }
  | { readonly kind: 'regex'; readonly regex: RegExp };

/**
 * `idle`: only upstreams with nothing in flight. `always`: whenever a slot is free. `on-fail`: only
 * to find one well again.
 */
export const PROBE_TIMES = ['idle', 'always', 'on-fail'] as const;
export type ProbeTime = (typeof PROBE_TIMES)[number];

export interface ProbeSettings {
  readonly question: ProbeQuestion;
  /** ms between two probes of one upstream; up to a tenth of it more or less, at random. */
  readonly interval: number;
  /** ms */
  readonly timeout: number;
  /** Good answers in a row that bring an upstream up, and bad ones that take it down. */
  readonly rise: number;
  readonly fall: number;
  readonly when: ProbeTime;
  /**
   * Whether to probe a unix socket that no request has used yet, which may start a worker behind
   * it.
   */
  readonly wake: boolean;
}
