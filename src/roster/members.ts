// Keeps a pool's upstreams in step with what its sources say exists.

import type { UpstreamOptions, UpstreamSpec } from '../config/settings.ts';
import type { UpstreamAddress } from '../core/address.ts';
import type { Log } from '../core/log.ts';
import type { Source, SourceListener } from '../discovery/source.ts';
import type { Pool } from '../pool/pool.ts';
import type { Upstream } from '../upstream/upstream.ts';
import { MemberOrder } from './member-order.ts';

/** A line of the configuration that names upstreams, and the source that finds them. */
export interface FoundBy {
  readonly spec: UpstreamSpec;
  readonly source: Source;
}

/** Makes upstreams, and sees to their health and settings while they are members. */
export interface UpstreamLifecycle {
  /**
   * @param order among the members
   * @param mayBeSame false when its socket is known to be a new one, with another worker behind it
   *   than before
   */
  create(address: UpstreamAddress, options: UpstreamOptions, order: number, mayBeSame: boolean): Upstream;
  /** One that had left is to be a member again. */
  takeBack(upstream: Upstream, options: UpstreamOptions, order: number): void;
  /** Its address has appeared anew while it was a member. */
  appeared(upstream: Upstream): void;
  /** @param vanished its socket is no longer there; else it is no longer named */
  left(upstream: Upstream, vanished: boolean): void;
  /** Other options, or other settings of the pool, hold for it from now on. */
  reconfigure(upstream: Upstream, options: UpstreamOptions, order: number): void;
}

interface Member {
  readonly address: UpstreamAddress;
  readonly upstream: Upstream;
  /** The sources that name it. */
  readonly sources: Set<Source>;
  /** The line whose options hold for it. */
  spec: UpstreamSpec;
  /** The first line that names it, from 0. */
  line: number;
}

/** What holds for an address that several lines of the configuration may name. */
type Configured = Pick<Member, 'spec' | 'line'>;

/**
 * Invariants: an address is in the pool exactly while at least one source names it. A glob and a
 * written-out address may name the same socket: its place is that of the first line, and its
 * options are those of the written-out line, or else of the first. So its order and options follow
 * from the configuration alone, not from what came first.
 */
export class Members {
  readonly #pool: Pool;
  readonly #lifecycle: UpstreamLifecycle;
  readonly #log: Log;
  readonly #notify: (is: 'joined' | 'left', upstream: string) => void;
  readonly #byAddress = new Map<string, Member>();
  readonly #order = new MemberOrder();
  /** What the lines of the configuration say, in their order. */
  #lines: ReadonlyMap<Source, Configured> = new Map();
  /**
   * Sources whose first look is over: what they name anew has appeared, and was not there before.
   */
  readonly #introduced = new WeakSet<Source>();
  /** News from the sources of settings that do not hold yet. */
  readonly #held = new WeakMap<Source, Array<() => void>>();
  /** Those that left with requests. What they still hold counts if they come back. */
  readonly #left = new Map<string, Upstream>();
  #started = false;

  /** @param notify called for each upstream that joins after the start, or leaves */
  constructor(pool: Pool, lifecycle: UpstreamLifecycle, log: Log, notify: (is: 'joined' | 'left', upstream: string) => void) {
    this.#pool = pool;
    this.#lifecycle = lifecycle;
    this.#log = log;
    this.#notify = notify;
  }

  /** From now on upstreams that join are logged; those before are in the start-up line. */
  started(): void {
    this.#started = true;
  }

  /** The source has named what there was when it began. */
  introduced(source: Source): void {
    this.#introduced.add(source);
  }

  /**
   * News from the source is kept back until `use` names it, or for ever. To be called before it
   * starts.
   */
  hold(source: Source): void {
    this.#held.set(source, []);
  }

  listener(source: Source): SourceListener {
    return {
      appeared: (address, same = false) => this.#tell(source, () => this.#appeared(source, address, same)),
      vanished: (address) => this.#tell(source, () => this.#unnamed(source, address, true)),
    };
  }

