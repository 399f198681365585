// Keeps a pool's upstreams in step with what its sources say exists.

import type { UpstreamOptions } from '../config/settings.ts';
import type { UpstreamAddress } from '../core/address.ts';
import type { Log } from '../core/log.ts';
import type { Source, SourceListener } from '../discovery/source.ts';
import type { Pool } from '../pool/pool.ts';
import type { Upstream } from '../upstream/upstream.ts';

/** Who makes upstreams, and looks after them while they are members. */
export interface MemberCare {
  create(address: UpstreamAddress, options: UpstreamOptions): Upstream;
  /** One that had left is to be a member again. */
  takeBack(upstream: Upstream, options: UpstreamOptions): void;
  /** Its address has appeared anew while it was a member. */
  appeared(upstream: Upstream): void;
  left(upstream: Upstream): void;
  /** Other options, or other settings of the pool, hold for it from now on. */
  reconfigure(upstream: Upstream, options: UpstreamOptions): void;
}

interface Member {
  readonly address: UpstreamAddress;
  readonly upstream: Upstream;
  /** Who names it, with what was said of it there. */
  readonly sources: Map<Source, UpstreamOptions>;
}

/**
 * Invariant: an address is in the pool exactly while at least one source names it (a glob and a written-out address may
 * name the same socket; what is said of the one that named it first holds).
 */
export class Members {
  readonly #pool: Pool;
  readonly #care: MemberCare;
  readonly #log: Log;
  readonly #told: (is: 'joined' | 'left', upstream: string) => void;
  readonly #byAddress = new Map<string, Member>();
  /** Sources whose first look is over: what they name anew has appeared, not only become known to them. */
  readonly #introduced = new WeakSet<Source>();
  /** What sources of settings that do not hold yet have told. */
  readonly #held = new WeakMap<Source, Array<() => void>>();
  /** Those that left with requests. What they still hold counts if they come back. */
  readonly #left = new Map<string, Upstream>();
  #started = false;

  /** @param told hears who joins after the start, and who leaves */
  constructor(pool: Pool, care: MemberCare, log: Log, told: (is: 'joined' | 'left', upstream: string) => void) {
    this.#pool = pool;
    this.#care = care;
    this.#log = log;
    this.#told = told;
  }

  /** From now on those who join are news; those there at the start are in the start-up line. */
  started(): void {
    this.#started = true;
  }

  /** The source has told what there was when it began. */
  introduced(source: Source): void {
    this.#introduced.add(source);
  }

  /** What the source tells is kept back until `release`, or for ever. To be called before it starts. */
  hold(source: Source): void {
    this.#held.set(source, []);
  }

  release(source: Source): void {
    const news = this.#held.get(source);
    if (news === undefined) return;
    this.#held.delete(source);
    for (const told of news) told();
    this.#introduced.add(source);
  }

  /** @param options what was said of the upstreams that this source finds */
  listener(source: Source, options: UpstreamOptions): SourceListener {
    return {
      appeared: (address, same = false) => this.#tell(source, () => this.#appeared(source, address, options, same)),
      vanished: (address) => this.#tell(source, () => this.#vanished(source, address)),
    };
  }

  /** Only these sources name upstreams from now on, and this is what is said of those they name. */
  keep(sources: ReadonlyMap<Source, UpstreamOptions>): void {
    for (const { address, upstream, sources: named } of [...this.#byAddress.values()]) {
      for (const source of [...named.keys()]) {
        const options = sources.get(source);
        if (options === undefined) this.#vanished(source, address);
        else named.set(source, options);
      }
      const [options] = named.values();
      if (options !== undefined) this.#care.reconfigure(upstream, options);
    }
  }

  #tell(source: Source, news: () => void): void {
    const held = this.#held.get(source);
    if (held === undefined) news();
    else held.push(news);
  }

  #appeared(source: Source, address: UpstreamAddress, options: UpstreamOptions, same: boolean): void {
    const member = this.#byAddress.get(address.text);
    if (member !== undefined) {
      member.sources.set(source, options);
      // A second source that names it makes no new worker of it.
      if (!this.#introduced.has(source)) return;
      member.upstream.appeared();
      this.#care.appeared(member.upstream);
      return;
    }
    // A source that has looked before tells of a new socket, unless it knows better.
    const mayBeSame = same || !this.#introduced.has(source);
    const upstream = (mayBeSame ? this.#returning(address, options) : undefined) ?? this.#care.create(address, options);
    this.#byAddress.set(address.text, { address, upstream, sources: new Map([[source, options]]) });
    // Those there at the start have nobody to be slower than.
    if (this.#started && upstream.inFlight === 0) upstream.appeared();
    const log = this.#started ? this.#log.info : this.#log.debug;
    log.call(this.#log, { pool: this.#pool.name, upstream: address.text }, 'upstream joins');
    this.#pool.add(upstream);
    if (this.#started) this.#told('joined', address.text);
  }

  /** The upstream that left and still holds requests: a second one for the same worker would send it more than it takes. */
  #returning({ text }: UpstreamAddress, options: UpstreamOptions): Upstream | undefined {
    const upstream = this.#left.get(text);
    if (upstream === undefined || !this.#pool.leaving.has(upstream)) return undefined;
    this.#left.delete(text);
    this.#care.takeBack(upstream, options);
    return upstream;
  }

  #vanished(source: Source, address: UpstreamAddress): void {
    const member = this.#byAddress.get(address.text);
    if (member === undefined) return;
    member.sources.delete(source);
    if (member.sources.size > 0) return;
    this.#byAddress.delete(address.text);
    this.#log.info(
      { pool: this.#pool.name, upstream: address.text, in_flight: member.upstream.inFlight },
      'upstream leaves; what it holds it finishes',
    );
    this.#pool.remove(member.upstream);
    this.#care.left(member.upstream);
    this.#told('left', address.text);
    for (const [text, upstream] of this.#left) if (!this.#pool.leaving.has(upstream)) this.#left.delete(text);
    if (member.upstream.inFlight > 0) this.#left.set(address.text, member.upstream);
  }
}
