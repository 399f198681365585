// A reload that is asked for while the program starts waits for its turn: it neither comes first,
// nor is lost, nor ends the program.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { ReloadResult } from '../../src/app/changes.ts';
import type { Logs } from '../../src/app/logging.ts';
import { silentNotifier } from '../../src/app/notifier.ts';
import { Program } from '../../src/app/program.ts';
import { ownCommand } from '../../src/app/upgrade.ts';
import { readCommandLine } from '../../src/cli/options/read.ts';
import { settingsFrom } from '../../src/cli/settings.ts';
import type { Settings } from '../../src/config/settings.ts';
import { unixAddress } from '../../src/core/address.ts';
import { systemClock } from '../../src/core/clock.ts';
import { silentLog } from '../../src/core/log.ts';
import { ask } from '../support/clients/http-client.ts';
import { eventually } from '../support/eventually.ts';
import { buildIfMissing, startCli } from '../support/program/cli-process.ts';
import { answering, fakeWorker } from '../support/servers/fake-worker.ts';
import { tempDir } from '../support/temp-dir.ts';

beforeAll(buildIfMissing);

/** A program that has not started, and what its log says. */
function program(upstream: string, address?: string) {
  const directory = tempDir();
  const http = join(directory, 'http.sock');
  const { options } = readCommandLine(['--upstream', upstream, '--listen', address ?? http, '--admin', 'off']);
  const settings = settingsFrom(options, false);
  const messages: string[] = [];
  const logs: Logs = {
    log: { ...silentLog, info: (_fields, message) => void messages.push(message) },
    accessLog: undefined,
    reopen: () => undefined,
    accessLogDrops: { count: 0 },
    flush: () => Promise.resolve(),
    prepare: () => ({ commit: () => undefined, rollback: () => undefined }),
  };
  let next: Settings = settings;
  const load = (): Settings => next;
  const made = new Program(settings, {
    ...{ version: 'test', clock: systemClock, logs, load, notifier: silentNotifier, command: ownCommand() },
  });
  const reload = (changed: Settings): Promise<ReloadResult> => {
    next = changed;
    return made.reload('a test');
  };
  onTestFinished(async () => void (await made.stop()));
  return { program: made, reload, settings, directory, http, messages };
}

describe('a reload while the program starts', () => {
  it('comes after the start, and holds', async () => {
    const worker = await fakeWorker(answering('fine'));
    const { program: starting, reload, settings, directory, messages } = program(worker.path);
    const other = join(directory, 'other.sock');
    const started = starting.start();
    const reloaded = reload({ ...settings, listen: [unixAddress(other)] });
    expect((await Promise.all([started, reloaded]))[1].kind).toBe('good');
    expect(starting.generation).toBe(2);
    expect(starting.listeners().map(({ text }) => text)).toEqual([other]);
    expect((await ask(other)).status).toBe(200);
    const told = messages.filter((message) => /^(listening|reloaded)/.test(message));
    expect(told).toEqual([expect.stringContaining('listening on'), 'reloaded']);
  });

  it('that cannot be taken up leaves the program with what it was started with', async () => {
    const worker = await fakeWorker(answering('fine'));
    const { program: starting, reload, settings, http } = program(worker.path);
    const started = starting.start();
    const reloaded = reload({ ...settings, listen: [unixAddress('/nowhere/at/all.sock')] });
    expect(await reloaded).toMatchObject({ kind: 'bad', problems: [expect.stringContaining('/nowhere/at/all.sock')] });
    await started;
    expect([starting.generation, starting.settings]).toEqual([1, settings]);
    expect((await ask(http)).status).toBe(200);
  });

  it('that fails is refused: there is nothing to put other settings in the place of', async () => {
    const { settings } = program('/nonexistent/a.sock');
    // An address that no machine has.
    const { program: failing, reload } = program('/nonexistent/a.sock', '192.0.2.1:1');
    const started = failing.start().catch(String);
    expect(await reload(settings)).toMatchObject({ kind: 'bad', problems: ['the program has not started'] });
    expect(await started).toContain('192.0.2.1:1');
  });
});

describe('HUP to the program as soon as it can take it', () => {
  it('does not end it, and is answered by a reload', async () => {
    const directory = tempDir();
    const worker = await fakeWorker(answering('fine'));
    const file = join(directory, 'f.yaml');
    const [http, after] = [join(directory, 'http.sock'), join(directory, 'after.sock')];
    const write = (listen: string): void =>
      writeFileSync(
        file,
        `listen: ${listen}\nadmin: off\npools: { rt: { upstreams: ["${directory}/d*/*.sock", ${worker.path}] } }\n`,
      );
    write(http);
    // Directories to look through, so that the start takes a while.
    for (let i = 0; i < 300; i += 1) mkdirSync(join(directory, `d${i}`));
    const cli = startCli(['--config', file, '--log-format', 'json']);
    await eventually(() => expect(catches(cli.pid, 1)).toBe(true));
    write(after);
    cli.kill('SIGHUP');
    await cli.says('"reloaded"');
    expect((await ask(after)).status).toBe(200);
    expect(cli.stderr().indexOf('listening on')).toBeLessThan(cli.stderr().indexOf('"reloaded"'));
    cli.kill('SIGTERM');
    expect((await cli.ended).code).toBe(0);
  });
});

/** Whether a process has a handler for a signal of that number. */
function catches(pid: number, signal: number): boolean {
  const mask = /^SigCgt:\s*([0-9a-f]+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1] ?? '0';
  return (BigInt(`0x${mask}`) & (1n << BigInt(signal - 1))) !== 0n;
}
