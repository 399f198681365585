// Reloads and upgrades of the running program: whoever asks for them, they keep out of each other's
// way, and the service manager hears of them.

import type { Log } from '../core/log.ts';
import type { Notifier } from './notifier.ts';
import type { Reloader, ReloadResult } from './reloader.ts';
import type { UpgradeResult, Upgrader } from './upgrade.ts';

const UPGRADING = 'an upgrade is running, and the successor reads the configuration anew';

interface Deps {
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
  readonly #deps: Deps;
  readonly #begun: Promise<void>;
  /**
   * Resolves when a successor has the service, before whoever asked for the upgrade hears of it.
   */
  readonly succeeded: Promise<void>;
  readonly #reloads = new Set<Promise<ReloadResult>>();
  #begin: () => void = () => undefined;
  #succeed: () => void = () => undefined;

  constructor(deps: Deps) {
    this.#deps = deps;
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
    const { upgrader, log, now } = this.#deps;
    if (upgrader.running) {
      log.warn({ by }, `refused to reload: ${UPGRADING}`);
      return { kind: 'bad', at: now(), problems: [UPGRADING] };
    }
    const reload = this.#reload(by).finally(() => this.#reloads.delete(reload));
    this.#reloads.add(reload);
    return reload;
  }

  /** @param by who asked, for the log */
  async upgrade(by: string): Promise<UpgradeResult> {
    await this.#begun;
    // They still open and close listeners; what is handed on must not change meanwhile.
    while (this.#reloads.size > 0) await Promise.all(this.#reloads);
    const result = await this.#deps.upgrader.upgrade(by);
    if (result.kind === 'ready') this.#succeed();
    return result;
  }

  async #reload(by: string): Promise<ReloadResult> {
    const { reloader, notifier, serving } = this.#deps;
    notifier.reloading();
    const result = await reloader.reload(by);
    notifier.ready(result.kind === 'good' ? serving() : `${serving()}; the last reload failed`);
    return result;
  }
}
