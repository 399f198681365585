// `fcgi-lb status`: what the running program does, for eyes, or as JSON.

import type { PoolStatus, Status, UpstreamStatus } from '../admin/status.ts';
import { escapeControls } from '../core/escape.ts';
import { ADMIN_OPTION, adminClient, askStatus, HELP_OPTION } from './admin.ts';
import { type Command, readCommand } from './command.ts';

export const STATUS = {
  name: 'status',
  summary: 'show what the running program does',
  options: [{ name: 'json', help: 'the answer of GET /status as it is' }, ADMIN_OPTION, HELP_OPTION],
  about: ['Shows each pool with its queue, and each upstream with its state, since when and why.'],
  exit: '0 when the program answers, whatever its state; 1 when it does not, 2 when the options make no sense.',
} as const satisfies Command;

/** @throws ConfigError when the words make no sense; AdminError when the program cannot be asked */
export async function status(words: readonly string[]): Promise<0> {
  const read = readCommand(words, STATUS);
  if (read === undefined) return 0;
  const answer = await askStatus(adminClient(read.options, 'status'));
  process.stdout.write(read.options.has('json') ? `${JSON.stringify(answer, null, 2)}\n` : statusText(answer));
  return 0;
}

/** For eyes; scripts take the JSON. */
export function statusText(answer: Status): string {
  const { version, pid, generation, ready, reasons, reload, pools, stopping } = answer;
  const state = stopping ? 'stopping' : ready ? 'ready' : `not ready: ${reasons.join('; ')}`;
  const lines = [`fcgi-lb ${version}, pid ${pid}, up ${span(answer.uptime_seconds)}, generation ${generation}: ${state}`];
  if (reload?.result === 'bad') {
    lines.push(
      `the latest reload failed at ${reload.at} and changed nothing:`,
      ...reload.problems.map((problem) => `  ${problem}`),
    );
  }
  for (const pool of pools) lines.push('', ...poolLines(pool));
  // Reasons quote what workers said.
  return `${lines.map(escapeControls).join('\n')}\n`;
}

function poolLines({ name, leaving, queue, upstreams }: PoolStatus): readonly string[] {
  const left = leaving ? ' (has left the configuration)' : '';
  const head = `pool ${name}${left}: ${queue.waiting} waiting (at most ${queue.size})`;
  if (upstreams.length === 0) return [head, '  no upstream'];
  const rows = upstreams.map(row);
  const widths = [0, 1, 2, 3].map((column) => Math.max(...rows.map((cells) => cells[column]?.length ?? 0)));
  return [
    head,
    ...rows.map((cells) => `  ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}`.trimEnd()),
  ];
}

function row({ name, leaving, state, activity, capacity, in_flight }: UpstreamStatus): readonly string[] {
  const slots = `${in_flight}/${capacity === 'unlimited' ? 'unlimited' : (capacity ?? '?')}`;
  return [name, leaving ? 'leaving' : state.is, activity.is, slots, `${state.is} since ${state.since}: ${state.reason}`];
}

function span(seconds: number): string {
  const whole = Math.floor(seconds);
  const [days, hours, minutes] = [Math.floor(whole / 86_400), Math.floor(whole / 3600) % 24, Math.floor(whole / 60) % 60];
  if (days > 0) return `${days}d ${hours}h`;
  if (hours > 0) return `${hours}h ${minutes}m`;
  return minutes > 0 ? `${minutes}m ${whole % 60}s` : `${whole}s`;
}
