// The probe exec: what the command is told, and what becomes of commands that misbehave.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../../src/core/clock.ts';
import { ExecProbe } from '../../src/health/exec-probe.ts';
import type { ProbeAnswer } from '../../src/health/probe.ts';
import { killProcess } from '../peers/launch.ts';
import { eventually } from '../support/eventually.ts';
import { Probed, upstreamAt } from '../support/parts/probed.ts';
import { tempDir } from '../support/temp-dir.ts';

interface Run {
  readonly answer: Promise<ProbeAnswer>;
  readonly inFlight: () => number;
  readonly giveUp: () => void;
}

function run(command: readonly [string, ...string[]], path = '/nonexistent/rt 1.sock'): Run {
  const upstream = upstreamAt(path);
  const loan = upstream.leaseForProbe();
  if (loan === undefined) throw new Error('no slot');
  let giveUp = (): void => undefined;
  const answer = new Promise<ProbeAnswer>((resolve) => {
    giveUp = new ExecProbe(command, path, systemClock).ask(loan, resolve);
  });
  return { answer, inFlight: () => upstream.inFlight, giveUp };
}

/** A command for /bin/sh, which here is a program like any other: what follows are its $1, $2... */
function shell(script: string, ...words: readonly string[]): [string, ...string[]] {
  return ['/bin/sh', '-c', script, 'sh', ...words];
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // A zombie waits for whoever reaps it; it runs no more.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

describe('the command of the probe exec', () => {
  it('is told the address as its last word and in UPSTREAM, and is run without a shell', async () => {
    const out = join(tempDir(), 'out');
    const words = ['a b', '$HOME', '`id`', ';', '*'];
    const script = `printf '%s\\n' "$@" "$UPSTREAM" > '${out}'`;
    expect(await run(shell(script, ...words)).answer).toEqual({ kind: 'good' });
    const address = '/nonexistent/rt 1.sock';
    expect(readFileSync(out, 'utf8').trimEnd().split('\n')).toEqual([...words, address, address]);
  });

  it('is found in PATH, and sees the environment of fcgi-lb', async () => {
    expect(await run(['true']).answer).toEqual({ kind: 'good' });
    expect(await run(shell(`test "$PATH" = '${process.env['PATH']}'`)).answer).toEqual({ kind: 'good' });
  });

  it.each<[string, string, string]>([
    ['fails without a word', 'exit 3', 'exit code 3'],
    ['says why', 'echo "no ticket queue"; exit 1', 'exit code 1: "no ticket queue"'],
    ['says why on standard error', 'echo bad >&2; exit 1', 'exit code 1: "bad"'],
    ['tries to forge a log line', `printf 'a\\nforged\\033[2J\\177'; exit 1`, 'exit code 1: "a\\nforged\\u001b[2J\\x7f"'],
    ['dies of a signal', 'kill -SEGV $$', 'ended by SIGSEGV'],
  ])('%s', async (_, script, reason) => {
    const { answer, inFlight } = run(shell(script));
    expect(await answer).toEqual({ kind: 'bad', reason });
    expect(inFlight()).toBe(0);
  });

  it('is not waited for once it has ended, although somebody it left behind holds its output open', async () => {
    const file = join(tempDir(), 'pid');
    const chatter = '(sleep 2; while :; do echo x; sleep 0.02; done)';
    const { answer, inFlight } = run(shell(`echo bad; ${chatter} & echo $! > '${file}'; exit 1`));
    expect(await answer).toEqual({ kind: 'bad', reason: 'exit code 1: "bad"' });
    expect(inFlight()).toBe(0);
    const pid = Number(readFileSync(file, 'utf8'));
    onTestFinished(() => killProcess(pid));
    expect(alive(pid), 'it is still there').toBe(true);
    // Our end of the pipe is closed: what it says next ends it.
    await eventually(() => expect(alive(pid)).toBe(false));
  });

  it('may write as much as it likes: little of it is kept, and it is not blocked', async () => {
    const answer = await run(shell('yes | head -c 150000000; exit 1')).answer;
    expect(answer.kind === 'bad' && answer.reason).toMatch(/^exit code 1: "(y\\n){60,64}.*\.\.\.$/);
  });

  it('that does not exist, or may not be run, says nothing of the upstream', async () => {
    const file = join(tempDir(), 'plain');
    writeFileSync(file, '', { mode: 0o644 });
    for (const [program, why] of [
      ['/nonexistent/check', 'ENOENT'],
      [file, 'EACCES'],
      ['a\0b', 'ERR_INVALID_ARG_VALUE'],
    ] as const) {
      const { answer, inFlight } = run([program]);
      expect(await answer).toEqual({ kind: 'unasked', reason: `cannot run ${program.replace('\0', '\\x00')}: ${why}` });
      expect(inFlight()).toBe(0);
    }
  });

  it('that outlasts the timeout is killed with all it has started, and keeps the slot until then', async () => {
    const file = join(tempDir(), 'pids');
    // Neither the command nor its child would end of a mere SIGTERM.
    const script = `trap '' TERM; sleep 600 & echo "$$ $!" > '${file}'; wait; wait`;
    const probed = new Probed('/nonexistent/w.sock', { kind: 'exec', command: shell(script) }, { fall: 1 });
    expect(probed.next()).toBe(true);
    let pids: readonly number[] = [];
    await eventually(() => {
      pids = readFileSync(file, 'utf8').trim().split(' ').map(Number);
      expect(pids.map(alive)).toEqual([true, true]);
    });
    expect(probed.upstream.inFlight).toBe(1);
    probed.clock.advance(2000);
    expect(probed.story).toEqual(['given up', 'DOWN: no answer in 2000 ms']);
    await eventually(() => expect(pids.map(alive)).toEqual([false, false]));
    await eventually(() => expect(probed.upstream.inFlight).toBe(0));
  });
});
