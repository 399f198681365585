// Source of an address that the operator wrote out: it always exists, whether something listens
// there or not.

import type { UpstreamAddress } from '../core/address.ts';
import type { Source, SourceListener } from './source.ts';

export class FixedSource implements Source {
  readonly #address: UpstreamAddress;
  readonly #socket: Source | undefined;
  #told = false;

  /**
   * @param socket watches the address's socket file, if it has one: a worker that is back is to be
   *   used at once
   */
  constructor(address: UpstreamAddress, socket: Source | undefined) {
    this.#address = address;
    this.#socket = socket;
  }

  async start(listener: SourceListener): Promise<void> {
    listener.appeared(this.#address);
    await this.#socket?.start({
      appeared: () => {
        if (this.#told) listener.appeared(this.#address);
      },
      vanished: () => undefined,
    });
    this.#told = true;
  }

  stop(): void {
    this.#socket?.stop();
  }
}
