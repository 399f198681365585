// docs/metrics.md, config/alerts.yml and config/grafana-dashboard.json name metrics, labels and
// values that a real scrape has.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { METRICS } from '../../src/admin/metric-table.ts';
import { REJECTIONS } from '../../src/pool/pool-counts.ts';
import { parseExposition } from '../support/admin/exposition.ts';
import { readPromql } from '../support/admin/promql.ts';
import { ask } from '../support/clients/http-client.ts';
import { eventful } from '../support/program/eventful.ts';

const ROOT = join(import.meta.dirname, '../..');
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

/** Labels that Prometheus itself puts on everything. */
const OWN_LABELS = ['job', 'instance'];

/** Each series of a scrape, by name: its labels, each with the values that occur. */
type Scraped = ReadonlyMap<string, ReadonlyMap<string, ReadonlySet<string>>>;

let scraped: Promise<Scraped> | undefined;

/** A real one, by the first test that needs it: what it runs ends with that test. */
function scrape(): Promise<Scraped> {
  scraped ??= (async () => {
    const { admin, proxy } = await eventful();
    proxy.program.operator.wish('drain', 'rt', 'rt3.sock', { by: 'a test' });
    const families = parseExposition((await ask(admin, { path: '/metrics' })).body.toString());
    const found = new Map<string, Map<string, Set<string>>>();
    for (const { name, labels } of [...families.values()].flatMap(({ series }) => series)) {
      const known = found.get(name) ?? new Map<string, Set<string>>();
      found.set(name, known);
      for (const [label, value] of labels) known.set(label, (known.get(label) ?? new Set()).add(value));
    }
    return found;
  })();
  return scraped;
}

/**
 * Everything that is wrong with an expression, and with the labels that a text names in double
 * braces.
 */
async function problemsOf(expression: string, labelled: readonly string[] = []): Promise<readonly string[]> {
  const scraped = await scrape();
  const { selectors, grouping, kept } = readPromql(expression);
  const problems: string[] = [];
  const all = new Set(OWN_LABELS);
  for (const { metric, matchers } of selectors) {
    // Prometheus's own.
    const labels = metric === 'up' ? new Map<string, ReadonlySet<string>>() : scraped.get(metric);
    if (labels === undefined) {
      problems.push(`no metric ${metric}`);
      continue;
    }
    for (const label of labels.keys()) all.add(label);
    for (const { label, value } of matchers) {
      if (!labels.has(label) && !OWN_LABELS.includes(label)) problems.push(`${metric} has no label ${label}`);
      else if (labels.has(label) && !value.startsWith('$') && !labels.get(label)?.has(value))
        problems.push(`no ${label} ${value}`);
    }
  }
  for (const label of grouping) if (!all.has(label)) problems.push(`no label ${label}`);
  const result = kept ?? [...all];
  for (const label of labelled) if (!result.includes(label)) problems.push(`the result has no label ${label}`);
  return problems.map((problem) => `${problem}: ${expression}`);
}

describe('docs/metrics.md', () => {
  it('lists every metric once, with its type, its labels and what it means', () => {
    const rows = [...read('docs/metrics.md').matchAll(/^\| `(\w+)` \| (\w+) \| (.*?) \| (.*?) \|$/gm)].map(
      ([, name, type, labels = '', help]) => ({
        name,
        type,
        labels: [...labels.matchAll(/`(\w+)`/g)].map(([, label]) => label),
        help,
      }),
    );
    expect(rows).toEqual(METRICS.map(({ name, type, labels, help }) => ({ name, type, labels, help })));
  });
});

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels: { readonly severity: string };
  readonly annotations: Readonly<Record<string, string>>;
}

describe('config/alerts.yml', () => {
  const { groups } = parse(read('config/alerts.yml')) as { groups: readonly { name: string; rules: readonly Rule[] }[] };
  const rules = groups.flatMap((group) => group.rules);

  it('has a rule of its own name for each thing that an operator must hear of', () => {
    const names = rules.map(({ alert }) => alert);
    expect(new Set(names).size).toBe(names.length);
    expect(names).toEqual(
      expect.arrayContaining([
        ...['FcgiLbUpstreamDown', 'FcgiLbPoolEmpty', 'FcgiLbQueueGrows', 'FcgiLbErrorRate'],
        ...['FcgiLbReloadFailed', 'FcgiLbEventLoopLate', 'FcgiLbQueueRefuses', 'FcgiLbGone'],
      ]),
    );
  });

  it.each(rules.map((rule) => [rule.alert, rule] as const))('%s asks for what there is', async (_, rule) => {
    const text = Object.values(rule.annotations).join(' ');
    const labelled = [...text.matchAll(/\$labels\.(\w+)/g)].map(([, label = '']) => label);
    expect(await problemsOf(rule.expr, labelled)).toEqual([]);
    expect(['info', 'warning', 'critical']).toContain(rule.labels.severity);
    expect(Object.keys(rule.annotations)).toEqual(['summary', 'description']);
    if (rule.for !== undefined) expect(rule.for).toMatch(/^\d+[smh]$/);
  });

  it('leaves out refusals at the end of a pool, and no others', () => {
    expect(REJECTIONS).toContain('FCGI_LB_POOL_CLOSED');
    expect(rules.find(({ alert }) => alert === 'FcgiLbQueueRefuses')?.expr).toContain('code!="FCGI_LB_POOL_CLOSED"');
  });
});

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly datasource?: { readonly uid: string };
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
}

