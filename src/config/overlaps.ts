// Addresses that cannot all be listened on, whatever else the machine does.

import { type ListenAddress, overlap } from '../core/address.ts';

/**
 * Each that an earlier one of the list leaves no room for, by their positions, with what is wrong.
 */
export function overlaps(addresses: readonly ListenAddress[]): readonly { at: number; before: number; what: string }[] {
  return addresses.flatMap((address, at) => {
    const before = addresses.findIndex((other, index) => index < at && excludes(other, address));
    const { text } = addresses[before] ?? address;
    if (before === -1) return [];
    const what = text === address.text ? 'is asked for already' : `overlaps '${text}', which is asked for`;
    return [{ at, before, what: `'${address.text}' ${what}` }];
  });
}

function excludes(a: ListenAddress, b: ListenAddress): boolean {
  if (a.kind === 'systemd' || b.kind === 'systemd') return a.text === b.text;
  return overlap(a, b);
}
