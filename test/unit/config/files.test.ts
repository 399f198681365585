// Files that include files: everything in one configuration, and every problem in the file that it
// is in.

import { describe, expect, it } from 'vitest';
import { load, problemsOf } from '../../support/parts/config-file.ts';

const HERE = process.cwd();
const POOL = 'pools: { rt: { upstreams: [/a] } }\n';

describe('include', () => {
  it('adds pools and routes, a glob in the order of the names', () => {
    const { settings, files } = load('include: [d/*.yaml, /etc/last.yaml]\nadmin: off\n', {
      [`${HERE}/d/2.yaml`]: 'log_level: warn\n',
      [`${HERE}/d/1.yaml`]: 'routes: [{ pool: rt }]\n',
      '/etc/last.yaml': POOL,
    });
    expect(files).toEqual(['f.yaml', 'd/1.yaml', 'd/2.yaml', '/etc/last.yaml']);
    expect(settings).toMatchObject({
      admin: { kind: 'off' },
      logLevel: 'warn',
      pools: [{ name: 'rt' }],
      routes: [{ pool: 'rt' }],
    });
  });

  it('is relative to the file it stands in, however deep', () => {
    const { files } = load('include: d/1.yaml\n', {
      [`${HERE}/d/1.yaml`]: 'include: e/2.yaml\n',
      [`${HERE}/d/e/2.yaml`]: 'include: ../../3.yaml\n',
      [`${HERE}/3.yaml`]: POOL,
    });
    expect(files).toEqual(['f.yaml', 'd/1.yaml', 'd/e/2.yaml', `${HERE}/3.yaml`]);
  });

  it('may come from the environment, and a glob may match nothing', () => {
    expect(load(`${POOL}include: "\${DIR}/*.yaml"\n`, {}, { DIR: '/none' }).files).toEqual(['f.yaml']);
  });

  it('puts problems in the file that has them, in the order of the files', () => {
    expect(problemsOf(`include: 1.yaml\nlog_level: x\n`, { [`${HERE}/1.yaml`]: `${POOL}\n\nlog_format: y\n` })).toEqual([
      "f.yaml:2:12: log_level: 'x' is not known; expected debug or info or warn or error",
      "1.yaml:4:13: log_format: 'y' is not known; expected json or pretty",
    ]);
  });

  it('does not let two files say the same, and names both places', () => {
    const files = {
      [`${HERE}/1.yaml`]: `listen: a:2\npools:\n  php: { upstreams: [/p] }\n  rt: { upstreams: [/b] }\nclient: {}\n`,
    };
    expect(
      problemsOf(`include: 1.yaml\nlisten: a:1\nclient: {}\n${POOL}routes: [{ pool: rt }, { pool: php, host: a }]\n`, files),
    ).toEqual([
      '1.yaml:1:9: listen: it is said already, at f.yaml:2:9',
      '1.yaml:4:3: pools.rt: the pool is there already, at f.yaml:4:10',
      '1.yaml:5:9: client: it is said already, at f.yaml:3:9',
    ]);
  });

  it('finds the same route in two files', () => {
    expect(
      problemsOf(`include: 1.yaml\n${POOL}routes: [{ pool: rt }]\n`, { [`${HERE}/1.yaml`]: 'routes:\n  - pool: rt\n' }),
    ).toEqual(['1.yaml:2:5: routes[0]: a route for the same requests is there already, at f.yaml:3:10']);
  });

  it('refuses a file that includes itself, by whatever way', () => {
    expect(problemsOf(`${POOL}include: f.yaml\n`)).toEqual(["f.yaml:2:10: include: 'f.yaml' includes itself: f.yaml -> f.yaml"]);
    expect(
      problemsOf(`${POOL}include: [1.yaml]\n`, {
        [`${HERE}/1.yaml`]: 'include: 2.yaml\n',
        [`${HERE}/2.yaml`]: 'include: ./1.yaml\n',
      }),
    ).toEqual(["2.yaml:1:10: include: '1.yaml' includes itself: f.yaml -> 1.yaml -> 2.yaml -> 1.yaml"]);
    expect(problemsOf(`${POOL}include: "*.yaml"\n`, { [`${HERE}/f.yaml`]: `${POOL}include: "*.yaml"\n` })).toHaveLength(1);
  });

  it('refuses a file that is there already', () => {
    expect(problemsOf(`${POOL}include: [1.yaml, ./1.yaml]\n`, { [`${HERE}/1.yaml`]: 'admin: off\n' })).toEqual([
      "f.yaml:2:19: include[1]: '1.yaml' is included already, at f.yaml:2:11",
    ]);
  });

  it.each([
    ['none.yaml', "'none.yaml' cannot be read: there is no such file"],
    ['dir', "'dir' cannot be read: it is a directory"],
    ['"**/x.yaml"', "'**/x.yaml' cannot be read: glob '"],
    ['"{a/b,c}.yaml"', "'{a/b,c}.yaml' cannot be read: glob '"],
  ])('says why %s cannot be read', (path, expected) => {
    const problems = problemsOf(`${POOL}include: ${path}\n`, { [`${HERE}/dir/`]: '' });
    expect(problems).toHaveLength(1);
    expect(problems[0]?.startsWith(`f.yaml:2:10: include: ${expected}`)).toBe(true);
  });

  it('does not blame what may be in a file that could not be read', () => {
    expect(problemsOf('include: none.yaml\nroutes: [{ pool: rt }]\n')).toHaveLength(1);
    expect(problemsOf('include: none.yaml\n')).toHaveLength(1);
    expect(problemsOf(`include: 1.yaml\nroutes: [{ pool: rt }]\n`, { [`${HERE}/1.yaml`]: '{' })).toHaveLength(1);
  });

  it('ends, however many files there are', () => {
    const files = Object.fromEntries(Array.from({ length: 1200 }, (_, at) => [`${HERE}/d/${at}.yaml`, '']));
    expect(problemsOf(`${POOL}include: "d/*.yaml"\n`, files)).toEqual(['f.yaml:2:10: include: more than 1000 files']);
  });
});

describe('the first file', () => {
  it('that is not there is named', () => {
    expect(() => load('', {}, {})).toThrow('f.yaml: 1 problem');
    expect(problemsOf('', { [`${HERE}/f.yaml/`]: '' })).toEqual(["f.yaml:1:1: 'f.yaml' cannot be read: it is a directory"]);
  });
});
