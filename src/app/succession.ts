// The younger side of an upgrade: a process that finds the listening sockets of its predecessor, and takes over when it is ready.

import type { Handover, SocketFile } from '../core/listen.ts';

/** Where the predecessor says what it hands over. Beside it stands Node's own channel, over which the two agree. */
export const SUCCESSION = 'FCGI_LB_SUCCESSION';

/** The first descriptor after the standard streams and the channel. */
export const FIRST_INHERITED_FD = 4;

/** What a change of this would mean is that no upgrade leads from one version to the next. */
const FORMAT = 1;

export type SuccessorMessage = 'ready';
export type PredecessorMessage = 'serve';

/** The part of `process` that is needed, so that a test can be in its place. */
export interface ChildProcessSide {
  readonly ppid: number;
  readonly connected: boolean;
  send?(message: SuccessorMessage): boolean;
  once(event: 'message', listener: (message: unknown) => void): unknown;
  once(event: 'disconnect', listener: () => void): unknown;
  disconnect(): void;
}

export function successionText(parent: number, sockets: readonly Handover[]): string {
  return JSON.stringify({ format: FORMAT, parent, sockets });
}

export class Succession {
  /** The listening sockets of the predecessor, which uses them until this process has said that it is ready. */
  readonly sockets: readonly Handover[];
  readonly #process: ChildProcessSide;
  /** Resolves when the predecessor has left the service to this process, or is gone. */
  readonly #left: Promise<void>;

  constructor(sockets: readonly Handover[], process: ChildProcessSide) {
    this.sockets = sockets;
    this.#process = process;
    this.#left = new Promise((resolve) => {
      process.once('message', (message) => {
        const expected: PredecessorMessage = 'serve';
        if (message === expected) resolve();
      });
      // A predecessor that ends without a word leaves nobody else to serve.
      process.once('disconnect', resolve);
    });
  }

  /** Says that this process serves, and resolves when it does so alone. */
  async ready(): Promise<void> {
    if (this.#process.connected) this.#process.send?.('ready');
    await this.#left;
    if (this.#process.connected) this.#process.disconnect();
  }
}

/**
 * What the predecessor handed over; undefined when there is none. The variable is removed.
 * @param environment changed in place
 * @throws Error when the predecessor speaks of it in a way that this version does not know
 */
export function takeSuccession(environment: NodeJS.ProcessEnv, process: ChildProcessSide): Succession | undefined {
  const text = environment[SUCCESSION];
  delete environment[SUCCESSION];
  if (text === undefined) return undefined;
  const { format, parent, sockets } = JSON.parse(text) as Readonly<Record<string, unknown>>;
  // Left over in the environment of a process that somebody else started.
  if (parent !== process.ppid || process.send === undefined) return undefined;
  if (format !== FORMAT || !Array.isArray(sockets)) {
    throw new Error(`this version cannot take over from the running one (format ${format}, expected ${FORMAT}): restart instead`);
  }
  return new Succession(sockets.map(handoverOf), process);
}

function handoverOf(raw: Readonly<Record<string, unknown>>): Handover {
  const { fd, asked, text, fdName, file } = raw;
  if (typeof fd !== 'number' || typeof asked !== 'string' || typeof text !== 'string')
    throw new Error(`${SUCCESSION} is damaged`);
  return { fd, asked, text, fdName: typeof fdName === 'string' ? fdName : undefined, file: file as SocketFile | undefined };
}
