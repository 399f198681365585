// nearest: what somebody may have meant, and no wild guesses.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nearest, suggestion } from '../../../src/config/nearest.ts';

const KNOWN = ['upstreams', 'balance', 'max_conns', 'queue', 'timeouts', 'size'];

describe('nearest', () => {
  it.each([
    ['upstream', 'upstreams'],
    ['upstraems', 'upstreams'],
    ['balanc', 'balance'],
    ['Balance', 'balance'],
    ['max-conns', 'max_conns'],
    ['maxconns', 'max_conns'],
    ['queu', 'queue'],
    ['queeu', 'queue'],
    ['sizes', 'size'],
    ['sizee', 'size'],
  ])('takes %s for %s', (word, meant) => {
    expect(nearest(word, KNOWN)).toBe(meant);
  });

  it.each(['pools', 'x', '', 'weight', 'balancer_of_requests', 'zise_of_it'])('takes %j for nothing', (word) => {
    expect(nearest(word, KNOWN)).toBeUndefined();
  });

  it('takes the nearest of several', () => {
    expect(nearest('timeou', ['timeouts', 'timeout'])).toBe('timeout');
  });

  it('finds a word after any one letter is put in, left out or changed', () => {
    fc.assert(
      fc.property(fc.constantFrom(...KNOWN), fc.nat(), fc.constantFrom('z', ''), fc.boolean(), (word, at, letter, replace) => {
        const place = at % word.length;
        const wrong = word.slice(0, place) + letter + word.slice(place + (replace || letter === '' ? 1 : 0));
        expect(nearest(wrong, KNOWN)).toBe(word);
      }),
    );
  });

  it('is put in words, or in none', () => {
    expect([suggestion('sise', KNOWN), suggestion('nothing', KNOWN)]).toEqual(["; did you mean 'size'?", '']);
  });
});
