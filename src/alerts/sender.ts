// The port of those who are told: a webhook, Telegram, a command.

import type { Message } from './message.ts';

export type Delivery =
  | { readonly kind: 'delivered'; readonly answer: string }
  /** It may work later. */
  | {
      readonly kind: 'retry';
      readonly reason: string;
      /** ms that the target asks to be left alone; undefined: it says nothing. */
      readonly wait?: number | undefined;
    }
  /** It would never work: the target will not have this message. */
  | { readonly kind: 'refused'; readonly reason: string };

export interface AlertSender {
  /** Tries for one message; 1 or more. */
  readonly attempts: number;
  /** What must not be in any log, should somebody quote it. */
  readonly secrets: readonly string[];
  /**
   * Tries once, within a time of its own. Never rejects.
   * @param dropped messages before this one that the target will not have
   * @param signal gives up at once
   */
  deliver(message: Message, dropped: number, signal: AbortSignal): Promise<Delivery>;
}
