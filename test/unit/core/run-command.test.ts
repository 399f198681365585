// What a command of the operator's is given, how it ends, and what is kept of its output.

import { describe, expect, it } from 'vitest';
import { type CommandOptions, runCommand } from '../../../src/core/run-command.ts';
import { FakeClock } from '../../support/fake-clock.ts';

function run(script: string, more: Partial<CommandOptions> = {}) {
  const clock = new FakeClock();
  return { clock, command: runCommand({ command: ['/bin/sh', '-c', script], environment: {}, ...more }, clock) };
}

describe('a command', () => {
  it('gets its variables and its input', async () => {
    const { command } = run('printf "%s " "$WORD"; cat', { environment: { WORD: 'a b' }, input: 'on stdin' });
    expect(await command.ended).toEqual({ kind: 'exited', code: 0 });
    expect(await command.output).toBe('a b on stdin');
  });

  it('without input has none, and does not wait for it', async () => {
    const { command } = run('cat; exit 3');
    expect([await command.ended, await command.output]).toEqual([{ kind: 'exited', code: 3 }, '']);
  });

  it('that a signal ends says which', async () => {
    expect(await run('kill -SEGV $$').command.ended).toEqual({ kind: 'signalled', signal: 'SIGSEGV' });
  });

  it('that cannot be started has ended at once, with the reason', async () => {
    for (const [program, reason] of [
      ['/nonexistent/program', 'ENOENT'],
      ['a\0b', 'ERR_INVALID_ARG_VALUE'],
    ] as const) {
      const { command, clock } = run('', { command: [program], timeout: 1000 });
      expect([await command.ended, await command.output]).toEqual([{ kind: 'not started', reason }, '']);
      expect(clock.pending).toBe(0);
    }
  });

  it('is killed when its time is over, and leaves no timer', async () => {
    const { command, clock } = run('echo begun; sleep 1000', { timeout: 1000 });
    clock.advance(1000);
    expect(await command.ended).toEqual({ kind: 'killed', reason: 'killed after 1000 ms' });
    await command.output;
    expect(clock.pending).toBe(0);
  });

  it('that has ended is not killed any more', async () => {
    const { command } = run('exit 0');
    const end = await command.ended;
    command.kill('too late');
    expect([end, await command.ended]).toEqual([{ kind: 'exited', code: 0 }, end]);
  });

  it('leaves what it wrote to both streams', async () => {
    const text = await run('echo out; echo err >&2').command.output;
    expect(text.split('\n').sort()).toEqual(['err', 'out']);
  });

  it('leaves 1 KiB of its output, and is not blocked by the rest', async () => {
    const { command } = run('yes | head -c 1000000');
    expect(await command.ended).toEqual({ kind: 'exited', code: 0 });
    expect(await command.output).toBe('y\n'.repeat(512).trim());
  });

  it('is waited for no longer than the grace when a process it left behind holds its output open', async () => {
    const { command, clock } = run('echo said; sleep 1000 & echo $!');
    await command.ended;
    let output: string | undefined;
    void command.output.then((text) => {
      output = text;
    });
    await expect.poll(() => clock.pending).toBe(1);
    expect(output).toBeUndefined();
    clock.advance(100);
    const text = await command.output;
    process.kill(Number(text.split('\n')[1]), 'SIGKILL');
    expect(text).toMatch(/^said\n\d+$/);
  });
});
