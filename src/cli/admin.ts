// What the commands that talk to the running program have in common: where it is, and what its answers mean.

import { userInfo } from 'node:os';
import { AdminClient, AdminError } from '../admin/client.ts';
import { defaultAdminAddresses } from '../admin/default-addresses.ts';
import type { Status } from '../admin/status.ts';
import { ConfigError, parseAddress } from '../core/address.ts';
import { type CommandName, type Option, optionRows } from './options.ts';

export const ADMIN_OPTION = {
  name: 'admin',
  value: 'ADDR',
  preset: 'the unix socket of the same user, then 127.0.0.1:9180',
  help: 'the admin listener of the program: a socket path or HOST:PORT',
} as const satisfies Option;

export const HELP_OPTION = { name: 'help', help: 'print this help and exit' } as const satisfies Option;

/**
 * @param admin what `--admin` says
 * @throws ConfigError for an address that is none
 */
export function adminClient(admin: string | undefined, command: CommandName): AdminClient {
  const addresses = admin === undefined ? defaultAdminAddresses(process.getuid?.(), process.env) : [parseAddress(admin)];
  return new AdminClient(addresses, `fcgi-lb ${command} (${userName()})`);
}

/** @throws AdminError */
export async function askStatus(client: AdminClient): Promise<Status> {
  const { status, body } = await client.ask('GET', '/status');
  if (status !== 200) throw new AdminError(errorIn(body, status));
  const { format } = body as Partial<Status>;
  if (format !== 1)
    throw new AdminError(`the program's status has format ${String(format)}, which this command does not know; use its own`);
  return body as Status;
}

/** What an answer that is no success says. */
export function errorIn(body: unknown, status: number): string {
  if (typeof body === 'object' && body !== null) {
    const { error, message } = body as { readonly error?: unknown; readonly message?: unknown };
    if (typeof message === 'string') return message;
    if (typeof error === 'string') return error;
  }
  return `the program answered ${status}`;
}

export function usage(lines: readonly string[], options: readonly Option[]): string {
  return [...lines, '', ...optionRows(options), ''].join('\n');
}

/**
 * The one word that a command is given.
 * @throws ConfigError
 */
export function onlyWord(words: readonly string[], what: string, command: CommandName): string {
  const [word, more] = words;
  if (word === undefined) throw new ConfigError(`${command} needs ${what}; see fcgi-lb ${command} --help`);
  if (more !== undefined) throw new ConfigError(`unexpected word '${more}'`);
  return word;
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // In a container a uid may have no name.
    return `uid ${process.getuid?.()}`;
  }
}
