// expand: `${NAME}` and `${NAME:-default}`, filled in once and as plain text.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { expand } from '../../../src/config/yaml/environment.ts';

const ENVIRONMENT = { DIR: '/srv', EMPTY: '', TRICKY: '${DIR}', _a1: 'b' };

describe('expand', () => {
  it.each([
    ['no variable', 'no variable'],
    ['${DIR}', '/srv'],
    ['a${DIR}b${DIR}', 'a/srvb/srv'],
    ['${_a1}', 'b'],
    ['${NONE:-/run}/x', '/run/x'],
    ['${DIR:-/run}', '/srv'],
    ['${EMPTY:-full}', 'full'],
    ['${EMPTY}', ''],
    ['${NONE:-}', ''],
    ['${NONE:-a:-b $c}', 'a:-b $c'],
    ['$${DIR}', '${DIR}'],
    ['$uri and $1 and $', '$uri and $1 and $'],
    ['\\.php(/|$)', '\\.php(/|$)'],
    ['$$', '$$'],
  ])('makes of %j %j', (text, expected) => {
    expect(expand(text, ENVIRONMENT)).toEqual({ text: expected, problems: [] });
  });

  it('does not look at what it has filled in', () => {
    expect(expand('${TRICKY}', ENVIRONMENT).text).toBe('${DIR}');
    expect(expand('${NONE:-$}{DIR}', ENVIRONMENT).text).toBe('${DIR}');
  });

  it('says where a variable is that is not set', () => {
    expect(expand('ab${NONE}${DIR}${OTHER}', ENVIRONMENT).problems).toEqual([
      {
        index: 2,
        reference: '${NONE}',
        message: 'environment variable NONE is not set; set it, or give a default with ${NONE:-...}',
      },
      {
        index: 15,
        reference: '${OTHER}',
        message: 'environment variable OTHER is not set; set it, or give a default with ${OTHER:-...}',
      },
    ]);
  });

  it.each(['${}', '${1a}', '${A B}', '${A-b}', '${A:=b}', '${A', '${', '${A:-b', '${toString()}'])(
    'says that %j is no variable',
    (text) => {
      expect(expand(text, ENVIRONMENT).problems.map(({ message }) => message)).toEqual([
        `'${text}' is no variable: expected \${NAME} or \${NAME:-default}`,
      ]);
    },
  );

  it('knows only the variables of the environment, not what every object has', () => {
    expect(expand('${constructor}', {}).problems).toHaveLength(1);
    expect(expand('${__proto__:-x}', {}).text).toBe('x');
  });

  it('leaves text without a brace after a dollar alone', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        fc.pre(!text.includes('${'));
        expect(expand(text, ENVIRONMENT)).toEqual({ text, problems: [] });
      }),
    );
  });
});
