// Reloads and upgrades of the running program: the two exclude each other, and the service manager
// is notified of reloads.

import type { Log } from '../core/log.ts';
import type { Notifier } from './notifier.ts';
import type { UpgradeResult, Upgrader } from './upgrade.ts';

const UPGRADING = 'an upgrade is running, and the successor reads the configuration anew';

/** How a reload went. */
export type ReloadResult =
  | { readonly kind: 'good'; readonly at: Date; readonly generation: number }
  /** One line a problem. */
  | { readonly kind: 'bad'; readonly at: Date; readonly problems: readonly string[] };

interface Deps {
  readonly program: {
    /** Where it serves, in one line. */
    readonly serving: string;
    /** Several at a time take turns. */
    reload(by: string): Promise<ReloadResult>;
  };
  readonly upgrader: Pick<Upgrader, 'running' | 'upgrade'>;
  readonly notifier: Notifier;
  readonly log: Log;
  /** Wall-clock time. */
  readonly now: () => Date;
}

export class Changes {
  readonly #deps: Deps;
  readonly #begun: Promise<void>;
  /**
   * Resolves when a new process has the service, before the client that asked for the upgrade gets
   * its answer.
   */
  readonly succeeded: Promise<void>;
  /** The reload that was asked for last, while it is under way. */
  #reloading: Promise<ReloadResult> | undefined;
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

  /** The program serves. Changes that were asked for earlier have waited for that. */
  begin(): void {
    this.#begin();
  }

  /** @param by the signal or the client that asked for it, for the log */
  async reload(by: string): Promise<ReloadResult> {
    await this.#begun;
    const { upgrader, log, now } = this.#deps;
    if (upgrader.running) {
      log.warn({ by }, `refused to reload: ${UPGRADING}`);
      return { kind: 'bad', at: now(), problems: [UPGRADING] };
    }
    const reload = this.#reload(by).finally(() => {
      if (this.#reloading === reload) this.#reloading = undefined;
    });
    this.#reloading = reload;
    return reload;
  }

  /** @param by the signal or the client that asked for it, for the log */
  async upgrade(by: string): Promise<UpgradeResult> {
    await this.#begun;
    // A reload opens and closes listeners; those that are handed over must not change meanwhile.
    while (this.#reloading !== undefined) await this.#reloading;
    const result = await this.#deps.upgrader.upgrade(by);
    if (result.kind === 'ready') this.#succeed();
    return result;
  }

  async #reload(by: string): Promise<ReloadResult> {
    const { program, notifier } = this.#deps;
    notifier.reloading();
    const result = await program.reload(by);
    notifier.ready(result.kind === 'good' ? program.serving : `${program.serving}; the last reload failed`);
    return result;
  }
}
