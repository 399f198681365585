// The help: of options, and of the program as a whole.

import { FILE_OPTIONS, type Option, SERVE_OPTIONS } from './options/table.ts';

/** One line for each option of a table. */
export function optionRows(table: readonly Option[]): readonly string[] {
  return table.map((option) => {
    const left = `  --${option.name}${option.value === undefined ? '' : ` ${option.value}`}`;
    const preset = option.preset === undefined ? '' : ` (default: ${option.preset})`;
    return `${left.padEnd(32)}${option.help}${preset}`;
  });
}

export function helpText(): string {
  return [
    'fcgi-lb: an HTTP front end and load balancer for FastCGI workers.',
    '',
    "Usage: fcgi-lb [serve] --upstream '/run/rt*.sock' [options]",
    '       fcgi-lb [serve] --config fcgi-lb.yaml [options]',
    '       fcgi-lb check --config fcgi-lb.yaml',
    '       fcgi-lb status | top | drain UPSTREAM | undrain UPSTREAM | enable UPSTREAM | disable UPSTREAM |',
    '               weight UPSTREAM N | reload | upgrade                    talk to the one that runs',
    '       fcgi-lb alert-test                                               try whether alerts arrive',
    '       fcgi-lb units --name rt --exec /opt/rt5/sbin/rt-server.fcgi',
    '       fcgi-lb completion bash | zsh | fish',
    '',
    ...optionRows(SERVE_OPTIONS),
    '',
    `Beside --config: ${FILE_OPTIONS.map((name) => `--${name}`).join(', ')}. They win over the file.`,
    'Times: 500ms, 30s, 5m, 1h. Sizes: bytes, or 64k, 100m, 1g.',
    'Signals: TERM, INT and QUIT stop gracefully, a second one at once; HUP reloads; USR1 reopens the access log;',
    'USR2 starts a successor from the files now on disk and hands everything over to it.',
    'fcgi-lb COMMAND --help says more of a command.',
    '',
  ].join('\n');
}
