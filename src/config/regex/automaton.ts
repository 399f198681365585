// The automaton of a regular expression (Glushkov): one state for each atom, and every way from one
// to the next counted.

import { ALL_BYTES, type Bytes, type RegexNode } from './parse.ts';

/** Atoms, copies of repeated ones included, of which more are not looked at. */
const MAX_STATES = 250;
/**
 * Counts up to which copies are made of what is counted; beyond, or as the second choice, a count
 * is taken for "any number".
 */
const MAX_COPIES = 16;

/** How often a state comes up in one place: 1, or 2 for more. */
type Ways = Map<number, number>;

/** Invariant: state 0 is where every match begins; it is entered by no byte. */
export interface Automaton {
  /** The bytes that lead into a state. */
  readonly bytes: readonly Bytes[];
  /** The states that follow each state, and by how many ways. */
  readonly next: readonly (readonly { readonly state: number; readonly ways: number }[])[];
}

interface Fragment {
  readonly first: Ways;
  readonly last: Ways;
  /** Ways to match nothing. */
  readonly empty: number;
}

const NOTHING: Fragment = { first: new Map(), last: new Map(), empty: 1 };

/**
 * Assertions are taken to hold always, so there may be more ways through the automaton than the
 * expression has, never fewer.
 * @param counts whether counted repetitions are copied out or taken for unlimited ones
 * @returns undefined when it would be too large
 */
export function automatonOf(tree: RegexNode, anchored: boolean, counts: 'copied' | 'unlimited'): Automaton | undefined {
  const builder = new Builder(counts);
  // Without `^` the search begins anew at every byte: as if anything might come first.
  const anywhere: RegexNode = { kind: 'repeat', body: { kind: 'bytes', bytes: ALL_BYTES }, min: 0, max: Infinity };
  return builder.build(anchored ? tree : { kind: 'sequence', items: [anywhere, tree] });
}

class Builder {
  readonly #counts: 'copied' | 'unlimited';
  readonly #bytes: Bytes[] = [0n];
  readonly #next: Ways[] = [new Map()];
  #tooLarge = false;

  constructor(counts: 'copied' | 'unlimited') {
    this.#counts = counts;
  }

  build(tree: RegexNode): Automaton | undefined {
    const whole = this.#fragment(tree);
    this.#connect(new Map([[0, 1]]), whole.first);
    if (this.#tooLarge) return undefined;
    return { bytes: this.#bytes, next: this.#next.map((ways) => [...ways].map(([state, count]) => ({ state, ways: count }))) };
  }

  #fragment(node: RegexNode): Fragment {
    switch (node.kind) {
      case 'bytes': {
        const state = this.#bytes.length;
        this.#tooLarge ||= state > MAX_STATES;
        if (this.#tooLarge) return NOTHING;
        this.#bytes.push(node.bytes);
        this.#next.push(new Map());
        return { first: new Map([[state, 1]]), last: new Map([[state, 1]]), empty: 0 };
      }
      case 'assertion':
      case 'lookahead':
        return NOTHING;
      case 'sequence':
        return node.items.reduce((before, item) => this.#append(before, this.#fragment(item)), NOTHING);
      case 'choice': {
        const parts = node.items.map((item) => this.#fragment(item));
        return {
          first: united(parts.map(({ first }) => [first, 1])),
          last: united(parts.map(({ last }) => [last, 1])),
          empty: parts.reduce((sum, { empty }) => sum + empty, 0),
        };
      }
      case 'repeat':
        return this.#repeat(node);
    }
  }

  #repeat({ body, min, max }: Extract<RegexNode, { kind: 'repeat' }>): Fragment {
    if (max <= 1) {
      const once = this.#fragment(body);
      return max === 0 ? NOTHING : { ...once, empty: once.empty + (min === 0 ? 1 : 0) };
    }
    const copies = max === Infinity ? min : max;
    if (this.#counts === 'copied' && copies > 1 && copies <= MAX_COPIES) {
      const rest: RegexNode[] = max === Infinity ? [{ kind: 'repeat', body, min: 0, max }] : [];
      let tail: RegexNode | undefined;
      // x(x(x)?)?, not x?x?x?: the engine counts, and does not try which of the copies to leave
      // out.
      for (let left = max === Infinity ? 0 : max - min; left > 0; left -= 1) {
        tail = { kind: 'repeat', body: { kind: 'sequence', items: tail === undefined ? [body] : [body, tail] }, min: 0, max: 1 };
      }
      const items = [...Array.from({ length: min }, () => body), ...rest, ...(tail === undefined ? [] : [tail])];
      return this.#fragment({ kind: 'sequence', items });
    }
    const once = this.#fragment(body);
    this.#connect(once.last, once.first);
    return { ...once, empty: once.empty + (min === 0 ? 1 : 0) };
  }

  #append(before: Fragment, after: Fragment): Fragment {
    this.#connect(before.last, after.first);
    return {
      first: united([
        [before.first, 1],
        [after.first, before.empty],
      ]),
      last: united([
        [after.last, 1],
        [before.last, after.empty],
      ]),
      empty: Math.min(2, before.empty * after.empty),
    };
  }

  #connect(from: Ways, to: Ways): void {
    for (const [state, ways] of from) {
      const next = this.#next[state];
      for (const [other, more] of to) next?.set(other, Math.min(2, (next.get(other) ?? 0) + ways * more));
    }
  }
}

function united(parts: readonly (readonly [ways: Ways, times: number])[]): Ways {
  const all: Ways = new Map();
  for (const [ways, times] of parts) {
    if (times === 0) continue;
    for (const [state, count] of ways) all.set(state, Math.min(2, (all.get(state) ?? 0) + count * times));
  }
  return all;
}
