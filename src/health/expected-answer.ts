// Holds one answer against what the operator expects: status, headers, and the beginning of the
// body.

import type { ProbeExpectation, TextPattern } from '../config/health.ts';
import { BadHeadError, CgiHeadReader, type HeaderField, HeadTooLargeError } from '../fcgi/cgi-head.ts';

/** Bytes that a head may take. */
const MAX_HEAD = 65_536;
/** Bytes of a body that are looked at: a probe must not fill memory, whatever it is answered. */
export const BODY_LOOKED_AT = 65_536;

export class ExpectedAnswer {
  readonly #expect: ProbeExpectation;
  readonly #head = new CgiHeadReader(MAX_HEAD);
  #headEnded = false;
  #problem: string | undefined;
  readonly #body: Buffer[] = [];
  #room: number;

  constructor(expect: ProbeExpectation) {
    this.#expect = expect;
    this.#room = expect.body === undefined ? 0 : BODY_LOOKED_AT;
  }

  /** The next bytes of STDOUT. */
  push(chunk: Buffer): void {
    if (this.#problem !== undefined) return;
    if (this.#headEnded) this.#keep(chunk);
    else this.#readHead(chunk);
  }

  /**
   * The answer is complete: what is wrong with it, in the operator's words; undefined when it is as
   * expected.
   */
  problem(): string | undefined {
    if (this.#problem !== undefined) return this.#problem;
    if (!this.#headEnded) return 'answer without a head';
    const { body } = this.#expect;
    if (body === undefined || matches(body, Buffer.concat(this.#body).toString('utf8'))) return undefined;
    return `body without ${patternText(body)}`;
  }

  #readHead(chunk: Buffer): void {
    try {
      const head = this.#head.push(chunk);
      if (head === undefined) return;
      this.#headEnded = true;
      this.#problem = headProblem(head.fields, this.#expect);
      this.#keep(chunk.subarray(head.bodyAt));
    } catch (error) {
      if (!(error instanceof BadHeadError || error instanceof HeadTooLargeError)) throw error;
      this.#problem = `bad head: ${error.message}`;
    }
  }

  #keep(chunk: Buffer): void {
    if (this.#room === 0 || chunk.length === 0) return;
    const part = chunk.subarray(0, this.#room);
    this.#room -= part.length;
    this.#body.push(part);
  }
}

function headProblem(fields: readonly HeaderField[], expect: ProbeExpectation): string | undefined {
  const status = statusOf(fields);
  if (typeof status === 'string') return `bad head: no status in ${JSON.stringify(status)}`;
  if (!expect.statuses.some(([least, most]) => least <= status && status <= most)) {
    return `status ${status}, expected ${expect.statuses.map(rangeText).join(', ')}`;
  }
  for (const [name, pattern] of expect.headers) {
    const values = fields.filter(({ key }) => key === name).map(({ value }) => Buffer.from(value, 'latin1').toString('utf8'));
    if (values.some((value) => matches(pattern, value))) continue;
    return values.length === 0 ? `no header ${name}` : `header ${name} without ${patternText(pattern)}`;
  }
  return undefined;
}

/**
 * RFC 3875 6.3.3: without a Status it is 200, or 302 with a Location. A Status that is none is
 * given back.
 */
function statusOf(fields: readonly HeaderField[]): number | string {
  const line = fields.find(({ key }) => key === 'status')?.value;
  if (line === undefined) return fields.some(({ key }) => key === 'location') ? 302 : 200;
  const digits = /^([2-9]\d\d)(?:[ \t]|$)/.exec(line)?.[1];
  return digits === undefined ? line : Number(digits);
}

function rangeText([least, most]: readonly [number, number]): string {
  return least === most ? String(least) : `${least}-${most}`;
}

function matches(pattern: TextPattern, text: string): boolean {
  // `search` and not `test`, which with the flag g goes on where the last answer ended.
  return pattern.kind === 'substring' ? text.includes(pattern.text) : text.search(pattern.regex) !== -1;
}

function patternText(pattern: TextPattern): string {
  return pattern.kind === 'substring' ? JSON.stringify(pattern.text) : String(pattern.regex);
}
