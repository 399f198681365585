// What a route without upstreams answers: the port between it and what sends it.

import type { FileHandle } from 'node:fs/promises';
import type { RequestFacts } from '../request/variables.ts';
import type { WholeAnswer } from '../response/error-page.ts';

/** Part of an open file. Whoever is given it closes it. */
export interface FilePart {
  readonly handle: FileHandle;
  readonly start: number;
  /** Bytes. */
  readonly length: number;
}

export interface FileAnswer {
  readonly kind: 'file';
  readonly status: number;
  /** Names and values in turn, without Content-Length. */
  readonly headers: readonly string[];
  readonly file: FilePart;
}

export type LocalAnswer = FileAnswer | ({ readonly kind: 'whole' } & WholeAnswer);

/** @throws ProxyError */
export type Answerer = (facts: RequestFacts) => LocalAnswer | Promise<LocalAnswer>;