interface Dashboard {
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly { readonly name: string; readonly type: string; readonly query: string }[] };
  readonly annotations: { readonly list: readonly { readonly expr: string }[] };
}

describe('config/grafana-dashboard.json', () => {
  const dashboard = JSON.parse(read('config/grafana-dashboard.json')) as Dashboard;
  const targets = dashboard.panels.flatMap(({ title, targets = [] }) => targets.map((target) => ({ title, ...target })));

  it('asks for what there is', async () => {
    expect(targets.length).toBeGreaterThan(20);
    const problems: string[] = [];
    for (const { expr, legendFormat } of targets) {
      const labelled = [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label = '']) => label);
      problems.push(...(await problemsOf(expr, labelled)));
    }
    for (const { expr } of dashboard.annotations.list) problems.push(...(await problemsOf(expr)));
    expect(problems).toEqual([]);
  });

  it('has variables that are values of labels, and uses no others', async () => {
    for (const { type, query } of dashboard.templating.list) {
      if (type !== 'query') continue;
      const [, selector = '', label = ''] = /^label_values\((.*), (\w+)\)$/.exec(query) ?? [];
      expect(await problemsOf(selector, [label])).toEqual([]);
    }
    const known = new Set([...dashboard.templating.list.map(({ name }) => name), '__rate_interval']);
    for (const { expr } of targets) for (const [, name] of expr.matchAll(/\$(\w+)/g)) expect(known).toContain(name);
  });

  it('has panels with names, one source of data, and places of their own', () => {
    const ids = dashboard.panels.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    const taken = new Set<string>();
    for (const { title, type, datasource, gridPos } of dashboard.panels) {
      expect(title).not.toBe('');
      if (type !== 'row') expect(datasource?.uid).toBe('${datasource}');
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x += 1) {
        expect(x).toBeLessThan(24);
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y += 1) {
          expect(taken.has(`${x},${y}`), title).toBe(false);
          taken.add(`${x},${y}`);
        }
      }
    }
  });

  it('shows every metric of upstreams and pools but for those that say the same in another form', () => {
    const shown = new Set(
      targets.flatMap(({ expr }) => readPromql(expr).selectors.map(({ metric }) => metric.replace(/_bucket$/, ''))),
    );
    const missing = METRICS.map(({ name }) => name).filter((name) => !shown.has(name));
    expect(missing).toEqual([
      ...['fcgi_lb_generation', 'fcgi_lb_reload_timestamp_seconds', 'process_start_time_seconds'],
      ...['fcgi_lb_upstream_state', 'fcgi_lb_upstream_capacity', 'fcgi_lb_upstream_retries_total'],
    ]);
  });
});

describe('the reader of expressions', () => {
  it('finds metrics, matchers and labels', () => {
    expect(readPromql('sum by (pool, le) (rate(a_total{b="c", d!~"e"}[5m])) / 2 and on (f) g > 1e3')).toEqual({
      selectors: [
        {
          metric: 'a_total',
          matchers: [
            { label: 'b', operator: '=', value: 'c' },
            { label: 'd', operator: '!~', value: 'e' },
          ],
        },
        { metric: 'g', matchers: [] },
      ],
      grouping: ['pool', 'le', 'f'],
      kept: ['pool'],
    });
  });

  it.each(['sum(a', 'a{b=c}', 'a # b', 'sum by a'])('refuses %s', (expression) => {
    expect(() => readPromql(expression)).toThrow();
  });

  it('finds what no scrape has', async () => {
    expect(
      await problemsOf(
        'sum by (nowhere) (fcgi_lb_gone{state="up"}) + fcgi_lb_ready{code="x"} + fcgi_lb_pool_upstreams{state="odd"}',
      ),
    ).toHaveLength(4);
    expect(await problemsOf('sum by (pool) (fcgi_lb_queue_depth)', ['upstream'])).toHaveLength(1);
  });
});
