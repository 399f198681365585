// What `fcgi-lb completion` is: apart from what it does, since that needs to know of all commands,
// itself included.

import { some } from '../../config/words.ts';
import { ADMIN_OPTION, HELP_OPTION } from '../admin.ts';
import type { Command } from '../command.ts';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
/** What the scripts ask of the running program. */
export const NAMES = ['upstreams', 'addresses', 'pools'] as const;

export const COMPLETION = {
  name: 'completion',
  summary: 'print what makes a shell complete commands, options and names of upstreams',
  usage: [`fcgi-lb completion ${SHELLS.join('|')}`],
  operands: [{ name: 'SHELL', what: `a shell: ${some(SHELLS)}`, takes: SHELLS }],
  options: [
    { name: 'names', value: NAMES.join('|'), help: 'print names that the running program knows, for the scripts' },
    ADMIN_OPTION,
    HELP_OPTION,
  ],
  about: [
    'bash: fcgi-lb completion bash > ~/.local/share/bash-completion/completions/fcgi-lb, or source <(fcgi-lb completion bash)',
    'zsh: fcgi-lb completion zsh > a file named _fcgi-lb in a directory of $fpath',
    'fish: fcgi-lb completion fish > ~/.config/fish/completions/fcgi-lb.fish',
    'Names of upstreams and pools are asked of the running program, for at most a second.',
  ],
  exit: '0, or 2 when the words make no sense.',
} as const satisfies Command;
