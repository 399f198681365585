// Text with nginx's variables: what is filled in, what may be written, and what can never get out
// of it.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseTemplate, quoteTemplate, VARIABLES } from '../../../src/config/template.ts';
import { HeaderReader } from '../../../src/http/request/headers.ts';
import { parseTarget } from '../../../src/http/request/target.ts';
import { compileTemplate, filledIn, type RequestFacts, urlOf, type VariableScope } from '../../../src/http/request/variables.ts';
import { connectionBetween } from '../../support/parts/fastcgi-head.ts';

const SOCKET = connectionBetween({ remoteAddress: '192.0.2.7', remotePort: 5555, localAddress: '198.51.100.1', localPort: 8080 });
const SCOPE: VariableScope = {
  root: undefined,
  rules: { mode: { kind: 'application', root: undefined }, prefix: '' },
  regex: undefined,
};
const PHP: VariableScope = {
  root: '/srv/www/',
  rules: { mode: { kind: 'php', root: '/srv/www', index: 'index.php' }, prefix: '/app' },
  regex: undefined,
};

function facts(
  target: string,
  headers: readonly string[] = ['Host', 'Tickets.example:8080'],
  more: Partial<RequestFacts> = {},
): RequestFacts {
  return {
    method: 'GET',
    protocol: 'HTTP/1.1',
    target: parseTarget(target),
    headers: new HeaderReader().read(headers),
    bodyLength: undefined,
    socket: SOCKET,
    ...more,
  };
}

function fill(text: string, asked: RequestFacts, scope = SCOPE): string {
  return filledIn(compileTemplate(text, scope), asked);
}

function isControl(character: string): boolean {
  const code = character.charCodeAt(0);
  return code < 32 || code === 127;
}

describe('a variable', () => {
  const asked = facts('/app/a%20b/../c.php/d%3F?x=%201&y', [
    ...['Host', 'Tickets.example:8080', 'Content-Type', 'text/plain', 'X-Some-Name', 'a', 'x-some-name', 'b'],
    ...['Cookie', 'A=1; b=2', 'Cookie', 'A=3'],
  ]);
  it.each([
    ['$uri', '/app/c.php/d?'],
    ['$document_uri', '/app/c.php/d?'],
    ['$request_uri', '/app/a%20b/../c.php/d%3F?x=%201&y'],
    ['$args', 'x=%201&y'],
    ['$query_string', 'x=%201&y'],
    ['$uri$is_args$args', '/app/c.php/d??x=%201&y'],
    ['$request_method', 'GET'],
    ['$server_protocol', 'HTTP/1.1'],
    ['$scheme', 'http'],
    ['$https', ''],
    ['$host', 'tickets.example'],
    ['$server_name', 'Tickets.example'],
    ['$http_host', 'Tickets.example:8080'],
    ['$server_addr:$server_port', '198.51.100.1:8080'],
    ['$remote_addr:$remote_port', '192.0.2.7:5555'],
    ['$content_type', 'text/plain'],
    ['$content_length', ''],
    ['$http_x_some_name', 'a, b'],
    ['$http_none', ''],
    ['$cookie_A', '1'],
    ['$cookie_b', '2'],
    ['$cookie_a', ''],
    ['$arg_x', '%201'],
    ['$arg_X', '%201'],
    ['$arg_y$arg_z', ''],
    ['$document_root', '/srv/www'],
    ['$request_filename', '/srv/www/app/c.php/d?'],
    ['$fastcgi_script_name', '/c.php'],
    ['$fastcgi_path_info', '/d?'],
    ['${uri}x', '/app/c.php/d?x'],
    ['$$uri', '$uri'],
    ['a', 'a'],
    ['', ''],
  ])('%s is %j', (text, value) => {
    expect(fill(text, asked, PHP)).toBe(value);
  });

  it('there is for everything that the list has', () => {
    for (const name of VARIABLES) expect(typeof fill(`$${name}`, asked)).toBe('string');
  });

  it('that needs a host or a body has one where there is', () => {
    expect(fill('$host $server_name', facts('http://a.example:1/', ['Host', 'b.example']))).toBe('a.example a.example');
    expect(fill('$http_host', facts('http://a.example:1/', ['Host', 'b.example']))).toBe('a.example:1');
    expect(fill('$host $server_name', facts('/', []))).toBe('198.51.100.1 198.51.100.1');
    expect(fill('$content_length', facts('/', [], { bodyLength: 0 }))).toBe('0');
  });

  it('stands for a group of the route, numbered or named', () => {
    const scope = { ...SCOPE, regex: /^\/(?<lang>[a-z]+)(\/x)?\/(.*)$/ };
    expect(fill('$1|$2|$3|$lang|${1}0', facts('/de/a%2Fb'), scope)).toBe('de||a/b|de|de0');
    expect(fill('$1', facts('/-'), scope)).toBe('');
  });

  it('without a script in the path means what nginx means by it', () => {
    expect(fill('$fastcgi_script_name|$fastcgi_path_info', facts('/a/b'))).toBe('/a/b|');
    expect(fill('$fastcgi_script_name', facts('/app/'), PHP)).toBe('/index.php');
  });
});

