// The rules of the architecture test themselves: each finds what it is there to find, and nothing
// else.

import { describe, expect, it } from 'vitest';
import * as comments from './comment-rules.ts';
import * as roomRules from './room-rules.ts';
import * as rules from './rules.ts';
import { type SourceFile, sourceFile } from './source-file.ts';
import { lineAt, sourceViews } from './source-text.ts';

const file = (path: string, ...lines: readonly string[]): SourceFile => sourceFile(path, `${lines.join('\n')}\n`);

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
    roomRules.importsStayInTheTable([file(path, ...lines)]);

  it('may point to the same room and to the rooms in its row of the table', () => {
    expect(check('src/http/proxy/a.ts', "import { b } from './b.ts';", "import type { c } from '../../pool/c.ts';")).toEqual([]);
    expect(check('src/upstream/a.ts', "import type { Candidate } from '../balance/balancer.ts';")).toEqual([]);
    expect(check('src/cli/a.ts', "import { x } from '../core/x.ts';", "import 'node:fs';", "import p from 'pino';")).toEqual([]);
  });

  it('must not leave the row; file, line, rule and allowed rooms are told', () => {
    expect(check('src/listen/a.ts', '// A.', "import { x } from '../http/server/x.ts';")).toEqual([
      'src/listen/a.ts:2: listen/ must not import src/http/server/x.ts (allowed: listen, core)',
    ]);
    expect(check('src/alerts/a.ts', "import type { AlertKind } from '../config/alerts.ts';")).toEqual([]);
    expect(check('src/alerts/a.ts', "import { Pool } from '../pool/pool.ts';")).toHaveLength(1);
  });

  it.each([
    ["import type { x } from '../../admin/x.ts';"],
    ["export { x } from '../../admin/x.ts';"],
    ["export * from '../../admin/x.ts';"],
    ["import '../../admin/x.ts';"],
    ["const x = await import('../../admin/x.ts');"],
    ['import {\n  x,\n} from "../../admin/x.ts";'],
  ])('must not reach a sibling room: %s', (line) => {
    expect(check('src/http/local/a.ts', line)).toEqual([expect.stringContaining('http/local/ must not import src/admin/x.ts')]);
  });

  it('in comments and strings are none', () => {
    expect(check('src/core/a.ts', "// import x from '../http/x.ts'", 'const s = "import \'../http/x.ts\'";')).toEqual([]);
  });

  it('cannot come from a file outside the rooms', () => {
    expect(check('src/a.ts', '// A.')).toEqual([expect.stringContaining('src/a.ts:1: every file stands in a room')]);
    expect(check('src/attic/a.ts', '// A.')).toEqual([expect.stringContaining('rooms: cli, ')]);
    expect(check('src/http/a.ts', '// A.')).toHaveLength(1);
  });

  it('find a table whose rooms go in a circle', () => {
    expect(roomRules.roomsHaveAnOrder({ a: ['b'], b: ['c'], c: [] })).toEqual([]);
    expect(roomRules.roomsHaveAnOrder({ a: ['b'], b: ['c'], c: ['a'] })[0]).toMatch(/go in a circle/);
    expect(roomRules.roomsHaveAnOrder({ 'a/x': ['a/y'], 'a/y': ['a/x'] })).toEqual([]);
  });

  it('of app/ go past roster/ only in the registry', () => {
    const line = "import { x } from '../pool/x.ts';";
    expect(roomRules.appOnlyWires([file('src/app/a.ts', line)])[0]).toMatch(/^src\/app\/a.ts:1: app\/ only wires/);
    expect(roomRules.appOnlyWires([file('src/app/registry.ts', line), file('src/roster/a.ts', line)])).toEqual([]);
  });

  it('of a reader of configuration files stand where one is picked', () => {
    const line = "import { gather } from '../yaml/gather.ts';";
    expect(roomRules.readersAreExchangeable([file('src/config/resolve/a.ts', line)])).toEqual([
      'src/config/resolve/a.ts:1: src/config/yaml/gather.ts is one reader of several (allowed: in src/config/load.ts)',
    ]);
    expect(roomRules.readersAreExchangeable([file('src/config/yaml/a.ts', line)])).toEqual([]);
    expect(roomRules.readersAreExchangeable([file('src/config/load.ts', "import { gather } from './yaml/gather.ts';")])).toEqual(
      [],
    );
  });

  it('of optional packages are late, and in one file', () => {
    const late = "const { Redis } = await import('ioredis');";
    expect(roomRules.optionalPackagesAreLoadedLate([file('src/store/redis.ts', late)])).toEqual([]);
    expect(
      roomRules.optionalPackagesAreLoadedLate([file('src/store/redis.ts', "import { Redis } from 'ioredis';")]),
    ).toHaveLength(1);
    expect(roomRules.optionalPackagesAreLoadedLate([file('src/pool/a.ts', late)])).toHaveLength(1);
  });

  it('must not go in a circle', () => {
    const a = file('src/core/a.ts', "import { b } from './b.ts';");
    const b = file('src/core/b.ts', '// B.', "import type { c } from './c.ts';");
    const c = file('src/core/c.ts', "import { a } from './a.ts';");
    expect(roomRules.noImportCycles([a, b])).toEqual([]);
    expect(roomRules.noImportCycles([a, b, c])).toEqual([
      'src/core/c.ts:1: import cycle src/core/a.ts -> src/core/b.ts -> src/core/c.ts -> src/core/a.ts (allowed: none)',
    ]);
  });
});

