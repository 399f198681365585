// Who is told of what breaks, and when: the settings of alerts.

/** What is watched. */
export const ALERT_KINDS = ['upstream', 'pool', 'queue', 'errors', 'reload'] as const;
export type AlertKind = (typeof ALERT_KINDS)[number];

/** More requests wait than the operator can bear. */
export interface QueueRule {
  /** `share`: of the places in the pool's queue. */
  readonly over: { readonly kind: 'count' | 'share'; readonly value: number };
}

/** Too many requests end with a 5xx. */
export interface ErrorsRule {
  readonly share: number;
  /** ms */
  readonly window: number;
  /** In the window: of fewer nothing is said. */
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
  /** The kinds that it is told of. */
  readonly only: ReadonlySet<AlertKind>;
}

export interface WebhookTarget extends AnyTarget {
  readonly kind: 'webhook';
  /** A secret as a whole: the path of many of them is all that a stranger needs. */
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
  /** Who speaks; undefined: the name of the host. */
  readonly name: string | undefined;
  /** ms that a change must hold before it is told. */
  readonly after: number;
  /** ms without trouble after which what has been flapping is forgotten. */
  readonly quiet: number;
  /** ms for which changes are gathered into one message. */
  readonly group: number;
  readonly rules: AlertRules;
  readonly targets: readonly AlertTarget[];
}
