// The rules of the house (DESIGN.md section 3), held against every file of src.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import * as rules from './rules.ts';

const ROOT = join(import.meta.dirname, '../..');

function readText(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

const files = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts'))
  .sort()
  .map((path) => rules.sourceFile(`src/${path}`, readText(`src/${path}`)));

/** What browsers run, as it is: the live page. */
const page = readdirSync(join(ROOT, 'src/admin/page'))
  .filter((name) => name.endsWith('.js'))
  .map((name) => rules.sourceFile(`src/admin/page/${name}`, readText(`src/admin/page/${name}`)));

/** An empty list, or a failure that shows every violation on a line of its own. */
function expectNone(violations: readonly string[]): void {
  expect(violations.join('\n')).toBe('');
}

describe('the architecture', () => {
  it('is checked on the files that there are', () => {
    const rooms = new Set(files.map(({ path }) => path.split('/')[1]));
    expect([...rooms]).toEqual(expect.arrayContaining(['core', 'fcgi', 'balance', 'upstream', 'pool', 'http', 'app', 'cli']));
    expect(files.flatMap((file) => rules.importsOf(file)).length).toBeGreaterThan(100);
  });

  it('lets imports between rooms point downward only', () => expectNone(rules.importsPointDownward(files)));
  it('keeps rooms that need little from reaching for more', () => expectNone(rules.narrowRoomsStayNarrow(files)));
  it('has no import cycles', () => expectNone(rules.noImportCycles(files)));
  it('has no file above 350 lines', () => expectNone(rules.filesAreShort(files)));
  it('says in the first line of each file what it does', () => expectNone(rules.filesSayWhatTheyDo(files)));
  it('has no default exports', () => expectNone(rules.noDefaultExports(files)));
  it('has no any, no suppressed type errors and no non-null assertions', () => expectNone(rules.typesAreHonest(files)));
  it('opens sockets only in upstream/, http/, admin/ and core/listen.ts', () => expectNone(rules.socketsStayInTheirRooms(files)));
  it('keeps fcgi/, balance/ and config/ free of the outside world', () => expectNone(rules.pureRoomsStayPure(files)));
  it('reads time and sets timers only in core/clock.ts', () => expectNone(rules.timeComesFromTheClock(files)));
  it('keeps no mutable state in modules', () => expectNone(rules.modulesHoldNoState(files)));
  it('holds the files of the live page to the same', () => {
    expect(page.length).toBeGreaterThan(5);
    const held = [
      rules.noImportCycles,
      rules.filesAreShort,
      rules.filesSayWhatTheyDo,
      rules.noDefaultExports,
      rules.modulesHoldNoState,
    ];
    expectNone(held.flatMap((rule) => rule(page)));
    expectNone(
      page.flatMap(({ path, text }) => (/@ts-|\{(?:any|\*)\}/.test(text) ? [`${path}: types are checked everywhere`] : [])),
    );
    const inPage = new Set(page.map(({ path }) => path));
    expect(page.flatMap((file) => rules.importsOf(file)).filter(({ file }) => file === undefined || !inPage.has(file))).toEqual(
      [],
    );
  });
  it('uses every failure code', () => expectNone(rules.failureCodesAreUsed(files)));

  it('names every dependency in docs/dependencies.md', () => {
    expect(existsSync(join(ROOT, 'docs/dependencies.md')), 'docs/dependencies.md is missing').toBe(true);
    expectNone(rules.dependenciesAreExplained(readText('package.json'), readText('docs/dependencies.md')));
  });
});
