// The target `telegram`: a bot sends the message's text to one chat.

import type { TelegramTarget } from '../config/alerts.ts';
import type { Clock } from '../core/clock.ts';
import { passing, post, retryAfterMs } from './http-post.ts';
import { type Message, textOf } from './message.ts';
import type { AlertSender, Delivery } from './sender.ts';

export class TelegramSender implements AlertSender {
  readonly attempts = Number.POSITIVE_INFINITY;
  readonly secrets: readonly string[];
  readonly #settings: TelegramTarget;
  readonly #agent: string;
  readonly #clock: Clock;

  /** @param agent what the API's log calls us */
  constructor(settings: TelegramTarget, agent: string, clock: Clock) {
    this.#settings = settings;
    this.#agent = agent;
    this.#clock = clock;
    this.secrets = [settings.token, settings.token.replace(/^.*:/, '')];
  }

  async deliver(message: Message, dropped: number, signal: AbortSignal): Promise<Delivery> {
    const { api, token, chat, timeout } = this.#settings;
    // Plain text: names of upstreams and the words of workers must not become markup.
    const body = JSON.stringify({
      chat_id: chat,
      text: textOf(message, dropped),
      link_preview_options: { is_disabled: true },
    });
    const url = new URL(`${api}/bot${token}/sendMessage`);
    const answer = await post({ url, headers: { 'User-Agent': this.#agent }, body, timeout }, this.#clock, signal);
    if (answer.kind === 'failed') return { kind: 'retry', reason: answer.reason };
    const { status } = answer;
    const { ok, description, wait } = understood(answer.text);
    if (status === 200 && ok) return { kind: 'delivered', answer: 'sent' };
    const reason = `answered ${status}${description === '' ? '' : `: ${description}`}`;
    // Any other body with 200 is not from Telegram: a page of some proxy, perhaps.
    if (status === 200 || passing(status))
      return { kind: 'retry', reason, wait: wait ?? retryAfterMs(answer.retryAfter, this.#clock.date()) };
    return { kind: 'refused', reason };
  }
}

interface Understood {
  readonly ok: boolean;
  readonly description: string;
  /** ms */
  readonly wait: number | undefined;
}

/** What an answer of the API says, whatever its form. */
function understood(text: string): Understood {
  try {
    const { ok, description, parameters } = JSON.parse(text) as {
      readonly ok?: unknown;
      readonly description?: unknown;
      readonly parameters?: { readonly retry_after?: unknown } | null;
    };
    const seconds = parameters?.retry_after;
    return {
      ok: ok === true,
      description: typeof description === 'string' ? description : '',
      wait: typeof seconds === 'number' && seconds >= 0 ? seconds * 1000 : undefined,
    };
  } catch {
    return { ok: false, description: 'not the answer of a bot API', wait: undefined };
  }
}
