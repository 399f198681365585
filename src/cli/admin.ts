// What the commands that talk to the running program have in common: their options, the client, and
// the reading of answers.

import { userInfo } from 'node:os';
import { resolve } from 'node:path';
import { AdminClient, AdminError } from '../admin/client.ts';
import { defaultAdminAddresses } from '../admin/default-addresses.ts';
import type { Status } from '../admin/status.ts';
import { configHost } from '../app/config-host.ts';
import { readTokenFile } from '../config/token.ts';
import { parseAddress } from '../core/address.ts';
import { ConfigError } from '../core/errors.ts';
import type { CommandName } from './command-names.ts';
import type { Option } from './options/table.ts';

export { HELP_OPTION } from './options/help-option.ts';

export const ADMIN_OPTION = {
  name: 'admin',
  value: 'ADDR',
  takes: 'address',
  preset: 'the unix socket of the same user, then 127.0.0.1:9180',
  help: 'the admin listener of the program: a socket path or HOST:PORT',
} as const satisfies Option;

/** For commands that change something. */
export const TOKEN_OPTION = {
  name: 'token-file',
  value: 'FILE',
  takes: 'file',
  help: "holds the program's admin token, which changes through HOST:PORT need",
} as const satisfies Option;

export const POOL_OPTION = {
  name: 'pool',
  value: 'NAME',
  takes: 'pool',
  help: 'the pool, when several have an upstream of that name',
} as const satisfies Option;

type AdminOptions = ReadonlyMap<string, readonly string[]>;

/**
 * @param options what `--admin` and `--token-file` say is taken from them
 * @throws ConfigError for an address that is none, or a token file that cannot be used
 */
export function adminClient(options: AdminOptions, command: CommandName): AdminClient {
  const admin = options.get('admin')?.[0];
  const addresses = admin === undefined ? defaultAdminAddresses(process.getuid?.(), process.env) : [parseAddress(admin)];
  const file = options.get('token-file')?.[0];
  const agent = `fcgi-lb ${command} (${userName()})`;
  return new AdminClient(addresses, agent, file === undefined ? undefined : tokenIn(file));
}

function tokenIn(file: string): string {
  try {
    return readTokenFile(resolve(file), configHost(false));
  } catch (error) {
    if (error instanceof ConfigError) throw new ConfigError(`option --token-file: ${error.message}`);
    throw error;
  }
}

/**
 * @param options.timeout ms
 * @throws AdminError
 */
export async function askStatus(client: AdminClient, options: { readonly timeout?: number } = {}): Promise<Status> {
  const { status, body } = await client.ask('GET', '/status', options);
  if (status !== 200) throw new AdminError(errorIn(body, status));
  const { format } = body as Partial<Status>;
  if (format !== 1)
    throw new AdminError(`the program's status has format ${String(format)}, which this command does not know; use its own`);
  return body as Status;
}

/** The message in an answer that is no success. */
export function errorIn(body: unknown, status: number): string {
  if (typeof body === 'object' && body !== null) {
    const { error, message } = body as { readonly error?: unknown; readonly message?: unknown };
    if (typeof message === 'string') return message;
    if (typeof error === 'string') return error;
  }
  return `the program answered ${status}`;
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // In a container a uid may have no name.
    return `uid ${process.getuid?.()}`;
  }
}
