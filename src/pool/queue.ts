// The one waiting room of a pool: first come, first served, with deadlines, and leaving costs the
// same from anywhere.

/** A place in the queue. Whoever waits keeps it to leave early. */
export interface QueueEntry<T> {
  readonly item: T;
  /**
   * Clock time (ms) at which waiting ends; it also orders the queue, since all wait equally long.
   */
  readonly deadline: number;
  /** Clock time (ms) at which it was taken; 0 when nobody said. */
  readonly since: number;
}

class Node<T> implements QueueEntry<T> {
  readonly item: T;
  readonly deadline: number;
  readonly since: number;
  before: Node<T> | undefined;
  after: Node<T> | undefined;
  waiting = true;

  constructor(item: T, deadline: number, since: number) {
    this.item = item;
    this.deadline = deadline;
    this.since = since;
  }
}

/**
 * Invariants: a doubly linked list ordered by deadline; a place is in it exactly while `waiting`.
 */
export class WaitQueue<T> {
  #first: Node<T> | undefined;
  #last: Node<T> | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get first(): QueueEntry<T> | undefined {
    return this.#first;
  }

  /**
   * The place behind this one; undefined for the last, and for one that is no longer in the queue.
   */
  after(place: QueueEntry<T>): QueueEntry<T> | undefined {
    return place instanceof Node ? place.after : undefined;
  }

  /** Enters at the end: O(1), as deadlines of newcomers are the latest. */
  enter(item: T, deadline: number, since = 0): QueueEntry<T> {
    const node = new Node(item, deadline, since);
    let before = this.#last;
    while (before !== undefined && before.deadline > deadline) before = before.before;
    this.#link(node, before);
    return node;
  }

  /**
   * Enters again, in front of those who came later: a request that found no worker keeps its turn.
   */
  enterAgain(item: T, deadline: number, since = 0): QueueEntry<T> {
    const node = new Node(item, deadline, since);
    let after = this.#first;
    while (after !== undefined && after.deadline < deadline) after = after.after;
    this.#link(node, after === undefined ? this.#last : after.before);
    return node;
  }

  /** Leaves, whoever is first or not: O(1). False when the place is no longer in the queue. */
  leave(place: QueueEntry<T>): boolean {
    if (!(place instanceof Node) || !place.waiting) return false;
    place.waiting = false;
    if (place.before === undefined) this.#first = place.after;
    else place.before.after = place.after;
    if (place.after === undefined) this.#last = place.before;
    else place.after.before = place.before;
    place.before = undefined;
    place.after = undefined;
    this.#size -= 1;
    return true;
  }

  #link(node: Node<T>, before: Node<T> | undefined): void {
    node.before = before;
    node.after = before === undefined ? this.#first : before.after;
    if (node.after === undefined) this.#last = node;
    else node.after.before = node;
    if (before === undefined) this.#first = node;
    else before.after = node;
    this.#size += 1;
  }
}
