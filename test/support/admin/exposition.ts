// Reads the text form in which Prometheus takes metrics, strictly: whatever the format does not
// allow is an error.

export interface Series {
  readonly name: string;
  readonly labels: ReadonlyMap<string, string>;
  readonly value: number;
}

export interface Family {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly series: readonly Series[];
}

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const LABEL = /^[a-zA-Z_][a-zA-Z0-9_]*$/;
const NUMBER = /^(?:[+-]?(?:\d+\.?\d*(?:[eE][+-]?\d+)?|Inf)|NaN)$/;

/** @throws Error with the line that breaks the format */
export function parseExposition(text: string): ReadonlyMap<string, Family> {
  if (!text.endsWith('\n')) throw new Error('the last line has no end');
  const families = new Map<string, Family & { readonly series: Series[] }>();
  let current: (Family & { readonly series: Series[] }) | undefined;
  let help: { readonly name: string; readonly text: string } | undefined;
  for (const line of text.slice(0, -1).split('\n')) {
    const fail = (why: string): never => {
      throw new Error(`${why}: ${line}`);
    };
    if (line === '') continue;
    if (line.startsWith('# HELP ')) {
      const [, , name = '', ...words] = line.split(' ');
      if (help !== undefined) fail('a HELP without a TYPE comes before');
      if (families.has(name)) fail('a family comes twice');
      help = { name, text: words.join(' ') };
    } else if (line.startsWith('# TYPE ')) {
      const [, , name = '', type = '', ...more] = line.split(' ');
      if (help?.name !== name) fail('a TYPE does not follow its HELP');
      if (!NAME.test(name) || more.length > 0) fail('no name of a metric');
      if (!['counter', 'gauge', 'histogram'].includes(type)) fail('no type');
      if (type === 'counter' && !name.endsWith('_total')) fail('a counter that does not say so');
      current = { name, type, help: help?.text ?? '', series: [] };
      families.set(name, current);
      help = undefined;
    } else {
      if (line.startsWith('#') || help !== undefined || current === undefined) return fail('not expected here');
      const series = parseSeries(line, fail);
      const suffixes = current.type === 'histogram' ? ['_bucket', '_sum', '_count'] : [''];
      if (!suffixes.some((suffix) => series.name === `${current?.name}${suffix}`)) fail(`not of the family ${current.name}`);
      if (current.type === 'counter' && !(series.value >= 0 && series.value < Number.POSITIVE_INFINITY)) fail('no count');
      current.series.push(series);
    }
  }
  if (help !== undefined) throw new Error(`a HELP without a TYPE: ${help.name}`);
  for (const family of families.values()) checkFamily(family);
  return families;
}

function parseSeries(line: string, fail: (why: string) => never): Series {
  const [, name = '', , inner = '', number = ''] =
    /^([^ {]+)(\{((?:[^"}]|"(?:[^"\\]|\\.)*")*)\})? (\S+)$/.exec(line) ?? fail('no series');
  if (!NAME.test(name)) fail('no name of a metric');
  if (!NUMBER.test(number)) fail('no number');
  const labels = new Map<string, string>();
  for (let rest = inner; rest !== ''; ) {
    const [whole = '', label = '', value = '', comma] =
      /^([^=]+)="((?:[^"\\]|\\[\\"n])*)"(,(?=.)|$)/.exec(rest) ?? fail('no labels');
    if (!LABEL.test(label) || label.startsWith('__')) fail('no name of a label');
    if (labels.has(label)) fail('a label comes twice');
    labels.set(
      label,
      value.replace(/\\(.)/g, (_, escaped: string) => (escaped === 'n' ? '\n' : escaped)),
    );
    rest = comma === undefined ? '' : rest.slice(whole.length);
  }
  return { name, labels, value: numberOf(number) };
}

function numberOf(text: string): number {
  return Number(text.replace(/Inf$/, 'Infinity'));
}

function keyOf({ name, labels }: Series, without?: string): string {
  const pairs = [...labels].filter(([label]) => label !== without).sort();
  return JSON.stringify([name, pairs]);
}

function checkFamily({ name, type, series }: Family): void {
  const keys = new Set(series.map((each) => keyOf(each)));
  if (keys.size < series.length) throw new Error(`${name} has a series twice`);
  if (type !== 'histogram') return;
  const buckets = new Map<string, Series[]>();
  for (const each of series) {
    if (each.name !== `${name}_bucket`) continue;
    const key = keyOf({ ...each, name }, 'le');
    buckets.set(key, [...(buckets.get(key) ?? []), each]);
  }
  for (const [key, ladder] of buckets) {
    const bounds = ladder.map(({ labels }) => numberOf(labels.get('le') ?? 'NaN'));
    if (bounds.some((bound, at) => !(bound > (bounds[at - 1] ?? Number.NEGATIVE_INFINITY))))
      throw new Error(`${key}: bounds do not rise`);
    if (bounds.at(-1) !== Number.POSITIVE_INFINITY) throw new Error(`${key}: no bucket for all`);
    if (ladder.some(({ value }, at) => value < (ladder[at - 1]?.value ?? 0))) throw new Error(`${key}: counts fall`);
    const whole = (suffix: string) => series.find((each) => each.name === `${name}${suffix}` && keyOf({ ...each, name }) === key);
    if (whole('_count')?.value !== ladder.at(-1)?.value) throw new Error(`${key}: the count is not that of all`);
    if (whole('_sum') === undefined) throw new Error(`${key}: no sum`);
  }
}
