// The script that makes zsh complete our commands.

import type { Command } from '../command.ts';
import type { Option } from '../options/table.ts';
import { type Candidates, candidatesFor, candidatesOf } from './candidates.ts';

export function zshCompletion(commands: readonly Command[]): string {
  return `#compdef fcgi-lb
# Completion of fcgi-lb for zsh, made by: fcgi-lb completion zsh

_fcgi_lb_names() {
  local kind=$1 admin=() names=()
  [[ $kind == upstreams && $PREFIX == */* ]] && kind=addresses
  local at=\${words[(I)--admin]}
  (( at > 0 )) && admin=(--admin "\${(Q)words[at + 1]}")
  names=("\${(@f)$(timeout 3 \${(Q)_fcgi_lb_program} completion --names $kind $admin </dev/null 2>/dev/null)}")
  (( \${#\${names:#}} > 0 )) && compadd -- "\${(@)names:#}"
}

_fcgi_lb_commands() {
  local commands=(
${commands.map(({ name, summary }) => `    ${quoted(`${name}:${escaped(summary, ':')}`)}`).join('\n')}
  )
  _describe -t commands command commands
}

_fcgi-lb() {
  local _fcgi_lb_program=$words[1] command=serve
  if (( CURRENT == 2 )) && [[ $words[2] != -* ]]; then
    _fcgi_lb_commands
    return
  fi
  case $words[2] in
    ${commands.map(({ name }) => name).join(' | ')})
      command=$words[2]
      shift words
      (( CURRENT-- ))
      ;;
  esac
  case $command in
${commands.map(commandCase).join('\n')}
  esac
}

# Read by compinit from a file it is the function itself; sourced it has to be made known.
if [[ $funcstack[1] == _fcgi-lb ]]; then _fcgi-lb "$@"; else compdef _fcgi-lb fcgi-lb; fi
`;
}

function commandCase({ name, options, operands = [] }: Command): string {
  const specs = [
    ...options.map(optionSpec),
    ...operands.map((operand, index) =>
      quoted(`${index + 1}:${escaped(operand.name, ':')}:${action(candidatesOf(operand.takes))}`),
    ),
  ];
  return `    ${name})\n      _arguments \\\n${specs.map((spec) => `        ${spec}`).join(' \\\n')}\n      ;;`;
}

function optionSpec(option: Option): string {
  const { name, help, repeatable, words, value = '' } = option;
  const offer = candidatesFor(option);
  const start = `${repeatable ? '*' : ''}--${name}${offer === undefined ? '' : '='}[${escaped(help, '[]')}]`;
  if (offer === undefined) return quoted(start);
  // Every word up to the next option.
  const many = words ? '*-*:' : '';
  return quoted(`${start}:${many}${escaped(value, ':')}:${action(offer)}`);
}

function action({ words, paths, names }: Candidates): string {
  const files = paths === 'directory' ? '_files -/' : '_files';
  // After a space it is called as it is written, without arguments of _arguments' own.
  if (names !== undefined) return ` _fcgi_lb_names ${names}s`;
  const list = words.map((word) => escaped(word, ':')).join(' ');
  if (paths !== undefined) return words.length === 0 ? files : `{ compadd -- ${words.join(' ')}; ${files} }`;
  return words.length === 0 ? ' ' : `(${list})`;
}

function escaped(text: string, characters: string): string {
  return [...text]
    .map((character) => (character === '\\' || characters.includes(character) ? `\\${character}` : character))
    .join('');
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
