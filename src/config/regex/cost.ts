// Tells at load how long a regular expression can take on a stranger's path, and refuses those that
// can take too long.

import { ConfigError } from '../../core/errors.ts';
import { type Automaton, automatonOf } from './automaton.ts';
import { parseRegexTree, type RegexNode } from './parse.ts';

/**
 * Pairs and triples of states that are looked at before an expression is called too complicated.
 */
const MAX_WORK = 2_000_000;
/** Steps may grow with this power of the length. */
const MAX_DEGREE = 2;
/**
 * Ways through the parts that are not repeated, where steps grow as the length does, and where they
 * grow as its square.
 */
const MAX_CHOICES = { 1: 256, 2: 16 } as const;

/**
 * JavaScript's engine tries one way through an expression after the other. So what counts is how
 * many ways there are to read the same text: none, some, or more the longer it is.
 * @throws ConfigError when it may take more than about n² steps for n bytes, or that cannot be told
 */
export function checkRegexCost(source: string): void {
  try {
    const tree = parseRegexTree(source);
    for (const part of lookaheadsIn(tree)) checkTree(part, true, 1);
    checkTree(tree, isAnchored(tree), MAX_DEGREE);
  } catch (error) {
    if (error instanceof ConfigError) throw new ConfigError(`the regular expression '${source}' is refused: ${error.message}`);
    throw error;
  }
}

function checkTree(tree: RegexNode, anchored: boolean, most: number): void {
  const refusals: ConfigError[] = [];
  // Each way to look at counts gives an upper bound: one that is low enough will do.
  for (const counts of ['copied', 'unlimited'] as const) {
    try {
      const automaton = automatonOf(tree, anchored, counts);
      if (automaton === undefined) throw new ConfigError('it is too long to tell how much time it can take');
      new Judge(automaton, anchored).check(most);
      return;
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      refusals.push(error);
    }
  }
  throw refusals[0] ?? new Error('unreachable');
}

class Judge {
  readonly #automaton: Automaton;
  /** For each state, those that can be reached from it by at least one byte. */
  readonly #reach: readonly ReadonlySet<number>[];
  #work = 0;

  readonly #anchored: boolean;

  constructor(automaton: Automaton, anchored: boolean) {
    this.#automaton = automaton;
    this.#anchored = anchored;
    this.#reach = automaton.next.map((_, state) => this.#reachableFrom(state));
  }

  check(most: number): void {
    const loops = this.#loops();
    for (const loop of loops) {
      if (this.#isExponential(loop)) {
        throw new ConfigError(
          'what it repeats can be read in several ways (as in (a+)+ or (a|a)*), which can take for ever; let each repetition begin or end with something that the rest of it cannot be',
        );
      }
    }
    const degree = 1 + this.#chain(loops);
    if (degree > most) {
      throw new ConfigError(
        `its time can grow with the length of the path to the power of ${degree}: too many repetitions can match the same text; begin with ^ and say what a part holds, such as [^/]+ for .+`,
      );
    }
    const choices = this.#choices(loops);
    if (choices > (degree > 1 ? MAX_CHOICES[2] : MAX_CHOICES[1])) {
      throw new ConfigError(
        'there are too many ways to read the same text, since many parts of it can be left out or match the same',
      );
    }
  }

