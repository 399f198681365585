// Drives a front end with wrk and reads what wrk says.

import { needProgram, output } from './command.ts';
import type { Scope } from './scope.ts';

/** About what a browser sends. */
export const BROWSER_HEADERS: ReadonlyArray<readonly [name: string, value: string]> = [
  ['User-Agent', 'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0'],
  ['Accept', 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8'],
  ['Accept-Language', 'en-GB,en;q=0.7,de;q=0.3'],
  ['Accept-Encoding', 'gzip, deflate, br'],
  ['Referer', 'http://tickets.example.org/Ticket/Display.html?id=4711'],
  ['Cookie', 'RT_SID_example.443=5b0d3f1f2a6c4e0f9a7d8c6b5a493827; theme=light'],
  ['Upgrade-Insecure-Requests', '1'],
  ['Cache-Control', 'max-age=0'],
];

export interface WrkRun {
  readonly requests: number;
  readonly perSecond: number;
  /** Answers other than 2xx and 3xx, and broken connections. */
  readonly failed: number;
}

export interface WrkOptions {
  readonly url: string;
  readonly connections: number;
  readonly seconds: number;
}

/** @throws Error when wrk is missing or fails */
export async function wrk(scope: Scope, { url, connections, seconds }: WrkOptions): Promise<WrkRun> {
  const headers = BROWSER_HEADERS.flatMap(([name, value]) => ['-H', `${name}: ${value}`]);
  const text = await output(scope, {
    program: needProgram('wrk', 'wrk'),
    words: ['-t1', `-c${connections}`, `-d${seconds}s`, ...headers, url],
  });
  const number = (pattern: RegExp): number => Number(pattern.exec(text)?.[1] ?? 0);
  const broken = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(text)?.slice(1) ?? [];
  return {
    requests: number(/(\d+) requests in/),
    perSecond: number(/Requests\/sec:\s+([\d.]+)/),
    failed: number(/Non-2xx or 3xx responses: (\d+)/) + broken.map(Number).reduce((sum, count) => sum + count, 0),
  };
}
