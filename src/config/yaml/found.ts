// The words in which messages say what was found in a file.

import { isMap, isScalar, isSeq, type Node } from 'yaml';

/** Characters of a value that are quoted. */
const SHOWN = 60;

export function found(node: Node | undefined): string {
  if (isMap(node)) return 'a map';
  if (isSeq(node)) return 'a list';
  if (isScalar(node) && node.value !== null) return `'${shortened(String(node.source ?? node.value))}'`;
  return 'nothing';
}

function shortened(text: string): string {
  return text.length <= SHOWN ? text : `${text.slice(0, SHOWN - 3)}...`;
}
