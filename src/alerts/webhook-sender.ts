// The target `webhook`: a POST of the message's document; any 2xx is good.

import type { WebhookTarget } from '../config/alerts.ts';
import type { Clock } from '../core/clock.ts';
import { passing, post, retryAfterMs } from './http-post.ts';
import { documentOf, type Message } from './message.ts';
import type { AlertSender, Delivery } from './sender.ts';

export class WebhookSender implements AlertSender {
  readonly attempts = Number.POSITIVE_INFINITY;
  readonly secrets: readonly string[];
  readonly #settings: WebhookTarget;
  readonly #agent: string;
  readonly #clock: Clock;

  /** @param agent what the webhook's log calls us */
  constructor(settings: WebhookTarget, agent: string, clock: Clock) {
    this.#settings = settings;
    this.#agent = agent;
    this.#clock = clock;
    this.secrets = secretsOf(settings);
  }

  async deliver(message: Message, dropped: number, signal: AbortSignal): Promise<Delivery> {
    const { url, authorization, timeout } = this.#settings;
    const headers = {
      'User-Agent': this.#agent,
      // With the id the receiver sees that two attempts are the same message.
      'Idempotency-Key': message.id,
      ...(authorization === undefined ? {} : { Authorization: authorization }),
    };
    const body = documentOf(message, dropped);
    const answer = await post({ url: new URL(url), headers, body, timeout }, this.#clock, signal);
    if (answer.kind === 'failed') return { kind: 'retry', reason: answer.reason };
    const { status } = answer;
    if (status >= 200 && status < 300) return { kind: 'delivered', answer: `answered ${status}` };
    const said = answer.text.trim() === '' ? '' : `: ${answer.text.trim()}`;
    if (passing(status)) {
      const wait = retryAfterMs(answer.retryAfter, this.#clock.date());
      return { kind: 'retry', reason: `answered ${status}${said}`, wait };
    }
    if (status >= 300 && status < 400) return { kind: 'refused', reason: `answered ${status}: redirects are not followed` };
    return { kind: 'refused', reason: `answered ${status}${said}` };
  }
}

/** Characters of what is long enough to be a secret by itself. */
const LEAST = 6;

/** The whole of what may be one, and its parts: an answer may quote either. */
function secretsOf({ url, authorization = '' }: WebhookTarget): readonly string[] {
  const { pathname, search, searchParams } = new URL(url);
  const parts = [...pathname.split('/'), ...searchParams.values(), ...authorization.split(' ')];
  return [url, authorization, pathname, search, ...parts].filter((part) => part.length >= LEAST);
}
