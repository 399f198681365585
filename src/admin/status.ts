// What the operator's door says of the program: the document of `GET /status`, and what becomes of what is asked of it.

/** Since when something is so (ISO 8601), and why. */
export interface StatedJson {
  readonly is: string;
  readonly since: string;
  readonly reason: string;
}

export interface UpstreamStatus {
  /** Its address. */
  readonly name: string;
  /** It has left the pool and finishes what it holds. */
  readonly leaving: boolean;
  /** up, down, draining or disabled. */
  readonly state: StatedJson;
  /** idle, busy, full or starting. */
  readonly activity: StatedJson;
  /** Requests at a time; null while nobody has asked. */
  readonly capacity: number | 'unlimited' | null;
  readonly in_flight: number;
}

export interface PoolStatus {
  readonly name: string;
  /** It has left the configuration and finishes what it holds. */
  readonly leaving: boolean;
  readonly queue: { readonly waiting: number; readonly size: number };
  readonly upstreams: readonly UpstreamStatus[];
}

export type ReloadStatus =
  | { readonly result: 'good'; readonly at: string; readonly generation: number }
  | { readonly result: 'bad'; readonly at: string; readonly problems: readonly string[] };

/** Fields are added without notice; when one changes or goes, `format` becomes 2. */
export interface Status {
  readonly format: 1;
  readonly version: string;
  readonly pid: number;
  /** Counted from 1; one more with each reload. */
  readonly generation: number;
  readonly uptime_seconds: number;
  readonly stopping: boolean;
  readonly ready: boolean;
  readonly reasons: readonly string[];
  /** The latest; null before the first. */
  readonly reload: ReloadStatus | null;
  readonly pools: readonly PoolStatus[];
}

/** Who asked for a change, for the log. */
export interface Who {
  /** The listener on which it came. */
  readonly by: string;
  /** What the client calls itself. */
  readonly agent?: string | undefined;
}

/** What is wanted of an upstream. */
export type Wish = 'drain' | 'undrain';

export type WishResult =
  | { readonly kind: 'done'; readonly pool: string; readonly upstream: UpstreamStatus }
  /** There is no such pool or upstream, or several. */
  | { readonly kind: 'unknown'; readonly reason: string };
