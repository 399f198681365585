// The port by which the service manager is notified, and the notifier where there is no manager.

export interface Notifier {
  /** The start, or a reload, is complete. */
  ready(status: string): void;
  /** A reload has begun; `ready` ends it. */
  reloading(): void;
  /** The program has begun to end. */
  stopping(status: string): void;
  /** One line for `systemctl status`. */
  status(text: string): void;
  /**
   * Another process is the service from now on.
   * @returns false when the service manager could not be reached: it will take the end of this
   *   process for the end of the service
   */
  mainPid(pid: number): Promise<boolean>;
  /**
   * The variables a new process needs to be a notifier itself: they are no longer in this process's
   * environment.
   */
  readonly environment: Readonly<Record<string, string>>;
  /** Says nothing more, and resolves when what was said has been sent. */
  end(): Promise<void>;
}

const nothing = (): void => undefined;

export const silentNotifier: Notifier = {
  ready: nothing,
  reloading: nothing,
  stopping: nothing,
  status: nothing,
  mainPid: () => Promise.resolve(true),
  environment: {},
  end: () => Promise.resolve(),
};
