// Which regular expressions are let in, and that those that are let in end soon on whatever a
// stranger sends.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkRegexCost } from '../../../src/config/regex/cost.ts';
import { ConfigError } from '../../../src/core/errors.ts';
import { MAX_REGEX_PATH } from '../../../src/http/request/router.ts';

function refusal(source: string): string | undefined {
  try {
    checkRegexCost(source);
    return undefined;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.message.replace(/^the regular expression '.*' is refused: /s, '');
  }
}

describe('a regular expression', () => {
  it.each([
    '\\.php(/|$)',
    '^(.+?\\.php)(/.*)$',
    '^/([^/]+)/([^/]+)/([^/]+)/(.*)$',
    '\\.(gif|jpe?g|png|css|js)$',
    '^/users/(?<id>\\d{1,9})(?:/|$)',
    '^/[a-z]{2}(?:-[A-Z]{2})?/',
    '/users/(.+)/edit',
    '^/(?!admin|static)[a-z]+',
    '(/[a-z]+)+\\.html$',
    '^(?:[^/]+/)*index$',
    '(\\w+\\.)*\\w+$',
    '^.*\\.(css|js)$',
    '^(\\d{1,3}\\.){3}\\d{1,3}$',
    '^/[\\w.~%-]+\\b$',
    '^/\\x2e\\u0041[\\b\\x00-\\x1f]?',
    '{a}',
    'a{2',
    '[]x]|[^]y',
  ])('that reads a text in few ways is let in: %s', (source) => {
    expect(() => new RegExp(source)).not.toThrow();
    expect(refusal(source)).toBeUndefined();
  });

  it.each([
    ['(a+)+$', 'several ways'],
    ['([a-z]+)*', 'several ways'],
    ['(a|a)*', 'several ways'],
    ['^(a|b|ab)*$', 'several ways'],
    ['(a+b?)+', 'several ways'],
    ['(x+x+)+y', 'several ways'],
    ['^(([a-z])+.)+[A-Z]$', 'several ways'],
    ['(\\w|\\d)+$', 'several ways'],
    ['(?:.*,)*,', 'several ways'],
    ['(.*)*', 'can be empty'],
    ['(a?){25}', 'can be empty'],
    ['(|a)+', 'can be empty'],
    ['(?=a)*', 'can be empty'],
    ['^(.*)(.*)(.*)$', 'to the power of 3'],
    ['(.*)\\.(.*)\\.(.*)', 'to the power of 4'],
    ['a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?b', 'too many ways'],
    [`${'(a|a)'.repeat(20)}b`, 'too many ways'],
    [`^${'(a|b)?'.repeat(9)}x`, 'too many ways'],
    ['(a)\\1', 'refers back'],
    ['(?<n>a)\\k<n>', 'refers back'],
    ['(?<=a)b', 'no lookbehind'],
    ['(?<!a)b', 'no lookbehind'],
    ['(?=a+)b', 'done anew at every byte'],
    ['(?!a{20})b', 'done anew at every byte'],
    ['\\p{L}', 'has no meaning'],
    ['\u212a', 'expected ASCII'],
    ['[\u00e9]', 'expected ASCII'],
    ['(?:abcdefgh|ijklmnop){1,15}'.repeat(10), 'too long to tell'],
  ])('that can take long, or of which that cannot be told, is refused: %s', (source, reason) => {
    expect(refusal(source)).toContain(reason);
  });

  it('with flags of its own is refused, since letters would be folded', () => {
    expect(refusal('(?i:k)')).toContain('no flags within');
    expect(refusal('(?-i:k)')).toContain('no flags within');
  });

  /** Expressions of the kind that operators write, and of the kind that goes wrong. */
  const source = fc.letrec<{ regex: string; sequence: string; atom: string; piece: string }>((tie) => ({
    regex: fc.oneof(
      { weight: 3, arbitrary: tie('sequence') },
      fc.tuple(tie('sequence'), tie('sequence')).map((pair) => pair.join('|')),
    ),
    sequence: fc.array(tie('piece'), { minLength: 1, maxLength: 4 }).map((pieces) => pieces.join('')),
    piece: fc
      .tuple(tie('atom'), fc.constantFrom('', '', '', '*', '+', '?', '+?', '{2}', '{1,3}', '{2,}'))
      .map(([atom, quantifier]) => atom + quantifier),
    atom: fc.oneof(
      { maxDepth: 3 },
      fc.constantFrom('a', 'b', '/', '.', '[ab]', '[^/]', '\\w', '\\.', '(?!b)'),
      fc.tuple(fc.constantFrom('(', '(?:'), tie('regex')).map(([open, inner]) => `${open}${inner})`),
    ),
  })).regex;

  it('that is let in ends in time on texts made to be read in many ways', () => {
    let letIn = 0;
    fc.assert(
      fc.property(
        source,
        fc.boolean(),
        fc.constantFrom('', '$', 'x$'),
        fc.array(fc.constantFrom('a', 'b', '/', 'ab', 'a/', 'aab', '.'), { minLength: 1, maxLength: 3 }),
        fc.constantFrom('', '!', '!b'),
        (inner, anchored, end, pumped, last) => {
          const text = `${anchored ? '^' : ''}(?:${inner})${end}`;
          if (refusal(text) !== undefined) return;
          letIn += 1;
          const path = `/${pumped.join('').repeat(MAX_REGEX_PATH)}`.slice(0, MAX_REGEX_PATH - last.length) + last;
          const begun = performance.now();
          new RegExp(text).test(path);
          // What backtracks without bounds takes years; what is let in took some ms.
          expect([text, performance.now() - begun < 5000]).toEqual([text, true]);
        },
      ),
      { numRuns: 1500 },
    );
    expect(letIn).toBeGreaterThan(150);
  });

  it('is judged in a moment, or refused', () => {
    fc.assert(
      fc.property(fc.array(source, { minLength: 1, maxLength: 20 }), (parts) => {
        const begun = performance.now();
        refusal(
          parts
            .join('')
            .slice(0, 1000)
            .replace(/[([\\][^)\]]*$/, ''),
        );
        expect(performance.now() - begun).toBeLessThan(10_000);
      }),
      { numRuns: 50 },
    );
  });
});
