// splitPhp: where the script ends and the path info begins, on bytes and without surprises.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { splitPhp } from '../../../src/http/request/script.ts';

describe('splitPhp', () => {
  it.each([
    ['/a.php', '/a.php', ''],
    ['/a.php/', '/a.php', '/'],
    ['/a.php/b', '/a.php', '/b'],
    ['/a/b.php/c/d', '/a/b.php', '/c/d'],
    ['/a.php/b.php', '/a.php', '/b.php'],
    ['/a.php.php/b', '/a.php.php', '/b'],
    ['/a.phpx/b.php/c', '/a.phpx/b.php', '/c'],
    ['/a.php5/b.php', '/a.php5/b.php', ''],
    ['/a.php~/b', '/index.php', ''],
    ['/a.phps', '/index.php', ''],
    ['/a.php.jpg', '/index.php', ''],
    ['/a.jpg/b.php', '/a.jpg/b.php', ''],
    // A segment that is nothing but the extension names no script.
    ['/.php', '/index.php', ''],
    ['/.php/a', '/index.php', ''],
    ['/.php/a.php/b', '/.php/a.php', '/b'],
    ['/a/.php', '/index.php', ''],
    ['/..php', '/..php', ''],
    // Bytes are compared: another case or an alphabet that folds to ASCII is no .php.
    ['/a.PHP', '/index.php', ''],
    ['/a.Php/b.php', '/a.Php/b.php', ''],
    ['/\u0130\u0130.php', '/\u0130\u0130.php', ''],
    ['/a.p\u212Ap/b', '/index.php', ''],
    ['/a.\u24B6hp', '/index.php', ''],
    ['/a\xef\xbc\x8ephp', '/index.php', ''],
    ['/\xc4\xb0\xc8\xba.php/x', '/\xc4\xb0\xc8\xba.php', '/x'],
    // A directory gets its index, anything else goes to the front controller.
    ['/', '/index.php', ''],
    ['/a/b/', '/a/b/index.php', ''],
    ['/a/b', '/index.php', ''],
    ['/tickets/1', '/index.php', ''],
    ['/php', '/index.php', ''],
  ])('%j is the script %j and the path info %j', (path, script, pathInfo) => {
    expect(splitPhp(path, 'index.php')).toEqual({ script, pathInfo });
  });

  it('uses the index it is given', () => {
    expect(splitPhp('/a/', 'app.php')).toEqual({ script: '/a/app.php', pathInfo: '' });
    expect(splitPhp('/a', 'app.php')).toEqual({ script: '/app.php', pathInfo: '' });
  });

  it('takes paths apart without adding or losing a byte, at the first segment that ends in .php', () => {
    const piece = fc.constantFrom('/', '/a', '.php', '.PHP', 'php', '.', 'x', '\xe4', '/.php', '\u0130');
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (parts) => {
        const path = `/${parts.join('')}`.replace(/\/+/g, '/');
        const { script, pathInfo } = splitPhp(path, 'index.php');
        const segments = path.split('/');
        const first = segments.findIndex((segment) => segment.endsWith('.php') && segment !== '.php');
        if (first === -1) expect([script, pathInfo]).toEqual([path.endsWith('/') ? `${path}index.php` : '/index.php', '']);
        else {
          expect(script).toBe(segments.slice(0, first + 1).join('/'));
          expect(script + pathInfo).toBe(path);
        }
      }),
      { numRuns: 1000 },
    );
  });
});
