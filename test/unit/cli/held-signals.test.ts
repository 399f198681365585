// Signals that come before the program is there to act on them: none ends it, none is lost, none
// comes twice.

import { EventEmitter } from 'node:events';
import { describe, expect, it } from 'vitest';
import { type HeldSignal, HeldSignals, type SignalSource } from '../../../src/cli/held-signals.ts';

/** A process without signals of its own. */
class FakeProcess extends EventEmitter implements SignalSource {
  readonly pid = 7;
  readonly killed: string[] = [];

  comes(...signals: readonly HeldSignal[]): void {
    // What Node calls listeners with.
    for (const signal of signals) this.emit(signal, signal, 0);
  }

  kill(pid: number, signal: HeldSignal): void {
    this.killed.push(`${signal} to ${pid}`);
  }
}

function acting(): { readonly actions: Readonly<Record<HeldSignal, () => void>>; readonly done: string[] } {
  const done: string[] = [];
  const act = (what: string) => () => void done.push(what);
  return { done, actions: { SIGHUP: act('reload'), SIGUSR1: act('reopen'), SIGUSR2: act('upgrade') } };
}

describe('held signals', () => {
  it('are acted on in the order in which they came, each once, and from then on as they come', () => {
    const process = new FakeProcess();
    const signals = new HeldSignals(process);
    process.comes('SIGUSR2', 'SIGHUP', 'SIGUSR2');
    const { actions, done } = acting();
    signals.actBy(actions);
    expect(done).toEqual(['upgrade', 'reload']);
    process.comes('SIGHUP', 'SIGUSR1', 'SIGHUP');
    expect(done).toEqual(['upgrade', 'reload', 'reload', 'reopen', 'reload']);
  });

  it('are given their usual meaning by a command that does not serve, those that came among them', () => {
    const process = new FakeProcess();
    const signals = new HeldSignals(process);
    process.comes('SIGHUP');
    signals.release();
    expect(process.killed).toEqual(['SIGHUP to 7']);
    expect(process.eventNames()).toEqual([]);
  });
});
