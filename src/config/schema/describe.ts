// The words in which messages speak of what was found and of what is expected.

import { isMap, isScalar, isSeq, type Node } from 'yaml';
import { formOf, type Shape } from './build.ts';

const SHOWN = 60;

export function found(node: Node | undefined): string {
  if (isMap(node)) return 'a map';
  if (isSeq(node)) return 'a list';
  if (isScalar(node) && node.value !== null) return `'${shortened(String(node.source ?? node.value))}'`;
  return 'nothing';
}

export function expected(shape: Shape): string {
  switch (formOf(shape)) {
    case 'value':
      return shape.label ?? 'a value';
    case 'list':
      return shape.items?.label === undefined ? 'a list' : `a list of ${shape.items.label}`;
    case 'map':
      return shape.properties === undefined ? 'a map' : `a map with ${some(Object.keys(shape.properties))}`;
    case 'either':
      return (shape.anyOf ?? [])
        .map((variant, index) => (index > 0 && variant.items ? 'a list of them' : expected(variant)))
        .join(', or ');
  }
}

/** `a, b or c` */
export function some(words: readonly string[]): string {
  return words.join(', ').replace(/, ([^,]*)$/, ' or $1');
}

function shortened(text: string): string {
  return text.length <= SHOWN ? text : `${text.slice(0, SHOWN - 3)}...`;
}
