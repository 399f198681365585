// php-fpm with fcgi-lb in front of it, as `--root DIR --php` sets it up, for the tests of this
// directory.

import { PHP_ROOT, startPhpFpm } from '../peers/php-fpm.ts';
import { ask } from '../support/clients/http-client.ts';
import { type Proxy as Site, startProxy } from '../support/program/proxy.ts';

/** @param words further command-line words */
export async function startPhpSite({
  children = 2,
  words = [],
}: {
  readonly children?: number;
  readonly words?: readonly string[];
} = {}): Promise<Site> {
  const fpm = await startPhpFpm({ children });
  return startProxy(['--upstream', fpm.socket, '--root', PHP_ROOT, '--php', ...words]);
}

/** The body of env.php's answer: parameters as PHP saw them, as byte strings. */
export function readEnvironment(body: Buffer): ReadonlyMap<string, string> {
  const text = (hex: unknown): string => Buffer.from(String(hex), 'hex').toString('latin1');
  const shown = JSON.parse(body.toString('latin1')) as Record<string, unknown>;
  return new Map(Object.entries(shown).map(([name, value]) => [text(name), text(value)]));
}

/** What PHP sees in $_SERVER for a GET of `path`. */
export async function environmentOf(
  site: Site,
  path: string,
  headers: Record<string, string | string[]> = {},
): Promise<ReadonlyMap<string, string>> {
  const answer = await ask(site.path, { path, headers });
  if (answer.status !== 200) throw new Error(`${path} was answered with ${answer.status}: ${answer.body.toString('latin1')}`);
  return readEnvironment(answer.body);
}
