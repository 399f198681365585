// The settings of alerts: what is watched, how long a change must hold, where messages go.

/** What is watched. */
export const ALERT_KINDS = ['upstream', 'pool', 'queue', 'errors', 'reload'] as const;
export type AlertKind = (typeof ALERT_KINDS)[number];

/** Too many requests wait. */
export interface QueueRule {
  /** `share`: of the places in the pool's queue. */
  readonly over: { readonly kind: 'count' | 'share'; readonly value: number };
}

/** Too many requests end with a 5xx. */
export interface ErrorsRule {
  readonly share: number;
  /** ms */
  readonly window: number;
  /** In the window: with fewer there is no alert. */
  readonly minRequests: number;
}

/** Undefined, or false: not watched. */
export interface AlertRules {
  readonly upstream: boolean;
  readonly pool: boolean;
  readonly reload: boolean;
  readonly queue: QueueRule | undefined;
  readonly errors: ErrorsRule | undefined;
}

interface AnyTarget {
  readonly name: string;
  /** ms for one attempt. */
  readonly timeout: number;
  /** The kinds of alerts that go there. */
  readonly only: ReadonlySet<AlertKind>;
}

export interface WebhookTarget extends AnyTarget {
  readonly kind: 'webhook';
  /** A secret as a whole: with many services the path is the password. */
  readonly url: string;
  /** The value of the header `Authorization`; a secret. */
  readonly authorization: string | undefined;
}

export interface TelegramTarget extends AnyTarget {
  readonly kind: 'telegram';
  /** The bot's; a secret. */
  readonly token: string;
  readonly chat: string;
  /** Without a slash at the end. */
  readonly api: string;
}

export interface CommandTarget extends AnyTarget {
  readonly kind: 'command';
  readonly command: readonly [program: string, ...words: string[]];
}

export type AlertTarget = WebhookTarget | TelegramTarget | CommandTarget;

export interface AlertSettings {
  /** The sender's name in messages; undefined: the name of the host. */
  readonly name: string | undefined;
  /** ms that a change must hold before it is reported. */
  readonly after: number;
  /** ms without a failure after which flapping is forgotten. */
  readonly quiet: number;
  /** ms for which changes are gathered into one message. */
  readonly group: number;
  readonly rules: AlertRules;
  readonly targets: readonly AlertTarget[];
}
