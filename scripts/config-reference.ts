// What is made of the schema of the configuration file: the schema for editors, and the reference
// in the documentation.

import { formOf, type Shape, shapeOf } from '../src/config/schema/build.ts';
import { expected } from '../src/config/schema/describe.ts';
import { FILE } from '../src/config/schema/file.ts';

/** Keywords that only fcgi-lb understands. */
const OWN_KEYWORDS = ['label', 'text', 'option', 'otherwise', 'keyName', 'keyLabel', 'template'];

/**
 * config/schema.json: JSON Schema (draft 7, which editors know), with descriptions for completion.
 */
export function editorSchema(): string {
  // The functions that read values are no JSON, and stay behind.
  const schema: unknown = JSON.parse(JSON.stringify(FILE, (key, value) => (OWN_KEYWORDS.includes(key) ? undefined : value)));
  const head = { $schema: 'http://json-schema.org/draft-07/schema#', title: 'fcgi-lb' };
  return `${JSON.stringify({ ...head, ...(schema as object) }, null, 2)}\n`;
}

interface Section {
  readonly path: string;
  readonly shape: Shape;
}

/** The reference: a table for each map, from the top down. */
export function reference(): string {
  return sectionsOf('', shapeOf(FILE)).map(sectionText).join('\n');
}

/** The maps with fixed keys at and below a path, in the order of the schema. */
function sectionsOf(path: string, shape: Shape): Section[] {
  switch (formOf(shape)) {
    case 'value':
      return [];
    case 'list':
      return shape.items === undefined ? [] : sectionsOf(`${path}[]`, shape.items);
    case 'either':
      return (shape.anyOf ?? []).flatMap((variant) => sectionsOf(path, variant));
    case 'map': {
      const { properties, additionalProperties: item } = shape;
      if (properties === undefined) return item ? sectionsOf(`${path}.${shape.keyName}`, item) : [];
      const inner = Object.entries(properties).flatMap(([key, property]) =>
        sectionsOf(path === '' ? key : `${path}.${key}`, property),
      );
      return [{ path, shape }, ...inner];
    }
  }
}

function sectionText({ path, shape }: Section): string {
  const rows = Object.entries(shape.properties ?? {}).map(([key, property]) => {
    const name = shape.required?.includes(key) ? `\`${key}\` (needed)` : `\`${key}\``;
    const cells = [name, valueText(property), defaultText(property), property.description ?? ''];
    return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  });
  const title = path === '' ? '### The top' : `### \`${path}\``;
  const head = path === '' ? [] : [sentence(shape.description ?? ''), ''];
  return [title, '', ...head, '| key | value | default | meaning |', '|---|---|---|---|', ...rows, ''].join('\n');
}

function valueText(shape: Shape): string {
  switch (formOf(shape)) {
    case 'value':
      return shape.label ?? '';
    case 'list':
      return formOf(shape.items ?? {}) === 'value' ? expected(shape) : 'a list';
    case 'map':
      return 'a map';
    case 'either':
      return (shape.anyOf ?? [])
        .map((variant, index) => (index > 0 && variant.items ? 'a list of them' : valueText(variant)))
        .join(', or ');
  }
}

function defaultText({ default: preset, otherwise }: Shape): string {
  if (preset === undefined) return otherwise ?? '';
  if (preset === '') return '`""`';
  return `\`${Array.isArray(preset) ? `[${preset.join(', ')}]` : String(preset)}\``;
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

const BEGIN = '<!-- reference: made by `npm run generate` from src/config/schema -->\n';
const END = '<!-- end of the reference -->\n';

/**
 * The documentation with its reference made anew.
 * @throws Error when the document has no place for it
 */
export function withReference(document: string): string {
  const [begin, end] = [document.indexOf(BEGIN), document.indexOf(END)];
  if (begin === -1 || end === -1) throw new Error(`docs/configuration.md needs the lines ${BEGIN} and ${END}`);
  return `${document.slice(0, begin + BEGIN.length)}\n${reference()}\n${document.slice(end)}`;
}
