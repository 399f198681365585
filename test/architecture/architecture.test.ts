// The rules of the house (ARCHITECTURE.md), held against every file of src.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import * as comments from './comment-rules.ts';
import * as roomRules from './room-rules.ts';
import { EXCEPTIONS } from './rooms.ts';
import * as rules from './rules.ts';
import { importsOf, sourceFile, type Violation } from './source-file.ts';

const ROOT = join(import.meta.dirname, '../..');

function readText(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

const files = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts'))
  .sort()
  .map((path) => sourceFile(`src/${path}`, readText(`src/${path}`)));

/** What browsers run, as it is: the live page. */
const page = readdirSync(join(ROOT, 'src/admin/page'))
  .filter((name) => name.endsWith('.js'))
  .map((name) => sourceFile(`src/admin/page/${name}`, readText(`src/admin/page/${name}`)));

/** An empty list, or a failure that shows every violation on a line of its own. */
function expectNone(violations: readonly Violation[]): void {
  expect(violations.join('\n')).toBe('');
}

/** The files at fault are the listed exceptions: no new one, and none that is no longer needed. */
function expectOnly(violations: readonly Violation[], rule: keyof typeof EXCEPTIONS): void {
  const listed = new Set(EXCEPTIONS[rule] ?? []);
  const fileOf = (violation: Violation): string => violation.slice(0, violation.indexOf(':'));
  expectNone(violations.filter((violation) => !listed.has(fileOf(violation))));
  const found = new Set(violations.map(fileOf));
  expect(
    [...listed].filter((file) => !found.has(file)),
    `needless exceptions of ${rule} in rooms.ts`,
  ).toEqual([]);
}

describe('the architecture', () => {
  it('is checked on the files that there are', () => {
    const rooms = new Set(files.map(({ path }) => roomRules.roomOf(path)));
    expect([...rooms]).toEqual(
      expect.arrayContaining(['core', 'fcgi', 'balance', 'upstream', 'pool', 'http/handler', 'app', 'cli']),
    );
    expect(files.flatMap((file) => importsOf(file)).length).toBeGreaterThan(100);
  });

  it('imports only what the table of rooms allows', () => expectOnly(roomRules.importsStayInTheTable(files), 'imports'));
  it('gives the rooms an order from the top down', () => expectNone(roomRules.roomsHaveAnOrder()));
  it('leaves app/ nothing but wiring', () => expectOnly(roomRules.appOnlyWires(files), 'appOnlyWires'));
  it('picks a reader of configuration files in one place', () => expectNone(roomRules.readersAreExchangeable(files)));
  it('has at most 25 files in a folder', () => expectNone(roomRules.foldersAreSmall(files)));
  it('has no import cycles', () => expectNone(roomRules.noImportCycles(files)));
  it('has no file above 350 lines', () => expectOnly(rules.filesAreShort(files), 'longFiles'));
  it('says in the first line of each file what it does', () => expectNone(rules.filesSayWhatTheyDo(files)));
  it('has no default exports', () => expectNone(rules.noDefaultExports(files)));
  it('exports each type name once', () => expectNone(rules.typeNamesAreUnique(files)));
  it('has no any, no suppressed type errors and no non-null assertions', () => expectNone(rules.typesAreHonest(files)));
  it('uses the network and child processes only in some rooms', () =>
    expectOnly(roomRules.nodeModulesStayInTheirRooms(files), 'nodeModules'));
  it('loads optional packages by import() in one file', () => expectNone(roomRules.optionalPackagesAreLoadedLate(files)));
  it('keeps fcgi/, balance/ and config/ free of the outside world', () => expectNone(roomRules.pureRoomsStayPure(files)));
  it('reads time and sets timers only in core/clock.ts', () => expectNone(rules.timeComesFromTheClock(files)));
  it('keeps no mutable state in modules', () => expectNone(rules.modulesHoldNoState(files)));
  it('wraps comments at 100 columns', () => expectNone(comments.commentsAreNarrow([...files, ...page])));
  it('says in comments who acts', () => expectOnly(comments.commentsArePlain([...files, ...page]), 'vagueComments'));
  it('cites in comments only files that exist', () =>
    expectOnly(
      comments.commentsCiteWhatExists([...files, ...page], (path) => existsSync(join(ROOT, path))),
      'deadCitations',
    ));
  it('holds the files of the live page to the same', () => {
    expect(page.length).toBeGreaterThan(5);
    const held = [
      roomRules.noImportCycles,
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
    expect(page.flatMap((file) => importsOf(file)).filter(({ file }) => file === undefined || !inPage.has(file))).toEqual([]);
  });
  it('uses every failure code', () => expectNone(rules.failureCodesAreUsed(files)));

  it('names every dependency in docs/dependencies.md', () => {
    expect(existsSync(join(ROOT, 'docs/dependencies.md')), 'docs/dependencies.md is missing').toBe(true);
    expectNone(rules.dependenciesAreExplained(readText('package.json'), readText('docs/dependencies.md')));
  });
});
