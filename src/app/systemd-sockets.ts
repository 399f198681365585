// The listening sockets that systemd passes to the process it starts (sd_listen_fds(3)).

import type { InheritedSocket } from '../listen/bind.ts';

/** systemd numbers what it passes from here on (SD_LISTEN_FDS_START). */
const FIRST_FD = 3;
/** More are a misunderstanding: the kernel would not let systemd open them. */
const MAX_FDS = 4096;

export interface SystemdSockets {
  readonly sockets: readonly InheritedSocket[];
  /** Why there are none, in words that follow "because"; undefined when there are. */
  readonly absent: string | undefined;
}

/**
 * Reads the variables and removes them: what this process starts must not take the numbers for its
 * own.
 * @param environment changed in place
 */
export function takeSystemdSockets(environment: NodeJS.ProcessEnv, pid: number): SystemdSockets {
  const { LISTEN_FDS: count, LISTEN_PID: meant, LISTEN_FDNAMES: names } = environment;
  for (const name of ['LISTEN_FDS', 'LISTEN_PID', 'LISTEN_FDNAMES', 'LISTEN_PIDFDID']) delete environment[name];
  const none = (absent: string): SystemdSockets => ({ sockets: [], absent });
  if (count === undefined || meant === undefined) return none('systemd passed no sockets (LISTEN_FDS is not set)');
  if (meant !== String(pid)) {
    return none(
      `the sockets are meant for process ${meant} (LISTEN_PID) and this is ${pid}; let systemd start node itself, without a shell or npx between`,
    );
  }
  const total = Number(count);
  if (!/^\d+$/.test(count) || total === 0 || total > MAX_FDS) return none(`LISTEN_FDS is '${count}'`);
  const list = names?.split(':') ?? [];
  const sockets = Array.from({ length: total }, (_, index): InheritedSocket => {
    // systemd itself says `unknown` where a name is missing.
    const fdName = (list.length === total ? list[index] : undefined) || 'unknown';
    const text = `systemd:${fdName}`;
    return { fd: FIRST_FD + index, asked: text, text, fdName, file: undefined };
  });
  return { sockets, absent: undefined };
}
