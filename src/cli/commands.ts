// All commands, in the order in which they are listed: for the man page, completion and the tests
// of the documentation.

import { ALERT_TEST } from './alert-test.ts';
import { CHECK } from './check.ts';
import type { Command } from './command.ts';
import { COMPLETION } from './completion/completion-command.ts';
import { DRAIN } from './drain.ts';
import { SERVE_OPTIONS } from './options/table.ts';
import { RELOAD } from './reload.ts';
import { STATUS } from './status.ts';
import { TOP } from './top.ts';
import { UNITS } from './units.ts';
import { UPGRADE } from './upgrade.ts';
import { UPSTREAM_COMMANDS } from './upstream-commands.ts';

const SERVE: Command = {
  name: 'serve',
  summary: 'serve; also without the word',
  usage: ["fcgi-lb [serve] --upstream '/run/rt*.sock' [options]", 'fcgi-lb [serve] --config fcgi-lb.yaml [options]'],
  options: SERVE_OPTIONS,
  about: ['Takes HTTP requests and gives each to a FastCGI worker that is free.'],
  exit: '0 after a graceful stop, 1 when it cannot run, 2 when an option or the configuration makes no sense.',
};

export const ALL_COMMANDS: readonly Command[] = [
  SERVE,
  CHECK,
  STATUS,
  TOP,
  DRAIN,
  ...UPSTREAM_COMMANDS,
  RELOAD,
  UPGRADE,
  ALERT_TEST,
  UNITS,
  COMPLETION,
];
