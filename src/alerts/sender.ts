// The port of a target of alerts: a webhook, Telegram, a command.

import type { Message } from './message.ts';

export type Delivery =
  | { readonly kind: 'delivered'; readonly answer: string }
  /** It may work later. */
  | {
      readonly kind: 'retry';
      readonly reason: string;
      /** ms that the target asks to wait; undefined: its answer names none. */
      readonly wait?: number | undefined;
    }
  /** It would never work: the target does not take this message. */
  | { readonly kind: 'refused'; readonly reason: string };

export interface AlertSender {
  /** Tries for one message; 1 or more. */
  readonly attempts: number;
  /** Must be in no log, even where an answer quotes it. */
  readonly secrets: readonly string[];
  /**
   * Tries once, within a time of its own. Never rejects.
   * @param dropped messages before this one that were given up
   * @param signal gives up at once
   */
  deliver(message: Message, dropped: number, signal: AbortSignal): Promise<Delivery>;
}
