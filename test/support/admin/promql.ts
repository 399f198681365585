// What a PromQL expression asks for: the metrics with their matchers, and the labels that it groups
// by. Words it does not know are an error.

export interface Selector {
  readonly metric: string;
  readonly matchers: readonly { readonly label: string; readonly operator: string; readonly value: string }[];
}

export interface Asked {
  readonly selectors: readonly Selector[];
  /** Labels named in by, without, on and ignoring. */
  readonly grouping: readonly string[];
  /** Those that the result has for sure; undefined: those of the metrics. */
  readonly kept: readonly string[] | undefined;
}

const GROUPING = new Set(['by', 'without', 'on', 'ignoring']);
const WORDS = new Set([
  ...['and', 'or', 'unless', 'bool', 'offset'],
  ...['sum', 'min', 'max', 'avg', 'count', 'topk', 'bottomk', 'quantile'],
  ...['rate', 'increase', 'irate', 'changes', 'deriv', 'delta', 'histogram_quantile'],
  ...['min_over_time', 'max_over_time', 'avg_over_time', 'absent', 'time', 'clamp_min', 'clamp_max'],
]);

const TOKEN =
  /\s+|(?<string>"(?:[^"\\]|\\.)*")|(?<range>\[[^\]]*\])|(?<number>\d[\d.eE]*\w*)|(?<word>[a-zA-Z_:][\w:]*)|(?<mark>=~|!~|!=|==|>=|<=|[=<>(){},+*/%^-])/gy;

/** @throws Error at what it does not understand */
export function readPromql(expression: string): Asked {
  const tokens = tokensOf(expression);
  const selectors: Selector[] = [];
  const grouping: string[] = [];
  let kept: string[] | undefined;
  for (let at = 0; at < tokens.length; at += 1) {
    const { kind, text } = tokens[at] ?? { kind: '', text: '' };
    if (kind !== 'word') continue;
    if (GROUPING.has(text)) {
      const labels: string[] = [];
      if (tokens[at + 1]?.text !== '(') throw new Error(`${text} without labels: ${expression}`);
      for (at += 2; tokens[at]?.text !== ')'; at += 1) if (tokens[at]?.kind === 'word') labels.push(tokens[at]?.text ?? '');
      grouping.push(...labels);
      if (text === 'by') kept = labels.filter((label) => label !== 'le');
    } else if (!WORDS.has(text)) {
      const matchers: Selector['matchers'][number][] = [];
      if (tokens[at + 1]?.text === '{') {
        for (at += 2; tokens[at]?.text !== '}'; at += 1) {
          if (tokens[at]?.kind !== 'word') continue;
          const [label, operator, value] = [tokens[at], tokens[at + 1], tokens[at + 2]].map((token) => token?.text ?? '');
          if (label === undefined || operator === undefined || value === undefined || !value.startsWith('"'))
            throw new Error(`no matcher: ${expression}`);
          matchers.push({ label, operator, value: value.slice(1, -1) });
          at += 2;
        }
      }
      selectors.push({ metric: text, matchers });
    }
  }
  return { selectors, grouping, kept };
}

interface Token {
  readonly kind: string;
  readonly text: string;
}

function tokensOf(expression: string): readonly Token[] {
  const tokens: Token[] = [];
  let end = 0;
  let open = 0;
  for (const match of expression.matchAll(TOKEN)) {
    end = match.index + match[0].length;
    const [kind] = Object.entries(match.groups ?? {}).find(([, text]) => text !== undefined) ?? [''];
    if (match[0] === '(' || match[0] === '{') open += 1;
    if (match[0] === ')' || match[0] === '}') open -= 1;
    if (kind !== '') tokens.push({ kind, text: match[0] });
  }
  if (end !== expression.length) throw new Error(`not understood from ${end} on: ${expression}`);
  if (open !== 0) throw new Error(`brackets do not match: ${expression}`);
  return tokens;
}
