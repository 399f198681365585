// The rules of the architecture test themselves: each finds what it is there to find, and nothing
// else.

import { describe, expect, it } from 'vitest';
import * as rules from './rules.ts';
import { lineAt, sourceViews } from './source-text.ts';

const file = (path: string, ...lines: readonly string[]): rules.SourceFile => rules.sourceFile(path, `${lines.join('\n')}\n`);

describe('source views', () => {
  it('blank comments, strings, templates and regular expressions, and keep lines and columns', () => {
    const text = [
      "const a = 'any // no'; // any",
      '/* any\n any */ const b = /any[/]any/g.test(x);',
      `const c = \`any \${a + \`any \${b}\` + {x: 1}.x} any\`;`,
      'const d = e / 2; // any',
      'const f = "\\"any";',
      '/** any */',
    ].join('\n');
    const { codeOnly, withoutComments } = sourceViews(text);
    expect(codeOnly).not.toContain('any');
    expect(codeOnly.length).toBe(text.length);
    expect(codeOnly.split('\n').length).toBe(text.split('\n').length);
    for (const name of ['const a', 'const b', 'const c', 'const d', 'const f', 'e / 2', 'a +', '.x', '.test(x)']) {
      expect(codeOnly.indexOf(name)).toBe(text.indexOf(name));
    }
    expect(withoutComments).toContain("'any // no'");
    expect(withoutComments).not.toMatch(/any \*\/|e \/ 2; \/\//);
  });

  it('find the line of a position', () => {
    expect(['a', 'b', 'c'].map((letter) => lineAt('a\nb\nc', 'a\nb\nc'.indexOf(letter)))).toEqual([1, 2, 3]);
  });
});

describe('imports', () => {
  const check = (path: string, ...lines: readonly string[]): readonly string[] =>
    rules.importsPointDownward([file(path, ...lines)]);

  it('may point to the same room and to lower levels', () => {
    expect(check('src/http/a.ts', "import { b } from './b.ts';", "import type { c } from '../pool/c.ts';")).toEqual([]);
    expect(check('src/upstream/a.ts', "import type { Candidate } from '../balance/balancer.ts';")).toEqual([]);
    expect(check('src/cli/a.ts', "import { x } from '../core/x.ts';", "import 'node:fs';", "import p from 'pino';")).toEqual([]);
  });

  it('must not point upward; file, line, rule and allowed rooms are told', () => {
    expect(check('src/pool/a.ts', '// A.', "import { x } from '../http/x.ts';")).toEqual([
      'src/pool/a.ts:2: pool/ must not import src/http/x.ts (allowed: pool, upstream, fcgi, balance, discovery, state, config, core)',
    ]);
  });

  it.each([
    ["import type { x } from '../admin/x.ts';"],
    ["export { x } from '../admin/x.ts';"],
    ["export * from '../admin/x.ts';"],
    ["import '../admin/x.ts';"],
    ["const x = await import('../admin/x.ts');"],
    ['import {\n  x,\n} from "../admin/x.ts";'],
  ])('must not reach a room on the same level: %s', (line) => {
    expect(check('src/http/a.ts', line)).toEqual([expect.stringContaining('http/ must not import src/admin/x.ts')]);
  });

  it('in comments and strings are none', () => {
    expect(check('src/core/a.ts', "// import x from '../http/x.ts'", 'const s = "import \'../http/x.ts\'";')).toEqual([]);
  });

  it('cannot come from a file outside the rooms', () => {
    expect(check('src/a.ts', '// A.')).toEqual([expect.stringContaining('src/a.ts:1: every file stands in a room')]);
    expect(check('src/attic/a.ts', '// A.')).toEqual([expect.stringContaining('rooms: cli, app, http')]);
  });

  it('of a room that needs little are few', () => {
    const narrow = (line: string) => rules.narrowRoomsStayNarrow([file('src/alerts/a.ts', line)]);
    expect(narrow("import type { AlertKind } from '../config/alerts.ts';")).toEqual([]);
    expect(narrow("import { Pool } from '../pool/pool.ts';")).toEqual([
      'src/alerts/a.ts:1: alerts/ must not import src/pool/pool.ts (allowed: alerts, config, core)',
    ]);
    expect(rules.narrowRoomsStayNarrow([file('src/http/a.ts', "import { Pool } from '../pool/pool.ts';")])).toEqual([]);
  });

  it('must not go in a circle', () => {
    const a = file('src/core/a.ts', "import { b } from './b.ts';");
    const b = file('src/core/b.ts', '// B.', "import type { c } from './c.ts';");
    const c = file('src/core/c.ts', "import { a } from './a.ts';");
    expect(rules.noImportCycles([a, b])).toEqual([]);
    expect(rules.noImportCycles([a, b, c])).toEqual([
      'src/core/c.ts:1: import cycle src/core/a.ts -> src/core/b.ts -> src/core/c.ts -> src/core/a.ts (allowed: none)',
    ]);
  });
});

describe('the other rules', () => {
  const one = (rule: (files: readonly rules.SourceFile[]) => readonly string[], path: string, ...lines: readonly string[]) =>
    rule([file(path, ...lines)]);

  it('refuse the 351st line and no earlier one', () => {
    const lines = (count: number): readonly string[] => Array.from({ length: count }, () => '//');
    expect(one(rules.filesAreShort, 'src/core/a.ts', ...lines(350))).toEqual([]);
    expect(one(rules.filesAreShort, 'src/core/a.ts', ...lines(351))).toEqual([
      'src/core/a.ts:351: the file has 351 lines (allowed: 350)',
    ]);
  });

  it('want a comment first, behind a shebang if there is one', () => {
    expect(one(rules.filesSayWhatTheyDo, 'src/core/a.ts', '// Does a.')).toEqual([]);
    expect(one(rules.filesSayWhatTheyDo, 'src/cli/a.ts', '#!/usr/bin/env node', '// Does a.')).toEqual([]);
    expect(one(rules.filesSayWhatTheyDo, 'src/core/a.ts', '', '// Does a.')).toHaveLength(1);
    expect(one(rules.filesSayWhatTheyDo, 'src/core/a.ts', '//')).toHaveLength(1);
    expect(one(rules.filesSayWhatTheyDo, 'src/cli/a.ts', '#!/usr/bin/env node', 'let a;')[0]).toMatch(/^src\/cli\/a.ts:2:/);
  });

  it.each(['export default 1;', 'export { a as default };', 'export  default class A {}', 'export = a;'])(
    'refuse default exports: %s',
    (line) => {
      expect(one(rules.noDefaultExports, 'src/core/a.ts', '// A.', line)).toEqual([
        expect.stringMatching(/^src\/core\/a.ts:2: .*no default exports/),
      ]);
    },
  );

  it.each([
    'let a: any;',
    'f(x as any);',
    'let a: Map<string, any>;',
    'let a: any[];',
    '// @ts-ignore',
    'a!.b();',
    'f()!;',
    'a[0]!',
  ])('refuse dishonest types: %s', (line) => {
    expect(one(rules.typesAreHonest, 'src/core/a.ts', '// A.', line)).toEqual([expect.stringMatching(/^src\/core\/a.ts:2: /)]);
  });

  it.each(['if (a !== b) c();', 'if (!a) b();', 'if (a!=b) c();', 'await Promise.any(x);', "f('any!');", 'return !a;', 'any();'])(
    'leave honest code alone: %s',
    (line) => {
      expect(one(rules.typesAreHonest, 'src/core/a.ts', line)).toEqual([]);
    },
  );

  it('keep sockets in their rooms', () => {
    const line = "import type { Socket } from 'node:net';";
    for (const path of ['src/upstream/a.ts', 'src/http/a.ts', 'src/admin/a.ts', 'src/listen/listen.ts']) {
      expect(one(rules.socketsStayInTheirRooms, path, line)).toEqual([]);
    }
    for (const path of ['src/core/a.ts', 'src/pool/a.ts', 'src/discovery/a.ts', 'src/app/a.ts', 'src/cli/a.ts']) {
      expect(one(rules.socketsStayInTheirRooms, path, line)).toEqual([
        `${path}:1: no node:net here (allowed: upstream, http, admin, core/listen.ts)`,
      ]);
    }
    expect(one(rules.socketsStayInTheirRooms, 'src/pool/a.ts', "import tls from 'tls';")).toHaveLength(1);
  });

  it.each(['node:net', 'node:http', 'node:http2', 'node:fs', 'node:fs/promises', 'fs', 'node:tls', 'node:dns/promises'])(
    'keep %s out of the pure rooms',
    (what) => {
      for (const room of ['fcgi', 'balance', 'config']) {
        expect(one(rules.pureRoomsStayPure, `src/${room}/a.ts`, `import x from '${what}';`)).toHaveLength(1);
      }
      expect(one(rules.pureRoomsStayPure, 'src/http/a.ts', `import x from '${what}';`)).toEqual([]);
      expect(one(rules.pureRoomsStayPure, 'src/fcgi/a.ts', "import x from 'node:util';")).toEqual([]);
    },
  );

  it.each([
    'const a = Date.now();',
    'const a = performance.now();',
    'setTimeout(f, 1);',
    'socket.setTimeout(1);',
    'later(setTimeout);',
    'globalThis.setInterval(f, 1);',
    'const a = new Date();',
    'const a = new Date;',
    'process.hrtime.bigint();',
    "import { setTimeout as wait } from 'node:timers/promises';",
  ])('refuse raw time outside the clock: %s', (line) => {
    expect(one(rules.timeComesFromTheClock, 'src/http/a.ts', '// A.', line).length).toBeGreaterThan(0);
    expect(one(rules.timeComesFromTheClock, 'src/http/a.ts', '// A.', line)[0]).toMatch(/^src\/http\/a.ts:2: .*core\/clock.ts/);
    expect(one(rules.timeComesFromTheClock, 'src/core/clock.ts', line)).toEqual([]);
  });

  it.each([
    'const d: Date = clock.date(); // setTimeout(',
    'socket.setTimeout(0);',
    'class A {\n  setTimeout(): this {\n    return this;\n  }\n}',
  ])('leave alone what starts no timer and reads no time: %s', (line) => {
    expect(one(rules.timeComesFromTheClock, 'src/http/a.ts', line)).toEqual([]);
  });

  it.each([
    'let a = 1;',
    'export let a = 1;',
    'var a;',
    'const seen = new Map<string, number>();',
    'export const all: A[] = [];',
  ])('refuse state in a module: %s', (line) => {
    expect(one(rules.modulesHoldNoState, 'src/core/a.ts', '// A.', line)).toEqual([
      expect.stringMatching(/^src\/core\/a.ts:2: module-level mutable state/),
    ]);
  });

  it.each([
    'function f() {\n  let a = 1;\n  const b = [];\n}',
    'class A {\n  #a = new Map<string, number>();\n  #b: B[] = [];\n}',
    'const NAMES = new Set([1]);',
    'for (const a of b) {\n  let c;\n}',
    `const f = (a: readonly B[] = []) => {\nlet c = \`\${a}\`;\n};`,
  ])('leave constants and what is inside functions and objects alone: %s', (text) => {
    expect(one(rules.modulesHoldNoState, 'src/core/a.ts', text)).toEqual([]);
  });

  it('find failure codes that nobody uses', () => {
    const errors = file('src/core/errors.ts', 'const F = {', '  FCGI_LB_ONE: 1,', '  FCGI_LB_ONE_MORE: 2,', '};');
    const user = file('src/http/a.ts', "fail('FCGI_LB_ONE_MORE'); // FCGI_LB_ONE");
    expect(rules.failureCodesAreUsed([errors, user])).toEqual([
      'src/core/errors.ts:2: FCGI_LB_ONE is used nowhere (expected: in another file of src)',
    ]);
    expect(rules.failureCodesAreUsed([errors, user, file('src/pool/b.ts', "x = 'FCGI_LB_ONE';")])).toEqual([]);
    expect(rules.failureCodesAreUsed([file('src/core/errors.ts', '// Nothing.')])).toHaveLength(1);
    expect(rules.failureCodesAreUsed([])).toHaveLength(1);
  });

  it('find dependencies that nobody explains', () => {
    const json = '{\n"dependencies": {\n"fastify": "1"\n},\n"devDependencies": {\n"@types/node": "1"\n}\n}';
    expect(rules.dependenciesAreExplained(json, '- `fastify`\n- `@types/node`')).toEqual([]);
    expect(rules.dependenciesAreExplained(json, '- @fastify/x, fastify-plugin, @types/node-x')).toEqual([
      expect.stringMatching(/^package.json:3: fastify is not named/),
      expect.stringMatching(/^package.json:6: @types\/node is not named/),
    ]);
  });
});
