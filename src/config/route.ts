// One route: which requests it takes, and what becomes of them.

/** Bytes of an error page: pages are kept in memory. */
export const MAX_PAGE = 1024 * 1024;

/** Names in lower case. */
export type HostPattern =
  | { readonly kind: 'exact'; readonly name: string }
  /** `*.example.org`: every name that ends in `.example.org`. */
  | { readonly kind: 'wildcard'; readonly suffix: string };

/** Held against the decoded path, without the query. */
export type PathPattern =
  | { readonly kind: 'exact'; readonly path: string }
  /** `final`: when this is the longest prefix, no regex is asked. */
  | { readonly kind: 'prefix'; readonly path: string; readonly final: boolean }
  | { readonly kind: 'regex'; readonly regex: RegExp };

/** What a request must be for a route to take it: all of it. */
export interface RouteMatch {
  /** One of these; empty for any. */
  readonly hosts: readonly HostPattern[];
  readonly path: PathPattern;
  /** One of these; empty for any. */
  readonly methods: ReadonlySet<string>;
}

/**
 * Headers put in place of those of the same name, and headers taken out; hidden names are in lower
 * case.
 */
export interface HeaderChanges {
  readonly set: ReadonlyMap<string, string>;
  readonly hide: ReadonlySet<string>;
}

interface RouteBase {
  readonly match: RouteMatch;
  /** On the way to the client. */
  readonly responseHeaders: HeaderChanges;
  /** Files sent in place of answers with these statuses. */
  readonly errorPages: ReadonlyMap<number, string>;
}

/** Requests go to a pool. */
export interface PoolRoute extends RouteBase {
  readonly kind: 'pool';
  /** Name of the pool. */
  readonly pool: string;
  /** Directory of the application's files; needed for PHP. */
  readonly root: string | undefined;
  /** Scripts are files below `root`. */
  readonly php: boolean;
  readonly index: string;
  /**
   * Takes a path apart into script and PATH_INFO, its two groups; undefined: at the first `.php`
   * that ends a segment.
   */
  readonly splitPath: RegExp | undefined;
  /** Text; nginx's variables in it (`$uri`) are filled in for each request. */
  readonly params: ReadonlyMap<string, string>;
  /** Taken off the front of the path; empty for nothing. */
  readonly stripPrefix: string;
  /** On the way to the worker. */
  readonly requestHeaders: HeaderChanges;
  readonly requestBuffering: boolean;
  readonly responseBuffering: boolean;
  /** Bytes. */
  readonly maxBody: number;
  readonly maxResponseHead: number;
}

/** Files are sent. */
export interface StaticRoute extends RouteBase {
  readonly kind: 'static';
  readonly directory: string;
  readonly index: string;
  readonly stripPrefix: string;
}

/** The client is sent elsewhere. */
export interface RedirectRoute extends RouteBase {
  readonly kind: 'redirect';
  readonly status: 301 | 302 | 303 | 307 | 308;
  /** Text with nginx's variables. */
  readonly to: string;
}

/** Every request gets the same answer. */
export interface RespondRoute extends RouteBase {
  readonly kind: 'respond';
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

export type RouteSettings = PoolRoute | StaticRoute | RedirectRoute | RespondRoute;
