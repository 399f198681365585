// What happened that an operator wants to hear of: kept in short, and told to whoever listens.

export type OperatorEvent =
  /** An upstream's state has changed: up, down, draining or disabled. */
  | {
      readonly kind: 'state';
      readonly at: Date;
      readonly pool: string;
      readonly upstream: string;
      readonly is: string;
      readonly was: string;
      readonly reason: string;
    }
  /** An upstream has joined its pool or left it. */
  | {
      readonly kind: 'member';
      readonly at: Date;
      readonly pool: string;
      readonly upstream: string;
      readonly is: 'joined' | 'left';
    }
  /** The configuration was read again. */
  | {
      readonly kind: 'reload';
      readonly at: Date;
      readonly is: 'good' | 'bad';
      readonly by: string;
      readonly generation: number;
      readonly problems: readonly string[];
    };

type Listener = (event: OperatorEvent) => void;

/** How many are kept: a thousand workers that flap must not fill the memory. */
const KEPT = 200;

/** Invariant: `recent` holds the latest, oldest first, and never more than what is kept. */
export class Events {
  readonly #recent: OperatorEvent[] = [];
  readonly #listeners = new Set<Listener>();

  get recent(): readonly OperatorEvent[] {
    return this.#recent;
  }

  /** Listeners must not throw. */
  record(event: OperatorEvent): void {
    this.#recent.push(event);
    if (this.#recent.length > KEPT) this.#recent.shift();
    for (const listener of this.#listeners) listener(event);
  }

  /** @returns ends the subscription */
  subscribe(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }
}