describe('the other rules', () => {
  const one = (rule: (files: readonly SourceFile[]) => readonly string[], path: string, ...lines: readonly string[]) =>
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

  it.each([
    [
      "import type { Socket } from 'node:net';",
      ['src/upstream/a.ts', 'src/http/server/a.ts', 'src/listen/a.ts'],
      ['src/http/proxy/a.ts', 'src/core/a.ts'],
    ],
    [
      "import { request } from 'node:http';",
      ['src/upstream/http/a.ts', 'src/http/server/node/a.ts'],
      ['src/http/handler/a.ts', 'src/upstream/a.ts'],
    ],
    ["import tls from 'tls';", ['src/listen/a.ts'], ['src/pool/a.ts']],
    ["import { spawn } from 'node:child_process';", ['src/core/run-command.ts'], ['src/core/a.ts', 'src/health/a.ts']],
  ])('keep to their rooms: %s', (line, right, wrong) => {
    for (const path of right) expect(one(roomRules.nodeModulesStayInTheirRooms, path, line)).toEqual([]);
    for (const path of wrong) {
      expect(one(roomRules.nodeModulesStayInTheirRooms, path, line)).toEqual([
        expect.stringMatching(/^\S+:1: no \S+ here \(allowed: /),
      ]);
    }
  });

  it('refuse the 26th file of a folder', () => {
    const files = (count: number) => Array.from({ length: count }, (_, at) => file(`src/core/a${at}.ts`, '// A.'));
    expect(roomRules.foldersAreSmall([...files(25), file('src/core/b/a.ts', '// A.')])).toEqual([]);
    expect(roomRules.foldersAreSmall(files(26))).toEqual(['src/core: 26 files directly in one folder (allowed: 25)']);
  });

  it('refuse a type name that a second file exports', () => {
    const [a, b] = [file('src/core/a.ts', '// A.', 'export interface Place {}'), file('src/pool/b.ts', 'export class Place {}')];
    expect(rules.typeNamesAreUnique([a, b])).toEqual(['src/pool/b.ts:1: the type Place is exported by src/core/a.ts, too']);
    expect(rules.typeNamesAreUnique([a, file('src/pool/b.ts', 'class Place {}', '// export class Place')])).toEqual([]);
  });

  it('refuse wide comments, vague ones, and those that cite what is not there', () => {
    const wide = `// ${'a'.repeat(98)}`;
    expect(one(comments.commentsAreNarrow, 'src/core/a.ts', wide)).toEqual([
      'src/core/a.ts:1: 101 columns of comment (allowed: 100)',
    ]);
    expect(one(comments.commentsAreNarrow, 'src/core/a.ts', wide.slice(1), `const a = '${'a'.repeat(100)}';`)).toEqual([]);
    expect(one(comments.commentsArePlain, 'src/core/a.ts', ' * Whoever waits is told.', "const a = 'nobody';")).toHaveLength(1);
    const cites = one(
      (files) => comments.commentsCiteWhatExists(files, (path) => path === 'docs/a.md'),
      'src/core/a.ts',
      '// See docs/a.md and DESIGN.md.',
    );
    expect(cites).toEqual(['src/core/a.ts:1: the comment cites DESIGN.md, which does not exist']);
  });

  it.each(['node:net', 'node:http', 'node:http2', 'node:fs', 'node:fs/promises', 'fs', 'node:tls', 'node:dns/promises'])(
    'keep %s out of the pure rooms',
    (what) => {
      for (const room of ['fcgi', 'balance', 'config']) {
        expect(one(roomRules.pureRoomsStayPure, `src/${room}/a.ts`, `import x from '${what}';`)).toHaveLength(1);
      }
      expect(one(roomRules.pureRoomsStayPure, 'src/http/a.ts', `import x from '${what}';`)).toEqual([]);
      expect(one(roomRules.pureRoomsStayPure, 'src/fcgi/a.ts', "import x from 'node:util';")).toEqual([]);
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