  /** The sets of states that lead to each other. */
  #loops(): ReadonlySet<number>[] {
    const loops: ReadonlySet<number>[] = [];
    const seen = new Set<number>();
    for (const [state, reach] of this.#reach.entries()) {
      if (seen.has(state) || !reach.has(state)) continue;
      const loop = new Set([...reach].filter((other) => this.#reach[other]?.has(state)));
      for (const other of loop) seen.add(other);
      loops.push(loop);
    }
    return loops;
  }

  /**
   * Whether two different ways around the loop read the same text: then each time around doubles
   * the ways.
   */
  #isExponential(loop: ReadonlySet<number>): boolean {
    const within = (state: number) => this.#next(state).filter((edge) => loop.has(edge.state));
    for (const state of loop) if (within(state).some(({ ways }) => ways > 1)) return true;
    const size = this.#automaton.bytes.length;
    const apart = new Map<number, number[]>();
    const begun = [...loop].map((state) => state * size + state);
    const seen = new Set(begun);
    for (const pair of seen) {
      const [a, b] = [Math.floor(pair / size), pair % size];
      for (const one of within(a)) {
        for (const other of within(b)) {
          if (!this.#meet(one.state, other.state)) continue;
          const next = one.state * size + other.state;
          const before = apart.get(next) ?? [];
          before.push(pair);
          apart.set(next, before);
          seen.add(next);
        }
      }
    }
    // Back from where both ways are in one state: who comes there from two states has read the same
    // text twice.
    const back = new Set(begun);
    for (const pair of back) for (const before of apart.get(pair) ?? []) back.add(before);
    return [...back].some((pair) => Math.floor(pair / size) !== pair % size);
  }

  /**
   * The longest chain of loops of which each can hand the same text over to the next at many
   * points.
   */
  #chain(loops: readonly ReadonlySet<number>[]): number {
    const leads = (a: ReadonlySet<number>, b: ReadonlySet<number>): boolean => {
      const [from] = a;
      const [to] = b;
      return from !== undefined && to !== undefined && this.#reach[from]?.has(to) === true;
    };
    const pairs = loops.map((a) => loops.map((b) => a !== b && leads(a, b) && this.#handsOver(a, b)));
    const longest = new Map<number, number>();
    const from = (a: number): number => {
      const known = longest.get(a);
      if (known !== undefined) return known;
      let best = 0;
      for (const [b, hands] of (pairs[a] ?? []).entries()) {
        if (!hands) continue;
        for (const [c, loop] of loops.entries()) {
          const end = loops[b];
          if (c === b || (end !== undefined && leads(end, loop))) best = Math.max(best, 1 + from(c));
        }
      }
      longest.set(a, best);
      return best;
    };
    return Math.max(0, ...loops.map((_, at) => from(at)));
  }

  /**
   * Whether some text leads from p to p, from p to q and from q to q, for a p in one loop and a q
   * in another (Weber and Seidl 1991).
   */
  #handsOver(a: ReadonlySet<number>, b: ReadonlySet<number>): boolean {
    for (const p of a) for (const q of b) if (this.#readsThrice(p, q, a, b)) return true;
    return false;
  }

  #readsThrice(p: number, q: number, a: ReadonlySet<number>, b: ReadonlySet<number>): boolean {
    const size = this.#automaton.bytes.length;
    const code = (x: number, y: number, z: number): number => (x * size + y) * size + z;
    const seen = new Set([code(p, p, q)]);
    const goal = code(p, q, q);
    for (const triple of seen) {
      const z = triple % size;
      const y = Math.floor(triple / size) % size;
      const x = Math.floor(triple / size / size);
      for (const one of this.#next(x)) {
        if (!a.has(one.state)) continue;
        for (const three of this.#next(z)) {
          if (!b.has(three.state) || !this.#meet(one.state, three.state)) continue;
          for (const two of this.#next(y)) {
            const useful = two.state === q || this.#reach[two.state]?.has(q) === true;
            if (!useful || !this.#meet(one.state, two.state, three.state)) continue;
            const next = code(one.state, two.state, three.state);
            if (next === goal) return true;
            seen.add(next);
          }
        }
      }
    }
    return false;
  }

  /** An upper bound of the ways to read one text, apart from how often loops are gone around. */
  #choices(loops: readonly ReadonlySet<number>[]): number {
    const loopOf = new Map(loops.flatMap((loop) => [...loop].map((state) => [state, loop] as const)));
    let product = 1;
    for (const state of this.#automaton.bytes.keys()) {
      // Where a match may begin anywhere, the loop of all that may come before has the same ways
      // out as the beginning.
      if (state === 0 && !this.#anchored) continue;
      const loop = loopOf.get(state);
      const out = this.#next(state).filter((edge) => loop?.has(edge.state) !== true);
      let most = 1;
      for (let byte = 0n; byte < 256n; byte += 1n) {
        const ways = out.reduce(
          (sum, edge) => sum + (((this.#automaton.bytes[edge.state] ?? 0n) >> byte) & 1n ? edge.ways : 0),
          0,
        );
        most = Math.max(most, ways);
      }
      product = Math.min(product * most, Number.MAX_SAFE_INTEGER);
    }
    return product;
  }

  #next(state: number): Automaton['next'][number] {
    return this.#automaton.next[state] ?? [];
  }

  /** Whether one byte leads into all of the states. */
  #meet(...states: readonly number[]): boolean {
    this.#work += 1;
    if (this.#work > MAX_WORK) throw new ConfigError('it is too complicated to tell how much time it can take');
    return states.reduce((common, state) => common & (this.#automaton.bytes[state] ?? 0n), -1n) !== 0n;
  }

  #reachableFrom(start: number): ReadonlySet<number> {
    const found = new Set<number>();
    const open = [start];
    for (let state = open.pop(); state !== undefined; state = open.pop()) {
      for (const { state: next } of this.#next(state)) {
        if (found.has(next)) continue;
        found.add(next);
        open.push(next);
      }
    }
    return found;
  }
}

/** Whether every match begins at the beginning of the path. */
function isAnchored(node: RegexNode): boolean {
  switch (node.kind) {
    case 'assertion':
      return node.start;
    case 'choice':
      return node.items.every(isAnchored);
    case 'sequence': {
      const first = node.items.find((item) => isAnchored(item) || (item.kind !== 'assertion' && item.kind !== 'lookahead'));
      return first !== undefined && isAnchored(first);
    }
    default:
      return false;
  }
}

function lookaheadsIn(node: RegexNode): RegexNode[] {
  switch (node.kind) {
    case 'lookahead':
      if (holdsLoop(node.body)) throw new ConfigError('a lookahead that repeats something is done anew at every byte');
      return [node.body, ...lookaheadsIn(node.body)];
    case 'sequence':
    case 'choice':
      return node.items.flatMap(lookaheadsIn);
    case 'repeat':
      return lookaheadsIn(node.body);
    default:
      return [];
  }
}

function holdsLoop(node: RegexNode): boolean {
  switch (node.kind) {
    case 'repeat':
      return node.max > 1 || holdsLoop(node.body);
    case 'sequence':
    case 'choice':
      return node.items.some(holdsLoop);
    case 'lookahead':
      return holdsLoop(node.body);
    default:
      return false;
  }
}
