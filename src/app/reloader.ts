// Reads the configuration again and has the program take it up; a bad one changes nothing and is
// reported.

import type { Settings } from '../config/settings.ts';
import { asError } from '../core/errors.ts';
import type { Events } from '../core/events.ts';
import type { Log } from '../core/log.ts';

/** How the latest reload went. */
export type ReloadResult =
  | { readonly kind: 'good'; readonly at: Date; readonly generation: number }
  /** One line a problem. */
  | { readonly kind: 'bad'; readonly at: Date; readonly problems: readonly string[] };

/** What takes other settings up. */
interface Reloadable {
  readonly generation: number;
  readonly events: Events;
  reload(settings: Settings): Promise<void>;
}

export class Reloader {
  readonly #program: Reloadable;
  readonly #load: () => Settings;
  readonly #log: Log;
  readonly #now: () => Date;
  #latest: ReloadResult | undefined;

  /**
   * @param load reads and checks the settings
   * @param now wall-clock time
   */
  constructor(program: Reloadable, load: () => Settings, log: Log, now: () => Date) {
    this.#program = program;
    this.#load = load;
    this.#log = log;
    this.#now = now;
  }

  /** Undefined before the first reload. */
  get latest(): ReloadResult | undefined {
    return this.#latest;
  }

  /** @param by who asked, for the log */
  async reload(by: string): Promise<ReloadResult> {
    this.#log.info({ by }, 'reloading');
    this.#latest = await this.#attempt();
    if (this.#latest.kind === 'bad') {
      for (const problem of this.#latest.problems) this.#log.error({ by }, problem);
      this.#log.error({ by, generation: this.#program.generation }, 'nothing was reloaded: the program goes on as before');
    }
    const { at, kind: is } = this.#latest;
    const problems = this.#latest.kind === 'bad' ? this.#latest.problems : [];
    this.#program.events.record({ kind: 'reload', at, is, by, generation: this.#program.generation, problems });
    return this.#latest;
  }

  async #attempt(): Promise<ReloadResult> {
    try {
      await this.#program.reload(this.#load());
      return { kind: 'good', at: this.#now(), generation: this.#program.generation };
    } catch (error) {
      return { kind: 'bad', at: this.#now(), problems: asError(error).message.split('\n') };
    }
  }
}
