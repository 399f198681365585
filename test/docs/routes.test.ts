// The choice of routes that docs/routes.md explains is the one that the program makes.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { VARIABLE_FAMILIES, VARIABLES } from '../../src/config/template.ts';
import { hostName, MAX_REGEX_PATH, Router } from '../../src/http/request/router.ts';
import { parseTarget } from '../../src/http/request/target.ts';
import { load } from '../support/parts/config-file.ts';

const PAGE = readFileSync(join(import.meta.dirname, '../../docs/routes.md'), 'utf8');
const EXAMPLE = /```yaml\n(# routes\n[\s\S]*?)```/.exec(PAGE)?.[1] ?? '';
const ROWS = [...PAGE.matchAll(/^\| `([A-Z]+) ([^/`]+)(\/[^`]*)` \| `routes\[(\d+)\]` \|/gm)];

describe('docs/routes.md', () => {
  const { settings } = load(EXAMPLE);
  const router = new Router(settings.routes.map(({ match }, route) => ({ match, route })));

  it.each(ROWS.map(([, method = '', host = '', target = '', route]) => [method, host, target, Number(route)] as const))(
    'says rightly that %s %s%s goes to routes[%i]',
    (method, host, target, route) => {
      expect(hostName(host)).not.toBe('');
      expect(router.choose(host, parseTarget(target).path, method)).toBe(route);
    },
  );

  it('shows each route of its example taking something, but for the last', () => {
    const shown = new Set(ROWS.map(([, , , , route]) => Number(route)));
    expect([...shown].sort((a, b) => a - b)).toEqual(settings.routes.map((_, at) => at).slice(0, -1));
  });

  it('lists every variable', () => {
    const listed = [...PAGE.matchAll(/`\$([a-z_]+)`/g)].map(([, name]) => name);
    expect(listed).toEqual(expect.arrayContaining([...VARIABLES]));
    for (const family of VARIABLE_FAMILIES) expect(PAGE).toContain(`\`$${family}_NAME\``);
  });

  it('says how long a path may be where a regex is asked', () => {
    expect(PAGE).toContain(`${MAX_REGEX_PATH.toLocaleString('en')} bytes`);
  });
});
