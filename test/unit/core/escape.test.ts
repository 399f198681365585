// escapeControls: nothing that a terminal or a log reader obeys gets through, and everything else
// does.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { escapeControls } from '../../../src/core/escape.ts';
import { anyText } from '../../support/fuzz/arbitraries.ts';

/** C0 but tab, DEL, C1, and the line and paragraph separators. */
function obeyed(code: number): boolean {
  return (code < 32 && code !== 9) || (code >= 127 && code < 160) || code === 0x2028 || code === 0x2029;
}

describe('escapeControls', () => {
  it('escapes each character that is obeyed, and no other', () => {
    for (let code = 0; code < 0x3000; code += 1) {
      const character = String.fromCharCode(code);
      const escaped = escapeControls(`a${character}b`);
      if (!obeyed(code)) expect(escaped).toBe(`a${character}b`);
      else if (code < 256) expect(escaped).toBe(`a\\x${code.toString(16).padStart(2, '0')}b`);
      else expect(escaped).toBe(`a\\u${code.toString(16)}b`);
    }
  });

  it('makes one line of any text, and leaves it so', () => {
    const text = fc.oneof(
      anyText(40),
      fc.uint8Array().map((array) => Buffer.from(array).toString('latin1')),
    );
    fc.assert(
      fc.property(text, (written) => {
        const escaped = escapeControls(written);
        expect(Array.from(escaped, (c) => c.charCodeAt(0)).some(obeyed)).toBe(false);
        expect(escapeControls(escaped)).toBe(escaped);
      }),
    );
  });

  it('takes the teeth out of a forged line and of a terminal sequence', () => {
    expect(escapeControls('x\r\n2026-01-01 forged')).toBe('x\\x0d\\x0a2026-01-01 forged');
    expect(escapeControls('\x1b[2J\x9b2J')).toBe('\\x1b[2J\\x9b2J');
    expect(escapeControls('\tÄrger 🙂 \\x0a')).toBe('\tÄrger 🙂 \\x0a');
  });
});
