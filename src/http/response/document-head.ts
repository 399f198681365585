// The head of a response as it goes to the client, whichever upstream or route it comes from.

export interface DocumentHead {
  readonly kind: 'document';
  readonly status: number;
  /** Empty when the worker gave none. */
  readonly reason: string;
  /** Names and values in turn, for the client. Byte strings. */
  readonly headers: readonly string[];
  /** Content-Length as the worker announced it. */
  readonly length: number | undefined;
  /** The worker streams: pass everything on at once and put nothing on disk. */
  readonly streaming: boolean;
  /** Sent once the worker has finished, in place of the body that it sends. */
  readonly instead?: Buffer;
}
