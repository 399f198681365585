// The script that makes bash complete our commands.

import type { Command } from '../command.ts';
import { type Candidates, candidatesFor, candidatesOf } from './candidates.ts';

export function bashCompletion(commands: readonly Command[]): string {
  return `# Completion of fcgi-lb for bash, made by: fcgi-lb completion bash

# What the value of an option is: flag, none (nothing to offer), or words, and file, directory, upstream or pool.
_fcgi_lb_offer() {
  case $1 in
${commands.flatMap(offerCases).join('\n')}
    *) offer=flag ;;
  esac
}

_fcgi_lb_options() {
  case $1 in
${commands.map(({ name, options }) => `    ${name}) options='${options.map((option) => `--${option.name}`).join(' ')}' ;;`).join('\n')}
  esac
}

# What is said twice only where that means something.
_fcgi_lb_repeatable=' ${repeatable(commands).join(' ')} '

# Adds those of the lines that begin with what is there already.
_fcgi_lb_add() {
  local line
  while IFS= read -r line; do
    [[ $line == "$value"* ]] && found+=("$line")
  done
}

_fcgi_lb_names() {
  timeout 3 "\${words[0]}" completion --names "$1" \${admin:+--admin "$admin"} </dev/null 2>/dev/null
}

_fcgi_lb_complete_value() {
  local kind path before
  for kind in $1; do
    case $kind in
      none | flag) ;;
      file | directory)
        before=
        [[ $value == *unix:* ]] && before=\${value%%unix:*}unix:
        compopt -o filenames 2>/dev/null
        while IFS= read -r path; do found+=("$before$path"); done < <(compgen "-\${kind:0:1}" -- "\${value#"$before"}")
        ;;
      upstream)
        if [[ $value == */* ]]; then _fcgi_lb_add < <(_fcgi_lb_names addresses); else _fcgi_lb_add < <(_fcgi_lb_names upstreams); fi
        ;;
      pool) _fcgi_lb_add < <(_fcgi_lb_names pools) ;;
      =*) _fcgi_lb_add <<<"\${kind#=}" ;;
    esac
  done
}

_fcgi_lb() {
  local words=() found=() command=serve first=1 operand=0 many='' pending='' offer options value admin='' i word rest trimmed given=' '
  # Bash takes words apart at = and : as well: what stands together in the line belongs together.
  rest=\${COMP_LINE:0:COMP_POINT}
  for ((i = 0; i <= COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    trimmed=\${rest#"\${rest%%[![:space:]]*}"}
    ((i == COMP_CWORD)) && word=$trimmed
    if ((i > 0)) && [[ $trimmed == "$rest" ]]; then words[\${#words[@]} - 1]+=$word; else words+=("$word"); fi
    rest=\${trimmed#"$word"}
  done
  local last=$((\${#words[@]} - 1)) cur=\${words[\${#words[@]} - 1]}
  if ((last > 1)); then
    case \${words[1]} in
      ${commands.map(({ name }) => name).join(' | ')}) command=\${words[1]} first=2 ;;
    esac
  fi
  for ((i = first; i < last; i++)); do
    word=\${words[i]}
    if [[ -n $pending && ! ($many && $word == --*) ]]; then
      [[ $pending == --admin ]] && admin=$word
      [[ $many ]] || pending=
      continue
    fi
    pending= many=
    case $word in
      --*=*)
        given+="\${word%%=*} "
        [[ $word == --admin=* ]] && admin=\${word#*=}
        ;;
      --*)
        given+="$word "
        _fcgi_lb_offer "$command $word"
        [[ $offer == flag ]] || pending=$word
        [[ "$command $word" == ${manyPattern(commands)} ]] && many=yes
        ;;
      *) operand=$((operand + 1)) ;;
    esac
  done
  value=$cur
  if [[ -n $pending && ! ($many && $cur == --*) ]]; then
    _fcgi_lb_offer "$command $pending"
    _fcgi_lb_complete_value "$offer"
  elif [[ $cur == --*=* ]]; then
    value=\${cur#*=}
    _fcgi_lb_offer "$command \${cur%%=*}"
    _fcgi_lb_complete_value "$offer"
    found=("\${found[@]/#/\${cur%%=*}=}")
  elif [[ $cur == -* ]]; then
    _fcgi_lb_options "$command"
    for word in $options; do
      [[ $word == "$cur"* && ($given != *" $word "* || $_fcgi_lb_repeatable == *" $word "*) ]] && found+=("$word")
    done
  else
    ((last == 1)) && _fcgi_lb_add <<<'${commands.map(({ name }) => name).join('\n')}'
    _fcgi_lb_offer "$command operand $operand"
    _fcgi_lb_complete_value "$offer"
  fi
  # What bash replaces begins after the last of the characters at which it takes words apart.
  local cut=''
  [[ $COMP_WORDBREAKS == *:* && $cur == *:* ]] && cut=\${cur%"\${cur##*:}"}
  if [[ $COMP_WORDBREAKS == *=* && $cur == *=* ]]; then
    word=\${cur%"\${cur##*=}"}
    ((\${#word} > \${#cut})) && cut=$word
  fi
  COMPREPLY=("\${found[@]#"$cut"}")
  # More is to be written after these.
  [[ \${#found[@]} -eq 1 && \${found[0]} == *: ]] && compopt -o nospace 2>/dev/null
  return 0
}

complete -F _fcgi_lb fcgi-lb
`;
}

function offerCases({ name, options, operands = [] }: Command): readonly string[] {
  return [
    ...options.flatMap((option) => {
      const offer = candidatesFor(option);
      return offer === undefined ? [] : [`    '${name} --${option.name}') offer='${kinds(offer)}' ;;`];
    }),
    ...operands.map((operand, index) => `    '${name} operand ${index}') offer='${kinds(candidatesOf(operand.takes))}' ;;`),
  ];
}

function kinds({ words, paths, names }: Candidates): string {
  const found = [...words.map((word) => `=${word}`), paths, names].filter((kind) => kind !== undefined);
  return found.length === 0 ? 'none' : found.join(' ');
}

function repeatable(commands: readonly Command[]): readonly string[] {
  const names = commands.flatMap(({ options }) => options.flatMap((option) => (option.repeatable ? [`--${option.name}`] : [])));
  return [...new Set(names)];
}

/** Options that take every word up to the next option. */
function manyPattern(commands: readonly Command[]): string {
  const found = commands.flatMap(({ name, options }) =>
    options.flatMap((option) => (option.words ? [`"${name} --${option.name}"`] : [])),
  );
  return `@(${found.join('|')})`;
}
