// Source of addresses that the operator wrote out: they always exist, whether something listens there or not.

import type { UpstreamAddress } from '../core/address.ts';
import type { Source, SourceListener } from './source.ts';

export class FixedSource implements Source {
  readonly #address: UpstreamAddress;

  constructor(address: UpstreamAddress) {
    this.#address = address;
  }

  async start(listener: SourceListener): Promise<void> {
    listener.appeared(this.#address);
  }

  stop(): void {}
}
