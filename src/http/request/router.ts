// Chooses the route of a request by host, path and method, as nginx chooses a server and then a
// location.

import type { PathPattern, RouteMatch } from '../../config/route.ts';
import { byteString } from '../../core/byte-string.ts';
import { ProxyError } from '../../core/errors.ts';
import { PrefixTable } from './prefix-table.ts';

/** A route: what it takes, and what it is. */
export interface RouteEntry<T> {
  readonly match: RouteMatch;
  readonly route: T;
}

/**
 * A path that is taken before all routes, whatever the host: GET and HEAD go to its route, other
 * methods to none.
 */
export interface Reserved<T> {
  /** In normal form. */
  readonly path: string;
  readonly route: T;
}

/**
 * Bytes of a path that a regex is asked about. Regexes that are let in take at most about n² steps
 * for n bytes (config/regex/cost.ts), so this bounds the time; asking them no more would be a way
 * around those that forbid something.
 */
export const MAX_REGEX_PATH = 2048;
/** No host name is longer (RFC 1035 2.3.4); what is can only be for the routes of every host. */
const MAX_HOST = 255;
const RESERVED_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD']);

interface Choice<T> {
  readonly route: T;
  /** Empty: any. */
  readonly methods: ReadonlySet<string>;
  readonly final: boolean;
}

/**
 * The routes of one generation. Hosts come first: the routes of exactly that host, then those of
 * the longest wildcard and of shorter ones, then those of every host. Within each: the exact path;
 * else the longest prefix, if it is final; else the first regex; else the longest prefix. A route
 * that does not take the method is passed over as if it were not there.
 */
export class Router<T> {
  readonly #hosts = new Map<string, Tier<T>>();
  readonly #wildcards = new Map<string, Tier<T>>();
  readonly #everyHost = new Tier<T>();
  readonly #reserved: Reserved<T> | undefined;

  /** @param entries in the order in which the operator wrote them */
  constructor(entries: Iterable<RouteEntry<T>>, reserved?: Reserved<T>) {
    this.#reserved = reserved === undefined ? undefined : { ...reserved, path: byteString(reserved.path) };
    for (const { match, route } of entries) {
      if (match.hosts.length === 0) this.#everyHost.add(match, route);
      for (const host of match.hosts) {
        const [tiers, name] = host.kind === 'exact' ? [this.#hosts, host.name] : [this.#wildcards, host.suffix];
        const tier = tiers.get(name) ?? new Tier<T>();
        tiers.set(name, tier);
        tier.add(match, route);
      }
    }
  }

  /**
   * @param host the Host field or its better, with or without a port; it must have passed `isHost`
   * @param path in normal form, a byte string
   * @returns undefined when no route takes the request
   * @throws ProxyError (414) when a regex would have to be asked about a path that is too long for
   *   that
   */
  choose(host: string | undefined, path: string, method: string): T | undefined {
    if (path === this.#reserved?.path) return RESERVED_METHODS.has(method) ? this.#reserved.route : undefined;
    if (this.#hosts.size === 0 && this.#wildcards.size === 0) return this.#everyHost.choose(path, method);
    for (const tier of this.#tiers(host)) {
      const route = tier.choose(path, method);
      if (route !== undefined) return route;
    }
    return undefined;
  }

  /**
   * The methods of the routes that would take the request if it came with one of these; empty when
   * there are none.
   */
  methodsFor(host: string | undefined, path: string): ReadonlySet<string> {
    if (path === this.#reserved?.path) return RESERVED_METHODS;
    return new Set(this.#tiers(host).flatMap((tier) => tier.methodsFor(path)));
  }

  /** The tiers that are for a host, the nearest first. */
  #tiers(authority: string | undefined): readonly Tier<T>[] {
    const host = hostName(authority);
    if (host === '' || host.length > MAX_HOST) return [this.#everyHost];
    const tiers: Tier<T>[] = [];
    const exact = this.#hosts.get(host);
    if (exact !== undefined) tiers.push(exact);
    if (this.#wildcards.size > 0) {
      // From 1: something must stand in the place of the star.
      for (let dot = host.indexOf('.', 1); dot !== -1; dot = host.indexOf('.', dot + 1)) {
        const tier = this.#wildcards.get(host.slice(dot));
        if (tier !== undefined) tiers.push(tier);
      }
    }
    tiers.push(this.#everyHost);
    return tiers;
  }
}

/**
 * A host as routes know it: without port and final dot, in lower case. What passed `isHost` is
 * ASCII, so no other letter folds to one of these.
 */
export function hostName(authority: string | undefined): string {
  if (authority === undefined) return '';
  return authority.replace(/\.?(?::\d*)?$/, '').toLowerCase();
}

/** The routes for the same hosts. */
class Tier<T> {
  readonly #exact = new Map<string, Choice<T>[]>();
  readonly #prefixes = new PrefixTable<Choice<T>[]>();
  readonly #regexes: { readonly regex: RegExp; readonly choice: Choice<T> }[] = [];

  add({ path, methods }: RouteMatch, route: T): void {
    const choice = { route, methods, final: path.kind === 'prefix' && path.final };
    if (path.kind === 'regex') this.#regexes.push({ regex: path.regex, choice });
    else this.#add(path, choice);
  }

  #add(path: Exclude<PathPattern, { kind: 'regex' }>, choice: Choice<T>): void {
    const key = byteString(path.path);
    const there = path.kind === 'exact' ? this.#exact.get(key) : this.#prefixes.at(key);
    const choices = there ?? [];
    if (there === undefined && path.kind === 'exact') this.#exact.set(key, choices);
    else if (there === undefined) this.#prefixes.set(key, choices);
    // One that takes every method would hide those that take some.
    const before = choice.methods.size === 0 ? -1 : choices.findIndex(({ methods }) => methods.size === 0);
    if (before === -1) choices.push(choice);
    else choices.splice(before, 0, choice);
  }

  choose(path: string, method: string): T | undefined {
    const exact = this.#exact.size === 0 ? undefined : taker(this.#exact.get(path), method);
    if (exact !== undefined) return exact.route;
    const prefix = this.#prefixes.longest(path, (choices) => taker(choices, method));
    if (prefix?.final === true || this.#regexes.length === 0) return prefix?.route;
    checkLength(path);
    for (const { regex, choice } of this.#regexes) if (takes(choice, method) && regex.test(path)) return choice.route;
    return prefix?.route;
  }

  methodsFor(path: string): readonly string[] {
    const found = [...(this.#exact.get(path) ?? [])];
    this.#prefixes.longest(path, (choices) => {
      found.push(...choices);
      return undefined;
    });
    for (const { regex, choice } of this.#regexes) if (regex.test(path)) found.push(choice);
    return found.flatMap(({ methods }) => [...methods, ...(methods.has('GET') ? ['HEAD'] : [])]);
  }
}

function checkLength(path: string): void {
  if (path.length <= MAX_REGEX_PATH) return;
  throw new ProxyError('FCGI_LB_REQUEST_PATH_TOO_LONG', `a path of ${path.length} bytes, and routes with a regex`);
}

function taker<T>(choices: readonly Choice<T>[] | undefined, method: string): Choice<T> | undefined {
  return choices?.find((choice) => takes(choice, method));
}

/** Who takes GET takes HEAD, which asks for the same without the body (RFC 9110 9.3.2). */
function takes<T>({ methods }: Choice<T>, method: string): boolean {
  return methods.size === 0 || methods.has(method) || (method === 'HEAD' && methods.has('GET'));
}
