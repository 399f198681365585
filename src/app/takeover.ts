// The younger side of an upgrade: a process that finds the listening sockets of its predecessor,
// and takes over when it is ready.

import { closeSync, fstatSync, readFileSync } from 'node:fs';
import type { InheritedSocket } from '../listen/bind.ts';
import type { SocketFile } from '../listen/socket-file.ts';
import { type HandoverState, readHandoverState } from '../roster/handover-state.ts';

/**
 * Where the predecessor says what it hands over. Beside it stands Node's own channel, over which
 * the two agree.
 */
export const TAKEOVER_VARIABLE = 'FCGI_LB_SUCCESSION';

/**
 * After the standard streams and the channel: a pipe for what no environment may hold, since other
 * programs are shown that.
 */
export const HANDOVER_STATE_FD = 4;
/** From here on the listening sockets. */
export const FIRST_INHERITED_FD = 5;

/** What a change of this would mean is that no upgrade leads from one version to the next. */
const FORMAT = 3;

/**
 * `ready`: it serves beside its predecessor. `serving`: it has heard that it is to serve alone, and
 * lives.
 */
export type SuccessorMessage = 'ready' | 'serving';
export type PredecessorMessage = 'serve';

/** A socket, and the number by which the kernel tells it from every other. */
export interface NumberedSocket extends InheritedSocket {
  readonly inode: number;
}

/** The part of `process` that is needed, so that a test can be in its place. */
export interface ChildProcessSide {
  readonly ppid: number;
  readonly connected: boolean;
  send?(message: SuccessorMessage, sent: () => void): boolean;
  once(event: 'message', listener: (message: unknown) => void): unknown;
  once(event: 'disconnect', listener: () => void): unknown;
  disconnect(): void;
}

/** What is behind descriptors. */
export interface Descriptors {
  /** The number of the socket; undefined when it is none. */
  inodeOf(fd: number): number | undefined;
  /**
   * All that is written into a pipe until its other end is closed. The descriptor is closed as
   * well.
   */
  textOf(fd: number): string;
}

export const descriptors: Descriptors = {
  inodeOf: (fd) => {
    try {
      const found = fstatSync(fd);
      return found.isSocket() ? found.ino : undefined;
    } catch {
      return undefined;
    }
  },
  textOf: (fd) => {
    try {
      return readFileSync(fd, 'utf8');
    } finally {
      closeSync(fd);
    }
  },
};

export function takeoverText(parent: number, sockets: readonly NumberedSocket[]): string {
  return JSON.stringify({ format: FORMAT, parent, sockets });
}

export class Takeover {
  /**
   * The listening sockets of the predecessor, which uses them until this process has said that it
   * is ready.
   */
  readonly sockets: readonly InheritedSocket[];
  readonly handoverState: HandoverState;
  readonly #process: ChildProcessSide;
  /** Resolves when the predecessor has left the service to this process, or is gone. */
  readonly #left: Promise<void>;

  constructor(sockets: readonly InheritedSocket[], heritage: HandoverState, process: ChildProcessSide) {
    this.sockets = sockets;
    this.handoverState = heritage;
    this.#process = process;
    this.#left = new Promise((resolve) => {
      process.once('message', (message) => {
        const expected: PredecessorMessage = 'serve';
        if (message === expected) resolve();
      });
      // A predecessor that ends without a word leaves nobody else to serve.
      process.once('disconnect', resolve);
      if (!process.connected) resolve();
    });
  }

  /** Says that this process serves, and resolves when it does so alone. */
  async ready(): Promise<void> {
    await this.#say('ready');
    await this.#left;
    await this.#say('serving');
    if (this.#process.connected) this.#process.disconnect();
  }

  /** Resolves when it has gone out, or there is nobody to hear it. */
  async #say(message: SuccessorMessage): Promise<void> {
    if (this.#process.connected) await new Promise<void>((resolve) => void this.#process.send?.(message, resolve));
  }
}

/**
 * What the predecessor handed over; undefined when there is none. The variable is removed.
 *
 * It is not the parent's pid that shows whose the text is: a predecessor may be killed while this
 * process is still being loaded, and then nobody but this one holds the sockets. A process that has
 * these very sockets under these numbers has them from whom the text is from; one that found the
 * text left over in its environment has not.
 * @param environment changed in place
 * @throws Error when the predecessor speaks of it in a way that this version does not know
 */
export function takeTakeover(
  environment: NodeJS.ProcessEnv,
  process: ChildProcessSide,
  { inodeOf, textOf }: Descriptors = descriptors,
): Takeover | undefined {
  const text = environment[TAKEOVER_VARIABLE];
  delete environment[TAKEOVER_VARIABLE];
  if (text === undefined || process.send === undefined) return undefined;
  const { format, parent, sockets } = JSON.parse(text) as Readonly<Record<string, unknown>>;
  if (format !== FORMAT || !Array.isArray(sockets)) {
    if (parent !== process.ppid) return undefined;
    throw new Error(`this version cannot take over from the running one (format ${format}, expected ${FORMAT}): restart instead`);
  }
  const handed = sockets.map(handedOver);
  if (handed.length === 0 || handed.some(({ fd, inode }) => inodeOf(fd) !== inode)) return undefined;
  return new Takeover(
    handed.map(({ inode: _, ...socket }) => socket),
    readHandoverState(textOf(HANDOVER_STATE_FD)),
    process,
  );
}

function handedOver(raw: Readonly<Record<string, unknown>>): NumberedSocket {
  const { fd, inode, asked, text, fdName, file } = raw;
  if (typeof fd !== 'number' || typeof inode !== 'number' || typeof asked !== 'string' || typeof text !== 'string')
    throw new Error(`${TAKEOVER_VARIABLE} is damaged`);
  const name = typeof fdName === 'string' ? fdName : undefined;
  return { fd, inode, asked, text, fdName: name, file: file as SocketFile | undefined };
}