  /** Only these name upstreams from now on, in this order. */
  use(lines: readonly FoundBy[]): void {
    // Where two lines are the same, they have one source, and the first one counts.
    this.#lines = new Map(lines.map(({ source, spec }, line) => [source, { spec, line }] as const).toReversed());
    // Before anything is taken away: what another line names now has not left.
    for (const { source } of lines) this.#release(source);
    for (const { address, sources } of [...this.#byAddress.values()]) {
      for (const source of [...sources]) if (!this.#lines.has(source)) this.#unnamed(source, address, false);
    }
    this.#order.clear();
    for (const member of this.#byAddress.values()) this.#settle(member, this.#configured(member.sources));
  }

  #release(source: Source): void {
    const news = this.#held.get(source);
    if (news === undefined) return;
    this.#held.delete(source);
    for (const each of news) each();
    this.#introduced.add(source);
  }

  /** What the configuration says of a member; undefined for one that has left. */
  optionsOf(upstream: Upstream): UpstreamOptions | undefined {
    const member = this.#byAddress.get(upstream.name);
    return member?.upstream === upstream ? member.spec : undefined;
  }

  #tell(source: Source, news: () => void): void {
    const held = this.#held.get(source);
    if (held === undefined) news();
    else held.push(news);
  }

  #appeared(source: Source, address: UpstreamAddress, same: boolean): void {
    const member = this.#byAddress.get(address.text);
    if (member !== undefined) {
      this.#named(member, source);
      // A second source that names it makes no new worker of it.
      if (!this.#introduced.has(source)) return;
      member.upstream.appeared();
      this.#lifecycle.appeared(member.upstream);
      return;
    }
    const joins = this.#joins(address, new Set([source]), same || !this.#introduced.has(source));
    const { upstream } = joins;
    this.#byAddress.set(address.text, joins);
    // At the start all upstreams are new: none of them needs to start slowly.
    if (this.#started && upstream.inFlight === 0) upstream.appeared();
    const log = this.#started ? this.#log.info : this.#log.debug;
    log.call(this.#log, { pool: this.#pool.name, upstream: address.text }, 'upstream joins');
    this.#pool.add(upstream);
    if (this.#started) this.#notify('joined', address.text);
  }

  /** @param mayBeSame false when a source that has looked before finds a new socket */
  #joins(address: UpstreamAddress, sources: Set<Source>, mayBeSame: boolean): Member {
    const configured = this.#configured(sources);
    const order = this.#place(address.text, configured.line);
    const returning = mayBeSame ? this.#returning(address) : undefined;
    if (returning !== undefined) this.#lifecycle.takeBack(returning, configured.spec, order);
    return {
      ...configured,
      address,
      sources,
      upstream: returning ?? this.#lifecycle.create(address, configured.spec, order, mayBeSame),
    };
  }

  #named(member: Member, source: Source): void {
    member.sources.add(source);
    const configured = this.#configured(member.sources);
    if (configured.spec !== member.spec || configured.line !== member.line) this.#settle(member, configured);
  }

  /** Other options, or another place, may hold for it. */
  #settle(member: Member, { spec, line }: Configured): void {
    member.spec = spec;
    member.line = line;
    this.#lifecycle.reconfigure(member.upstream, spec, this.#place(member.address.text, line));
  }

  #place(name: string, line: number): number {
    return this.#order.place(name, line, (moved, order) => {
      const member = this.#byAddress.get(moved);
      if (member !== undefined) this.#lifecycle.reconfigure(member.upstream, member.spec, order);
    });
  }

  /** What the lines that name it say together. */
  #configured(sources: ReadonlySet<Source>): Configured {
    let first: Configured | undefined;
    let holds: Configured | undefined;
    for (const source of sources) {
      const configured = this.#lines.get(source);
      if (configured === undefined) continue;
      if (first === undefined || configured.line < first.line) first = configured;
      if (holds === undefined || precedes(configured, holds)) holds = configured;
    }
    if (first === undefined || holds === undefined) throw new Error('an upstream that no line of the configuration names');
    return { spec: holds.spec, line: first.line };
  }

  /**
   * The upstream that left and still holds requests: a second one for the same worker would send it
   * more than it takes.
   */
  #returning({ text }: UpstreamAddress): Upstream | undefined {
    const upstream = this.#left.get(text);
    if (upstream === undefined || !this.#pool.leaving.has(upstream)) return undefined;
    this.#left.delete(text);
    return upstream;
  }

  #unnamed(source: Source, address: UpstreamAddress, vanished: boolean): void {
    const member = this.#byAddress.get(address.text);
    if (member === undefined) return;
    member.sources.delete(source);
    if (member.sources.size > 0) {
      // None of them may be kept; each is taken away in its turn.
      if ([...member.sources].some((each) => this.#lines.has(each))) this.#settle(member, this.#configured(member.sources));
      return;
    }
    this.#byAddress.delete(address.text);
    this.#order.remove(address.text);
    this.#log.info(
      { pool: this.#pool.name, upstream: address.text, in_flight: member.upstream.inFlight },
      'upstream leaves; what it holds it finishes',
    );
    this.#pool.remove(member.upstream);
    this.#lifecycle.left(member.upstream, vanished);
    this.#notify('left', address.text);
    for (const [text, upstream] of this.#left) if (!this.#pool.leaving.has(upstream)) this.#left.delete(text);
    if (member.upstream.inFlight > 0) this.#left.set(address.text, member.upstream);
  }
}

/** A line for one address is more exact than a line for many. */
function precedes(one: Configured, other: Configured): boolean {
  const [written, otherWritten] = [one.spec.kind === 'address', other.spec.kind === 'address'];
  return written === otherWritten ? one.line < other.line : written;
}