describe('a text', () => {
  it.each([
    ['$nonsense', 'there is no variable $nonsense; expected one of $uri, '],
    ['$http', 'there is no variable $http'],
    ['$http_', 'there is no variable $http_'],
    ['$remote_adr', "did you mean '$remote_addr'?"],
    ['a$', "no variable follows the '$'"],
    ['${uri', "no variable follows the '$'"],
    ['$-', "no variable follows the '$'"],
    ['$0', 'there is no group $0'],
    ['${12}', 'there is no group $12'],
  ])('with %s is refused', (text, message) => {
    expect(() => parseTemplate(text)).toThrow(message);
  });

  it('in which every dollar sign is doubled is what it was', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(parseTemplate(quoteTemplate(text))).toEqual([{ kind: 'text', text }]);
      }),
    );
  });

  it('of any kind is read, or refused with a ConfigError', () => {
    const piece = fc.constantFrom('$', '{', '}', 'uri', '1', 'http_a', '_', ' ', '$$', '\u00e9');
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
        try {
          parseTemplate(pieces.join(''));
        } catch (error) {
          expect(error).toMatchObject({ name: 'ConfigError' });
        }
      }),
    );
  });
});

describe('a URL', () => {
  const url = (text: string, target: string, scope = SCOPE) => urlOf(compileTemplate(text, scope), facts(target));

  it.each([
    ['https://$host$request_uri', '/a%20b?c=d%0D', 'https://tickets.example/a%20b?c=d%0D'],
    ['https://a.example$uri', '/a%20b%25%3F%23%22%C3%A9', 'https://a.example/a%20b%25%3F%23%22%C3%A9'],
    ['$request_uri', '//evil.example/', '/evil.example/'],
    ['$uri', '/\\evil.example', '/%5Cevil.example'],
    ['/\\$args', '/?evil.example', '/%5Cevil.example'],
    ['//cdn.example$uri', '/a', '//cdn.example/a'],
    ['/x?next=$uri', '/a%26b', '/x?next=/a&b'],
    ['/$arg_to', '/?to=/evil.example', '/evil.example'],
  ])('made of %s for %s is %s', (text, target, expected) => {
    expect(url(text, target)).toBe(expected);
  });

  it('never holds what would end a header, whatever is asked for', () => {
    const target = fc
      .array(
        fc.oneof(
          fc.constantFrom('/', '%0d', '%0a', '%00', '%20', '//', '\\', '%', '%ff', '?', '&x=', '..'),
          fc.string({ unit: 'binary' }),
        ),
        { maxLength: 10 },
      )
      .map((parts) => `/${Buffer.from(parts.join(''), 'utf8').toString('latin1')}`);
    fc.assert(
      fc.property(
        target,
        fc.constantFrom('$uri', '$request_uri', '/$args', 'https://h$uri$is_args$args', '$1', '$document_uri'),
        (asked, text) => {
          let parsed: RequestFacts;
          try {
            parsed = facts([...asked].filter((character) => !isControl(character) && character !== ' ').join(''));
          } catch {
            return;
          }
          const made = urlOf(compileTemplate(text, { ...SCOPE, regex: /^(.*)$/ }), parsed);
          expect(made).toMatch(/^[!-~]*$/);
          if (!text.startsWith('http')) expect(made).not.toMatch(/^[/\\]{2}/);
          expect([...filledIn(compileTemplate(text, { ...SCOPE, regex: /^(.*)$/ }), parsed)].filter(isControl)).toEqual([]);
        },
      ),
    );
  });
});
