// The script that makes fish complete our commands.

import type { Command } from '../command.ts';
import { type Candidates, candidatesFor, candidatesOf } from './candidates.ts';

export function fishCompletion(commands: readonly Command[]): string {
  const names = commands.map(({ name }) => name);
  return `# Completion of fcgi-lb for fish, made by: fcgi-lb completion fish

function __fcgi_lb_is --description 'whether the command that is being written is the one named'
    set -l words (commandline --tokenize --cut-at-cursor --current-process)
    set -l command serve
    if set -q words[2]; and contains -- $words[2] ${names.join(' ')}
        set command $words[2]
    end
    test "$command" = "$argv[1]"
end

function __fcgi_lb_begins --description 'whether the command itself is being written'
    test (count (commandline --tokenize --cut-at-cursor --current-process)) -eq 1
end

function __fcgi_lb_operand --description 'whether this command is being written, and so many of its operands are there'
    __fcgi_lb_is $argv[1]; or return 1
    set -l words (commandline --tokenize --cut-at-cursor --current-process)
    set -l count 0
    set -l value no
    for word in $words[3..]
        if test $value = yes
            set value no
        else if string match --quiet -- '--*' $word
            # Whether the next word is its value.
            contains -- "$argv[1] $word" ${flags(commands).join(' ')}; or string match --quiet -- '--*=*' $word; or set value yes
        else
            set count (math $count + 1)
        end
    end
    test $count -eq $argv[2]
end

function __fcgi_lb_names --description 'names that the running program knows'
    set -l words (commandline --tokenize --cut-at-cursor --current-process)
    set -l admin
    if set -l at (contains --index -- --admin $words); and set -q words[(math $at + 1)]
        set admin --admin $words[(math $at + 1)]
    end
    timeout 3 $words[1] completion --names $argv[1] $admin </dev/null 2>/dev/null
end

complete --command fcgi-lb --no-files
${commands.map(({ name, summary }) => `complete --command fcgi-lb --condition __fcgi_lb_begins --arguments ${name} --description ${quoted(summary)}`).join('\n')}
${commands.flatMap(commandLines).join('\n')}
`;
}

function commandLines({ name, options, operands = [] }: Command): readonly string[] {
  return [
    ...options.map((option) => {
      const offer = candidatesFor(option);
      const head = `complete --command fcgi-lb --condition '__fcgi_lb_is ${name}' --long-option ${option.name}`;
      const description = `--description ${quoted(option.help)}`;
      return offer === undefined
        ? `${head} ${description}`
        : `${head} ${offer.paths === 'file' ? '--require-parameter' : '--exclusive'} ${argumentsOf(offer)}${description}`;
    }),
    ...operands.map(({ takes }, index) =>
      `complete --command fcgi-lb --condition '__fcgi_lb_operand ${name} ${index}' ${argumentsOf(candidatesOf(takes))}`.trimEnd(),
    ),
  ];
}

function argumentsOf({ words, paths, names }: Candidates): string {
  if (names === 'pool') return `--arguments '(__fcgi_lb_names pools)' `;
  if (names === 'upstream') return `--arguments '(__fcgi_lb_names upstreams)' `;
  const list = words.length === 0 ? '' : `--arguments ${quoted(words.join(' '))} `;
  if (paths === 'directory') return `${list}--arguments '(__fish_complete_directories)' `;
  return paths === 'file' ? `${list}--force-files ` : list;
}

/** As one word each: the command and an option that takes no value. */
function flags(commands: readonly Command[]): readonly string[] {
  return commands.flatMap(({ name, options }) =>
    options.flatMap((option) => (option.value === undefined ? [quoted(`${name} --${option.name}`)] : [])),
  );
}

function quoted(text: string): string {
  return `'${text.replace(/[\\']/g, '\\$&')}'`;
}
