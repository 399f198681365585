// Ejections: at most a share of the members, and never the last one that serves.

import { describe, expect, it } from 'vitest';
import { Ejections } from '../../../src/health/ejections.ts';

/** Members by name; those in `dead` do not serve, for a reason of their own. */
function parts(share: number, names: string) {
  const dead = new Set<string>();
  const out = new Set<string>();
  const ejections = new Ejections<string>(share, (name) => !dead.has(name) && !out.has(name));
  for (const name of names) ejections.join(name);
  const eject = (name: string): boolean => {
    const done = ejections.eject(name);
    if (done) out.add(name);
    return done;
  };
  const back = (name: string): void => void out.delete(name);
  return { ejections, dead, eject, back };
}

describe('ejections', () => {
  it('takes at most the share of the members, rounded down', () => {
    for (const [names, share, most] of [
      ['ab', 0.5, 1],
      ['abc', 0.5, 1],
      ['abcd', 0.5, 2],
      ['abcdefghij', 0.3, 3],
      ['abcd', 0, 0],
    ] as const) {
      const { eject } = parts(share, names);
      expect([names, share, [...names].filter(eject).length]).toEqual([names, share, most]);
    }
  });

  it('leaves one however large the share is', () => {
    for (const names of ['a', 'ab', 'abcde']) {
      const { eject } = parts(1, names);
      expect([names, [...names].filter(eject).length]).toEqual([names, names.length - 1]);
    }
  });

  it('leaves the one that serves when the others are dead, drained or down by their probes', () => {
    const { dead, eject } = parts(0.5, 'abcd');
    for (const name of 'bcd') dead.add(name);
    expect(eject('a')).toBe(false);
    dead.delete('c');
    expect(eject('a')).toBe(true);
  });

  it('ejects whoever is ejected already once more, as it counts once', () => {
    const { eject } = parts(0.5, 'abcd');
    expect([eject('a'), eject('a'), eject('b'), eject('c')]).toEqual([true, true, true, false]);
  });

  it('has room again when one is restored', () => {
    const { ejections, eject, back } = parts(0.5, 'ab');
    expect([eject('a'), eject('b')]).toEqual([true, false]);
    ejections.restore('a');
    back('a');
    expect(eject('b')).toBe(true);
  });

  it('knows nobody who has not joined', () => {
    const { eject } = parts(0.5, 'abcd');
    expect(eject('x')).toBe(false);
  });

  it('lets the first back in, in order, when members leave and fewer may be out', () => {
    const { ejections, eject } = parts(0.5, 'abcdef');
    expect([...'fab'].map(eject)).toEqual([true, true, true]);
    expect(ejections.leave('c')).toEqual(['f']);
    expect(ejections.leave('d')).toEqual([]);
    expect(ejections.leave('e')).toEqual(['a']);
  });

  it('lets the last of all back in', () => {
    const { ejections, eject } = parts(1, 'ab');
    expect(eject('a')).toBe(true);
    expect(ejections.leave('b')).toEqual(['a']);
    expect(ejections.leave('a')).toEqual([]);
  });

  it('needs the one ejected first when nobody serves any more, and only then', () => {
    const { ejections, dead, eject } = parts(0.5, 'abcd');
    expect([...'ba'].map(eject)).toEqual([true, true]);
    dead.add('c');
    expect(ejections.needed()).toBeUndefined();
    dead.add('d');
    expect(ejections.needed()).toBe('b');
  });

  it('needs nobody once the pool is ending', () => {
    const { ejections, dead, eject } = parts(0.5, 'ab');
    expect(eject('a')).toBe(true);
    ejections.close();
    dead.add('b');
    expect(ejections.needed()).toBeUndefined();
    expect(ejections.leave('b')).toEqual([]);
  });
});
