// How a FastCGI worker is spoken to: exchanges, spare connections, and the question for its
// capacity.

import type { Address } from '../../core/address.ts';
import type { Log } from '../../core/log.ts';
import type { Slots } from '../slots/slots.ts';
import type { Connection } from '../transport/connection.ts';
import { type DialResult, dial } from '../transport/dial.ts';
import type { Purpose, TransportHost } from '../transport/exchange-host.ts';
import type { ExchangeSink, ExchangeTimeouts, FcgiRequest } from '../transport/request.ts';
import type { CapacityLimit } from './capacity-limit.ts';
import { askCapacity, type CapacityAnswer } from './capacity-query.ts';
import { FcgiExchange, type FcgiExchangeHost } from './exchange.ts';
import { type KeepSettings, KeptConnections } from './kept-connections.ts';
import { WorkerLog } from './worker-log.ts';

export interface FcgiSettings extends KeepSettings {
  readonly timeouts: ExchangeTimeouts & { readonly connect: number };
}

interface FcgiTransportDeps extends TransportHost {
  readonly log: Log;
  readonly slots: Slots;
  readonly capacity: CapacityLimit;
  /**
   * Whether it is the only upstream of its pool, which decides what silence on the capacity
   * question means.
   */
  readonly alone: () => boolean;
  /** The capacity has become known. */
  readonly learnt: () => void;
}

export class FcgiTransport {
  readonly #address: Address;
  #settings: FcgiSettings;
  readonly #deps: FcgiTransportDeps;
  readonly #spare: KeptConnections;
  readonly #hosts: Readonly<Record<Purpose, FcgiExchangeHost>>;

  constructor(address: Address, settings: FcgiSettings, deps: FcgiTransportDeps) {
    this.#address = address;
    this.#settings = settings;
    this.#deps = deps;
    this.#spare = new KeptConnections(settings, deps.clock);
    const workerLog = new WorkerLog(address.text, deps.log, deps.clock);
    this.#hosts = { request: this.#host('request', workerLog), probe: this.#host('probe', workerLog) };
  }

  start(request: FcgiRequest, sink: ExchangeSink, purpose: Purpose): FcgiExchange {
    const exchange = new FcgiExchange(this.#hosts[purpose], request, sink);
    this.#deps.begins(exchange);
    exchange.start(this.#spare.take(request.repeatable));
    return exchange;
  }

  reconfigure(settings: FcgiSettings): void {
    this.#settings = settings;
    this.#spare.reconfigure(settings);
  }

  /** Another worker may be there now. */
  renewed(): void {
    this.#spare.renewed();
  }

  /** The slot of an exchange that is over has been given on, or not. */
  endTurn(): void {
    this.#spare.endTurn();
  }

  closeSpare(): void {
    this.#spare.closeAll();
  }

  #host(purpose: Purpose, workerLog: WorkerLog): FcgiExchangeHost {
    const { clock, slots, unlimited, answered, gaveUp, heard, gone } = this.#deps;
    return {
      name: this.#address.text,
      clock,
      workerLog,
      timeouts: () => this.#settings.timeouts,
      keepsConnections: () => this.#spare.wanted(slots.capacity),
      wasStale: () => this.#spare.wasStale(),
      unlimited,
      dial: (result) => this.#dial(result),
      askCapacity: (connection, done) => this.#askCapacity(connection, done),
      shelve: (connection) => this.#shelve(connection),
      answered: (ms) => answered(ms, purpose),
      gaveUp: (exchange, outcome) => gaveUp(exchange, outcome, purpose),
      heard,
      gone: (exchange, outcome) => gone(exchange, outcome, purpose),
    };
  }

  #dial(result: DialResult): () => void {
    return dial(this.#address, this.#settings.timeouts.connect, this.#deps.clock, result);
  }

  #shelve(connection: Connection): void {
    if (this.#deps.serving()) this.#spare.offer(connection);
    else connection.destroy();
  }

  #askCapacity(connection: Connection, done: (answer: CapacityAnswer) => void): (() => void) | undefined {
    if (this.#deps.capacity.known) return undefined;
    return askCapacity(
      connection,
      (result) => this.#dial(result),
      this.#deps.clock,
      (answer) => {
        this.#learn(answer.capacity);
        done(answer);
      },
    );
  }

  #learn(answer: CapacityAnswer['capacity']): void {
    const { capacity: known, slots, alone, log, learnt } = this.#deps;
    // One of several unix sockets is most likely a single process, a lone address a whole server.
    if (!known.learn(answer, this.#address.kind === 'unix' && !alone())) return;
    const { capacity } = slots;
    const limit = capacity === Number.POSITIVE_INFINITY ? 'unlimited' : capacity;
    const fields = { upstream: this.#address.text, max_conns: limit, told: typeof answer === 'number' };
    log.debug(fields, 'capacity of the upstream is known');
    learnt();
  }
}
