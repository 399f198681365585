// Reloads and upgrades of the running program: whoever asks for them, they keep out of each other's way, and the service manager hears of them.

import type { Log } from '../core/log.ts';
import type { Notifier } from './notifier.ts';
import type { Reloader, ReloadResult } from './reloader.ts';
import type { UpgradeResult, Upgrader } from './upgrade.ts';

const UPGRADING = 'an upgrade is running, and the successor reads the configuration anew';

interface Parts {
  readonly reloader: Pick<Reloader, 'reload'>;
  readonly upgrader: Pick<Upgrader, 'running' | 'upgrade'>;
  readonly notifier: Notifier;
  readonly log: Log;
  /** Wall-clock time. */
  readonly now: () => Date;
  /** Where the program serves, in one line. */
  readonly serving: () => string;
}

export class Changes {
  readonly #parts: Parts;
  readonly #begun: Promise<void>;
  /** Resolves when a successor has the service, before whoever asked for the upgrade hears of it. */
  readonly succeeded: Promise<void>;
  #begin: () => void = () => undefined;
  #succeed: () => void = () => undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#begun = new Promise((resolve) => {
      this.#begin = resolve;
    });
    this.succeeded = new Promise((resolve) => {
      this.#succeed = resolve;
    });
  }

  /** The program has started. What was asked for earlier has waited for that. */
  begin(): void {
    this.#begin();
  }

  /** @param by who asked, for the log */
  async reload(by: string): Promise<ReloadResult> {
    await this.#begun;
    const { reloader, upgrader, notifier, log, now, serving } = this.#parts;
    if (upgrader.running) {
      log.warn({ by }, `refused to reload: ${UPGRADING}`);
      return { kind: 'bad', at: now(), problems: [UPGRADING] };
    }
    notifier.reloading();
    const result = await reloader.reload(by);
    notifier.ready(result.kind === 'good' ? serving() : `${serving()}; the last reload failed`);
    return result;
  }

  /** @param by who asked, for the log */
  async upgrade(by: string): Promise<UpgradeResult> {
    await this.#begun;
    const result = await this.#parts.upgrader.upgrade(by);
    if (result.kind === 'ready') this.#succeed();
    return result;
  }
}
