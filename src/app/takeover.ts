// The new-process side of an upgrade: finds the listening sockets of the old process, and takes
// over when it is ready.

import { closeSync, fstatSync, readFileSync } from 'node:fs';
import type { InheritedSocket } from '../listen/bind.ts';
import type { SocketFile } from '../listen/socket-file.ts';
import { type HandoverState, readHandoverState } from '../roster/handover-state.ts';

/**
 * The variable that describes what the old process hands over. Beside it stands Node's own channel,
 * over which the two processes agree.
 */
export const TAKEOVER_VARIABLE = 'FCGI_LB_SUCCESSION';

/**
 * After the standard streams and the channel: a pipe for the handover state, which holds a secret;
 * other programs can read an environment.
 */
export const HANDOVER_STATE_FD = 4;
/** From here on the listening sockets. */
export const FIRST_INHERITED_FD = 5;

/** When it changes, there is no upgrade from the version before to the version after. */
const FORMAT = 3;

/**
 * `ready`: it serves beside the old process. `serving`: it has received that it is to serve alone,
 * and lives.
 */
export type NewProcessMessage = 'ready' | 'serving';
export type OldProcessMessage = 'serve';

/** A socket, and the number by which the kernel tells it from every other. */
export interface NumberedSocket extends InheritedSocket {
  readonly inode: number;
}

/** The part of `process` that is needed, so that a test can be in its place. */
export interface ChildProcessSide {
  readonly ppid: number;
  readonly connected: boolean;
  send?(message: NewProcessMessage, sent: () => void): boolean;
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
   * The listening sockets of the old process, which uses them until this process has said that it
   * is ready.
   */
  readonly sockets: readonly InheritedSocket[];
  readonly handoverState: HandoverState;
  readonly #process: ChildProcessSide;
  /** Resolves when the old process has left the service to this one, or is gone. */
  readonly #left: Promise<void>;

  constructor(sockets: readonly InheritedSocket[], handoverState: HandoverState, process: ChildProcessSide) {
    this.sockets = sockets;
    this.handoverState = handoverState;
    this.#process = process;
    this.#left = new Promise((resolve) => {
      process.once('message', (message) => {
        const expected: OldProcessMessage = 'serve';
        if (message === expected) resolve();
      });
      // When the old process ends without a message, only this one is left to serve.
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

  /** Resolves when it has gone out, or the old process is gone. */
  async #say(message: NewProcessMessage): Promise<void> {
    if (this.#process.connected) await new Promise<void>((resolve) => void this.#process.send?.(message, resolve));
  }
}

/**
 * What the old process handed over; undefined when there is none. The variable is removed.
 *
 * Socket inodes are compared, not the parent pid: the old process may be killed while this one is
 * still being loaded. Only the process that inherited these very sockets under these numbers can
 * own this text; one that found it left over in its environment has other descriptors.
 * @param environment changed in place
 * @throws Error when the old process describes it in a format that this version does not know
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
